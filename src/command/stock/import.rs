//! `stock import`: what another machine's `stock export` wrote. Everything in the file is examined before anything is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Opened;
use super::export::Line;
use super::parcel::{AtPath, Head, Sort};
use crate::builtin::client::{Bytes, Resolved, bytes_of, place_in_stock, read_lock, store_request};
use crate::command::Globals;
use crate::error::{Error, ErrorKind, Result, ResultExt as _};
use crate::model::{Digest, Lock, ObjectId, Payload};
use crate::roles::{Context, StockKey};
use crate::sys::archive::{self, Limits};
use crate::sys::fs::failpoint::broken;
use crate::sys::fs::{self, PathKind};
use crate::sys::git::{Objects, Proofs};
use crate::sys::parcel::{member_to_file, read_parcel, whole_member};
use crate::sys::places;

/// No lock and no tree is larger than this.
const TEXT: u64 = 64 << 20;

/// What `stock import` took in.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/stock-import/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// The file.
    pub file: String,
    /// The elements.
    pub elements: Vec<Imported>,
    /// Paths beside the manifest that were filled.
    pub placed: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// One element of a file.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// Which.
    #[serde(flatten)]
    pub line: Line,
    /// Whether the stock had it already.
    pub known: bool,
}

/// A file's content, unpacked: every object hashes to its name.
struct Unpacked {
    head: Head,
    lock: Lock,
    proofs: Proofs,
    objects: Objects,
    archives: PathBuf,
}

/// One element, examined.
struct Item {
    one: Resolved,
    kind: &'static str,
    /// What the stock is given; `None`: it lies at a path.
    payload: Option<Payload>,
    /// Where it is in the stock.
    key: Option<StockKey>,
    at_path: Option<AtPath>,
}

/// Takes a file in.
///
/// # Errors
/// `Archive`, `Digest`, `Newer`, `Git`, `Invalid`: it is refused, and nothing has changed.
pub fn run(opened: &Opened, globals: &Globals, file: &Path) -> Result<Report> {
    let path = places::absolute(file)?;
    match fs::kind(&path)? {
        Some(PathKind::File { .. }) => {}
        Some(_) => return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no file", path.display()))),
        None => return Err(Error::new(ErrorKind::NotFound, format!("there is no file `{}`", path.display()))),
    }
    let room = &opened.machine.stockroom;
    let cx = &opened.machine.cx;
    let _held = room.lock_shared(cx)?;
    let scratch = room.scratch()?;
    let refused = || format!("`{}` cannot be imported; the stock is as it was", path.display());
    let unpacked = unpack(cx, &path, scratch.path(), &opened.base).while_doing(refused)?;
    let items = examine(opened, &unpacked).while_doing(refused)?;
    let mut report = Report {
        schema: "greffon/stock-import/1",
        dry_run: globals.dry_run,
        file: path.display().to_string(),
        elements: Vec::new(),
        placed: Vec::new(),
        notes: Vec::new(),
    };
    let mut lacking = false;
    for item in &items {
        let known = match &item.key {
            Some(key) => opened.stock.open(cx, key)?.is_some(),
            None => false,
        };
        lacking |= !known && item.key.is_some();
        let Resolved { id, pin, .. } = &item.one;
        let line = Line { r#type: id.kind().to_owned(), name: id.name().to_owned(), version: pin.version.to_string(), kind: item.kind };
        if item.kind == "by-hand" && !known {
            report.notes.push(format!("{id} {} was put in by hand where it comes from: every manifest of this machine may use it from now on", pin.version));
        }
        report.elements.push(Imported { line, known });
    }
    if !globals.dry_run {
        if lacking {
            room.objects().take_packs(&unpacked.objects)?;
            room.objects().refresh()?;
        }
        for item in &items {
            let Some(payload) = item.payload.clone() else { continue };
            if let Some(request) = store_request(&item.one, &opened.base, payload) {
                opened.stock.store_element(cx, &request).while_doing(|| format!("could not keep {} {}", item.one.id, item.one.pin))?;
            }
        }
    }
    for (number, item) in items.iter().enumerate() {
        if let Some(what) = item.at_path {
            report.elements[number].known = place(opened, globals, &unpacked, item, what, &mut report)?;
        }
    }
    Ok(report)
}

/// Reads the file into a folder of its own. Every object must hash to its name; names and order are those of an export, and no other.
fn unpack(cx: &Context, path: &Path, scratch: &Path, base: &Path) -> Result<Unpacked> {
    let objects = Objects::open(&scratch.join("objects.git"), &scratch.join("sources"))?;
    let archives = scratch.join("archives");
    fs::create_folder(&archives)?;
    let mut arrivals = objects.arrivals()?;
    let (mut head, mut lock) = (None, None);
    let mut counts: BTreeMap<String, usize> = Sort::MANY.into_iter().map(|sort| (sort.word().to_owned(), 0)).collect();
    let mut last = (Sort::Head, String::new());
    read_parcel(cx, path, |name, size, reader| {
        let strange =
            || Error::new(ErrorKind::Archive, format!("it holds `{}`, which is no part of an export, or stands where it may not", name.escape_debug()));
        let (sort, id) = Sort::of(name).ok_or_else(strange)?;
        let first = sort == Sort::Head && head.is_none();
        let next = (sort, id.to_owned());
        if !first && (head.is_none() || next <= last) {
            return Err(strange());
        }
        last = next;
        if let Some(count) = counts.get_mut(sort.word()) {
            *count += 1;
        }
        let object = || id.parse::<ObjectId>().ok().filter(|parsed| parsed.to_string() == id).ok_or_else(strange);
        match sort {
            Sort::Head => {
                let read = Head::read(&whole_member(name, size, TEXT, reader)?)?;
                enough_room(scratch, read.bytes)?;
                head = Some(read);
            }
            Sort::Lock => {
                let bytes = whole_member(name, size, TEXT, reader)?;
                let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Archive, "its lock is no text"))?;
                let (read, conflicted) = read_lock(Path::new(name), &text, base)?;
                if conflicted {
                    return Err(strange());
                }
                lock = Some(read);
            }
            Sort::Commit => arrivals.commit(object()?, &whole_member(name, size, TEXT, reader)?)?,
            Sort::Proof => arrivals.proof(object()?, whole_member(name, size, TEXT, reader)?)?,
            Sort::Tree => arrivals.tree(object()?, &whole_member(name, size, TEXT, reader)?)?,
            Sort::Blob => {
                if size > Limits::default().file {
                    return Err(Error::new(ErrorKind::Archive, format!("`{name}` says that it has {size} bytes, more than any file of an element")));
                }
                arrivals.blob(object()?, size, reader)?;
            }
            Sort::Archive => {
                let digest = id.parse::<Digest>().ok().filter(|digest| digest.hex() == id).ok_or_else(strange)?;
                let to = archives.join(digest.hex());
                member_to_file(name, size, reader, &to)?;
                let found = fs::digest(cx, &to)?.0;
                if found != digest && !broken("promise") {
                    return Err(Error::new(ErrorKind::Digest, format!("the archive `{}` is not what its name says: it is {found}", digest.hex())));
                }
            }
        }
        Ok(())
    })?;
    let cut = || Error::new(ErrorKind::Archive, "it is cut off, or something was taken out of it");
    let (Some(head), Some(lock)) = (head, lock) else { return Err(cut()) };
    if head.members != counts {
        return Err(cut());
    }
    Ok(Unpacked { head, lock, proofs: arrivals.close()?, objects, archives })
}

