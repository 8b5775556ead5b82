//! How the calls of a role cross to a script or a library: a method's name, and JSON both ways.
//!
//! [`Answerer`] is the far side: whatever can answer a method by name. Around one, [`repository`], [`stock`], [`downloader`],
//! [`installer`] and [`client`] each have a `Wired…` type that is the role: it turns requests into JSON, reads answers
//! leniently, holds them to the role's contract, and passes on to an inner role (`over = "builtin:…"`) what the far side leaves
//! out. Each module has a `serve` too, the opposite way: a role of Rust answers a call that came as JSON.
//!
//! Scripts and libraries use the same forms, so what is said of a method here holds for both:
//!
//! | role | required | optional |
//! |---|---|---|
//! | repository | `versions` | `element_info`, `search`, `advisories` |
//! | stock | the repository's, `store_element`, `open`, `list`, `pin`, `unpin`, `gc`, `verify` | |
//! | downloader | `download` | |
//! | installer | `place` | `info`, `prepare`, `is_installed`, `scheme`, `types`, `element_type`, `survey`, `review`, `shipped`, `demands`, `data_version`, `ref_versions`, `version_of_ref` |
//! | client | `plan`, `apply` | |
//! | scheme | `key` | `matches`, `default_requirement`, `is_prerelease` |
//!
//! Over an inner role nothing is required.

pub mod client;
pub mod dialogue;
pub mod downloader;
mod fault;
pub mod installer;
pub mod repository;
pub mod stock;

use std::fmt::{self, Debug};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use fault::{Fault, Mark};

use super::Context;
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};

