//! YAML as people write it by hand: names and values by indentation, lists, quoted texts, texts over several lines. Anchors,
//! tags and several documents in a file are refused by name.

use std::ops::Range;

use super::flow::{DEPTH, Flow, push, trimmed};
use super::node::{Key, Node, Value};
use super::sheet::Page;
use crate::error::Result;

/// A line that says something.
#[derive(Debug, Clone, Copy)]
struct Line {
    indent: usize,
    /// Of what follows the indentation.
    start: usize,
    /// Of the line, without its end.
    end: usize,
}

struct Outline<'a> {
    page: &'a Page,
    lines: Vec<Line>,
    at: usize,
}

/// A whole page.
///
/// # Errors
/// `Invalid`, with the place.
pub(super) fn outline(page: &Page) -> Result<Node> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut begun = false;
    for whole in page.text.split_inclusive('\n') {
        let line = whole.trim_end();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let content = &line[indent..];
        let span = start + indent..start + line.len();
        if content.starts_with('\t') {
            return Err(page.error(span.start..span.start + 1, "a tab", "YAML does not indent by tabs").hint("write blanks in its place"));
        }
        if line == "---" || line.starts_with("--- ") {
            if begun {
                return Err(page.error(span, "a second one begins", format!("`{}` holds several documents", page.path.display())));
            }
        } else if line == "..." || content.starts_with('%') && indent == 0 {
            // ends of documents and directives say nothing
        } else {
            begun |= !content.is_empty() && !content.starts_with('#');
            lines.push(Line { indent, start: span.start, end: span.end });
        }
        start += whole.len();
    }
    let mut outline = Outline { page, lines, at: 0 };
    outline.skip();
    if outline.at == outline.lines.len() {
        return Ok(Node::new(Value::Empty, 0..0));
    }
    let indent = outline.lines[outline.at].indent;
    let node = outline.block(indent, 0)?;
    match outline.here() {
        Some(line) => Err(page.error(line.start..line.end, "to what does this belong?", "the indentation makes no sense here")),
        None => Ok(node),
    }
}

impl<'a> Outline<'a> {
    /// Passes blank lines and comments over.
    fn skip(&mut self) {
        while self.lines.get(self.at).is_some_and(|line| line.start == line.end || self.page.text[line.start..].starts_with('#')) {
            self.at += 1;
        }
    }

    fn here(&mut self) -> Option<Line> {
        self.skip();
        self.lines.get(self.at).copied()
    }

