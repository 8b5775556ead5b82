//! YAML read as JSON: one document, small, and nothing in it that makes more of itself.

use serde_json::{Map, Value};
use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::{Marker, TScalarStyle};

use crate::error::{Error, ErrorKind, Excerpt, Result};

/// How deep lists and tables may stand in each other.
const DEEPEST: usize = 64;

/// The document as JSON. Every scalar is a text, but for what stands for nothing (`null`, `~`, an empty value): what a number
/// is meant to be, its reader knows best (`4.10` is a version). `shown` is the file as people know it.
///
/// # Errors
/// `Invalid` with the place: no YAML, a second document, an alias (`*name`), a key that is no plain word or stands twice.
pub fn read(text: &str, shown: &str) -> Result<Value> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    // Event by event: nothing of the parser's own then goes as deep as the document does.
    while builder.fault.is_none() {
        match parser.next_token() {
            Ok((Event::StreamEnd, _)) => return Ok(builder.done.unwrap_or(Value::Null)),
            Ok((event, mark)) => builder.take(event, mark),
            Err(error) => builder.fault = Some((error.info().to_owned(), error.marker().index())),
        }
    }
    let (what, index) = builder.fault.unwrap_or_default();
    Err(at(text, shown, &what, index))
}

fn at(text: &str, shown: &str, what: &str, index: usize) -> Error {
    let error = Error::new(ErrorKind::Invalid, format!("`{shown}` cannot be read as YAML: {what}"));
    if text.len() > 256 << 10 {
        return error;
    }
    let start = text.char_indices().nth(index).map_or(text.len(), |(start, _)| start);
    let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    error.at(Excerpt { path: shown.into(), text: text.to_owned(), span: start..end, label: String::new() })
}

/// A list or a table that is still open.
enum Open {
    List(Vec<Value>),
    Table(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    done: Option<Value>,
    fault: Option<(String, usize)>,
}

impl Builder {
    fn put(&mut self, value: Value, mark: Marker) {
        match self.open.last_mut() {
            None if self.done.is_some() => self.fail("it holds more than one document", mark),
            None => self.done = Some(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Table(table, key)) => match (key.take(), value) {
                (Some(key), value) => {
                    table.insert(key, value);
                }
                (None, Value::String(word)) if table.contains_key(&word) => self.fail(&format!("`{}` stands there twice", word.escape_debug()), mark),
                (None, Value::String(word)) => *key = Some(word),
                (None, _) => self.fail("a key is not a word", mark),
            },
        }
    }

    fn begin(&mut self, open: Open, mark: Marker) {
        if self.open.len() >= DEEPEST {
            self.fail("its lists and tables stand too deep in each other", mark);
        } else {
            self.open.push(open);
        }
    }

    fn fail(&mut self, what: &str, mark: Marker) {
        self.fault = Some((what.to_owned(), mark.index()));
    }

    fn take(&mut self, event: Event, mark: Marker) {
        match event {
            Event::Scalar(text, style, ..) => {
                let nothing = style == TScalarStyle::Plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
                let is_key = matches!(self.open.last(), Some(Open::Table(_, None)));
                self.put(if nothing && !is_key { Value::Null } else { Value::String(text) }, mark);
            }
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new()), mark),
            Event::MappingStart(..) => self.begin(Open::Table(Map::new(), None), mark),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(list)) => self.put(Value::Array(list), mark),
                Some(Open::Table(table, _)) => self.put(Value::Object(table), mark),
                None => {}
            },
            // An alias repeats what it names, and a few lines of them fill any memory.
            Event::Alias(_) => self.fail("it uses an alias, which is not read here", mark),
            Event::DocumentStart if self.done.is_some() => self.fail("it holds more than one document", mark),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_read_with_every_scalar_a_text() {
        let text = "# comment\ncomponent: mod_x\nsource: https://h/x.git # why\ntier: 2\nempty:\nnone: ~\nquoted: 'it''s: 1'\nlist: [\"4.4\", 4.10]\n\
            releases:\n  - version: 5.0.3\n    zip-sha256: null\n  - version: \"~\"\ntext: |\n  one\n  two\nfolded: >-\n  a\n  b\n";
        let read = read(text, "x.yml").expect("plain YAML");
        assert_eq!(
            read,
            json!({ "component": "mod_x", "source": "https://h/x.git", "tier": "2", "empty": null, "none": null, "quoted": "it's: 1", "list": ["4.4", "4.10"],
                "releases": [{ "version": "5.0.3", "zip-sha256": null }, { "version": "~" }], "text": "one\ntwo\n", "folded": "a b" })
        );
        assert_eq!(super::read("", "x.yml").expect("an empty file"), Value::Null);
    }

    #[test]
    fn what_is_no_plain_document_is_refused_with_its_place() {
        let bomb = "a: &a [x, x]\nb: [*a, *a]\n";
        for (text, words) in [
            (bomb, "alias"),
            ("a: 1\na: 2\n", "twice"),
            ("a: [1, 2\n", "cannot be read"),
            ("--- 1\n--- 2\n", "more than one document"),
            ("? [a, b]\n: 1\n", "not a word"),
        ] {
            let error = read(text, "x.yml").expect_err(text);
            assert!(error.kind() == ErrorKind::Invalid && error.message().contains(words), "{text}: {error}");
        }
        let deep = "[".repeat(10_000);
        assert!(read(&deep, "x.yml").is_err());
    }
}
