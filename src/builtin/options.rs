//! Options of `use = …` as structs: unknown keys are errors that name the nearest known one and show the place.

mod place;

use std::cell::Cell;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_json::{Map, Value};

use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::manifest::UseSpec;

/// The options of an implementation. `T` has `#[serde(deny_unknown_fields)]` and a default for every field.
///
/// # Errors
/// `Manifest`: every unknown key, or the first value of a wrong type.
pub fn read<T: DeserializeOwned>(spec: &UseSpec) -> Result<T> {
    table(spec, "", &spec.options)
}

/// As [`read`], of a table inside the options (`path` is what leads there: `types.plugins`).
///
/// # Errors
/// As [`read`].
pub fn nested<T: DeserializeOwned>(spec: &UseSpec, path: &str, value: &Value) -> Result<T> {
    match value {
        Value::Object(map) => table(spec, path, map),
        other => Err(wrong(spec, path, &format!("`{path}` is {}, not a table", kind_of(other)))),
    }
}

/// A fault of one option, with the place where it was said.
pub fn wrong(spec: &UseSpec, key: &str, message: &str) -> Error {
    at(spec, key, Error::new(ErrorKind::Manifest, message))
}

/// A fault with the place where an option was said.
pub fn at(spec: &UseSpec, key: &str, error: Error) -> Error {
    match place(spec, key) {
        Some(excerpt) => error.at(excerpt),
        None => error,
    }
}

/// An option that must be there.
///
/// # Errors
/// `Manifest` when it is not.
pub fn required<T>(spec: &UseSpec, key: &str, value: Option<T>, example: &str) -> Result<T> {
    value.ok_or_else(|| wrong(spec, "", &format!("`builtin:{}` needs the option `{key}`", spec.target)).hint(format!("for instance `{key} = {example}`")))
}

fn table<T: DeserializeOwned>(spec: &UseSpec, path: &str, map: &Map<String, Value>) -> Result<T> {
    let known = fields::<T>();
    let full = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let unknown = map.keys().filter(|key| !known.contains(&key.as_str())).map(|key| {
        let error = wrong(spec, &full(key), &format!("`builtin:{}` has no option `{}`", spec.target, full(key).escape_debug()));
        match nearest(key, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("it knows {}", listed(known))),
        }
    });
    if let Some(error) = Error::all(unknown.collect()) {
        return Err(error);
    }
    serde_json::from_value(Value::Object(map.clone())).map_err(|fault| {
        // serde does not say which key it was at: the one that fails alone.
        let guilty = map.iter().find(|(key, value)| {
            let alone = Map::from_iter([((*key).clone(), (*value).clone())]);
            serde_json::from_value::<T>(Value::Object(alone)).is_err()
        });
        let key = guilty.map_or(path.to_owned(), |(key, _)| full(key));
        wrong(spec, &key, &format!("option `{key}` of `builtin:{}` cannot be read: {fault}", spec.target))
    })
}

/// `a`, `b` and `c`, in backticks.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// The place of the `use`, or that of the key beside it, where it can be found in the text.
fn place(spec: &UseSpec, key: &str) -> Option<Excerpt> {
    let mut excerpt = spec.place.clone()?;
    if let Some(found) = place::of_key(&excerpt.text, excerpt.span.clone(), key) {
        excerpt.span = found;
    }
    Some(excerpt)
}

/// The keys that a struct reads, as serde names them.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let seen = Cell::new(&[] as &[&str]);
    let _ = T::deserialize(Probe(&seen));
    seen.get()
}

/// Asks a type for its fields and gives it nothing.
struct Probe<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only structs have fields"))
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Self::Error> {
        self.0.set(fields);
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use serde::Deserialize;

    use super::*;
    use crate::manifest::UseKind;

    /// A spec with these options (as JSON), for tests of constructors.
    pub(crate) fn spec(target: &str, options: &Value, base: &std::path::Path) -> UseSpec {
        UseSpec {
            kind: UseKind::Builtin,
            target: target.to_owned(),
            name: Some("test".to_owned()),
            options: options.as_object().cloned().unwrap_or_default(),
            place: None,
            base: base.to_owned(),
        }
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    struct Sample {
        url: Option<String>,
        max_size: Option<u64>,
    }

    fn sample(text: &str, options: &Value) -> Result<Sample> {
        let mut spec = spec("sample", options, &PathBuf::from("/"));
        spec.place = Some(Excerpt { path: "greffon.toml".into(), text: text.to_owned(), span: 0..text.len(), label: String::new() });
        read(&spec)
    }

    #[test]
    fn an_unknown_option_is_shown_where_it_stands_with_the_nearest_known_one() {
        let text = "use = \"builtin:sample\"\nmax-sise = 3\n";
        let error = sample(text, &serde_json::json!({ "max-sise": 3 })).expect_err("there is no such option");
        assert_eq!(error.message(), "`builtin:sample` has no option `max-sise`");
        assert_eq!(error.hints(), ["did you mean `max-size`?"]);
        assert_eq!(&text[error.excerpts()[0].span.clone()], "max-sise");
    }

    #[test]
    fn a_value_of_a_wrong_type_names_its_key() {
        let error = sample("", &serde_json::json!({ "url": "x", "max-size": "much" })).expect_err("not a number");
        assert!(error.message().starts_with("option `max-size` of `builtin:sample` cannot be read"), "{error}");
        let fine = sample("", &serde_json::json!({ "url": "x", "max-size": 7 })).expect("both are right");
        assert_eq!((fine.url.as_deref(), fine.max_size), (Some("x"), Some(7)));
    }
}