/// Whether there is room for what the file says it holds: told before any of it is unpacked.
fn enough_room(scratch: &Path, bytes: Option<u64>) -> Result<()> {
    let (Some(bytes), Some(free)) = (bytes, fs::free_space(scratch)) else { return Ok(()) };
    if bytes <= free {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, format!("it holds {bytes} bytes, and there is room for {free} in the stock"))
        .hint(format!("make {} bytes of room there, `greffon stock gc` tidies up, or name a stock on another disk with `--stock`", bytes - free)))
}

/// Makes sure that every element of the lock is there, is what the lock says, and could be installed; and that nothing else is there.
fn examine(opened: &Opened, unpacked: &Unpacked) -> Result<Vec<Item>> {
    let cx = &opened.machine.cx;
    let Unpacked { head, lock, proofs, objects, .. } = unpacked;
    let mut items = Vec::new();
    let mut roots = Vec::new();
    let mut archives = Vec::new();
    for (key, locked) in &lock.elements {
        cx.check()?;
        let one = Resolved { id: key.id.clone(), pin: key.pin.clone(), locked: locked.clone() };
        let lacking = || Error::new(ErrorKind::Archive, format!("the bytes of {key} are not in it"));
        let place = place_in_stock(&one, &opened.base);
        let mut item = Item { one, kind: "git", payload: None, key: place, at_path: None };
        match bytes_of(locked, &opened.base).ok_or_else(lacking)? {
            Bytes::Commit { commit, subdir } => {
                let tree = locked.tree.ok_or_else(lacking)?;
                proofs.prove(commit, subdir.as_deref(), tree).while_doing(|| format!("{key} is not what it says"))?;
                roots.push(tree);
                item.payload = Some(Payload::Tree { tree, commit: Some(commit) });
            }
            Bytes::Archive { digest, subdir } => {
                item.kind = "archive";
                item.payload = Some(Payload::Archive { path: archive_of(unpacked, digest).ok_or_else(lacking)?, subdir });
                archives.push(digest);
            }
            Bytes::Live { .. } => {
                item.kind = "path";
                let what = *head.paths.get(&key.to_string()).ok_or_else(lacking)?;
                match what {
                    AtPath::Folder(tree) => roots.push(tree),
                    AtPath::File(digest) => archives.push(digest),
                }
                item.at_path = Some(what);
            }
            Bytes::ByHand => {
                item.kind = "by-hand";
                let digest = head.by_hand.get(&key.to_string()).ok_or_else(lacking)?;
                item.payload = Some(match (digest.parse::<Digest>(), digest.strip_prefix("tree:").and_then(|tree| tree.parse().ok())) {
                    (Ok(digest), _) => {
                        archives.push(digest);
                        Payload::Archive { path: archive_of(unpacked, digest).ok_or_else(lacking)?, subdir: None }
                    }
                    (Err(_), Some(tree)) => {
                        roots.push(tree);
                        Payload::Tree { tree, commit: None }
                    }
                    _ => return Err(lacking()),
                });
            }
        }
        items.push(item);
    }
    proofs.whole(&roots)?;
    for digest in &archives {
        archive_of(unpacked, *digest).ok_or_else(|| Error::new(ErrorKind::Archive, format!("the archive `{}` is not in it", digest.hex())))?;
    }
    for name in fs::names(&unpacked.archives)?.unwrap_or_default() {
        if !archives.iter().any(|digest| digest.hex() == name) {
            return Err(Error::new(ErrorKind::Invalid, format!("it holds the archive `{name}`, which belongs to nothing in it")));
        }
    }
    for item in &items {
        let one = &item.one;
        let label = || format!("{} {} cannot be installed", one.id, one.pin);
        let tree = match (&item.payload, item.at_path) {
            (Some(Payload::Archive { path, subdir }), _) => archive::import(cx, path, subdir.as_deref(), objects, &Limits::default()).while_doing(label)?.tree,
            (Some(Payload::Tree { tree, .. }), _) => *tree,
            (None, Some(AtPath::Folder(tree))) => tree,
            _ => continue,
        };
        objects.check_installable(tree).while_doing(label)?;
        let said = one.locked.tree.is_none_or(|locked| locked == tree);
        let there = match item.key.as_ref().filter(|_| item.kind == "by-hand") {
            Some(key) => opened.stock.open(cx, key)?,
            None => None,
        };
        let differs = there.is_some_and(|there| !matches!(there.payload, Payload::Tree { tree: known, .. } if known == tree));
        if (!said && !broken("promise")) || differs {
            let what = if said { "the stock has it with other files, put in by hand" } else { "its files are not those that its lock says" };
            return Err(Error::new(ErrorKind::Digest, format!("{} {}: {what}", one.id, one.pin)));
        }
    }
    Ok(items)
}

