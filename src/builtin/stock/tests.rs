#![allow(clippy::disallowed_methods)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Store;
use crate::error::ErrorKind;
use crate::model::{ElementInfo, InstallInfo, ObjectId, Payload, Version};
use crate::roles::{
    Context, ElementInfoRequest, GcRequest, PinRequest, Repository, SearchRequest, Stock, StockKey, StoreRequest, StoredElement, Versions, VersionsRequest,
};
use crate::sys::git::{NewEntry, NewEntryKind, Objects};
use crate::sys::stockroom::Stockroom;

struct Place {
    folder: tempfile::TempDir,
    store: Store,
    cx: Context,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let room = Stockroom::open(&folder.path().join("stock")).expect("a stock");
        Self { folder, store: Store::new(room), cx: Context::silent() }
    }

    fn archive(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut builder = tar::Builder::new(std::fs::File::create(&path).expect("created"));
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, text.as_bytes()).expect("appended");
        }
        builder.finish().expect("finished");
        path
    }

    fn store(&self, request: &StoreRequest) -> StoredElement {
        self.store.store_element(&self.cx, request).expect("stored")
    }

    fn pin(&self, generation: u64, trees: &[ObjectId]) {
        let request = PinRequest { site: "site-1".into(), generation, tree: trees[0], elements: trees.to_vec() };
        self.store.pin(&self.cx, &request).expect("pinned");
    }

    fn gc(&self) -> crate::roles::GcReport {
        self.store.gc(&self.cx, &GcRequest::default()).expect("tidied")
    }
}

fn request(origin: &str, id: &str, version: &str, payload: Payload) -> StoreRequest {
    let info = ElementInfo { summary: Some(format!("the summary of {id}")), ..ElementInfo::bare(id.parse().expect("an id"), Version::from(version)) };
    let install = InstallInfo { id: info.id.clone(), version: info.version.clone(), digest: None, payload, receipt: None };
    StoreRequest { origin: origin.into(), info, install, expected_tree: None }
}

fn from_archive(path: &Path) -> Payload {
    Payload::Archive { path: path.to_owned(), subdir: None }
}

fn key(request: &StoreRequest) -> StockKey {
    StockKey { origin: request.origin.clone(), id: request.info.id.clone(), version: request.info.version.clone(), digest: String::new() }
}

fn tree(stored: &StoredElement) -> ObjectId {
    match stored.payload {
        Payload::Tree { tree, .. } => tree,
        _ => panic!("the stock gives trees"),
    }
}

#[test]
fn an_archive_is_kept_and_found_again_by_its_identity() {
    let place = Place::new();
    let request = request("https://h/x.tar", "plugins/x", "1.0", from_archive(&place.archive("x.tar", &[("x/lib.php", "<?php")])));
    let stored = place.store(&request);
    assert!(stored.key.digest.starts_with("sha256:"));
    assert_eq!(place.store(&request), stored, "storing again changes nothing");
    assert_eq!(place.store.open(&place.cx, &stored.key).expect("opened"), Some(stored.clone()));
    assert_eq!(place.store.open(&place.cx, &key(&request)).expect("opened"), Some(stored.clone()), "an empty digest takes what is there");
    let other = StockKey { origin: "https://elsewhere/x.tar".into(), ..stored.key.clone() };
    assert_eq!(place.store.open(&place.cx, &other).expect("opened"), None, "another origin is another entry");
    assert_eq!(place.store.list(&place.cx).expect("listed"), [stored.key]);
    assert_eq!(place.store.room.all_archives().expect("listed").len(), 1);
    assert_eq!(std::fs::read_dir(place.store.room.root().join("tmp")).expect("listed").count(), 0);
}

#[test]
fn other_bytes_than_promised_are_refused() {
    let place = Place::new();
    let path = place.archive("x.tar", &[("x/lib.php", "<?php")]);
    let mut promised = request("https://h/x.tar", "plugins/x", "1.0", from_archive(&path));
    promised.install.digest = Some("00".repeat(32).parse().expect("a digest"));
    let refused = |request: &StoreRequest| place.store.store_element(&place.cx, request).expect_err("refused").kind();
    assert_eq!(refused(&promised), ErrorKind::Digest);
    promised.install.digest = None;
    promised.expected_tree = Some(ObjectId::EMPTY_TREE);
    assert_eq!(refused(&promised), ErrorKind::Digest);
    // By hand, a version is put in once.
    let first = request("stock", "plugins/y", "1.0", from_archive(&path));
    let before = place.store(&first);
    let second = request("stock", "plugins/y", "1.0", from_archive(&place.archive("y.tar", &[("x/lib.php", "other")])));
    assert_eq!(refused(&second), ErrorKind::Digest);
    assert_eq!(place.store.open(&place.cx, &key(&first)).expect("opened"), Some(before));
    assert_eq!(place.store.list(&place.cx).expect("listed").len(), 1, "nothing is kept of what was refused");
}

