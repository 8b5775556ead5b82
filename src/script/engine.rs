//! One engine a script: nothing in it but Rhai's own library, the host modules that are granted, and the script's own files.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rhai::packages::{Package, StandardPackage};
use rhai::{AST, Engine, EvalAltResult, FLOAT, INT, ImmutableString, Module, ModuleResolver, ParseError, Position, Scope, Shared};

use super::call::Call;
use super::limits::{Limits, harden};
use crate::error::Result;
use crate::roles::Level;

/// What Rhai itself gives and fails with.
type Evaluated<T> = Result<T, Box<EvalAltResult>>;

/// Rhai's library, built once.
fn library() -> Shared<Module> {
    static LIBRARY: OnceLock<Shared<Module>> = OnceLock::new();
    LIBRARY.get_or_init(|| StandardPackage::new().as_shared_module()).clone()
}

/// An engine with these limits whose imports are these scripts.
pub(super) fn make(limits: &Limits, scripts: Arc<BTreeMap<String, String>>) -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(library());
    harden(&mut engine, limits);
    // Rhai's own `sleep` blocks the thread where no budget can end it.
    let no_sleep = || -> Evaluated<()> { Err("a script cannot sleep".into()) };
    engine.register_fn("sleep", move |_: INT| no_sleep());
    engine.register_fn("sleep", move |_: FLOAT| no_sleep());
    // Rhai's own `replace` makes its text first and measures it then: two texts of 2 MB would make one of 4 TB.
    let most = limits.text;
    engine.register_fn("replace", move |text: &mut ImmutableString, from: ImmutableString, to: ImmutableString| replace(text, &from, &to, most));
    engine.register_fn("replace", move |text: &mut ImmutableString, from: char, to: ImmutableString| replace(text, from.encode_utf8(&mut [0; 4]), &to, most));
    engine.on_print(|text| Call::tell(Level::Detail, text));
    engine.on_debug(|text, _, _| Call::tell(Level::Debug, text));
    engine.set_module_resolver(Own { scripts, loaded: Mutex::default() });
    engine
}

/// Replaces within a text, where what comes out is not longer than a text may be.
fn replace(text: &mut ImmutableString, from: &str, to: &str, most: usize) -> Evaluated<()> {
    let times = text.matches(from).count();
    let grown = to.len().saturating_sub(from.len()).saturating_mul(times).saturating_add(text.len());
    if grown > most {
        return Err(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), Position::NONE).into());
    }
    *text = text.replace(from, to).into();
    Ok(())
}

/// A script's syntax, for what is read of it before it is loaded.
pub(super) fn parse(text: &str) -> Result<Result<AST, ParseError>> {
    static PLAIN: OnceLock<Engine> = OnceLock::new();
    let text = text.to_owned();
    super::crew::run(move || {
        let engine = PLAIN.get_or_init(|| {
            let mut engine = Engine::new_raw();
            harden(&mut engine, &Limits::default());
            engine.set_strict_variables(false);
            engine
        });
        Ok(engine.compile(text))
    })
}

/// The scripts that a text may import, as far as it names them in quotes.
pub(super) fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("import") {
        let rest = text[at + word.len()..].trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '`')) else { continue };
        if let Some((name, _)) = rest[1..].split_once(quote) {
            found.extend(file_of(name));
        }
    }
    found
}

/// The file that an import names; `None` for one outside the extension's folder.
fn file_of(name: &str) -> Option<String> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let file = if name.ends_with(".rhai") { name.to_owned() } else { format!("{name}.rhai") };
    crate::sys::fs::beneath::check_relative(&file).ok().filter(|()| !file.contains('\\')).map(|()| file)
}

/// Imports: the extension's own scripts, as they were read when it was loaded.
struct Own {
    scripts: Arc<BTreeMap<String, String>>,
    loaded: Mutex<HashMap<String, Shared<Module>>>,
}

thread_local! {
    /// The files that are being imported on this thread, each by the one before.
    static IMPORTING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl ModuleResolver for Own {
    fn resolve(&self, engine: &Engine, _: Option<&str>, path: &str, position: Position) -> Evaluated<Shared<Module>> {
        let refuse = |why: &str| Err(EvalAltResult::ErrorRuntime(format!("`{}` cannot be imported: {why}", path.escape_debug()).into(), position).into());
        let Some(file) = file_of(path) else { return refuse("an extension imports from its own folder only") };
        let Some(text) = self.scripts.get(&file) else {
            return refuse("there is no such script in the extension's folder, or its name is not written out in quotes");
        };
        if let Some(module) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&file) {
            return Ok(module.clone());
        }
        if IMPORTING.with_borrow(|files| files.contains(&file)) {
            return refuse("it imports itself, directly or through others");
        }
        IMPORTING.with_borrow_mut(|files| files.push(file.clone()));
        let made = load(engine, &file, text);
        IMPORTING.with_borrow_mut(Vec::pop);
        let module: Shared<Module> = made.map_err(|error| Box::new(EvalAltResult::ErrorInModule(file.clone(), error, position)))?.into();
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(file, module.clone());
        Ok(module)
    }
}

fn load(engine: &Engine, file: &str, text: &str) -> Evaluated<Module> {
    let mut ast = engine.compile(text).map_err(|error| Box::new(EvalAltResult::ErrorParsing(*error.0, error.1)))?;
    ast.set_source(file);
    let mut module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
    module.set_id(file);
    Ok(module)
}
