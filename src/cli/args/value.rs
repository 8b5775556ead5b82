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

/// Bytes: a number with `K`, `M`, `G` or `T` after it, powers of 1024; `iB` or `B` may follow.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match text[digits.len()..].to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        unit => return Err(format!("`{unit}` is not a unit of size: use K, M, G or T")),
    };
    let number: u64 = digits.trim().parse().map_err(|_| format!("`{digits}` is not a whole number"))?;
    number.checked_mul(1024_u64.pow(power)).ok_or_else(|| "that is more than 16 EiB".to_owned())
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