#[test]
fn what_cannot_be_installed_is_not_kept() {
    let place = Place::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    for (files, kind) in [(vec![("x/video.mp4", pointer)], ErrorKind::Unsupported), (vec![("x/a", "a"), ("x/a/b", "b")], ErrorKind::Archive)] {
        let request = request("https://h/x.tar", "plugins/x", "1.0", from_archive(&place.archive("x.tar", &files)));
        assert_eq!(place.store.store_element(&place.cx, &request).expect_err("refused").kind(), kind);
    }
    assert_eq!(place.store.list(&place.cx).expect("listed"), []);
    assert_eq!(place.store.room.all_archives().expect("listed"), []);
}

#[test]
fn only_what_was_put_in_by_hand_is_a_candidate() {
    let place = Place::new();
    let path = place.archive("x.tar", &[("x/lib.php", "<?php")]);
    place.store(&request("https://h/x.tar", "plugins/far", "1.0", from_archive(&path)));
    place.store(&request("stock", "plugins/near", "1.0", from_archive(&path)));
    place.store(&request("stock", "plugins/near", "1.1", from_archive(&path)));
    let versions = |id: &str| place.store.versions(&place.cx, &VersionsRequest { id: id.parse().expect("an id") }).expect("answered");
    assert_eq!(versions("plugins/far"), Versions::Unknown);
    let Versions::Known(entries) = versions("plugins/near") else { panic!("known") };
    assert_eq!(entries.iter().map(|entry| entry.version.as_str()).collect::<Vec<_>>(), ["1.0", "1.1"]);
    let info = |version: &str| ElementInfoRequest { id: "plugins/near".parse().expect("an id"), version: Version::from(version) };
    assert_eq!(place.store.element_info(&place.cx, &info("1.1")).expect("answered"), entries[1].info);
    assert!(!place.store.has_element_info(&place.cx, &info("2")).expect("answered"));
    let hits = place.store.search(&place.cx, &SearchRequest { text: "NEAR".into(), limit: 5 }).expect("answered");
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].version, Some(Version::from("1.1")));
}

#[test]
fn gc_obeys_pins_alone() {
    let place = Place::new();
    let mut stored = Vec::new();
    for name in ["a", "b", "c"] {
        let path = place.archive(&format!("{name}.tar"), &[("x/same", "same"), (&format!("x/{name}"), name)]);
        stored.push(place.store(&request(&format!("https://h/{name}"), &format!("plugins/{name}"), "1", from_archive(&path))));
    }
    let files: Vec<_> = stored.iter().flat_map(|one| place.store.room.objects().files(tree(one)).expect("listed")).map(|file| file.entry).collect();
    place.store.room.files().ensure(&place.cx, place.store.room.objects(), &files).expect("unpacked");
    let composed =
        place.store.room.objects().write_tree(vec![NewEntry { name: "in".into(), kind: NewEntryKind::Folder, id: tree(&stored[0]) }]).expect("written");
    place.pin(1, &[composed, tree(&stored[0])]);
    place.pin(2, &[tree(&stored[1])]);

    let would = place.store.gc(&place.cx, &GcRequest { dry_run: true, max_bytes: None, forget: None }).expect("told");
    assert_eq!(place.store.list(&place.cx).expect("listed").len(), 3, "a rehearsal removes nothing");
    assert!(would.removed.iter().any(|line| line.contains("plugins/c 1")), "{would:?}");
    assert_eq!(would.kept, 2);
    assert!(would.bytes > 0);

    let did = place.gc();
    assert_eq!(did, would);
    assert_eq!(place.store.open(&place.cx, &stored[2].key).expect("opened"), None);
    for one in &stored[..2] {
        assert_eq!(place.store.open(&place.cx, &one.key).expect("opened").as_ref(), Some(one));
        assert!(place.store.room.objects().has_all(tree(one)).expect("looked"));
    }
    assert!(place.store.room.objects().has_all(composed).expect("looked"));
    assert!(!place.store.room.objects().has(tree(&stored[2])));
    assert_eq!(place.store.room.files().list().expect("listed").len(), 3);
    assert_eq!(place.store.room.all_archives().expect("listed").len(), 2);
    assert_eq!(place.gc().removed, Vec::<String>::new(), "a second time there is nothing to do");

    place.store.unpin(&place.cx, "site-1", Some(2)).expect("unpinned");
    place.store.unpin(&place.cx, "site-1", Some(9)).expect("not there, no error");
    place.gc();
    assert_eq!(place.store.list(&place.cx).expect("listed"), [stored[0].key.clone()]);
    place.store.unpin(&place.cx, "site-1", None).expect("unpinned");
    let last = place.gc();
    assert_eq!(last.kept, 0);
    assert_eq!(place.store.room.objects().own().expect("listed").objects, []);
    assert_eq!(place.store.room.files().list().expect("listed"), []);
}

