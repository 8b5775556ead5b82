//! A script's error as ours: what it said, its lines with the calls that led there, and what to do.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, EvalAltResult, Map, ParseError, ParseErrorType, Position};

use super::grants::{Allowed, Grants};
use super::host;
use super::limits::INTERRUPTED;
use super::source::Source;
use crate::error::{Error, ErrorKind, Excerpt};

/// The kinds that a script can throw, by name.
const KINDS: [(&str, ErrorKind); 12] = [
    ("denied", ErrorKind::Denied),
    ("not-found", ErrorKind::NotFound),
    ("network", ErrorKind::Network),
    ("offline", ErrorKind::Offline),
    ("refused", ErrorKind::Refused),
    ("digest", ErrorKind::Digest),
    ("invalid", ErrorKind::Invalid),
    ("conflict", ErrorKind::Conflict),
    ("version", ErrorKind::Version),
    ("unsupported", ErrorKind::Unsupported),
    ("busy", ErrorKind::Busy),
    ("interrupted", ErrorKind::Interrupted),
];

/// Our own error on its way through a script: a catch sees its message, and where nothing catches it comes back as it was.
#[derive(Clone)]
struct Whole(Arc<Mutex<Option<Error>>>);

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whole(…)")
    }
}

/// An error of a host function, as a map `#{ kind, message, hint }` that a script can catch.
#[allow(clippy::unnecessary_box_returns, reason = "Rhai's errors are boxed")]
pub(super) fn thrown(error: Error) -> Box<EvalAltResult> {
    let mut map = Map::new();
    let kind = KINDS.iter().find(|(_, kind)| *kind == error.kind()).map_or("extension", |(name, _)| *name);
    map.insert("kind".into(), kind.into());
    map.insert("message".into(), error.message().into());
    map.insert("hint".into(), error.hints().join("; ").into());
    map.insert("whole".into(), Dynamic::from(Whole(Arc::new(Mutex::new(Some(error))))));
    Box::new(EvalAltResult::ErrorRuntime(map.into(), Position::NONE))
}

/// The error of a budget that is used up.
pub(super) fn budget(name: &str, budget: &str) -> Error {
    Error::new(ErrorKind::Extension, format!("the extension `{name}` was stopped: it used up its budget of {}", told(budget)))
        .hint(format!("if it needs more, write under `[extensions.{name}]` in greffon.toml: `limits = {{ {budget} = … }}`"))
}

fn told(budget: &str) -> String {
    let what = match budget {
        "seconds" => "its own time",
        "waiting" => "time for network and programs",
        "operations" => "steps",
        "levels" => "calls within calls",
        "text" => "the length of a text",
        "items" => "items of a list or map",
        _ => "memory",
    };
    format!("`{budget}` ({what})")
}

