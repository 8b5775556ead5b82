//! Real paths as a folder's handle and a name in it: what was checked is what is opened, also where somebody puts a link in the way
//! in between.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::exchange::move_over;
use crate::sys::fs::ground::process_id;
use crate::sys::fs::witness::Kind;

/// The folder of a real path and the last name of it; `None` where there is no such folder. No part of the path may be a link.
pub(super) fn place(real: &Path) -> Result<Option<(Dir, String)>> {
    let text = real.to_str().ok_or_else(|| Error::new(ErrorKind::Invalid, format!("`{}` cannot be written as text", real.display())))?;
    let (folder, name) = text.trim_end_matches('/').rsplit_once('/').unwrap_or(("", ""));
    if name.is_empty() {
        return Err(Error::new(ErrorKind::Refused, "the root folder is no place for this"));
    }
    let Some(root) = Dir::open(Path::new("/"))? else { return Ok(None) };
    Ok(root.sub(folder.trim_start_matches('/'))?.map(|folder| (folder, name.to_owned())))
}

/// The folder at a real path.
pub(super) fn folder(real: &Path) -> Result<Option<Dir>> {
    if real == Path::new("/") {
        return Dir::open(real);
    }
    match place(real)? {
        Some((above, name)) => above.sub(&name),
        None => Ok(None),
    }
}

/// As [`place`], where the folder must be there.
pub(super) fn existing_place(real: &Path) -> Result<(Dir, String)> {
    place(real)?.ok_or_else(|| {
        let above = real.parent().unwrap_or(real);
        Error::new(ErrorKind::NotFound, format!("there is no folder `{}`", above.display())).hint("`fs::make_dir` makes it")
    })
}

/// A file being written.
pub(super) struct Growing {
    file: std::io::BufWriter<FileHandle>,
    hash: Sha256,
    shown: String,
}

/// What [`Dir::create`] opens; only written here.
type FileHandle = Box<dyn std::io::Write>;

impl Growing {
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|error| self.failed(error))
    }

    /// The digest of what it took.
    pub(super) fn digest(&self) -> Digest {
        Digest::from_bytes(self.hash.clone().finalize().into())
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("could not write `{}`", self.shown)).caused_by(error)
    }
}

/// Writes a file that appears whole under its name when `fill` ended well, or not at all.
pub(super) fn stream<T>(real: &Path, fill: impl FnOnce(&mut Growing) -> Result<T>) -> Result<(T, Digest)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (folder, name) = existing_place(real)?;
    let earlier = folder.witness(&name)?;
    if earlier.is_some_and(|earlier| earlier.kind() != Kind::File) {
        return Err(Error::new(ErrorKind::Conflict, format!("`{}` is no file", real.display())));
    }
    let beside = format!(".greffon-new-{}-{}", process_id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mode = earlier.map_or(0o666, |earlier| earlier.mode & 0o777);
    let file = folder.create(&beside, b"", mode)?;
    let mut growing = Growing { file: std::io::BufWriter::new(Box::new(file)), hash: Sha256::new(), shown: real.display().to_string() };
    let outcome = fill(&mut growing).and_then(|answer| {
        let digest = growing.digest();
        growing.file.flush().map_err(|error| growing.failed(error))?;
        move_over(&folder, &beside, &folder, &name)?;
        Ok((answer, digest))
    });
    if outcome.is_err() {
        let _ = folder.remove_file(&beside);
    }
    outcome
}
