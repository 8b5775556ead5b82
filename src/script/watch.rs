//! Looking on: what a call asks of greffon, told for people; and, in an extension's own tests, answers in place of the world's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rhai::{Dynamic, NativeCallContext};
use serde::Serialize;
use serde_json::{Map, Value};

use super::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::hide_secrets;
use crate::sys::process::Outcome;

/// So many calls are kept.
const MOST: usize = 10_000;
/// What is shown of a text, of a list, and of values within each other.
const LETTERS: usize = 300;
const ITEMS: usize = 20;
const DEPTH: usize = 6;

/// One host function that was called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traced {
    /// `http::get`.
    pub function: String,
    /// What it was given; secrets are `***`.
    pub arguments: Vec<Value>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// What it failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The script's line that called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// How long it took.
    pub milliseconds: u64,
}

/// Keeps what calls ask for. With a [`Stage`] it answers some of it.
#[derive(Debug, Default)]
pub struct Watch {
    calls: Mutex<Vec<Traced>>,
    stage: Option<Mutex<Stage>>,
}

/// What stands in for the machine while an extension is tested.
#[derive(Debug, Default)]
pub struct Stage {
    /// What programs end with, by name; the last of a list serves again.
    pub programs: BTreeMap<String, Vec<Outcome>>,
    /// The programs that were run, with their arguments.
    pub ran: Vec<Vec<String>>,
    /// Variables of the environment.
    pub variables: BTreeMap<String, String>,
}

impl Watch {
    /// One that answers for programs and the environment.
    #[must_use]
    pub fn staged() -> Self {
        Self { stage: Some(Mutex::default()), ..Self::default() }
    }

    /// What was called so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Traced> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the stage, or changes it; `None` where there is none.
    pub fn stage<T>(&self, work: impl FnOnce(&mut Stage) -> T) -> Option<T> {
        self.stage.as_ref().map(|stage| work(&mut stage.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// What a program ends with on the stage; `None`: it is really run.
    pub(super) fn program(&self, argv: &[String]) -> Option<Result<Outcome>> {
        let name = argv.first().cloned().unwrap_or_default();
        self.stage(|stage| {
            stage.ran.push(argv.to_vec());
            let ends = stage.programs.get_mut(&name).filter(|ends| !ends.is_empty());
            ends.map(|ends| if ends.len() > 1 { ends.remove(0) } else { ends[0].clone() }).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("this test has no program `{}`", name.escape_debug()))
                    .hint(format!("say what it ends with: `t.program(\"{}\", #{{ code: 0, stdout: \"\" }})`", name.escape_debug()))
            })
        })
    }

    /// A variable on the stage; `None`: the machine's own counts.
    #[expect(clippy::option_option, reason = "not on the stage is another thing than not set there")]
    pub(super) fn variable(&self, name: &str) -> Option<Option<String>> {
        self.stage(|stage| stage.variables.get(name).cloned())
    }

    fn keep(&self, call: Traced) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() < MOST {
            calls.push(call);
        }
    }
}

/// Runs a host function and keeps it, where somebody looks on.
pub(super) fn traced(
    call: &Call,
    context: &NativeCallContext<'_>,
    function: (&str, &str),
    values: &[&Dynamic],
    work: impl FnOnce() -> Result<Dynamic>,
) -> Result<Dynamic> {
    let Some(watch) = call.watch() else { return work() };
    let arguments: Vec<Value> = values.iter().map(|value| shown(value, 0)).collect();
    let begun = Instant::now();
    let outcome = work();
    let took: Duration = begun.elapsed();
    watch.keep(Traced {
        function: format!("{}::{}", function.0, function.1),
        arguments,
        answer: outcome.as_ref().ok().map(|value| shown(value, 0)),
        error: outcome.as_ref().err().map(|error| hide_secrets(error.message())),
        line: context.call_position().line(),
        milliseconds: took.as_millis() as u64,
    });
    outcome
}

/// A value for people: secrets hidden, what only a script can hold named by its sort, long things cut.
fn shown(value: &Dynamic, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::from("…");
    }
    if value.is_unit() {
        return Value::Null;
    }
    if let Ok(list) = value.as_array_ref() {
        let mut items: Vec<Value> = list.iter().take(ITEMS).map(|one| shown(one, depth + 1)).collect();
        if list.len() > ITEMS {
            items.push(Value::from(format!("… {} more", list.len() - ITEMS)));
        }
        return Value::Array(items);
    }
    if let Ok(map) = value.as_map_ref() {
        let mut items: Map<String, Value> = map.iter().take(ITEMS).map(|(key, one)| (hide_secrets(key), shown(one, depth + 1))).collect();
        if map.len() > ITEMS {
            items.insert("…".to_owned(), Value::from(format!("{} more", map.len() - ITEMS)));
        }
        return Value::Object(items);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        let text = hide_secrets(&text);
        return Value::from(match text.char_indices().nth(LETTERS) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text,
        });
    }
    super::value::from_script(value).unwrap_or_else(|_| {
        let name = value.type_name();
        let name = name.rsplit("::").next().unwrap_or(name).to_lowercase();
        Value::from(if name == "secret" { "***".to_owned() } else { format!("<{name}>") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short() {
        let long: Dynamic = "x".repeat(1000).into();
        assert_eq!(shown(&long, 0).as_str().map(|text| text.chars().count()), Some(LETTERS + 1));
        let list: Dynamic = (0..100_i64).map(Dynamic::from).collect::<Vec<_>>().into();
        assert_eq!(shown(&list, 0).as_array().map(Vec::len), Some(ITEMS + 1));
    }
}
