//! Filling `files/` from the object database, on all cores.
//!
//! All contents are written under temporary names first, then made durable by one `syncfs`, then renamed: whatever has a name
//! in `files/` is whole, also after a power cut.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::model::{Entry, FileMode};
use crate::roles::{Context, Event, Unit};
use crate::sys::fs::failpoint::broken;
use crate::sys::fs::sync_filesystem;
use crate::sys::fs::witness::{Witness, now};
use crate::sys::git::{BlobReader, Objects, is_lfs_pointer, lfs};

use super::BlobFiles;
use super::files::Name;
use super::room::scratch;

/// How many files a thread takes at a time.
const BATCH: usize = 64;

/// The entries that have no file yet, each once, in the order given. Symbolic links never have one.
pub(super) fn missing(files: &BlobFiles, cx: &Context, entries: &[Entry]) -> Result<Vec<Entry>> {
    let found = parallel(
        cx,
        entries,
        |_| Ok(()),
        |(), entry, found: &mut Vec<Entry>| {
            if entry.mode == FileMode::Symlink {
                return Ok(());
            }
            match rustix::fs::statat(&files.inner.handle, Name::of(entry).bytes(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Ok(()),
                Err(Errno::NOENT) => {
                    found.push(*entry);
                    Ok(())
                }
                Err(error) => Err(Error::io("look for", &files.path(entry), error.into())),
            }
        },
        &|_| {},
    )?;
    let mut seen = HashSet::new();
    Ok(found.into_iter().flatten().filter(|entry| seen.insert(*entry)).collect())
}

/// As [`missing`], with those that are there and not as noted, and found damaged when they were read.
pub(super) fn missing_or_unsound(files: &BlobFiles, cx: &Context, entries: &[Entry]) -> Result<Vec<Entry>> {
    let found = parallel(
        cx,
        entries,
        |_| Ok(()),
        |(), entry, found: &mut Vec<(Entry, Option<Witness>)>| {
            if entry.mode == FileMode::Symlink {
                return Ok(());
            }
            let moment = now();
            match files.witness(entry)? {
                Some(witness) if broken("links") || files.is_known(entry, &witness) => {}
                Some(witness) if super::place::verify(files, entry)? => found.push((*entry, Some(witness).filter(|witness| witness.settled_before(moment)))),
                _ => found.push((*entry, None)),
            }
            Ok(())
        },
        &|_| {},
    )?;
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    for (entry, witness) in found.into_iter().flatten().filter(|(entry, _)| seen.insert(*entry)) {
        match witness {
            Some(witness) => files.know([(entry, witness)]),
            None if files.witness(&entry)?.is_none() => missing.push(entry),
            None => {}
        }
    }
    Ok(missing)
}

/// A thread's own folder, where nobody else contends for the names.
struct Desk<'objects> {
    folder: OwnedFd,
    reader: BlobReader<'objects>,
    next: u32,
}

/// A file that is written but has no place yet.
struct Written {
    desk: usize,
    name: u32,
    entry: Entry,
}

pub(super) fn unpack(files: &BlobFiles, cx: &Context, objects: &Objects, entries: &[Entry]) -> Result<()> {
    let task = "unpack";
    cx.emit(Event::Started { task: task.into(), total: Some(entries.len() as u64), unit: Unit::Items });
    let result = unpack_all(files, cx, objects, entries, &|done| {
        cx.emit(Event::Advanced { task: task.into(), done: done as u64, total: Some(entries.len() as u64) });
    });
    cx.emit(Event::Finished { task: task.into() });
    result
}

