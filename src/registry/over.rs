//! `over`: what serves below a script or a library, and answers what it leaves out.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{UseKind, UseSpec};

/// `over = "builtin:NAME"`, or a table with `use` and the inner one's own options, as a `use` of its own.
///
/// # Errors
/// `Manifest`.
pub(super) fn inner_spec(spec: &UseSpec, over: Value) -> Result<UseSpec> {
    let wrong = |what: &str| {
        Error::new(ErrorKind::Manifest, format!("`over` does not say who serves what is left out: {what}"))
            .hint("for instance `over = \"builtin:standard\"`, or `over = { use = \"builtin:index\", url = \"…\" }`")
    };
    let (target, options) = match over {
        Value::String(target) => (target, Map::new()),
        Value::Object(mut options) => match options.shift_remove("use") {
            Some(Value::String(target)) => (target, options),
            Some(_) => return Err(wrong("its `use` is no text")),
            None => return Err(wrong("it lacks `use`")),
        },
        _ => return Err(wrong("it is neither a text nor a table")),
    };
    let (kind, target) = match target.split_once(':') {
        Some(("builtin", target)) => (UseKind::Builtin, target),
        Some(("script", target)) => (UseKind::Script, target),
        Some(("native", target)) => (UseKind::Native, target),
        Some(("extension", target)) => (UseKind::Extension, target),
        _ => return Err(wrong(&format!("`{}` is none of `builtin:…`, `script:…`, `native:…`, `extension:…`", target.escape_debug()))),
    };
    Ok(UseSpec { kind, target: target.to_owned(), options, ..spec.clone() })
}
