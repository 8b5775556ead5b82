//! `toml`, `base64` and `hash`: small readers and writers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rhai::{Dynamic, ImmutableString};
use serde_json::Value;

use super::doc::Doc;
use super::files::place;
use super::{Function, HostModule, Registrar, bounded};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;
use crate::script::value::{from_script, to_script};
use crate::sys::fs::sha256;
use crate::sys::fs::witness::Kind as What;

pub(super) const TOML: HostModule = HostModule {
    name: "toml",
    about: "TOML texts to maps, and back.",
    needs: &[],
    functions: &[
        Function { signature: "parse(text) -> map", about: "reads a TOML text" },
        Function { signature: "doc(text) -> document", about: "the same as a read-only document, for large ones: see `json::doc`" },
        Function { signature: "text(map) -> text", about: "writes a map as TOML" },
    ],
    example: "let about = toml::parse(`name = \"quiz\"\n[requires]\ncore = \"4.5\"`);\nlog::info(`${about.name} wants ${about.requires.core}`);",
    register: register_toml,
};

pub(super) const BASE64: HostModule = HostModule {
    name: "base64",
    about: "Base64 with padding, and its form for urls. For secrets: `secret::base64`.",
    needs: &[],
    functions: &[
        Function { signature: "encode(text) -> text", about: "a text's bytes in base64" },
        Function { signature: "decode(text) -> text", about: "the text, which must be UTF-8; both forms are read" },
        Function { signature: "url(text) -> text", about: "in the form for urls, without padding" },
    ],
    example: "if base64::decode(base64::encode(\"grüße\")) != \"grüße\" { throw \"no\"; }",
    register: register_base64,
};

pub(super) const HASH: HostModule = HostModule {
    name: "hash",
    about: "Digests, in hex.",
    needs: &[],
    functions: &[
        Function { signature: "sha256(text) -> text", about: "of a text" },
        Function { signature: "sha256_file(path) -> text", about: "of a file that may be read (the grant `read`)" },
    ],
    example: "log::info(hash::sha256(\"greffon\"));",
    register: register_hash,
};

type Text = ImmutableString;

fn register_toml(module: &mut Registrar) {
    let read = |text: &str| -> Result<Value> {
        bounded::toml(text)?;
        let table: toml::Table = toml::from_str(text).map_err(|error| Error::new(ErrorKind::Invalid, format!("this is no TOML: {}", error.message())))?;
        Ok(plain(toml::Value::Table(table)))
    };
    module.one("parse", move |_, text: Text| Ok(to_script(&read(&text)?)));
    module.one("doc", move |_, text: Text| Ok(Doc::new(read(&text)?)));
    module.one("text", |_, value: Dynamic| {
        let failed = |what: String| Error::new(ErrorKind::Invalid, format!("this cannot be written as TOML: {what}"));
        let value = from_script(&value).map_err(failed)?;
        toml::to_string(&value).map_err(|error| failed(error.to_string()))
    });
}

/// Dates become texts.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        toml::Value::Array(list) => Value::Array(list.into_iter().map(plain).collect()),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
    }
}

fn register_base64(module: &mut Registrar) {
    module.one("encode", |_, text: Text| Ok(STANDARD.encode(text.as_bytes())));
    module.one("url", |_, text: Text| Ok(URL_SAFE_NO_PAD.encode(text.as_bytes())));
    module.one("decode", |_, text: Text| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = STANDARD.decode(&text).or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')));
        let bytes = bytes.map_err(|_| Error::new(ErrorKind::Invalid, "this is no base64"))?;
        String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Invalid, "what this base64 stands for is no UTF-8 text"))
    });
}

fn register_hash(module: &mut Registrar) {
    module.one("sha256", |_, text: Text| Ok(Digest::of(text.as_bytes()).hex()));
    module.one("sha256_file", |call, path: Text| {
        let real = call.allowed().may_read(&path)?;
        call.wait(|cx| {
            let missing = || Error::new(ErrorKind::NotFound, format!("there is no file `{}`", path.escape_debug()));
            let (folder, name) = place(&real)?.ok_or_else(missing)?;
            if folder.witness(&name)?.is_some_and(|found| found.kind() != What::File) {
                return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no file", path.escape_debug())));
            }
            sha256(cx, folder.open_file(&name)?.ok_or_else(missing)?, &real).map(|(digest, _)| digest.hex())
        })
    });
}
