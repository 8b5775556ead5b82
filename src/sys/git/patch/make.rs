//! Patches written: what turns one tree into another, so that every tool that knows `git diff` can read it.

use std::path::Path;

use super::super::Objects;
use super::super::objects::oid;
use super::super::pool::PlainError;
use super::Patched;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;

impl Objects {
    /// The patch that turns one tree into another, `title` before it; empty where they are equal. It is certain to do so: it is
    /// tried first.
    ///
    /// # Errors
    /// `Git`; `Internal` when it would not.
    pub fn make_patch(&self, old: ObjectId, new: ObjectId, title: &str) -> Result<Vec<u8>> {
        if old == new {
            return Ok(Vec::new());
        }
        // Renames are easier to read; without them a patch says the same in more words.
        for renames in [true, false] {
            let bytes = self.diff_text(old, new, title, renames)?;
            if self.apply_patch_bytes(old, &bytes, Path::new("the new patch")).is_ok_and(|to| to == Patched::To(new)) {
                return Ok(bytes);
            }
        }
        Err(Error::new(ErrorKind::Internal, "the patch that was made does not do what was done by hand; nothing was written")
            .hint("make it with `git diff --binary --full-index`, and name it under `patches` in greffon.toml"))
    }

    fn diff_text(&self, old: ObjectId, new: ObjectId, title: &str, renames: bool) -> Result<Vec<u8>> {
        let fault = |error: git2::Error| Error::new(ErrorKind::Git, "could not compare two trees").caused_by(PlainError::from(error));
        let mut text = Vec::new();
        let title: Vec<&str> = title.split_whitespace().collect();
        text.extend(format!("Subject: {}\n\n", title.join(" ")).into_bytes());
        self.refresh()?;
        let repository = self.lease_with(new)?;
        let tree = |id: ObjectId| if id == ObjectId::EMPTY_TREE { Ok(None) } else { repository.find_tree(oid(id)?).map(Some).map_err(fault) };
        let (before, after) = (tree(old)?, tree(new)?);
        let mut options = git2::DiffOptions::new();
        options.context_lines(3).id_abbrev(40).show_binary(true).old_prefix("a").new_prefix("b");
        let mut diff = repository.diff_tree_to_tree(before.as_ref(), after.as_ref(), Some(&mut options)).map_err(fault)?;
        if renames {
            diff.find_similar(Some(git2::DiffFindOptions::new().renames(true).exact_match_only(false))).map_err(fault)?;
        }
        diff.print(git2::DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                text.push(line.origin() as u8);
            }
            text.extend_from_slice(line.content());
            true
        })
        .map_err(fault)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use crate::model::{Entry, FileMode};

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
        std::fs::write(&patch, objects.make_patch(old, new, "Much").expect("compared")).expect("written");
        assert_eq!(objects.apply_patch(old, &patch).expect("it applies"), Patched::To(new));
        assert_eq!(objects.make_patch(new, new, "").expect("compared"), b"");
    }
}
