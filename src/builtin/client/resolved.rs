//! One element of a site's resolution, and what follows from its lock entry alone: its place in the stock, its metadata.

use std::path::Path;

use super::locking::download_of;
use crate::model::{ElementId, ElementInfo, LockKey, LockedElement, Pin, Version};
use crate::roles::StockKey;

/// One element of a site's resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Which element.
    pub id: ElementId,
    /// Which of its locked entries.
    pub pin: Pin,
    /// Where its bytes come from.
    pub locked: LockedElement,
}

impl Resolved {
    /// Its line in the lockfile.
    #[must_use]
    pub fn key(&self) -> LockKey {
        LockKey { id: self.id.clone(), pin: self.pin.clone() }
    }
}

/// The identity under which the stock keeps a locked element; `None` for a local path, which is read afresh each time, but for
/// an archive whose digest is locked.
pub(super) fn stock_key(id: &ElementId, version: &Version, locked: &LockedElement, base: &Path) -> Option<StockKey> {
    let (origin, digest) = match (&locked.git, &locked.url) {
        (Some(git), _) => {
            let folder = locked.subdir.as_ref().map(|subdir| format!("#{subdir}")).unwrap_or_default();
            (format!("{git}{folder}"), locked.commit.map(|commit| format!("commit:{commit}")))
        }
        (None, Some(url)) => (url.clone(), locked.sha256.map(|digest| digest.to_string())),
        (None, None) => (path_origin(locked, base)?, Some(locked.sha256?.to_string())),
    };
    Some(StockKey { origin, id: id.clone(), version: version.clone(), digest: digest.unwrap_or_default() })
}

/// What the stock calls a path that a repository delivered.
pub(super) fn path_origin(locked: &LockedElement, base: &Path) -> Option<String> {
    let path = locked.path.as_ref().filter(|_| locked.repository.is_some())?;
    Some(base.join(path).to_string_lossy().into_owned())
}

/// The element info that a lock entry stands for.
pub(super) fn info_of(one: &Resolved, base: &Path) -> ElementInfo {
    let mut info = ElementInfo::bare(one.id.clone(), one.pin.version.clone());
    info.scheme.clone_from(&one.locked.scheme);
    info.dependencies.clone_from(&one.locked.dependencies);
    info.conflicts.clone_from(&one.locked.conflicts);
    info.optional.clone_from(&one.locked.optional);
    info.yanked.clone_from(&one.locked.yanked);
    info.download = download_of(&one.locked, base);
    info
}
