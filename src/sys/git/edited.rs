//! Trees with some files changed.

use std::path::Path;

use git2::{Index, IndexEntry, IndexTime};

use super::Objects;
use super::objects::from_oid;
use super::pool::PlainError;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};

impl Objects {
    /// A tree with these files put into it (their blobs must be here) or taken out of it, where they are there. Folders that are
    /// left empty go.
    ///
    /// # Errors
    /// `Git`, also for a path that no tree can hold.
    pub fn edited(&self, tree: ObjectId, edits: &[(String, Option<Entry>)]) -> Result<ObjectId> {
        let repository = self.lease_with(tree)?;
        let work = || -> std::result::Result<git2::Oid, git2::Error> {
            let mut index = Index::new()?;
            if tree != ObjectId::EMPTY_TREE {
                index.read_tree(&repository.find_tree(git2::Oid::from_bytes(tree.as_bytes())?)?)?;
            }
            for (path, entry) in edits {
                // What goes goes first: a folder may take a file's place, and the other way round.
                if entry.is_none() && index.get_path(Path::new(path), 0).is_some() {
                    index.remove(Path::new(path), 0)?;
                }
            }
            for (path, entry) in edits.iter().filter_map(|(path, entry)| Some((path, (*entry)?))) {
                let mode = match entry.mode {
                    FileMode::Regular => 0o100_644,
                    FileMode::Executable => 0o100_755,
                    FileMode::Symlink => 0o120_000,
                };
                let time = IndexTime::new(0, 0);
                let id = git2::Oid::from_bytes(entry.id.as_bytes())?;
                let path = path.as_bytes().to_vec();
                index.add(&IndexEntry {
                    ctime: time,
                    mtime: time,
                    dev: 0,
                    ino: 0,
                    mode,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id,
                    flags: 0,
                    flags_extended: 0,
                    path,
                })?;
            }
            index.write_tree_to(&repository)
        };
        work().map(from_oid).map_err(|error| Error::new(ErrorKind::Git, "could not write a changed tree").caused_by(PlainError::from(error)))
    }
}
