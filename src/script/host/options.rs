//! The map of options that a host function takes last: known keys only, values of the right sort.

use rhai::{Dynamic, Map};
use serde_json::Value;

use super::secret::{Secret, revealed};
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::script::value::from_script;

/// A function's options.
pub(super) struct Options {
    function: &'static str,
    map: Map,
}

impl Options {
    pub(super) fn none(function: &'static str) -> Self {
        Self { function, map: Map::new() }
    }

    pub(super) fn read(function: &'static str, map: Map, keys: &[&str]) -> Result<Self> {
        if let Some(key) = map.keys().find(|key| !keys.contains(&key.as_str())) {
            let error = Error::new(ErrorKind::Invalid, format!("`{function}` has no option `{}`", key.escape_debug()));
            return Err(match nearest(key, keys.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("it knows {}", keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))),
            });
        }
        Ok(Self { function, map })
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        Error::new(ErrorKind::Invalid, format!("the option `{key}` of `{}` must be {what}", self.function))
    }

    /// A value; `()` counts as none.
    pub(super) fn value(&self, key: &str) -> Option<&Dynamic> {
        self.map.get(key).filter(|value| !value.is_unit())
    }

    /// A text that may be a secret.
    pub(super) fn revealed(&self, key: &str) -> Result<Option<String>> {
        self.value(key).map(|value| revealed(value).ok_or_else(|| self.wrong(key, "a text or a secret"))).transpose()
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        self.value(key).map(|value| value.clone().into_string().map_err(|_| self.wrong(key, "a text"))).transpose()
    }

    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>> {
        self.value(key).map(|value| value.as_bool().map_err(|_| self.wrong(key, "true or false"))).transpose()
    }

    /// A number of at least 1.
    pub(super) fn count(&self, key: &str) -> Result<Option<u64>> {
        let read = |value: &Dynamic| value.as_int().ok().and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
        self.value(key).map(|value| read(value).ok_or_else(|| self.wrong(key, "a whole number above 0"))).transpose()
    }

    /// Names and texts, some of them secrets.
    pub(super) fn pairs(&self, key: &str) -> Result<Vec<(String, String)>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(key, "a map of texts and secrets");
        let map = value.as_map_ref().map_err(|_| wrong())?;
        let mut pairs = Vec::new();
        for (name, value) in map.iter() {
            match value.as_array_ref() {
                Ok(list) => {
                    for one in list.iter() {
                        pairs.push((name.to_string(), revealed(one).ok_or_else(wrong)?));
                    }
                }
                Err(_) if value.is_unit() => {}
                Err(_) => pairs.push((name.to_string(), revealed(value).ok_or_else(wrong)?)),
            }
        }
        Ok(pairs)
    }

    /// Any value as JSON, secrets put in.
    pub(super) fn json(&self, key: &str) -> Result<Option<Value>> {
        self.value(key).map(|value| with_secrets(value, 0).map_err(|what| self.wrong(key, "a value that can be written as JSON").note(what))).transpose()
    }
}

fn with_secrets(value: &Dynamic, depth: usize) -> Result<Value, String> {
    if depth > 64 {
        return Err("it is nested too deep".to_owned());
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return Ok(Value::String(secret.value().to_owned()));
    }
    if let Ok(map) = value.as_map_ref() {
        return map.iter().map(|(key, one)| Ok((key.to_string(), with_secrets(one, depth + 1)?))).collect::<Result<_, String>>().map(Value::Object);
    }
    if let Ok(list) = value.as_array_ref() {
        return list.iter().map(|one| with_secrets(one, depth + 1)).collect::<Result<_, String>>().map(Value::Array);
    }
    from_script(value)
}
