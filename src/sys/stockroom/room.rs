//! Opening the stock's folder, making it where it is missing, and locking it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::fs::{FileLock, write_atomic};
use crate::sys::git::{Objects, is_group_shared, share};

use super::BlobFiles;

/// The folder's format. A number above the last one known here was written by a newer greffon.
const SCHEMA: &str = "greffon/stock/";
const VERSION: u32 = 1;
/// After this long nobody works in a scratch folder any more.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The folder, opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stockroom {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    objects: Objects,
    files: BlobFiles,
    shared: bool,
    /// What was met that cannot be read, in words.
    damage: Mutex<Vec<String>>,
}

/// A lock on the whole stock, held as long as this lives.
#[derive(Debug)]
pub struct StockLock {
    _lock: FileLock,
}

#[derive(Serialize, Deserialize)]
struct Label {
    schema: String,
}

impl Stockroom {
    /// Opens the stock at `root`, or makes it. Where it is there already nothing is written, so that it may lie on a read-only disk.
    ///
    /// # Errors
    /// `Io` (with a hint when another user owns it), `Newer`; `Invalid` for a folder that holds something else.
    pub fn open(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(|error| Error::io("find", root, error))?;
        let label = root.join("stock.json");
        match fs_err::read_to_string(&label) {
            Ok(text) => check_label(&label, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(&root, &label)?,
            Err(error) => return Err(not_ours(&root, error)),
        }
        let objects = Objects::open(&root.join("objects.git"), &root.join("sources"))?;
        let files = BlobFiles::open(&root)?;
        let shared = is_group_shared(&root);
        Ok(Self { inner: Arc::new(Inner { root, objects, files, shared, damage: Mutex::default() }) })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.inner.root
    }
    /// Whether this user may write it: what is read from another's stock cannot be pinned there.
    #[must_use]
    pub fn is_ours_to_write(&self) -> bool {
        let may = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        may(self.root()) && may(&self.sources())
    }
    /// `sources/`.
    #[must_use]
    pub fn sources(&self) -> PathBuf {
        self.inner.root.join("sources")
    }
    /// `info/`.
    #[must_use]
    pub fn info(&self) -> PathBuf {
        self.inner.root.join("info")
    }
    /// `archives/`.
    #[must_use]
    pub fn archives(&self) -> PathBuf {
        self.inner.root.join("archives")
    }
    /// `quarantine/`: what was found damaged, kept for people to look at.
    #[must_use]
    pub fn quarantine(&self) -> PathBuf {
        self.inner.root.join("quarantine")
    }

    /// Whether the folder's mode says that its group shares it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.inner.shared
    }

    /// Notes that something is here and cannot be read.
    pub fn note_damage(&self, what: String) {
        self.inner.damage.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What was noted so.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        self.inner.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The folders of `sources/`.
    ///
    /// # Errors
    /// `Io`.
    pub fn source_names(&self) -> Result<Vec<String>> {
        let mut names = crate::sys::fs::names(&self.sources())?.unwrap_or_default();
        names.retain(|name| name.ends_with(".git"));
        Ok(names)
    }

    /// Gives sources that were put aside and did not come anew back to those who can use what of them is whole. Only under the
    /// exclusive lock.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn take_back_sources(&self, names: &[String]) -> Result<()> {
        for name in names {
            let (place, aside) = (self.sources().join(name), self.quarantine().join(format!("source-{name}")));
            if !aside.is_dir() || crate::sys::git::has_whole_commits(&place) {
                continue;
            }
            if place.is_dir() {
                crate::sys::fs::remove_tree(&place)?;
            }
            fs_err::rename(&aside, &place).map_err(|error| Error::io("give back", &aside, error))?;
        }
        self.objects().refresh()
    }

    /// A fresh folder on the stock's file system, removed when dropped. Those that a killed process left behind go after a day.
    ///
    /// # Errors
    /// `Io`.
    pub fn scratch(&self) -> Result<tempfile::TempDir> {
        scratch(&self.inner.root.join("tmp"))
    }

