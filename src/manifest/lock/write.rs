//! Writing: sorted, one thing a line.

use std::fmt::Write;

use serde_json::Value;

use super::facts::tidy;
use super::read::{SCHEMA, is_discriminator};
use crate::manifest::read::toml_key;
use crate::manifest::read::toml_string;
use crate::model::{Lock, Pin};

/// The lockfile's text: sorted, one element a line, ending in a newline.
#[must_use]
pub fn write_lock(lock: &Lock) -> String {
    let lock = tidy(lock);
    let mut text = format!(
        "# Written by greffon, line by line so that branches merge. Change it with `greffon lock` and `greffon update`.\nschema = {SCHEMA}\n\n[elements]\n"
    );
    for (key, element) in &lock.elements {
        let value = serde_json::to_value(element).unwrap_or_default();
        let _ = writeln!(text, "{} = {}", toml_string(&format!("{}@{}", key.id, pin_text(&key.pin))), inline(&value));
    }
    if !lock.shared.is_empty() {
        text.push_str("\n[shared]\n");
        for (id, pin) in &lock.shared {
            let _ = writeln!(text, "{} = {}", toml_string(&id.to_string()), toml_string(&pin_text(pin)));
        }
    }
    if !lock.sites.is_empty() {
        text.push_str("\n[sites]\n");
        for (site, pins) in &lock.sites {
            for (id, pin) in pins {
                let _ = writeln!(text, "{}.{} = {}", toml_key(site), toml_string(&id.to_string()), toml_string(&pin_text(pin)));
            }
        }
    }
    if !lock.extensions.is_empty() {
        text.push_str("\n[extensions]\n");
        for (name, hash) in &lock.extensions {
            let _ = writeln!(text, "{} = {}", toml_key(name), toml_string(hash));
        }
    }
    text
}

/// `version[!discriminator]`; a version that itself looks so gets an empty discriminator, to be read back as it was.
fn pin_text(pin: &Pin) -> String {
    let version = pin.version.as_str();
    if !pin.discriminator.is_empty() {
        return format!("{version}!{}", pin.discriminator);
    }
    match version.rsplit_once('!') {
        Some((_, end)) if end.is_empty() || is_discriminator(end) => format!("{version}!"),
        _ => version.to_owned(),
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let parts: Vec<String> = map.iter().map(|(key, value)| format!("{} = {}", toml_key(key), inline(value))).collect();
            format!("{{ {} }}", parts.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) => toml_string(text),
        Value::Null => "\"\"".to_owned(),
        other => other.to_string(),
    }
}