/// What an extension can serve as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Coordinates the others.
    Client,
    /// Keeps what was downloaded.
    Stock,
    /// Delivers element info.
    Repository,
    /// Brings bytes.
    Downloader,
    /// Knows the application.
    Installer,
    /// Talks with a shop before a download.
    Dialogue,
    /// Reads, orders and matches versions.
    Scheme,
    /// Runs at moments of a sync.
    Hook,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 8] = [Self::Client, Self::Stock, Self::Repository, Self::Downloader, Self::Installer, Self::Dialogue, Self::Scheme, Self::Hook];

    /// The word for it in manifests and messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Stock => "stock",
            Self::Repository => "repository",
            Self::Downloader => "downloader",
            Self::Installer => "installer",
            Self::Dialogue => "dialogue",
            Self::Scheme => "scheme",
            Self::Hook => "hook",
        }
    }

    /// The methods that must be there where no inner role serves.
    #[must_use]
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::Client => &["plan", "apply"],
            Self::Stock => &["versions", "element_info", "store_element", "open", "list", "pin", "unpin", "gc", "verify"],
            Self::Repository => &["versions"],
            Self::Downloader => &["download"],
            Self::Installer => &["place"],
            Self::Dialogue => &["authorize"],
            Self::Scheme => &["key"],
            Self::Hook => &[],
        }
    }

    /// The methods that may be there.
    #[must_use]
    pub fn optional(self) -> &'static [&'static str] {
        match self {
            Self::Client | Self::Downloader => &[],
            Self::Stock => &["search"],
            Self::Repository => &["element_info", "search", "advisories"],
            Self::Installer => &[
                "info",
                "prepare",
                "is_installed",
                "scheme",
                "types",
                "element_type",
                "survey",
                "review",
                "shipped",
                "demands",
                "data_version",
                "ref_versions",
                "version_of_ref",
            ],
            Self::Dialogue => &["quote", "fetch", "receipt", "release"],
            Self::Scheme => &["matches", "default_requirement", "is_prerelease"],
            Self::Hook => &[
                "before_resolve",
                "after_resolve",
                "before_fetch",
                "after_fetch",
                "before_install",
                "after_install",
                "before_remove",
                "after_remove",
                "before_sync",
                "after_sync",
                "before_rollback",
                "after_rollback",
                "on_failure",
                "purge",
            ],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The far side of a wire: a script or a library that answers methods by name.
pub trait Answerer: Debug + Send + Sync {
    /// How messages name it: ``the script `x.rhai` ``.
    fn title(&self) -> String;

    /// Whether it has this method.
    fn has(&self, method: &str) -> bool;

    /// Has a method answered. Called only where [`Self::has`] says so.
    ///
    /// # Errors
    /// Whatever the far side failed with; `Extension` where it says nothing better.
    fn call(&self, cx: &Context, method: &'static str, request: Value) -> Result<Value>;
}

/// A role of Rust that answers calls that come as JSON: the inner role behind a script's `host.inner`.
pub trait Served: Debug + Send + Sync {
    /// Which role it is.
    fn role(&self) -> Role;

    /// Answers.
    ///
    /// # Errors
    /// `Extension` for a method that the role does not have, and for a request of another shape; whatever the role fails with.
    fn serve(&self, cx: &Context, method: &str, request: Value) -> Result<Value>;
}

/// A role that is served, and its methods known.
pub type Inner = Arc<dyn Served>;

/// A request as JSON.
pub(crate) fn to_json<T: Serialize>(what: &str, value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::new(ErrorKind::Internal, format!("{what} cannot be written as JSON")).caused_by(error))
}

/// An answer read as what the method promises.
pub(crate) fn from_answer<T: DeserializeOwned>(to: &dyn Answerer, method: &str, answer: Value, shape: &str) -> Result<T> {
    serde_json::from_value(answer).map_err(|error| wrong_answer(to, method, &error.to_string(), shape))
}

/// An answer that is not what the method promises.
pub(crate) fn wrong_answer(to: &dyn Answerer, method: &str, what: &str, shape: &str) -> Error {
    Error::new(ErrorKind::Extension, format!("`{method}` of {} gave something else than it must: {what}", to.title())).hint(format!("`{method}` gives {shape}"))
}

/// Refuses a key that the method's answer does not have: a misspelt one would pass in silence.
pub(crate) fn only_keys(to: &dyn Answerer, method: &str, map: &Map<String, Value>, known: &[&str], shape: &str) -> Result<()> {
    let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let error = wrong_answer(to, method, &format!("there is no key `{}`", key.escape_debug()), shape);
    Err(match nearest(key, known.iter().copied()) {
        Some(near) => error.hint(format!("did its author mean `{near}`?")),
        None => error,
    })
}

/// Refuses what reading an answer left behind: keys, however deep, that `read` does not have.
pub(crate) fn nothing_left<T: Serialize>(to: &dyn Answerer, method: &str, given: &Value, read: &T, shape: &str) -> Result<()> {
    fn hold(to: &dyn Answerer, method: &str, given: &Value, read: &Value, shape: &str) -> Result<()> {
        match (given, read) {
            (Value::Object(given), Value::Object(read)) => {
                // What is empty may be left out when it is written.
                let said: Map<String, Value> =
                    given.iter().filter(|(key, value)| read.contains_key(*key) || !is_empty(value)).map(|(key, value)| (key.clone(), value.clone())).collect();
                only_keys(to, method, &said, &read.keys().map(String::as_str).collect::<Vec<_>>(), shape)?;
                said.iter().filter_map(|(key, value)| Some((value, read.get(key)?))).try_for_each(|(given, read)| hold(to, method, given, read, shape))
            }
            (Value::Array(given), Value::Array(read)) => given.iter().zip(read).try_for_each(|(given, read)| hold(to, method, given, read, shape)),
            _ => Ok(()),
        }
    }
    hold(to, method, given, &to_json("an answer", read)?, shape)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// A call's request read as what the method takes.
pub(crate) fn from_call<T: DeserializeOwned>(role: Role, method: &str, request: Value) -> Result<T> {
    serde_json::from_value(request).map_err(|error| Error::new(ErrorKind::Extension, format!("`{method}` of the inner {role} cannot be asked so: {error}")))
}

/// A call of a method that the role does not have.
pub(crate) fn no_method(role: Role, method: &str) -> Error {
    let known: Vec<String> = role.required().iter().chain(role.optional()).map(|known| format!("`{known}`")).collect();
    Error::new(ErrorKind::Extension, format!("a {role} has no method `{}`", method.escape_debug())).hint(format!("it has {}", known.join(", ")))
}

/// What is wrong where neither the far side nor an inner role has a method.
pub(crate) fn nobody(to: &dyn Answerer, role: Role, method: &str) -> Error {
    Error::new(ErrorKind::Extension, format!("{} serves as {role} and has no `{method}`", to.title()))
        .hint(format!("write the function `{method}(request, host)`, or name who serves what is left out: `over = \"builtin:…\"`"))
}
