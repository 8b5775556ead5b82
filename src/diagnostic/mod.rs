//! Errors as text: `error:` what, an excerpt of the file with the place marked, `caused by:`, `hint:` what to do.

use crate::error::Error;

/// Renders an error with everything it carries, ending in a newline. Control characters are escaped.
#[must_use]
pub fn render(error: &Error, color: bool, width: usize) -> String {
    let _ = (error, color, width);
    unimplemented!()
}

/// The known word nearest to `word`, when it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let _ = (word, known.into_iter().next());
    unimplemented!()
}
