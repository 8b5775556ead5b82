//! Remote git repositories, mirrored into one bare repository each, at depth one.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::model::ObjectId;
use crate::roles::Context;
use crate::sys::http::{Auth, Http};

/// Which program speaks git's protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TransportChoice {
    /// libgit2 for http(s) and paths, the git program for ssh and for what libgit2 cannot ask.
    #[default]
    Auto,
    /// Always the git program (`git.transport = "cli"`).
    Cli,
}

/// Every git source of a stock.
#[derive(Debug, Clone)]
pub struct Sources {}

/// One git source: a url and its bare repository.
#[derive(Debug, Clone)]
pub struct Source {}

/// A ref that a remote offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// The full name: `refs/tags/…`, `refs/heads/…`, or `HEAD`.
    pub name: String,
    /// What it points at, annotated tags peeled.
    pub commit: ObjectId,
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The ref that leads there, where one is known.
    pub reference: Option<String>,
    /// The commit.
    pub commit: ObjectId,
}

impl Sources {
    /// The sources below `root` (the stock's `sources/`). Does no I/O.
    #[must_use]
    pub fn new(root: &Path, http: Http, transport: TransportChoice) -> Self {
        let _ = (root, http, transport);
        unimplemented!()
    }

    /// The source of a url or local path. Does no network I/O.
    ///
    /// # Errors
    /// `Invalid` for a url whose protocol is not allowed (https, http, ssh, file, a path) or that looks like an option.
    pub fn open(&self, url: &str, auth: Option<Auth>) -> Result<Source> {
        let _ = (url, auth);
        unimplemented!()
    }
}

impl Source {
    /// The url, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        unimplemented!()
    }
    /// The bare repository.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        unimplemented!()
    }
    /// Branches, tags and HEAD, asked of the remote once a process; offline, as they were told last.
    ///
    /// # Errors
    /// `Network`, `Denied`, `Git`, `Offline` (never asked before), naming host and path.
    pub fn refs(&self, cx: &Context) -> Result<Vec<RemoteRef>> {
        let _ = cx;
        unimplemented!()
    }
    /// Whether the commit and all its files are here.
    #[must_use]
    pub fn has(&self, commit: ObjectId) -> bool {
        let _ = commit;
        unimplemented!()
    }
    /// Fetches what is not here yet, at depth one, and checks it whole.
    ///
    /// # Errors
    /// As [`Self::refs`]; `NotFound` when the server no longer has a commit.
    pub fn fetch(&self, cx: &Context, wants: &[Want]) -> Result<()> {
        let _ = (cx, wants);
        unimplemented!()
    }
    /// The tree of a commit that is here, or of the folder `subdir` in it.
    ///
    /// # Errors
    /// `Git` when it is not here; `NotFound` when there is no such folder.
    pub fn tree(&self, commit: ObjectId, subdir: Option<&str>) -> Result<ObjectId> {
        let _ = (commit, subdir);
        unimplemented!()
    }
    /// A file of a tree that is here; `None`: no such file.
    ///
    /// # Errors
    /// `Git` when the tree is not here.
    pub fn read(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        let _ = (tree, path);
        unimplemented!()
    }
}
