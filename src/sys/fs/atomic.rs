//! Writing so that a reader, or a machine that loses its power, sees the earlier file or the new one and nothing else.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

use super::ground::{is_link, real_path};
use super::sync::sync_directory;

/// Puts `bytes` at `path`, replacing what is there, whole or not at all, and durable when this returns.
/// Permission bits are those of a new file under the process's umask, or of the file that it replaces.
///
/// # Errors
/// `Io`.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, false)
}

/// As [`write_atomic`], where a link leads when one stands at `path`: the link stays.
///
/// # Errors
/// `Io`.
pub fn write_through(path: &Path, bytes: &[u8]) -> Result<()> {
    if is_link(path) { write(&real_path(path)?, bytes, false) } else { write(path, bytes, false) }
}

/// As [`write_atomic`], for this user's eyes alone, whoever could read what stood there.
///
/// # Errors
/// `Io`.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, true)
}

fn write(path: &Path, bytes: &[u8], private: bool) -> Result<()> {
    let fault = |error| Error::io("write", path, error);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A file of its own is made with these bits, and the umask takes off what it takes off any new file.
        builder.permissions(std::fs::Permissions::from_mode(if private { 0o600 } else { 0o666 }));
    }
    let mut file = builder.tempfile_in(folder).map_err(fault)?;
    if let Ok(earlier) = fs_err::symlink_metadata(path)
        && earlier.is_file()
        && !private
    {
        file.as_file().set_permissions(earlier.permissions()).map_err(fault)?;
    }
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fault)?;
    file.persist(path).map_err(|error| fault(error.error))?;
    sync_directory(folder)
}

/// Gives a file the time of now, where that is allowed: what it holds was heard to be true again.
pub fn freshen(path: &Path) {
    if let Ok(file) = fs_err::OpenOptions::new().append(true).open(path) {
        let _ = file.file().set_modified(std::time::SystemTime::now());
    }
}

/// Moves a finished file of the same file system to its place and makes the move durable.
///
/// # Errors
/// `Io`.
pub fn move_into_place(from: &Path, to: &Path) -> Result<()> {
    fs_err::rename(from, to).map_err(|error| Error::io("put in place", to, error))?;
    match to.parent() {
        Some(folder) => sync_directory(folder),
        None => Ok(()),
    }
}

/// Removes a folder and everything in it; one that is not there is no error. Follows no symbolic link.
///
/// # Errors
/// `Io`.
pub fn remove_tree(path: &Path) -> Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        write_atomic(&path, b"one").expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode changed");
            write_atomic(&path, b"two").expect("written again");
            assert_eq!(fs_err::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("its mode changed");
            write_private(&path, b"two").expect("written again");
            assert_eq!(fs_err::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600, "what others could read is theirs no longer");
        }
        assert_eq!(fs_err::read(&path).expect("readable"), b"two");
        assert_eq!(fs_err::read_dir(folder.path()).expect("listed").count(), 1, "nothing else is left");
    }
}
