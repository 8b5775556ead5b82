//! The stock over a wire: what a [`super::repository`] answers, and how things are kept.
//!
//! `store_element({origin, info, install, expected_tree})` and `open({origin, id, version, digest})` give a stored element
//! (`{key, info, payload}`; `open`: or `null`), `list()` a list of keys, `gc({dry_run, max_bytes})` a report
//! (`{removed, bytes, kept}`), `verify()` a list of texts; `pin({site, generation, tree, elements})` and
//! `unpin({site, generation})` give nothing.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::downloader::check_payload;
use super::repository::{self, WiredRepository};
use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, only_keys, to_json, wrong_answer};
use crate::error::Result;
use crate::model::{ElementId, ElementInfo, Version};
use crate::roles::{
    Context, ElementInfoRequest, GcReport, GcRequest, PinRequest, Repository, SearchHit, SearchRequest, Stock, StockKey, StoreRequest, StoredElement, Versions,
    VersionsRequest,
};

const STORED: &str = "a map with `key`, `info` and `payload`";
const KEYS: &str = "a list of keys, each a map with `origin`, `id`, `version` and `digest`";
const GONE: &str = "a map with `removed`, `bytes` and `kept`";
/// The keys of a key.
const KEY_KEYS: [&str; 4] = ["origin", "id", "version", "digest"];

/// A stock whose answers come from a script or a library.
#[derive(Debug)]
pub struct WiredStock {
    repository: WiredRepository,
    to: Arc<dyn Answerer>,
    inner: Option<Arc<dyn Stock>>,
}

impl WiredStock {
    /// A stock; `inner` serves what the far side leaves out.
    #[must_use]
    pub fn new(name: &str, to: Arc<dyn Answerer>, inner: Option<Arc<dyn Stock>>) -> Self {
        let as_repository = inner.clone().map(|stock| stock as Arc<dyn Repository>);
        Self { repository: WiredRepository::new(name, false, Arc::clone(&to), as_repository), to, inner }
    }

    /// A stored element, held to its keys; `None` for nothing.
    fn stored(&self, method: &str, answer: Value) -> Result<Option<StoredElement>> {
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, method, map, &["key", "info", "payload"], STORED)?;
            if let Some(key) = map.get("key").and_then(Value::as_object) {
                only_keys(&*self.to, method, key, &KEY_KEYS, KEYS)?;
            }
            if let Some(info) = map.get("info").and_then(Value::as_object) {
                repository::check_info(&*self.to, method, info)?;
            }
            check_payload(&*self.to, method, map)?;
        }
        from_answer(&*self.to, method, answer, STORED)
    }

    fn is_of(&self, method: &str, stored: &StoredElement, (id, version): (&ElementId, &Version)) -> Result<()> {
        if (&stored.key.id, &stored.key.version) == (id, version) && (&stored.info.id, &stored.info.version) == (id, version) {
            return Ok(());
        }
        let what = format!("asked for {id} {version}, it gave {} {} as {} {}", stored.info.id, stored.info.version, stored.key.id, stored.key.version);
        Err(wrong_answer(&*self.to, method, &what, STORED))
    }

    fn inner(&self, method: &str) -> Result<&dyn Stock> {
        self.inner.as_deref().ok_or_else(|| nobody(&*self.to, Role::Stock, method))
    }
}

impl Repository for WiredStock {
    fn name(&self) -> &str {
        self.repository.name()
    }
    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        // A stock grows while it is asked: nothing is remembered.
        if !self.to.has("versions") {
            return self.inner("versions")?.versions(cx, request);
        }
        let answer = self.to.call(cx, "versions", to_json("a request", request)?)?;
        repository::read_versions(&*self.to, answer, &request.id)
    }
    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        if !self.to.has("element_info") {
            return self.inner("element_info")?.element_info(cx, request);
        }
        self.repository.element_info(cx, request)
    }
    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        self.repository.search(cx, request)
    }
}

