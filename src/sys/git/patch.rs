//! Patches applied to trees, in memory: nothing is checked out.

use std::path::Path;

use super::Objects;
use super::objects::{from_oid, oid};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;

impl Objects {
    /// The tree with a unified diff (`git diff` form, paths relative to the tree) applied.
    ///
    /// # Errors
    /// `NotFound` when there is no such file; `Invalid` when it is no diff, or does not apply here: the message names the patch.
    pub fn apply_patch(&self, tree: ObjectId, patch: &Path) -> Result<ObjectId> {
        let bytes =
            crate::sys::fs::read(patch, 64 << 20)?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no patch `{}`", patch.display())))?;
        let fails = |what: &str, error: &git2::Error| {
            Error::new(ErrorKind::Invalid, format!("the patch `{}` {what}", patch.display())).caused_by(std::io::Error::other(error.message().to_owned()))
        };
        let diff = git2::Diff::from_buffer(&bytes).map_err(|error| fails("is not a diff that git understands", &error))?;
        let repository = self.lease_with(tree)?;
        let base = repository.find_tree(oid(tree)?).map_err(|error| fails("cannot be applied: its tree is not in stock", &error))?;
        let mut index = repository.apply_to_tree(&base, &diff, None).map_err(|error| {
            fails("does not apply to this version", &error).hint("the code it changes is not what it was: make the patch anew for this version")
        })?;
        let written = index.write_tree_to(&repository).map_err(|error| fails("could not be written as a tree", &error))?;
        Ok(from_oid(written))
    }
}
