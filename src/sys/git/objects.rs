//! The stock's object database: imported archives, composed trees, and every source's objects through alternates.

use std::path::Path;

use crate::error::Result;
use crate::model::{FileMode, Graft, ObjectId, TreeChange, TreeFile};
use crate::roles::{TreeItem, Trees};

/// `objects.git`. Shared by threads; cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {}

/// One name of a tree to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The bare name.
    pub name: String,
    /// What it stands for.
    pub kind: NewEntryKind,
    /// The blob or tree.
    pub id: ObjectId,
}

/// What a name of a tree to be written stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewEntryKind {
    /// A file or a link.
    File(FileMode),
    /// A folder.
    Folder,
}

impl Objects {
    /// Opens or makes the bare repository at `directory`, with `sources` (a folder of bare repositories) as alternates.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn open(directory: &Path, sources: &Path) -> Result<Self> {
        let _ = (directory, sources);
        unimplemented!()
    }
    /// The bare repository's folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        unimplemented!()
    }
    /// Takes sources that came since into the alternates.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn refresh(&self) -> Result<()> {
        unimplemented!()
    }
    /// Whether an object is here.
    #[must_use]
    pub fn has(&self, id: ObjectId) -> bool {
        let _ = id;
        unimplemented!()
    }
    /// Writes a blob.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<ObjectId> {
        let _ = bytes;
        unimplemented!()
    }
    /// Writes a tree; sorts the entries as git wants them.
    ///
    /// # Errors
    /// `Git`, `Io`, `Invalid` for a name that git refuses.
    pub fn write_tree(&self, entries: Vec<NewEntry>) -> Result<ObjectId> {
        let _ = entries;
        unimplemented!()
    }
    /// Grafts trees onto each other into one tree. Blobs are not touched.
    ///
    /// # Errors
    /// `Invalid` when two grafts meet at one path, or one would replace a file of another: the message names both elements.
    pub fn compose(&self, grafts: &[Graft]) -> Result<ObjectId> {
        let _ = grafts;
        unimplemented!()
    }
    /// The tree at `path` below `tree`.
    ///
    /// # Errors
    /// `Git`.
    pub fn subtree(&self, tree: ObjectId, path: &str) -> Result<Option<ObjectId>> {
        let _ = (tree, path);
        unimplemented!()
    }
    /// Every file below a tree, sorted by path bytes.
    ///
    /// # Errors
    /// `Git`; `Unsupported` for a gitlink or a git-LFS pointer, naming the path.
    pub fn files(&self, tree: ObjectId) -> Result<Vec<TreeFile>> {
        let _ = tree;
        unimplemented!()
    }
    /// Where two trees differ, sorted by path bytes; equal subtrees are not read. No renames.
    ///
    /// # Errors
    /// `Git`.
    pub fn diff(&self, old: ObjectId, new: ObjectId) -> Result<Vec<TreeChange>> {
        let _ = (old, new);
        unimplemented!()
    }
    /// A blob's bytes.
    ///
    /// # Errors
    /// `Git`.
    pub fn blob(&self, id: ObjectId) -> Result<Vec<u8>> {
        let _ = id;
        unimplemented!()
    }
    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(&self) -> Result<()> {
        unimplemented!()
    }
}

impl Trees for Objects {
    fn read(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        let _ = (tree, path);
        unimplemented!()
    }
    fn list(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<TreeItem>>> {
        let _ = (tree, path);
        unimplemented!()
    }
}