#[test]
fn gc_keeps_what_was_used_last_as_long_as_it_fits() {
    let place = Place::new();
    let noise =
        |seed: u32| (0..40_000_u32).map(|n| char::from(b'!' + ((n.wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 13) % 90) as u8)).collect::<String>();
    let mut stored = Vec::new();
    for (index, name) in ["old", "new"].into_iter().enumerate() {
        let text = noise(index as u32 + 1);
        let path = place.archive(&format!("{name}.tar"), &[("x/noise", &text)]);
        stored.push(place.store(&request(&format!("https://h/{name}"), &format!("plugins/{name}"), "1", from_archive(&path))));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let report = place.store.gc(&place.cx, &GcRequest { dry_run: false, max_bytes: Some(70_000), forget: None }).expect("tidied");
    assert_eq!(report.kept, 1, "{report:?}");
    assert_eq!(place.store.list(&place.cx).expect("listed"), [stored[1].key.clone()]);
    assert!(place.store.room.objects().has_all(tree(&stored[1])).expect("looked"));
}

#[test]
fn sources_go_with_the_last_tree_that_needs_them() {
    let place = Place::new();
    let objects = place.store.room.objects();
    let mut trees = Vec::new();
    for name in ["one", "two", "three"] {
        let source = Objects::open(&place.store.room.sources().join(format!("{name}.git")), Path::new("/nowhere")).expect("a source");
        let blob = source.write_blob(name.as_bytes()).expect("written");
        let entry = NewEntry { name: name.into(), kind: NewEntryKind::File(crate::model::FileMode::Regular), id: blob };
        trees.push((source.write_tree(vec![entry.clone()]).expect("written"), entry));
    }
    objects.refresh().expect("found");
    let payload = Payload::Tree { tree: trees[0].0, commit: Some("1234567890123456789012345678901234567890".parse().expect("an id")) };
    let stored = place.store(&request("https://h/one.git", "plugins/one", "1", payload));
    assert!(stored.key.digest.starts_with("commit:"));
    // A tree of our own (a patched element) whose file only the second source has.
    let patched = objects.write_tree(vec![NewEntry { name: "renamed".into(), ..trees[1].1.clone() }]).expect("written");
    place.pin(1, &[tree(&stored), patched]);
    let pinned = std::process::Command::new("git").arg("-C").arg(place.store.room.sources().join("one.git")).args(["for-each-ref"]).output().expect("git runs");
    assert!(String::from_utf8_lossy(&pinned.stdout).contains("refs/pins/site-1/1"), "a source keeps its own pinned trees");
    let report = place.gc();
    assert_eq!(report.removed, ["1 git source"]);
    let left: Vec<_> = objects.of_sources().expect("listed").iter().map(|source| source.folder.file_name().map(ToOwned::to_owned)).collect();
    assert_eq!(left, [Some("one.git".into()), Some("two.git".into())]);
    assert!(objects.has_all(patched).expect("looked"));
    place.store.unpin(&place.cx, "site-1", None).expect("unpinned");
    place.gc();
    assert_eq!(objects.of_sources().expect("listed").len(), 0);
    assert_eq!(place.store.open(&place.cx, &stored.key).expect("opened"), None);
}

#[test]
fn verify_finds_every_sort_of_damage() {
    let mut place = Place::new();
    let room = place.store.room.clone();
    let mut stored = Vec::new();
    for name in ["a", "b"] {
        let path = place.archive(&format!("{name}.tar"), &[("x/lib.php", &format!("the text of {name}, long enough to be hit").repeat(9))]);
        stored.push(place.store(&request(&format!("https://h/{name}"), &format!("plugins/{name}"), "1", from_archive(&path))));
    }
    let entry = room.objects().files(tree(&stored[0])).expect("listed")[0].entry;
    room.files().ensure(&place.cx, room.objects(), &[entry]).expect("unpacked");
    assert_eq!(place.store.verify(&place.cx).expect("checked"), Vec::<String>::new());

    let flip = |path: &Path, at: usize| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
        let mut bytes = std::fs::read(path).expect("read");
        bytes[at] ^= 0x10;
        std::fs::write(path, bytes).expect("written");
    };
    flip(&room.files().path(&entry), 5);
    let archive = room.all_archives().expect("listed")[0].0;
    flip(&room.archives().join(archive.hex()), 600);
    let own = room.objects().own().expect("listed");
    let hit = own.objects.iter().find(|object| object.id == entry.id).and_then(|object| object.pack).expect("packed");
    flip(&own.packs[hit].with_extension("pack"), 30);

    // As another process: libgit2 keeps an open pack by its name, and a new one of that name will come.
    let again = Store::new(Stockroom::open(room.root()).expect("opened"));
    place.store = again.clone();
    drop(room);
    let told = again.verify(&place.cx).expect("checked").join("\n");
    for word in ["archive ", "unpacked file ", "object ", "plugins/a 1"] {
        assert!(told.contains(word), "`{word}` is missing in\n{told}");
    }
    assert_eq!(again.verify(&place.cx).expect("checked"), Vec::<String>::new(), "what was damaged is out of use");
    assert_eq!(again.open(&place.cx, &stored[0].key).expect("opened"), None);
    assert!(again.open(&place.cx, &stored[1].key).expect("opened").is_some());
    assert!(std::fs::read_dir(again.room.quarantine()).expect("listed").count() >= 4);
    // Stored again it is whole again.
    let path = place.folder.path().join("a.tar");
    let back = again.store_element(&place.cx, &request("https://h/a", "plugins/a", "1", from_archive(&path))).expect("stored");
    assert!(again.room.objects().has_all(tree(&back)).expect("looked"));
}

