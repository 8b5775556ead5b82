//! `extension run`: one call of one function, with everything that it asks greffon for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};

use super::plain;
use crate::command::Globals;
use crate::command::workspace::start_folder;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::ContextBuilder;
use crate::roles::wire::Role;
use crate::script::review::review;
use crate::script::{Allowed, Facts, Grants, Instance, Kind, Limits, Script, Source, Traced, Watch};
use crate::sys::hide_secrets;

/// What `extension run` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A folder, a script or a name.
    pub extension: String,
    /// The function.
    pub function: String,
    /// What it is given, as JSON.
    pub request: Option<String>,
    /// What it is to serve as, where it does not say so itself.
    pub role: Option<Role>,
    /// `host.options`, as `KEY=VALUE`; the value is JSON where it can be read so, else a text.
    pub options: Vec<String>,
    /// What it may do: `KIND=VALUE`, `prompt`, or `needs` for what it asks for.
    pub allow: Vec<String>,
    /// The site of the call.
    pub at: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `greffon/extension-run/1`.
    pub schema: &'static str,
    /// The extension.
    pub extension: String,
    /// The function.
    pub function: String,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// What it failed with, in the form of `greffon/error/1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// The host functions that it called, in their order.
    pub calls: Vec<Traced>,
    /// How long it took.
    pub milliseconds: u64,
    /// The error, for people.
    #[serde(skip)]
    pub failure: Option<Error>,
}

/// Runs.
///
/// # Errors
/// `Usage` for what is told wrong; what the extension fails with stands in the report.
pub fn run(globals: &Globals, surroundings: ContextBuilder, options: &Options) -> Result<Report> {
    let path = super::named(globals, std::slice::from_ref(&options.extension))?.remove(0);
    if plain::is_library(&path) || super::is_crate(&path)? {
        return library(globals, surroundings, options, &path);
    }
    let source = Source::read(&path)?;
    let base = start_folder(globals)?;
    let machine = super::machine(globals, surroundings)?;
    let reviewed = review(&source, options.role)?;
    let role = options.role.or(reviewed.role).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("nobody can tell what the extension `{}` serves as", source.name))
            .hint("say `--role repository`, `--role hook`, …")
    })?;
    if !reviewed.functions.iter().any(|function| function.name == options.function) && !source.text().trim().is_empty() {
        let error = Error::new(ErrorKind::Usage, format!("the extension `{}` has no function `{}`", source.name, options.function.escape_debug()));
        let known: Vec<String> = reviewed.functions.iter().filter(|function| function.called).map(|function| format!("`{}`", function.name)).collect();
        return Err(error.hint(format!("greffon calls {}", if known.is_empty() { "none of its functions".to_owned() } else { known.join(", ") })));
    }
    let request = read_request(options.request.as_deref())?;
    let grants = grants(&source, &options.allow)?;
    let limits = Limits::default().with(&source.limits, false)?;
    let site = options.at.as_ref().map(|site| base.join(site));
    let allowed =
        Allowed { name: source.name.clone(), grants, base, extension: source.folder.clone(), site: site.clone(), own_read: Vec::new(), own_write: Vec::new() };
    let facts = Facts { name: source.name.clone(), role: role.word().to_owned(), options: told(&options.options)?, ..Facts::default() };
    let watch = Arc::new(Watch::default());
    let name = source.name.clone();
    let script = Script::load(source, role, true, allowed, limits);
    let begun = Instant::now();
    let outcome = script.and_then(|script| {
        let instance = Instance::new(script, role, facts.clone(), None).watched(Arc::clone(&watch));
        let instance = match &site {
            Some(site) => instance.at_site(site, facts.clone()),
            None => instance,
        };
        instance.ask(&machine.cx, &options.function, request)
    });
    let (answer, failure) = match outcome {
        Ok(answer) => (Some(hidden(answer)), None),
        Err(error) if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Interrupted) => return Err(error),
        // There is no manifest to write it into.
        Err(error) if error.hints().iter().any(|hint| hint.contains("`allow = ")) => {
            (None, Some(error.hint("here: `--allow KIND=VALUE`, for instance `--allow net=HOST`")))
        }
        Err(error) => (None, Some(error)),
    };
    Ok(report(name, options, (answer, failure), watch.calls(), begun))
}

fn report(name: String, options: &Options, (answer, failure): (Option<Value>, Option<Error>), calls: Vec<Traced>, begun: Instant) -> Report {
    Report {
        schema: "greffon/extension-run/1",
        extension: name,
        function: options.function.clone(),
        answer,
        error: failure.as_ref().map(crate::diagnostic::to_json),
        calls,
        milliseconds: begun.elapsed().as_millis() as u64,
        failure,
    }
}

/// The same of a library. What it does beside asking greffon is not seen by anybody.
fn library(globals: &Globals, surroundings: ContextBuilder, options: &Options, path: &Path) -> Result<Report> {
    let request = read_request(options.request.as_deref())?;
    let machine = super::machine(globals, surroundings)?;
    let begun = Instant::now();
    let tried = plain::run(&machine.cx, path, &start_folder(globals)?, options, request)?;
    let outcome = match tried.outcome {
        Ok(answer) => (Some(hidden(answer)), None),
        Err(error) if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Interrupted) => return Err(error),
        Err(error) => (None, Some(error)),
    };
    Ok(report(tried.name, options, outcome, Vec::new(), begun))
}

fn read_request(text: Option<&str>) -> Result<Value> {
    let Some(text) = text else { return Ok(Value::Object(Map::new())) };
    serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::Usage, format!("what the function is to be given is no JSON: {error}"))
            .hint("for instance `'{\"id\": \"plugins/quiz\"}'`, in single quotes")
    })
}

pub(super) fn told(pairs: &[String]) -> Result<Map<String, Value>> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)))),
            _ => Err(Error::new(ErrorKind::Usage, format!("`{}` is no option", pair.escape_debug())).hint("it is written `--option KEY=VALUE`")),
        })
        .collect()
}

/// What the command line allows.
fn grants(source: &Source, words: &[String]) -> Result<Grants> {
    let mut all = Grants::default();
    for word in words {
        let more = match word.split_once('=') {
            None if word == "needs" => source.needs.clone(),
            None if word == "prompt" => Grants { prompt: true, ..Grants::default() },
            Some((kind, value)) if Kind::ALL.iter().any(|known| known.key() == kind && *known != Kind::Prompt) => {
                Grants::read("`--allow`", &Value::Object(Map::from_iter([(kind.to_owned(), Value::from(vec![value]))])))?
            }
            _ => {
                return Err(Error::new(ErrorKind::Usage, format!("`--allow {}` means nothing", word.escape_debug())).hint(
                    "`--allow net=HOST`, `read=PATH`, `write=PATH`, `run=PROGRAM`, `env=NAME`, `secret=NAME`, `prompt`, or `needs` for what it asks for",
                ));
            }
        };
        all = all.and(&more);
    }
    Ok(all)
}

/// The value without secrets that were handed out.
fn hidden(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(hide_secrets(&text)),
        Value::Array(list) => list.into_iter().map(hidden).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (hide_secrets(&key), hidden(value))).collect(),
        other => other,
    }
}
