//! What crosses, as structs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an instance is opened with.
#[derive(Debug, Clone, Deserialize)]
pub struct Setup {
    /// The role that it is to serve.
    pub role: Role,
    /// The name that the manifest gave it.
    #[serde(default)]
    pub name: Option<String>,
    /// The manifest's folder: relative paths in the options start here.
    pub base: PathBuf,
    /// The options, as the manifest has them.
    #[serde(default)]
    pub options: Map<String, Value>,
}

impl Setup {
    /// The options as a struct of the library's own; give it `#[serde(deny_unknown_fields)]`, so that typing mistakes are told.
    ///
    /// # Errors
    /// `manifest`, with what cannot be read.
    pub fn options<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.options.clone())).map_err(|fault| Failure::new("manifest", format!("the options cannot be read: {fault}")))
    }
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Role {
    Client,
    Stock,
    Repository,
    Downloader,
    Installer,
}

/// What a library says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The version of the forms: 1.
    pub api: u32,
    /// The role that this instance serves.
    pub role: Role,
    /// The library's name.
    pub name: String,
    /// The library's version.
    pub version: String,
    /// The methods that it has.
    pub methods: Vec<String>,
    /// Whether calls may come at the same time; always, in Rust.
    pub threadsafe: bool,
}

impl Description {
    /// A library of this name and version with these methods.
    pub fn new(role: Role, name: &str, version: &str, methods: &[&str]) -> Self {
        let methods = methods.iter().map(|&method| method.to_owned()).collect();
        Self { api: 1, role, name: name.to_owned(), version: version.to_owned(), methods, threadsafe: true }
    }
}

/// Why something failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The sort: `not-found`, `invalid`, `manifest`, `network`, `denied`, `io`, `unsupported`, `interrupted` …
    #[serde(default)]
    pub kind: String,
    /// One line: lower case, no full stop, literals in backticks.
    pub message: String,
    /// What can be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Whether the same call may succeed a little later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporary: bool,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), hints: Vec::new(), temporary: false }
    }

    /// Adds what can be done.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new("io", error.to_string())
    }
}

macro_rules! of_an_id {
    ($($request:ty),+) => {
        $(impl $request {
            /// What stands before the first `/` of the id: the type.
            pub fn kind(&self) -> &str {
                self.id.split_once('/').map_or("", |(kind, _)| kind)
            }
            /// What stands after it: the name.
            pub fn name(&self) -> &str {
                self.id.split_once('/').map_or("", |(_, name)| name)
            }
        })+
    };
}
of_an_id!(PlaceRequest, InfoRequest, PrepareRequest, IsInstalledRequest);

/// Asks where an element goes.
#[derive(Debug, Clone, Deserialize)]
pub struct PlaceRequest {
    /// `type/name`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its content: `{"kind":"tree","tree":ID}`, to be read with [`crate::Host::read_file`].
    pub payload: Value,
    /// What was placed before: `{"core":…,"placed":[…]}`.
    pub view: Value,
}

impl PlaceRequest {
    /// The id of its tree, where its content is one.
    pub fn tree(&self) -> Option<&str> {
        self.payload.get("tree").and_then(Value::as_str)
    }
}

/// Asks what the code says of itself.
#[derive(Debug, Clone, Deserialize)]
pub struct InfoRequest {
    /// `type/name`.
    pub id: String,
    /// Its tree, to be read with [`crate::Host::read_file`].
    pub tree: String,
    /// The tag or branch it stands at.
    #[serde(default)]
    pub reference: Option<String>,
}

/// Asks to prepare a content.
#[derive(Debug, Clone, Deserialize)]
pub struct PrepareRequest {
    /// `type/name`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// A scratch directory with its files.
    pub directory: PathBuf,
}

/// Asks about a site's files.
#[derive(Debug, Clone, Deserialize)]
pub struct IsInstalledRequest {
    /// `type/name`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The site's root.
    pub site: PathBuf,
}

/// Where an element goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// Relative to the site, with `/`; the site's root is `.`.
    pub path: String,
    /// The folder inside the content that is the element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// Paths below `path` that belong to the site's owner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Directories below `path` that must exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub empty_dirs: Vec<String>,
    /// The version scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Whether `prepare` is to be called.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prepare: bool,
}

impl Placement {
    /// At a path, with nothing special.
    pub fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}

/// The metadata of one version.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ElementInfo {
    /// Its version.
    pub version: String,
    /// Its version scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// One line for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// `type/name` → requirement.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<String, String>,
    /// `type/name` → requirement.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conflicts: BTreeMap<String, String>,
    /// Why it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// Where its bytes are: `{"git","rev"}`, `{"url","sha256"}` or `{"path"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download: Option<Value>,
}

impl ElementInfo {
    /// A version that needs nothing.
    pub fn bare(version: impl Into<String>) -> Self {
        Self { version: version.into(), ..Self::default() }
    }
}

/// One version of an element.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionEntry {
    /// The version.
    pub version: String,
    /// Its info, where it is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<ElementInfo>,
}

impl From<ElementInfo> for VersionEntry {
    fn from(info: ElementInfo) -> Self {
        Self { version: info.version.clone(), info: Some(info) }
    }
}

/// Searches by words.
#[derive(Debug, Clone, Deserialize)]
pub struct SearchRequest {
    /// What to look for.
    pub text: String,
    /// How many hits at most.
    pub limit: u64,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchHit {
    /// `type/name`.
    pub id: String,
    /// One line for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}