fn unpack_all(files: &BlobFiles, cx: &Context, objects: &Objects, entries: &[Entry], progress: &(dyn Fn(usize) + Sync)) -> Result<()> {
    let scratch = scratch(&files.inner.tmp)?;
    let desk = |number: usize| {
        let path = scratch.path().join(number.to_string());
        fs_err::create_dir(&path).map_err(|error| Error::io("make", &path, error))?;
        Ok(Desk { folder: open_folder(&path)?, reader: objects.blob_reader()?, next: 0 })
    };
    let numbered = AtomicUsize::new(0);
    let open_desk = |number: usize| -> Result<(usize, Desk<'_>)> {
        numbered.fetch_max(number + 1, Ordering::Relaxed);
        Ok((number, desk(number)?))
    };
    let written = parallel(
        cx,
        entries,
        open_desk,
        |(number, desk), entry, written: &mut Vec<Written>| {
            let name = desk.next;
            desk.next += 1;
            desk.reader.read(entry.id, |bytes| {
                if is_lfs_pointer(bytes) {
                    return Err(lfs(&entry.id.short()));
                }
                write_file(&desk.folder, &name.to_string(), bytes, entry.mode).map_err(|error| Error::io("unpack into", scratch.path(), error.into()))
            })?;
            written.push(Written { desk: *number, name, entry: *entry });
            Ok(())
        },
        progress,
    )?;
    sync_filesystem(scratch.path())?;
    let folders = (0..numbered.into_inner()).map(|number| open_folder(&scratch.path().join(number.to_string()))).collect::<Result<Vec<_>>>()?;
    let written: Vec<Written> = written.into_iter().flatten().collect();
    parallel(
        cx,
        &written,
        |_| Ok(()),
        |(), file, _: &mut Vec<()>| {
            let target = Name::of(&file.entry);
            let rename = || rustix::fs::renameat(&folders[file.desk], file.name.to_string(), &files.inner.handle, target.bytes());
            match rename() {
                // Somebody removed the fan-out folder.
                Err(Errno::NOENT) => {
                    let _ = rustix::fs::mkdirat(&files.inner.handle, &target.bytes()[..2], Mode::from_raw_mode(0o777));
                    rename()
                }
                other => other,
            }
            .map_err(|error| Error::io("put in place", &files.path(&file.entry), error.into()))
        },
        &|_| {},
    )?;
    files.inner.book.lock().unwrap_or_else(std::sync::PoisonError::into_inner).unpacked(entries);
    Ok(())
}

fn open_folder(path: &Path) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(|error| Error::io("open", path, error.into()))
}

/// Writes a file that nobody may write any more.
pub(super) fn write_file(folder: &OwnedFd, name: &str, bytes: &[u8], mode: FileMode) -> Result<(), Errno> {
    let bits = Mode::from_raw_mode(if mode == FileMode::Executable { 0o555 } else { 0o444 });
    let file = rustix::fs::openat(folder, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, bits)?;
    write_all(&file, bytes)?;
    // The umask may have taken bits off that other users of a shared stock need.
    rustix::fs::fchmod(&file, bits)
}

pub(super) fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Runs `step` over all items on all cores, in batches; each thread makes its own tools with `begin`. What the steps give
/// comes back by batch, in the order of the items. The first error stops the rest.
fn parallel<T: Sync, Tools, Out: Send>(
    cx: &Context,
    items: &[T],
    begin: impl Fn(usize) -> Result<Tools> + Sync,
    step: impl Fn(&mut Tools, &T, &mut Vec<Out>) -> Result<()> + Sync,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<Out>>> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let results: Mutex<Vec<(usize, Vec<Out>)>> = Mutex::default();
    let lock = |error| *failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
    let work = |number: usize| -> Result<()> {
        let mut tools = begin(number)?;
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            if start >= items.len() {
                return Ok(());
            }
            cx.check()?;
            let batch = &items[start..items.len().min(start + BATCH)];
            let mut out = Vec::new();
            for item in batch {
                step(&mut tools, item, &mut out)?;
            }
            if !out.is_empty() {
                results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((start, out));
            }
            progress(done.fetch_add(batch.len(), Ordering::Relaxed) + batch.len());
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().div_ceil(BATCH)).max(1);
    std::thread::scope(|scope| {
        for number in 1..threads {
            let (work, lock, next) = (&work, &lock, &next);
            scope.spawn(move || {
                if let Err(error) = work(number) {
                    next.store(items.len(), Ordering::Relaxed);
                    lock(error);
                }
            });
        }
        if let Err(error) = work(0) {
            next.store(items.len(), Ordering::Relaxed);
            lock(error);
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(error);
    }
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(start, _)| *start);
    Ok(results.into_iter().map(|(_, out)| out).collect())
}

/// Puts one entry into `files/`, durably.
pub(super) fn unpack_one(files: &BlobFiles, objects: &Objects, entry: &Entry) -> Result<()> {
    let scratch = scratch(&files.inner.tmp)?;
    let folder = open_folder(scratch.path())?;
    let path = scratch.path().join("file");
    objects.blob_reader()?.read(entry.id, |bytes| write_file(&folder, "file", bytes, entry.mode).map_err(|error| Error::io("write", &path, error.into())))?;
    let file = fs_err::File::open(&path).map_err(|error| Error::io("open", &path, error))?;
    file.sync_all().map_err(|error| Error::io("make durable", &path, error))?;
    rustix::fs::renameat(&folder, "file", &files.inner.handle, Name::of(entry).bytes())
        .map_err(|error| Error::io("put in place", &files.path(entry), error.into()))
}
