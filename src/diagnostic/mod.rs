//! Errors as text: `error:` what, an excerpt of the file with the place marked, `caused by:`, `hint:` what to do; and the same as JSON.

mod json;
mod near;
mod origin;
mod printable;
mod render;
#[cfg(test)]
mod tests;

pub use json::to_json;
pub use near::nearest;
pub use origin::{at_origin, excerpt};
pub use printable::printable;
pub use render::{render, render_warning};

use std::collections::HashSet;

use crate::error::{Error, Excerpt};
use crate::model::Fix;

/// A system's reason without its number, which says nothing to people, and without the quoted path that some libraries add.
#[must_use]
pub fn without_number(text: String) -> String {
    let Some(start) = text.find(" (os error ") else { return text };
    let Some(end) = text[start..].find(')') else { return text };
    let rest = &text[start + end + 1..];
    let rest = if rest.starts_with(" at path ") { "" } else { rest };
    format!("{}{rest}", &text[..start])
}

/// An error with what its causes carry brought together, each thing once.
struct Told<'a> {
    excerpts: Vec<&'a Excerpt>,
    notes: Vec<&'a str>,
    hints: Vec<&'a str>,
    causes: Vec<String>,
    others: Vec<&'a Error>,
    fixes: Vec<&'a Fix>,
    fixed_by: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn of(error: &'a Error) -> Self {
        let mut told =
            Self { excerpts: Vec::new(), notes: Vec::new(), hints: Vec::new(), causes: Vec::new(), others: Vec::new(), fixes: Vec::new(), fixed_by: None };
        told.take(error);
        let mut last = error.message().to_owned();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let text = without_number(cause.to_string());
            // A wrapper whose text ends with its cause's would tell the same thing twice.
            if !text.is_empty() && !last.contains(&text) && !told.causes.contains(&text) {
                told.causes.push(text.clone());
                last = text;
            }
            if let Some(own) = cause.downcast_ref::<Error>() {
                told.take(own);
            }
            source = cause.source();
        }
        let mut seen = HashSet::new();
        told.notes.retain(|note| seen.insert(*note));
        seen.clear();
        told.hints.retain(|hint| seen.insert(*hint));
        told
    }

    fn take(&mut self, error: &'a Error) {
        for excerpt in error.excerpts() {
            if !self.excerpts.contains(&excerpt) {
                self.excerpts.push(excerpt);
            }
        }
        self.notes.extend(error.notes().iter().map(String::as_str));
        self.hints.extend(error.hints().iter().map(String::as_str));
        self.others.extend(error.others());
        self.fixes.extend(error.fixes());
        self.fixed_by = self.fixed_by.or_else(|| error.how_to_fix());
    }
}
