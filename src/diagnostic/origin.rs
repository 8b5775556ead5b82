//! Places that were remembered when a file was read, as excerpts of it.

use crate::error::{Error, Excerpt};
use crate::model::Origin;
use crate::sys::fs;

/// Files whose lines are shown are no longer than this.
const LONGEST: u64 = 16 << 20;

/// The excerpt of a remembered place whose line holds `name`; `None` where no file said it, or where that is not what stands
/// there: the manifest may be an edited one that is not written yet (`add`), and its places are not those of the file.
#[must_use]
pub fn excerpt(origin: &Origin, name: &str, label: &str) -> Option<Excerpt> {
    let (start, end) = origin.span;
    if origin.line == 0 {
        return None;
    }
    let text = fs::read_text(&origin.file, LONGEST).ok().flatten()?;
    let line = text.lines().nth(origin.line - 1)?;
    let counted = 1 + text.get(..start)?.matches('\n').count();
    (counted == origin.line && line.contains(name) && text.get(start..end).is_some()).then(|| Excerpt {
        path: origin.file.clone(),
        text,
        span: start..end,
        label: label.to_owned(),
    })
}

/// The error with a remembered place; as it is where there is none.
#[must_use]
pub fn at_origin(error: Error, origin: &Origin, name: &str, label: &str) -> Error {
    match excerpt(origin, name, label) {
        Some(excerpt) => error.at(excerpt),
        None => error,
    }
}
