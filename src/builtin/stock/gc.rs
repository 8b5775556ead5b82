//! Tidying up: what no pin protects goes. Pins alone decide; what a manifest or a lockfile somewhere says is not asked.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::Store;
use super::entry::Record;
use crate::error::Result;
use crate::model::{Digest, Entry, ObjectId};
use crate::roles::{Context, GcReport, GcRequest};
use crate::sys::fs::failpoint::broken;
use crate::sys::git::{Objects, OwnObjects};

/// How long to wait for others to let go of the stock.
const PATIENCE: Duration = Duration::from_secs(10);
/// More packs than this are made one even when nothing goes: every look-up asks each of them.
const PACKS: usize = 40;

pub(super) fn gc(store: &Store, cx: &Context, request: &GcRequest) -> Result<GcReport> {
    let room = &store.room;
    let _lock = if request.dry_run || broken("stock-lock") { room.lock_shared(cx)? } else { room.lock_exclusive_within(cx, PATIENCE)? };
    let objects = room.objects();
    objects.refresh()?;
    let stock = Stock {
        own: objects.own()?,
        sources: objects.of_sources()?,
        files: room.files().list()?,
        archives: room.all_archives()?,
        extensions: room.extensions()?,
    };
    let kept = Kept::choose(store, cx, &stock, request)?;
    let mut going = stock.going(&kept);
    if request.dry_run {
        let mut free = Vec::new();
        for one in going.extensions {
            if !room.is_extension_held(one.0)? {
                free.push(one);
            }
        }
        going.extensions = free;
    } else {
        // One that somebody uses stays until it is tidied again.
        let mut gone = Vec::new();
        for one in going.extensions {
            if room.remove_extension(one.0)? {
                gone.push(one);
            }
        }
        going.extensions = gone;
    }
    let mut report = GcReport { removed: Vec::new(), bytes: 0, kept: kept.records.len() };
    report.removed.extend(kept.unused.iter().map(Record::shown));
    going.tell(&mut report);
    if request.dry_run {
        return Ok(report);
    }
    // An entry goes before its bytes, so that whatever is cut off here leaves no entry that cannot be used.
    for record in &kept.unused {
        room.remove_record(&record.name())?;
    }
    for archive in &going.archives {
        room.remove_archive(archive.0)?;
    }
    for file in &going.files {
        room.files().remove(&file.0)?;
    }
    if going.objects > 0 || stock.own.packs.len() > PACKS {
        objects.retain(&stock.own, &kept.objects)?;
    }
    for source in &going.sources {
        objects.remove_source(source)?;
    }
    objects.sync()?;
    Ok(report)
}

/// Everything that takes up room.
struct Stock {
    own: OwnObjects,
    sources: Vec<OwnObjects>,
    files: Vec<(Entry, u64)>,
    archives: Vec<(Digest, u64)>,
    extensions: Vec<(ObjectId, u64)>,
}

/// What stays.
struct Kept {
    records: Vec<Record>,
    unused: Vec<Record>,
    /// The trees that stay as such: composed ones, elements, entries.
    roots: HashSet<ObjectId>,
    /// These and everything below them.
    objects: HashSet<ObjectId>,
}

impl Kept {
    fn choose(store: &Store, cx: &Context, stock: &Stock, request: &GcRequest) -> Result<Self> {
        let objects = store.room.objects();
        let mut kept = Self { records: Vec::new(), unused: Vec::new(), roots: HashSet::new(), objects: HashSet::new() };
        for pin in objects.pins()?.into_iter().filter(|pin| !broken("pins") && request.forget.as_ref() != Some(&pin.site)) {
            kept.roots.insert(pin.tree);
            kept.roots.extend(pin.elements);
        }
        let pinned = kept.roots.clone();
        for root in &pinned {
            cx.check()?;
            objects.reach(*root, &mut kept.objects)?;
        }
        objects.keep_pins(request.forget.as_deref(), &mut kept.objects)?;
        let times: HashMap<_, _> = store.room.all_records()?.into_iter().collect();
        let mut unpinned = Vec::new();
        for record in store.records()? {
            cx.check()?;
            if holds_one_of(objects, record.tree, &pinned) {
                objects.reach(record.tree, &mut kept.objects)?;
                kept.roots.insert(record.tree);
                kept.records.push(record);
            } else {
                unpinned.push((times.get(&record.name()).copied().unwrap_or(SystemTime::UNIX_EPOCH), record));
            }
        }
        let Some(max_bytes) = request.max_bytes else {
            kept.unused = unpinned.into_iter().map(|(_, record)| record).collect();
            return Ok(kept);
        };
        // The latest used first, each as long as it fits beside those before.
        unpinned.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.name().cmp(&other.name())));
        let mut room = Room::new(stock);
        let mut total = kept.roots.iter().map(|root| room.take_source(*root)).sum::<u64>();
        total += kept.objects.iter().map(|id| room.object(id)).sum::<u64>();
        total += kept.records.iter().map(|record| room.take_archive(record)).sum::<u64>();
        for (_, record) in unpinned {
            cx.check()?;
            let Ok(new) = objects.reach(record.tree, &mut kept.objects) else {
                kept.unused.push(record);
                continue;
            };
            let more = new.iter().map(|id| room.object(id)).sum::<u64>() + room.source(record.tree) + room.archive(&record);
            if total + more <= max_bytes {
                total += more;
                room.take_source(record.tree);
                room.take_archive(&record);
                kept.roots.insert(record.tree);
                kept.records.push(record);
            } else {
                for id in new {
                    kept.objects.remove(&id);
                }
                kept.unused.push(record);
            }
        }
        Ok(kept)
    }
}

