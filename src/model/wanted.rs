//! What a manifest wants, resolved to one list of elements a site. The manifest's own shape (tables, spans, inheritance)
//! stays in [`crate::manifest`]; from here on down nobody reads TOML.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Digest, ElementId, Requirement, Version};

/// The type of elements that are extensions: resolved first, unpacked in the stock, part of no site.
pub const EXTENSIONS: &str = "extensions";

/// One site and everything it is to be made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WantedSite {
    /// The name in `[sites.NAME]`; the manifest's folder name when there is no `[sites]`.
    pub name: String,
    /// Absolute path of the code tree.
    pub path: PathBuf,
    /// Whether that is the manifest's own folder (there is no `[sites]`): other files of its owner may lie there.
    pub own_folder: bool,
    /// Absolute path of the state; `None`: the sibling `.greffon-<name of the folder>`.
    pub state: Option<PathBuf>,
    /// The machine it lives on; elsewhere it is never touched.
    pub host: Option<String>,
    /// In manifest order; `without` and groups already applied.
    pub elements: IndexMap<ElementId, WantedElement>,
    /// How files come from the stock.
    pub link_mode: LinkMode,
    /// How a new tree takes the old one's place.
    pub deploy: Deploy,
    /// Paths carried over by `deploy = "swap"`.
    pub shared: Vec<String>,
    /// The answers given in advance.
    pub policy: Policy,
    /// How many generations are kept; `None`: all.
    pub keep: Option<u32>,
}

/// One element that the manifest names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WantedElement {
    /// Which.
    pub id: ElementId,
    /// Which versions; [`Requirement::any`] where the manifest says nothing.
    pub requirement: Requirement,
    /// Where from.
    pub source: Source,
    /// The scheme its `scheme =` names.
    pub scheme: Option<String>,
    /// The group it belongs to.
    pub group: Option<String>,
    /// Which of its optional dependency groups are on.
    pub optional: Vec<String>,
    /// Patches applied in this order; absolute paths.
    pub patches: Vec<PathBuf>,
    /// Where the manifest says it.
    pub origin: Origin,
}

/// Where in a file something was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file as the user knows it.
    pub file: PathBuf,
    /// 1-based; 0 when it was not said in a file.
    pub line: usize,
    /// Byte span of the value in the file.
    pub span: (usize, usize),
}

/// Where an element comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Source {
    /// The configured repositories, in order, or the one that is named.
    Repositories {
        /// `repository = "NAME"`.
        only: Option<String>,
    },
    /// A git repository of its own.
    Git {
        /// Its url, or an absolute path.
        git: String,
        /// What pins its commit.
        pin: GitPin,
        /// The folder inside that is the element.
        subdir: Option<String>,
        /// Whether gitlinks are fetched.
        submodules: bool,
    },
    /// A folder or an archive on this machine.
    Path {
        /// Absolute.
        path: PathBuf,
        /// The version, where the manifest states it.
        version: Option<Version>,
    },
    /// An archive behind a url.
    Url {
        /// The url.
        url: String,
        /// The version that it is.
        version: Option<Version>,
        /// The digest of its bytes.
        sha256: Option<Digest>,
    },
    /// A shop's dialogue gives the url; the options are the dialogue's own.
    Dialogue {
        /// `use` and the dialogue's options, as written.
        options: serde_json::Value,
    },
}

/// What pins a git source's commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitPin {
    /// Whatever tag or branch holds a version that fits the requirement.
    Version,
    /// This tag.
    Tag(String),
    /// This branch's head.
    Branch(String),
    /// This commit (at least 7 hex digits), or any revision the server knows by name.
    Rev(String),
}

/// How files come from the stock into a site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkMode {
    /// Reflink where the file system can, else copy.
    #[default]
    Auto,
    /// Share blocks; an error where that cannot be had.
    Reflink,
    /// Bytes are copied.
    Copy,
    /// One inode for all sites: files are read-only; an error where that cannot be had.
    Hardlink,
}

/// How a new tree takes the old one's place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deploy {
    /// Directory by directory and file by file, in place.
    #[default]
    InPlace,
    /// The whole tree at once, by one exchange of directories.
    Swap,
}

