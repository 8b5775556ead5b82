//! Putting one name in another's place without a moment in which neither is there.

use std::io;

use rustix::fs::RenameFlags;
use rustix::io::Errno;

use super::beneath::Dir;
use super::failpoint;
use crate::error::Result;

/// How a move to a free name ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It stands there now.
    Done,
    /// Something stood there already; nothing was done.
    Occupied,
    /// There was nothing to move, or no folder to move it to.
    Gone,
}

/// Moves a name to one that must be free.
///
/// Where the file system knows no `RENAME_NOREPLACE`, a file gets its second name first (which also fails on an occupied
/// one) and loses the first; a folder is renamed after a look, for a rename never replaces a folder that holds something.
///
/// # Errors
/// `Io`.
pub fn move_to_free(from: &Dir, name: &str, to: &Dir, new: &str) -> Result<Moved> {
    let moved = failpoint::changing().and_then(|()| match rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(Moved::Done),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Ok(Moved::Occupied),
        Err(Errno::NOENT) => Ok(Moved::Gone),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(slow_move(from, name, to, new)?),
        Err(errno) => Err(errno.into()),
    });
    moved.map_err(|error| to.error("put in place", new, error))
}

fn slow_move(from: &Dir, name: &str, to: &Dir, new: &str) -> Result<Moved, io::Error> {
    match rustix::fs::linkat(from, name, to, new, rustix::fs::AtFlags::empty()) {
        Ok(()) => {
            rustix::fs::unlinkat(from, name, rustix::fs::AtFlags::empty())?;
            return Ok(Moved::Done);
        }
        Err(Errno::EXIST) => return Ok(Moved::Occupied),
        Err(Errno::NOENT) => return Ok(Moved::Gone),
        Err(_) => {}
    }
    match rustix::fs::statat(to, new, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(Moved::Occupied),
        Err(Errno::NOENT) => match rustix::fs::renameat(from, name, to, new) {
            Ok(()) => Ok(Moved::Done),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(Moved::Occupied),
            Err(Errno::NOENT) => Ok(Moved::Gone),
            Err(errno) => Err(errno.into()),
        },
        Err(errno) => Err(errno.into()),
    }
}

/// Moves a folder to a name that is free or an empty folder; anything else there is left alone.
///
/// # Errors
/// `Io`.
pub fn move_over_empty(from: &Dir, name: &str, to: &Dir, new: &str) -> Result<Moved> {
    let moved = failpoint::changing().and_then(|()| match rustix::fs::renameat(from, name, to, new) {
        Ok(()) => Ok(Moved::Done),
        Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => Ok(Moved::Occupied),
        Err(Errno::NOENT) => Ok(Moved::Gone),
        Err(errno) => Err(errno.into()),
    });
    moved.map_err(|error| to.error("put in place", new, error))
}

/// Moves a name over whatever has the other: for our own state files, never for a site's.
///
/// # Errors
/// `Io`.
pub fn move_over(from: &Dir, name: &str, to: &Dir, new: &str) -> Result<()> {
    failpoint::changing()
        .and_then(|()| rustix::fs::renameat(from, name, to, new).map_err(io::Error::from))
        .map_err(|error| to.error("put in place", new, error))
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// Each has the other's place.
    Done,
    /// One of the two was not there; nothing was done.
    Gone,
    /// The file system cannot.
    Unsupported,
}

/// Exchanges two names, of whatever kind, in one step.
///
/// # Errors
/// `Io`.
pub fn exchange(from: &Dir, name: &str, to: &Dir, other: &str) -> Result<Exchanged> {
    let done = failpoint::changing().and_then(|()| match rustix::fs::renameat_with(from, name, to, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Exchanged::Done),
        Err(Errno::NOENT) => Ok(Exchanged::Gone),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(Exchanged::Unsupported),
        Err(errno) => Err(errno.into()),
    });
    done.map_err(|error| to.error("exchange", other, error))
}

/// Whether the directory's file system can exchange names; tried with two empty files that are gone afterwards.
///
/// # Errors
/// `Io`.
pub fn can_exchange(dir: &Dir) -> Result<bool> {
    drop(dir.create("probe-a", b"", 0o600)?);
    drop(dir.create("probe-b", b"", 0o600)?);
    let outcome = exchange(dir, "probe-a", dir, "probe-b")?;
    dir.remove_file("probe-a")?;
    dir.remove_file("probe-b")?;
    Ok(outcome == Exchanged::Done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    #[test]
    fn nothing_is_replaced_unasked() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let dir = Dir::open(folder.path()).expect("readable").expect("there");
        std::fs::write(folder.path().join("a"), "a").expect("written");
        std::fs::write(folder.path().join("b"), "b").expect("written");
        assert_eq!(move_to_free(&dir, "a", &dir, "b").expect("tried"), Moved::Occupied);
        assert_eq!(slow_move(&dir, "a", &dir, "b").expect("tried"), Moved::Occupied);
        assert_eq!(exchange(&dir, "a", &dir, "b").expect("tried"), Exchanged::Done);
        assert_eq!(std::fs::read_to_string(folder.path().join("a")).expect("read"), "b");
        assert_eq!(exchange(&dir, "a", &dir, "c").expect("tried"), Exchanged::Gone);
        assert_eq!(slow_move(&dir, "a", &dir, "c").expect("tried"), Moved::Done);
        assert_eq!(move_to_free(&dir, "c", &dir, "d").expect("tried"), Moved::Done);
        assert!(can_exchange(&dir).expect("tried"));
    }
}
