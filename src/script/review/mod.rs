//! What is wrong with an extension, found without running it: its syntax, its functions, its calls, its grants.
//!
//! | file | what it does |
//! |---|---|
//! | `tokens`, `calls` | a script's words, and the calls and functions among them |
//! | `known` | what can be called: host functions and Rhai's own |
//! | `grants` | what it asks for against what it uses |

mod calls;
mod grants;
mod known;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::grants::{Allowed, Grants, Kind};
use super::limits::Limits;
use super::load::Script;
use super::source::Source;
use super::{crew, engine, failure, host};
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::roles::wire::Role;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It cannot work so.
    Error,
    /// Its author should look at it.
    Warning,
}

/// Something that was found.
#[derive(Debug)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What, where, and what to do.
    pub error: Error,
}

/// A function of an extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// How many values it takes.
    pub parameters: usize,
    /// Whether greffon calls it.
    pub called: bool,
    /// What its author says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// What an extension is, and what is wrong with it.
#[derive(Debug)]
pub struct Review {
    /// What it serves as.
    pub role: Option<Role>,
    /// The functions of its main script.
    pub functions: Vec<Described>,
    /// The host modules that it uses.
    pub modules: BTreeSet<String>,
    /// The sorts of grants that it uses and does not ask for: its options say what exactly, and whoever uses it allows that.
    pub unasked: Grants,
    /// What was found, in the order of the scripts' lines.
    pub findings: Vec<Finding>,
}

impl Review {
    /// Whether it cannot work.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// One extension under review.
struct Reviewer<'a> {
    source: &'a Source,
    contents: BTreeMap<&'a str, calls::Content>,
    findings: Vec<Finding>,
}

/// Reviews; runs nothing. `role`: what it is to serve as, where it does not say so itself.
///
/// # Errors
/// `Internal` where no thread can be had.
pub fn review(source: &Source, role: Option<Role>) -> Result<Review> {
    // Tests are scripts of another kind.
    let own = source.scripts.iter().filter(|(name, _)| !name.starts_with("tests/"));
    let contents = own.map(|(name, text)| (name.as_str(), calls::content(text))).collect();
    let mut reviewer = Reviewer { source, contents, findings: Vec::new() };
    let role = source.role.or(role).or_else(|| reviewer.guess());
    reviewer.metadata(role);
    reviewer.compile()?;
    if !reviewer.has_errors() {
        reviewer.serve(role);
    }
    for (script, content) in &reviewer.contents {
        for call in &content.calls {
            if let Some(finding) = reviewer.call(script, content, call) {
                reviewer.findings.push(finding);
            }
        }
    }
    let (modules, unasked) = reviewer.grants(role);
    let called: Vec<&str> = role.into_iter().flat_map(methods).collect();
    let functions = reviewer.contents.get(source.main.as_str()).map_or(&[][..], |content| &content.functions);
    let functions = functions
        .iter()
        .map(|function| Described {
            name: function.name.clone(),
            parameters: function.parameters,
            called: called.contains(&function.name.as_str()),
            about: function.about.clone(),
        })
        .collect();
    Ok(Review { role, functions, modules, unasked, findings: reviewer.findings })
}

/// The functions of a script's main file with their numbers of parameters, as `name/2`: what changed between two versions is told by them.
#[must_use]
pub fn outline(source: &Source) -> Vec<String> {
    let mut all: Vec<String> = calls::content(source.text()).functions.iter().map(|function| format!("{}/{}", function.name, function.parameters)).collect();
    all.sort();
    all
}

fn methods(role: Role) -> impl Iterator<Item = &'static str> {
    role.required().iter().chain(role.optional()).copied()
}