fn archive_of(unpacked: &Unpacked, digest: Digest) -> Option<PathBuf> {
    let path = unpacked.archives.join(digest.hex());
    matches!(fs::kind(&path), Ok(Some(PathKind::File { .. }))).then_some(path)
}

/// Puts what lies at a path where the manifest here looks for it, if nothing is there. No other path is ever written to. Says
/// whether it was there already.
fn place(opened: &Opened, globals: &Globals, unpacked: &Unpacked, item: &Item, what: AtPath, report: &mut Report) -> Result<bool> {
    let key = item.one.key();
    let wanted = opened.lock.elements.get(&key).filter(|locked| locked.path == item.one.locked.path && locked.subdir == item.one.locked.subdir);
    let Some(Bytes::Live { path, subdir }) = wanted.and_then(|locked| bytes_of(locked, &opened.base)) else {
        let path = item.one.locked.path.as_deref().unwrap_or_default();
        report
            .notes
            .push(format!("{} {} lies at `{path}` beside its manifest: it was put nowhere, since no greffon.lock here names it", item.one.id, item.one.pin));
        return Ok(false);
    };
    let target = match (what, subdir) {
        (AtPath::Folder(_), Some(subdir)) => path.join(subdir),
        _ => path,
    };
    let shown = target.display().to_string();
    if fs::kind(&target)?.is_some() {
        let same = match what {
            AtPath::Folder(tree) => {
                archive::import_directory(&opened.machine.cx, &target, &unpacked.objects, &Limits::default()).is_ok_and(|found| found.tree == tree)
            }
            AtPath::File(digest) => fs::digest(&opened.machine.cx, &target).is_ok_and(|found| found.0 == digest),
        };
        if !same {
            report.notes.push(format!("`{shown}` is not what was exported; it stays as it is"));
        }
        return Ok(same);
    }
    report.placed.push(shown);
    if globals.dry_run {
        return Ok(false);
    }
    match what {
        AtPath::Folder(tree) => {
            let mut files = Vec::new();
            for file in unpacked.objects.files(tree)? {
                files.push((file.path, (file.entry.mode, unpacked.objects.blob(file.entry.id)?)));
            }
            fs::lay_out_folder(&target, &files)?;
        }
        AtPath::File(digest) => fs::copy_new(&unpacked.archives.join(digest.hex()), &target)?,
    }
    Ok(false)
}
