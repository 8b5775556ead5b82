//! Ways out of a conflict: changes of the manifest with which it has an answer.

use serde::{Deserialize, Serialize};

use super::{ElementId, Requirement, Version};

/// A way out of a conflict: with these changes of the manifest the site has an answer. Each was solved again before it is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The site whose conflict it ends.
    pub site: String,
    /// What to change, in manifest order.
    pub changes: Vec<FixChange>,
    /// The fix in one line, for people.
    pub text: String,
}

/// One change of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum FixChange {
    /// Another requirement on an element that the manifest names.
    Require {
        /// Which element.
        #[serde(rename = "element")]
        id: ElementId,
        /// What the manifest says now.
        from: Requirement,
        /// What it should say.
        to: Requirement,
        /// The version that this gives.
        version: Version,
    },
    /// The manifest no longer names an element.
    Remove {
        /// Which element.
        #[serde(rename = "element")]
        id: ElementId,
        /// Whether others need it, so that it is installed nevertheless.
        stays: bool,
    },
}

impl FixChange {
    /// The element that is changed.
    #[must_use]
    pub fn id(&self) -> &ElementId {
        match self {
            Self::Require { id, .. } | Self::Remove { id, .. } => id,
        }
    }
}
