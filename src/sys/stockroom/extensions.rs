//! Extensions, unpacked: a folder each, named by its tree. Whoever uses one holds a lock on its folder, and a folder that is held stays.

use std::path::{Path, PathBuf};

use super::Stockroom;
use crate::error::{Error, Result};
use crate::model::ObjectId;
use crate::sys::fs::failpoint::broken;
use crate::sys::fs::{self, FileLock};

/// An unpacked extension in use.
#[derive(Debug)]
pub struct ExtensionHold {
    _lock: FileLock,
}

impl Stockroom {
    /// Where the extension of this tree lies, or would lie.
    #[must_use]
    pub fn extension(&self, tree: ObjectId) -> PathBuf {
        self.root().join("extensions").join(tree.to_string())
    }

    /// Every unpacked extension, and its bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn extensions(&self) -> Result<Vec<(ObjectId, u64)>> {
        let names = fs::names(&self.root().join("extensions"))?.unwrap_or_default();
        names.iter().filter_map(|name| name.parse::<ObjectId>().ok()).map(|tree| Ok((tree, bytes(&self.extension(tree))?))).collect()
    }

    /// Has the extension of this tree stay as long as the hold lives. `None`: it is not there, or is being tidied away.
    ///
    /// # Errors
    /// `Io`.
    pub fn hold_extension(&self, tree: ObjectId) -> Result<Option<ExtensionHold>> {
        Ok(FileLock::shared_folder(&self.extension(tree))?.map(|lock| ExtensionHold { _lock: lock }))
    }

    /// Removes an unpacked extension; `false`: somebody uses it. Only under the exclusive lock of the stock.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_extension(&self, tree: ObjectId) -> Result<bool> {
        let folder = self.extension(tree);
        let alone = FileLock::exclusive_folder(&folder)?;
        if alone.is_none() && !broken("extension-lock") {
            return Ok(false);
        }
        fs::remove_tree(&folder)?;
        Ok(true)
    }

    /// Whether somebody uses the extension of this tree.
    ///
    /// # Errors
    /// `Io`.
    pub fn is_extension_held(&self, tree: ObjectId) -> Result<bool> {
        Ok(FileLock::exclusive_folder(&self.extension(tree))?.is_none() && !broken("extension-lock"))
    }
}

/// What the files below a folder hold.
fn bytes(folder: &Path) -> Result<u64> {
    let mut total = 0;
    let listing = fs_err::read_dir(folder).map_err(|error| Error::io("list", folder, error))?;
    for entry in listing {
        let entry = entry.map_err(|error| Error::io("list", folder, error))?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => total += bytes(&entry.path())?,
            Ok(metadata) => total += metadata.len(),
            Err(_) => {}
        }
    }
    Ok(total)
}
