//! `builtin:store`: the stock in one folder ([`Stockroom`]). Elements are git trees there; archives are kept beside them as they came.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::{BY_HAND, HAND, Record, group, name};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, Download, ObjectId, Payload};
use crate::roles::{Context, GcReport, GcRequest, Level, PinRequest, Stock, StockKey, StoreRequest, StoredElement};
use crate::sys::archive::{self, Limits};
use crate::sys::fs::failpoint::broken;
use crate::sys::git::Pin;
use crate::sys::stockroom::{RecordName, Stockroom, TakenArchive};

/// The stock. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) room: Stockroom,
    /// Which entries this process used, by their trees: a pin notes their use.
    used: Arc<Mutex<HashMap<ObjectId, RecordName>>>,
    /// What was put in by hand, once it was looked up: a resolution asks at every element.
    by_hand: Arc<Mutex<Option<Arc<Vec<Record>>>>>,
}

/// What was taken in and not written down yet.
struct Taken {
    tree: ObjectId,
    commit: Option<ObjectId>,
    digest: String,
    archive: Option<TakenArchive>,
}

impl Store {
    /// The stock in this folder.
    #[must_use]
    pub fn new(room: Stockroom) -> Self {
        Self { room, used: Arc::default(), by_hand: Arc::default() }
    }

    /// Every entry that can be read, by element, version text, origin and digest; damaged ones are left out.
    pub(super) fn records(&self) -> Result<Vec<Record>> {
        self.records_under("")
    }

    /// As [`Self::records`], of what was put in by hand alone, without reading what the stock holds besides.
    pub(super) fn records_by_hand(&self) -> Result<Arc<Vec<Record>>> {
        let mut known = self.by_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(records) = &*known {
            return Ok(Arc::clone(records));
        }
        let mut records = self.records_under(HAND)?;
        records.retain(|record| record.key.origin == BY_HAND);
        Ok(Arc::clone(known.insert(Arc::new(records))))
    }

    /// Looks again at what was put in by hand when it is asked for next.
    fn by_hand_changed(&self) {
        *self.by_hand.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn records_under(&self, prefix: &str) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for name in self.room.records_under(prefix)? {
            if let Some(text) = self.room.record(&name)?
                && let Some(record) = Record::read(&text, &name)?
            {
                records.push(record);
            }
        }
        records.sort_by(|a, b| (&a.key.id, &a.key.version, &a.key.origin, &a.key.digest).cmp(&(&b.key.id, &b.key.version, &b.key.origin, &b.key.digest)));
        Ok(records)
    }

    /// The entry under a key, if its tree is here whole as far as its root tells. A damaged one is put aside.
    fn find(&self, cx: &Context, key: &StockKey) -> Result<Option<Record>> {
        let names = if key.digest.is_empty() { self.room.records_of(&group(key))? } else { vec![name(key)] };
        for name in names {
            let Some(text) = self.room.record(&name)? else { continue };
            let Some(record) = Record::read(&text, &name)? else {
                cx.log(Level::Warning, format!("the stock's entry for {} {} is damaged and was put aside", key.id, key.version));
                // On a stock that may only be read it stays where it is, and is passed over all the same.
                let _ = self.room.put_record_aside(&name);
                continue;
            };
            // Reading the root checks its hash. Packs appear whole and are hashed when files are unpacked.
            if self.room.objects().has(record.tree) && readable(&self.room, record.tree) {
                self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(record.tree, name);
                return Ok(Some(record));
            }
            if self.room.objects().has(record.tree) {
                // It would not come anew by being stored again.
                self.room.note_damage(format!("{} {}", key.id, key.version));
            }
            cx.log(Level::Detail, format!("the files of {} {} are no longer in the stock", key.id, key.version));
        }
        Ok(None)
    }

    /// Brings the bytes in as a tree.
    fn take(&self, cx: &Context, request: &StoreRequest) -> Result<Taken> {
        let objects = self.room.objects();
        match &request.install.payload {
            Payload::Archive { path, subdir } => {
                let archive = self.room.take_archive(cx, path)?;
                check_digest(request, archive.digest, path)?;
                let tree = archive::import(cx, &archive.path, subdir.as_deref(), objects, &Limits::default())?.tree;
                Ok(Taken { tree, commit: None, digest: archive.digest.to_string(), archive: Some(archive) })
            }
            Payload::Directory { path } => {
                let tree = archive::import_directory(cx, path, objects, &Limits::default())?.tree;
                Ok(Taken { tree, commit: None, digest: format!("tree:{tree}"), archive: None })
            }
            Payload::Tree { tree, commit } => {
                if !objects.has(*tree) {
                    return Err(Error::new(
                        ErrorKind::Git,
                        format!("{} {} was to be stored, but its tree `{}` is not in the stock", request.info.id, request.info.version, tree.short()),
                    ));
                }
                let digest = commit.map_or_else(|| format!("tree:{tree}"), |commit| format!("commit:{commit}"));
                Ok(Taken { tree: *tree, commit: *commit, digest, archive: None })
            }
        }
    }
}

