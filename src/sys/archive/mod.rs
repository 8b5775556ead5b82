//! Archives as git trees: entries are read one by one, checked against the extraction policy, and written as blobs and trees.
//! Nothing is ever unpacked into a directory.

use std::path::Path;

use crate::error::Result;
use crate::model::ObjectId;
use crate::roles::Context;
use crate::sys::git::Objects;

/// What an import may not exceed.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries.
    pub entries: usize,
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all files.
    pub total: u64,
    /// Unpacked bytes per packed byte.
    pub ratio: u64,
    /// Bytes of one path.
    pub path: usize,
    /// Folders inside each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 200_000, file: 1 << 30, total: 4 << 30, ratio: 200, path: 1024, depth: 64 }
    }
}

/// What an import gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The tree of the element: the archive's single top folder, the asked `subdir`, or all of it.
    pub tree: ObjectId,
    /// The single top folder that was left off.
    pub top: Option<String>,
    /// Files imported.
    pub files: usize,
}

/// Imports a zip, tar, tar.gz, tar.xz or tar.zst (told by its first bytes, never by its name).
///
/// # Errors
/// `Archive` when the policy refuses it (the message names the entry), is damaged or is no archive.
pub fn import(cx: &Context, archive: &Path, subdir: Option<&str>, objects: &Objects, limits: &Limits) -> Result<Imported> {
    let _ = (cx, archive, subdir, objects, limits);
    unimplemented!()
}

/// Imports a folder: what `git ls-files` shows where it is a work tree, else everything (DESIGN section 6).
///
/// # Errors
/// `Archive` for a name or kind of file that the policy refuses; `Io`.
pub fn import_directory(cx: &Context, directory: &Path, objects: &Objects, limits: &Limits) -> Result<Imported> {
    let _ = (cx, directory, objects, limits);
    unimplemented!()
}
