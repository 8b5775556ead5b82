//! A script, loaded: compiled with what it is granted, its functions known and their parameters counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, FnAccess, Scope};

use super::call::{Call, Parts};
use super::grants::{Allowed, Kind};
use super::limits::{Clock, Guard, Limits};
use super::source::Source;
use super::value::{from_script, to_script};
use super::watch::Watch;
use super::{answers, crew, engine, failure, host};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::roles::wire::{Inner, Role};

use super::instance::Facts;

/// A script that can be called. Cheap to share; belongs to no context.
pub struct Script {
    pub(super) source: Source,
    pub(super) allowed: Allowed,
    pub(super) limits: Limits,
    engine: Engine,
    ast: AST,
    /// Public functions with their numbers of parameters.
    functions: BTreeMap<String, Vec<usize>>,
    /// Whether functions look at what the top level makes (`global::`, imports): then it is run before each.
    top: bool,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("name", &self.source.name).finish_non_exhaustive()
    }
}

impl Script {
    /// Compiles a script for a role. `partial`: an inner role serves what it leaves out.
    ///
    /// # Errors
    /// `Extension`, with the script's lines: what cannot be compiled, a function that is missing or has the wrong number of
    /// parameters, a name that comes close to a function of the role.
    pub fn load(source: Source, role: Role, partial: bool, allowed: Allowed, limits: Limits) -> Result<Arc<Self>> {
        crew::run(move || {
            let mut engine = engine::make(&limits, Arc::new(source.scripts.clone()));
            host::register(&mut engine, &kinds(role, &allowed, &source.optional));
            let mut ast = engine.compile(source.text()).map_err(|error| failure::uncompiled(&source, &allowed, &error))?;
            ast.set_source(source.main.as_str());
            let mut functions: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for function in ast.iter_functions().filter(|function| function.access == FnAccess::Public) {
                functions.entry(function.name.to_owned()).or_default().push(function.params.len());
            }
            let top = source.text().contains("global::") || source.text().contains("import");
            let script = Self { source, allowed, limits, engine, ast, functions, top };
            script.check(role, partial)?;
            Ok(Arc::new(script))
        })
    }

