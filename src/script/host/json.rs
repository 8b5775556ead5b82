//! `json`: texts to values and back.

use rhai::{Dynamic, ImmutableString};
use serde_json::Value;

use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::value::{from_script, to_script};

pub(super) const MODULE: HostModule = HostModule {
    name: "json",
    about: "JSON texts to maps and lists, and back.",
    needs: &[],
    functions: &[
        Function { signature: "parse(text) -> value", about: "reads a JSON text; objects become maps" },
        Function { signature: "text(value) -> text", about: "writes a value on one line" },
        Function { signature: "pretty(value) -> text", about: "writes a value over several lines" },
    ],
    example: "let answer = json::parse(`{\"versions\": [\"1.0\"]}`);\nlog::info(answer.versions[0]);",
    register,
};

fn register(module: &mut Registrar) {
    module.one("parse", |_, text: ImmutableString| {
        let value: Value = serde_json::from_str(&text).map_err(|error| Error::new(ErrorKind::Invalid, format!("this is no JSON: {error}")))?;
        Ok(to_script(&value))
    });
    module.one("text", |_, value: Dynamic| Ok(plain(&value)?.to_string()));
    module.one("pretty", |_, value: Dynamic| {
        serde_json::to_string_pretty(&plain(&value)?).map_err(|error| Error::new(ErrorKind::Invalid, "this cannot be written as JSON").caused_by(error))
    });
}

fn plain(value: &Dynamic) -> Result<Value> {
    from_script(value).map_err(|what| Error::new(ErrorKind::Invalid, format!("this cannot be written as JSON: {what}")))
}
