//! `assert`: what must hold, with both values shown where it does not.

use rhai::{Dynamic, Engine, FuncRegistration, ImmutableString, Module, NativeCallContext, Shared};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::script::call::give;
use crate::script::value::from_script;

type Text = ImmutableString;
type Given = std::result::Result<(), Box<rhai::EvalAltResult>>;

/// Registers `assert::equal`, `assert::that` and `assert::contains`; a last text says what it is about.
pub(super) fn register(engine: &mut Engine) {
    let mut module = Module::new();
    FuncRegistration::new("equal")
        .set_into_module(&mut module, |at: NativeCallContext<'_>, found: Dynamic, expected: Dynamic| placed(&at, equal(&found, &expected, "")));
    FuncRegistration::new("equal")
        .set_into_module(&mut module, |at: NativeCallContext<'_>, found: Dynamic, expected: Dynamic, what: Text| placed(&at, equal(&found, &expected, &what)));
    FuncRegistration::new("that").set_into_module(&mut module, |at: NativeCallContext<'_>, found: Dynamic| placed(&at, that(&found, "")));
    FuncRegistration::new("that").set_into_module(&mut module, |at: NativeCallContext<'_>, found: Dynamic, what: Text| placed(&at, that(&found, &what)));
    FuncRegistration::new("contains")
        .set_into_module(&mut module, |at: NativeCallContext<'_>, whole: Dynamic, part: Dynamic| placed(&at, contains(&whole, &part, "")));
    FuncRegistration::new("contains")
        .set_into_module(&mut module, |at: NativeCallContext<'_>, whole: Dynamic, part: Dynamic, what: Text| placed(&at, contains(&whole, &part, &what)));
    module.build_index();
    let module: Shared<Module> = module.into();
    engine.register_static_module("assert", module);
}

fn placed(at: &NativeCallContext<'_>, outcome: Result<()>) -> Given {
    give(outcome).map_err(|mut error| {
        error.set_position(at.call_position());
        error
    })
}

fn value(of: &Dynamic) -> Value {
    from_script(of).unwrap_or_else(|_| Value::from(format!("<{}>", of.type_name())))
}

fn failed(what: &str, message: &str) -> Error {
    let about = if what.is_empty() { String::new() } else { format!("{}: ", what.lines().next().unwrap_or_default()) };
    Error::new(ErrorKind::Extension, format!("{about}{message}"))
}

/// A value on a line.
fn line(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(600) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

fn equal(found: &Dynamic, expected: &Dynamic, what: &str) -> Result<()> {
    let (found, expected) = (value(found), value(expected));
    let Some((place, here, there)) = difference(&found, &expected, "") else { return Ok(()) };
    let error = failed(what, "the two values differ");
    let error = if place.is_empty() {
        error
    } else {
        error.note(format!("at     `{place}`")).note(format!("found  {}", line(&here))).note(format!("wanted {}", line(&there)))
    };
    Err(if place.is_empty() {
        error.note(format!("found  {}", line(&here))).note(format!("wanted {}", line(&there)))
    } else {
        error.note(format!("in     {}", line(&found)))
    })
}

/// The first place where two values differ, and what stands there in each.
fn difference(found: &Value, expected: &Value, place: &str) -> Option<(String, Value, Value)> {
    match (found, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let none = Value::Null;
                let (one, other) = (a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none));
                difference(one, other, &format!("{place}.{key}"))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| difference(a, b, &format!("{place}[{at}]")))
        }
        (a, b) if a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64()) => None,
        (a, b) => Some((place.trim_start_matches('.').to_owned(), a.clone(), b.clone())),
    }
}

fn that(found: &Dynamic, what: &str) -> Result<()> {
    match found.as_bool() {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed(what, "it is false")),
        Err(_) => Err(failed(what, "`assert::that` takes true or false").note(format!("found  {}", line(&value(found))))),
    }
}

fn contains(whole: &Dynamic, part: &Dynamic, what: &str) -> Result<()> {
    let (whole, part) = (value(whole), value(part));
    let holds = match (&whole, &part) {
        (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
        (Value::Array(list), part) => list.contains(part),
        (Value::Object(map), Value::String(key)) => map.contains_key(key),
        _ => false,
    };
    if holds {
        Ok(())
    } else {
        Err(failed(what, "the one is not in the other").note(format!("found  {}", line(&whole))).note(format!("wanted {} in it", line(&part))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_told_by_its_place() {
        let place = |a: Value, b: Value| difference(&a, &b, "").map(|(place, ..)| place);
        assert_eq!(place(json!({ "a": [1, { "b": 2 }] }), json!({ "a": [1, { "b": 3 }] })).as_deref(), Some("a[1].b"));
        assert_eq!(place(json!([1]), json!([1, 2])).as_deref(), Some(""));
        assert_eq!(place(json!({ "a": 1 }), json!({ "b": 1 })).as_deref(), Some("a"));
        assert_eq!(place(json!({ "a": null, "n": 1 }), json!({ "n": 1.0 })), None);
    }
}