    /// The object database.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.inner.objects
    }
    /// The unpacked blobs.
    #[must_use]
    pub fn files(&self) -> &BlobFiles {
        &self.inner.files
    }

    /// A lock that many may hold, against [`Self::lock_exclusive`]. Waits, saying so after a second.
    ///
    /// # Errors
    /// `Io`, `Interrupted`.
    pub fn lock_shared(&self, cx: &Context) -> Result<StockLock> {
        Ok(StockLock { _lock: FileLock::shared(cx, &self.lock_path(), &self.lock_name())? })
    }

    /// A lock that only one may hold. Waits, saying so after a second.
    ///
    /// # Errors
    /// `Io`, `Interrupted`.
    pub fn lock_exclusive(&self, cx: &Context) -> Result<StockLock> {
        Ok(StockLock { _lock: FileLock::exclusive(cx, &self.lock_path(), &self.lock_name())? })
    }

    /// As [`Self::lock_exclusive`], with an end to the waiting.
    ///
    /// # Errors
    /// `Busy` when it is still held after `patience`; `Io`, `Interrupted`.
    pub fn lock_exclusive_within(&self, cx: &Context, patience: Duration) -> Result<StockLock> {
        let end = Instant::now() + patience;
        self.lock_exclusive(&cx.with_deadline(end)).map_err(|error| match error.kind() {
            ErrorKind::Undecided if Instant::now() >= end => {
                Error::new(ErrorKind::Busy, format!("the stock `{}` is in use by another greffon", self.root().display()))
                    .hint("try again when it has ended")
                    .temporary()
            }
            _ => error,
        })
    }

    fn lock_path(&self) -> PathBuf {
        self.inner.root.join("lock")
    }

    fn lock_name(&self) -> String {
        format!("the stock `{}`", self.inner.root.display())
    }
}

/// A new folder below `tmp`, which is tidied on the way.
pub(super) fn scratch(tmp: &Path) -> Result<tempfile::TempDir> {
    if let Ok(listing) = fs_err::read_dir(tmp) {
        for entry in listing.flatten() {
            let old =
                entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > STALE));
            if old {
                // Somebody else may be tidying too; whatever cannot go now goes another day.
                let _ = fs_err::remove_dir_all(entry.path());
            }
        }
    }
    tempfile::Builder::new().prefix("work-").tempdir_in(tmp).map_err(|error| not_ours(tmp, error))
}

fn check_label(path: &Path, text: &str) -> Result<()> {
    let label: Label = serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("`{}` does not describe a stock", path.display())).hint("name another folder with `--stock`").caused_by(error)
    })?;
    match label.schema.strip_prefix(SCHEMA).and_then(|number| number.parse::<u32>().ok()) {
        Some(number) if number <= VERSION => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Newer, format!("the stock of `{}` was written by a newer greffon", path.display()))
            .hint("use that greffon, or another folder with `--stock`")),
        None => Err(Error::new(ErrorKind::Invalid, format!("`{}` does not describe a stock", path.display())).hint("name another folder with `--stock`")),
    }
}

/// Makes the stock. The label is written last: a folder without one is still being made, and everybody makes the rest.
fn create(root: &Path, label: &Path) -> Result<()> {
    let existed = root.is_dir();
    if existed && let Some(stranger) = stranger(root)? {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not a stock and not empty: it holds `{stranger}`", root.display()))
            .hint("name an empty or new folder with `--stock` or `GREFFON_STOCK`"));
    }
    fs_err::create_dir_all(root).map_err(|error| not_ours(root, error))?;
    let group = is_group_shared(root) && existed;
    for folder in ["sources", "files", "archives", "info", "tmp", "quarantine"] {
        make_folder(&root.join(folder), group)?;
    }
    for number in 0..=255_u8 {
        make_folder(&root.join(format!("files/{number:02x}")), group)?;
    }
    Objects::open(&root.join("objects.git"), &root.join("sources"))?;
    let lock = root.join("lock");
    fs_err::OpenOptions::new().append(true).create(true).open(&lock).map_err(|error| not_ours(&lock, error))?;
    let text = serde_json::to_string(&Label { schema: format!("{SCHEMA}{VERSION}") })
        .map_err(|error| Error::new(ErrorKind::Internal, "could not describe the stock").caused_by(error))?;
    write_atomic(label, format!("{text}\n").as_bytes())
}

/// A name in a folder that no stock has.
fn stranger(root: &Path) -> Result<Option<String>> {
    const OURS: [&str; 9] = ["stock.json", "sources", "objects.git", "files", "archives", "info", "tmp", "quarantine", "lock"];
    for entry in fs_err::read_dir(root).map_err(|error| not_ours(root, error))? {
        let name = entry.map_err(|error| Error::io("list", root, error))?.file_name().to_string_lossy().into_owned();
        if !OURS.contains(&name.as_str()) && !name.starts_with(".new-") {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

pub(super) fn make_folder(path: &Path, group: bool) -> Result<()> {
    match fs_err::create_dir(path) {
        Ok(()) if group => share(path),
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(not_ours(path, error)),
    }
}

/// Where the stock cannot be used the user is told what to do, and no second stock is made behind their back.
fn not_ours(path: &Path, error: std::io::Error) -> Error {
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    let fault = Error::io("use the stock at", path, error);
    if !denied {
        return fault.hint("name another with `--stock` or `GREFFON_STOCK`");
    }
    fault
        .hint("it belongs to another user: name one of your own with `--stock` or `GREFFON_STOCK`")
        .hint("or let its owner share it with a group: `chgrp -R GROUP` and `chmod -R g+rwX` on it, and `chmod g+s` on its folders")
}
