//! A directory handle. Everything under it is reached through it: the kernel refuses a path that leaves it or that crosses a
//! symbolic link, so nobody who may write in a tree can lead us out of it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RawDir, ResolveFlags, Uid};
use rustix::io::Errno;

use super::failpoint;
use super::witness::{Kind, Witness};
use crate::error::{Error, ErrorKind, Result};

/// An open directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dir(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: OwnedFd,
    path: PathBuf,
    /// Whether its names were read: the position belongs to the open file.
    listed: AtomicBool,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl Dir {
    /// Opens a directory; `None` when nothing is there. Links on the way to it are followed: the path is the administrator's.
    ///
    /// # Errors
    /// `Io`, also when something else than a directory is there.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        match rustix::fs::open(path, DIRECTORY, Mode::empty()) {
            Ok(fd) => Ok(Some(Self::from_fd(fd, path.to_owned()))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("open the folder", path, errno.into())),
        }
    }

    fn from_fd(fd: OwnedFd, path: PathBuf) -> Self {
        Self(Arc::new(Inner { fd, path, listed: AtomicBool::new(false) }))
    }

    /// Where it was opened; for messages only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// A failure at a name in this directory.
    #[must_use]
    pub fn error(&self, action: &str, name: &str, source: impl Into<io::Error>) -> Error {
        let path = if name.is_empty() || name == "." { self.path().to_owned() } else { self.path().join(name) };
        Error::io(action, &path, source.into())
    }

    /// The directory at a relative path (`""` and `.`: this one); `None` when there is none, or a file or link stands on the way.
    ///
    /// # Errors
    /// `Io`; `Invalid` for a path that is not plainly relative.
    pub fn sub(&self, relative: &str) -> Result<Option<Self>> {
        if relative.is_empty() || relative == "." {
            return Ok(Some(self.clone()));
        }
        check_relative(relative)?;
        match self.open_beneath(relative, DIRECTORY) {
            Ok(fd) => Ok(Some(Self::from_fd(fd, self.path().join(relative)))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(self.error("open the folder", relative, errno)),
        }
    }

    fn open_beneath(&self, relative: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..8 {
            match rustix::fs::openat2(self, relative, flags | OFlags::NOFOLLOW, Mode::empty(), resolve) {
                // Somebody renamed a folder on the way at the same moment.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Kernels before 5.6, and sandboxes that do not know the call.
                Err(Errno::NOSYS | Errno::PERM) => break,
                other => return other,
            }
        }
        self.open_by_parts(relative, flags)
    }

    fn open_by_parts(&self, relative: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let mut at: Option<OwnedFd> = None;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            let from = at.as_ref().map_or(self.as_fd(), AsFd::as_fd);
            let next = rustix::fs::openat(from, part, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
            at = Some(next);
        }
        let from = at.as_ref().map_or(self.as_fd(), AsFd::as_fd);
        rustix::fs::openat(from, name, flags | OFlags::NOFOLLOW, Mode::empty())
    }

    /// What stands at a name; `None`: nothing. Links are not followed.
    ///
    /// # Errors
    /// `Io`.
    pub fn witness(&self, name: &str) -> Result<Option<Witness>> {
        match rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Witness::from(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.error("look at", name, errno)),
        }
    }

    /// The directory's own witness.
    ///
    /// # Errors
    /// `Io`.
    pub fn own_witness(&self) -> Result<Witness> {
        rustix::fs::fstat(self).map(|stat| Witness::from(&stat)).map_err(|errno| self.error("look at", "", errno))
    }

    /// Calls `each` for every name in the directory but `.` and `..`, in no order. Names that are not UTF-8 come with `None`.
    ///
    /// # Errors
    /// `Io`, and whatever `each` fails with.
    pub fn each(&self, mut each: impl FnMut(Option<&str>, Kind) -> Result<()>) -> Result<()> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
        if self.0.listed.swap(true, Ordering::Relaxed) {
            rustix::fs::seek(self, rustix::fs::SeekFrom::Start(0)).map_err(|errno| self.error("list", "", errno))?;
        }
        let mut listing = RawDir::new(self, &mut buffer);
        while let Some(entry) = listing.next() {
            let entry = entry.map_err(|errno| self.error("list", "", errno))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let name = std::str::from_utf8(name).ok();
            let kind = match (entry.file_type(), name) {
                (rustix::fs::FileType::Unknown, Some(name)) => match self.witness(name)? {
                    Some(witness) => witness.kind(),
                    None => continue,
                },
                (kind, _) => Kind::from(kind),
            };
            each(name, kind)?;
        }
        Ok(())
    }

    /// Every name in the directory, sorted.
    ///
    /// # Errors
    /// `Io`, also for a name that is not UTF-8: passing it over could lose it.
    pub fn names(&self) -> Result<Vec<(String, Kind)>> {
        let mut names = Vec::new();
        self.each(|name, kind| {
            let name = name.ok_or_else(|| Error::new(ErrorKind::Io, format!("`{}` holds a file whose name is not UTF-8", self.path().display())))?;
            names.push((name.to_owned(), kind));
            Ok(())
        })?;
        names.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }

    /// Whether nothing is in it.
    ///
    /// # Errors
    /// `Io`.
    pub fn is_empty(&self) -> Result<bool> {
        let mut empty = true;
        self.each(|_, _| {
            empty = false;
            Ok(())
        })?;
        Ok(empty)
    }

    /// Opens a regular file for reading; `None` when there is none. Never blocks on a pipe, never follows a link.
    ///
    /// # Errors
    /// `Io`.
    pub fn open_file(&self, name: &str) -> Result<Option<std::fs::File>> {
        match rustix::fs::openat(self, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => Ok(Some(std::fs::File::from(fd))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.error("read", name, errno)),
        }
    }

    /// A whole file; `None` when there is none.
    ///
    /// # Errors
    /// `Io`.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        use std::io::Read as _;
        let Some(mut file) = self.open_file(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| self.error("read", name, error))?;
        Ok(Some(bytes))
    }

    /// Where a symbolic link points.
    ///
    /// # Errors
    /// `Io`.
    pub fn read_link(&self, name: &str) -> Result<Vec<u8>> {
        rustix::fs::readlinkat(self, name, Vec::new()).map(std::ffi::CString::into_bytes).map_err(|errno| self.error("read the link", name, errno))
    }

    /// Makes a directory, umask and default ACL applied by the kernel; `false` when something is there.
    ///
    /// # Errors
    /// `Io`.
    pub fn make_dir(&self, name: &str, mode: u32) -> Result<bool> {
        let outcome = failpoint::changing().and_then(|()| match rustix::fs::mkdirat(self, name, Mode::from_raw_mode(mode)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(errno.into()),
        });
        outcome.map_err(|error| self.error("make the folder", name, error))
    }

    /// Makes a file that must not exist and fills it.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(&self, name: &str, bytes: &[u8], mode: u32) -> Result<std::fs::File> {
        use std::io::Write as _;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let outcome = failpoint::changing().and_then(|()| {
            let mut file = std::fs::File::from(rustix::fs::openat(self, name, flags, Mode::from_raw_mode(mode))?);
            file.write_all(bytes)?;
            Ok(file)
        });
        outcome.map_err(|error| self.error("write", name, error))
    }

    /// Removes a file or link; `false` when nothing was there.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_file(&self, name: &str) -> Result<bool> {
        let gone = failpoint::changing().and_then(|()| match rustix::fs::unlinkat(self, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        });
        gone.map_err(|error| self.error("remove", name, error))
    }

    /// Removes an empty directory; `false` when it is not empty, not a directory, in use as a mount, or not there.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_dir(&self, name: &str) -> Result<bool> {
        let gone = failpoint::changing().and_then(|()| match rustix::fs::unlinkat(self, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::BUSY) => Ok(false),
            Err(errno) => Err(errno.into()),
        });
        gone.map_err(|error| self.error("remove the folder", name, error))
    }

    /// Removes whatever stands at a name, folders with all they hold, without ever leaving this directory.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_all(&self, name: &str) -> Result<()> {
        match self.witness(name)? {
            None => Ok(()),
            Some(witness) if witness.kind() == Kind::Directory => remove_folder(self, name.as_bytes()).map_err(|error| self.error("remove", name, error)),
            Some(_) => self.remove_file(name).map(drop),
        }
    }

    /// Gives a file a second name; `false` where the system does not allow it (another file system or owner, too many names).
    ///
    /// # Errors
    /// `Io`.
    pub fn link(&self, name: &str, to: &Self, new: &str) -> Result<bool> {
        let done = failpoint::changing().and_then(|()| match rustix::fs::linkat(self, name, to, new, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::PERM | Errno::XDEV | Errno::MLINK | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
            Err(errno) => Err(errno.into()),
        });
        done.map_err(|error| self.error("link", name, error))
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// `Io`.
    pub fn symlink(&self, name: &str, target: &[u8]) -> Result<()> {
        failpoint::changing()
            .and_then(|()| rustix::fs::symlinkat(target, self, name).map_err(io::Error::from))
            .map_err(|error| self.error("make the link", name, error))
    }

    /// Gives a name (not what a link points at) another owner.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_owner(&self, name: &str, uid: u32, gid: u32) -> Result<()> {
        failpoint::changing()
            .and_then(|()| {
                rustix::fs::chownat(self, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)
            })
            .map_err(|error| self.error("set the owner of", name, error))
    }

    /// Sets this directory's permission bits.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        failpoint::changing()
            .and_then(|()| rustix::fs::fchmod(self, Mode::from_raw_mode(mode)).map_err(io::Error::from))
            .map_err(|error| self.error("set the mode of", "", error))
    }

    /// Whether this process may add and remove names here.
    #[must_use]
    pub fn may_write(&self) -> bool {
        rustix::fs::accessat(self, ".", rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK, AtFlags::EACCESS).is_ok()
    }
}