impl Stock for Store {
    fn store_element(&self, cx: &Context, request: &StoreRequest) -> Result<StoredElement> {
        let _lock = self.room.lock_shared(cx)?;
        let label = || format!("{} {}", request.info.id, request.info.version);
        let taken = self.take(cx, request)?;
        if let Some(expected) = request.expected_tree
            && expected != taken.tree
            && !broken("promise")
        {
            return Err(Error::new(
                ErrorKind::Digest,
                format!("{} has other files than greffon.lock says: tree `{}` instead of `{}`", label(), taken.tree.short(), expected.short()),
            )
            .hint("somebody changed what stands behind that version; look at it before you run `greffon update` to accept it"));
        }
        if taken.tree == ObjectId::EMPTY_TREE {
            return Err(Error::new(ErrorKind::Archive, format!("{} holds no file", label())).hint("is `subdir` right?"));
        }
        let key = StockKey { origin: request.origin.clone(), id: request.info.id.clone(), version: request.info.version.clone(), digest: taken.digest };
        // By hand a version is put in once; elsewhere the digest is a part of what an entry is.
        let same = if key.origin == BY_HAND { StockKey { digest: String::new(), ..key.clone() } } else { key.clone() };
        if let Some(there) = self.find(cx, &same)? {
            if there.tree == taken.tree {
                return Ok(there.stored());
            }
            return Err(Error::new(
                ErrorKind::Digest,
                format!("{} is in the stock with other files: tree `{}` instead of `{}`", label(), there.tree.short(), taken.tree.short()),
            )
            .hint("published versions never change: give it another version"));
        }
        self.room.objects().check_installable(taken.tree).map_err(|error| error.wrap(format!("{} cannot be installed", label())))?;
        if let Some(archive) = &taken.archive {
            self.room.keep_archive(cx, archive)?;
        }
        let record = Record::new(key, request.info.clone(), taken.tree, taken.commit, taken.archive.map(|archive| archive.digest));
        let name = record.name();
        self.room.write_record(&name, &record.text()?)?;
        self.by_hand_changed();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(record.tree, name);
        Ok(record.stored())
    }

    fn open(&self, cx: &Context, key: &StockKey) -> Result<Option<StoredElement>> {
        Ok(self.find(cx, key)?.map(|record| record.stored()))
    }

    fn list(&self, cx: &Context) -> Result<Vec<StockKey>> {
        cx.check()?;
        Ok(self.records()?.into_iter().map(|record| record.key).collect())
    }

    fn pin(&self, cx: &Context, request: &PinRequest) -> Result<()> {
        let _lock = self.room.lock_shared(cx)?;
        let objects = self.room.objects();
        let new = objects.pin(&Pin { site: request.site.clone(), generation: request.generation, tree: request.tree, elements: request.elements.clone() })?;
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for name in request.elements.iter().filter_map(|tree| used.get(tree)) {
            self.room.touch_record(name);
        }
        drop(used);
        if new { objects.sync() } else { Ok(()) }
    }

    fn unpin(&self, cx: &Context, site: &str, generation: Option<u64>) -> Result<()> {
        let _lock = self.room.lock_shared(cx)?;
        self.room.objects().unpin(site, generation)?;
        self.room.objects().sync()
    }

    fn gc(&self, cx: &Context, request: &GcRequest) -> Result<GcReport> {
        let report = super::gc::gc(self, cx, request);
        self.by_hand_changed();
        report
    }

    fn verify(&self, cx: &Context) -> Result<Vec<String>> {
        super::verify::verify(self, cx)
    }
}

/// Whether the root of a tree can be read and is what its id says.
fn readable(room: &Stockroom, tree: ObjectId) -> bool {
    use crate::roles::Trees;
    room.objects().list(tree, "").is_ok_and(|items| items.is_some())
}

/// The archive must be the one that was asked for, wherever a digest was stated.
fn check_digest(request: &StoreRequest, found: Digest, path: &Path) -> Result<()> {
    let stated = match &request.info.download {
        Some(Download::Url { sha256, .. } | Download::Path { sha256, .. }) => *sha256,
        _ => None,
    };
    for wanted in [request.install.digest, stated].into_iter().flatten() {
        if wanted != found && !broken("promise") {
            return Err(Error::new(
                ErrorKind::Digest,
                format!(
                    "`{}` is not the archive of {} {} that was promised: {found} instead of {wanted}",
                    path.display(),
                    request.info.id,
                    request.info.version
                ),
            )
            .hint("the file was changed since its digest was written down, or the download was damaged: try again, and ask its author if it stays so"));
        }
    }
    Ok(())
}
