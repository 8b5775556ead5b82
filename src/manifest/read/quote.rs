//! Writing single keys and strings of TOML, always on one line.

use std::fmt::Write;

/// A TOML basic string. Control and invisible characters are escaped.
pub(in crate::manifest) fn toml_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A TOML key, quoted only where it must be.
pub(in crate::manifest) fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { toml_string(key) }
}

/// A JSON value as TOML, on one line. TOML has no null: it becomes an empty text.
pub(in crate::manifest) fn toml_inline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) if map.is_empty() => "{}".to_owned(),
        serde_json::Value::Object(map) => {
            let parts: Vec<String> = map.iter().map(|(key, value)| format!("{} = {}", toml_key(key), toml_inline(value))).collect();
            format!("{{ {} }}", parts.join(", "))
        }
        serde_json::Value::Array(list) => format!("[{}]", list.iter().map(toml_inline).collect::<Vec<_>>().join(", ")),
        serde_json::Value::String(text) => toml_string(text),
        serde_json::Value::Null => "\"\"".to_owned(),
        other => other.to_string(),
    }
}
