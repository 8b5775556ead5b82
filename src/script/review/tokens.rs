//! A script's text as words: enough of Rhai to find its calls, with their places.

use std::ops::Range;

/// One word of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Its bytes in the text.
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number.
    Number,
    /// A text that holds nothing to be computed.
    Text,
    /// A text with values in it; those follow as words of their own.
    Mixed,
    /// A sign: `::`, `(`, `|`, …
    Sign,
}

/// The words of a text; comments are left out. What is no Rhai comes out as signs: the compiler tells of it.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { text, at: 0, found: Vec::new() };
    reader.read(false);
    reader.found
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Token>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.found.push(Token { kind, span: start..self.at });
    }

    /// Reads to the end, or (within a text) to the brace that closes a value.
    fn read(&mut self, within: bool) {
        let mut open = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            let start = self.at;
            match c {
                _ if c.is_whitespace() => self.at += c.len_utf8(),
                '/' if self.rest().starts_with("//") => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '/' if self.rest().starts_with("/*") => self.comment(),
                '"' | '\'' => self.quoted(c),
                '`' => self.template(),
                '#' if self.raw() => {}
                _ if c.is_alphabetic() || c == '_' => {
                    self.at += self.rest().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest().len());
                    self.push(Kind::Name, start);
                }
                _ if c.is_ascii_digit() => {
                    self.at += self.rest().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest().len());
                    // `1.5`, not `1..5` and not `1.abs()`.
                    let mut next = self.rest().chars();
                    if next.next() == Some('.') && next.next().is_some_and(|c| c.is_ascii_digit()) {
                        self.at += 1;
                        self.at += self.rest().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest().len());
                    }
                    self.push(Kind::Number, start);
                }
                '}' if within && open == 0 => {
                    self.at += 1;
                    return;
                }
                _ => {
                    match c {
                        '{' => open += 1,
                        '}' => open = open.saturating_sub(1),
                        _ => {}
                    }
                    let pair = ["::", "||", "#{", "==", "&&", "=>", "->", "?."].iter().any(|pair| self.rest().starts_with(pair));
                    if self.rest().starts_with("#{") {
                        open += 1;
                    }
                    self.at += if pair { 2 } else { c.len_utf8() };
                    self.push(Kind::Sign, start);
                }
            }
        }
    }

    fn comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest().is_empty() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        let start = self.at;
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            if c == '\\' {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            } else if c == quote {
                // A doubled quote stands for one.
                if !self.rest().starts_with(quote) {
                    break;
                }
                self.at += 1;
            }
        }
        self.push(Kind::Text, start);
    }

    /// A text between back quotes; the values in it are read as words.
    fn template(&mut self) {
        let start = self.at;
        let place = self.found.len();
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            if self.rest().starts_with("${") {
                self.at += 2;
                self.read(true);
                continue;
            }
            self.at += c.len_utf8();
            if c == '`' {
                if !self.rest().starts_with('`') {
                    break;
                }
                self.at += 1;
            }
        }
        let kind = if self.found.len() == place { Kind::Text } else { Kind::Mixed };
        self.found.insert(place, Token { kind, span: start..self.at });
    }

    /// `#"…"#`: a text as it stands.
    fn raw(&mut self) -> bool {
        let marks = self.rest().bytes().take_while(|byte| *byte == b'#').count();
        if !self.rest()[marks..].starts_with('"') {
            return false;
        }
        let start = self.at;
        let end = format!("\"{}", "#".repeat(marks));
        self.at += marks + 1;
        self.at += self.rest().find(&end).map_or(self.rest().len(), |at| at + end.len());
        self.push(Kind::Text, start);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| &text[token.span]).collect()
    }

    #[test]
    fn words_texts_and_comments() {
        assert_eq!(
            words("let a = f(1.5, \"x, \\\" y\"); // g(\n/* h( /* */ */ a.b"),
            ["let", "a", "=", "f", "(", "1.5", ",", "\"x, \\\" y\"", ")", ";", "a", ".", "b"]
        );
        assert_eq!(words("`a ${g(\"}\", #{x: 1})} ``b``` c"), ["`a ${g(\"}\", #{x: 1})} ``b```", "g", "(", "\"}\"", ",", "#{", "x", ":", "1", "}", ")", "c"]);
        assert_eq!(words("#\"a\" b\"# 'c' 1..5 x::y"), ["#\"a\" b\"#", "'c'", "1", ".", ".", "5", "x", "::", "y"]);
        assert_eq!(words("\"\" + \"a\"\"b\""), ["\"\"", "+", "\"a\"\"b\""]);
    }

    #[test]
    fn what_is_no_script_ends_all_the_same() {
        for text in ["`${`${", "\"abc", "/* /*", "#\"", "`${{", "'\\", "é\u{0}🦀`"] {
            let _ = tokens(text);
        }
    }
}
