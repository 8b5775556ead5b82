//! Errors on their way out: rendered for people, or as one JSON line for machines (`greffon/error/1`).

use super::output::{Printer, width};
use super::text::plain_json;
use crate::diagnostic;
use crate::error::Error;
use crate::sys::hide_secrets;

/// Tells a failure on stderr.
pub(crate) fn tell(printer: &Printer, error: &Error) {
    if printer.is_json() {
        printer.failure(&(hide_secrets(&plain_json(&diagnostic::to_json(error).to_string())) + "\n"));
    } else {
        printer.failure(&diagnostic::render(error, printer.colors_errors(), width()));
    }
}
