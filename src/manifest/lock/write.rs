//! Writing: sorted, one thing a line.

use std::fmt::Write;

use super::facts::tidy;
use super::read::{SCHEMA, is_discriminator};
use crate::manifest::read::{toml_inline, toml_key, toml_string};
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
        let _ = writeln!(text, "{} = {}", toml_string(&format!("{}@{}", key.id, pin_text(&key.pin))), toml_inline(&value));
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
            let _ = writeln!(text, "{} = {{ hash = {} }}", toml_key(name), toml_string(hash));
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
