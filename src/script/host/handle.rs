//! `host`: the second parameter of every function.
//!
//! | | |
//! |---|---|
//! | `host.options` | the options of the `use`, as a map |
//! | `host.name`, `host.role` | how it is named, what it serves as |
//! | `host.base`, `host.extension` | the manifest's folder, the extension's folder |
//! | `host.site` | the site's folder, or `()` |
//! | `host.offline` | whether the network is forbidden |
//! | `host.attempt` | how often a hook was begun, 1 the first time |
//! | `host.inner` | the role behind `over = "builtin:…"`: `host.inner.versions(request)` |
//! | `host.stock`, `host.downloader`, `host.installer`, `host.repository(name)` | for a client: the other roles |

use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Map};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::roles::wire::{Inner, Role};
use crate::script::call::{Call, give};
use crate::script::value::{from_script, to_script};

/// The surroundings of a call, for scripts.
#[derive(Debug, Clone)]
pub struct Handle(pub(in crate::script) Call);

/// The inner role of a call, for scripts.
#[derive(Debug, Clone)]
struct InnerHandle(Call, Inner);

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Handle>("Host");
    engine.register_type_with_name::<InnerHandle>("Inner");
    let text = |path: &std::path::Path| Dynamic::from(path.to_string_lossy().into_owned());
    engine.register_get("options", |host: &mut Handle| -> Map {
        host.0.facts().options.iter().map(|(key, value)| (key.as_str().into(), to_script(value))).collect()
    });
    engine.register_get("name", |host: &mut Handle| Dynamic::from(host.0.facts().name.clone()));
    engine.register_get("role", |host: &mut Handle| Dynamic::from(host.0.facts().role.clone()));
    engine.register_get("attempt", |host: &mut Handle| i64::from(host.0.facts().attempt));
    engine.register_get("base", move |host: &mut Handle| text(host.0.base()));
    engine.register_get("extension", move |host: &mut Handle| text(&host.0.allowed().extension));
    engine.register_get("site", move |host: &mut Handle| host.0.site().map_or(Dynamic::UNIT, |site| text(site)));
    engine.register_get("offline", |host: &mut Handle| host.0.cx().offline());
    engine.register_get("inner", |host: &mut Handle| {
        let hint = "name one where the extension is used: `over = \"builtin:…\"`";
        role(&host.0, host.0.inner(), "there is no inner role", hint)
    });
    for name in ["stock", "downloader", "installer"] {
        engine.register_get(name, move |host: &mut Handle| role(&host.0, host.0.role(name), &format!("there is no {name} here"), "a client has it"));
    }
    engine.register_fn("repository", |host: &mut Handle, name: ImmutableString| {
        let found = host.0.role(&format!("repository:{name}"));
        role(&host.0, found, &format!("there is no repository `{name}` here"), "a client has those that greffon.toml names")
    });
    let mut methods: Vec<&'static str> = Role::ALL.into_iter().flat_map(|role| role.required().iter().chain(role.optional()).copied()).collect();
    methods.extend(["name", "has_element_info"]);
    methods.sort_unstable();
    methods.dedup();
    for method in methods {
        engine.register_fn(method, move |inner: &mut InnerHandle| give(ask(inner, method, &Dynamic::UNIT)));
        engine.register_fn(method, move |inner: &mut InnerHandle, request: Dynamic| give(ask(inner, method, &request)));
    }
}

fn role(call: &Call, found: Option<&Inner>, missing: &str, hint: &str) -> Result<InnerHandle, Box<EvalAltResult>> {
    give(found.map(|inner| InnerHandle(call.clone(), inner.clone())).ok_or_else(|| Error::new(ErrorKind::Extension, missing).hint(hint)))
}

/// Has another role answer; its time is not the script's.
fn ask(InnerHandle(call, inner): &InnerHandle, method: &str, request: &Dynamic) -> Result<Dynamic> {
    let request: Value = from_script(request).map_err(|what| Error::new(ErrorKind::Extension, format!("`{method}` of another role was given {what}")))?;
    let answer = call.aside(|cx| inner.serve(cx, method, request))?;
    call.keep_told(&answer);
    Ok(to_script(&answer))
}
