//! Where things of this user and this machine are.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// greffon's folder for data of this user: `$XDG_DATA_HOME/greffon`.
///
/// # Errors
/// `Io` when the user has no home.
pub fn data_folder() -> Result<PathBuf> {
    dirs::data_dir()
        .map(|folder| folder.join("greffon"))
        .ok_or_else(|| Error::new(ErrorKind::Io, "there is no home folder to keep the stock in").hint("set `GREFFON_STOCK` to a folder, or `HOME`"))
}

/// Where extensions are installed for this user and on this machine, the user's first.
#[must_use]
pub fn extension_folders() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.join("share/greffon/extensions")));
    data_folder().ok().map(|folder| folder.join("extensions")).into_iter().chain(beside).collect()
}

/// A path as seen from the working directory.
///
/// # Errors
/// `Io` when there is no working directory.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io("find", path, error))
}

/// The working directory.
///
/// # Errors
/// `Io` when it is gone.
pub fn working_directory() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Error::new(ErrorKind::Io, "the working directory cannot be read").caused_by(error))
}