macro_rules! answers {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
    };
}

answers! {
    /// What happens where a site holds another version of an element than is wanted. Where nothing is said that is asked of what
    /// other means put there; what greffon put there follows manifest and lock.
    IfVersionMismatch {
        /// Ask on a terminal, else abort.
        Ask,
        /// Stop.
        Abort,
        /// Keep what stands there.
        Keep,
        /// Take what manifest and lock say; what other means put there is put aside.
        Replace,
        /// Take the later of the two.
        Latest,
        /// Take the earlier of the two.
        Earliest,
    }
}
answers! {
    /// What happens to files that were changed by hand.
    IfLocalChanges {
        /// Ask on a terminal, else abort.
        Ask,
        /// Stop before any write.
        Abort,
        /// Leave those files as they are.
        Keep,
        /// Put them aside under `saved/`, then write.
        Save,
        /// Write over them.
        Overwrite,
        /// Merge three ways; a conflict stops before any write.
        Merge,
    }
}
answers! {
    /// What happens to an application's data when its element goes.
    IfRemoved {
        /// Ask on a terminal, else abort.
        Ask,
        /// Stop.
        Abort,
        /// Files go, data stays.
        KeepData,
        /// The application's own uninstall runs first.
        Purge,
    }
}

/// Answers given in advance (`[client-options]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Policy {
    /// See [`IfVersionMismatch`]; `ask` by default.
    pub if_version_mismatch: IfVersionMismatch,
    /// Whether that was said: then it also answers for what manifest and lock have moved on from.
    pub version_mismatch_said: bool,
    /// See [`IfLocalChanges`]; `abort` by default.
    pub if_local_changes: IfLocalChanges,
    /// See [`IfRemoved`]; `ask` by default.
    pub if_removed: IfRemoved,
}

impl Default for Policy {
    fn default() -> Self {
        Self { if_version_mismatch: IfVersionMismatch::Ask, version_mismatch_said: false, if_local_changes: IfLocalChanges::Abort, if_removed: IfRemoved::Ask }
    }
}

impl WantedSite {
    /// Adds an element from the configured repositories, or replaces the requirement of the one that is there.
    pub fn add(&mut self, id: ElementId, requirement: Requirement) {
        match self.elements.get_mut(&id) {
            Some(element) => element.requirement = requirement,
            None => {
                self.elements.insert(id.clone(), WantedElement::from_repositories(id, requirement));
            }
        }
    }
}

impl WantedSite {
    /// As [`Self::add`], asked for by `who` (`--with`) instead of the manifest, whose pin on a commit no longer counts.
    pub fn ask(&mut self, id: &ElementId, requirement: Requirement, who: &str) {
        self.add(id.clone(), requirement);
        if let Some(element) = self.elements.get_mut(id) {
            element.origin = Origin { file: who.into(), line: 0, span: (0, 0) };
            if let Source::Git { pin, .. } = &mut element.source {
                *pin = GitPin::Version;
            }
        }
    }
}

impl WantedElement {
    /// What the manifest asks, in words: `branch main`, `tag v1`, `rev 1a2b3c4`, else the requirement.
    #[must_use]
    pub fn asks(&self) -> String {
        let pin = match &self.source {
            Source::Git { pin: GitPin::Tag(tag), .. } => format!("tag {tag}"),
            Source::Git { pin: GitPin::Branch(branch), .. } => format!("branch {branch}"),
            Source::Git { pin: GitPin::Rev(rev), .. } => format!("rev {rev}"),
            _ => return self.requirement.to_string(),
        };
        if self.requirement == Requirement::any() { pin } else { format!("{pin}, {}", self.requirement) }
    }

    /// An element that any configured repository may deliver.
    #[must_use]
    pub fn from_repositories(id: ElementId, requirement: Requirement) -> Self {
        Self {
            id,
            requirement,
            source: Source::Repositories { only: None },
            scheme: None,
            group: None,
            optional: Vec::new(),
            patches: Vec::new(),
            origin: Origin::default(),
        }
    }
}
