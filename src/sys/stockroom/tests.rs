#![allow(clippy::disallowed_methods)]

use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::Stockroom;
use crate::error::ErrorKind;
use crate::model::{Entry, FileMode, LinkMode, ObjectId};
use crate::roles::Context;

fn room() -> (tempfile::TempDir, Stockroom) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let room = Stockroom::open(&folder.path().join("stock")).expect("a new stock");
    (folder, room)
}

fn entry(room: &Stockroom, text: &[u8], mode: FileMode) -> Entry {
    Entry { id: room.objects().write_blob(text).expect("written"), mode }
}

fn place(room: &Stockroom, entry: &Entry, folder: &Path, name: &str, mode: LinkMode) -> crate::error::Result<LinkMode> {
    let handle = std::fs::File::open(folder).expect("opened");
    room.files().place(room.objects(), entry, handle.as_fd(), name, mode, super::Permissions::Exactly(0o640))
}

#[test]
fn a_stock_is_made_once_and_opened_again() {
    let (folder, room) = room();
    let id = room.objects().write_blob(b"kept").expect("written");
    drop(room);
    let again = Stockroom::open(&folder.path().join("stock")).expect("opened");
    assert!(again.objects().has(id));
    let mark = folder.path().join("stock/stock.json");
    assert_eq!(std::fs::read_to_string(&mark).expect("read"), "{\"schema\":\"greffon/stock/1\"}\n");
    std::fs::write(&mark, "{\"schema\":\"greffon/stock/2\"}").expect("written");
    assert_eq!(Stockroom::open(&folder.path().join("stock")).expect_err("newer").kind(), ErrorKind::Newer);
    std::fs::write(folder.path().join("mine"), "x").expect("written");
    assert_eq!(Stockroom::open(folder.path()).expect_err("not empty").kind(), ErrorKind::Invalid);
}

#[test]
fn a_folder_that_its_group_shares_stays_shared() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o2770)).expect("shared");
    Stockroom::open(folder.path()).expect("a new stock");
    for name in ["sources", "files/00", "objects.git/objects/ff", "objects.git/objects/pack", "info", "tmp"] {
        let mode = std::fs::metadata(folder.path().join(name)).expect(name).mode();
        assert_eq!(mode & 0o2070, 0o2070, "{name} is {mode:o}");
    }
}

#[test]
fn files_are_unpacked_once_and_placed_in_every_mode() {
    let (folder, room) = room();
    let cx = Context::silent();
    let large: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let entries = [
        entry(&room, b"text", FileMode::Regular),
        entry(&room, b"#!/bin/sh", FileMode::Executable),
        entry(&room, b"", FileMode::Regular),
        entry(&room, &large, FileMode::Regular),
        entry(&room, b"text", FileMode::Symlink),
        entry(&room, b"text", FileMode::Regular),
    ];
    room.files().ensure(&cx, room.objects(), &entries).expect("unpacked");
    assert_eq!(room.files().list().expect("listed").len(), 4);
    assert_eq!(std::fs::metadata(room.files().path(&entries[0])).expect("there").mode() & 0o7777, 0o444);
    assert_eq!(std::fs::metadata(room.files().path(&entries[1])).expect("there").mode() & 0o7777, 0o555);
    assert_eq!(std::fs::read_dir(room.root().join("tmp")).expect("listed").count(), 0, "nothing is left in tmp");
    let site = folder.path().join("site");
    std::fs::create_dir(&site).expect("made");
    assert_eq!(place(&room, &entries[0], &site, "copy", LinkMode::Copy).expect("placed"), LinkMode::Copy);
    assert_eq!(place(&room, &entries[3], &site, "large", LinkMode::Copy).expect("placed"), LinkMode::Copy);
    assert_eq!(place(&room, &entries[2], &site, "empty", LinkMode::Auto).map(|_| ()).expect("placed"), ());
    assert_eq!(place(&room, &entries[1], &site, "link", LinkMode::Hardlink).expect("placed"), LinkMode::Hardlink);
    place(&room, &entries[4], &site, "symlink", LinkMode::Copy).expect("placed");
    assert_eq!(std::fs::read(site.join("copy")).expect("read"), b"text");
    assert_eq!(std::fs::read(site.join("large")).expect("read"), large);
    assert_eq!(std::fs::metadata(site.join("copy")).expect("there").mode() & 0o7777, 0o640, "the umask does not decide");
    assert_eq!(std::fs::metadata(site.join("link")).expect("there").nlink(), 2);
    assert_eq!(std::fs::read_link(site.join("symlink")).expect("a link"), Path::new("text"));
    assert_eq!(place(&room, &entries[0], &site, "copy", LinkMode::Copy).expect_err("taken").kind(), ErrorKind::Io);
    // A named mode that cannot be had is an error, and nothing is left of it.
    if let Err(error) = place(&room, &entries[0], &site, "shared", LinkMode::Reflink) {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!site.join("shared").exists());
        assert!(error.message().contains("shared"), "{error}");
    }
}

