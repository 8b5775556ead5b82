//! Holds what a script answers in a test to its role's contract, as greffon would.

use std::sync::Arc;

use serde_json::{Value, json};

use super::stand_ins::Given;
use crate::error::Result;
use crate::roles::wire::dialogue::WiredDialogue;
use crate::roles::wire::installer::{ServedInstaller, WiredInstaller};
use crate::roles::wire::repository::{ServedRepository, WiredRepository};
use crate::roles::wire::{Role, Served};
use crate::roles::{AuthorizeRequest, Context, Dialogue, QuoteRequest};

/// Fails where greffon would not take the answer. Of roles whose answers need what a test does not have (payloads, a lock) nothing is
/// said.
///
/// # Errors
/// `Extension`: what is wrong with the answer, and what it must be.
pub(super) fn hold(cx: &Context, role: Role, name: &str, method: &str, request: Value, answer: Value) -> Result<()> {
    let given = Arc::new(Given { title: format!("the extension `{name}`"), method: method.to_owned(), answer });
    match (role, method) {
        (Role::Repository, "versions" | "element_info" | "search") => {
            let mut request = request;
            fill(&mut request, "limit", json!(100));
            fill(&mut request, "text", json!(""));
            let served = ServedRepository(Arc::new(WiredRepository::new(name, false, given, None)));
            served.serve(cx, method, only(request, &["id", "version", "text", "limit"])).map(drop)
        }
        (Role::Installer, "place" | "info" | "is_installed" | "survey" | "review" | "shipped" | "demands") => {
            let mut request = request;
            fill(&mut request, "version", json!("1.0"));
            fill(&mut request, "reference", Value::Null);
            fill(&mut request, "payload", json!({ "kind": "tree", "tree": "0".repeat(40) }));
            fill(&mut request, "view", json!({ "core": null, "placed": [] }));
            fill(&mut request, "tree", json!("0".repeat(40)));
            fill(&mut request, "core", json!("0".repeat(40)));
            fill(&mut request, "site", json!("/"));
            let served = ServedInstaller(Arc::new(WiredInstaller::new(given, None, cx.clone())));
            served.serve(cx, method, request).map(drop)
        }
        (Role::Dialogue, "quote") => match serde_json::from_value::<QuoteRequest>(request) {
            Ok(request) => WiredDialogue(given).quote(cx, &request).map(drop),
            Err(_) => Ok(()),
        },
        (Role::Dialogue, "authorize") => match serde_json::from_value::<AuthorizeRequest>(request) {
            Ok(request) => WiredDialogue(given).authorize(cx, &request).map(drop),
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn fill(request: &mut Value, key: &str, value: Value) {
    if let Some(map) = request.as_object_mut()
        && !map.contains_key(key)
    {
        map.insert(key.to_owned(), value);
    }
}

fn only(mut request: Value, keys: &[&str]) -> Value {
    if let Some(map) = request.as_object_mut() {
        map.retain(|key, _| keys.contains(&key.as_str()));
    }
    request
}
