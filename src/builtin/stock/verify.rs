//! Checking every byte of the stock. What is damaged goes to `quarantine/`, and whatever needs it is fetched again.

use super::Store;
use super::entry::Record;
use crate::error::Result;
use crate::roles::{Context, Event, Unit};

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
        let damaged = source.damaged(cx)?;
        if let Some(first) = damaged.first() {
            // Its fetched refs lead to what is damaged: only a fresh copy of the whole is sound.
            let name = source.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            told.push(format!("git source {name}: {} of its {} objects, {} the first", damaged.len(), source.objects.len(), first.id));
            room.put_aside(&source.folder, &format!("source-{name}"))?;
            objects.refresh()?;
        }
    }
    let own = objects.own()?;
    let damaged = own.damaged(cx)?;
    if !damaged.is_empty() {
        told.extend(damaged.iter().map(|object| format!("object {}", object.id)));
        objects.put_damaged_aside(&own, &damaged, &room.quarantine())?;
    }
    entries(store, cx, &mut told)?;
    Ok(told)
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
        let whole = room.objects().has_all(record.tree)?;
        if !whole {
            told.push(record.shown());
            room.put_record_aside(&name)?;
        }
    }
    Ok(())
}
