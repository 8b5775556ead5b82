//! Putting one file of the stock into a site's folder.

use std::cell::RefCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{OnceLock, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha1::{Digest as _, Sha1};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, LinkMode};
use crate::sys::fs::ground;
use crate::sys::git::Objects;

use super::BlobFiles;
use super::files::Name;
use super::unpack::{unpack_one, write_all};

/// Most files of a code tree fit in one piece.
const PIECE: usize = 256 * 1024;

static UMASK: OnceLock<u32> = OnceLock::new();

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// Whose word the permission bits of a new file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permissions {
    /// These, whatever the umask is.
    Exactly(u32),
    /// No more than these; the folder's default list, else the umask, takes from them.
    Usual(u32),
}

/// One placing.
pub(super) struct Placing<'a> {
    pub(super) files: &'a BlobFiles,
    pub(super) objects: &'a Objects,
    pub(super) entry: &'a Entry,
    pub(super) directory: BorrowedFd<'a>,
    pub(super) name: &'a str,
}

impl Placing<'_> {
    pub(super) fn place(&self, mode: LinkMode, permissions: Permissions) -> Result<LinkMode> {
        if self.entry.mode == FileMode::Symlink {
            return self.symlink();
        }
        if mode == LinkMode::Hardlink {
            return self.hardlink();
        }
        let Some(source) = self.open()? else {
            // `ensure` was not called, or somebody tidied up since: the object database has it still.
            return self.create(permissions).and_then(|target| self.write_object(&target)).map(|()| LinkMode::Copy);
        };
        let target = self.create(permissions)?;
        let result = self.fill(&source, &target, mode);
        if result.is_err() {
            let _ = rustix::fs::unlinkat(self.directory, self.name, AtFlags::empty());
        }
        result
    }

    fn fill(&self, source: &OwnedFd, target: &OwnedFd, mode: LinkMode) -> Result<LinkMode> {
        if mode != LinkMode::Copy && self.reflink(source, target)? {
            return Ok(LinkMode::Reflink);
        }
        if mode == LinkMode::Reflink {
            return Err(self.unsupported("reflink", "share blocks with"));
        }
        if !copy(source, target, self.entry).map_err(|error| self.fault("write", error))? {
            quarantine(self.files, self.entry)?;
            rustix::fs::ftruncate(target, 0)
                .and_then(|()| rustix::fs::seek(target, rustix::fs::SeekFrom::Start(0)))
                .map_err(|error| self.fault("write", error))?;
            self.write_object(target)?;
        }
        Ok(LinkMode::Copy)
    }

    fn open(&self) -> Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.files.inner.handle, Name::of(self.entry).bytes(), flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("read", &self.files.path(self.entry), error.into())),
        }
    }

    fn create(&self, permissions: Permissions) -> Result<OwnedFd> {
        let (Permissions::Exactly(raw) | Permissions::Usual(raw)) = permissions;
        let bits = Mode::from_raw_mode(raw);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.directory, self.name, flags, bits).map_err(|error| self.fault("make", error))?;
        if matches!(permissions, Permissions::Exactly(_)) && raw & UMASK.get_or_init(ground::umask) != 0 {
            rustix::fs::fchmod(&file, bits).map_err(|error| self.fault("set the mode of", error))?;
        }
        Ok(file)
    }

    fn write_object(&self, target: &OwnedFd) -> Result<()> {
        self.objects.blob_reader()?.read(self.entry.id, |bytes| write_all(target, bytes).map_err(|error| self.fault("write", error)))
    }

    fn symlink(&self) -> Result<LinkMode> {
        let target = self.objects.blob(self.entry.id)?;
        rustix::fs::symlinkat(target.as_slice(), self.directory, self.name).map_err(|error| self.fault("make the link", error))?;
        Ok(LinkMode::Copy)
    }

    fn hardlink(&self) -> Result<LinkMode> {
        let name = Name::of(self.entry);
        let link = || rustix::fs::linkat(&self.files.inner.handle, name.bytes(), self.directory, self.name, AtFlags::empty());
        let linked = match link() {
            // Not unpacked, or as many links as an inode can have (65,000 on ext4): a fresh file takes its place.
            Err(Errno::NOENT | Errno::MLINK) => {
                unpack_one(self.files, self.objects, self.entry)?;
                link()
            }
            other => other,
        };
        match linked {
            Ok(()) => Ok(LinkMode::Hardlink),
            Err(Errno::XDEV | Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Err(self.unsupported("hardlink", "hard-link to")),
            Err(error) => Err(self.fault("link", error)),
        }
    }

    /// Shares the blocks; `false` where the two file systems cannot.
    fn reflink(&self, source: &OwnedFd, target: &OwnedFd) -> Result<bool> {
        let device = rustix::fs::fstat(target).map_err(|error| self.fault("look at", error))?.st_dev;
        let known = self.files.inner.reflinks.lock().unwrap_or_else(PoisonError::into_inner).get(&device).copied();
        if known == Some(false) {
            return Ok(false);
        }
        let cloned = match clone_blocks(target, source) {
            Ok(()) => true,
            Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::INVAL | Errno::NOTTY | Errno::NOSYS | Errno::PERM) => false,
            Err(error) => return Err(self.fault("write", error)),
        };
        if known.is_none() {
            self.files.inner.reflinks.lock().unwrap_or_else(PoisonError::into_inner).insert(device, cloned);
        }
        Ok(cloned)
    }

    fn unsupported(&self, mode: &str, what: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("`link-mode = \"{mode}\"` cannot be had: `{}` cannot {what} `{}`", self.place_shown(), self.files.inner.directory.display()),
        )
        .hint("put stock and site on one file system that can, or use `link-mode = \"auto\"`")
    }

    fn fault(&self, action: &str, error: Errno) -> Error {
        Error::io(action, std::path::Path::new(&self.place_shown()), error.into())
    }

    /// The path, as far as the system tells it; for messages only.
    fn place_shown(&self) -> String {
        let folder = fs_err::read_link(format!("/proc/self/fd/{}", self.directory.as_raw_fd()));
        folder.map_or_else(|_| self.name.to_owned(), |folder| folder.join(self.name).display().to_string())
    }
}

