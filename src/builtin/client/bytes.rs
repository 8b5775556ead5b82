//! What the bytes of a locked element are, and how they come into a stock: by the lock alone, so that another machine knows it too.

use std::path::{Path, PathBuf};

use super::fetch::Available;
use super::locking::download_of;
use super::resolved::{info_of, stock_key};
use super::{Parts, Resolved, Standard};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, InstallInfo, LockedElement, ObjectId, Payload};
use crate::roles::{Context, DownloadRequest, StockKey, StoreRequest};

/// What the bytes of a locked element are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// The folder of a commit.
    Commit {
        /// The commit.
        commit: ObjectId,
        /// The folder; `None`: all of it.
        subdir: Option<String>,
    },
    /// An archive.
    Archive {
        /// Its digest.
        digest: Digest,
        /// The folder in it; `None`: what the archive is about.
        subdir: Option<String>,
    },
    /// Whatever lies at a path of the machine.
    Live {
        /// The path.
        path: PathBuf,
        /// The folder in it.
        subdir: Option<String>,
    },
    /// Put into the stock by hand.
    ByHand,
}

/// What a lock entry's bytes are; `None` where it does not say yet, because they were never fetched.
#[must_use]
pub fn bytes_of(locked: &LockedElement, base: &Path) -> Option<Bytes> {
    match (&locked.git, &locked.url, &locked.path, locked.sha256) {
        (Some(_), ..) => Some(Bytes::Commit { commit: locked.commit?, subdir: locked.subdir.clone() }),
        (None, Some(_), _, digest) => Some(Bytes::Archive { digest: digest?, subdir: None }),
        (None, None, Some(_), Some(digest)) => Some(Bytes::Archive { digest, subdir: locked.subdir.clone() }),
        (None, None, Some(path), None) => Some(Bytes::Live { path: base.join(path), subdir: locked.subdir.clone() }),
        (None, None, None, _) => Some(Bytes::ByHand),
    }
}

/// Where a locked element is in the stock; `None` for what is read from its path each time.
#[must_use]
pub fn place_in_stock(one: &Resolved, base: &Path) -> Option<StockKey> {
    if one.locked.is_live() {
        return None;
    }
    let by_hand = || StockKey { origin: "stock".to_owned(), id: one.id.clone(), version: one.pin.version.clone(), digest: String::new() };
    Some(stock_key(&one.id, &one.pin.version, &one.locked, base).unwrap_or_else(by_hand))
}

/// Puts the bytes of a locked element into the stock under its identity.
#[must_use]
pub fn store_request(one: &Resolved, base: &Path, payload: Payload) -> Option<StoreRequest> {
    let key = place_in_stock(one, base)?;
    let digest = one.locked.sha256.filter(|_| matches!(payload, Payload::Archive { .. }));
    let install = InstallInfo { id: one.id.clone(), version: one.pin.version.clone(), digest, payload, receipt: None };
    Some(StoreRequest { origin: key.origin, info: info_of(one, base), install, expected_tree: one.locked.tree })
}

/// The tree of a locked element as it is in the stock; of a folder, as it lies there now.
///
/// # Errors
/// `NotFound` where it is not there.
pub fn tree_in_stock(cx: &Context, parts: &Parts, one: &Resolved) -> Result<ObjectId> {
    let client = Standard::new(parts.clone());
    let (_, mut available) = client.look(cx, std::slice::from_ref(one))?;
    if one.locked.is_live() {
        client.fetch(cx, &mut available, &std::collections::HashMap::new(), &std::collections::HashMap::new())?;
    }
    let tree = available.into_iter().next().and_then(|one: Available| one.tree);
    tree.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{} {} is not in stock", one.id, one.pin.version)).hint("`greffon fetch` gets it"))
}

/// Asks an element's source for its bytes once more, into a folder.
///
/// # Errors
/// As downloading.
pub fn download_again(cx: &Context, parts: &Parts, one: &Resolved, folder: &Path) -> Result<InstallInfo> {
    let gone = || Error::new(ErrorKind::NotFound, format!("{} {} has no source that could be asked again", one.id, one.pin.version));
    let download = download_of(&one.locked, &parts.base).ok_or_else(gone)?;
    let request = DownloadRequest { id: one.id.clone(), version: one.pin.version.clone(), download, target_dir: folder.to_owned(), deal: None };
    parts.downloader.download(cx, &request)
}
