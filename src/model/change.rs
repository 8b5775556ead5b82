//! Files of trees, and differences between trees.

use serde::{Deserialize, Serialize};

use super::ObjectId;

/// What git records of a file's kind: its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileMode {
    /// `100644`.
    Regular,
    /// `100755`.
    Executable,
    /// `120000`: the blob is the link's target.
    Symlink,
}

impl FileMode {
    /// Git's octal mode.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Regular => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Symlink => 0o120_000,
        }
    }
}

/// A file's content and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The blob.
    pub id: ObjectId,
    /// The kind.
    pub mode: FileMode,
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// Relative to the tree's root, with `/`. Git trees may hold any bytes; names that are not UTF-8 are refused on import.
    pub path: String,
    /// Content and kind.
    pub entry: Entry,
}

/// One path at which two trees differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeChange {
    /// Relative to both trees' roots.
    pub path: String,
    /// In the earlier tree; `None`: the file is new.
    pub old: Option<Entry>,
    /// In the later tree; `None`: the file goes.
    pub new: Option<Entry>,
}
