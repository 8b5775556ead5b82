//! The files of an index as they are written: `config.json`, `names.json`, `elements/<type>/<name>.json`.
//!
//! Keys that are not known are passed over, so that a later greffon may add some within one schema.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::location::{Address, Location};
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::model::{Advisory, Digest, Download, ElementId, ElementInfo, ObjectId, Price, Requirement, Terms, Version};

/// The schema that this greffon writes and reads.
pub(super) const SCHEMA: &str = "greffon/index/1";

/// `config.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ConfigFile {
    /// [`SCHEMA`].
    pub(super) schema: String,
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// What it proposes for its types.
    #[serde(default)]
    pub(super) types: IndexMap<String, TypeProposal>,
}

/// What an index proposes for a type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeProposal {
    /// Where its elements go, as the installer `tree` reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How its versions are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
}

/// `names.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NamesFile {
    /// [`SCHEMA`].
    pub(super) schema: String,
    /// Every element.
    pub(super) elements: Vec<NamedElement>,
}

/// One element of `names.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NamedElement {
    /// Its type.
    pub(super) r#type: String,
    /// Its name.
    pub(super) name: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    /// Its newest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<Version>,
}

/// `advisories.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AdvisoriesFile {
    /// [`SCHEMA`].
    pub(super) schema: String,
    /// Every advisory, a line an element.
    pub(super) advisories: Vec<AdvisoryFile>,
}

/// One advisory of `advisories.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AdvisoryFile {
    /// Its publisher's number.
    id: String,
    /// The element's type.
    r#type: String,
    /// The element's name.
    name: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// How bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    /// Which versions; all where it does not say.
    #[serde(default = "Requirement::any")]
    affected: Requirement,
    /// The first safe version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fixed: Option<Version>,
    /// Whether they must not be installed at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    revoke: bool,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// More for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl AdvisoryFile {
    /// In the words of the role; `None` for one about a name that nobody could ask for.
    pub(super) fn advisory(&self) -> Option<Advisory> {
        let one = self.clone();
        Some(Advisory {
            id: one.id,
            element: ElementId::new(one.r#type, one.name).ok()?,
            title: one.title,
            severity: one.severity,
            affected: one.affected,
            fixed: one.fixed,
            terms: Terms::Versions,
            revoke: one.revoke,
            published: one.published,
            url: one.url,
            description: one.description,
        })
    }
}

/// `elements/<type>/<name>.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(expecting = "an element with `type`, `name` and `versions`")]
pub(super) struct ElementFile {
    /// Its type.
    pub(super) r#type: String,
    /// Its name.
    pub(super) name: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    /// The scheme of its versions, where it is not its type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scheme: Option<String>,
    /// Its versions, oldest first as published.
    pub(super) versions: Vec<VersionFile>,
}

/// One version of an element.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct VersionFile {
    /// As its author wrote it.
    pub(super) version: Version,
    /// What it needs.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) dependencies: IndexMap<ElementId, Requirement>,
    /// What it excludes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) conflicts: IndexMap<ElementId, Requirement>,
    /// Its optional groups.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) optional: IndexMap<String, IndexMap<ElementId, Requirement>>,
    /// Why it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) yanked: Option<String>,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<String>,
    /// Where its bytes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) download: Option<DownloadFile>,
}

/// Where the bytes of a version are: one of `git`, `url`, `path`, and what belongs to it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DownloadFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) git: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<ObjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subdir: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) submodules: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dialogue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Price>,
}

impl DownloadFile {
    /// With every address made absolute.
    fn resolve(self, location: &Location) -> Result<Download> {
        let archive = |address: &str, file: &Self| -> Result<Download> {
            Ok(match location.archive(address)? {
                Address::Url(url) => {
                    Download::Url { url, sha256: file.sha256, md5: None, size: file.size, dialogue: file.dialogue.clone(), price: file.price.clone() }
                }
                Address::Path(path) => Download::Path { path: path.to_string_lossy().into_owned(), sha256: file.sha256, subdir: file.subdir.clone() },
            })
        };
        match (&self.git, &self.url, &self.path) {
            (Some(git), None, None) => {
                let rev = self.rev.clone().or_else(|| self.commit.map(|commit| commit.to_string()));
                let rev = rev.ok_or_else(|| Error::new(ErrorKind::Invalid, "its `download` has a `git` without a `rev`"))?;
                Ok(Download::Git { git: location.git(git)?, rev, commit: self.commit, subdir: self.subdir, submodules: self.submodules })
            }
            (None, Some(address), None) | (None, None, Some(address)) => archive(address, &self),
            _ => Err(Error::new(ErrorKind::Invalid, "its `download` has not exactly one of `git`, `url` and `path`")),
        }
    }
}