    fn text(&self, line: Line) -> &'a str {
        &self.page.text[line.start..line.end]
    }

    fn block(&mut self, indent: usize, depth: usize) -> Result<Node> {
        let Some(line) = self.here() else { return Ok(Node::new(Value::Empty, 0..0)) };
        if depth > DEPTH {
            return Err(self.page.error(line.start..line.end, "it is nested too deeply", format!("`{}` cannot be read", self.page.path.display())));
        }
        let text = self.text(line);
        if text == "-" || text.starts_with("- ") {
            return self.list(indent, depth);
        }
        if self.key(line)?.is_some() {
            return self.map(indent, depth);
        }
        self.at += 1;
        self.value(line.start..line.end, indent, depth)
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Node> {
        let mut items = Vec::new();
        let mut span = 0..0;
        while let Some(line) = self.here().filter(|line| line.indent == indent) {
            let text = self.text(line);
            if text != "-" && !text.starts_with("- ") {
                break;
            }
            span = if items.is_empty() { line.start..line.end } else { span.start..line.end };
            let rest = text[1..].trim_start();
            if rest.is_empty() {
                self.at += 1;
                items.push(self.nested(indent, false, line.end, depth)?);
            } else {
                // What follows the dash stands as if it were on a line of its own.
                let offset = text.len() - rest.len();
                self.lines[self.at] = Line { indent: indent + offset, start: line.start + offset, end: line.end };
                items.push(self.block(indent + offset, depth + 1)?);
            }
        }
        Ok(Node::new(Value::List(items), span))
    }

    fn map(&mut self, indent: usize, depth: usize) -> Result<Node> {
        let mut entries = Vec::new();
        let mut span = 0..0;
        while let Some(line) = self.here().filter(|line| line.indent == indent) {
            let Some((key, after)) = self.key(line)? else {
                let label = "neither `name: value` nor `- item`";
                return Err(self.page.error(line.start..line.end, label, format!("`{}` cannot be read", self.page.path.display())));
            };
            span = if entries.is_empty() { line.start..line.end } else { span.start..line.end };
            self.at += 1;
            let rest = without_comment(&self.page.text[after..line.end]);
            let node = if rest.trim().is_empty() {
                self.nested(indent, true, key.span.end, depth)?
            } else {
                self.value(trimmed(self.page, after..after + rest.len()), indent, depth)?
            };
            push(self.page, &mut entries, key, node)?;
        }
        if let Some(line) = self.here().filter(|line| line.indent > indent) {
            return Err(self.page.error(line.start..line.end, "to what does this belong?", "the indentation makes no sense here"));
        }
        Ok(Node::new(Value::Map(entries), span))
    }

    /// What stands below a name or a dash. A list below a name may stand as far left as the name.
    fn nested(&mut self, indent: usize, below_name: bool, at: usize, depth: usize) -> Result<Node> {
        match self.here() {
            Some(line) if line.indent > indent => self.block(line.indent, depth + 1),
            Some(line) if below_name && line.indent == indent && (self.text(line) == "-" || self.text(line).starts_with("- ")) => self.list(indent, depth + 1),
            _ => Ok(Node::new(Value::Empty, at..at)),
        }
    }

    /// The name that a line begins with, and where what follows its colon begins.
    fn key(&self, line: Line) -> Result<Option<(Key, usize)>> {
        let text = self.text(line);
        if text.starts_with(['"', '\'']) {
            let mut flow = Flow::new(self.page, line.start);
            let name = flow.quoted()?;
            let end = flow.at;
            let after = self.page.text[end.min(line.end)..line.end].trim_start();
            return Ok(after.starts_with(':').then(|| (Key { name, span: line.start..end }, line.end - after.len() + 1)));
        }
        if text.starts_with(['{', '[', '#']) {
            return Ok(None);
        }
        let colon = text.match_indices(':').find(|(at, _)| text[at + 1..].is_empty() || text[at + 1..].starts_with([' ', '\t'])).map(|(at, _)| at);
        let Some(colon) = colon.filter(|colon| !without_comment(&text[..*colon]).trim().is_empty()) else { return Ok(None) };
        let name = text[..colon].trim_end();
        self.refuse_marks(line.start..line.start + name.len())?;
        Ok(Some((Key { name: name.to_owned(), span: line.start..line.start + name.len() }, line.start + colon + 1)))
    }

    fn refuse_marks(&self, span: Range<usize>) -> Result<()> {
        let what = match self.page.text[span.clone()].chars().next() {
            Some('&') => "an anchor",
            Some('*') => "an alias",
            Some('!') => "a tag",
            Some('@' | '`') => "a reserved mark",
            Some('?') if self.page.text[span.clone()].starts_with("? ") => "a name over several lines",
            _ => return Ok(()),
        };
        Err(self.page.error(span, what, format!("{what} of YAML is not read")).hint("write out what it stands for"))
    }

    /// A value that begins on the line before the next one.
    fn value(&mut self, span: Range<usize>, indent: usize, depth: usize) -> Result<Node> {
        self.refuse_marks(span.clone())?;
        let text = &self.page.text[span.clone()];
        match text.as_bytes().first() {
            Some(b'|' | b'>') if text[1..].chars().all(|c| matches!(c, '-' | '+' | '0'..='9')) => Ok(self.block_text(text.starts_with('>'), indent, span)),
            Some(b'{' | b'[' | b'"' | b'\'') => {
                let mut flow = Flow::new(self.page, span.start);
                let node = flow.value(depth)?;
                let end = flow.at;
                // It may end on a later line.
                while self.lines.get(self.at).is_some_and(|line| line.start < end) {
                    self.at += 1;
                }
                let line_end = self.page.text[end..].find('\n').map_or(self.page.text.len(), |at| end + at);
                let after = self.page.text[end..line_end].trim();
                if !after.is_empty() && !after.starts_with('#') {
                    return Err(self.page.error(trimmed(self.page, end..line_end), "to what does this belong?", "something follows a value"));
                }
                Ok(node)
            }
            _ => self.plain(span, indent),
        }
    }

    fn plain(&mut self, span: Range<usize>, indent: usize) -> Result<Node> {
        let mut text = self.page.text[span.clone()].to_owned();
        if matches!(text.as_str(), "~" | "null" | "Null" | "NULL") {
            return Ok(Node::new(Value::Empty, span));
        }
        let mut end = span.end;
        while let Some(line) = self.here().filter(|line| line.indent > indent) {
            if self.key(line)?.is_some() {
                return Err(self.page.error(line.start..line.end, "to what does this belong?", "the indentation makes no sense here"));
            }
            text = format!("{text} {}", without_comment(self.text(line)).trim());
            end = line.end;
            self.at += 1;
        }
        Ok(Node::new(Value::Scalar(text), span.start..end))
    }

    /// `|` and `>`: the lines below, as they stand or as one.
    fn block_text(&mut self, folded: bool, indent: usize, span: Range<usize>) -> Node {
        let mut lines: Vec<&str> = Vec::new();
        while let Some(line) = self.lines.get(self.at).copied().filter(|line| line.start == line.end || line.indent > indent) {
            lines.push(self.text(line));
            self.at += 1;
        }
        let text = lines.join(if folded { " " } else { "\n" });
        Node::new(Value::Scalar(text.trim_end().to_owned()), span)
    }
}

