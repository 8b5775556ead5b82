//! Advisories: what is known to be unsafe, and from which version on it no longer is.

use serde::{Deserialize, Serialize};

use super::{ElementId, Requirement, Version};

/// One warning about versions of one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// What its publisher calls it: `CAMP-2026-0001`.
    pub id: String,
    /// Which element.
    pub element: ElementId,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The publisher's word for how bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The versions that it is about.
    pub affected: Requirement,
    /// The first version that is safe, as its publisher writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Version>,
    /// What `affected` and `fixed` are written in.
    #[serde(default, skip_serializing_if = "Terms::is_versions")]
    pub terms: Terms,
    /// Whether these versions must not be installed at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoke: bool,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// More than one line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What an advisory's ranges are written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// The element's versions, read by its scheme.
    #[default]
    Versions,
    /// The names that its releases have for people (`5.0.3` of the build `2026010100`).
    Releases,
}

impl Terms {
    /// Whether it is the usual.
    #[must_use]
    pub fn is_versions(&self) -> bool {
        *self == Self::Versions
    }
}

/// What one source of advisories knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Advisories {
    /// About the elements that were asked for.
    #[serde(default)]
    pub list: Vec<Advisory>,
    /// The names of releases, where the source knows them: (element, version, name).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<ReleaseName>,
    /// When the source was last heard, in seconds since 1970; `None`: it carries no advisories, or lies on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<i64>,
}

/// What a version is called for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseName {
    /// Which element.
    pub element: ElementId,
    /// Which version.
    pub version: Version,
    /// What it is called.
    pub name: String,
}