/// A function's failure, rendered.
pub(super) fn failed(source: &Source, allowed: &Allowed, function: &str, error: &EvalAltResult) -> Error {
    let leaf = error.unwrap_inner();
    let out = match leaf {
        EvalAltResult::ErrorTooManyOperations(_) => budget(&source.name, "operations"),
        EvalAltResult::ErrorStackOverflow(_) => budget(&source.name, "levels"),
        EvalAltResult::ErrorDataTooLarge(what, _) => budget(&source.name, if what.to_lowercase().contains("string") { "text" } else { "items" }),
        EvalAltResult::ErrorTerminated(token, _) if token.as_immutable_string_ref().is_ok_and(|token| *token == INTERRUPTED) => {
            return Error::new(ErrorKind::Interrupted, "interrupted");
        }
        EvalAltResult::ErrorTerminated(token, _) => budget(&source.name, &token.to_string()),
        EvalAltResult::ErrorTooManyVariables(_) | EvalAltResult::ErrorTooManyModules(_) => {
            Error::new(ErrorKind::Extension, format!("the extension `{}` was stopped: it holds too many variables or modules", source.name))
        }
        EvalAltResult::ErrorRuntime(value, _) => thrown_by_script(source, function, value),
        other => {
            let error = Error::new(ErrorKind::Extension, format!("the extension `{}` failed in `{function}`: {}", source.name, one_line(other)));
            match missing_module(other, allowed) {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
    };
    placed(source, function, error, out)
}

/// As [`failed`], for a function of an extension's tests; `methods`: what `t` can do.
pub(super) fn failed_test(source: &Source, allowed: &Allowed, function: &str, error: &EvalAltResult, methods: &[&str]) -> Error {
    let own = match error.unwrap_inner() {
        EvalAltResult::ErrorRuntime(value, _) => value.as_map_ref().ok().and_then(|map| map.get("whole")?.clone().try_cast::<Whole>()),
        _ => None,
    };
    if let Some(whole) = own.and_then(|whole| whole.0.lock().unwrap_or_else(PoisonError::into_inner).take()) {
        return placed(source, function, error, whole);
    }
    match error.unwrap_inner() {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let what = signature.split(" (").next().unwrap_or_default().split('(').next().unwrap_or_default().trim();
            let out = Error::new(ErrorKind::Extension, format!("there is no function `{}` for these values", what.escape_debug()));
            let out = match crate::diagnostic::nearest(what, methods.iter().copied()) {
                Some(near) if near != what => out.hint(format!("did you mean `t.{near}`?")),
                _ => out.hint(format!("a test has `assert::equal`, `assert::that`, `assert::contains`, and of `t` {}", methods.join(", "))),
            };
            placed(source, function, error, out)
        }
        EvalAltResult::ErrorRuntime(value, _) if !value.is_map() => {
            placed(source, function, error, Error::new(ErrorKind::Extension, format!("the test threw: {}", first_line(&value.to_string()))))
        }
        _ => failed(source, allowed, function, error),
    }
}

/// The error with the lines where it happened.
fn placed(source: &Source, function: &str, error: &EvalAltResult, mut out: Error) -> Error {
    let trail = trail(source, error);
    let stopped = error.unwrap_inner().position().is_none() && trail.is_empty();
    for (script, position, label) in trail {
        if let Some(excerpt) = excerpt(source, &script, position, label) {
            out = out.at(excerpt);
        }
    }
    // Rhai forgets where it was when a budget ends it: the function that was running is shown.
    if stopped && let Some(excerpt) = header(source, function) {
        out = out.at(excerpt);
    }
    out
}

/// What a script threw: a text, a map `#{ kind, message, hint }`, or an error of a host function that it let pass.
fn thrown_by_script(source: &Source, function: &str, value: &Dynamic) -> Error {
    let name = &source.name;
    if let Ok(map) = value.as_map_ref() {
        let whole = map.get("whole").and_then(|whole| whole.clone().try_cast::<Whole>());
        if let Some(error) = whole.and_then(|whole| whole.0.lock().unwrap_or_else(PoisonError::into_inner).take()) {
            return error.note(format!("in `{function}` of the extension `{name}`"));
        }
        let text = |key: &str| map.get(key).filter(|value| !value.is_unit()).map(ToString::to_string);
        if let Some(message) = text("message") {
            let kind = text("kind").and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind));
            // Only ^C interrupts; a script that says so has failed like any other.
            let kind = kind.filter(|kind| *kind != ErrorKind::Interrupted);
            let error = Error::new(kind.unwrap_or(ErrorKind::Extension), first_line(&message)).note(format!("said by the extension `{name}` in `{function}`"));
            return text("hint").filter(|hint| !hint.is_empty()).into_iter().fold(error, |error, hint| error.hint(first_line(&hint)));
        }
    }
    let said = value.to_string();
    let said = if said.is_empty() { "it gave no reason".to_owned() } else { first_line(&said) };
    Error::new(ErrorKind::Extension, format!("the extension `{name}` failed in `{function}`: {said}"))
}

fn first_line(text: &str) -> String {
    crate::sys::hide_secrets(text).trim().chars().take(2_000).collect()
}

