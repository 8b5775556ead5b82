//! Bytes: the download map first, whole; then everything it lacks, in parallel, into the stock.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::locking::download_of;
use super::resolved::{Resolved, info_of, path_origin, stock_key};
use super::shop::Deals;
use super::{Parts, Standard};
use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DownloadMapEntry, ElementId, InstallInfo, LockedElement, ObjectId, Origin, Payload};
use crate::roles::{Context, Deal, DownloadRequest, Level, StockKey, StoreRequest, StoredElement};
use crate::sys::archive::{self, Limits};
use crate::sys::fs::failpoint::broken;
use crate::sys::pool;

/// Where the bytes of one resolved element are.
#[derive(Debug, Clone)]
pub(super) struct Available {
    /// The element.
    pub resolved: Resolved,
    /// Its tree; `None`: it would have to be fetched.
    pub tree: Option<ObjectId>,
}

impl Standard {
    /// What of a resolution is in stock: the download map, and the trees that are known.
    pub(super) fn look(&self, cx: &Context, resolution: &[Resolved]) -> Result<(Vec<DownloadMapEntry>, Vec<Available>)> {
        let mut map = Vec::with_capacity(resolution.len());
        let mut available = Vec::with_capacity(resolution.len());
        for one in resolution {
            let stored = match stock_key(&one.id, &one.pin.version, &one.locked, &self.parts.base) {
                Some(key) => self.parts.stock.open(cx, &key)?,
                None => self.by_hand(cx, one)?,
            };
            let tree = match stored {
                Some(stored) => Some(self.tree_of(cx, &stored, one)?),
                None => None,
            };
            let download = if tree.is_some() { None } else { download_of(&one.locked, &self.parts.base) };
            map.push(DownloadMapEntry { id: one.id.clone(), version: one.pin.version.clone(), from_stock: tree.is_some(), download });
            available.push(Available { resolved: one.clone(), tree });
        }
        Ok((map, available))
    }

    /// What was put into the stock by hand has no other source.
    fn by_hand(&self, cx: &Context, one: &Resolved) -> Result<Option<StoredElement>> {
        if one.locked.path.is_some() {
            return Ok(None);
        }
        self.parts.stock.open(cx, &StockKey { origin: "stock".to_owned(), id: one.id.clone(), version: one.pin.version.clone(), digest: String::new() })
    }

    fn tree_of(&self, cx: &Context, stored: &StoredElement, one: &Resolved) -> Result<ObjectId> {
        let tree = import(&self.parts, cx, &stored.payload)?;
        match one.locked.tree {
            Some(locked) if locked != tree && !broken("promise") => Err(wrong_bytes(one, locked, tree)),
            _ => Ok(tree),
        }
    }

