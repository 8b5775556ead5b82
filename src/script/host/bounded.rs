//! Documents that are measured before they are read: what is read of a small text may be many times as large, and a reader cannot be
//! stopped half-way.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

/// So many values are read as maps and lists.
pub(super) const AS_VALUES: usize = 500_000;
/// So many values are read as a document.
pub(super) const AS_DOCUMENT: usize = 2_000_000;

/// Reads JSON of at most so many values.
///
/// # Errors
/// `Invalid` for what is no JSON, or more of it.
pub(super) fn json(bytes: &[u8], most: usize) -> Result<Value> {
    let invalid = |what: String| Error::new(ErrorKind::Invalid, what);
    let count = values(bytes);
    if count > most {
        let error = invalid(format!("this JSON holds about {count} values, more than the {most} that are read"));
        return Err(if most < AS_DOCUMENT { error.hint("read it as a document: `json::doc`, `answer.doc()`") } else { error });
    }
    serde_json::from_slice(bytes).map_err(|error| invalid(format!("this is no JSON: {error}")))
}

/// How many values a JSON text holds at most.
fn values(bytes: &[u8]) -> usize {
    let (mut count, mut quoted, mut escaped) = (1, false, false);
    for byte in bytes {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b',' | b'[' | b'{') => count += 1,
            _ => {}
        }
    }
    count
}

/// Bytes of a TOML text.
const TOML: usize = 2 << 20;

/// Whether a TOML text can be read.
///
/// # Errors
/// `Invalid` for one that is too large.
pub(super) fn toml(text: &str) -> Result<()> {
    if text.len() > TOML || values(text.as_bytes()) > AS_VALUES {
        return Err(Error::new(ErrorKind::Invalid, format!("this TOML is larger than {TOML} bytes, or holds more than {AS_VALUES} values")));
    }
    Ok(())
}

/// Elements within each other.
const DEEPEST: usize = 200;
/// Attributes of one element: each is compared with all others.
const ATTRIBUTES: usize = 1_000;
/// Names of namespaces: each is copied into every element below.
const NAMESPACES: usize = 10_000;

/// Whether an XML text can be read in a time that goes with its length.
///
/// # Errors
/// `Invalid` naming what there is too much of. What is no XML may pass: the reader says so.
pub(super) fn xml(text: &str) -> Result<()> {
    let invalid = |what: String| Err(Error::new(ErrorKind::Invalid, format!("this XML has more than {what}")));
    if text.matches("xmlns").nth(NAMESPACES).is_some() {
        return invalid(format!("{NAMESPACES} namespaces"));
    }
    let (mut rest, mut depth) = (text, 0_usize);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let aside = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")].into_iter().find(|(begin, _)| rest.starts_with(begin));
        if let Some((_, end)) = aside {
            rest = rest.find(end).map_or("", |at| &rest[at + end.len()..]);
            continue;
        }
        if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
            continue;
        }
        let (mut quote, mut attributes, mut before) = (None, 0, b' ');
        for (at, byte) in rest.bytes().enumerate() {
            match (quote, byte) {
                (Some(mark), byte) if mark == byte => quote = None,
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => attributes += 1,
                (None, b'>') => {
                    depth += usize::from(before != b'/');
                    rest = &rest[at + 1..];
                    break;
                }
                _ => {}
            }
            before = byte;
        }
        if attributes > ATTRIBUTES {
            return invalid(format!("{ATTRIBUTES} attributes in one element"));
        }
        if depth > DEEPEST {
            return invalid(format!("{DEEPEST} elements within each other"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_before_they_are_made() {
        assert_eq!(values(br#"{"a": [1, 2, {"b": "x,[{\"\\"}], "c": null}"#), 7);
        assert!(json(format!("[{}0]", "0,".repeat(50)).as_bytes(), 50).is_err());
        assert_eq!(json(b"[1, \"a,b\"]", 3).expect("it fits"), serde_json::json!([1, "a,b"]));
    }

    #[test]
    fn what_would_be_read_for_hours_is_refused() {
        let attributes: String = (0..2_000).map(|number| format!(" a{number}='>='")).collect();
        assert!(xml(&format!("<x{attributes}/>")).is_err());
        assert!(xml(&"<a>".repeat(300)).is_err());
        assert!(xml(&"<a xmlns:b='c'/>".repeat(20_000)).is_err());
        assert!(xml(&format!("<r>{}</r>", "<a b='>'/><!-- <<< --><![CDATA[<a><a>]]><c></c>".repeat(1_000))).is_ok());
        assert!(xml("<").is_ok() && xml("<a b='").is_ok() && xml("").is_ok());
    }
}
