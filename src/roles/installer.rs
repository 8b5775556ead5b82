//! The installer role: belongs to the application; alone knows where an element goes. It *says*; [`crate::site`] *does*.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Context;
use crate::error::Result;
use crate::model::{Demands, ElementId, ElementInfo, Graft, ObjectId, Payload, Placement, Version};

/// Says where elements go, what is protected there, and what the code says of itself.
pub trait Installer: Debug + Send + Sync {
    /// Where an element's tree goes in a site.
    ///
    /// # Behaviour
    /// - The path is relative and stays inside the site; two elements never get one path.
    /// - Depends on the request alone: the same request gives the same placement.
    /// - Owners (elements that others are nested in) are placed before what they own; their grafts are in the view.
    ///
    /// # Errors
    /// `NotFound` for a type this application does not know, naming those it knows.
    fn place(&self, cx: &Context, request: &PlaceRequest) -> Result<Placement>;

    /// What the code of an element says of itself: version, dependencies, scheme. `None` when it says nothing.
    ///
    /// # Errors
    /// When the tree cannot be read, or what it says is malformed.
    fn info(&self, cx: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>>;

    /// Changes an element's content before it is grafted; called only where the placement says `prepare`. What it leaves
    /// in the directory is the tree.
    ///
    /// # Behaviour
    /// - Works inside the given directory alone, and deterministically.
    ///
    /// # Errors
    /// When the content cannot be prepared; nothing is grafted then.
    fn prepare(&self, cx: &Context, request: &PrepareRequest) -> Result<()>;

    /// Whether the element stands at its place in the given site, at that version, as far as the application can tell.
    ///
    /// # Errors
    /// When the site cannot be read.
    fn is_installed(&self, cx: &Context, request: &IsInstalledRequest) -> Result<bool>;

    /// The version scheme of a type, where this application fixes it.
    fn scheme(&self, kind: &str) -> Option<String>;

    /// What the application would object to once everything has its place: an error for what it refuses, warnings for what
    /// it only complains about.
    ///
    /// # Errors
    /// `Invalid`, saying which element, why, and what would do.
    fn review(&self, cx: &Context, view: &OwnerView) -> Result<Vec<String>> {
        let _ = (cx, view);
        Ok(Vec::new())
    }

    /// The version of an element that the core brings along itself, so that nobody has to install it. Without a core's tree:
    /// whether some core may (the version is then one that fits every minimum).
    ///
    /// # Errors
    /// When the core cannot be read.
    fn shipped(&self, cx: &Context, id: &ElementId, core: Option<ObjectId>) -> Result<Option<Version>> {
        let _ = (cx, id, core);
        Ok(None)
    }

    /// What a core asks of the machine and of the core before it, as far as its code says that.
    ///
    /// # Errors
    /// When the core cannot be read.
    fn demands(&self, cx: &Context, core: ObjectId) -> Result<Option<Demands>> {
        let _ = (cx, core);
        Ok(None)
    }

    /// The version that the application writes into its data when it runs this code: data of a later one it refuses. `None`:
    /// nothing stands in the way of going back.
    ///
    /// # Errors
    /// When the code cannot be read.
    fn data_version(&self, cx: &Context, graft: &Graft) -> Result<Option<Version>> {
        let _ = (cx, graft);
        Ok(None)
    }

    /// How the versions of a type are learned from a git repository without being told a tag, branch or commit.
    fn ref_versions(&self, kind: &str) -> RefVersions {
        let _ = kind;
        RefVersions::Probe
    }

    /// The version that the name of a ref (`refs/tags/v1`) states, for types that say [`RefVersions::Names`].
    fn version_of_ref(&self, kind: &str, reference: &str) -> Option<Version> {
        let _ = (kind, reference);
        None
    }

    /// The types this application knows; empty: any.
    fn types(&self) -> Vec<String>;

    /// The type of an element that is named without one, where this application's names tell it (`mod_x` is a plugin).
    fn type_of(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The elements that stand in a tree that greffon did not make, as far as the files themselves say so; the core first, owners
    /// before what they own. What an installer cannot tell, it leaves out.
    ///
    /// # Errors
    /// When the site cannot be read.
    fn survey(&self, cx: &Context, site: &Path) -> Result<Survey> {
        let _ = (cx, site);
        Ok(Survey::default())
    }
}

/// What an installer sees in a tree that greffon did not make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    /// Its elements.
    pub elements: Vec<Surveyed>,
    /// Paths that belong to the site's owner, as in [`Placement::protect`].
    #[serde(default)]
    pub protect: Vec<String>,
}

/// One element that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surveyed {
    /// Which.
    pub id: ElementId,
    /// Its folder; `.` for one that is the whole tree.
    pub path: String,
    /// Its version, where its files say it.
    #[serde(default)]
    pub version: Option<Version>,
    /// The file that says so, relative to its folder: an element with another one is another version.
    #[serde(default)]
    pub marker: Option<String>,
}

/// How versions are learned from a git repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefVersions {
    /// From the code; where the newest of very many tags states nothing, from the names of tags.
    Probe,
    /// From the code at every tag and branch, however many there are; what states nothing is no version.
    Code,
    /// From the code; of a repository with very many refs, from their names, because each would be a large download.
    Names,
}

/// Asks where an element goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// Its content.
    pub payload: Payload,
    /// What is placed already.
    pub view: OwnerView,
}

/// What an installer may look at to decide: the core and whatever was placed before. Contents are read through
/// [`Context::trees`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerView {
    /// The core's graft, when the site has one.
    pub core: Option<Graft>,
    /// The elements placed so far.
    pub placed: Vec<Graft>,
}

/// Asks what the code says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfoRequest {
    /// Which element it is meant to be.
    pub id: ElementId,
    /// Its tree.
    pub tree: ObjectId,
    /// The name of the tag or branch it stands at, for applications that read versions from there.
    pub reference: Option<String>,
}

/// Asks to prepare a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// A scratch directory with the element's files, writable.
    pub directory: PathBuf,
}

/// Asks about a site's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsInstalledRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// The site's root.
    pub site: PathBuf,
}
