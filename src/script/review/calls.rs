//! The calls and functions of a script, found in its words.

use std::ops::Range;

use super::tokens::{Kind, Token, tokens};

/// A call in a script's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The module before `::`.
    pub(super) module: Option<String>,
    /// The function.
    pub(super) function: String,
    /// How many values it is given.
    pub(super) count: usize,
    /// Whether it is `value.function(…)`.
    pub(super) method: bool,
    /// The first value, where it is a text written out; of a list its first.
    pub(super) first: Option<String>,
    /// From the module or the function to the end of its name.
    pub(super) span: Range<usize>,
}

/// A function of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: usize,
    /// The line above that describes it.
    pub(super) about: Option<String>,
}

/// What a script's text holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) calls: Vec<Call>,
    pub(super) functions: Vec<Function>,
    /// The names of its imports.
    pub(super) imports: Vec<String>,
}

/// Keywords that may stand before a bracket.
const KEYWORDS: [&str; 20] = [
    "if",
    "else",
    "while",
    "loop",
    "for",
    "in",
    "switch",
    "return",
    "throw",
    "catch",
    "try",
    "let",
    "const",
    "do",
    "until",
    "import",
    "export",
    "as",
    "break",
    "is_shared",
];

/// Reads a text.
pub(super) fn content(text: &str) -> Content {
    let all = tokens(text);
    let word = |at: usize| all.get(at).map_or("", |token: &Token| &text[token.span.clone()]);
    let is = |at: usize, kind: Kind| all.get(at).is_some_and(|token| token.kind == kind);
    let mut content = Content::default();
    for at in 0..all.len() {
        if !is(at, Kind::Name) {
            continue;
        }
        let name = word(at);
        if name == "fn" && is(at + 1, Kind::Name) && word(at + 2) == "(" {
            let parameters = arguments(text, &all, at + 2).0;
            content.functions.push(Function { name: word(at + 1).to_owned(), parameters, about: described(text, all[at].span.start) });
            continue;
        }
        if name == "as" && is(at + 1, Kind::Name) && (1..=at.min(3)).any(|back| word(at - back) == "import") {
            content.imports.push(word(at + 1).to_owned());
            continue;
        }
        let before = if at == 0 { "" } else { word(at - 1) };
        if word(at + 1) != "(" || before == "fn" || KEYWORDS.contains(&name) {
            continue;
        }
        let module = (before == "::" && at >= 2 && is(at - 2, Kind::Name)).then(|| word(at - 2).to_owned());
        let (count, first) = arguments(text, &all, at + 1);
        let start = if module.is_some() { all[at - 2].span.start } else { all[at].span.start };
        let method = matches!(before, "." | "?.");
        content.calls.push(Call { module, function: name.to_owned(), count, method, first, span: start..all[at].span.end });
    }
    content
}

/// How many values stand between the bracket at `open` and the one that closes it, and the first where it is a text.
fn arguments(text: &str, all: &[Token], open: usize) -> (usize, Option<String>) {
    let word = |at: usize| &text[all[at].span.clone()];
    let (mut depth, mut count, mut empty) = (0_usize, 0_usize, true);
    let mut at = open;
    let mut first = None;
    let mut inside: Option<usize> = None;
    while at < all.len() {
        let sign = all[at].kind == Kind::Sign;
        // The values within a text are counted no second time.
        if all[at].kind == Kind::Mixed {
            inside = Some(all[at].span.end);
            empty = false;
            at += 1;
            continue;
        }
        if inside.is_some_and(|end| all[at].span.start < end) {
            at += 1;
            continue;
        }
        inside = None;
        match word(at) {
            "(" | "[" | "{" | "#{" if sign => depth += 1,
            ")" | "]" | "}" if sign => {
                depth -= 1;
                if depth == 0 {
                    return (if empty { 0 } else { count + 1 }, first);
                }
            }
            "," if sign && depth == 1 => count += 1,
            // A closure's parameters are no values.
            "|" if sign && at > open && matches!(word(at - 1), "(" | "," | "=" | "return" | ":" | "{" | ";") => {
                at += 1;
                while at < all.len() && word(at) != "|" {
                    at += 1;
                }
            }
            _ => {}
        }
        if at > open && !(count > 0 && sign && word(at) == ",") {
            empty = false;
        }
        if first.is_none() && count == 0 && (at == open + 1 || (at == open + 2 && word(open + 1) == "[")) && all[at].kind == Kind::Text {
            first = written(word(at));
        }
        at += 1;
    }
    (if empty { 0 } else { count + 1 }, first)
}

/// The text that a quoted one stands for, where it is plain.
fn written(quoted: &str) -> Option<String> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let plain = matches!(quoted.chars().next(), Some('"' | '`')) && !inner.contains(['\\', '"', '`', '#']);
    plain.then(|| inner.to_owned())
}

/// The comment right above a function.
fn described(text: &str, start: usize) -> Option<String> {
    let above = text[..start].trim_end_matches([' ', '\t']);
    // `private fn` and the like stand on the line of the function.
    let above = above.strip_suffix("private").map_or(above, |above| above.trim_end_matches([' ', '\t']));
    let mut lines = Vec::new();
    for line in above.strip_suffix('\n')?.lines().rev() {
        match line.trim().strip_prefix("//") {
            Some(told) => lines.push(told.trim_start_matches('/').trim()),
            None => break,
        }
    }
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted() {
        let content = content(
            "import \"lib/x\" as x;\n// Gives\n// versions.\nfn versions(request, host) { http::get(\"https://a.example/\", #{ a: [1, 2], b: f(1, 2) }); list.sort(|a, b| a - b); run([\"php\", 1]); g(); x::y(`a ${h(1, 2)}, b`); if (a) { } }\nprivate fn g() {}",
        );
        let told: Vec<(String, usize, Option<&str>)> = content
            .calls
            .iter()
            .map(|call| (call.module.iter().chain([&call.function]).cloned().collect::<Vec<_>>().join("::"), call.count, call.first.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("http::get".to_owned(), 2, Some("https://a.example/")),
                ("f".to_owned(), 2, None),
                ("sort".to_owned(), 1, None),
                ("run".to_owned(), 1, Some("php")),
                ("g".to_owned(), 0, None),
                ("x::y".to_owned(), 1, None),
                ("h".to_owned(), 2, None),
            ]
        );
        assert_eq!(content.functions[0], Function { name: "versions".into(), parameters: 2, about: Some("Gives versions.".into()) });
        assert_eq!((content.functions[1].name.as_str(), content.functions[1].parameters), ("g", 0));
        assert_eq!(content.imports, ["x"]);
    }
}
