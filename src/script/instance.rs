//! A script configured for a role: the options of its `use`, its grants, its inner role.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};

use super::load::{Order, Script};
use super::watch::Watch;
use crate::error::Result;
use crate::roles::Context;
use crate::roles::wire::{Answerer, Inner, Role};

/// What a script can ask of its surroundings as `host.…`.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `name =` of the `use`, for repositories; else the extension's name.
    pub name: String,
    /// The role's word.
    pub role: String,
    /// The options of the `use`.
    pub options: Map<String, Value>,
    /// How often a hook was begun for the same generation, 1 the first time; 0 elsewhere.
    pub attempt: u32,
    /// Whom programs run as; `None`: whoever runs greffon.
    pub run_as: Option<String>,
    /// Programs that run as whoever runs greffon all the same.
    pub as_self: Vec<String>,
    /// How a hook says that its application's data follow the code in place.
    pub data: Option<Follows>,
}

/// What a hook can say and ask of its application's data.
#[derive(Clone)]
pub struct Follows(Arc<dyn DataRecord>);

/// Keeps which code an application's data belong to.
pub trait DataRecord: Send + Sync {
    /// They belong to the code in place.
    ///
    /// # Errors
    /// When it cannot be recorded.
    fn follow(&self) -> Result<()>;

    /// Whether that was ever said.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn is_known(&self) -> Result<bool>;
}

impl Follows {
    /// With this record.
    pub fn new(record: impl DataRecord + 'static) -> Self {
        Self(Arc::new(record))
    }

    /// With a record that nobody keeps: for trials.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::new(Nowhere(AtomicBool::new(false)))
    }

    /// The record.
    pub(super) fn record(&self) -> &dyn DataRecord {
        &*self.0
    }
}

struct Nowhere(AtomicBool);

impl DataRecord for Nowhere {
    fn follow(&self) -> Result<()> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn is_known(&self) -> Result<bool> {
        Ok(self.0.load(Ordering::Relaxed))
    }
}

impl std::fmt::Debug for Follows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follows")
    }
}

/// A script that answers the methods of a role.
#[derive(Debug, Clone)]
pub struct Instance {
    script: Arc<Script>,
    role: Role,
    facts: Arc<Facts>,
    inner: Option<Inner>,
    roles: Arc<BTreeMap<String, Inner>>,
    site: Option<PathBuf>,
    watch: Option<Arc<Watch>>,
}

impl Instance {
    /// The script with these facts; `inner` is its `host.inner`.
    #[must_use]
    pub fn new(script: Arc<Script>, role: Role, facts: Facts, inner: Option<Inner>) -> Self {
        Self { script, role, facts: Arc::new(facts), inner, roles: Arc::default(), site: None, watch: None }
    }

    /// The same with handles to other roles: `host.stock`, `host.downloader`, `host.installer`, `host.repository(name)`.
    #[must_use]
    pub fn with_roles(self, roles: BTreeMap<String, Inner>) -> Self {
        Self { roles: Arc::new(roles), ..self }
    }

    /// The same with somebody who looks on.
    #[must_use]
    pub fn watched(self, watch: Arc<Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The same for a call about a site.
    #[must_use]
    pub fn at_site(&self, site: &Path, facts: Facts) -> Self {
        Self { site: Some(site.to_owned()), facts: Arc::new(facts), ..self.clone() }
    }

    /// The script.
    #[must_use]
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }

    /// Calls any function by name: for hooks and tests, whose functions are no methods of a trait.
    ///
    /// # Errors
    /// Whatever the script fails with.
    pub fn ask(&self, cx: &Context, function: &str, request: Value) -> Result<Value> {
        let mut allowed = self.script.allowed.clone();
        allowed.site.clone_from(&self.site);
        let mut limits = self.script.limits.clone();
        let folder = |key: &str| request.get(key).and_then(Value::as_str).map(PathBuf::from);
        match function {
            // These folders belong to the call: it is what they are there for.
            "download" | "fetch" => allowed.own_write.extend(folder("target_dir")),
            "prepare" => allowed.own_write.extend(folder("directory")),
            "is_installed" | "survey" => allowed.own_read.extend(folder("site")),
            "place" | "store_element" => allowed.own_read.extend(payload(&request)),
            _ => {}
        }
        if self.role == Role::Hook || matches!(function, "download" | "fetch" | "prepare" | "authorize") {
            limits = limits.patient(3600);
        }
        self.script.call(Order {
            cx: cx.clone(),
            function: function.to_owned(),
            request: told(request),
            allowed,
            facts: Arc::clone(&self.facts),
            inner: self.inner.clone(),
            roles: Arc::clone(&self.roles),
            limits,
            watch: self.watch.clone(),
        })
    }
}

/// Where a request's payload lies on this machine.
fn payload(request: &Value) -> Option<PathBuf> {
    let payload = request.get("payload").or_else(|| request.get("install")?.get("payload"))?;
    payload.get("path").and_then(Value::as_str).map(PathBuf::from)
}

/// A request with an id gets its parts too: `request.type`, `request.name`.
fn told(mut request: Value) -> Value {
    if let Value::Object(map) = &mut request
        && let Some((kind, name)) =
            map.get("id").and_then(Value::as_str).and_then(|id| id.split_once('/')).map(|(kind, name)| (kind.to_owned(), name.to_owned()))
    {
        map.entry("type").or_insert_with(|| kind.into());
        map.entry("name").or_insert_with(|| name.into());
    }
    request
}

impl Answerer for Instance {
    fn title(&self) -> String {
        format!("the extension `{}`", self.script.source.name)
    }

    fn has(&self, method: &str) -> bool {
        self.script.has(method)
    }

    fn call(&self, cx: &Context, method: &'static str, request: Value) -> Result<Value> {
        self.ask(cx, method, request)
    }
}