impl Stock for WiredStock {
    fn store_element(&self, cx: &Context, request: &StoreRequest) -> Result<StoredElement> {
        if !self.to.has("store_element") {
            return self.inner("store_element")?.store_element(cx, request);
        }
        let answer = self.to.call(cx, "store_element", to_json("a request", request)?)?;
        let stored: StoredElement = self.stored("store_element", answer)?.ok_or_else(|| wrong_answer(&*self.to, "store_element", "nothing", STORED))?;
        self.is_of("store_element", &stored, (&request.info.id, &request.info.version))?;
        Ok(stored)
    }

    fn open(&self, cx: &Context, key: &StockKey) -> Result<Option<StoredElement>> {
        if !self.to.has("open") {
            return self.inner("open")?.open(cx, key);
        }
        let stored = self.stored("open", self.to.call(cx, "open", to_json("a request", key)?)?)?;
        if let Some(stored) = &stored {
            self.is_of("open", stored, (&key.id, &key.version))?;
        }
        Ok(stored)
    }

    fn list(&self, cx: &Context) -> Result<Vec<StockKey>> {
        if !self.to.has("list") {
            return self.inner("list")?.list(cx);
        }
        let answer = self.to.call(cx, "list", json!({}))?;
        for key in answer.as_array().into_iter().flatten().filter_map(Value::as_object) {
            only_keys(&*self.to, "list", key, &KEY_KEYS, KEYS)?;
        }
        let mut keys: Vec<StockKey> = from_answer(&*self.to, "list", answer, KEYS)?;
        keys.sort_by(|a, b| (&a.id, a.version.as_str()).cmp(&(&b.id, b.version.as_str())));
        Ok(keys)
    }

    fn pin(&self, cx: &Context, request: &PinRequest) -> Result<()> {
        if !self.to.has("pin") {
            return self.inner("pin")?.pin(cx, request);
        }
        self.to.call(cx, "pin", to_json("a request", request)?).map(drop)
    }

    fn unpin(&self, cx: &Context, site: &str, generation: Option<u64>) -> Result<()> {
        if !self.to.has("unpin") {
            return self.inner("unpin")?.unpin(cx, site, generation);
        }
        self.to.call(cx, "unpin", json!({ "site": site, "generation": generation })).map(drop)
    }

    fn gc(&self, cx: &Context, request: &GcRequest) -> Result<GcReport> {
        if !self.to.has("gc") {
            return self.inner("gc")?.gc(cx, request);
        }
        let answer = self.to.call(cx, "gc", to_json("a request", request)?)?;
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, "gc", map, &["removed", "bytes", "kept"], GONE)?;
        }
        from_answer(&*self.to, "gc", answer, GONE)
    }

    fn verify(&self, cx: &Context) -> Result<Vec<String>> {
        if !self.to.has("verify") {
            return self.inner("verify")?.verify(cx);
        }
        from_answer(&*self.to, "verify", self.to.call(cx, "verify", json!({}))?, "a list of texts")
    }
}

/// A stock of Rust behind JSON.
#[derive(Debug)]
pub struct ServedStock(pub Arc<dyn Stock>);

#[derive(Deserialize)]
struct Unpin {
    site: String,
    #[serde(default)]
    generation: Option<u64>,
}

impl Served for ServedStock {
    fn role(&self) -> Role {
        Role::Stock
    }

    fn serve(&self, cx: &Context, method: &str, request: Value) -> Result<Value> {
        let role = Role::Stock;
        let request = match repository::serve(&*self.0, role, cx, method, request)? {
            Ok(answer) => return Ok(answer),
            Err(request) => request,
        };
        match method {
            "store_element" => to_json("an answer", &self.0.store_element(cx, &from_call(role, method, request)?)?),
            "open" => to_json("an answer", &self.0.open(cx, &from_call(role, method, request)?)?),
            "list" => to_json("an answer", &self.0.list(cx)?),
            "pin" => self.0.pin(cx, &from_call(role, method, request)?).map(|()| Value::Null),
            "unpin" => {
                let Unpin { site, generation } = from_call(role, method, request)?;
                self.0.unpin(cx, &site, generation).map(|()| Value::Null)
            }
            "gc" => to_json("an answer", &self.0.gc(cx, &from_call(role, method, request)?)?),
            "verify" => to_json("an answer", &self.0.verify(cx)?),
            _ => Err(no_method(role, method)),
        }
    }
}