#[test]
fn what_was_never_unpacked_is_placed_all_the_same() {
    let (folder, room) = room();
    let entry = entry(&room, b"text", FileMode::Regular);
    place(&room, &entry, folder.path(), "copy", LinkMode::Copy).expect("placed");
    place(&room, &entry, folder.path(), "link", LinkMode::Hardlink).expect("placed");
    assert_eq!(std::fs::read(folder.path().join("copy")).expect("read"), b"text");
    assert_eq!(std::fs::read(folder.path().join("link")).expect("read"), b"text");
}

/// Flips one bit, in every place of every file in turn: no copy may ever carry it.
#[test]
fn a_flipped_bit_is_found_before_it_is_used() {
    let (folder, room) = room();
    let entry = entry(&room, b"a short file", FileMode::Regular);
    let path = room.files().path(&entry);
    for bit in 0..b"a short file".len() * 8 {
        room.files().ensure(&Context::silent(), room.objects(), &[entry]).expect("unpacked");
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
        std::fs::write(&path, &bytes).expect("damaged");
        let name = format!("copy{bit}");
        place(&room, &entry, folder.path(), &name, LinkMode::Copy).expect("placed");
        assert_eq!(std::fs::read(folder.path().join(&name)).expect("read"), b"a short file");
        assert!(!path.exists(), "the damaged file is out of use");
    }
    room.files().ensure(&Context::silent(), room.objects(), &[entry]).expect("unpacked");
    assert!(room.files().verify(&entry).expect("hashed"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
    std::fs::write(&path, "").expect("cut");
    assert!(!room.files().verify(&entry).expect("hashed"), "an empty file is not trusted");
}

#[test]
fn an_interrupted_unpacking_leaves_nothing() {
    let (_folder, room) = room();
    let entry = entry(&room, b"text", FileMode::Regular);
    let cx = Context::silent();
    cx.cancel().set();
    assert_eq!(room.files().ensure(&cx, room.objects(), &[entry]).expect_err("stopped").kind(), ErrorKind::Interrupted);
    let missing = Entry { id: "1234567890123456789012345678901234567890".parse::<ObjectId>().expect("an id"), mode: FileMode::Regular };
    assert_eq!(room.files().ensure(&Context::silent(), room.objects(), &[entry, missing]).expect_err("not there").kind(), ErrorKind::Git);
    assert_eq!(room.files().list().expect("listed"), []);
}

#[test]
fn shared_locks_keep_an_exclusive_one_out() {
    let (_folder, room) = room();
    let cx = Context::silent();
    let shared = room.lock_shared(&cx).expect("locked");
    let _also = room.lock_shared(&cx).expect("locked");
    let soon = cx.with_deadline(std::time::Instant::now() + std::time::Duration::from_millis(40));
    assert!(room.lock_exclusive(&soon).is_err());
    drop(shared);
}

#[test]
fn many_who_open_a_new_stock_at_once_agree_on_it() {
    for _ in 0..4 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("stock");
        let ids: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..8_u8)
                .map(|number| {
                    let root = &root;
                    scope.spawn(move || Stockroom::open(root).and_then(|room| room.objects().write_blob(&[number])))
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().expect("no panic").expect("opened")).collect()
        });
        let opened = Stockroom::open(&root).expect("opened");
        assert!(ids.iter().all(|id| opened.objects().has(*id)));
    }
}

#[test]
fn a_stock_on_a_read_only_disk_can_be_read() {
    let (folder, room) = room();
    let text = entry(&room, b"text", FileMode::Regular);
    room.files().ensure(&Context::silent(), room.objects(), &[text]).expect("unpacked");
    let before = newest(room.root());
    drop(room);
    let again = Stockroom::open(&folder.path().join("stock")).expect("opened");
    again.files().ensure(&Context::silent(), again.objects(), &[text]).expect("nothing to do");
    let _lock = again.lock_shared(&Context::silent()).expect("locked");
    assert_eq!(newest(again.root()), before, "opening and reading writes nothing");
}

fn newest(folder: &Path) -> Vec<(std::path::PathBuf, i64, i64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("listed").flatten() {
        let metadata = entry.metadata().expect("there");
        found.push((entry.path(), metadata.ctime(), metadata.ctime_nsec()));
        if metadata.is_dir() {
            found.extend(newest(&entry.path()));
        }
    }
    found.sort();
    found
}