/// What things take up on disk. A source stays whole or goes whole, and no archive is there twice.
struct Room {
    /// Objects of our own, and unpacked files.
    sizes: HashMap<ObjectId, u64>,
    /// Every source's ids and bytes, and whether it is paid for.
    sources: Vec<(HashSet<ObjectId>, u64, bool)>,
    archives: HashMap<Digest, u64>,
}

impl Room {
    fn new(stock: &Stock) -> Self {
        let mut sizes: HashMap<ObjectId, u64> = HashMap::new();
        for object in &stock.own.objects {
            *sizes.entry(object.id).or_default() += object.size;
        }
        for (entry, size) in &stock.files {
            *sizes.entry(entry.id).or_default() += size;
        }
        let sources = stock.sources.iter().map(|source| (source.ids(), source.objects.iter().map(|object| object.size).sum(), false)).collect();
        Self { sizes, sources, archives: stock.archives.iter().copied().collect() }
    }

    fn object(&self, id: &ObjectId) -> u64 {
        self.sizes.get(id).copied().unwrap_or_default()
    }

    /// What the source of a tree adds.
    fn source(&self, root: ObjectId) -> u64 {
        let holder = self.sources.iter().find(|(ids, ..)| ids.contains(&root));
        holder.filter(|(.., paid)| !paid).map_or(0, |(_, size, _)| *size)
    }

    fn take_source(&mut self, root: ObjectId) -> u64 {
        let more = self.source(root);
        if let Some((.., paid)) = self.sources.iter_mut().find(|(ids, ..)| ids.contains(&root)) {
            *paid = true;
        }
        more
    }

    fn archive(&self, record: &Record) -> u64 {
        record.archive.and_then(|digest| self.archives.get(&digest).copied()).unwrap_or_default()
    }

    fn take_archive(&mut self, record: &Record) -> u64 {
        record.archive.and_then(|digest| self.archives.remove(&digest)).unwrap_or_default()
    }
}

/// Whether a tree is one of `wanted`, or holds one of them as a folder (an installer took a part of it).
fn holds_one_of(objects: &Objects, tree: ObjectId, wanted: &HashSet<ObjectId>) -> bool {
    if wanted.contains(&tree) {
        return true;
    }
    let mut below = HashSet::new();
    // An entry whose files are gone protects nothing.
    objects.reach(tree, &mut below).is_ok() && below.iter().any(|id| wanted.contains(id))
}

/// What goes.
struct Going<'a> {
    archives: Vec<(Digest, u64)>,
    files: Vec<(Entry, u64)>,
    sources: Vec<&'a OwnObjects>,
    objects: usize,
    object_bytes: u64,
    /// Unpacked extensions: their trees are no longer kept.
    extensions: Vec<(ObjectId, u64)>,
}

impl Stock {
    fn going(&self, kept: &Kept) -> Going<'_> {
        let archives: HashSet<Digest> = kept.records.iter().filter_map(|record| record.archive).collect();
        let unused: Vec<_> = self.own.objects.iter().filter(|object| !kept.objects.contains(&object.id)).collect();
        Going {
            archives: self.archives.iter().filter(|(digest, _)| !archives.contains(digest)).copied().collect(),
            files: self.files.iter().filter(|(entry, _)| !kept.objects.contains(&entry.id)).copied().collect(),
            sources: self.unused_sources(kept),
            objects: unused.len(),
            object_bytes: unused.iter().map(|object| object.size).sum(),
            extensions: self.extensions.iter().filter(|(tree, _)| !kept.roots.contains(tree)).copied().collect(),
        }
    }

    /// Sources that hold no tree that stays, and nothing else that only they have (the files below a patched tree).
    fn unused_sources(&self, kept: &Kept) -> Vec<&OwnObjects> {
        let own = self.own.ids();
        let mut needed: HashSet<ObjectId> = kept.objects.iter().filter(|id| !own.contains(id)).copied().collect();
        let mut open: Vec<(&OwnObjects, HashSet<ObjectId>)> = Vec::new();
        for source in &self.sources {
            let ids = source.ids();
            if kept.roots.iter().any(|root| ids.contains(root)) {
                needed.retain(|id| !ids.contains(id));
            } else {
                open.push((source, ids));
            }
        }
        let mut unused = Vec::new();
        for (source, ids) in open {
            if ids.iter().any(|id| needed.contains(id)) {
                needed.retain(|id| !ids.contains(id));
            } else {
                unused.push(source);
            }
        }
        unused
    }
}

impl Going<'_> {
    fn tell(&self, report: &mut GcReport) {
        let mut line = |count: usize, one: &str, many: &str, bytes: u64| {
            if count > 0 {
                report.removed.push(format!("{count} {}", if count == 1 { one } else { many }));
                report.bytes += bytes;
            }
        };
        line(self.archives.len(), "archive", "archives", self.archives.iter().map(|(_, size)| size).sum());
        line(self.extensions.len(), "unpacked extension", "unpacked extensions", self.extensions.iter().map(|(_, size)| size).sum());
        line(self.files.len(), "unpacked file", "unpacked files", self.files.iter().map(|(_, size)| size).sum());
        line(self.objects, "git object", "git objects", self.object_bytes);
        line(self.sources.len(), "git source", "git sources", self.sources.iter().flat_map(|source| &source.objects).map(|object| object.size).sum());
    }
}
