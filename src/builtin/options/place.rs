//! Where an option stands: beside the `use` that it belongs to, in the same braces or below the same header.

use std::ops::Range;

/// The bytes of a key such as `max-size` or `types.plugins.path`; `None` where the text does not show them.
pub(super) fn of_key(text: &str, used: Range<usize>, key: &str) -> Option<Range<usize>> {
    let words: Vec<&str> = key.split('.').filter(|word| !word.is_empty()).collect();
    let range = table(text, &used)?;
    let found = words_in(text, range.clone(), &words);
    // A table of the options may have a header of its own, further down.
    found.or_else(|| if words.len() > 1 && !text[range.clone()].starts_with('{') { words_in(text, range.start..text.len(), &words) } else { None })
}

/// One word after the other, each within what follows the one before.
fn words_in(text: &str, range: Range<usize>, words: &[&str]) -> Option<Range<usize>> {
    let mut from = range.start;
    let mut found = None;
    for word in words {
        let at = from + word_in(text.get(from..range.end)?, word)?;
        found = Some(at..at + word.len());
        from = at + word.len();
    }
    found
}

/// Where a word stands as a key: before `=`, or as a part of a dotted key or a header.
fn word_in(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let after = text[at + word.len()..].trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
        let line = &text[text[..*at].rfind('\n').map_or(0, |end| end + 1)..*at];
        let alone = !line.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
        alone && !line.trim_start().starts_with('#') && after.starts_with(['=', '.', ']'])
    })
}

/// The table that the `use` stands in: from brace to brace, or from its header to the next.
fn table(text: &str, used: &Range<usize>) -> Option<Range<usize>> {
    let before = text.get(..used.start)?;
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    if let Some(open) = open_brace(&before[line..]) {
        let start = line + open;
        return Some(start..start + length(&text[start..]));
    }
    let start = before.rfind("\n[").map_or(0, |end| end + 1);
    let end = text[used.end..].find("\n[").map_or(text.len(), |end| used.end + end);
    Some(start..end)
}

/// The last brace of a line's beginning that is still open at its end.
fn open_brace(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    for (at, c) in outside_quotes(text) {
        match c {
            '{' => open.push(at),
            '}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// How long a text is that begins with a brace, up to the one that closes it.
fn length(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in outside_quotes(text) {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if *c == '\\' => escaped = true,
            Some(open) if *c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(*c),
            None => return true,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::of_key;

    fn line_of(text: &str, used: &str, key: &str) -> Option<usize> {
        let at = text.find(used).expect("it stands there");
        of_key(text, at..at + used.len(), key).map(|found| text[..found.start].matches('\n').count() + 1)
    }

    #[test]
    fn an_option_is_found_beside_its_use() {
        let text = "[config]\nstock = { path = \"}x{\", use = \"builtin:store\" }\ninstaller = { use = \"builtin:tree\",\n  types = { core = \".\",\n    plugins = { path = \"../x\", subdir = \"y\" } } }\n\n[[config.repositories]]\nurl = \"a\"\nuse = \"builtin:index\"\nname = \"x\"\n\n[[config.repositories]]\nuse = \"builtin:git\"\nurl = \"b\"\n";
        assert_eq!(line_of(text, "\"builtin:store\"", "path"), Some(2));
        assert_eq!(line_of(text, "\"builtin:tree\"", "types.plugins"), Some(5));
        assert_eq!(line_of(text, "\"builtin:tree\"", "types.core"), Some(4));
        assert_eq!(line_of(text, "\"builtin:tree\"", "nothing"), None);
        assert_eq!(line_of(text, "\"builtin:index\"", "url"), Some(8));
        assert_eq!(line_of(text, "\"builtin:git\"", "url"), Some(14));
        let headers =
            "[config.installer]\nuse = \"builtin:tree\"\n\n[config.installer.types]\ncore = \".\"\n\n[config.installer.types.plugins]\npath = \"x\"\n";
        assert_eq!(line_of(headers, "\"builtin:tree\"", "types.core"), Some(5));
        assert_eq!(line_of(headers, "\"builtin:tree\"", "types.plugins.path"), Some(8));
    }
}
