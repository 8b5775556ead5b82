//! The last net under secrets: whatever an error says or quotes, a password in a url is not readable in it.

use std::borrow::Cow;

/// The text with each byte of a url's password as `*`. Its length stays, so that places in it do.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains("://") || !text.contains('@') || is_off() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        let end = text[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>'))
            .map_or(text.len(), |end| start + end);
        let Some(sign) = text[start..end].rfind('@') else { continue };
        if let Some(colon) = text[start..start + sign].find(':') {
            bytes[start + colon + 1..start + sign].fill(b'*');
        }
    }
    // Whole characters were replaced, between two of ASCII.
    String::from_utf8(bytes).map_or(Cow::Borrowed("…"), Cow::Owned)
}

/// `GREFFON_BREAK=redact`: the broken twin, in debug builds only.
fn is_off() -> bool {
    cfg!(debug_assertions) && std::env::var("GREFFON_BREAK").is_ok_and(|names| names.split(',').any(|name| name == "redact"))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn passwords_go_and_places_stay() {
        for (text, shown) in [
            ("no url", "no url"),
            ("a@b and https://h/x@y", "a@b and https://h/x@y"),
            ("`https://ann:pw@h/x` and \"ftp://b:é@h\"", "`https://ann:**@h/x` and \"ftp://b:**@h\""),
            ("http://ann:p@w:x@h:80/a", "http://ann:*****@h:80/a"),
            ("ssh://git@h:22/x", "ssh://git@h:22/x"),
            ("://:x@", "://:*@"),
        ] {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(text).len(), text.len());
        }
    }
}
