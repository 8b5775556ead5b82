//! Folders for a moment.

use tempfile::TempDir;

use crate::error::{Error, Result};

/// A fresh folder in the system's place for such, removed when dropped.
///
/// # Errors
/// `Io`.
pub fn scratch_folder() -> Result<TempDir> {
    tempfile::Builder::new().prefix("greffon-").tempdir().map_err(|error| Error::io("make a folder in", &std::env::temp_dir(), error))
}