#[cfg(target_os = "linux")]
fn clone_blocks(target: &OwnedFd, source: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::ioctl_ficlone(target, source)
}

#[cfg(not(target_os = "linux"))]
fn clone_blocks(_: &OwnedFd, _: &OwnedFd) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Copies and hashes; `false`: the source is not what its name says.
fn copy(source: &OwnedFd, target: &OwnedFd, entry: &Entry) -> Result<bool, Errno> {
    stream(source, entry, |bytes| write_all(target, bytes))
}

/// Reads a whole unpacked file piece by piece; says whether it hashes to the entry's id.
fn stream(source: &OwnedFd, entry: &Entry, mut sink: impl FnMut(&[u8]) -> Result<(), Errno>) -> Result<bool, Errno> {
    BUFFER.with_borrow_mut(|buffer| {
        let first = read(source.as_fd(), buffer)?;
        let mut hash = Sha1::new();
        // A piece that does not fill the buffer is the whole file: only a larger one must be asked for its length.
        let length = if first < buffer.len() { first as u64 } else { rustix::fs::fstat(source)?.st_size.cast_unsigned() };
        hash.update(format!("blob {length}\0").as_bytes());
        let mut count = first;
        while count > 0 {
            hash.update(&buffer[..count]);
            sink(&buffer[..count])?;
            if count < buffer.len() {
                break;
            }
            count = read(source.as_fd(), buffer)?;
        }
        Ok(hash.finalize().as_slice() == entry.id.as_bytes())
    })
}

fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::read(file, &mut *buffer) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

pub(super) fn verify(files: &BlobFiles, entry: &Entry) -> Result<bool> {
    let fault = |error: Errno| Error::io("read", &files.path(entry), error.into());
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&files.inner.handle, Name::of(entry).bytes(), flags, Mode::empty()).map_err(fault)?;
    let good = stream(&file, entry, |_| Ok(())).map_err(fault)?;
    if !good {
        quarantine(files, entry)?;
    }
    Ok(good)
}

/// Takes a damaged file out of use and keeps it for people to look at.
fn quarantine(files: &BlobFiles, entry: &Entry) -> Result<()> {
    let from = files.path(entry);
    let to = files.inner.quarantine.join(format!("file-{}", Name::of(entry).text().replace('/', "")));
    match fs_err::rename(&from, &to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("put aside", &from, error)),
        _ => Ok(()),
    }
}
