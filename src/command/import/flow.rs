//! JSON, and YAML's own way of writing it: `{name: value, …}`, `[…]` and quoted texts.

use std::ops::Range;

use super::node::{Key, Node, Value};
use super::sheet::Page;
use crate::error::Result;

/// How deep parts may be nested.
pub(super) const DEPTH: usize = 32;

/// Reads at a place of a page.
pub(super) struct Flow<'a> {
    page: &'a Page,
    /// The next byte.
    pub(super) at: usize,
    json: bool,
}

/// A whole page of JSON.
///
/// # Errors
/// `Invalid`, with the place.
pub(super) fn json(page: &Page) -> Result<Node> {
    // The words for what is wrong are serde's; what is right is read once more, with places.
    if let Err(fault) = serde_json::from_str::<serde::de::IgnoredAny>(&page.text) {
        let start: usize = page.text.split_inclusive('\n').take(fault.line().saturating_sub(1)).map(str::len).sum();
        let mut at = (start + fault.column().saturating_sub(1)).min(page.text.len());
        while !page.text.is_char_boundary(at) {
            at -= 1;
        }
        let why = fault.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        return Err(page.error(at..at + 1, why, format!("`{}` is no JSON", page.path.display())));
    }
    let mut flow = Flow { page, at: 0, json: true };
    flow.blanks();
    flow.value(0)
}

impl<'a> Flow<'a> {
    pub(super) fn new(page: &'a Page, at: usize) -> Self {
        Self { page, at, json: false }
    }

    fn rest(&self) -> &'a str {
        self.page.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.page.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if self.json || self.peek() != Some(b'#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn fault<T>(&self, what: &str) -> Result<T> {
        Err(self.page.error(self.at..self.at + 1, what, format!("`{}` cannot be read", self.page.path.display())))
    }

    /// The value that begins here.
    ///
    /// # Errors
    /// `Invalid`, with the place.
    pub(super) fn value(&mut self, depth: usize) -> Result<Node> {
        if depth > DEPTH {
            return self.fault("it is nested too deeply");
        }
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"' | b'\'') => {
                let text = self.quoted()?;
                Ok(Node::new(Value::Scalar(text), start..self.at))
            }
            Some(_) => {
                let text = self.plain();
                let value = if matches!(text, "" | "null" | "~") { Value::Empty } else { Value::Scalar(text.to_owned()) };
                Ok(Node::new(value, start..self.at))
            }
            None => self.fault("something is missing here"),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node> {
        let start = self.at;
        self.at += 1;
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::new(Value::Map(entries), start..self.at));
                }
                Some(b',') if !entries.is_empty() => {
                    self.at += 1;
                    continue;
                }
                None => return self.fault("`}` is missing"),
                _ => {}
            }
            let begin = self.at;
            let name = if matches!(self.peek(), Some(b'"' | b'\'')) { self.quoted()? } else { self.plain().to_owned() };
            let span = begin..self.at;
            self.blanks();
            if self.peek() != Some(b':') {
                return self.fault("`:` is missing");
            }
            self.at += 1;
            self.blanks();
            let value = self.value(depth + 1)?;
            push(self.page, &mut entries, Key { name, span }, value)?;
            self.blanks();
            if !matches!(self.peek(), Some(b',' | b'}')) {
                return self.fault("`,` or `}` is missing");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::new(Value::List(items), start..self.at));
                }
                Some(b',') if !items.is_empty() => self.at += 1,
                None => return self.fault("`]` is missing"),
                _ => {
                    items.push(self.value(depth + 1)?);
                    self.blanks();
                    if !matches!(self.peek(), Some(b',' | b']')) {
                        return self.fault("`,` or `]` is missing");
                    }
                }
            }
        }
    }

    fn plain(&mut self) -> &'a str {
        let rest = self.rest();
        let ends = |(at, c): (usize, char)| match c {
            ',' | '[' | ']' | '{' | '}' | '\n' => true,
            ':' => rest[at + 1..].starts_with([' ', '\n', '\r', ',', '}']) || rest[at + 1..].is_empty(),
            '#' => rest[..at].ends_with(' '),
            _ => false,
        };
        let end = rest.char_indices().find(|found| ends(*found)).map_or(rest.len(), |(at, _)| at);
        let text = rest[..end].trim_end();
        self.at += text.len();
        text
    }

    /// A text in quotes; `at` is behind it afterwards.
    ///
    /// # Errors
    /// `Invalid`, with the place.
    pub(super) fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        let quote = if self.peek() == Some(b'"') { '"' } else { '\'' };
        let mut text = String::new();
        let mut characters = self.page.text[start + 1..].char_indices();
        while let Some((at, c)) = characters.next() {
            let here = start + 1 + at;
            match c {
                '\'' if quote == '\'' && self.page.text[here + 1..].starts_with('\'') => {
                    characters.next();
                    text.push('\'');
                }
                _ if c == quote => {
                    self.at = here + 1;
                    return Ok(text);
                }
                '\\' if quote == '"' => match characters.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('u') => text.push(self.unicode(&mut characters, here)?),
                    Some(other @ ('"' | '\\' | '/' | ' ')) => text.push(other),
                    _ => {
                        self.at = here;
                        return self.fault("this escape is not known");
                    }
                },
                // A line end in a quoted text is a blank.
                '\n' if !self.json => {
                    text.truncate(text.trim_end().len());
                    text.push(' ');
                    let rest = characters.as_str();
                    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                    for _ in 0..blanks {
                        characters.next();
                    }
                }
                other => text.push(other),
            }
        }
        self.fault("the quote is never closed")
    }

    fn unicode(&mut self, characters: &mut std::str::CharIndices<'_>, here: usize) -> Result<char> {
        let unit = |characters: &mut std::str::CharIndices<'_>| {
            let digits: String = characters.by_ref().take(4).map(|(_, c)| c).collect();
            u32::from_str_radix(&digits, 16).ok()
        };
        let first = unit(characters);
        let found = match first {
            Some(high @ 0xD800..=0xDBFF) if characters.as_str().starts_with("\\u") => {
                characters.next();
                characters.next();
                unit(characters).filter(|low| (0xDC00..=0xDFFF).contains(low)).map(|low| 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            }
            other => other,
        };
        match found.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => {
                self.at = here;
                self.fault("this escape is no character")
            }
        }
    }
}

/// Adds a named part; a name twice is an error at the second.
pub(super) fn push(page: &Page, entries: &mut Vec<(Key, Node)>, key: Key, node: Node) -> Result<()> {
    if let Some((first, _)) = entries.iter().find(|(known, _)| known.name == key.name) {
        let message = format!("`{}` stands here twice: line {} has it too", key.name.escape_debug(), page.line(first.span.start));
        return Err(page.error(key.span, "the second", message).hint("which of them is meant? Take the other out"));
    }
    entries.push((key, node));
    Ok(())
}

/// The span of a trimmed piece of a page.
pub(super) fn trimmed(page: &Page, span: Range<usize>) -> Range<usize> {
    let text = &page.text[span.clone()];
    let start = span.start + (text.len() - text.trim_start().len());
    start..(start + text.trim().len())
}
