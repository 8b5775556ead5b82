//! One code tree on disk: its state, its files, and how one tree takes another's place (DESIGN sections 6 and 7).

//!
//! `paths` finds the site and its state, `scan` looks at the files, `draft` lays record, disk and wish side by side, `units` turns
//! that into the fewest steps, `stage` makes everything ready, `journal` says what will be done, `steps` does it (or takes it back),
//! `sift` looks through what was displaced, `generations` records, `apply` and `recover` lead.

mod adopt;
mod along;
mod apply;
mod build;
mod content;
mod crew;
mod data;
mod draft;
mod drift;
mod edits;
mod generations;
mod identity;
mod index;
mod journal;
mod links;
mod local;
mod lock;
mod misplaced;
mod owners;
mod patches;
mod paths;
mod pending;
mod recognise;
mod recover;
mod relink;
mod saved;
mod scan;
mod sift;
mod stage;
mod stand;
mod status;
mod steps;
mod swap;
mod terrain;
mod understood;
mod units;
mod wanted;

use std::path::{Path, PathBuf};

pub use adopt::{Standing, Standings, is_protected};
pub use build::build;
pub use data::DataVersions;
pub use edits::Edit;
pub use patches::KeptPatch;
pub use pending::Pending;
pub use saved::SavedFile;
pub use stand::{Fit, Stand};
#[doc(hidden)]
pub use understood::{journal_is_understood, stat_cache_is_understood};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Deploy, FileCounts, Graft, IfLocalChanges, LinkMode, ObjectId, PathMove, Policy, TreeChange, WantedSite};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::ground;
use crate::sys::fs::lock::ExclusiveLock;
use crate::sys::stockroom::Stockroom;
use index::Index;
use paths::Places;

/// A site, located; nothing is written before [`Site::apply`], [`Site::recover`], [`Site::hold`] or [`Site::forget`].
#[derive(Debug, Clone)]
pub struct Site {
    name: String,
    host: Option<String>,
    places: Places,
    link_mode: LinkMode,
    deploy: Deploy,
    own_folder: bool,
    shared: Vec<String>,
    stockroom: Stockroom,
}

/// What stands at a site's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Nothing, or an empty folder.
    Absent,
    /// A tree that greffon made, with its state.
    Known,
    /// Files that greffon never installed, and no state: an error for `sync`.
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
    /// The patches that went into it, in the order they apply.
    pub patches: Vec<KeptPatch>,
    /// The generation's message.
    pub message: String,
    /// The answers given in advance.
    pub policy: Policy,
    /// Answers for what was changed by hand below a path, which go before the policy's.
    pub answers: Vec<(String, IfLocalChanges)>,
    /// Whether a path that does not exist may be made.
    pub create: bool,
    /// A rollback: the earlier generation's number, and why; sets a hold.
    pub hold: Option<Hold>,
    /// Takes an existing hold away.
    pub release: bool,
    /// Whether files that stay as they are get the site's link mode as well.
    pub relink: bool,
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

/// What goes along when the folders around it move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Along {
    /// Files and folders that greffon never installed.
    pub moves: Vec<PathMove>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// A site compared with a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The file changes that `apply` of the tree would make, drift included.
    pub changes: Vec<TreeChange>,
    /// Those of them that were changed by hand, and would be written over or removed.
    pub by_hand: Vec<String>,
    /// The generation in place, where all that it recorded stands as wanted and nothing is left to note.
    pub settled: Option<u64>,
    /// Whether every recorded file and folder stands as it was recorded, with nothing new among them.
    pub undisturbed: bool,
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
        let site = Self {
            name: wanted.name.clone(),
            host: wanted.host.clone(),
            places: Places::find(wanted)?,
            link_mode: wanted.link_mode,
            deploy: wanted.deploy,
            own_folder: wanted.own_folder,
            shared: wanted.shared.clone(),
            stockroom: stockroom.clone(),
        };
        if !site.is_elsewhere() {
            site.places.open_state()?;
        }
        Ok(site)
    }

    /// The code tree, links in its path resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.places.root
    }

    /// The state's folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.places.state.clone()
    }

    /// The site's id; `None` before the first apply, and for a copy of another site.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn id(&self) -> Result<Option<String>> {
        match self.places.open_state()? {
            Some(state) => identity::read(&state, &self.places.root),
            None => Ok(None),
        }
    }

    /// The hold, if there is one.
    ///
    /// # Errors
    /// `Site`.
    pub fn held(&self) -> Result<Option<Hold>> {
        match self.places.open_state()? {
            Some(state) => generations::hold(&state),
            None => Ok(None),
        }
    }

    /// Removes the state; the files stay. Gives the site's id, whose pins the caller takes away.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn forget(&self, cx: &Context) -> Result<Option<String>> {
        if self.places.open_state()?.is_none() {
            return Ok(None);
        }
        let (state, _lock) = self.locked(cx)?;
        self.recover_locked(cx, &state)?;
        let id = identity::read(&state, &self.places.root)?;
        let (Some(parent), Some(name)) = (self.places.state.parent(), self.places.state.file_name().and_then(|name| name.to_str())) else {
            return Ok(id);
        };
        if let Some(above) = Dir::open(parent)? {
            above.remove_all(name)?;
        }
        Ok(id)
    }

    /// The state and its lock, for what changes a site that is there.
    fn locked(&self, cx: &Context) -> Result<(Dir, ExclusiveLock)> {
        if self.is_elsewhere() {
            return Err(self.elsewhere());
        }
        let state = self
            .places
            .open_state()?
            .ok_or_else(|| Error::new(ErrorKind::Site, format!("nothing was ever installed in site `{}`", self.name)).hint("`greffon sync` makes it"))?;
        let lock = lock::take(cx, &state, &self.name)?;
        Ok((state, lock))
    }

    /// The stat cache; made again from the history where it is lost, damaged or of another generation.
    fn load_index(&self, state: &Dir) -> Result<Index> {
        let head = generations::head(state)?;
        let index = Index::load(state, "index")?;
        match (head, index) {
            (None, _) => Ok(Index::default()),
            (Some((number, _)), Some(index)) if index.generation == number => Ok(index),
            (Some((number, commit)), _) => {
                let grafts = generations::grafts(state, commit.id)?;
                let owners = owners::Owners::new(&grafts);
                let files = self.stockroom.objects().files(commit.site)?;
                let files = files.into_iter().filter(|file| !owners.protected(&file.path)).map(|file| (file.path, file.entry, None));
                Ok(Index::new(number, commit.site, grafts.clone(), files))
            }
        }
    }

    fn is_elsewhere(&self) -> bool {
        self.host.as_deref().is_some_and(|host| !ground::is_this_host(host))
    }

    fn elsewhere(&self) -> Error {
        let host = self.host.as_deref().unwrap_or_default();
        Error::new(ErrorKind::Site, format!("site `{}` lives on host `{host}`, and this is `{}`", self.name, ground::host_name()))
            .hint("run greffon there, or change `host` of the site")
    }

    fn gone(&self) -> Error {
        Error::new(ErrorKind::Site, format!("the site `{}` is not there", self.path().display()))
    }
}
