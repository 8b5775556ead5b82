//! Shapes: structs that say which keys a table may hold. From one list come the reader and the JSON Schema.

use super::{Reader, Value};

/// What can be read from a TOML value. Errors go to the reader; `None` says that there was one.
pub(in crate::manifest) trait FromToml: Sized {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// Declares a table: `"key" => field: Type` for each key it may hold; every field becomes an `Option`.
macro_rules! shape {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $key:literal => $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        #[allow(clippy::struct_field_names)] // fields are named as the keys of the file are
        pub(in crate::manifest) struct $name {
            $($(#[$field_meta])* #[schemars(rename = $key)] pub(in crate::manifest) $field: Option<$type>,)*
        }

        impl $name {
            /// The keys that are read.
            #[allow(dead_code)]
            pub(in crate::manifest) const KEYS: &[&str] = &[$($key),*];
        }

        impl $crate::manifest::read::FromToml for $name {
            fn from_toml(value: &$crate::manifest::read::Value<'_>, reader: &mut $crate::manifest::read::Reader<'_>) -> Option<Self> {
                let Some(table) = value.get_ref().as_table() else {
                    reader.wrong_type(value, "a table");
                    return None;
                };
                let mut shape = Self::default();
                for (key, value) in table {
                    match key.get_ref().as_ref() {
                        $($key => shape.$field = reader.within($key, key.span(), |reader| $crate::manifest::read::FromToml::from_toml(value, reader)),)*
                        _ => reader.unknown_key(key, Self::KEYS),
                    }
                }
                Some(shape)
            }
        }
    )*};
}

/// Declares that a closed set of words (an enum with serde names) can be read from a text.
macro_rules! words {
    ($($name:ty: $($word:literal)|+;)*) => {$(
        impl $crate::manifest::read::FromToml for $name {
            fn from_toml(value: &$crate::manifest::read::Value<'_>, reader: &mut $crate::manifest::read::Reader<'_>) -> Option<Self> {
                const WORDS: &[&str] = &[$($word),+];
                let text = $crate::manifest::read::shape::word(value, reader, WORDS)?;
                <$name as serde::Deserialize>::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text)).ok()
            }
        }
    )*};
}

pub(in crate::manifest) use shape;
pub(in crate::manifest) use words;

/// A text that must be one of these words.
pub(in crate::manifest) fn word<'v>(value: &'v Value<'_>, reader: &mut Reader<'_>, words: &[&str]) -> Option<&'v str> {
    let Some(text) = value.get_ref().as_str() else {
        reader.wrong_type(value, "a text");
        return None;
    };
    if words.contains(&text) {
        return Some(text);
    }
    let mut error = reader.error(value.span(), "", format!("`{}` cannot be `{}`", reader.path(), crate::diagnostic::printable(text)));
    error = error.note(format!("it can be {}", super::shown_list(words)));
    if let Some(near) = crate::diagnostic::nearest(text, words.iter().copied()) {
        error = error.hint(format!("did you mean `{near}`?"));
    }
    reader.fault(error);
    None
}
