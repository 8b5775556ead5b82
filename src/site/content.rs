//! What a file on disk is, told as git would: a blob's id and a mode.

use std::io::Read as _;

use sha1::{Digest as _, Sha1};

use crate::error::Result;
use crate::model::{Entry, FileMode, ObjectId};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::failpoint;
use crate::sys::fs::witness::{Kind, Witness};

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A file or a link; the witness is `None` when the file changed while it was read.
    File(Entry, Option<Witness>),
    /// A folder, a device, a socket, a pipe.
    Other(Kind),
}

impl Found {
    /// The file or link, if it is one.
    pub(super) fn entry(&self) -> Option<Entry> {
        match self {
            Self::File(entry, _) => Some(*entry),
            Self::Nothing | Self::Other(_) => None,
        }
    }
}

/// git's name of a blob.
pub(super) fn blob_id(bytes: &[u8]) -> ObjectId {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    ObjectId::from_bytes(hash.finalize().into())
}

/// Reads what stands at a name, every byte of it.
pub(super) fn read(dir: &Dir, name: &str) -> Result<Found> {
    let Some(witness) = dir.witness(name)? else { return Ok(Found::Nothing) };
    match witness.kind() {
        Kind::Symlink => {
            let entry = Entry { id: blob_id(&dir.read_link(name)?), mode: FileMode::Symlink };
            Ok(Found::File(entry, Some(witness)))
        }
        Kind::File => match hash_file(dir, name, &witness)? {
            Some((id, steady)) => {
                let mode = if witness.executable() { FileMode::Executable } else { FileMode::Regular };
                Ok(Found::File(Entry { id, mode }, steady.then_some(witness)))
            }
            None => Ok(Found::Nothing),
        },
        kind => Ok(Found::Other(kind)),
    }
}

/// The blob id, and whether the file stayed the same while it was read.
fn hash_file(dir: &Dir, name: &str, witness: &Witness) -> Result<Option<(ObjectId, bool)>> {
    if failpoint::broken("reads") {
        return Err(dir.error("read", name, std::io::Error::from(std::io::ErrorKind::PermissionDenied)));
    }
    let Some(mut file) = dir.open_file(name)? else { return Ok(None) };
    if witness.size > 64 * 1024 {
        let mut hash = Sha1::new();
        hash.update(format!("blob {}\0", witness.size));
        let mut buffer = vec![0; 128 * 1024];
        let mut total = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    total += count as u64;
                    hash.update(&buffer[..count]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(dir.error("read", name, error)),
            }
        }
        if total == witness.size {
            return Ok(Some((ObjectId::from_bytes(hash.finalize().into()), dir.witness(name)?.as_ref() == Some(witness))));
        }
        // It grew or shrank under our eyes: read it again as it is now.
        let Some(again) = dir.open_file(name)? else { return Ok(None) };
        file = again;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(witness.size).unwrap_or(0).min(1 << 20) + 1);
    file.read_to_end(&mut bytes).map_err(|error| dir.error("read", name, error))?;
    Ok(Some((blob_id(&bytes), bytes.len() as u64 == witness.size && dir.witness(name)?.as_ref() == Some(witness))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    #[test]
    fn files_are_named_as_git_names_them() {
        assert_eq!(blob_id(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        let folder = tempfile::tempdir().expect("a scratch folder");
        let dir = Dir::open(folder.path()).expect("readable").expect("there");
        for size in [0, 5, 70_000, 300_000] {
            let bytes = vec![b'x'; size];
            std::fs::write(folder.path().join("file"), &bytes).expect("written");
            assert_eq!(read(&dir, "file").expect("read").entry().map(|entry| entry.id), Some(blob_id(&bytes)));
        }
        assert_eq!(read(&dir, "none").expect("read"), Found::Nothing);
        assert_eq!(read(&dir, ".").expect("read"), Found::Other(Kind::Directory));
    }
}
