//! Words that stand for values of the model, and sizes.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;

/// One of `words`, read as the model reads it in the manifest: both know the same names.
pub(super) fn choice<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value::<T>(serde_json::Value::String(word)))
}

/// See [`crate::manifest::bytes`].
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    crate::manifest::bytes(text)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, size) in [("0", 0), ("17", 17), ("2K", 2048), ("2KiB", 2048), ("3mb", 3 << 20), ("1G", 1 << 30), ("1T", 1 << 40)] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "G", "-1", "1.5G", "1X", "99999999999T"] {
            assert!(bytes(text).is_err(), "{text:?} was read");
        }
    }
}
