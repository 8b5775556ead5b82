//! Plans: what a sync would do, as data (`greffon/plan/1`).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Download, ElementId, Graft, Lock, ObjectId, Version};

/// What would be done to every site that was asked about.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The lock that the plan was made with; differs from the file's where the manifest no longer fitted it.
    pub lock: Lock,
    /// Whether `lock` must be written before anything else.
    pub lock_changed: bool,
    /// One a site, in the order asked.
    pub sites: Vec<SitePlan>,
    /// What the user should know: shadowed names, yanked versions, moved tags.
    pub warnings: Vec<String>,
}

/// What would be done to one site.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SitePlan {
    /// The site's name.
    pub name: String,
    /// Its code tree.
    pub path: PathBuf,
    /// The composed tree that is wanted; `None` where something would first have to be fetched and may not.
    pub tree: Option<ObjectId>,
    /// Why the site is held, if it is.
    pub held: Option<String>,
    /// Element by element.
    pub changes: Vec<Change>,
    /// Complete and recursive: every element of the site, and whether it comes from stock (founding contract).
    pub download_map: Vec<DownloadMapEntry>,
    /// File counts; `None` where a tree is not in stock.
    pub files: Option<FileCounts>,
    /// Hooks that would run, by moment.
    pub hooks: Vec<String>,
    /// Files and folders that greffon never installed, which go along when the folders around them move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<PathMove>,
    /// Files that were changed by hand and would be written over or removed: what becomes of them is for `if-local-changes` to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
    /// What the user should know or do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Of a rehearsal: what stands in the way of a sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<PlanFault>,
    /// The patches that are left out because the versions have what they do already, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contained: Vec<String>,
    /// Every graft of the wanted tree; empty where `tree` is `None`. Not part of the public JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grafts: Vec<Graft>,
    /// Whether planning has just found every recorded file of the site as it was recorded. True of that moment, so never written.
    #[serde(skip)]
    pub undisturbed: bool,
}

impl SitePlan {
    /// Whether a sync would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.files.is_none_or(|files| files == FileCounts::default())
    }
}

/// Something that a sync would stop at, or that the application complains about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFault {
    /// What sort.
    pub kind: PlanFaultKind,
    /// Whose it is, where that can be told.
    pub id: Option<ElementId>,
    /// The patch that does not apply.
    pub patch: Option<PathBuf>,
    /// In words.
    pub why: String,
}

/// The sort of a [`PlanFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanFaultKind {
    /// The application has no place for it.
    NoPlace,
    /// It cannot be placed for another reason.
    Misplaced,
    /// A patch does not apply; what comes after it was tried all the same.
    Patch,
    /// A patch whose change is there already: it would be left out.
    Contained,
    /// The application would refuse the site.
    Refused,
    /// The application would complain.
    Complaint,
}

/// One path that becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMove {
    /// Relative to the site.
    pub from: String,
    /// Relative to the site.
    pub to: String,
}

/// What happens to one element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// The element; in JSON as `type` and `name`.
    #[serde(flatten, with = "split_id")]
    pub id: ElementId,
    /// The version before (for `move`: the path before).
    pub from: Option<String>,
    /// The version after (for `move`: the path after).
    pub to: Option<String>,
    /// Marked `!`: application data can be lost.
    pub destructive: bool,
    /// Which repository it comes from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

/// What is done to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `+`
    Add,
    /// `~` to another version or other content.
    Update,
    /// `-`
    Remove,
    /// `~` the same version: files that drifted are put back.
    Repair,
    /// `>` to another path.
    Move,
}

/// One element of the download map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DownloadMapEntry {
    /// The element; in JSON as `type` and `name`.
    #[serde(flatten, with = "split_id")]
    pub id: ElementId,
    /// The version that will be installed.
    pub version: Version,
    /// Whether the stock already has it.
    pub from_stock: bool,
    /// How to get it; only where `from_stock` is false. In JSON always there, as `null` otherwise.
    #[serde(default)]
    pub download: Option<Download>,
}

/// How many files of a site a sync touches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCounts {
    /// New files.
    pub add: usize,
    /// Files with other content or mode.
    pub change: usize,
    /// Files that go.
    pub remove: usize,
}

/// An [`ElementId`] as the two keys `type` and `name`.
pub(crate) mod split_id {
    use super::ElementId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Parts<'a> {
        r#type: std::borrow::Cow<'a, str>,
        name: std::borrow::Cow<'a, str>,
    }

    pub(crate) fn serialize<S: Serializer>(id: &ElementId, serializer: S) -> Result<S::Ok, S::Error> {
        Parts { r#type: id.kind().into(), name: id.name().into() }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ElementId, D::Error> {
        let parts = Parts::deserialize(deserializer)?;
        ElementId::new(parts.r#type, parts.name).map_err(serde::de::Error::custom)
    }
}
