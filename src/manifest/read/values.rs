//! The values that shapes are made of.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use toml::de::DeValue;

use super::{FromToml, Reader, Value};

/// A value with the bytes it was read from.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct At<T> {
    pub(in crate::manifest) value: T,
    pub(in crate::manifest) span: Range<usize>,
}

/// A table with free keys, in the order of the file.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Entries<V>(pub(in crate::manifest) Vec<Entry<V>>);

/// One key of a table with free keys.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Entry<V> {
    pub(in crate::manifest) key: At<String>,
    pub(in crate::manifest) value: V,
}

/// A value that was checked as `T` and is passed on as JSON.
#[allow(clippy::struct_field_names)] // `json` says it
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Json<T = Anything> {
    pub(in crate::manifest) json: serde_json::Value,
    #[allow(dead_code)]
    pub(in crate::manifest) shape: T,
    pub(in crate::manifest) span: Range<usize>,
}

/// Any value.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Anything;

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: FromToml> FromToml for At<T> {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { value: T::from_toml(value, reader)?, span: value.span() })
    }
}

impl FromToml for String {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            reader.wrong_type(value, "a text");
        }
        text.map(str::to_owned)
    }
}

impl FromToml for bool {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            reader.wrong_type(value, "`true` or `false`");
        }
        flag
    }
}

impl FromToml for u32 {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(number) = value.get_ref().as_integer() else {
            reader.wrong_type(value, "a whole number");
            return None;
        };
        let number = Self::from_str_radix(number.as_str(), number.radix()).ok();
        if number.is_none() {
            let error = reader.error(value.span(), "", format!("`{}` must be a whole number from 0 to {}", reader.path(), Self::MAX));
            reader.fault(error);
        }
        number
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(list) = value.get_ref().as_array() else {
            reader.wrong_type(value, "a list");
            return None;
        };
        Some(list.iter().filter_map(|item| T::from_toml(item, reader)).collect())
    }
}

impl<V: FromToml> FromToml for Entries<V> {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            reader.wrong_type(value, "a table");
            return None;
        };
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let Some(read) = reader.within(name, key.span(), |reader| V::from_toml(value, reader)) {
                entries.push(Entry { key: At { value: name.to_owned(), span: key.span() }, value: read });
            }
        }
        Some(Self(entries))
    }
}

impl FromToml for Anything {
    fn from_toml(_: &Value<'_>, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self)
    }
}

impl<T: FromToml> FromToml for Json<T> {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let shape = T::from_toml(value, reader)?;
        Some(Self { json: json_of(value.get_ref()), shape, span: value.span() })
    }
}

/// A TOML value as JSON: dates become texts; a number that JSON cannot hold becomes its text.
pub(in crate::manifest) fn json_of(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => serde_json::Value::from(text.as_ref()),
        DeValue::Boolean(flag) => serde_json::Value::from(*flag),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| serde_json::Value::from(number.to_string()), serde_json::Value::from)
        }
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or_else(|| serde_json::Value::from(number.to_string()), serde_json::Value::Number),
        DeValue::Datetime(date) => serde_json::Value::from(date.to_string()),
        DeValue::Array(list) => list.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => serde_json::Value::Object(json_table(table)),
    }
}

/// A TOML table as a JSON object, in order.
pub(in crate::manifest) fn json_table(table: &toml::de::DeTable<'_>) -> serde_json::Map<String, serde_json::Value> {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref()))).collect()
}

macro_rules! schema_as {
    ($wrapper:ident<$param:ident> as $as:ty) => {
        impl<$param: JsonSchema> JsonSchema for $wrapper<$param> {
            fn inline_schema() -> bool {
                <$as>::inline_schema()
            }
            fn schema_name() -> Cow<'static, str> {
                <$as>::schema_name()
            }
            fn schema_id() -> Cow<'static, str> {
                <$as>::schema_id()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$as>::json_schema(generator)
            }
        }
    };
}

schema_as!(At<T> as T);
schema_as!(Json<T> as T);
schema_as!(Entries<V> as std::collections::BTreeMap<String, V>);

impl JsonSchema for Anything {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}
