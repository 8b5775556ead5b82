//! Where in the file we are, and what was found wrong so far.

use std::ops::Range;
use std::path::Path;

use toml::de::DeString;

use super::Value;
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::model::Origin;

/// Each error holds the text of the file; together they may hold so much.
const EXCERPT_BYTES: usize = 32 << 20;
/// More errors than this help nobody.
const MOST_ERRORS: usize = 40;

/// Walks through one file and gathers errors.
pub(in crate::manifest) struct Reader<'t> {
    file: &'t Path,
    text: &'t str,
    kind: ErrorKind,
    /// Keys from the root to the value being read, with their spans.
    keys: Vec<(String, Range<usize>)>,
    line_starts: Vec<usize>,
    errors: Vec<Error>,
    left_out: usize,
}

impl<'t> Reader<'t> {
    pub(in crate::manifest) fn new(file: &'t Path, text: &'t str, kind: ErrorKind) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, kind, keys: Vec::new(), line_starts, errors: Vec::new(), left_out: 0 }
    }

    /// The text being read.
    pub(in crate::manifest) fn text(&self) -> &'t str {
        self.text
    }

    /// The errors found so far, if any.
    pub(in crate::manifest) fn finish(mut self) -> Result<()> {
        self.errors.sort_by_key(|error| error.excerpts().first().map_or(0, |excerpt| excerpt.span.start));
        if self.left_out > 0 {
            self.errors.push(Error::new(self.kind, format!("{} more errors like these are not shown", self.left_out)));
        }
        Error::all(self.errors).map_or(Ok(()), Err)
    }

    /// Counts errors that are not shown.
    pub(in crate::manifest) fn leave_out(&mut self, count: usize) {
        self.left_out += count;
    }

    /// Records an error.
    pub(in crate::manifest) fn fault(&mut self, error: Error) {
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.errors.push(error);
        }
    }

    /// Whether further errors would only be counted.
    pub(in crate::manifest) fn is_full(&self) -> bool {
        self.errors.len() >= (EXCERPT_BYTES / self.text.len().max(1)).clamp(2, MOST_ERRORS)
    }

    /// An error of this file, at a place; to be completed and given to [`Self::fault`].
    pub(in crate::manifest) fn error(&self, span: Range<usize>, label: &str, message: impl Into<String>) -> Error {
        Error::new(self.kind, message).at(self.excerpt(span, label))
    }

    /// An error of this file without a place: where the place must not be shown.
    pub(in crate::manifest) fn bare_error(&self, message: impl Into<String>) -> Error {
        Error::new(self.kind, message)
    }

    pub(in crate::manifest) fn excerpt(&self, span: Range<usize>, label: &str) -> Excerpt {
        // An error that will only be counted needs no copy of the text.
        let text = if self.is_full() { String::new() } else { self.text.to_owned() };
        Excerpt { path: self.file.to_path_buf(), text, span, label: label.to_owned() }
    }

    pub(in crate::manifest) fn origin(&self, span: &Range<usize>) -> Origin {
        Origin { file: self.file.to_path_buf(), line: self.line(span.start), span: (span.start, span.end) }
    }

    /// The number of the line that holds a byte, from 1.
    pub(in crate::manifest) fn line(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    /// Reads with one more key on the path.
    pub(in crate::manifest) fn within<T>(&mut self, key: &str, span: Range<usize>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.keys.push((key.to_owned(), span));
        let value = read(self);
        self.keys.pop();
        value
    }

    /// Where the key whose value is being read begins.
    pub(in crate::manifest) fn key_start(&self) -> Option<usize> {
        self.keys.last().map(|(_, span)| span.start)
    }

    /// The dotted key that the key being read begins, as written: what may have been meant as one quoted name.
    pub(in crate::manifest) fn unquoted_name(&self) -> Option<&'t str> {
        let (_, span) = self.keys.last()?;
        let rest = self.text.get(span.end..)?;
        let stop = rest.find(['=', ']', '\n']).unwrap_or(rest.len());
        rest.trim_start().starts_with('.').then(|| self.text[span.start..span.end + stop].trim_end())
    }

    /// The path of the value being read, as TOML would write it; for messages.
    pub(in crate::manifest) fn path(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|(key, _)| shown_key(key)).collect();
        keys.join(".")
    }

    pub(in crate::manifest) fn wrong_type(&mut self, value: &Value<'_>, expected: &str) {
        let found = match value.get_ref().type_str() {
            "array" => "a list",
            "integer" => "a whole number",
            "float" => "a number",
            "string" => "a text",
            "boolean" => "`true` or `false`",
            "datetime" => "a date",
            _ => "a table",
        };
        let mut error = self.error(value.span(), &format!("this is {found}"), format!("`{}` must be {expected}, not {found}", self.path()));
        if let Some(whole) = self.unquoted_name()
            && value.get_ref().is_table()
        {
            error = error.hint(format!("a name that holds a `.` or `/` must be quoted: `\"{}\" = …`", whole.replacen('.', "/", 1)));
        }
        let bare = matches!(value.get_ref().type_str(), "integer" | "float" | "datetime");
        if bare
            && (expected == "a text" || expected.starts_with("a text (the version)"))
            && let Some(raw) = self.text.get(value.span())
        {
            error = error.hint(format!("write it in quotes: `\"{raw}\"`"));
        } else if error.hints().is_empty()
            && let Some((key, _)) = self.keys.last()
        {
            let value = match expected.split(' ').nth(1) {
                Some("text") => "\"…\"",
                Some("list") => "[…]",
                Some("table") if expected.contains("`name`") => "[{ name = \"…\", use = \"…\" }]",
                Some("table") => "{ … }",
                Some("whole") => "1",
                _ => "true",
            };
            error = error.hint(format!("write it like `{} = {value}`", shown_key(key)));
        }
        self.fault(error);
    }

    pub(in crate::manifest) fn unknown_key(&mut self, key: &toml::Spanned<DeString<'_>>, known: &[&str]) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        let path = self.path();
        let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        let word = shown_key(key.get_ref());
        let mut error = self.error(key.span(), "not known here", format!("unknown key `{word}`{place}"));
        error = match nearest(key.get_ref(), known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("known here: {}", shown_list(known))),
        };
        self.fault(error);
    }
}

/// A key as TOML would write it, cut where it is too long for a message.
pub(in crate::manifest) fn shown_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let cut: String = if key.chars().count() > 80 { key.chars().take(79).chain(['…']).collect() } else { key.to_owned() };
    if bare { cut } else { format!("\"{}\"", cut.escape_debug()) }
}

/// Words in backticks, separated by commas.
pub(in crate::manifest) fn shown_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
