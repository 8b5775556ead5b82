//! The installer over a wire.
//!
//! `place({id, version, payload, view})` gives a placement (`{path, subdir?, protect?, empty_dirs?, scheme?, prepare?, phases?}`) or
//! a path alone; `info({id, tree, reference})` an element info or `null`; `prepare({id, version, directory})` nothing;
//! `is_installed({id, version, site})` true or false; `scheme({type})` a scheme's name or `null`; `types()` a list of texts;
//! `survey({site})` what stands in a tree that greffon did not make: `{elements: [{id, path, version?, marker?}], protect?}`;
//! `review({view})` a list of warnings of what was placed, and fails for what the application refuses; `shipped({id, core?})` the
//! version that a core brings along, or `null`; `demands({core})` what a core asks for: `{release?, earliest?, runtimes?, databases?,
//! extensions?, brings?}` or `null`; `data_version({graft})` the version that the code writes into its data, or `null`.
//! `element_type({name})` a type or `null`; `ref_versions({type})` `probe`, `code` or `names`, and for the last
//! `version_of_ref({type, reference})` a version or `null`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::repository::{check_info, fill};
use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, only_keys, to_json, wrong_answer};
use crate::error::Result;
use crate::model::{Demands, ElementId, ElementInfo, Graft, ObjectId, Placement, Version};
use crate::roles::{Context, InfoRequest, Installer, IsInstalledRequest, Level, OwnerView, PlaceRequest, PrepareRequest, RefVersions, Survey};
use crate::sys::fs;

const PLACEMENT: &str = "a path relative to the site, or a map with `path`, and where they are needed `subdir`, `protect`, `empty_dirs`, `scheme`, `prepare`";

const VERSION: &str = "a version or `()`";
const DEMANDS: &str = "`()` or a map with `release`, `earliest`, `runtimes`, `databases`, `extensions` and `brings`, as far as the code says them";

/// Longer paths are none that a file system has.
const LONGEST: usize = 4096;
/// Folders within folders: trees are composed one within the other.
const DEEPEST: usize = 128;
/// The keys of a placement.
const KEYS: &[&str] = &["path", "subdir", "protect", "empty_dirs", "scheme", "prepare", "phases", "homes", "serves"];

/// An installer whose answers come from a script or a library.
#[derive(Debug)]
pub struct WiredInstaller {
    to: Arc<dyn Answerer>,
    inner: Option<Arc<dyn Installer>>,
    /// What is asked without a context of the caller's.
    cx: Context,
}

impl WiredInstaller {
    /// An installer; `inner` serves what the far side leaves out, `cx` what is asked without a context.
    #[must_use]
    pub fn new(to: Arc<dyn Answerer>, inner: Option<Arc<dyn Installer>>, cx: Context) -> Self {
        Self { to, inner, cx }
    }
}

impl Installer for WiredInstaller {
    fn place(&self, cx: &Context, request: &PlaceRequest) -> Result<Placement> {
        if !self.to.has("place") {
            return match &self.inner {
                Some(inner) => inner.place(cx, request),
                None => Err(nobody(&*self.to, Role::Installer, "place")),
            };
        }
        let answer = match self.to.call(cx, "place", to_json("a request", request)?)? {
            Value::String(path) => Value::Object(Map::from_iter([("path".to_owned(), Value::String(path))])),
            other => other,
        };
        if let Value::Object(map) = &answer {
            only_keys(&*self.to, "place", map, KEYS, PLACEMENT)?;
        }
        let placement: Placement = from_answer(&*self.to, "place", answer, PLACEMENT)?;
        if placement.path.len() > LONGEST || placement.path.matches('/').count() > DEEPEST {
            let what = format!("{} would be placed at a path that is too long ({} bytes)", request.id, placement.path.len());
            return Err(wrong_answer(&*self.to, "place", &what, PLACEMENT));
        }
        let inside = std::iter::once(&placement.path).filter(|path| *path != ".").chain(&placement.empty_dirs).chain(&placement.subdir);
        for path in inside {
            fs::beneath::check_relative(path)
                .map_err(|error| wrong_answer(&*self.to, "place", &format!("{} would be placed outside its site: {error}", request.id), PLACEMENT))?;
        }
        Ok(placement)
    }