/// Rhai's own words, without the call chain that the excerpts show.
fn one_line(error: &EvalAltResult) -> String {
    let mut text = crate::sys::hide_secrets(&error.to_string());
    if let Some(at) = text.find(" (line ") {
        text.truncate(at);
    }
    let line = text.lines().next().unwrap_or_default();
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Where it happened, and the calls that led there, innermost first.
fn trail(source: &Source, error: &EvalAltResult) -> Vec<(String, Position, String)> {
    let mut frames = Vec::new();
    let mut script = source.main.clone();
    let mut at = error;
    loop {
        match at {
            EvalAltResult::ErrorInFunctionCall(function, from, inner, position) => {
                frames.push((script.clone(), *position, format!("in `{function}`, called here")));
                if source.scripts.contains_key(from) {
                    script.clone_from(from);
                }
                at = inner;
            }
            EvalAltResult::ErrorInModule(module, inner, position) => {
                frames.push((script.clone(), *position, "imported here".to_owned()));
                if source.scripts.contains_key(module) {
                    script.clone_from(module);
                }
                at = inner;
            }
            leaf => {
                frames.push((script, leaf.position(), String::new()));
                break;
            }
        }
    }
    frames.retain(|(_, position, _)| !position.is_none());
    frames.reverse();
    // A deep recursion tells the same line again and again.
    frames.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    frames.truncate(6);
    frames
}

/// A line of a script, marked from the place to the end of the word there.
fn excerpt(source: &Source, script: &str, position: Position, label: String) -> Option<Excerpt> {
    let text = source.scripts.get(script)?;
    let span = span(text, position)?;
    Some(Excerpt { path: source.shown(script), text: text.clone(), span, label })
}

/// Rhai counts characters, excerpts count bytes.
fn span(text: &str, position: Position) -> Option<Range<usize>> {
    let line = position.line()?;
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..)?.lines().next().unwrap_or_default();
    let column = position.position().unwrap_or(1).saturating_sub(1);
    let within = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    let word = rest[within..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - within).max(usize::from(within < rest.len()));
    let end = (within..=within + word).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(within);
    Some(start + within..start + end.max(within))
}

/// The line that begins a function of the main script.
pub(super) fn header(source: &Source, function: &str) -> Option<Excerpt> {
    let text = source.text();
    let at = text.match_indices("fn ").find(|(at, _)| {
        let rest = text[at + 3..].trim_start();
        rest.strip_prefix(function).is_some_and(|rest| rest.trim_start().starts_with('('))
    });
    let (start, _) = at?;
    let end = text[start..].find(')').map_or(text.len(), |end| start + end + 1);
    Some(Excerpt { path: source.shown(&source.main), text: text.to_owned(), span: start..end, label: "while this ran".to_owned() })
}

/// A script that cannot be compiled.
pub(super) fn unreadable(source: &Source, script: &str, error: &ParseError) -> Error {
    let what = error.0.to_string();
    let out = Error::new(ErrorKind::Extension, format!("the script `{}` cannot be read: {}", source.shown(script).display(), lower(&what)));
    match excerpt(source, script, error.1, String::new()) {
        Some(excerpt) => out.at(excerpt),
        None => out,
    }
}

/// As [`unreadable`], where grants are known: a host module that is missing because nothing grants it is said so.
pub(super) fn uncompiled(source: &Source, allowed: &Allowed, error: &ParseError) -> Error {
    let out = unreadable(source, &source.main, error);
    let hint = match &*error.0 {
        ParseErrorType::ModuleUndefined(module) => module_hint(module, source, allowed),
        _ => None,
    };
    hint.into_iter().fold(out, Error::hint)
}

fn missing_module(error: &EvalAltResult, allowed: &Allowed) -> Option<String> {
    match error {
        EvalAltResult::ErrorModuleNotFound(module, _) => module_hint(module, &Source::nobody(), allowed),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => module_hint(signature.split_once("::")?.0, &Source::nobody(), allowed),
        _ => None,
    }
}

/// What grants a host module: what the extension says it needs of that sort, else an example.
fn module_hint(module: &str, source: &Source, allowed: &Allowed) -> Option<String> {
    let kinds = host::needed_for(module)?;
    let mut asked = source.needs.beyond(&allowed.grants);
    if !kinds.iter().any(|kind| asked.has(*kind)) {
        asked = kinds.first().map(|kind| Grants::example(*kind)).unwrap_or_default();
    }
    Some(allowed.line_to_add(&asked))
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
