//! `json`: texts to values and back, and documents.

use rhai::{Dynamic, ImmutableString};
use serde_json::Value;

use super::doc::{Doc, methods};
use super::{Function, HostModule, Registrar, bounded};
use crate::error::{Error, ErrorKind, Result};
use crate::script::value::{from_script, to_script};

pub(super) const MODULE: HostModule = HostModule {
    name: "json",
    about: "JSON texts to maps and lists, and back. A large text is read as a document: it stays outside of the script, which takes parts of it, \
            and never becomes a map of thousands of values.",
    needs: &[],
    functions: &[
        Function { signature: "parse(text) -> value", about: "reads a JSON text; objects become maps" },
        Function { signature: "doc(text) -> document", about: "reads a large JSON text; `answer.doc()` of `http` reads an answer's" },
        Function {
            signature: "document.get(pointer) -> value",
            about: "the part at a pointer (`/plugins/git/version`, `/list/0`), or `()`; lists and maps are documents again",
        },
        Function { signature: "document.has(pointer) -> bool", about: "whether there is such a part" },
        Function {
            signature: "document.each(fn) -> number",
            about: "calls `fn(item)` for each of a list, `fn(name, value)` for each of a map; `false` ends it",
        },
        Function { signature: "document.value() -> value", about: "a plain copy, 20 000 values at most" },
        Function { signature: "document.keys(), document.len, document.kind", about: "a map's names; how many parts; `list` or `map`" },
        Function { signature: "text(value) -> text", about: "writes a value on one line" },
        Function { signature: "pretty(value) -> text", about: "writes a value over several lines" },
    ],
    example: "let answer = json::parse(`{\"versions\": [\"1.0\"]}`);\nlog::info(answer.versions[0]);\n\
              let all = json::doc(`{\"plugins\": {\"git\": {\"version\": \"5.2\"}}}`);\n\
              log::info(all.get(\"/plugins/git/version\"));\n\
              all.get(\"/plugins\").each(|name, plugin| log::info(`${name} ${plugin.get(\"/version\")}`));",
    register,
};

fn register(module: &mut Registrar) {
    module.one("parse", |_, text: ImmutableString| Ok(to_script(&bounded::json(text.as_bytes(), bounded::AS_VALUES)?)));
    module.one("doc", |_, text: ImmutableString| Ok(Doc::new(bounded::json(text.as_bytes(), bounded::AS_DOCUMENT)?)));
    methods(module);
    module.one("text", |_, value: Dynamic| Ok(plain(&value)?.to_string()));
    module.one("pretty", |_, value: Dynamic| {
        serde_json::to_string_pretty(&plain(&value)?).map_err(|error| Error::new(ErrorKind::Invalid, "this cannot be written as JSON").caused_by(error))
    });
}

fn plain(value: &Dynamic) -> Result<Value> {
    from_script(value).map_err(|what| Error::new(ErrorKind::Invalid, format!("this cannot be written as JSON: {what}")))
}
