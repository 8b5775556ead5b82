//! Status: how the files of a site compare with its recorded generation (`greffon/status/1`).

use serde::{Deserialize, Serialize};

use super::plan::split_id;
use super::{ElementId, Version};

/// The state of every site that was asked about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// One a site.
    pub sites: Vec<SiteStatus>,
}

/// The state of one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteStatus {
    /// Its name.
    pub name: String,
    /// In one word.
    pub state: SiteState,
    /// The number of the generation in place; `None` before the first.
    pub generation: Option<u64>,
    /// Element by element.
    pub elements: Vec<ElementStatus>,
    /// Folders where elements live, and nobody declared.
    pub unmanaged: Vec<String>,
    /// Why the site is held, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Hooks that wait to be run, or run again, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
}

impl SiteStatus {
    /// Whether its files are not those of the generation in place, or a run was cut off; a hold hides neither.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.state == SiteState::Pending || self.elements.iter().any(|element| element.state != ElementState::Clean || !element.files.is_empty())
    }
}

/// A site's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteState {
    /// Files are as recorded, and nothing is pending.
    Clean,
    /// Files differ from what was recorded.
    Drift,
    /// A journal or hooks wait to be finished.
    Pending,
    /// Kept at a generation on purpose.
    Held,
    /// Nothing was ever installed here.
    Never,
    /// It lives on another machine.
    Elsewhere,
}

/// The state of one element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElementStatus {
    /// Which; in JSON as `type` and `name`.
    #[serde(flatten, with = "split_id")]
    pub id: ElementId,
    /// The recorded version.
    pub version: Version,
    /// In one word.
    pub state: ElementState,
    /// What stands there instead: a version or a path.
    pub found: Option<String>,
    /// File by file; empty when clean or when `state` says it all.
    pub files: Vec<FileStatus>,
}

/// An element's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElementState {
    /// As recorded.
    Clean,
    /// Some files differ.
    Modified,
    /// Nothing of it is there.
    Missing,
    /// It is there, but at another path.
    Misplaced,
    /// The application itself put another version there.
    OtherVersion,
}

/// The state of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// Relative to the site's root.
    pub path: String,
    /// In one word.
    pub state: FileState,
}

/// A file's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Content or executable bit differs.
    Modified,
    /// It is gone.
    Missing,
    /// It is inside an element and nobody recorded it.
    Extra,
    /// A file where a folder or link was recorded, or the like.
    TypeChanged,
}