    /// Fetches what is not there, everything before anything of a site changes. Each item of `wanted` gets its tree.
    /// `origins`: where the manifest asks for what.
    pub(super) fn fetch(&self, cx: &Context, wanted: &mut [Available], origins: &HashMap<ElementId, Origin>, deals: &Deals) -> Result<()> {
        let mut missing: Vec<usize> = Vec::new();
        for (index, one) in wanted.iter().enumerate() {
            let same = |other: &usize| wanted[*other].resolved.id == one.resolved.id && wanted[*other].resolved.locked == one.resolved.locked;
            if one.tree.is_none() && !missing.iter().any(same) {
                missing.push(index);
            }
        }
        self.undamaged()?;
        let scratch = Arc::new(self.parts.stockroom.scratch()?);
        let results = pool::each(self.parts.jobs, &missing, |index| {
            let folder = scratch.path().join(index.to_string());
            let Resolved { id, locked, .. } = &wanted[*index].resolved;
            let deal = deals.get(&(id.clone(), locked.url.clone())).cloned();
            self.fetch_one(cx, &wanted[*index].resolved, &folder, deal)
        });
        let mut failures = Vec::new();
        for (index, result) in missing.iter().zip(results) {
            match result {
                Ok(fetched) => {
                    let resolved = wanted[*index].resolved.clone();
                    for other in wanted.iter_mut().filter(|other| other.resolved.id == resolved.id && other.resolved.locked == resolved.locked) {
                        other.tree = Some(fetched.tree);
                        let fixed = resolved.locked.url.is_some() || resolved.locked.repository.is_some();
                        other.resolved.locked.sha256 = other.resolved.locked.sha256.or(fetched.install.digest.filter(|_| fixed));
                        other.resolved.locked.tree = Some(fetched.tree).filter(|_| !other.resolved.locked.is_live());
                        other.resolved.locked.receipt = other.resolved.locked.receipt.take().or_else(|| fetched.install.receipt.clone());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    let Resolved { id, pin, .. } = &wanted[*index].resolved;
                    let error = error.wrap(format!("could not fetch {id} {}", pin.version));
                    failures.push(match origins.get(id) {
                        Some(origin) => at_origin(error, origin, id.name(), ""),
                        None => error,
                    });
                }
            }
        }
        Error::all(failures).map_or(Ok(()), Err)
    }

    /// Refuses before the first byte is asked for where the stock holds something that cannot be read: it is put aside first.
    fn undamaged(&self) -> Result<()> {
        let damage = self.parts.stockroom.damage();
        let Some(first) = damage.first() else { return Ok(()) };
        let more = if damage.len() > 1 { format!(" and {} more", damage.len() - 1) } else { String::new() };
        Err(Error::new(ErrorKind::Git, format!("what the stock holds of {first}{more} is damaged"))
            .by_damage(true)
            .hint("`greffon stock verify` puts damaged entries aside; then `greffon fetch` gets them again"))
    }

    fn fetch_one(&self, cx: &Context, one: &Resolved, folder: &Path, deal: Option<Deal>) -> Result<Fetched> {
        cx.check()?;
        let download = download_of(&one.locked, &self.parts.base).ok_or_else(|| {
            match one.locked.repository.as_deref().filter(|from| self.parts.repositories.iter().any(|known| known.name() == *from)) {
                Some(from) => Error::new(ErrorKind::NotFound, format!("repository `{from}` does not say where this version is downloaded from"))
                    .hint("choose another version, and tell the repository's owner"),
                None => Error::new(ErrorKind::NotFound, "it was put into the stock by hand, and is no longer there")
                    .hint("put it back with `greffon stock add`, or choose another version"),
            }
        })?;
        let info = info_of(one, &self.parts.base);
        crate::sys::fs::create_folder(folder)?;
        let request = DownloadRequest { id: one.id.clone(), version: one.pin.version.clone(), download, target_dir: folder.to_owned(), deal };
        let install = self.parts.downloader.download(cx, &request)?;
        // An archive of a folder is known by its digest from its first fetch on.
        let delivered = || {
            let (origin, digest) = (path_origin(&one.locked, &self.parts.base)?, install.digest?.to_string());
            Some(StockKey { origin, id: one.id.clone(), version: one.pin.version.clone(), digest })
        };
        let Some(key) = stock_key(&one.id, &one.pin.version, &one.locked, &self.parts.base).or_else(delivered) else {
            return Ok(Fetched { tree: import(&self.parts, cx, &install.payload)?, install });
        };
        let store = StoreRequest { origin: key.origin, info: info.clone(), install: install.clone(), expected_tree: one.locked.tree };
        let stored = self.parts.stock.store_element(cx, &store)?;
        let tree = import(&self.parts, cx, &stored.payload)?;
        if let Some(locked) = one.locked.tree
            && locked != tree
            && !broken("promise")
        {
            return Err(wrong_bytes(one, locked, tree));
        }
        if let Some(repository) = &one.locked.repository
            && is_fixed(&one.locked)
        {
            super::remembered::remember(&self.parts, repository, &info)?;
        }
        cx.log(Level::Detail, format!("fetched {} {}", one.id, one.pin.version));
        Ok(Fetched { tree, install })
    }
}

/// Whether what is locked is all that its repository can mean by this version: of git a tag, or a commit that it names itself. A
/// branch goes on, and a commit that was found otherwise (`adopt`) is nobody's word.
fn is_fixed(locked: &LockedElement) -> bool {
    let named = |name: &str| name.starts_with("refs/tags/") || locked.commit.is_some_and(|commit| name == commit.to_string());
    locked.git.is_none() || locked.reference.as_deref().is_some_and(named)
}

struct Fetched {
    tree: ObjectId,
    install: InstallInfo,
}

/// A payload as a tree of the stock's object database.
fn import(parts: &Parts, cx: &Context, payload: &Payload) -> Result<ObjectId> {
    match payload {
        Payload::Tree { tree, .. } => Ok(*tree),
        Payload::Archive { path, subdir } => Ok(archive::import(cx, path, subdir.as_deref(), parts.stockroom.objects(), &Limits::default())?.tree),
        Payload::Directory { path } => Ok(archive::import_directory(cx, path, parts.stockroom.objects(), &Limits::default())?.tree),
    }
}

fn wrong_bytes(one: &Resolved, locked: ObjectId, found: ObjectId) -> Error {
    Error::new(ErrorKind::Digest, format!("{} {} is not what greffon.lock says: tree {} instead of {}", one.id, one.pin.version, found.short(), locked.short()))
        .hint("somebody changed what stands behind that version; look at it before you run `greffon update` to accept it")
}
