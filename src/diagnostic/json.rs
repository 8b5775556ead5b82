//! An error as JSON, for `--json`.

use serde_json::{Value, json};

use super::Told;
use crate::error::{Error, ErrorKind};

/// The error as one document: `{"schema": "greffon/error/1", "kind", "message", "places": [{"file", "line", "column", "label"}],
/// "notes", "causes", "hints", "fixes": [{"number", "site", "text", "changes"}], "others"}`. Lines and columns (in characters)
/// start at 1; `others` are further errors in the same form.
#[must_use]
pub fn to_json(error: &Error) -> Value {
    let mut document = body(error);
    if let Value::Object(map) = &mut document {
        map.shift_insert(0, "schema".to_owned(), Value::from("greffon/error/1"));
    }
    document
}

fn body(error: &Error) -> Value {
    let told = Told::of(error);
    let places: Vec<Value> = told
        .excerpts
        .iter()
        .map(|excerpt| {
            let (line, column) = position(&excerpt.text, excerpt.span.start);
            json!({ "file": excerpt.path.display().to_string(), "line": line, "column": column, "label": excerpt.label })
        })
        .collect();
    json!({
        "kind": kind_name(error.kind()),
        "message": error.message(),
        "places": places,
        "notes": told.notes,
        "causes": told.causes,
        "hints": told.hints.iter().copied().chain(told.fixed_by).collect::<Vec<_>>(),
        "fixes": told.fixes.iter().enumerate().map(|(at, fix)| numbered(at, fix)).collect::<Vec<_>>(),
        "others": told.others.iter().map(|other| body(other)).collect::<Vec<_>>(),
    })
}

fn numbered(at: usize, fix: &crate::model::Fix) -> Value {
    json!({ "number": at + 1, "site": fix.site, "text": fix.text, "changes": fix.changes })
}

/// The name of a kind as the JSON form writes it: `local-changes`.
fn kind_name(kind: ErrorKind) -> String {
    let mut name = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(c.to_lowercase());
    }
    name
}

/// Line and column of a byte, both from 1; a byte past the end counts as the end.
pub(super) fn position(text: &str, byte: usize) -> (usize, usize) {
    let byte = byte.min(text.len());
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|b| *b == b'\n').count();
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}
