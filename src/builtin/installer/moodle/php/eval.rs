//! Assignments of literals, with their values as far as they are known without running anything.

use std::collections::HashMap;

use super::token::{Reader, Token};

/// How deep arrays and brackets may be nested.
const DEPTH: usize = 32;
/// Beyond this a file is no version.php.
const LIMIT: usize = 1 << 20;

/// What a literal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Value {
    /// Decimal digits, perhaps a sign and a fraction, as written.
    Number(String),
    /// A text.
    Text(String),
    /// Keys where they were written, and values.
    Array(Vec<(Option<Value>, Value)>),
    /// `true`, `false`, `null`, and what cannot be known without running the code.
    Other,
}

/// Which part of a variable is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Key {
    /// All of it.
    Whole,
    /// One more item, `[]`.
    Next,
    /// The item of this key.
    At(Value),
}

/// `$variable->property['key'] = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Assignment {
    /// Without the dollar.
    pub(in super::super) variable: String,
    /// After `->`.
    pub(in super::super) property: Option<String>,
    /// What stands in `[…]` after it.
    pub(in super::super) key: Key,
    /// The right side.
    pub(in super::super) value: Value,
}

/// Every assignment of a file, in its order. Conditions are not weighed: what stands inside one is taken as if it ran.
pub(in super::super) fn assignments(source: &str) -> Vec<Assignment> {
    let source = if source.len() > LIMIT { "" } else { source };
    let mut parser = Parser { tokens: Reader::new(source).collect(), at: 0, known: HashMap::new() };
    let mut found = Vec::new();
    while parser.at < parser.tokens.len() {
        if let Some(assignment) = parser.assignment() {
            let name = (assignment.variable.clone(), assignment.property.clone());
            if assignment.key == Key::Whole {
                parser.known.insert(name, assignment.value.clone());
            }
            found.push(assignment);
        }
    }
    found
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    known: HashMap<(String, Option<String>), Value>,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let word = word.clone();
        self.at += 1;
        Some(word)
    }

    /// The assignment that begins here; else the next token is passed over.
    fn assignment(&mut self) -> Option<Assignment> {
        let token = self.peek().cloned();
        self.at += 1;
        let Some(Token::Variable(variable)) = token else { return None };
        let property = if self.take("->") { Some(self.word()?) } else { None };
        let key = if self.take("[") {
            let key = if matches!(self.peek(), Some(Token::Mark("]"))) { Key::Next } else { Key::At(self.expression(0)) };
            if !self.take("]") {
                return None;
            }
            key
        } else {
            Key::Whole
        };
        if !self.take("=") {
            return None;
        }
        let value = self.expression(0);
        Some(Assignment { variable, property, key, value })
    }

    /// An expression up to `;`, `,`, `=>` or a closing bracket.
    fn expression(&mut self, depth: usize) -> Value {
        let mut value = self.term(depth);
        loop {
            match self.peek() {
                None | Some(Token::Mark(";" | "," | "=>" | ")" | "]" | "}")) => return value,
                Some(Token::Mark(".")) => {
                    self.at += 1;
                    let right = self.term(depth);
                    value = match (plain(&value), plain(&right)) {
                        (Some(left), Some(right)) => Value::Text(format!("{left}{right}")),
                        _ => Value::Other,
                    };
                }
                // `$a = $b = 3` gives both the value.
                Some(Token::Mark("=")) => {
                    self.at += 1;
                    value = if depth < DEPTH { self.expression(depth + 1) } else { Value::Other };
                }
                Some(_) => {
                    self.pass_over(depth);
                    value = Value::Other;
                }
            }
        }
    }

    fn term(&mut self, depth: usize) -> Value {
        let token = self.peek().cloned();
        match token {
            Some(Token::Number(number)) => {
                self.at += 1;
                Value::Number(number)
            }
            Some(Token::Text(text)) => {
                self.at += 1;
                text.map_or(Value::Other, Value::Text)
            }
            Some(Token::Mark("-")) => {
                self.at += 1;
                match self.term(depth) {
                    Value::Number(number) => Value::Number(format!("-{number}")),
                    _ => Value::Other,
                }
            }
            Some(Token::Mark("[")) => self.array("[", "]", depth),
            Some(Token::Mark("(")) if depth < DEPTH => self.bracketed(depth),
            Some(Token::Word(word)) => {
                self.at += 1;
                if word.eq_ignore_ascii_case("array") && matches!(self.peek(), Some(Token::Mark("("))) {
                    return self.array("(", ")", depth);
                }
                constant(&word)
            }
            Some(Token::Variable(variable)) => {
                self.at += 1;
                let property = if self.take("->") { self.word() } else { None };
                self.known.get(&(variable, property)).cloned().unwrap_or(Value::Other)
            }
            _ => {
                if !matches!(token, None | Some(Token::Mark(";" | "," | "=>" | ")" | "]" | "}"))) {
                    self.pass_over(depth);
                }
                Value::Other
            }
        }
    }

    /// `(expression)`, or a cast before a term.
    fn bracketed(&mut self, depth: usize) -> Value {
        let cast = match (self.tokens.get(self.at + 1), self.tokens.get(self.at + 2)) {
            (Some(Token::Word(word)), Some(Token::Mark(")"))) => {
                matches!(word.to_ascii_lowercase().as_str(), "int" | "integer" | "float" | "double" | "string").then(|| word.to_ascii_lowercase())
            }
            _ => None,
        };
        self.at += 1;
        if let Some(cast) = cast {
            self.at += 2;
            return match (cast.as_str(), self.term(depth + 1)) {
                ("string", Value::Number(text) | Value::Text(text)) => Value::Text(text),
                ("string", other) => other,
                (_, Value::Text(text)) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.is_empty() => Value::Number(text),
                ("int" | "integer", Value::Number(text)) => Value::Number(text.split('.').next().unwrap_or_default().to_owned()),
                (_, other) => other,
            };
        }
        let value = self.expression(depth + 1);
        while !self.take(")") {
            if matches!(self.peek(), None | Some(Token::Mark(";"))) {
                return Value::Other;
            }
            self.at += 1;
        }
        value
    }

    fn array(&mut self, open: &'static str, close: &'static str, depth: usize) -> Value {
        if depth >= DEPTH || !self.take(open) {
            self.pass_over(depth);
            return Value::Other;
        }
        let mut items = Vec::new();
        loop {
            if self.take(close) {
                return Value::Array(items);
            }
            if matches!(self.peek(), None | Some(Token::Mark(";"))) {
                return Value::Other;
            }
            let before = self.at;
            let first = self.expression(depth + 1);
            if self.take("=>") {
                let value = self.expression(depth + 1);
                items.push((Some(first), value));
            } else if self.at > before {
                items.push((None, first));
            }
            self.take(",");
            // A bracket that closes something else: the file is broken here.
            if self.at == before {
                self.at += 1;
            }
        }
    }

    /// Leaves a token behind, or a bracket with all that is in it.
    fn pass_over(&mut self, depth: usize) {
        let close = match self.peek() {
            Some(Token::Mark("(")) => ")",
            Some(Token::Mark("[")) => "]",
            Some(Token::Mark("{")) => "}",
            _ => {
                self.at += 1;
                return;
            }
        };
        self.at += 1;
        while !self.take(close) {
            match self.peek() {
                None => return,
                Some(Token::Mark("(" | "[" | "{")) if depth < DEPTH => self.pass_over(depth + 1),
                Some(_) => self.at += 1,
            }
        }
    }
}

/// A value as a piece of text.
fn plain(value: &Value) -> Option<&str> {
    match value {
        Value::Number(text) | Value::Text(text) => Some(text),
        _ => None,
    }
}

fn constant(word: &str) -> Value {
    match word {
        "MATURITY_ALPHA" => Value::Number("50".to_owned()),
        "MATURITY_BETA" => Value::Number("100".to_owned()),
        "MATURITY_RC" => Value::Number("150".to_owned()),
        "MATURITY_STABLE" => Value::Number("200".to_owned()),
        "ANY_VERSION" => Value::Text("any".to_owned()),
        _ => Value::Other,
    }
}
