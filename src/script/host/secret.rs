//! `secret`: values that scripts can pass on and never see.

use std::fmt;
use std::sync::Arc;

use rhai::{Array, Dynamic, ImmutableString};
use serde_json::Value;

use super::{Answer, Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::Kind;
use crate::sys::{hide_secrets, remember_secret};

pub(super) const MODULE: HostModule = HostModule {
    name: "secret",
    about: "Secrets by the names of `[config.secrets]`. A secret is a value of its own: it can be given to `http` (header, query, form, json, \
            auth) and `process` (env, input), while as a text it is `***`. Where an answer or a program's output repeats it, \
            `***` is read, but in addresses; messages and logs show `***` whatever way it took.",
    needs: &[Kind::Secret],
    functions: &[
        Function { signature: "get(name) -> secret", about: "the secret of that name; an error where it is not configured" },
        Function { signature: "has(name) -> bool", about: "whether it is configured and can be had" },
        Function { signature: "join(list) -> secret", about: "texts and secrets put together: `secret::join([\"Token \", key])`" },
        Function { signature: "base64(list) -> secret", about: "texts and secrets put together, in base64" },
    ],
    example: "let key = secret::get(\"shop\");\n\
              let answer = http::get(\"https://plugins.example.org/licence\", #{ headers: #{ \"X-Key\": key } });\n\
              log::info(`asked with ${key}: ${answer.status}`); // asked with ***: 200",
    register,
};

/// A value that is passed on and never shown.
#[derive(Clone)]
pub(super) struct Secret(Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// Wraps a value; from now on it is hidden wherever it turns up.
    pub(super) fn new(value: &str) -> Self {
        remember_secret(value);
        Self(value.into())
    }

    pub(super) fn value(&self) -> &str {
        &self.0
    }
}

impl Answer for Secret {
    fn give(self) -> Dynamic {
        Dynamic::from(self)
    }
}

/// A plain value's text, or a secret's.
pub(super) fn revealed(value: &Dynamic) -> Option<String> {
    if let Some(secret) = value.read_lock::<Secret>() {
        return Some(secret.value().to_owned());
    }
    let plain = value.is_string() || value.is_int() || value.is_float() || value.is_bool() || value.is_char();
    plain.then(|| value.to_string())
}

/// A text that came from elsewhere, with `***` where it repeats a secret. Addresses stay: they may have to be asked as they are.
pub(super) fn without_secrets(text: &str) -> String {
    let hidden = hide_secrets(text);
    if hidden == text {
        return hidden;
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = ["https://", "http://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')).unwrap_or(from.len());
        out.push_str(&hide_secrets(before));
        out.push_str(&from[..end]);
        rest = &from[end..];
    }
    out.push_str(&hide_secrets(rest));
    out
}

/// The same for every text of a value.
pub(super) fn values_without_secrets(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_secrets(&text)),
        Value::Array(list) => list.into_iter().map(values_without_secrets).collect(),
        Value::Object(map) => map.into_iter().map(|(key, one)| (key, values_without_secrets(one))).collect(),
        plain => plain,
    }
}

fn register(module: &mut Registrar) {
    module.one("get", |call, name: ImmutableString| {
        call.allowed().may_use(&name)?;
        let value = call.wait(|cx| cx.secrets().get(&name))?;
        value.map(|value| Secret::new(&value)).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the secret `{}` is not configured", name.escape_debug()))
                .hint("say under `[config.secrets]` where it comes from: `NAME = { env = \"…\" }`, `{ file = \"…\" }` or `{ command = [\"…\"] }`")
        })
    });
    module.one("has", |call, name: ImmutableString| {
        call.allowed().may_use(&name)?;
        Ok(call.wait(|cx| cx.secrets().get(&name)).is_ok_and(|value| value.is_some()))
    });
    module.one("join", |_, list: Array| joined(&list).map(|text| Secret::new(&text)));
    module.one("base64", |_, list: Array| {
        use base64::Engine as _;
        joined(&list).map(|text| Secret::new(&base64::engine::general_purpose::STANDARD.encode(text)))
    });
}

/// What a secret is as a text. In the engine itself: Rhai's own library would show it by its type's name.
pub(super) fn shown(engine: &mut rhai::Engine) {
    engine.register_type_with_name::<Secret>("secret");
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |_: &mut Secret| ImmutableString::from("***"));
    }
}

fn joined(list: &Array) -> Result<String> {
    let part = |one: &Dynamic| revealed(one).ok_or_else(|| Error::new(ErrorKind::Invalid, "only texts, numbers and secrets can be put together"));
    list.iter().map(part).collect()
}
