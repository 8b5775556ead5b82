//! JSON to Rhai values and back. Everything that crosses is plain: what a script gives back is copied, counted and bounded.

use rhai::{Dynamic, Map};
use serde_json::{Number, Value};

/// Values nested deeper are refused: whoever drops or prints them later has a stack of the usual size.
const DEEPEST: usize = 100;
/// So many values cross at most.
const MOST: usize = 1_000_000;

/// A value for a script. Numbers beyond what Rhai can count become the largest it can.
pub(super) fn to_script(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, Some(_)) => i64::MAX.into(),
            (None, None) => number.as_f64().unwrap_or(0.0).into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(list) => list.iter().map(to_script).collect::<Vec<_>>().into(),
        Value::Object(table) => table.iter().map(|(key, value)| (key.as_str().into(), to_script(value))).collect::<Map>().into(),
    }
}

/// What a script gave, as JSON; else what of it cannot cross.
pub(super) fn from_script(value: &Dynamic) -> Result<Value, String> {
    let mut left = MOST;
    read(value, &mut left, 0).map_err(|(path, what)| if path.is_empty() { what } else { format!("{what} at `{}`", path.trim_start_matches('.')) })
}

type Fault = (String, String);

fn read(value: &Dynamic, left: &mut usize, depth: usize) -> Result<Value, Fault> {
    let fault = |what: &str| Err((String::new(), what.to_owned()));
    if depth > DEEPEST {
        return fault("values nested more than 100 deep");
    }
    match left.checked_sub(1) {
        Some(rest) => *left = rest,
        None => return fault("more than a million values"),
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(Value::Bool(value));
    }
    if let Ok(number) = value.as_int() {
        return Ok(Value::Number(number.into()));
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number).map(Value::Number).map_or_else(|| fault("a number that is none"), Ok);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::String(text.to_string()));
    }
    if let Ok(letter) = value.as_char() {
        return Ok(Value::String(letter.to_string()));
    }
    if let Ok(list) = value.as_array_ref() {
        let items = list.iter().enumerate().map(|(index, one)| read(one, left, depth + 1).map_err(|(path, what)| (format!("[{index}]{path}"), what)));
        return items.collect::<Result<_, _>>().map(Value::Array);
    }
    if let Ok(table) = value.as_map_ref() {
        let items =
            table.iter().map(|(key, one)| read(one, left, depth + 1).map(|one| (key.to_string(), one)).map_err(|(path, what)| (format!(".{key}{path}"), what)));
        return items.collect::<Result<_, _>>().map(Value::Object);
    }
    fault(&format!("a value of the type `{}`, which only the script itself can hold", value.type_name()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_crosses_comes_back_the_same() {
        let value = json!({ "a": [1, -2.5, true, null, "ü"], "b": { "package": {} }, "c": [] });
        assert_eq!(from_script(&to_script(&value)), Ok(value));
        assert_eq!(from_script(&to_script(&json!(u64::MAX))), Ok(json!(i64::MAX)));
    }

    #[test]
    fn what_cannot_cross_is_named_with_its_place() {
        let mut map = Map::new();
        map.insert("list".into(), vec![Dynamic::from(1_i64), Dynamic::from(std::time::Instant::now())].into());
        let fault = from_script(&map.into()).expect_err("an instant is no data");
        assert!(fault.contains("at `list[1]`"), "{fault}");
        let mut deep: Dynamic = 1_i64.into();
        for _ in 0..200 {
            deep = vec![deep].into();
        }
        assert!(from_script(&deep).is_err());
    }
}
