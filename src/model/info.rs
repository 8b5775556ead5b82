//! Element info: what a repository knows of one version of an element.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Digest, ElementId, ObjectId, Requirement, Version};

/// The metadata of one candidate: its version, what it needs, what it excludes, and where its bytes are.
///
/// The order of `dependencies` is the author's; the solver looks at them in that order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElementInfo {
    /// `type/name`.
    pub id: ElementId,
    /// The version as its author wrote it.
    pub version: Version,
    /// The version scheme that the package or its index names, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What must be installed with it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub dependencies: IndexMap<ElementId, Requirement>,
    /// What must not be installed beside it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub conflicts: IndexMap<ElementId, Requirement>,
    /// What it is known to go together with, where that matters: candidates whose recommendations hold are preferred, and one
    /// that is chosen all the same is told.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub recommends: IndexMap<ElementId, Requirement>,
    /// Why every other version is preferred to this one (an author's "alpha"); it is chosen where nothing else fits or it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<String>,
    /// Named groups of further dependencies, off unless an element's `optional = ["group"]` asks for them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub optional: IndexMap<String, IndexMap<ElementId, Requirement>>,
    /// Why this version must not be newly chosen; one that is locked stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// When it was published (RFC 3339 or a date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Where its bytes are; `None` for what is only described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Download>,
}

impl ElementInfo {
    /// An element that needs nothing and whose bytes are elsewhere.
    #[must_use]
    pub fn bare(id: ElementId, version: Version) -> Self {
        Self {
            id,
            version,
            scheme: None,
            summary: None,
            dependencies: IndexMap::new(),
            conflicts: IndexMap::new(),
            recommends: IndexMap::new(),
            reserve: None,
            optional: IndexMap::new(),
            yanked: None,
            published: None,
            download: None,
        }
    }
}

/// Download information: everything a downloader needs to get the bytes of one version. No secret is part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Download {
    /// A commit of a git repository.
    Git {
        /// The repository: `https://`, `http://`, `ssh://`, `user@host:path`, `file://` or a local path.
        git: String,
        /// A tag, a branch or a commit; what to ask the server for.
        rev: String,
        /// The commit, where it is already known; bytes of any other are refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<ObjectId>,
        /// The folder inside the repository that is the element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<String>,
        /// Whether gitlinks are fetched and grafted too (DESIGN section 6); otherwise one is an error.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        submodules: bool,
    },
    /// An archive behind a url.
    Url {
        /// Absolute `http(s)://` url.
        url: String,
        /// The digest of the archive's bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Digest>,
        /// The length of the archive in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// The dialogue to hold before the download, by the name of its implementation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialogue: Option<String>,
        /// What it costs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Price>,
    },
    /// An archive or a folder on this machine.
    Path {
        /// An absolute path.
        path: String,
        /// The digest of an archive's bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Digest>,
        /// The folder inside that is the element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<String>,
    },
}

/// An amount of money, as a shop states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// A decimal number as text, so that no cent is lost.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}
