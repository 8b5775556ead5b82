//! Files laid out in a folder for people to work on, and gathered again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::check_name;
use crate::error::{Error, ErrorKind, Result};
use crate::model::FileMode;

/// Puts a file below a folder, at a path that a tree gave; folders on the way are made.
///
/// # Errors
/// `Invalid` for a path that would leave the folder; `Io`.
pub fn lay_out(folder: &Path, path: &str, mode: FileMode, bytes: &[u8]) -> Result<()> {
    for part in path.split('/') {
        check_name(part.as_bytes())
            .map_err(|fault| Error::new(ErrorKind::Invalid, format!("`{}` cannot be written: its name {}", path.escape_debug(), fault.reason())))?;
    }
    let place = folder.join(path);
    let fault = |error| Error::io("write", &place, error);
    if let Some(above) = place.parent() {
        fs_err::create_dir_all(above).map_err(fault)?;
    }
    if mode == FileMode::Symlink {
        use std::os::unix::ffi::OsStrExt as _;
        return fs_err::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(bytes), &place).map_err(fault);
    }
    fs_err::write(&place, bytes).map_err(fault)?;
    if mode == FileMode::Executable {
        fs_err::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).map_err(fault)?;
    }
    Ok(())
}

/// A file as people left it: its kind and bytes (a link's: its target).
pub type LaidOut = (FileMode, Vec<u8>);

/// Every file and link below a folder, by relative path, with its bytes (a link's: its target). Links are not followed.
///
/// # Errors
/// `Invalid` for a name that no tree can hold; `Io`.
pub fn gather(folder: &Path) -> Result<Vec<(String, LaidOut)>> {
    let mut found = Vec::new();
    below(folder, "", &mut found)?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn below(folder: &Path, above: &str, found: &mut Vec<(String, LaidOut)>) -> Result<()> {
    let fault = |error| Error::io("read", folder, error);
    for entry in fs_err::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let raw = entry.file_name().into_encoded_bytes();
        let name = check_name(&raw)
            .map_err(|why| Error::new(ErrorKind::Invalid, format!("`{}` cannot be in a tree: its name {}", entry.path().display(), why.reason())))?;
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        let metadata = fs_err::symlink_metadata(entry.path()).map_err(fault)?;
        if metadata.is_dir() {
            below(&entry.path(), &path, found)?;
        } else if metadata.is_symlink() {
            let target = fs_err::read_link(entry.path()).map_err(fault)?.into_os_string().into_encoded_bytes();
            found.push((path, (FileMode::Symlink, target)));
        } else if metadata.is_file() {
            let mode = if metadata.permissions().mode() & 0o100 != 0 { FileMode::Executable } else { FileMode::Regular };
            found.push((path, (mode, fs_err::read(entry.path()).map_err(fault)?)));
        }
    }
    Ok(())
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// `Io`.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Makes a folder with these files, which appears whole; those above it are made where they are missing.
///
/// # Errors
/// `Invalid` for a path that would leave the folder; `Io`, also where something is there.
pub fn lay_out_folder(place: &Path, files: &[(String, LaidOut)]) -> Result<()> {
    let fault = |error| Error::io("make the folder", place, error);
    let above = place.parent().unwrap_or(place);
    fs_err::create_dir_all(above).map_err(fault)?;
    let stage = tempfile::Builder::new().prefix(".new-").tempdir_in(above).map_err(fault)?;
    let inside = stage.path().join("folder");
    fs_err::create_dir(&inside).map_err(fault)?;
    for (path, (mode, bytes)) in files {
        lay_out(&inside, path, *mode, bytes)?;
    }
    fs_err::rename(&inside, place).map_err(fault)
}

/// Copies a file to a path where nothing is; folders above it are made where they are missing.
///
/// # Errors
/// `Io`, also where something is there.
pub fn copy_new(from: &Path, to: &Path) -> Result<()> {
    let fault = |error| Error::io("write", to, error);
    if let Some(above) = to.parent() {
        fs_err::create_dir_all(above).map_err(fault)?;
    }
    let mut source = fs_err::File::open(from).map_err(|error| Error::io("read", from, error))?;
    let mut file = fs_err::File::create_new(to).map_err(fault)?;
    std::io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).map_err(fault)
}
