//! Making what was written survive a power cut.

use std::path::Path;

use crate::error::{Error, Result};

/// Makes everything written to the file system that holds `path` durable: one `syncfs`, which costs a fraction of an
/// `fsync` a file and tells of write-back errors (Linux 5.8 and later). Elsewhere the whole system is asked to sync, which
/// does not tell of errors.
///
/// # Errors
/// `Io`.
pub fn sync_filesystem(path: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let handle = fs_err::File::open(path).map_err(|error| Error::io("open", path, error))?;
        rustix::fs::syncfs(handle.file()).map_err(|error| Error::io("make durable", path, error.into()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        rustix::fs::sync();
        Ok(())
    }
}

/// Makes the names in a folder durable.
///
/// # Errors
/// `Io`.
pub fn sync_directory(path: &Path) -> Result<()> {
    let handle = fs_err::File::open(path).map_err(|error| Error::io("open", path, error))?;
    handle.sync_all().map_err(|error| Error::io("make durable", path, error))
}
