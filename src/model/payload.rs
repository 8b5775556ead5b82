//! Payloads: where the bytes of an element are once they were fetched.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Digest, ElementId, ObjectId, Version};

/// The bytes of an element on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Payload {
    /// An archive file; not yet checked against the extraction policy.
    Archive {
        /// Where it lies.
        path: PathBuf,
        /// The folder inside that is the element; `None`: the archive's single top folder, or all of it.
        #[serde(default)]
        subdir: Option<String>,
    },
    /// A directory tree.
    Directory {
        /// Where it lies.
        path: PathBuf,
    },
    /// A git tree that the stock's object database holds already.
    Tree {
        /// The tree's id.
        tree: ObjectId,
        /// The commit it was taken from, when it came from git.
        #[serde(default)]
        commit: Option<ObjectId>,
    },
}

/// What a downloader brings back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallInfo {
    /// What was downloaded.
    pub id: ElementId,
    /// Its version, as asked.
    pub version: Version,
    /// The digest of the archive's bytes; `None` for git and for directories, whose tree id is their digest.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// Where the bytes are.
    pub payload: Payload,
    /// What a dialogue left behind for the lockfile: order number, seats, expiry; never a key or a url.
    #[serde(default)]
    pub receipt: Option<String>,
}