impl Reviewer<'_> {
    fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn fault(&mut self, error: Error) {
        self.findings.push(Finding { severity: Severity::Error, error });
    }

    fn warn(&mut self, error: Error) {
        self.findings.push(Finding { severity: Severity::Warning, error });
    }

    fn excerpt(&self, script: &str, span: Range<usize>) -> Excerpt {
        Excerpt { path: self.source.shown(script), text: self.source.scripts.get(script).cloned().unwrap_or_default(), span, label: String::new() }
    }

    /// The role whose functions it has.
    fn guess(&self) -> Option<Role> {
        let main = self.contents.get(self.source.main.as_str())?;
        let has = |name: &str| main.functions.iter().any(|function| function.name == name);
        let whole = |role: &Role| !role.required().is_empty() && role.required().iter().all(|name| has(name));
        // A stock has all that a repository has.
        let order = [Role::Stock, Role::Client, Role::Repository, Role::Downloader, Role::Installer, Role::Dialogue, Role::Scheme];
        order.into_iter().find(whole).or_else(|| Role::Hook.optional().iter().any(|name| has(name)).then_some(Role::Hook))
    }

    /// What `extension.toml` says, and leaves unsaid.
    fn metadata(&mut self, role: Option<Role>) {
        let source = self.source;
        if let Err(error) = Limits::default().with(&source.limits, false) {
            self.fault(error);
        }
        if role.is_none() {
            let error = Error::new(ErrorKind::Extension, format!("nobody can tell what the extension `{}` serves as", source.name))
                .hint(format!("say `role = \"…\"` in its extension.toml: {}", Role::ALL.map(Role::word).join(", ")));
            self.fault(error);
        }
        let about = source.folder.join("extension.toml");
        if source.bare {
            return;
        }
        let lacking: Vec<&str> = [("version", source.version.is_none()), ("role", source.role.is_none()), ("summary", source.summary.is_none())]
            .iter()
            .filter(|(_, lacks)| *lacks)
            .map(|(key, _)| *key)
            .collect();
        if !lacking.is_empty() {
            let list = lacking.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            self.warn(Error::new(ErrorKind::Extension, format!("`{}` does not say {list}", about.display())));
        }
        let folder = source.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if folder != source.name && !source.name.is_empty() {
            self.warn(
                Error::new(ErrorKind::Extension, format!("the extension `{}` lies in the folder `{folder}`", source.name))
                    .hint(format!("`use = \"extension:{folder}\"` would find it, `use = \"extension:{}\"` would not", source.name)),
            );
        }
    }

    /// Every script through the compiler, with all host modules there are.
    fn compile(&mut self) -> Result<()> {
        let scripts = Arc::new(self.source.scripts.clone());
        let texts: Vec<(String, String)> = self.contents.keys().map(|name| ((*name).to_owned(), self.source.scripts[*name].clone())).collect();
        let broken = crew::run(move || {
            let mut engine = engine::make(&Limits::default(), scripts);
            host::register(&mut engine, &Kind::ALL);
            Ok(texts.into_iter().filter_map(|(name, text)| engine.compile(text).err().map(|error| (name, error))).collect::<Vec<_>>())
        })?;
        for (name, error) in broken {
            let error = failure::unreadable(self.source, &name, &error);
            self.fault(error);
        }
        Ok(())
    }

    /// Whether the main script has what its role must have.
    fn serve(&mut self, role: Option<Role>) {
        let Some(role) = role else { return };
        let source = self.source;
        let every = Kind::ALL.into_iter().fold(Grants::default(), |all, kind| all.and(&Grants::example(kind)));
        let allowed = Allowed {
            name: source.name.clone(),
            grants: every,
            base: source.folder.clone(),
            extension: source.folder.clone(),
            site: None,
            own_read: Vec::new(),
            own_write: Vec::new(),
        };
        if let Err(error) = Script::load(source.clone(), role, source.over.is_some(), allowed, Limits::default()) {
            self.fault(error);
        }
        let main = source.main.as_str();
        let Some(content) = self.contents.get(main) else { return };
        let mut meant = Vec::new();
        for function in &content.functions {
            let used = self.contents.values().any(|content| content.calls.iter().any(|call| call.function == function.name));
            if used || methods(role).any(|method| method == function.name) || function.parameters > 2 {
                continue;
            }
            if let Some(near) = nearest(&function.name, methods(role)) {
                let error = Error::new(ErrorKind::Extension, format!("nothing calls the function `{}`", function.name)).hint(format!("is `{near}` meant?"));
                meant.push(failure::header(source, &function.name).into_iter().fold(error, Error::at));
            }
        }
        for error in meant {
            self.warn(error);
        }
    }

    /// What is wrong with a call.
    fn call(&self, script: &str, content: &calls::Content, call: &calls::Call) -> Option<Finding> {
        let place = || self.excerpt(script, call.span.clone());
        let wrong = |severity: Severity, message: String, hint: Option<String>| {
            let error = Error::new(ErrorKind::Extension, message).at(place());
            Some(Finding { severity, error: hint.into_iter().fold(error, Error::hint) })
        };
        let near = |name: &str, all: &mut dyn Iterator<Item = &str>| {
            nearest(name, all.collect::<Vec<_>>().iter().copied()).map(|near| format!("did you mean `{near}`?"))
        };
        let given = |count: usize| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
        if let Some(module) = &call.module {
            if content.imports.contains(module) || module == "global" {
                return None;
            }
            let Some(functions) = known::module(module) else {
                let all = host::MODULES.iter().map(|module| module.name);
                return wrong(Severity::Error, format!("there is no module `{module}`"), near(module, &mut all.into_iter()));
            };
            let name = format!("{module}::{}", call.function);
            let Some(counts) = functions.get(call.function.as_str()) else {
                return wrong(Severity::Error, format!("there is no function `{name}`"), near(&call.function, &mut functions.keys().copied()));
            };
            if !counts.contains(&call.count) {
                let forms = known::signatures(module, &call.function).map(|form| format!("`{module}::{form}`")).collect::<Vec<_>>().join(", ");
                return wrong(Severity::Error, format!("`{name}` is given {}", given(call.count)), Some(format!("it is {forms}")));
            }
            return None;
        }
        let own: Vec<usize> = content.functions.iter().filter(|function| function.name == call.function).map(|function| function.parameters).collect();
        if call.method {
            // A closure in a map can have any name: only what looks like a slip of the pen is told.
            if own.is_empty() && !known::method(&call.function) && !known::standard(&call.function) {
                let hint = near(&call.function, &mut known::methods().into_iter())?;
                return wrong(Severity::Warning, format!("there is no method `{}`", call.function), Some(hint));
            }
            return None;
        }
        if known::standard(&call.function) {
            return None;
        }
        if own.is_empty() {
            let all = content.functions.iter().map(|function| function.name.as_str()).chain(known::STANDARD.iter().copied());
            return wrong(Severity::Error, format!("there is no function `{}`", call.function), near(&call.function, &mut all.into_iter()));
        }
        if !own.contains(&call.count) {
            let takes = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            return wrong(Severity::Error, format!("`{}` is given {}", call.function, given(call.count)), Some(format!("it takes {takes}")));
        }
        None
    }
}

/// The functions of a main script in the order they stand there, with their numbers of parameters.
#[must_use]
pub fn functions(source: &Source) -> Vec<(String, usize)> {
    calls::content(source.text()).functions.into_iter().map(|function| (function.name, function.parameters)).collect()
}