/// Names as bytes: what is deleted need not be UTF-8.
fn remove_folder(above: impl AsFd, name: &[u8]) -> io::Result<()> {
    let dir = rustix::fs::openat(above.as_fd(), name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    // What is removed while a folder is being listed may or may not be shown: list first.
    let mut names = Vec::new();
    let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
    let mut listing = RawDir::new(&dir, &mut buffer);
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((name.to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        if kind != rustix::fs::FileType::Directory {
            failpoint::changing()?;
            match rustix::fs::unlinkat(&dir, name.as_slice(), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => continue,
                // A file system that does not tell kinds when it lists.
                Err(Errno::ISDIR | Errno::PERM) if kind == rustix::fs::FileType::Unknown => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        remove_folder(&dir, &name)?;
    }
    failpoint::changing()?;
    match rustix::fs::unlinkat(above.as_fd(), name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Refuses a path that is absolute, has an empty, `.` or `..` part, or holds a NUL: journals and trees may be hostile.
///
/// # Errors
/// `Invalid`.
pub fn check_relative(path: &str) -> Result<()> {
    let plain = !path.is_empty() && !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain { Ok(()) } else { Err(Error::new(ErrorKind::Invalid, format!("`{}` is not a plain relative path", path.escape_debug()))) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    fn scratch() -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let dir = Dir::open(folder.path()).expect("readable").expect("there");
        (folder, dir)
    }

    #[test]
    fn a_link_on_the_way_is_not_followed() {
        let (folder, dir) = scratch();
        std::fs::create_dir(folder.path().join("real")).expect("made");
        std::os::unix::fs::symlink("real", folder.path().join("link")).expect("linked");
        assert!(dir.sub("real").expect("readable").is_some());
        assert!(dir.sub("link").expect("readable").is_none());
        assert!(dir.open_by_parts("link", DIRECTORY).is_err());
        assert!(dir.open_by_parts("real", DIRECTORY).is_ok());
        for hostile in ["../x", "/etc", "real/../..", "a//b", ".", ""] {
            assert!(check_relative(hostile).is_err(), "{hostile:?} was accepted");
        }
    }

    #[test]
    fn removing_a_folder_does_not_follow_links_out_of_it() {
        let (folder, dir) = scratch();
        std::fs::create_dir_all(folder.path().join("gone/deep")).expect("made");
        std::fs::create_dir(folder.path().join("victim")).expect("made");
        std::fs::write(folder.path().join("victim/file"), "kept").expect("written");
        std::os::unix::fs::symlink("../victim", folder.path().join("gone/link")).expect("linked");
        dir.remove_all("gone").expect("removed");
        assert!(!folder.path().join("gone").exists());
        assert!(folder.path().join("victim/file").exists());
    }
}
