//! `version.php`: what a plugin, or the core, says of itself. Read, never run.

use indexmap::IndexMap;

use super::php::{Assignment, Key, Value, assignments};

/// How finished a version is, in Moodle's numbers.
pub(super) const STABLE: u32 = 200;

/// What a plugin's `version.php` says. Numbers are kept as texts: `2025041400.00` is one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PluginVersion {
    pub(super) component: Option<String>,
    pub(super) version: Option<String>,
    /// The earliest core.
    pub(super) requires: Option<String>,
    /// Branch codes, both included.
    pub(super) supported: Option<(u32, u32)>,
    /// The first branch code that it does not work with.
    pub(super) incompatible: Option<u32>,
    pub(super) maturity: Option<u32>,
    pub(super) release: Option<String>,
    /// Component → earliest version; `None`: any.
    pub(super) dependencies: IndexMap<String, Option<String>>,
    /// Written as `$module`, as before Moodle 2.x ended.
    pub(super) legacy: bool,
    /// What Moodle itself would stumble over.
    pub(super) faults: Vec<String>,
}

/// What the core's `version.php` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CoreVersion {
    /// `2024100706.00`.
    pub(super) version: Option<String>,
    /// `4.5.6 (Build: 20250811)`.
    pub(super) release: Option<String>,
    /// `405`.
    pub(super) branch: Option<String>,
    pub(super) maturity: Option<u32>,
}

/// Reads a plugin's. Files are often not UTF-8 in their comments: what cannot be read is replaced.
pub(super) fn plugin(bytes: &[u8]) -> PluginVersion {
    let all = assignments(&String::from_utf8_lossy(bytes));
    let has =
        |variable: &str| all.iter().any(|found| found.variable == variable && found.property.as_deref() == Some("version") && number(&found.value).is_some());
    // Some files fill `$plugin` and copy it to `$module` for old cores.
    let variable = if has("plugin") || !has("module") { "plugin" } else { "module" };
    let mut read = PluginVersion { legacy: variable == "module", ..PluginVersion::default() };
    for Assignment { property, key, value, .. } in all.into_iter().filter(|found| found.variable == variable) {
        let Some(property) = property else { continue };
        match (property.as_str(), key) {
            ("dependencies", Key::At(Value::Text(component))) => depend(&mut read.dependencies, component, &value),
            ("component", Key::Whole) => read.component = text(&value),
            ("version", Key::Whole) => read.version = number(&value),
            ("requires", Key::Whole) => read.requires = number(&value),
            ("maturity", Key::Whole) => read.maturity = whole(&value),
            ("release", Key::Whole) => read.release = text(&value),
            ("supported", Key::Whole) => range(&mut read, &value),
            ("incompatible", Key::Whole) => incompatible(&mut read, &value),
            ("dependencies", Key::Whole) => {
                let Value::Array(items) = value else { continue };
                read.dependencies.clear();
                for (component, minimum) in items {
                    if let Some(Value::Text(component)) = component {
                        depend(&mut read.dependencies, component, &minimum);
                    }
                }
            }
            _ => {}
        }
    }
    read
}

/// Reads the core's.
pub(super) fn core(bytes: &[u8]) -> CoreVersion {
    let mut read = CoreVersion::default();
    for Assignment { variable, property, key, value } in assignments(&String::from_utf8_lossy(bytes)) {
        if property.is_some() || key != Key::Whole {
            continue;
        }
        match variable.as_str() {
            "version" => read.version = number(&value),
            "release" => read.release = text(&value),
            "branch" => read.branch = text(&value),
            "maturity" => read.maturity = whole(&value),
            _ => {}
        }
    }
    read
}

fn depend(dependencies: &mut IndexMap<String, Option<String>>, component: String, minimum: &Value) {
    match minimum {
        Value::Text(any) if any == "any" => {
            dependencies.insert(component, None);
        }
        other => {
            // What it asks for cannot be known: that the component is needed is.
            dependencies.insert(component, number(other));
        }
    }
}

fn range(read: &mut PluginVersion, value: &Value) {
    read.supported = None;
    let bounds = match value {
        Value::Array(items) if items.is_empty() => return,
        Value::Array(items) => items.iter().map(|(_, value)| if matches!(value, Value::Number(_)) { whole(value) } else { None }).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    match bounds[..] {
        [Some(from), Some(to)] if branch_order(from) <= branch_order(to) => read.supported = Some((from, to)),
        _ => read.faults.push("`$plugin->supported` is not a list of two branch numbers like `[404, 501]`, which stops Moodle".to_owned()),
    }
}

fn incompatible(read: &mut PluginVersion, value: &Value) {
    read.incompatible = whole(value);
    if read.incompatible.is_none() {
        read.faults.push("`$plugin->incompatible` is not a branch number like `405`, which stops Moodle".to_owned());
    }
}

/// Branch codes as (major, minor): 39 is 3.9, 310 is 3.10.
fn branch_order(code: u32) -> (u32, u32) {
    if code < 310 { (code / 10, code % 10) } else { (code / 100, code % 100) }
}

/// A number with at most a fraction; one without a sense (`.00`) is written without it.
fn number(value: &Value) -> Option<String> {
    let (Value::Number(text) | Value::Text(text)) = value else { return None };
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.get(..2).unwrap_or(fraction);
    Some(if fraction.bytes().all(|byte| byte == b'0') { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

fn whole(value: &Value) -> Option<u32> {
    let (Value::Number(text) | Value::Text(text)) = value else { return None };
    text.trim().parse().ok()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Number(text) | Value::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
