//! Trees with some files changed, and the patches between two trees.

use git2::{DiffFormat, DiffOptions, Index, IndexEntry, IndexTime};

use super::Objects;
use super::objects::{from_oid, oid};
use super::pool::PlainError;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};

impl Objects {
    /// A tree with these files put into it (their blobs must be here) or taken out of it.
    ///
    /// # Errors
    /// `Git`.
    pub fn edited(&self, tree: ObjectId, edits: &[(String, Option<Entry>)]) -> Result<ObjectId> {
        let repository = self.lease_with(tree)?;
        let work = || -> std::result::Result<git2::Oid, git2::Error> {
            let mut index = Index::new()?;
            if tree != ObjectId::EMPTY_TREE {
                index.read_tree(&repository.find_tree(git2::Oid::from_bytes(tree.as_bytes())?)?)?;
            }
            for (path, entry) in edits {
                if entry.is_none() {
                    index.remove(std::path::Path::new(path), 0)?;
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

    /// The patch that makes one tree the other, binary files included; what [`Self::apply_patch`] takes.
    ///
    /// # Errors
    /// `Git`.
    pub fn patch_between(&self, old: ObjectId, new: ObjectId) -> Result<Vec<u8>> {
        let failed = |error: git2::Error| Error::new(ErrorKind::Git, "could not compare two trees").caused_by(PlainError::from(error));
        let repository = self.lease_with(new)?;
        let old = repository.find_tree(oid(old)?).map_err(failed)?;
        let new = repository.find_tree(oid(new)?).map_err(failed)?;
        let mut options = DiffOptions::new();
        options.show_binary(true).id_abbrev(40);
        let diff = repository.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options)).map_err(failed)?;
        let mut patch = Vec::new();
        diff.print(DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                patch.push(line.origin() as u8);
            }
            patch.extend_from_slice(line.content());
            true
        })
        .map_err(failed)?;
        Ok(patch)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    #[test]
    fn a_patch_between_trees_applies_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects::open(&folder.path().join("objects.git"), &folder.path().join("sources")).expect("opened");
        let blob = |bytes: &[u8], mode| Some(Entry { id: objects.write_blob(bytes).expect("written"), mode });
        let file = |path: &str, bytes: &[u8]| (path.to_owned(), blob(bytes, FileMode::Regular));
        let edits = [file("a/one", b"1\n2\n3\n"), file("gone", b"x\n"), file("picture", b"\0\x01\x02"), file("latin", b"caf\xe9\n"), file("mode", b"#!\n")];
        let old = objects.edited(ObjectId::EMPTY_TREE, &edits).expect("written");
        let changes = [
            file("a/one", b"1\nzwei\n3\n"),
            ("gone".to_owned(), None),
            file("picture", b"\0\x01\x03\xff"),
            file("latin", b"th\xe9\n"),
            ("mode".to_owned(), blob(b"#!\n", FileMode::Executable)),
            file("new/file", b"no end of line"),
            file("new/picture", b"\0\0"),
            ("new/link".to_owned(), blob(b"file", FileMode::Symlink)),
        ];
        let new = objects.edited(old, &changes).expect("written");
        let patch = folder.path().join("a.patch");
        std::fs::write(&patch, objects.patch_between(old, new).expect("compared")).expect("written");
        assert_eq!(objects.apply_patch(old, &patch).expect("it applies"), new);
        assert_eq!(objects.patch_between(new, new).expect("compared"), b"");
    }
}
