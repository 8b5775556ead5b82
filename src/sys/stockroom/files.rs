//! `files/`: every blob that was ever installed, unpacked once.
//!
//! # What is trusted
//!
//! A name in `files/` appears only by a rename that follows a `syncfs` of the content ([`super::unpack`]), so a power cut leaves
//! a whole file or none, never an empty or a cut one. The names themselves are not synced: one that is lost is unpacked again.
//! Against bit rot and foreign writes, a *copy* is hashed on its way through ([`super::place`]), which costs a tenth of a second
//! for a whole Moodle; a *reflink* reads no byte and is as good as `greffon stock verify` last found it; before a *hard link* a
//! file is read where the file system says anything else of it than was noted when it was last as it should be ([`super::links`]).

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::model::{Entry, FileMode, LinkMode, ObjectId};
use crate::roles::Context;
use crate::sys::git::Objects;

use super::links::Book;

/// `files/`: blobs unpacked once, by id, read-only. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlobFiles {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) directory: PathBuf,
    pub(super) tmp: PathBuf,
    pub(super) quarantine: PathBuf,
    pub(super) handle: OwnedFd,
    /// Where [`super::links`] keeps its notes.
    pub(super) notes: PathBuf,
    pub(super) book: Mutex<Book>,
    /// Whether a target device shares blocks with `files/`: asked of the kernel once each.
    pub(super) reflinks: Mutex<HashMap<u64, bool>>,
}

/// `ab/cdef…`, with an `x` at the end for executables.
pub(super) struct Name([u8; 42], usize);

impl Name {
    pub(super) fn of(entry: &Entry) -> Self {
        let mut bytes = [b'x'; 42];
        let mut at = 0;
        for (index, byte) in entry.id.as_bytes().iter().enumerate() {
            if index == 1 {
                bytes[at] = b'/';
                at += 1;
            }
            for digit in [byte >> 4, byte & 15] {
                bytes[at] = b"0123456789abcdef"[usize::from(digit)];
                at += 1;
            }
        }
        Self(bytes, if entry.mode == FileMode::Executable { 42 } else { 41 })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

impl BlobFiles {
    /// Opens the `files/` of the stock at `root`.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let directory = root.join("files");
        let fault = |error: Errno| Error::io("open", &directory, error.into());
        let handle = rustix::fs::open(&directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(fault)?;
        let (tmp, quarantine, notes) = (root.join("tmp"), root.join("quarantine"), root.join("info/links"));
        Ok(Self { inner: Arc::new(Inner { tmp, quarantine, handle, notes, book: Mutex::default(), reflinks: Mutex::default(), directory }) })
    }

    /// The folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// Where an entry's unpacked file is (or would be). Executables have a file of their own.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.inner.directory.join(Name::of(entry).text())
    }

    /// Whether a file elsewhere is a second name of an entry's unpacked file.
    ///
    /// # Errors
    /// `Io`.
    pub fn is_linked_to(&self, entry: &Entry, inode: u64, device: u64) -> Result<bool> {
        match rustix::fs::statat(&self.inner.handle, Name::of(entry).bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok((found.st_ino, found.st_dev) == (inode, device)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(Error::io("look for", &self.path(entry), error.into())),
        }
    }

    /// Unpacks what is not there yet, on all cores; progress is emitted as `unpack`. Symbolic links are left out.
    ///
    /// # Errors
    /// `Git`, `Io`, `Interrupted`; `Unsupported` for a git-LFS pointer.
    pub fn ensure(&self, cx: &Context, objects: &Objects, entries: &[Entry]) -> Result<()> {
        let missing = super::unpack::missing(self, cx, entries)?;
        if missing.is_empty() {
            return Ok(());
        }
        super::unpack::unpack(self, cx, objects, &missing)
    }

    /// As [`Self::ensure`], for files that sites will have as their own: one of which the file system says anything but what was noted
    /// of it is read, and goes to `quarantine/` where it is damaged, to be unpacked anew.
    ///
    /// # Errors
    /// As [`Self::ensure`].
    pub fn ensure_sound(&self, cx: &Context, objects: &Objects, entries: &[Entry]) -> Result<()> {
        let missing = super::unpack::missing_or_unsound(self, cx, entries)?;
        if missing.is_empty() {
            return Ok(());
        }
        super::unpack::unpack(self, cx, objects, &missing)
    }

    /// Puts an entry's file into a directory under a name that must be free, with the given permission bits (copy, reflink)
    /// or as it is (hardlink: 0444 or 0555). Symbolic links are made as such. Says which way was taken. A copy is hashed on
    /// the way: a file found damaged goes to `quarantine/` and the bytes come from the object database instead.
    ///
    /// # Errors
    /// `Io`; `Unsupported` when a named mode cannot be had there; `Digest` when the object database is damaged too.
    pub fn place(
        &self,
        objects: &Objects,
        entry: &Entry,
        directory: std::os::fd::BorrowedFd<'_>,
        name: &str,
        mode: LinkMode,
        permissions: super::Permissions,
    ) -> Result<LinkMode> {
        super::place::Placing { files: self, objects, entry, directory, name }.place(mode, permissions)
    }

    /// Every unpacked file: what it should hold, and its length. Other names are passed over.
    ///
    /// # Errors
    /// `Io`.
    pub fn list(&self) -> Result<Vec<(Entry, u64)>> {
        let mut found = Vec::new();
        let fault = |error| Error::io("list", &self.inner.directory, error);
        for folder in fs_err::read_dir(&self.inner.directory).map_err(fault)? {
            let folder = folder.map_err(fault)?;
            let start = folder.file_name();
            for file in fs_err::read_dir(folder.path()).map_err(fault)? {
                let file = file.map_err(fault)?;
                let name = file.file_name();
                let (Some(start), Some(name)) = (start.to_str(), name.to_str()) else { continue };
                let (digits, mode) = match name.strip_suffix('x') {
                    Some(digits) => (digits, FileMode::Executable),
                    None => (name, FileMode::Regular),
                };
                if let Ok(id) = format!("{start}{digits}").parse::<ObjectId>() {
                    found.push((Entry { id, mode }, file.metadata().map_err(fault)?.len()));
                }
            }
        }
        found.sort_by_key(|(entry, _)| (entry.id, entry.mode));
        Ok(found)
    }

    /// Hashes an unpacked file; one that is not what its name says goes to `quarantine/`. `false`: it did.
    ///
    /// # Errors
    /// `Io`.
    pub fn verify(&self, entry: &Entry) -> Result<bool> {
        super::place::verify(self, entry)
    }

    /// Removes an unpacked file; one that is not there is no error.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove(&self, entry: &Entry) -> Result<()> {
        match rustix::fs::unlinkat(&self.inner.handle, Name::of(entry).bytes(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("remove", &self.path(entry), error.into())),
        }
    }
}