impl ElementFile {
    /// The element infos it holds, in its order.
    pub(super) fn infos(self, id: &ElementId, location: &Location, scheme: Option<&str>) -> Result<Vec<ElementInfo>> {
        if self.r#type != id.kind() || self.name != id.name() {
            return Err(Error::new(ErrorKind::Invalid, format!("it says that it is `{}/{}`", self.r#type.escape_debug(), self.name.escape_debug())));
        }
        let scheme = self.scheme.or_else(|| scheme.map(str::to_owned));
        let mut infos: Vec<ElementInfo> = Vec::with_capacity(self.versions.len());
        let mut seen = std::collections::HashSet::new();
        for version in self.versions {
            if !seen.insert(version.version.clone()) {
                return Err(Error::new(ErrorKind::Invalid, format!("it lists version `{}` twice", version.version.as_str().escape_debug())));
            }
            let text = version.version.as_str();
            if text.is_empty() || text.len() > 200 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no version", text.escape_debug())));
            }
            let download = version.download.map(|download| download.resolve(location)).transpose();
            let download = download.map_err(|error| Error::new(error.kind(), format!("version `{text}`: {error}")))?;
            infos.push(ElementInfo {
                id: id.clone(),
                version: version.version,
                scheme: scheme.clone(),
                summary: self.summary.clone(),
                dependencies: version.dependencies,
                conflicts: version.conflicts,
                optional: version.optional,
                yanked: version.yanked,
                published: version.published,
                download,
                recommends: indexmap::IndexMap::new(),
                reserve: None,
                release: None,
                withheld: None,
            });
        }
        Ok(infos)
    }
}

/// Reads a file of an index. `shown` is its path or url, for messages.
///
/// # Errors
/// `Invalid` with the place; `Newer` for a schema that a newer greffon wrote.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], shown: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|fault| {
        let text = String::from_utf8_lossy(bytes);
        if text.trim_start().starts_with('<') {
            return Error::new(ErrorKind::Invalid, format!("`{shown}` is a web page, not a file of an index"))
                .hint("check the address of the index; it may need a login");
        }
        let error = Error::new(ErrorKind::Invalid, format!("`{shown}` is not as a file of an index must be: {fault}"));
        // A place is worth showing in a file that people write; a whole catalogue on one line is not.
        let line = text.lines().nth(fault.line().saturating_sub(1)).unwrap_or_default();
        if text.len() > 256 << 10 || line.len() > 400 {
            return error;
        }
        let start: usize = text.split_inclusive('\n').take(fault.line().saturating_sub(1)).map(str::len).sum();
        let mut at = (start + fault.column().saturating_sub(1)).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let end = text[at..].char_indices().nth(1).map_or(text.len(), |(next, _)| at + next);
        error.at(Excerpt { path: shown.into(), text: text.clone().into_owned(), span: at..end, label: String::new() })
    })
}

/// Refuses a schema that is not [`SCHEMA`].
///
/// # Errors
/// `Newer` or `Invalid`.
pub(super) fn check_schema(schema: &str, shown: &str) -> Result<()> {
    if schema == SCHEMA {
        return Ok(());
    }
    let newer = schema.strip_prefix("greffon/index/").and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number > 1);
    Err(if newer {
        Error::new(ErrorKind::Newer, format!("`{shown}` was written by a newer greffon (`{}`)", schema.escape_debug())).hint("update greffon")
    } else {
        Error::new(ErrorKind::Invalid, format!("`{shown}` has the schema `{}`, not `{SCHEMA}`", schema.escape_debug()))
    })
}
