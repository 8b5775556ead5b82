//! A file that another tool wrote, and what was read from it: wishes, and the lines that could not be carried over.

use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::model::{ElementId, Requirement, Source};
use crate::sys::fs;

/// No file of this kind is larger.
const LARGEST: u64 = 4 << 20;
/// A line is told up to here.
const WIDEST: usize = 160;

/// The text of a file, with its name as the user knows it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Page {
    /// Reads a file.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a folder, for what is no text and for what is far too large; `Io`.
    pub(super) fn read(path: PathBuf, shown: PathBuf) -> Result<Self> {
        let name = shown.display();
        match fs::kind(&path)? {
            None => return Err(Error::new(ErrorKind::NotFound, format!("there is no `{name}`"))),
            Some(fs::PathKind::File { .. }) => {}
            Some(_) => return Err(Error::new(ErrorKind::Invalid, format!("`{name}` is no file")).hint("name the file itself, such as `composer.json` in it")),
        }
        let Some(bytes) = fs::read(&path, LARGEST)? else { return Err(Error::new(ErrorKind::NotFound, format!("there is no `{name}`"))) };
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            Error::new(ErrorKind::Invalid, format!("`{name}` is no UTF-8 text: line {line} holds other bytes")).hint("save it as UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self { path: shown, text })
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count()
    }

    /// The text of the line of a byte, fit for a report.
    fn line_text(&self, at: usize) -> String {
        let at = at.min(self.text.len());
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[start..].lines().next().unwrap_or_default().trim();
        without_logins(&line.chars().take(WIDEST).collect::<String>())
    }

    /// What cannot be understood, with its place.
    pub(super) fn error(&self, span: Range<usize>, label: &str, message: impl Into<String>) -> Error {
        let end = span.end.min(self.text.len());
        let span = span.start.min(end)..end;
        Error::new(ErrorKind::Invalid, message).at(Excerpt { path: self.path.clone(), text: self.text.clone(), span, label: label.to_owned() })
    }
}

/// A text in which no url has a login.
pub(super) fn without_logins(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let end = rest[start..].find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'')).map_or(rest.len(), |end| start + end);
        let host = rest[start..end].rfind('@').map_or(start, |at| start + at + 1);
        shown.push_str(&rest[..start]);
        shown.push_str(if host > start && !rest[start..].starts_with("git@") { "…@" } else { &rest[start..host] });
        rest = &rest[host..];
    }
    shown + rest
}

/// A line that could not be carried over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What stands there, without credentials.
    pub text: String,
    /// Why.
    pub reason: String,
}

/// An element that the file wants.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) id: ElementId,
    pub(super) requirement: Option<Requirement>,
    pub(super) source: Source,
    pub(super) group: Option<String>,
    pub(super) patches: Vec<String>,
}

/// What a file comes to.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) page: &'a Page,
    pub(super) wishes: Vec<Wish>,
    pub(super) left: Vec<Left>,
    pub(super) notes: Vec<String>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(page: &'a Page) -> Self {
        Self { page, wishes: Vec::new(), left: Vec::new(), notes: Vec::new() }
    }

    /// What stands at a place is not carried over.
    pub(super) fn leave(&mut self, span: &Range<usize>, reason: impl Into<String>) {
        let left = Left {
            file: self.page.path.display().to_string(),
            line: self.page.line(span.start),
            text: self.page.line_text(span.start),
            reason: without_logins(&reason.into()),
        };
        if !self.left.contains(&left) {
            self.left.push(left);
        }
    }

    /// An element is wanted.
    pub(super) fn want(&mut self, span: &Range<usize>, id: ElementId, requirement: Option<Requirement>, source: Source) -> &mut Wish {
        let (line, text) = (self.page.line(span.start), self.page.line_text(span.start));
        let file = self.page.path.display().to_string();
        self.wishes.push(Wish { file, line, text, id, requirement, source, group: None, patches: Vec::new() });
        let last = self.wishes.len() - 1;
        &mut self.wishes[last]
    }
}