    /// Whether it has this function.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.functions.contains_key(function)
    }

    /// What it was read from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What it may do.
    #[must_use]
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    fn check(&self, role: Role, partial: bool) -> Result<()> {
        let known: Vec<&str> = role.required().iter().chain(role.optional()).copied().collect();
        let mut faults = Vec::new();
        for function in &known {
            if let Some(counts) = self.functions.get(*function)
                && !counts.iter().any(|count| *count <= 2)
            {
                let error =
                    Error::new(ErrorKind::Extension, format!("`{function}` of the extension `{}` has the wrong number of parameters", self.source.name))
                        .hint(format!("a {role}'s functions are `fn {function}(request, host)`, or `fn {function}(request)`"));
                faults.push(match failure::header(&self.source, function) {
                    Some(excerpt) => error.at(excerpt),
                    None => error,
                });
            }
        }
        for function in role.required() {
            if !partial && !self.has(function) {
                let error = Error::new(ErrorKind::Extension, format!("the extension `{}` serves as {role} and has no function `{function}`", self.source.name));
                let near = crate::diagnostic::nearest(function, self.functions.keys().map(String::as_str));
                let error = near.into_iter().fold(error, |error, near| error.hint(format!("is `{near}` meant to be it?")));
                faults.push(error.hint(format!("write `fn {function}(request, host)`, or name who serves what is left out: `over = \"builtin:…\"`")));
            }
        }
        if (partial || role.required().is_empty()) && !known.iter().any(|function| self.has(function)) {
            let words: Vec<String> = known.iter().map(|function| format!("`{function}`")).collect();
            faults.push(
                Error::new(ErrorKind::Extension, format!("the extension `{}` has none of a {role}'s functions", self.source.name))
                    .hint(format!("a {role} has {}", words.join(", "))),
            );
        }
        Error::all(faults).map_or(Ok(()), Err)
    }

    /// Calls a function with one value and the host, on a thread with room for it.
    pub(super) fn call(self: &Arc<Self>, order: Order) -> Result<serde_json::Value> {
        let script = Arc::clone(self);
        crew::run(move || script.call_here(order))
    }

    fn call_here(&self, order: Order) -> Result<serde_json::Value> {
        let Order { cx, function, request, allowed, facts, inner, roles, limits, watch } = order;
        cx.check()?;
        let clock = Arc::new(Clock::start(&limits));
        let guard = Guard::new(Arc::clone(&clock), cx.cancel().clone(), &limits);
        let time = Arc::clone(&clock);
        let (said, questions) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = Call::new(Parts { cx, clock, allowed, facts, inner, roles, said, questions, told: Mutex::default(), watch });
        call.keep_told(&request);
        let counts = self.functions.get(function.as_str()).map_or(&[][..], Vec::as_slice);
        let request = to_script(&request);
        let host = || Dynamic::from(host::Handle(call.clone()));
        let options = CallFnOptions::new().eval_ast(self.top).rewind_scope(true).with_tag(call.clone());
        let mut scope = Scope::new();
        let answer = guard.over(|| {
            call.during(|| {
                if counts.contains(&2) {
                    self.engine.call_fn_with_options::<Dynamic>(options, &mut scope, &self.ast, &function, (request, host()))
                } else if counts.contains(&1) {
                    self.engine.call_fn_with_options::<Dynamic>(options, &mut scope, &self.ast, &function, (request,))
                } else {
                    self.engine.call_fn_with_options::<Dynamic>(options, &mut scope, &self.ast, &function, ())
                }
            })
        });
        let answer: Result<Dynamic, Box<EvalAltResult>> = answer;
        // Rhai's own functions that take a comparison let its errors go: what ended there has ended here too.
        if answer.is_ok()
            && let Some(budget) = time.used_up(&limits)
        {
            let error = failure::budget(&self.source.name, budget);
            return Err(failure::header(&self.source, &function).into_iter().fold(error, Error::at));
        }
        let value = answer.map_err(|error| failure::failed(&self.source, call.allowed(), &function, &error))?;
        let answer = from_script(&value)
            .map_err(|what| Error::new(ErrorKind::Extension, format!("`{function}` of the extension `{}` gave {what}", self.source.name)))?;
        answers::check(&call, &function, &answer).map_err(|error| failure::header(&self.source, &function).into_iter().fold(error, Error::at))?;
        Ok(answer)
    }
}

/// Everything one call is made with.
pub(super) struct Order {
    pub(super) cx: Context,
    pub(super) function: String,
    pub(super) request: serde_json::Value,
    pub(super) allowed: Allowed,
    pub(super) facts: Arc<Facts>,
    pub(super) inner: Option<Inner>,
    pub(super) roles: Arc<BTreeMap<String, Inner>>,
    pub(super) limits: Limits,
    pub(super) watch: Option<Arc<Watch>>,
}

/// The sorts of grants for which host modules are registered: the granted ones, those that a role's own calls bring along, and those
/// that the extension can do without. Each function checks its own grant at each call all the same.
fn kinds(role: Role, allowed: &Allowed, optional: &[Kind]) -> Vec<Kind> {
    let own = own_kinds(role);
    Kind::ALL.into_iter().filter(|kind| allowed.grants.has(*kind) || own.contains(kind) || optional.contains(kind)).collect()
}

/// What a role's own calls bring along: a downloader's target folder.
pub(super) fn own_kinds(role: Role) -> &'static [Kind] {
    match role {
        Role::Downloader | Role::Installer | Role::Dialogue => &[Kind::Read, Kind::Write],
        Role::Stock => &[Kind::Read],
        _ => &[],
    }
}
