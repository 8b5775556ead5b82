//! The repository over a wire.
//!
//! `versions({id})` gives `null` (or `"unknown"`) for an element never heard of, else a list; each entry is a version's text, or
//! `{version, info?}`, or a whole element info at once (`{version, dependencies, download, …}`; `id` may be left out).
//! `element_info({id, version})` gives an element info, or `null`. `search({text, limit})` gives a list of `{id, summary?, version?}`.
//! `advisories({ids})` gives a list of `{id, element, affected, fixed?, title?, severity?, revoke?, published?, url?, description?}`, or a map
//! of that `list` and `heard`, the time (in seconds since 1970) at which it was heard.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, only_keys, to_json, wrong_answer};
use crate::error::Result;
use crate::model::{Advisories, ElementId, ElementInfo};
use crate::roles::{AdvisoriesRequest, Context, ElementInfoRequest, Repository, SearchHit, SearchRequest, VersionEntry, Versions, VersionsRequest};

const SHAPE: &str = "`()` for an element that it does not know, else a list of texts or of maps with `version`";
const INFO: &str = "`()` or a map with `version`, and where it has them `dependencies`, `conflicts`, `download`, `yanked`, `published`";

const ADVISORIES: &str = "a list of maps with `id`, `element` and `affected`, or a map with that `list` and `heard`";
/// The keys of an advisory.
const ADVISORY_KEYS: &[&str] = &["id", "element", "title", "severity", "affected", "fixed", "terms", "revoke", "published", "url", "description"];

const HITS: &str = "a list of maps with `id`, and where it has them `summary` and `version`";
/// The keys of an element info.
pub(super) const INFO_KEYS: &[&str] =
    &["id", "version", "scheme", "summary", "release", "dependencies", "conflicts", "recommends", "reserve", "optional", "yanked", "published", "download"];
/// The keys of its `download`, by the one that says which it is.
const DOWNLOADS: [(&str, &[&str]); 3] = [
    ("git", &["git", "rev", "commit", "subdir", "submodules"]),
    ("url", &["url", "sha256", "md5", "size", "dialogue", "price"]),
    ("path", &["path", "sha256", "subdir"]),
];

/// A repository whose answers come from a script or a library.
#[derive(Debug)]
pub struct WiredRepository {
    name: String,
    merge: bool,
    to: Arc<dyn Answerer>,
    inner: Option<Arc<dyn Repository>>,
    /// Answers of this run: the same question gives the same answer.
    known: Mutex<HashMap<ElementId, Versions>>,
}

impl WiredRepository {
    /// A repository of this name; `inner` serves what the far side leaves out.
    #[must_use]
    pub fn new(name: &str, merge: bool, to: Arc<dyn Answerer>, inner: Option<Arc<dyn Repository>>) -> Self {
        Self { name: name.to_owned(), merge, to, inner, known: Mutex::default() }
    }

    fn inner(&self, method: &str) -> Result<&dyn Repository> {
        self.inner.as_deref().ok_or_else(|| nobody(&*self.to, Role::Repository, method))
    }

    fn ask_versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        if !self.to.has("versions") {
            return self.inner("versions")?.versions(cx, request);
        }
        let answer = self.to.call(cx, "versions", to_json("a request", request)?)?;
        read_versions(&*self.to, answer, &request.id)
    }
}

