//! Locks between processes. The kernel frees them when their holder dies, so there is no stale lock and no pid logic.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::roles::{Context, Level};

/// How long a wait stays silent.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a lock that is held is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// A kernel lock on a file, held as long as this lives.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// A lock that many may hold. Waits as long as an exclusive one is held; `what` names it in the message after a second.
    ///
    /// # Errors
    /// `Io`; `Interrupted` or `Undecided` from the context.
    pub fn shared(cx: &Context, path: &Path, what: &str) -> Result<Self> {
        let file = open(path)?;
        wait(cx, path, what, || file.try_lock_shared())?;
        Ok(Self { _file: file })
    }

    /// A lock on a folder that many may hold. `None`: there is no such folder, somebody holds it alone, or its file system has no locks.
    ///
    /// # Errors
    /// `Io`.
    pub fn shared_folder(path: &Path) -> Result<Option<Self>> {
        folder(path, File::try_lock_shared)
    }

    /// A lock on a folder that only one may hold. `None`: there is no such folder, somebody holds it, or its file system has no locks.
    ///
    /// # Errors
    /// `Io`.
    pub fn exclusive_folder(path: &Path) -> Result<Option<Self>> {
        folder(path, File::try_lock)
    }

    /// A lock that only one may hold; see [`Self::shared`].
    ///
    /// # Errors
    /// `Io`; `Interrupted` or `Undecided` from the context.
    pub fn exclusive(cx: &Context, path: &Path, what: &str) -> Result<Self> {
        let file = open(path)?;
        wait(cx, path, what, || file.try_lock())?;
        Ok(Self { _file: file })
    }

    /// A lock that only one may hold, or `None` when it is held.
    ///
    /// # Errors
    /// `Io`.
    pub fn try_exclusive(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path, error)),
        }
    }
}

fn folder(path: &Path, lock: impl FnOnce(&File) -> std::result::Result<(), TryLockError>) -> Result<Option<FileLock>> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file.into_file(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open the lock", path, error)),
    };
    match lock(&file) {
        Ok(()) => Ok(Some(FileLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path, error)),
    }
}

/// Opens the file that is locked, making it where it is missing. Nothing is ever written to it, so reading it is enough.
fn open(path: &Path) -> Result<File> {
    let opened = match fs_err::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => fs_err::OpenOptions::new().read(true).append(true).create(true).open(path),
        other => other,
    };
    opened.map(fs_err::File::into_file).map_err(|error| Error::io("open the lock", path, error))
}

fn wait(cx: &Context, path: &Path, what: &str, mut attempt: impl FnMut() -> std::result::Result<(), TryLockError>) -> Result<()> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                return Err(Error::new(ErrorKind::Unsupported, format!("the file system of `{}` has no locks", path.display()))
                    .hint("put it on a local disk")
                    .caused_by(error));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
        }
        cx.check()?;
        if !told && begun.elapsed() >= PATIENCE {
            cx.log(Level::Info, format!("waiting for another greffon that holds {what}"));
            told = true;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_exclusive_or_many_shared() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("lock");
        let cx = Context::silent();
        let first = FileLock::shared(&cx, &path, "the stock").expect("shared");
        let second = FileLock::shared(&cx, &path, "the stock").expect("shared twice");
        assert!(FileLock::try_exclusive(&path).expect("asked").is_none());
        drop((first, second));
        let alone = FileLock::exclusive(&cx, &path, "the stock").expect("exclusive");
        let soon = cx.with_deadline(Instant::now() + Duration::from_millis(50));
        assert!(FileLock::shared(&soon, &path, "the stock").is_err(), "an exclusive lock keeps others out");
        drop(alone);
        FileLock::shared(&soon.clone(), &path, "the stock").expect("free again");
    }
}
