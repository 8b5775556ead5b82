//! Files that hold secrets.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Fails when anybody but its owner can read a file that is there.
///
/// # Errors
/// `Denied` with the command that mends it.
pub fn check_private(path: &Path) -> Result<()> {
    let Ok(metadata) = fs_err::metadata(path) else { return Ok(()) };
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Denied, format!("`{}` holds a secret, and others can read it (mode {:03o})", path.display(), metadata.mode() & 0o777))
        .hint(format!("chmod 600 {}", path.display())))
}
