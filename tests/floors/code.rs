//! Rust sources without comments, strings and tests: enough to see what a file uses.

use std::collections::HashSet;

/// One file.
pub(crate) struct Source {
    /// From the project's root, with `/`.
    pub(crate) path: String,
    /// Lines of the whole file.
    pub(crate) lines: usize,
    /// The modules on the way to it: `["site", "apply"]`.
    pub(crate) modules: Vec<String>,
    /// Words and signs of what is no test, each with its line.
    pub(crate) words: Vec<(usize, String)>,
}

impl Source {
    /// Reads files, given as path and text; test modules are left out.
    pub(crate) fn read_all(files: Vec<(String, String)>) -> Vec<Self> {
        let mut sources = Vec::new();
        let mut tests = HashSet::new();
        for (path, text) in files {
            let modules = modules(&path);
            let (words, declared) = without_tests(&words(&text));
            for name in declared {
                let mut at = modules.clone();
                at.push(name);
                tests.insert(at);
            }
            sources.push(Self { lines: text.lines().count(), path, modules, words });
        }
        for source in &mut sources {
            if (1..=source.modules.len()).any(|depth| tests.contains(&source.modules[..depth])) {
                source.words.clear();
            }
        }
        sources
    }
}

fn modules(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut modules: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if modules.last().is_some_and(|last| last == "mod" || last == "lib") {
        modules.pop();
    }
    modules
}

/// Takes `#[cfg(test)] mod name { … }` out; gives the names of `#[cfg(test)] mod name;` as well.
fn without_tests(words: &[(usize, String)]) -> (Vec<(usize, String)>, Vec<String>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut declared) = (Vec::new(), Vec::new());
    let is = |at: usize, word: &str| words.get(at).is_some_and(|(_, found)| found == word);
    let mut at = 0;
    while at < words.len() {
        if (0..MARK.len()).all(|n| is(at + n, MARK[n])) {
            let mut module = at + MARK.len();
            while is(module, "#") {
                module = closing(words, module + 1) + 1;
            }
            if is(module, "pub") {
                module += 1;
            }
            if is(module, "mod") && is(module + 2, "{") {
                at = closing(words, module + 2) + 1;
                continue;
            }
            if is(module, "mod") && is(module + 2, ";") {
                declared.push(words[module + 1].1.clone());
            }
        }
        kept.push(words[at].clone());
        at += 1;
    }
    (kept, declared)
}

/// The place of the bracket that closes the one at `open`.
fn closing(words: &[(usize, String)], open: usize) -> usize {
    let mut depth = 0;
    for (at, (_, word)) in words.iter().enumerate().skip(open) {
        match word.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    words.len()
}

/// Identifiers, `::`, and single signs, each with its 1-based line; comments, strings, characters and lifetimes are left out.
fn words(text: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let (mut words, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(&c) = chars.get(at) {
        let start = at;
        at = match c {
            '/' if chars.get(at + 1) == Some(&'/') => until(&chars, at, |rest| rest[0] == '\n'),
            '/' if chars.get(at + 1) == Some(&'*') => after_block_comment(&chars, at),
            '"' => after_string(&chars, at),
            '\'' => after_quote(&chars, at),
            c if c.is_alphanumeric() || c == '_' => {
                let end = until(&chars, at, |rest| !(rest[0].is_alphanumeric() || rest[0] == '_'));
                let word: String = chars[at..end].iter().collect();
                if let Some(after) = raw_string(&chars, &word, end) {
                    after
                } else {
                    words.push((line, word));
                    end
                }
            }
            ':' if chars.get(at + 1) == Some(&':') => {
                words.push((line, "::".to_owned()));
                at + 2
            }
            c => {
                if !c.is_whitespace() {
                    words.push((line, c.to_string()));
                }
                at + 1
            }
        };
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    words
}

fn until(chars: &[char], from: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| stop(&chars[*at..])).unwrap_or(chars.len())
}

fn after_block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if chars[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn after_string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// Behind a character, or behind the mark of a lifetime.
fn after_quote(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => until(chars, from + 3, |rest| rest[0] == '\'') + 1,
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
    .min(chars.len())
}

/// Behind a raw string, when the word just read was its `r` or `br`.
fn raw_string(chars: &[char], word: &str, end: usize) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[end..].iter().take_while(|c| **c == '#').count();
    if chars.get(end + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    Some((until(chars, end + hashes + 1, |rest| rest.starts_with(&close)) + close.len()).min(chars.len()))
}
