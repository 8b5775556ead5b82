//! One code tree on disk: its state, its files, and how one tree takes another's place (DESIGN sections 6 and 7).

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::model::{FileCounts, Graft, ObjectId, Policy, SiteStatus, TreeChange, WantedSite};
use crate::roles::Context;
use crate::sys::stockroom::Stockroom;

/// A site, located; nothing is written before [`Site::apply`], [`Site::recover`], [`Site::hold`] or [`Site::forget`].
#[derive(Debug, Clone)]
pub struct Site {}

/// What stands at a site's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Nothing, or an empty folder.
    Absent,
    /// A tree that greffon made, with its state.
    Known,
    /// Files that greffon never installed, and no state: an error for `sync`, with the hint `adopt`.
    Foreign,
    /// The site lives on another host.
    Elsewhere,
}

/// One recorded state of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// 1, 2, 3 …
    pub number: u64,
    /// The commit in `history.git`.
    pub commit: ObjectId,
    /// The composed tree.
    pub tree: ObjectId,
    /// What it is made of.
    pub grafts: Vec<Graft>,
    /// When it was recorded (RFC 3339).
    pub time: String,
    /// What changed, first line first.
    pub message: String,
    /// Name given by `history mark`.
    pub mark: Option<String>,
    /// The manifest's text then.
    pub manifest: String,
    /// The lockfile's text then.
    pub lock: String,
    /// Element infos then, as JSON (offline element info of what is installed).
    pub infos: String,
}

/// A site kept at a generation on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Which generation.
    pub generation: u64,
    /// Why.
    pub reason: String,
}

/// Everything an apply needs to know.
#[derive(Debug, Clone)]
pub struct ApplyTree {
    /// The composed tree that is wanted.
    pub tree: ObjectId,
    /// What it is made of.
    pub grafts: Vec<Graft>,
    /// Text to record: this site's manifest, lock and element infos.
    pub manifest: String,
    /// See `manifest`.
    pub lock: String,
    /// See `manifest`.
    pub infos: String,
    /// The generation's message.
    pub message: String,
    /// The answers given in advance.
    pub policy: Policy,
    /// Whether a path that does not exist may be made.
    pub create: bool,
    /// A rollback: the earlier generation's number, and why; sets a hold.
    pub hold: Option<Hold>,
    /// Takes an existing hold away.
    pub release: bool,
}

/// What an apply did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The generation now in place; the same number as before when nothing had to change.
    pub generation: u64,
    /// What was done to files.
    pub files: FileCounts,
    /// Files put aside under `saved/`, relative to the site.
    pub saved: Vec<String>,
    /// What the user should know (a link mode that fell back, a file system without exchange …).
    pub notes: Vec<String>,
}

/// What a recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// There was no journal.
    Nothing,
    /// The interrupted apply was finished; the generation it made.
    Forward(u64),
    /// The interrupted apply was undone.
    Back,
}

impl Site {
    /// Locates a site. Reads, and writes nothing.
    ///
    /// # Errors
    /// `Site` for a state that greffon does not own, or whose parent another user may write; `Newer`.
    pub fn open(wanted: &WantedSite, stockroom: &Stockroom) -> Result<Self> {
        let _ = (wanted, stockroom);
        unimplemented!()
    }
    /// The code tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        unimplemented!()
    }
    /// The state's folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        unimplemented!()
    }
    /// The site's id; `None` before the first apply.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn id(&self) -> Result<Option<String>> {
        unimplemented!()
    }
    /// What stands at the path.
    ///
    /// # Errors
    /// `Io`.
    pub fn presence(&self) -> Result<Presence> {
        unimplemented!()
    }
    /// The generation in place.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn current(&self) -> Result<Option<Generation>> {
        unimplemented!()
    }
    /// Every generation, newest first.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn generations(&self) -> Result<Vec<Generation>> {
        unimplemented!()
    }
    /// The hold, if there is one.
    ///
    /// # Errors
    /// `Site`.
    pub fn held(&self) -> Result<Option<Hold>> {
        unimplemented!()
    }
    /// How the files compare with the generation in place. Writes nothing. `verify`: every byte is read; else the stat cache serves.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn status(&self, cx: &Context, verify: bool) -> Result<SiteStatus> {
        let _ = (cx, verify);
        unimplemented!()
    }
    /// The file changes that `apply` of this tree would make, drift included.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn changes(&self, cx: &Context, tree: ObjectId) -> Result<Vec<TreeChange>> {
        let _ = (cx, tree);
        unimplemented!()
    }
    /// Makes the site's files those of the wanted tree, crash-safe (DESIGN section 7), and records a generation.
    ///
    /// # Errors
    /// `LocalChanges`, `Site`, `Io`, `Busy`, `Interrupted`: the site's files are as they were.
    pub fn apply(&self, cx: &Context, request: &ApplyTree) -> Result<Applied> {
        let _ = (cx, request);
        unimplemented!()
    }
    /// Finishes or undoes an apply that was cut off.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn recover(&self, cx: &Context) -> Result<Recovered> {
        let _ = cx;
        unimplemented!()
    }
    /// Gives a generation a name that `history prune` respects.
    ///
    /// # Errors
    /// `NotFound`, `Site`.
    pub fn mark(&self, generation: u64, name: &str) -> Result<()> {
        let _ = (generation, name);
        unimplemented!()
    }
    /// Drops all but the last `keep` generations, marked ones and the one in place; gives the numbers dropped, whose pins the caller takes away.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn prune(&self, cx: &Context, keep: u32) -> Result<Vec<u64>> {
        let _ = (cx, keep);
        unimplemented!()
    }
    /// Copies every object of the history into `history.git`, so that it no longer needs the stock.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn pack(&self, cx: &Context) -> Result<()> {
        let _ = cx;
        unimplemented!()
    }
    /// Removes the state; the files stay. Gives the site's id, whose pins the caller takes away.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn forget(&self, cx: &Context) -> Result<Option<String>> {
        let _ = cx;
        unimplemented!()
    }
}

/// Writes the bare tree to a folder that must not exist (or be empty), or to a `.tar`: no state, sorted, fixed times.
///
/// # Errors
/// `Io`, `Git`, `Invalid`.
pub fn build(cx: &Context, stockroom: &Stockroom, tree: ObjectId, grafts: &[Graft], to: &Path) -> Result<()> {
    let _ = (cx, stockroom, tree, grafts, to);
    unimplemented!()
}
