//! Reading: whole small files, names of folders, digests. What is not there is `None`, not an error.

use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;
use crate::roles::Context;

/// Room for so many bytes is made at once; what is longer grows as it comes.
const LARGE: u64 = 16 << 20;

/// What stands at a path, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file of this many bytes, with its modification time in nanoseconds since 1970.
    File {
        /// Its length.
        size: u64,
        /// Its modification time.
        modified: i128,
    },
    /// A folder.
    Folder,
    /// A device, a socket, a pipe.
    Other,
}

/// What stands at a path; `None`: nothing.
///
/// # Errors
/// `Io`.
pub fn kind(path: &Path) -> Result<Option<PathKind>> {
    let metadata = match fs_err::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io("look at", path, error)),
    };
    Ok(Some(if metadata.is_dir() {
        PathKind::Folder
    } else if metadata.is_file() {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        PathKind::File { size: metadata.len(), modified: modified.map_or(0, |since| since.as_nanos() as i128) }
    } else {
        PathKind::Other
    }))
}

/// A file's bytes; `None`: there is no such file.
///
/// # Errors
/// `Io`; `Invalid` when it holds more than `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    // With room for one byte more the end is seen without growing, and a file is two reads instead of one for each doubling.
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::with_capacity(length.min(limit).min(LARGE) as usize + 1);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is larger than {limit} bytes", path.display())));
    }
    Ok(Some(bytes))
}

/// A file's text; `None`: there is no such file.
///
/// # Errors
/// As [`read`], and `Invalid` when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<Option<String>> {
    let Some(bytes) = read(path, limit)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|_| Error::new(ErrorKind::Invalid, format!("`{}` is not UTF-8 text", path.display())))
}

/// The first bytes of a file, at most `count`.
///
/// # Errors
/// `Io`, also when there is no such file.
pub fn head(path: &Path, count: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path).and_then(|file| file.take(count).read_to_end(&mut bytes)).map_err(|error| Error::io("read", path, error))?;
    Ok(bytes)
}

/// The names in a folder, sorted; names that are not UTF-8 are left out. `None`: there is no such folder.
///
/// # Errors
/// `Io`.
pub fn names(path: &Path) -> Result<Option<Vec<String>>> {
    let entries = match fs_err::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io("list", path, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("list", path, error))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(Some(names))
}

/// A file's digest and length.
///
/// # Errors
/// `Io`; `Interrupted` from the context.
pub fn digest(cx: &Context, path: &Path) -> Result<(Digest, u64)> {
    let file = fs_err::File::open(path).map_err(|error| Error::io("read", path, error))?;
    sha256(cx, file.into_file(), path)
}

/// An open file's digest and length; `path` is for messages.
///
/// # Errors
/// `Io`; `Interrupted` from the context.
pub fn sha256(cx: &Context, mut file: std::fs::File, path: &Path) -> Result<(Digest, u64)> {
    let fault = |error| Error::io("read", path, error);
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        cx.check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok((Digest::from_bytes(hash.finalize().into()), size)),
            Ok(count) => {
                hash.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fault(error)),
        }
    }
}

/// A file's MD5, as 32 hex digits: for archives of which nothing better is told.
///
/// # Errors
/// `Io`.
pub fn md5(path: &Path) -> Result<String> {
    use md5::Digest as _;
    let mut hash = md5::Md5::new();
    let mut file = fs_err::File::open(path).map_err(|error| Error::io("read", path, error))?;
    std::io::copy(&mut file, &mut hash).map_err(|error| Error::io("read", path, error))?;
    Ok(hex::encode(hash.finalize()))
}

/// Makes a folder and those above it, where they are missing.
///
/// # Errors
/// `Io`.
pub fn create_folder(path: &Path) -> Result<()> {
    fs_err::create_dir_all(path).map_err(|error| Error::io("make the folder", path, error))
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_none_and_what_is_too_long_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        assert!(read(&path, 9).expect("no fault").is_none());
        assert!(names(&path).expect("no fault").is_none());
        assert!(kind(&path.join("below")).expect("no fault").is_none());
        fs_err::write(&path, b"0123456789").expect("written");
        assert!(kind(&path.join("below")).expect("a file has nothing below it").is_none());
        let error = read(&path, 9).expect_err("ten bytes are more than nine");
        assert!(error.message().ends_with("is larger than 9 bytes"), "{error}");
        assert_eq!(read_text(&path, 10).expect("fits").as_deref(), Some("0123456789"));
        assert_eq!(head(&path, 3).expect("readable"), b"012");
        assert_eq!(names(folder.path()).expect("listed"), Some(vec!["file".to_owned()]));
        let (digest, size) = digest(&Context::silent(), &path).expect("hashed");
        assert_eq!((digest.hex().as_str(), size), ("84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882", 10));
    }
}