impl Repository for WiredRepository {
    fn name(&self) -> &str {
        &self.name
    }

    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&request.id) {
            return Ok(known.clone());
        }
        let answer = self.ask_versions(cx, request)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(request.id.clone(), answer.clone());
        Ok(answer)
    }

    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        // What `versions` told whole is not asked twice.
        if self.to.has("versions") {
            match self.versions(cx, &VersionsRequest { id: request.id.clone() })? {
                Versions::Unknown => return Ok(None),
                Versions::Known(list) => match list.into_iter().find(|entry| entry.version == request.version) {
                    None => return Ok(None),
                    Some(VersionEntry { info: Some(info), .. }) => return Ok(Some(info)),
                    Some(_) => {}
                },
            }
        }
        if !self.to.has("element_info") {
            return match &self.inner {
                Some(inner) => inner.element_info(cx, request),
                None => Ok(Some(ElementInfo::bare(request.id.clone(), request.version.clone()))),
            };
        }
        let answer = self.to.call(cx, "element_info", to_json("a request", request)?)?;
        read_info(&*self.to, "element_info", answer, request)
    }

    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        if !self.to.has("search") {
            return self.inner.as_ref().map_or_else(|| Ok(Vec::new()), |inner| inner.search(cx, request));
        }
        let answer = self.to.call(cx, "search", to_json("a request", request)?)?;
        let answer = list_of(answer);
        for hit in answer.as_array().into_iter().flatten().filter_map(Value::as_object) {
            only_keys(&*self.to, "search", hit, &["id", "summary", "version"], HITS)?;
        }
        let mut hits: Vec<SearchHit> = from_answer(&*self.to, "search", answer, HITS)?;
        hits.truncate(request.limit);
        Ok(hits)
    }

    fn advisories(&self, cx: &Context, request: &AdvisoriesRequest) -> Result<Advisories> {
        if !self.to.has("advisories") {
            return self.inner.as_ref().map_or_else(|| Ok(Advisories::default()), |inner| inner.advisories(cx, request));
        }
        let answer = self.to.call(cx, "advisories", to_json("a request", request)?)?;
        read_advisories(&*self.to, answer, request)
    }

    fn warns(&self) -> bool {
        self.to.has("advisories") || self.inner.as_ref().is_some_and(|inner| inner.warns())
    }

    fn merge(&self) -> bool {
        self.merge || self.inner.as_ref().is_some_and(|inner| inner.merge())
    }
}

fn list_of(answer: Value) -> Value {
    if answer.is_null() { Value::Array(Vec::new()) } else { answer }
}

/// An answer to `versions`, in any of its forms.
pub(crate) fn read_versions(to: &dyn Answerer, answer: Value, id: &ElementId) -> Result<Versions> {
    let list = match answer {
        Value::Null => return Ok(Versions::Unknown),
        Value::String(word) if word == "unknown" => return Ok(Versions::Unknown),
        Value::Array(list) => list,
        Value::Object(mut map) => match map.remove("known") {
            Some(Value::Array(list)) if map.is_empty() => list,
            _ => return Err(wrong_answer(to, "versions", "a map instead of a list", SHAPE)),
        },
        other => return Err(wrong_answer(to, "versions", &format!("`{other}` instead of a list"), SHAPE)),
    };
    let mut seen = BTreeSet::new();
    let mut entries = Vec::with_capacity(list.len());
    for (index, entry) in list.into_iter().enumerate() {
        let entry = read_entry(to, entry, id, index)?;
        if !seen.insert(entry.version.clone()) {
            return Err(wrong_answer(to, "versions", &format!("the version `{}` of {id} is listed twice", entry.version), SHAPE));
        }
        entries.push(entry);
    }
    Ok(Versions::Known(entries))
}

fn read_entry(to: &dyn Answerer, entry: Value, id: &ElementId, index: usize) -> Result<VersionEntry> {
    let wrong = |what: String| wrong_answer(to, "versions", &format!("entry {index} of {id}: {what}"), SHAPE);
    match entry {
        Value::String(version) => Ok(VersionEntry { version: version.into(), info: None }),
        Value::Object(mut map) => {
            let Some(version) = map.get("version").and_then(Value::as_str).map(str::to_owned) else {
                return Err(wrong("it has no `version` that is a text".to_owned()));
            };
            let request = ElementInfoRequest { id: id.clone(), version: version.into() };
            let info = match map.remove("info") {
                Some(info) => {
                    only_keys(to, "versions", &map, &["version"], SHAPE)?;
                    read_info(to, "versions", info, &request)?
                }
                None if map.len() == 1 => None,
                None => read_info(to, "versions", Value::Object(map), &request)?,
            };
            Ok(VersionEntry { version: request.version, info })
        }
        other => Err(wrong(format!("it is `{other}`"))),
    }
}

