//! The installer over a wire.
//!
//! `place({id, version, payload, view})` gives a placement (`{path, subdir?, protect?, empty_dirs?, scheme?, prepare?, phases?}`) or
//! a path alone; `info({id, tree, reference})` an element info or `null`; `prepare({id, version, directory})` nothing;
//! `is_installed({id, version, site})` true or false; `scheme({type})` a scheme's name or `null`; `types()` a list of texts;
//! `survey({site})` what stands in a tree that greffon did not make: `{elements: [{id, path, version?, marker?}], protect?}`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::repository::{check_info, fill};
use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, only_keys, to_json, wrong_answer};
use crate::error::Result;
use crate::model::{ElementInfo, Placement};
use crate::roles::{Context, InfoRequest, Installer, IsInstalledRequest, Level, PlaceRequest, PrepareRequest, Survey};
use crate::sys::fs;

const PLACEMENT: &str = "a path relative to the site, or a map with `path`, and where they are needed `subdir`, `protect`, `empty_dirs`, `scheme`, `prepare`";

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
        let answer = self.to.call(&self.cx, "scheme", json!({ "type": kind }));
        self.or_told(answer.and_then(|answer| from_answer(&*self.to, "scheme", answer, "a scheme's name or `()`"))).flatten()
    }

    fn type_of(&self, name: &str) -> Option<String> {
        self.inner.as_ref().and_then(|inner| inner.type_of(name))
    }

    fn types(&self) -> Vec<String> {
        if !self.to.has("types") {
            return self.inner.as_ref().map(|inner| inner.types()).unwrap_or_default();
        }
        let answer = self.to.call(&self.cx, "types", json!({}));
        self.or_told(answer.and_then(|answer| from_answer(&*self.to, "types", answer, "a list of texts"))).unwrap_or_default()
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
        let survey: Survey = from_answer(&*self.to, "survey", self.to.call(cx, "survey", json!({ "site": site }))?, SURVEY)?;
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

    /// These two cannot fail: what went wrong is told, and nothing is known.
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
            "survey" => {
                let site = request.get("site").and_then(Value::as_str).map(PathBuf::from).unwrap_or_default();
                to_json("an answer", &self.0.survey(cx, &site)?)
            }
            _ => Err(no_method(role, method)),
        }
    }
}
