//! Making what was written survive a power cut.

use std::io;

use super::beneath::Dir;
use super::{exchange, failpoint};
use crate::error::Result;

/// Writes everything of the directory's file system to disk, and fails when any of it could not be written since the last call
/// (Linux 5.8).
///
/// # Errors
/// `Io`.
pub fn sync_file_system(dir: &Dir) -> Result<()> {
    if failpoint::broken("sync") {
        return Ok(());
    }
    failpoint::changing()
        .and_then(|()| rustix::fs::syncfs(dir).map_err(io::Error::from))
        .map_err(|error| dir.error("write to disk the file system of", "", error))
}

/// Writes a directory's names to disk.
///
/// # Errors
/// `Io`.
pub fn sync_dir(dir: &Dir) -> Result<()> {
    if failpoint::broken("sync") {
        return Ok(());
    }
    failpoint::changing()
        .and_then(|()| match rustix::fs::fsync(dir) {
            // Some network file systems cannot sync a folder, and need not.
            Ok(()) | Err(rustix::io::Errno::INVAL) => Ok(()),
            Err(errno) => Err(errno.into()),
        })
        .map_err(|error| dir.error("write to disk", "", error))
}

/// Replaces a file of our own state: written under another name, synced, renamed, the directory synced. After a power cut the
/// file is the old one or the new one.
///
/// # Errors
/// `Io`.
pub fn replace(dir: &Dir, name: &str, bytes: &[u8]) -> Result<()> {
    replace_by(dir, name, &format!("{name}.new"), bytes)
}

/// The same for a file that several processes may write at once, all of them the same: each by a name of its own.
///
/// # Errors
/// `Io`.
pub fn replace_together(dir: &Dir, name: &str, bytes: &[u8]) -> Result<()> {
    replace_by(dir, name, &format!("{name}.{}.new", super::ground::process_id()), bytes)
}

fn replace_by(dir: &Dir, name: &str, temporary: &str, bytes: &[u8]) -> Result<()> {
    dir.remove_file(temporary)?;
    let file = dir.create(temporary, bytes, 0o600)?;
    if !failpoint::broken("sync") {
        file.sync_all().map_err(|error| dir.error("write to disk", temporary, error))?;
    }
    drop(file);
    exchange::move_over(dir, temporary, dir, name)?;
    sync_dir(dir)
}

/// Replaces a file of our own state that can be made again (the stat cache): whole or not at all, but not synced.
///
/// # Errors
/// `Io`.
pub fn replace_cache(dir: &Dir, name: &str, bytes: &[u8]) -> Result<()> {
    let temporary = format!("{name}.new");
    dir.remove_file(&temporary)?;
    drop(dir.create(&temporary, bytes, 0o600)?);
    exchange::move_over(dir, &temporary, dir, name)
}