/// What stands before a comment; `#` begins one at the start and after a blank, outside of quotes.
fn without_comment(text: &str) -> &str {
    let quote = text.trim_start().chars().next().filter(|c| matches!(c, '"' | '\'' | '{' | '['));
    // In quotes and brackets the reader of those finds its end.
    if quote.is_some() {
        return text;
    }
    let end = text.match_indices('#').find(|(at, _)| text[..*at].is_empty() || text[..*at].ends_with([' ', '\t'])).map(|(at, _)| at);
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn read(text: &str) -> Result<Node> {
        outline(&Page { path: "x.yml".into(), text: text.to_owned() })
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Empty => "~".to_owned(),
            Value::Scalar(text) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => format!("{{{}}}", entries.iter().map(|(key, node)| format!("{}:{}", key.name, show(node))).collect::<Vec<_>>().join(",")),
        }
    }

    #[test]
    fn what_people_write_by_hand_is_read() {
        let cases = [
            ("", "~"),
            ("# nothing\n---\n", "~"),
            ("a: 1\nb:\n  c: two words # said\n  d:\n", r#"{a:"1",b:{c:"two words",d:~}}"#),
            ("a:\n- x\n- y: 1\n  z: 2\n-\n  w: 3\n", r#"{a:["x",{y:"1",z:"2"},{w:"3"}]}"#),
            ("a: 'it''s'\nb: \"x\\ny # no\" # yes\n'c d': {e: 1, f: [g, h]}\n", "{a:\"it's\",b:\"x\\ny # no\",c d:{e:\"1\",f:[\"g\",\"h\"]}}"),
            ("a: {b: 1,\n  c: 2}\nd: 3\n", r#"{a:{b:"1",c:"2"},d:"3"}"#),
            ("a: >\n  one\n  two\n\nb: |\n  x\n  y\n", "{a:\"one two\",b:\"x\\ny\"}"),
            ("a: one\n  two\nb: 3\r\n", r#"{a:"one two",b:"3"}"#),
            ("url: https://h/x#y\nt: 12:30\nn: null\n", r#"{url:"https://h/x#y",t:"12:30",n:~}"#),
            ("  a: 1\n  b: 2\n", r#"{a:"1",b:"2"}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(show(&read(text).unwrap_or_else(|error| panic!("{text:?}: {}", render(&error, false, 100)))), expected, "{text:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error_with_its_place() {
        let cases = [
            ("a: 1\n\tb: 2\n", "does not indent by tabs"),
            ("a: 1\na: 2\n", "stands here twice: line 1"),
            ("a: &x 1\n", "an anchor"),
            ("a: *x\n", "an alias"),
            ("a: !!binary x\n", "a tag"),
            ("a: 1\n   b: 2\n", "indentation"),
            ("a:\n    b: 1\n  c: 2\n", "indentation"),
            ("a: \"x\n", "never closed"),
            ("a: {b: 1\n", "is missing"),
            ("a: 'x' y\n", "follows a value"),
            ("a: 1\n---\nb: 2\n", "several documents"),
            ("a: 1\njust words\n", "cannot be read"),
        ];
        for (text, expected) in cases {
            let error = read(text).expect_err(text);
            let shown = render(&error, false, 100);
            assert!(shown.contains(expected) && shown.contains("x.yml:"), "{text:?}: {shown}");
        }
        let deep = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
        assert!(read(&deep).is_err());
    }
}
