//! A PHP file that gives back one array of literals (`<?php return [ … ];`), read without running it.

use std::ops::Range;

use super::flow::{DEPTH, push};
use super::node::{Key, Node, Value};
use super::sheet::Page;
use crate::error::{Error, Result};

/// The array that a page gives back.
///
/// # Errors
/// `Invalid`, with the place, for all that would have to be run.
pub(super) fn returned(page: &Page) -> Result<Node> {
    let mut reader = Reader { page, at: 0 };
    let Some(start) = page.text.find("<?php") else {
        return Err(reader.fault("it is no PHP: `<?php` is missing"));
    };
    reader.at = start + "<?php".len();
    reader.blanks();
    // `declare(strict_types=1);` says nothing of plugins.
    if reader.word("declare") {
        reader.at += reader.rest().find(';').map_or(0, |end| end + 1);
        reader.blanks();
    }
    if !reader.word("return") {
        return Err(reader.fault("greffon runs no PHP: only `return [ … ];` is read"));
    }
    let node = reader.value(0)?;
    reader.blanks();
    if !reader.mark(';') && !reader.rest().is_empty() {
        return Err(reader.fault("`;` is missing, or the array is the result of something that would have to be run"));
    }
    Ok(node)
}

struct Reader<'a> {
    page: &'a Page,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.page.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, what: &str) -> Error {
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        self.page.error(self.at..self.at + width, what, format!("`{}` cannot be read", self.page.path.display()))
    }

    fn blanks(&mut self) {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            let rest = self.rest();
            let is_comment = rest.starts_with("//") || (rest.starts_with('#') && !rest.starts_with("#["));
            if is_comment {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(inside) = rest.strip_prefix("/*") {
                self.at += inside.find("*/").map_or(rest.len(), |end| end + 4);
            } else {
                return;
            }
        }
    }

    fn mark(&mut self, mark: char) -> bool {
        self.blanks();
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len_utf8() } else { 0 };
        found
    }

    /// A bare word, in any case of letters.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let found = self.rest().get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word))
            && !self.rest()[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node> {
        self.blanks();
        if depth > DEPTH {
            return Err(self.fault("it is nested too deeply"));
        }
        let start = self.at;
        if self.mark('(') {
            let node = self.value(depth + 1)?;
            return if self.mark(')') { Ok(node) } else { Err(self.fault("`)` is missing")) };
        }
        if self.mark('[') {
            return self.array(start, ']', depth);
        }
        if self.word("array") {
            return if self.mark('(') { self.array(start, ')', depth) } else { Err(self.fault("`(` is missing")) };
        }
        if self.rest().starts_with(['\'', '"']) {
            let text = self.text()?;
            self.blanks();
            if self.rest().starts_with('.') {
                return Err(self.fault("greffon runs no PHP: write the text in one piece"));
            }
            return Ok(Node::new(Value::Scalar(text), start..self.at));
        }
        for (word, value) in [("null", Value::Empty), ("true", Value::Scalar("true".to_owned())), ("false", Value::Scalar("false".to_owned()))] {
            if self.word(word) {
                return Ok(Node::new(value, start..self.at));
            }
        }
        let digits = self.rest().find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest().len());
        if digits > 0 && self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            self.at += digits;
            return Ok(Node::new(Value::Scalar(self.page.text[start..self.at].to_owned()), start..self.at));
        }
        Err(self.fault("greffon runs no PHP: only texts, numbers and arrays are read"))
    }

    fn array(&mut self, start: usize, close: char, depth: usize) -> Result<Node> {
        let (mut entries, mut items): (Vec<(Key, Node)>, Vec<Node>) = (Vec::new(), Vec::new());
        loop {
            if self.mark(close) {
                let value = if items.is_empty() { Value::Map(entries) } else { Value::List(items) };
                return Ok(Node::new(value, start..self.at));
            }
            let first = self.value(depth + 1)?;
            self.blanks();
            if self.rest().starts_with("=>") {
                self.at += 2;
                let value = self.value(depth + 1)?;
                let Value::Scalar(name) = first.value else { return Err(self.fault("an array is no key")) };
                push(self.page, &mut entries, Key { name, span: first.span }, value)?;
            } else {
                items.push(first);
            }
            if !items.is_empty() && !entries.is_empty() {
                return Err(self.fault("some items of this array have keys and others have none"));
            }
            if !self.mark(',') && !self.rest().starts_with(close) {
                return Err(self.fault("`,` is missing"));
            }
        }
    }

    fn text(&mut self) -> Result<String> {
        let start = self.at;
        let quote = if self.mark('"') { '"' } else { '\'' };
        self.at = start + 1;
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                _ if c == quote => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '$' if quote == '"' && self.rest()[at + 1..].starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
                    self.at += at;
                    return Err(self.fault("greffon runs no PHP: what this variable holds is not known"));
                }
                '\\' => match (characters.next().map(|(_, c)| c), quote) {
                    (Some('n'), '"') => text.push('\n'),
                    (Some('t'), '"') => text.push('\t'),
                    (Some(escaped @ ('\\' | '$' | '"')), '"') | (Some(escaped @ ('\\' | '\'')), _) => text.push(escaped),
                    (Some(other), _) => text.extend(['\\', other]),
                    (None, _) => {}
                },
                other => text.push(other),
            }
        }
        self.at = start;
        Err(self.fault("the quote is never closed"))
    }
}

/// The trimmed lines of a page with their places.
pub(super) fn lines(page: &Page) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut start = 0;
    page.text.split_inclusive('\n').map(move |whole| {
        let span = super::flow::trimmed(page, start..start + whole.len());
        start += whole.len();
        (span.clone(), &page.text[span])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn read(text: &str) -> Result<Node> {
        returned(&Page { path: "gitplugins.conf".into(), text: text.to_owned() })
    }

    #[test]
    fn literals_are_read_and_nothing_is_run() {
        let node = read("<?php\n/* x */ return(['a' => array(\"b\" => 'it\\'s', // no\n 'c' => 1.5, # no\n 'd' => null, 'e' => TRUE,), 'f' => ['x', 'y']]);\n")
            .expect("fine");
        let inner = node.get("a").expect("a");
        assert_eq!((inner.text_of("b"), inner.text_of("c"), inner.text_of("e")), (Some("it's"), Some("1.5"), Some("true")));
        assert!(inner.get("d").expect("d").is_empty());
        assert_eq!(node.get("f").expect("f").items().len(), 2);
        for (text, expected) in [
            ("a = 1", "`<?php` is missing"),
            ("<?php $x = [];", "runs no PHP"),
            ("<?php return ['a' => __DIR__ . '/x'];", "runs no PHP"),
            ("<?php return ['a' => 'b' . 'c'];", "in one piece"),
            ("<?php return [\"a\" => \"$x\"];", "variable"),
            ("<?php return ['a' => 'b];", "never closed"),
            ("<?php return ['a' => 'b' 'c' => 'd'];", "`,` is missing"),
            ("<?php return ['a' => 1, 'a' => 2];", "twice"),
            ("<?php return ['a'", "missing"),
            ("<?php return [] + f();", "`;` is missing"),
        ] {
            let shown = render(&read(text).expect_err(text), false, 100);
            assert!(shown.contains(expected) && shown.contains("gitplugins.conf:"), "{text}: {shown}");
        }
        assert!(read(&format!("<?php return {}", "[".repeat(500))).is_err());
    }
}