    fn info(&self, cx: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>> {
        if !self.to.has("info") {
            return self.inner.as_ref().map_or(Ok(None), |inner| inner.info(cx, request));
        }
        let answer = match self.to.call(cx, "info", to_json("a request", request)?)? {
            Value::Object(mut map) => {
                check_info(&*self.to, "info", &map)?;
                fill(&mut map, "id", &request.id.to_string());
                Value::Object(map)
            }
            other => other,
        };
        from_answer(&*self.to, "info", answer, "`()` or a map with `version`, and where the code says it `dependencies`")
    }

    fn prepare(&self, cx: &Context, request: &PrepareRequest) -> Result<()> {
        if !self.to.has("prepare") {
            return self.inner.as_ref().map_or(Ok(()), |inner| inner.prepare(cx, request));
        }
        self.to.call(cx, "prepare", to_json("a request", request)?).map(drop)
    }

    fn is_installed(&self, cx: &Context, request: &IsInstalledRequest) -> Result<bool> {
        if !self.to.has("is_installed") {
            return match &self.inner {
                Some(inner) => inner.is_installed(cx, request),
                None => Err(nobody(&*self.to, Role::Installer, "is_installed")),
            };
        }
        from_answer(&*self.to, "is_installed", self.to.call(cx, "is_installed", to_json("a request", request)?)?, "true or false")
    }

    fn scheme(&self, kind: &str) -> Option<String> {
        if !self.to.has("scheme") {
            return self.inner.as_ref().and_then(|inner| inner.scheme(kind));
        }
        self.simple("scheme", json!({ "type": kind }), "a scheme's name or `()`").flatten()
    }

    fn type_of(&self, name: &str) -> Option<String> {
        if !self.to.has("element_type") {
            return self.inner.as_ref().and_then(|inner| inner.type_of(name));
        }
        self.simple("element_type", json!({ "name": name }), "a type or `()`").flatten()
    }

    fn review(&self, cx: &Context, view: &OwnerView) -> Result<Vec<String>> {
        if !self.to.has("review") {
            return self.inner.as_ref().map_or_else(|| Ok(Vec::new()), |inner| inner.review(cx, view));
        }
        let answer = self.to.call(cx, "review", json!({ "view": to_json("a request", view)? }))?;
        let answer = if answer.is_null() { Value::Array(Vec::new()) } else { answer };
        from_answer(&*self.to, "review", answer, "a list of warnings; what the application refuses is thrown")
    }

    fn shipped(&self, cx: &Context, id: &ElementId, core: Option<ObjectId>) -> Result<Option<Version>> {
        if !self.to.has("shipped") {
            return self.inner.as_ref().map_or(Ok(None), |inner| inner.shipped(cx, id, core));
        }
        from_answer(&*self.to, "shipped", self.to.call(cx, "shipped", json!({ "id": id, "core": core }))?, VERSION)
    }

    fn demands(&self, cx: &Context, core: ObjectId) -> Result<Option<Demands>> {
        if !self.to.has("demands") {
            return self.inner.as_ref().map_or(Ok(None), |inner| inner.demands(cx, core));
        }
        let answer = self.to.call(cx, "demands", json!({ "core": core }))?;
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, "demands", map, &["release", "earliest", "runtimes", "databases", "extensions", "brings"], DEMANDS)?;
        }
        from_answer(&*self.to, "demands", answer, DEMANDS)
    }

    fn data_version(&self, cx: &Context, graft: &Graft) -> Result<Option<Version>> {
        if !self.to.has("data_version") {
            return self.inner.as_ref().map_or(Ok(None), |inner| inner.data_version(cx, graft));
        }
        from_answer(&*self.to, "data_version", self.to.call(cx, "data_version", json!({ "graft": to_json("a request", graft)? }))?, VERSION)
    }

    fn ref_versions(&self, kind: &str) -> RefVersions {
        if !self.to.has("ref_versions") {
            return self.inner.as_ref().map_or(RefVersions::Probe, |inner| inner.ref_versions(kind));
        }
        self.simple("ref_versions", json!({ "type": kind }), "`probe`, `code` or `names`").unwrap_or(RefVersions::Probe)
    }

    fn version_of_ref(&self, kind: &str, reference: &str) -> Option<Version> {
        if !self.to.has("version_of_ref") {
            return self.inner.as_ref().and_then(|inner| inner.version_of_ref(kind, reference));
        }
        self.simple("version_of_ref", json!({ "type": kind, "reference": reference }), VERSION).flatten()
    }

    fn types(&self) -> Vec<String> {
        if !self.to.has("types") {
            return self.inner.as_ref().map(|inner| inner.types()).unwrap_or_default();
        }
        self.simple("types", json!({}), "a list of texts").unwrap_or_default()
    }

    fn survey(&self, cx: &Context, site: &Path) -> Result<Survey> {
        match &self.inner {
            _ if self.to.has("survey") => self.surveyed(cx, site),
            Some(inner) => inner.survey(cx, site),
            None => Ok(Survey::default()),
        }
    }
}

