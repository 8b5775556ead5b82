//! PHP source as tokens. Any bytes give some tokens: what is no PHP comes out as single characters.

/// One token; comments, blanks and what stands outside `<?php` are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `$name`, without the dollar.
    Variable(String),
    /// A bare word: a constant, a keyword, a function.
    Word(String),
    /// A number as decimal digits, with a fraction where it has one.
    Number(String),
    /// A quoted text; `None` where it holds a variable, and its value is not known without running it.
    Text(Option<String>),
    /// `->`, `=>`, `==` and the like, or one character.
    Mark(&'static str),
    /// Any other character.
    Other(char),
}

const MARKS: [&str; 30] = [
    "===", "!==", "<=>", "?->", "**=", "...", "??=", "<<=", ">>=", "->", "=>", "::", "==", "!=", "<=", ">=", "&&", "||", "??", "+=", "-=", "*=", "/=", ".=",
    "++", "--", "=", ".", ";", ",",
];
const BRACKETS: [(char, &str); 9] = [('(', "("), (')', ")"), ('[', "["), (']', "]"), ('{', "{"), ('}', "}"), ('-', "-"), ('?', "?"), (':', ":")];

/// Reads tokens one after the other.
pub(super) struct Reader<'a> {
    rest: &'a str,
    inside: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), inside: false }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// What stands before `end`, or everything; `end` is consumed.
    fn until(&mut self, end: &str) -> &'a str {
        let (text, rest) = self.rest.split_once(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        text
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    /// Leaves blanks and comments behind; a comment to the end of the line also ends at `?>`. Whether code ended there, which
    /// ends a statement.
    fn pass_blanks(&mut self) -> bool {
        loop {
            if !self.inside {
                self.until("<?");
                for opening in ["php", "="] {
                    self.rest = self.rest.strip_prefix(opening).unwrap_or(self.rest);
                }
                self.inside = true;
            }
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("/*") {
                self.skip(2);
                self.until("*/");
            } else if self.rest.starts_with("//") || self.rest.starts_with('#') {
                let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
                let end = self.rest.find("?>").map_or(end, |close| close.min(end));
                self.skip(end);
            } else if self.rest.starts_with("?>") {
                self.skip(2);
                self.inside = false;
                return true;
            } else {
                return false;
            }
            if self.rest.is_empty() {
                return false;
            }
        }
    }

    fn number(&mut self) -> Token {
        let lower = self.rest.get(..2).unwrap_or_default().to_ascii_lowercase();
        let radix = match lower.as_str() {
            "0x" => Some(16),
            "0b" => Some(2),
            _ => None,
        };
        if let Some(radix) = radix {
            self.skip(2);
            let digits = self.take_while(|c| c.is_ascii_hexdigit() || c == '_').replace('_', "");
            return u64::from_str_radix(&digits, radix).map_or(Token::Text(None), |number| Token::Number(number.to_string()));
        }
        let whole = self.take_while(|c| c.is_ascii_digit() || c == '_').replace('_', "");
        let mut text = whole;
        let fraction = self.rest.strip_prefix('.').filter(|rest| !rest.starts_with('.'));
        if fraction.is_some() {
            self.skip(1);
            let digits = self.take_while(|c| c.is_ascii_digit() || c == '_').replace('_', "");
            text = format!("{}.{}", if text.is_empty() { "0" } else { &text }, if digits.is_empty() { "0" } else { &digits });
        }
        let exponent = self.rest.strip_prefix(['e', 'E']).is_some_and(|rest| rest.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit()));
        if exponent {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-');
            return Token::Text(None);
        }
        Token::Number(text)
    }

    fn single_quoted(&mut self) -> Token {
        self.skip(1);
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '\'' => {
                    self.skip(at + 1);
                    return Token::Text(Some(text));
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\'' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => {}
                },
                other => text.push(other),
            }
        }
        self.rest = "";
        Token::Text(None)
    }

    fn double_quoted(&mut self) -> Token {
        self.skip(1);
        let mut text = String::new();
        let mut known = true;
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.skip(at + 1);
                    return Token::Text(known.then_some(text));
                }
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(escaped @ ('"' | '\\' | '$')) => text.push(escaped),
                    // Octal, hexadecimal and unicode escapes: nobody writes a version so.
                    Some('0'..='7' | 'x' | 'u' | 'e' | 'v' | 'f') => known = false,
                    Some(other) => text.extend(['\\', other]),
                    None => {}
                },
                '$' => {
                    known &= !self.rest[at + 1..].starts_with(|next: char| next.is_alphabetic() || next == '_' || next == '{');
                    text.push('$');
                }
                '{' => {
                    known &= !self.rest[at + 1..].starts_with('$');
                    text.push('{');
                }
                other => text.push(other),
            }
        }
        self.rest = "";
        Token::Text(None)
    }

    /// `<<<X … X`: its text is passed over.
    fn heredoc(&mut self) -> Token {
        self.skip(3);
        let line = self.take_while(|c| c != '\n');
        let label = line.trim().trim_matches(['\'', '"']);
        self.skip(1);
        while !self.rest.is_empty() && !label.is_empty() {
            let line = self.rest.trim_start_matches([' ', '\t']);
            if let Some(after) = line.strip_prefix(label)
                && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            {
                self.rest = after;
                return Token::Text(None);
            }
            self.until("\n");
        }
        Token::Text(None)
    }
}

fn begins_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '\\'
}

impl Iterator for Reader<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.pass_blanks() {
            return Some(Token::Mark(";"));
        }
        let first = self.rest.chars().next()?;
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '\\';
        let second = self.rest[first.len_utf8()..].chars().next();
        Some(match first {
            '$' if second.is_some_and(|c| c.is_alphabetic() || c == '_') => {
                self.skip(1);
                Token::Variable(self.take_while(|c| c.is_alphanumeric() || c == '_').to_owned())
            }
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(),
            '`' => {
                self.skip(1);
                self.until("`");
                Token::Text(None)
            }
            _ if self.rest.starts_with("<<<") => self.heredoc(),
            _ if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) => self.number(),
            _ if begins_word(first) => Token::Word(self.take_while(word).trim_start_matches('\\').to_owned()),
            _ => {
                if let Some(mark) = MARKS.into_iter().find(|mark| self.rest.starts_with(mark)) {
                    self.skip(mark.len());
                    return Some(Token::Mark(mark));
                }
                self.skip(first.len_utf8());
                match BRACKETS.into_iter().find(|(c, _)| *c == first) {
                    Some((_, mark)) => Token::Mark(mark),
                    None => Token::Other(first),
                }
            }
        })
    }
}
