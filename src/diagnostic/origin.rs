//! Places that were remembered when a file was read, as excerpts of it.

use crate::error::{Error, Excerpt};
use crate::model::Origin;
use crate::sys::fs;

/// Files whose lines are shown are no longer than this.
const LONGEST: u64 = 16 << 20;

/// The excerpt of a remembered place; `None` where no file said it, or where the file no longer has that place (an element that a
/// command is about to add is known before it is written).
#[must_use]
pub fn excerpt(origin: &Origin, label: &str) -> Option<Excerpt> {
    let (start, end) = origin.span;
    if origin.line == 0 {
        return None;
    }
    let text = fs::read_text(&origin.file, LONGEST).ok().flatten()?;
    let line = 1 + text.get(..start)?.matches('\n').count();
    (line == origin.line && text.get(start..end).is_some()).then(|| Excerpt { path: origin.file.clone(), text, span: start..end, label: label.to_owned() })
}

/// The error with a remembered place; as it is where there is none.
#[must_use]
pub fn at_origin(error: Error, origin: &Origin, label: &str) -> Error {
    match excerpt(origin, label) {
        Some(excerpt) => error.at(excerpt),
        None => error,
    }
}