impl WiredInstaller {
    fn surveyed(&self, cx: &Context, site: &Path) -> Result<Survey> {
        const SURVEY: &str = "a map with `elements`, a list of `#{ id, path, version, marker }`, and where they are needed `protect`";
        let answer = self.to.call(cx, "survey", json!({ "site": site }))?;
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, "survey", map, &["elements", "protect"], SURVEY)?;
        }
        for one in answer.get("elements").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            only_keys(&*self.to, "survey", one, &["id", "path", "version", "marker"], SURVEY)?;
        }
        let survey: Survey = from_answer(&*self.to, "survey", answer, SURVEY)?;
        let inside = |path: &str| path == "." || fs::beneath::check_relative(path).is_ok();
        let mut seen: Vec<&str> = Vec::new();
        for one in &survey.elements {
            let marker = one.marker.as_deref().is_none_or(|marker| fs::beneath::check_relative(marker).is_ok());
            if !inside(&one.path) || !marker || one.path.len() > LONGEST {
                return Err(wrong_answer(&*self.to, "survey", &format!("{} is said to stand outside the site", one.id), SURVEY));
            }
            if seen.contains(&one.path.as_str()) {
                return Err(wrong_answer(&*self.to, "survey", &format!("two elements are said to stand at `{}`", one.path.escape_debug()), SURVEY));
            }
            seen.push(&one.path);
        }
        Ok(survey)
    }

    /// A question that cannot fail.
    fn simple<T: DeserializeOwned>(&self, method: &'static str, request: Value, shape: &str) -> Option<T> {
        self.or_told(self.to.call(&self.cx, method, request).and_then(|answer| from_answer(&*self.to, method, answer, shape)))
    }

    /// Some questions cannot fail: what went wrong is told, and nothing is known.
    fn or_told<T>(&self, answer: Result<T>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.cx.log(Level::Warning, error.message());
                None
            }
        }
    }
}

/// A question for what a core brings along.
#[derive(Deserialize)]
struct Shipped {
    id: ElementId,
    #[serde(default)]
    core: Option<ObjectId>,
}

/// A question about one tree, one graft, one ref.
#[derive(Deserialize)]
struct OfCore {
    core: ObjectId,
}

#[derive(Deserialize)]
struct OfGraft {
    graft: Graft,
}

#[derive(Deserialize)]
struct Viewed {
    view: OwnerView,
}

/// An installer of Rust behind JSON.
#[derive(Debug)]
pub struct ServedInstaller(pub Arc<dyn Installer>);

impl Served for ServedInstaller {
    fn role(&self) -> Role {
        Role::Installer
    }

    fn serve(&self, cx: &Context, method: &str, request: Value) -> Result<Value> {
        let role = Role::Installer;
        match method {
            "place" => to_json("an answer", &self.0.place(cx, &from_call(role, method, request)?)?),
            "info" => to_json("an answer", &self.0.info(cx, &from_call(role, method, request)?)?),
            "prepare" => self.0.prepare(cx, &from_call(role, method, request)?).map(|()| Value::Null),
            "is_installed" => Ok(json!(self.0.is_installed(cx, &from_call(role, method, request)?)?)),
            "scheme" => Ok(json!(request.get("type").or(Some(&request)).and_then(Value::as_str).and_then(|kind| self.0.scheme(kind)))),
            "types" => Ok(json!(self.0.types())),
            "element_type" => Ok(json!(self.0.type_of(text(&request, "name")))),
            "review" => Ok(json!(self.0.review(cx, &from_call::<Viewed>(role, method, request)?.view)?)),
            "shipped" => {
                let Shipped { id, core } = from_call(role, method, request)?;
                Ok(json!(self.0.shipped(cx, &id, core)?))
            }
            "demands" => {
                let demands = self.0.demands(cx, from_call::<OfCore>(role, method, request)?.core)?;
                let mut told = to_json("an answer", &demands)?;
                if let (Some(map), Some(demands)) = (told.as_object_mut(), &demands) {
                    map.insert("brings".to_owned(), json!(demands.brings));
                }
                Ok(told)
            }
            "data_version" => Ok(json!(self.0.data_version(cx, &from_call::<OfGraft>(role, method, request)?.graft)?)),
            "ref_versions" => Ok(json!(self.0.ref_versions(text(&request, "type")))),
            "version_of_ref" => Ok(json!(self.0.version_of_ref(text(&request, "type"), text(&request, "reference")))),
            "survey" => {
                let site = request.get("site").and_then(Value::as_str).map(PathBuf::from).unwrap_or_default();
                to_json("an answer", &self.0.survey(cx, &site)?)
            }
            _ => Err(no_method(role, method)),
        }
    }
}

fn text<'a>(request: &'a Value, key: &str) -> &'a str {
    request.get(key).and_then(Value::as_str).unwrap_or_default()
}
