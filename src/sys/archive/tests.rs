#![allow(clippy::disallowed_methods)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Imported, Limits, import, import_directory};
use crate::error::{ErrorKind, Result};
use crate::model::FileMode;
use crate::roles::Context;
use crate::sys::stockroom::Stockroom;

struct Place {
    folder: tempfile::TempDir,
    room: Stockroom,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let room = Stockroom::open(&folder.path().join("stock")).expect("a stock");
        Self { folder, room }
    }
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        path
    }
    fn import(&self, path: &Path, subdir: Option<&str>) -> Result<Imported> {
        import(&Context::silent(), path, subdir, self.room.objects(), &Limits::default())
    }
    fn paths(&self, imported: &Imported) -> Vec<String> {
        self.room.objects().files(imported.tree).expect("listed").into_iter().map(|file| file.path).collect()
    }
}

fn tar(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes, mode) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        builder.append_data(&mut header, path, *bytes).expect("appended");
    }
    builder.into_inner().expect("finished")
}

const ENTRIES: [(&str, &[u8], u32); 3] = [("top/a.php", b"<?php", 0o644), ("top/bin/run", b"#!", 0o4775), ("top/sub/deep/b", b"b", 0o666)];

#[test]
fn every_packing_gives_the_same_tree() {
    let place = Place::new();
    let plain = tar(&ENTRIES);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).expect("packed");
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
    xz.write_all(&plain).expect("packed");
    let zstd = zstd::encode_all(plain.as_slice(), 3).expect("packed");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, bytes, mode) in ENTRIES {
        zip.start_file(path, zip::write::SimpleFileOptions::default().unix_permissions(mode)).expect("begun");
        zip.write_all(bytes).expect("packed");
    }
    let zip = zip.finish().expect("finished").into_inner();
    let first = place.import(&place.file("plain", &plain), None).expect("imported");
    assert_eq!((first.top.as_deref(), first.files), (Some("top"), 3));
    for (name, bytes) in [("gz", gzip.finish().expect("packed")), ("xz", xz.finish().expect("packed")), ("zst", zstd), ("zip", zip)] {
        assert_eq!(place.import(&place.file(name, &bytes), None).expect(name), first, "{name}");
    }
    let files = place.room.objects().files(first.tree).expect("listed");
    let modes: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.entry.mode)).collect();
    assert_eq!(modes, [("a.php", FileMode::Regular), ("bin/run", FileMode::Executable), ("sub/deep/b", FileMode::Regular)]);
    let fsck = Command::new("git").arg("-C").arg(place.room.objects().directory()).args(["fsck", "--strict", "--full"]).output().expect("git runs");
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
}

#[test]
fn the_element_is_the_folder_that_was_asked_for() {
    let place = Place::new();
    let path = place.file("a.tar", &tar(&ENTRIES));
    let sub = place.import(&path, Some("sub")).expect("below the top folder");
    assert_eq!((place.paths(&sub), sub.top.as_deref()), (vec![String::from("deep/b")], Some("top")));
    assert_eq!(place.import(&path, Some("top/sub")).expect("from the root").tree, sub.tree);
    let error = place.import(&path, Some("nothing")).expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hints()[0].contains("`top`"));
    let flat = place.import(&place.file("flat.tar", &tar(&[("a", b"a", 0o644), ("b/c", b"c", 0o644)])), None).expect("imported");
    assert_eq!((place.paths(&flat), flat.top), (vec![String::from("a"), String::from("b/c")], None));
}

#[test]
fn limits_count_what_comes_out() {
    let place = Place::new();
    let path = place.file("a.tar", &tar(&[("a", &[1; 3000], 0o644), ("b", &[2; 3000], 0o644)]));
    let tight = |limits: Limits| import(&Context::silent(), &path, None, place.room.objects(), &limits).map_err(|error| error.message().to_owned());
    for (limits, word) in [
        (Limits { entries: 1, ..Limits::default() }, "more than 1 entries"),
        (Limits { file: 2999, ..Limits::default() }, "`a` unpacks to more than 2999 bytes"),
        (Limits { total: 5999, ..Limits::default() }, "it unpacks to more than 5999 bytes"),
    ] {
        let message = tight(limits).expect_err(word);
        assert!(message.contains(word), "{message}");
    }
    assert!(tight(Limits { file: 3000, total: 6000, entries: 2, ..Limits::default() }).is_ok());
    assert_eq!(std::fs::read_dir(place.room.objects().directory().join("objects/pack")).expect("listed").count(), 2, "one pack, nothing of the others");
}

#[test]
fn a_large_file_goes_through_the_disk() {
    let place = Place::new();
    let large: Vec<u8> = (0..10_000_000_u32).map(|n| (n / 7 % 256) as u8).collect();
    let imported = place.import(&place.file("a.tar", &tar(&[("a", &large, 0o644), ("b", &large, 0o644), ("c", b"c", 0o644)])), None).expect("imported");
    let files = place.room.objects().files(imported.tree).expect("listed");
    assert_eq!(files[0].entry, files[1].entry);
    assert_eq!(place.room.objects().blob(files[1].entry.id).expect("read"), large);
    let fsck = Command::new("git").arg("-C").arg(place.room.objects().directory()).args(["fsck", "--strict"]).output().expect("git runs");
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
}

#[test]
fn a_folder_is_what_git_tracks_of_it() {
    let place = Place::new();
    let work = place.folder.path().join("work");
    place.file("work/.gitignore", b"ignored\n");
    place.file("work/plugin/lib.php", b"<?php");
    place.file("work/plugin/untracked", b"u");
    place.file("work/plugin/gone", b"g");
    // What git would run or change if its configuration were obeyed.
    let run = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&work).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["init", "-q"]);
    run(&["add", ".gitignore", "plugin/lib.php", "plugin/gone"]);
    std::fs::remove_file(work.join("plugin/gone")).expect("removed");
    run(&["config", "core.autocrlf", "true"]);
    run(&["config", "core.fsmonitor", "touch pwned"]);
    let whole = import_directory(&Context::silent(), &work, place.room.objects(), &Limits::default()).expect("imported");
    assert_eq!(place.paths(&whole), [".gitignore", "plugin/lib.php"]);
    let part = import_directory(&Context::silent(), &work.join("plugin"), place.room.objects(), &Limits::default()).expect("imported");
    assert_eq!(place.paths(&part), ["lib.php"]);
    assert!(!work.join("pwned").exists());
    let packs = || std::fs::read_dir(place.room.objects().directory().join("objects/pack")).expect("listed").count();
    let before = packs();
    let again = import_directory(&Context::silent(), &work, place.room.objects(), &Limits::default()).expect("imported");
    assert_eq!((again, packs()), (whole, before), "nothing is written for what is there");
}

#[test]
fn a_folder_without_git_is_all_of_it() {
    let place = Place::new();
    place.file("plain/a", b"a");
    place.file("plain/b/c", b"c");
    std::os::unix::fs::symlink("b/c", place.folder.path().join("plain/link")).expect("linked");
    let plain = place.folder.path().join("plain");
    let take = || import_directory(&Context::silent(), &plain, place.room.objects(), &Limits::default());
    assert_eq!(place.paths(&take().expect("imported")), ["a", "b/c", "link"]);
    std::os::unix::fs::symlink("../../outside", plain.join("b/out")).expect("linked");
    let error = take().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.message().contains("`b/out`"), "{error}");
    let error = import_directory(&Context::silent(), &place.folder.path().join("none"), place.room.objects(), &Limits::default()).expect_err("not there");
    assert!(error.message().contains("none"), "{error}");
}
