//! TOML text to a tree with spans; what TOML itself forbids is told in our words.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Reader, shown_key};
use crate::error::{Error, ErrorKind};

/// Longer files are not manifests.
pub(in crate::manifest) const MAX_BYTES: u64 = 4 << 20;
/// Nested lists, inline tables and parts of one dotted key: real manifests have about five.
const MAX_DEPTH: usize = 32;
/// Up to this size a broken text is read to its end for further errors.
const RECOVER_BYTES: usize = 256 << 10;

impl<'t> Reader<'t> {
    /// The tree of the text. Syntax errors are recorded; where they leave nothing to go on with, `None`.
    pub(in crate::manifest) fn tree(&mut self) -> Option<DeTable<'t>> {
        let text = self.text();
        if text.len() as u64 > MAX_BYTES {
            // Without the excerpt, which would hold the whole text.
            self.fault(Error::new(ErrorKind::Manifest, format!("the file is longer than {MAX_BYTES} bytes")));
            return None;
        }
        if let Some(at) = too_deep(text) {
            let error = self.error(at..at + 1, "here", format!("nested deeper than {MAX_DEPTH} levels"));
            self.fault(error);
            return None;
        }
        let first = match DeTable::parse(text) {
            Ok(tree) => return Some(tree.into_inner()),
            Err(first) => first,
        };
        if text.len() > RECOVER_BYTES {
            let error = self.error(first.span().unwrap_or(0..0), "", first.message());
            self.fault(error);
            return None;
        }
        let (tree, faults) = DeTable::parse_recoverable(text);
        let mut only_duplicates = true;
        let mut last_line = 0;
        for (index, fault) in faults.iter().enumerate() {
            if self.is_full() {
                self.leave_out(faults.len() - index);
                break;
            }
            let span = fault.span().unwrap_or(0..0);
            let line = self.line(span.start);
            if line == last_line {
                continue;
            }
            last_line = line;
            let error = if fault.message() == "duplicate key" {
                self.duplicate(span, tree.get_ref())
            } else {
                only_duplicates = false;
                self.malformed(span, fault.message())
            };
            self.fault(error);
        }
        (only_duplicates && !self.is_full()).then(|| tree.into_inner())
    }

    fn duplicate(&self, span: Range<usize>, tree: &DeTable<'_>) -> Error {
        let raw = self.text().get(span.clone()).unwrap_or_default();
        let name = raw.trim_matches(['"', '\'']);
        let error = self.bare_error(format!("`{}` is said twice", shown_key(name))).hint("keep one of them");
        let line = self.line_at(span.start);
        if let Some(header) = line.find(']').map(|end| line[..=end].trim_start())
            && header.starts_with('[')
        {
            let first = self.text().find(header).filter(|at| *at < span.start).map(|at| self.excerpt(at..at + header.len(), "first here"));
            let error = first.into_iter().fold(error, Error::at);
            return error.at(self.excerpt(span, "and again here"));
        }
        let mut earlier = None;
        let mut open: Vec<&DeTable<'_>> = vec![tree];
        while let Some(table) = open.pop() {
            for (key, value) in table {
                if key.get_ref() == name && key.span().start < span.start {
                    earlier = earlier.max(Some((key.span().start, key.span().end)));
                }
                match value.get_ref() {
                    DeValue::Table(inner) => open.push(inner),
                    DeValue::Array(items) => open.extend(items.iter().filter_map(|item| item.get_ref().as_table())),
                    _ => {}
                }
            }
        }
        // With a header between the two, the earlier key may be another table's.
        let same_table = |from: usize| self.text().get(from..span.start).is_some_and(|between| !between.contains("\n["));
        match earlier {
            Some((from, to)) if same_table(from) => error.at(self.excerpt(from..to, "first here")).at(self.excerpt(span, "and again here")),
            _ => error.at(self.excerpt(span, "said again here")),
        }
    }

    fn line_at(&self, byte: usize) -> &'t str {
        let text = self.text();
        let start = text.get(..byte).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    fn malformed(&self, span: Range<usize>, message: &str) -> Error {
        let line = self.line_at(span.start);
        if let Some((key, _)) = line.split_once('=') {
            let key = key.trim();
            if key.contains('/') && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b)) {
                let start = span.start - span.start.min(line_offset(self.text(), span.start)) + line.find(key).unwrap_or(0);
                return self
                    .error(start..start + key.len(), "quotes are missing", format!("the name `{key}` holds a `/` and must be quoted"))
                    .hint(format!("write `\"{key}\" = …`"));
            }
        }
        self.error(span, "", format!("this is not TOML: {message}")).hint("what TOML looks like: https://toml.io; a fault may also begin on the line above")
    }
}

/// How far into its line a byte stands.
fn line_offset(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(0, |before| before.len() - before.rfind('\n').map_or(0, |at| at + 1))
}

/// Where nesting passes [`MAX_DEPTH`], if it does. A rough scan that knows strings and comments, so that neither the parser nor
/// the tree can grow deep enough to overflow a stack.
fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut dots) = (0, 0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at = string_end(bytes, at),
            b'#' => at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at),
            b'[' | b'{' => {
                (depth, dots) = (depth + 1, 0);
                at += 1;
            }
            b']' | b'}' => {
                (depth, dots) = (depth.saturating_sub(1), 0);
                at += 1;
            }
            b'.' => {
                dots += 1;
                at += 1;
            }
            b'\n' | b'=' | b',' => {
                dots = 0;
                at += 1;
            }
            _ => at += 1,
        }
        if depth > MAX_DEPTH || dots > MAX_DEPTH {
            return Some(at - 1);
        }
    }
    None
}

/// The byte after the string that begins at `start`; a one-line string that is not closed ends with its line.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let long = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if long { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'\\' if quote == b'"' => at += 2,
            b'\n' if !long => return at,
            b if b == quote && !long => return at + 1,
            b if b == quote && bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    bytes.len()
}
