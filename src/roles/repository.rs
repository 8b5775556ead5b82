//! The repository role: delivers element info.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::error::Result;
use crate::model::{Advisories, ElementId, ElementInfo, Version};

/// Knows which versions of which elements exist, and what each needs.
///
/// A repository owns every name that it knows: a client asks repositories in order, and the first that answers
/// [`Versions::Known`] is the only one asked further about that name.
pub trait Repository: Debug + Send + Sync {
    /// The name the manifest gave it; written into the lockfile and shown to people.
    fn name(&self) -> &str;

    /// Every version of an element, in any order.
    ///
    /// # Behaviour
    /// - An element that this repository never heard of is [`Versions::Unknown`]; one that it knows without any version is
    ///   `Known` with an empty list.
    /// - A failure (no network, a broken file, a refusal) is an error, *never* `Unknown`.
    /// - Entries may carry whole element infos at once; where they do, [`Self::element_info`] gives the same.
    /// - No version text is listed twice. Withdrawn versions are listed, with `yanked` in their info.
    /// - The same question gives the same answer within one run.
    /// - Downloads no element; it may fetch metadata, git objects included.
    ///
    /// # Errors
    /// When the question could not be answered.
    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions>;

    /// The metadata of one version; `None` when there is no such element or version.
    ///
    /// # Behaviour
    /// - `id` and `version` of the answer are those of the request.
    ///
    /// # Errors
    /// When the question could not be answered.
    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>>;

    /// Whether [`Self::element_info`] would give something.
    ///
    /// # Errors
    /// When the question could not be answered.
    fn has_element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<bool> {
        Ok(self.element_info(cx, request)?.is_some())
    }

    /// Elements whose name or summary holds `text`, ignoring case; best first, at most `limit`.
    ///
    /// # Behaviour
    /// - An empty text lists what there is. A repository that cannot list gives what it was configured with.
    ///
    /// # Errors
    /// When the question could not be answered.
    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>>;

    /// What is known to be unsafe of these elements, wherever they come from. By default a repository carries no advisories.
    ///
    /// # Behaviour
    /// - Every advisory is about an element that was asked for, and none is told twice of one element.
    /// - Without the network it is what was heard last, with the time of that.
    ///
    /// # Errors
    /// When the question could not be answered.
    fn advisories(&self, cx: &Context, request: &AdvisoriesRequest) -> Result<Advisories> {
        let _ = (cx, request);
        Ok(Advisories::default())
    }

    /// Where an element's own git repository is, as far as that is known without reading its versions there. By default only the
    /// versions tell.
    ///
    /// # Errors
    /// When the question could not be answered.
    fn home(&self, cx: &Context, id: &ElementId) -> Result<Option<Home>> {
        let _ = (cx, id);
        Ok(None)
    }

    /// Whether advisories are what it is there for, so that they are asked for where nothing else is.
    fn warns(&self) -> bool {
        false
    }

    /// Whether its versions are added to those of the repository that owns the name, instead of being left aside.
    fn merge(&self) -> bool {
        false
    }

    /// Whether its answers are on this machine already, so that there is nothing to wait for in parallel. Changes no answer.
    fn at_hand(&self) -> bool {
        false
    }
}

/// A git repository that holds an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its url, or its path.
    pub git: String,
    /// The folder in it.
    pub subdir: Option<String>,
    /// Whether submodules belong to it.
    pub submodules: bool,
}

/// Asks for the versions of one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionsRequest {
    /// Which element.
    pub id: ElementId,
}

/// The answer to a [`VersionsRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Versions {
    /// The element is known; these are its versions.
    Known(Vec<VersionEntry>),
    /// The element is not known here.
    Unknown,
}

impl Versions {
    /// The answer of a repository that has the metadata of all versions at hand; `None`: the element is not known there.
    #[must_use]
    pub fn of(infos: Option<&[ElementInfo]>) -> Self {
        infos.map_or(Self::Unknown, |infos| {
            Self::Known(infos.iter().map(|info| VersionEntry { version: info.version.clone(), info: Some(info.clone()) }).collect())
        })
    }
}

/// One version of an element, with or without its metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionEntry {
    /// The version as its author wrote it.
    pub version: Version,
    /// Its metadata, where the repository has it at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<ElementInfo>,
}

/// Asks for the metadata of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementInfoRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version, exactly as listed.
    pub version: Version,
}

/// Asks for advisories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoriesRequest {
    /// About which elements.
    pub ids: Vec<ElementId>,
}

/// Searches by words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRequest {
    /// What to look for.
    pub text: String,
    /// How many hits at most.
    pub limit: usize,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// Which element.
    pub id: ElementId,
    /// One line for people.
    #[serde(default)]
    pub summary: Option<String>,
    /// The newest version, where it is at hand.
    #[serde(default)]
    pub version: Option<Version>,
}