#[test]
fn a_damaged_entry_is_put_aside() {
    let place = Place::new();
    let stored = place.store(&request("https://h/x", "plugins/x", "1", from_archive(&place.archive("x.tar", &[("x/a", "a")]))));
    let name = super::entry::name(&stored.key);
    place.store.room.write_record(&name, "{\"schema\":\"greffon/stock-entry/1\"").expect("damaged");
    assert_eq!(place.store.open(&place.cx, &stored.key).expect("opened"), None);
    assert_eq!(place.store.room.record(&name).expect("read"), None);
    place.store.room.write_record(&name, "{\"schema\":\"greffon/stock-entry/9\"}").expect("from the future");
    assert_eq!(place.store.open(&place.cx, &stored.key).expect_err("newer").kind(), ErrorKind::Newer);
}

#[test]
fn a_stock_in_use_is_not_tidied() {
    let place = Place::new();
    let _used = place.store.room.lock_shared(&place.cx).expect("locked");
    let error = place.store.room.lock_exclusive_within(&place.cx, std::time::Duration::from_millis(30)).expect_err("in use");
    assert_eq!(error.kind(), ErrorKind::Busy);
}

#[test]
fn the_store_keeps_the_contract_of_its_role() {
    let place = Place::new();
    let first = request("stock", "plugins/first", "1.0", from_archive(&place.archive("first.tar", &[("x/a", "a")])));
    let second = request("https://h/second", "plugins/second", "2.0", from_archive(&place.archive("second.tar", &[("x/b", "b")])));
    let other = request("stock", "plugins/first", "1.0", from_archive(&place.archive("other.tar", &[("x/a", "other")])));
    let refused = request("stock", "plugins/bad", "1.0", from_archive(&place.archive("bad.tar", &[("x/.git/config", "evil")])));
    let root = place.store.room.root().to_owned();
    let reopen = || -> crate::error::Result<Box<dyn Stock>> { Ok(Box::new(Store::new(Stockroom::open(&root)?))) };
    let damage = |stored: &StoredElement| {
        let name = tree(stored).to_string();
        let own = place.store.room.objects().own().expect("listed");
        for pack in &own.packs {
            let path = pack.with_extension("pack");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
            let mut bytes = std::fs::read(&path).expect("read");
            let end = bytes.len() - 20;
            bytes[12..end].fill(0x55);
            std::fs::write(&path, bytes).expect("damaged");
        }
        assert_eq!(name.len(), 40);
    };
    let fixture = crate::roles::conformance::stock::Fixture {
        first,
        second,
        other_bytes: Some(other),
        refused: Some(refused),
        reopen: Some(&reopen),
        damage: Some(&damage),
    };
    crate::roles::conformance::stock::check(&place.store, &place.cx, &fixture).expect("the contract holds");
}