/// An element info; `id` and `version` may be left out and must not be others.
fn read_info(to: &dyn Answerer, method: &str, answer: Value, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
    let mut map = match answer {
        Value::Null => return Ok(None),
        Value::Object(map) => map,
        other => return Err(wrong_answer(to, method, &format!("`{other}` instead of an element info"), INFO)),
    };
    check_info(to, method, &map)?;
    fill(&mut map, "id", &request.id.to_string());
    fill(&mut map, "version", request.version.as_str());
    let info: ElementInfo = serde_json::from_value(Value::Object(map))
        .map_err(|error| wrong_answer(to, method, &format!("the info of {} {}: {error}", request.id, request.version), INFO))?;
    if info.id != request.id || info.version != request.version {
        let what = format!("asked for {} {}, it told of {} {}", request.id, request.version, info.id, info.version);
        return Err(wrong_answer(to, method, &what, INFO));
    }
    Ok(Some(info))
}

/// Refuses keys that an element info, or its download, does not have.
pub(super) fn check_info(to: &dyn Answerer, method: &str, map: &Map<String, Value>) -> Result<()> {
    only_keys(to, method, map, INFO_KEYS, INFO)?;
    let Some(download) = map.get("download").and_then(Value::as_object) else { return Ok(()) };
    let Some((_, known)) = DOWNLOADS.iter().find(|(sort, _)| download.contains_key(*sort)) else { return Ok(()) };
    only_keys(to, method, download, known, "a `download` with `git` and `rev`, with `url`, or with `path`")
}

/// Puts a key in where it is missing.
pub(crate) fn fill(map: &mut Map<String, Value>, key: &str, value: &str) {
    map.entry(key).or_insert_with(|| Value::String(value.to_owned()));
}

/// An answer to `advisories`, in either form.
fn read_advisories(to: &dyn Answerer, answer: Value, request: &AdvisoriesRequest) -> Result<Advisories> {
    let map = match answer {
        Value::Object(map) => map,
        other => Map::from_iter([("list".to_owned(), list_of(other))]),
    };
    only_keys(to, "advisories", &map, &["list", "releases", "heard"], ADVISORIES)?;
    for advisory in map.get("list").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        only_keys(to, "advisories", advisory, ADVISORY_KEYS, ADVISORIES)?;
    }
    let mut told: Advisories = from_answer(to, "advisories", Value::Object(map), ADVISORIES)?;
    told.list.retain(|advisory| request.ids.contains(&advisory.element));
    let mut seen = BTreeSet::new();
    told.list.retain(|advisory| seen.insert((advisory.id.clone(), advisory.element.clone())));
    Ok(told)
}

/// A repository of Rust behind JSON.
#[derive(Debug)]
pub struct ServedRepository(pub Arc<dyn Repository>);

impl Served for ServedRepository {
    fn role(&self) -> Role {
        Role::Repository
    }

    fn serve(&self, cx: &Context, method: &str, request: Value) -> Result<Value> {
        match serve(&*self.0, Role::Repository, cx, method, request)? {
            Ok(answer) => Ok(answer),
            Err(_) => Err(no_method(Role::Repository, method)),
        }
    }
}

/// Serves what a repository can; gives the request back for a method that is none of its.
pub(crate) fn serve(inner: &dyn Repository, role: Role, cx: &Context, method: &str, request: Value) -> Result<std::result::Result<Value, Value>> {
    Ok(Ok(match method {
        "name" => json!(inner.name()),
        "versions" => match inner.versions(cx, &from_call(role, method, request)?)? {
            Versions::Unknown => Value::Null,
            Versions::Known(list) => to_json("an answer", &list)?,
        },
        "element_info" => to_json("an answer", &inner.element_info(cx, &from_call(role, method, request)?)?)?,
        "has_element_info" => json!(inner.has_element_info(cx, &from_call(role, method, request)?)?),
        "advisories" => to_json("an answer", &inner.advisories(cx, &from_call(role, method, request)?)?)?,
        "search" => to_json("an answer", &inner.search(cx, &from_call(role, method, request)?)?)?,
        _ => return Ok(Err(request)),
    }))
}
