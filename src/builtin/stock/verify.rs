//! Checking every byte of the stock. What is damaged goes to `quarantine/`, and whatever needs it is fetched again.

use super::Store;
use super::entry::Record;
use crate::error::{ErrorKind, Result};
use crate::roles::{Context, Event, Unit};
use crate::sys::archive::{self, Limits};
use crate::sys::git::OwnObjects;

const TASK: &str = "verify the stock";

pub(super) fn verify(store: &Store, cx: &Context) -> Result<Vec<String>> {
    // Whatever is put aside must not be in use.
    let _lock = store.room.lock_exclusive_within(cx, std::time::Duration::from_secs(10))?;
    cx.emit(Event::Started { task: TASK.into(), total: None, unit: Unit::Items });
    let result = check(store, cx);
    cx.emit(Event::Finished { task: TASK.into() });
    result
}

fn check(store: &Store, cx: &Context) -> Result<Vec<String>> {
    let room = &store.room;
    let objects = room.objects();
    objects.refresh()?;
    let mut told = Vec::new();
    if objects.restore_shell()? {
        told.push("the settings of the object database".to_owned());
    }
    for (archive, _) in room.all_archives()? {
        if !room.verify_archive(cx, archive)? {
            told.push(format!("archive {}", archive.hex()));
        }
    }
    let mut checked = 0;
    for (entry, _) in room.files().list()? {
        checked += 1;
        if checked % 256 == 0 {
            cx.check()?;
            cx.emit(Event::Advanced { task: TASK.into(), done: checked, total: None });
        }
        if !room.files().verify(&entry)? {
            told.push(format!("unpacked file {}", entry.id));
        }
    }
    for source in objects.of_sources()? {
        if let Some(what) = damage_of(&source, cx)? {
            // Its fetched refs lead to what is damaged: only a fresh copy of the whole is sound.
            let name = source.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            told.push(format!("git source {name}: {what}"));
            room.put_aside(&source.folder, &format!("source-{name}"))?;
            objects.refresh()?;
        }
    }
    let own = objects.own()?;
    let damaged = own.damaged(cx)?;
    if !damaged.is_empty() || !own.unreadable.is_empty() {
        told.extend(damaged.iter().map(|object| format!("object {}", object.id)));
        told.extend(own.unreadable.iter().map(|pack| format!("pack {}", pack.file_name().unwrap_or_default().to_string_lossy())));
        objects.put_damaged_aside(&own, &damaged, &room.quarantine())?;
    }
    entries(store, cx, &mut told)?;
    Ok(told)
}

/// Makes an entry whole again from the archive that it came from, where that is here and sound.
fn from_archive(store: &Store, cx: &Context, record: &Record) -> bool {
    let room = &store.room;
    let Some(path) = record.archive.map(|digest| room.archives().join(digest.hex())).filter(|path| path.is_file()) else { return false };
    // What the entry is may be a folder of it, which comes along with the whole.
    let imported = archive::import(cx, &path, None, room.objects(), &Limits::default());
    imported.is_ok() && room.objects().has_all(record.tree).unwrap_or(false)
}

/// What is wrong with a source, in words.
fn damage_of(source: &OwnObjects, cx: &Context) -> Result<Option<String>> {
    if !source.unreadable.is_empty() {
        return Ok(Some(format!("the indexes of {} of its packs", source.unreadable.len())));
    }
    let damaged = match source.damaged(cx) {
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        // Its `HEAD` or `config`.
        Err(error) => return Ok(Some(error.to_string())),
        Ok(damaged) => damaged,
    };
    Ok(damaged.first().map(|first| format!("{} of its {} objects, {} the first", damaged.len(), source.objects.len(), first.id)))
}

/// Entries that cannot be read, or whose files are no longer all there.
fn entries(store: &Store, cx: &Context, told: &mut Vec<String>) -> Result<()> {
    let room = &store.room;
    for (name, _) in room.all_records()? {
        cx.check()?;
        let Some(text) = room.record(&name)? else { continue };
        let Some(record) = Record::read(&text, &name)? else {
            told.push(format!("entry {}/{}", name.group, name.name));
            room.put_record_aside(&name)?;
            continue;
        };
        // What was damaged and put aside is missing now.
        let whole = room.objects().has_all(record.tree)? || from_archive(store, cx, &record);
        if !whole {
            told.push(record.shown());
            room.put_record_aside(&name)?;
        }
    }
    Ok(())
}
