//! Placements: what an installer says of where an element goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ElementId, ObjectId, Version};

/// Where an element's tree goes in a site, and what must be left alone there.
///
/// All paths are relative, with `/`, without `.` and `..`; the site's root is written `.`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Where the element's tree is grafted.
    pub path: String,
    /// The folder inside the payload that is the element, when it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// Paths below `path` that belong to the site's owner: never written, never removed, no drift. `*` and `**` as in gitignore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Directories below `path` that must exist although git cannot hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_dirs: Vec<String>,
    /// The version scheme of this element, where the installer knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Whether [`crate::roles::Installer::prepare`] must be called on the content first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prepare: bool,
    /// Names of the phases that the application runs for it after the files are in place (DESIGN section 7, hooks).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
    /// Folders of the site by a name that stays the same from version to version. When such a folder changes, what stands in it
    /// and was never installed goes along.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub homes: BTreeMap<String, String>,
    /// The folder that web servers serve, `.` for the site's root, where this element decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
}

impl Placement {
    /// The phase by which an installer says that the application keeps data for an element, which uninstalling it destroys.
    pub const UNINSTALL: &str = "uninstall";
}

/// One element's tree at its place in a site: the unit of composing, of recording and of looking for drift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graft {
    /// Which element.
    pub id: ElementId,
    /// At which version.
    pub version: Version,
    /// Its tree, patches and preparation included.
    pub tree: ObjectId,
    /// Where it goes and what is protected there.
    pub placement: Placement,
}
