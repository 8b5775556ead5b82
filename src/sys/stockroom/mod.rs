//! The stock's folder on disk (DESIGN section 6): `sources/`, `objects.git`, `files/`, `archives/`, `info/`, `tmp/`, `lock`.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::model::{Entry, LinkMode};
use crate::roles::Context;
use crate::sys::git::Objects;

/// The folder, opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stockroom {}

/// A lock on the whole stock, held as long as this lives.
#[derive(Debug)]
pub struct StockLock {}

impl Stockroom {
    /// Opens the stock at `root`, or makes it.
    ///
    /// # Errors
    /// `Io` (with a hint when another user owns it), `Newer`.
    pub fn open(root: &Path) -> Result<Self> {
        let _ = root;
        unimplemented!()
    }
    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        unimplemented!()
    }
    /// `sources/`.
    #[must_use]
    pub fn sources(&self) -> PathBuf {
        unimplemented!()
    }
    /// `info/`.
    #[must_use]
    pub fn info(&self) -> PathBuf {
        unimplemented!()
    }
    /// `archives/`.
    #[must_use]
    pub fn archives(&self) -> PathBuf {
        unimplemented!()
    }
    /// A fresh folder on the stock's file system, removed when dropped.
    ///
    /// # Errors
    /// `Io`.
    pub fn scratch(&self) -> Result<tempfile::TempDir> {
        unimplemented!()
    }
    /// The object database.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        unimplemented!()
    }
    /// The unpacked blobs.
    #[must_use]
    pub fn files(&self) -> &BlobFiles {
        unimplemented!()
    }
    /// A lock that many may hold, against [`Self::lock_exclusive`]. Waits, saying so after a second.
    ///
    /// # Errors
    /// `Io`, `Interrupted`.
    pub fn lock_shared(&self, cx: &Context) -> Result<StockLock> {
        let _ = cx;
        unimplemented!()
    }
    /// A lock that only one may hold. Waits, saying so after a second.
    ///
    /// # Errors
    /// `Io`, `Interrupted`.
    pub fn lock_exclusive(&self, cx: &Context) -> Result<StockLock> {
        let _ = cx;
        unimplemented!()
    }
}

/// `files/`: blobs unpacked once, by id, read-only.
#[derive(Debug, Clone)]
pub struct BlobFiles {}

impl BlobFiles {
    /// Where an entry's unpacked file is (or would be). Executables have a file of their own.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> PathBuf {
        let _ = entry;
        unimplemented!()
    }
    /// Unpacks what is not there yet, on all cores; progress is emitted as `unpack`. Symbolic links are left out.
    ///
    /// # Errors
    /// `Git`, `Io`, `Interrupted`.
    pub fn ensure(&self, cx: &Context, objects: &Objects, entries: &[Entry]) -> Result<()> {
        let _ = (cx, objects, entries);
        unimplemented!()
    }
    /// Puts an entry's file into a directory under a name that must be free, with the given permission bits (copy, reflink)
    /// or as it is (hardlink). Symbolic links are made as such. Says which way was taken.
    ///
    /// # Errors
    /// `Io`; `Unsupported` when a named mode cannot be had there.
    pub fn place(&self, objects: &Objects, entry: &Entry, directory: BorrowedFd<'_>, name: &str, mode: LinkMode, permissions: u32) -> Result<LinkMode> {
        let _ = (objects, entry, directory, name, mode, permissions);
        unimplemented!()
    }
}
