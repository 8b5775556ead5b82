//! Apply: trees onto an empty path, over each other, beside what greffon never installed.
#![allow(clippy::disallowed_methods)]

mod site_fixture;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use greffon::error::ErrorKind;
use greffon::model::{FileCounts, SiteState};
use greffon::roles::Context;
use greffon::site::{Hold, Presence};
use site_fixture::{Element, Fixture, expected};

const CORE: Element<'_> =
    ("core/app", "1", ".", &[("index.php", "one"), ("lib/a.php", "a"), ("lib/b.php", "b"), ("bin/run", "#!/bin/sh"), ("link", "->index.php")]);
const X1: Element<'_> = ("plugins/x", "1", "plugins/x", &[("x.php", "x1"), ("same.php", "same"), ("old/gone.php", "gone")]);
const X2: Element<'_> = ("plugins/x", "2", "plugins/x", &[("x.php", "x2"), ("same.php", "same"), ("new/here.php", "here")]);
const Y: Element<'_> = ("plugins/y", "1", "plugins/y", &[("y.php", "y1")]);

#[test]
fn an_empty_path_is_filled_and_a_second_run_changes_nothing() {
    let fixture = Fixture::new();
    assert_eq!(fixture.site().presence().expect("seen"), Presence::Absent);
    let applied = fixture.apply(&[CORE, X1]);
    assert_eq!((applied.generation, applied.files), (1, FileCounts { add: 8, change: 0, remove: 0 }));
    assert_eq!(fixture.disk(), expected(&[CORE, X1]));
    assert_eq!(fixture.site().presence().expect("seen"), Presence::Known);
    assert_eq!(std::fs::metadata(fixture.state()).expect("there").permissions().mode() & 0o7777, 0o700);

    let before = std::fs::metadata(fixture.state().join("index")).expect("there").mtime_nsec();
    let again = fixture.apply(&[CORE, X1]);
    assert_eq!((again.generation, again.files), (1, FileCounts::default()));
    assert_eq!(std::fs::metadata(fixture.state().join("index")).expect("there").mtime_nsec(), before, "nothing to do writes nothing");
    let status = fixture.site().status(&Context::silent(), false).expect("status");
    assert_eq!((status.state, status.generation), (SiteState::Clean, Some(1)));
    assert!(fixture.site().id().expect("readable").is_some());
}

#[test]
fn an_empty_folder_keeps_its_mode() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path()).expect("made");
    std::fs::set_permissions(fixture.path(), std::fs::Permissions::from_mode(0o710)).expect("set");
    fixture.apply(&[CORE]);
    assert_eq!(fixture.disk(), expected(&[CORE]));
    assert_eq!(std::fs::metadata(fixture.path()).expect("there").permissions().mode() & 0o7777, 0o710);
}

#[test]
fn an_update_adds_changes_and_removes_and_leaves_the_rest_as_it_was() {
    let fixture = Fixture::new();
    fixture.apply(&[CORE, X1, Y]);
    let witness = |name: &str| {
        let found = std::fs::metadata(fixture.path().join(name)).expect("there");
        (found.ino(), found.mtime(), found.mtime_nsec())
    };
    let (same, index) = (witness("plugins/x/same.php"), witness("index.php"));
    let applied = fixture.apply(&[CORE, X2]);
    assert_eq!((applied.generation, applied.files), (2, FileCounts { add: 1, change: 1, remove: 2 }));
    assert_eq!(fixture.disk(), expected(&[CORE, X2]), "empty folders of ours are gone too");
    assert_eq!((witness("plugins/x/same.php"), witness("index.php")), (same, index), "unchanged files keep inode and time");
    let status = fixture.site().status(&Context::silent(), false).expect("status");
    assert_eq!(status.state, SiteState::Clean, "{status:?}");
    assert_eq!(fixture.site().status(&Context::silent(), true).expect("status").state, SiteState::Clean);
    assert_eq!(std::fs::read_dir(fixture.state().join("stage")).expect("there").count(), 0, "the stage is empty");

    let back = fixture.apply(&[CORE, X1, Y]);
    assert_eq!(back.generation, 3);
    assert_eq!(fixture.disk(), expected(&[CORE, X1, Y]));
}

#[test]
fn files_and_folders_trade_places() {
    let fixture = Fixture::new();
    let one: Element<'_> = ("core/app", "1", ".", &[("a", "file"), ("b/c", "in a folder"), ("b/d/e", "deep"), ("k", "->a")]);
    let two: Element<'_> = ("core/app", "2", ".", &[("a/now", "a folder"), ("b", "a file"), ("k", "no link")]);
    fixture.apply(&[one]);
    fixture.apply(&[two]);
    assert_eq!(fixture.disk(), expected(&[two]));
    fixture.apply(&[one]);
    assert_eq!(fixture.disk(), expected(&[one]));
}

#[test]
fn what_greffon_never_installed_stays() {
    let fixture = Fixture::new();
    fixture.apply(&[CORE, X1, Y]);
    let foreign = [("config.php", "secret"), ("plugins/x/old/mine.txt", "mine"), ("plugins/y/cache/1", "cached"), ("data/deep/file", "data")];
    for (path, text) in foreign {
        let path = fixture.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    fixture.apply(&[CORE, X2]);
    let disk = fixture.disk();
    for (path, text) in foreign {
        assert_eq!(disk.get(path).map(String::as_str), Some(text), "{path}");
    }
    assert!(!disk.contains_key("plugins/y/y.php") && !disk.contains_key("plugins/x/old/gone.php"));
    assert_eq!(disk.get("plugins/x/x.php").map(String::as_str), Some("x2"));
}

#[test]
fn a_nested_element_survives_its_hosts_replacement() {
    let fixture = Fixture::new();
    let nested: Element<'_> = ("plugins/n", "1", "plugins/x/sub/n", &[("n.php", "n")]);
    fixture.apply(&[CORE, X1, nested]);
    let inode = std::fs::metadata(fixture.path().join("plugins/x/sub/n/n.php")).expect("there").ino();
    fixture.apply(&[CORE, X2, nested]);
    assert_eq!(fixture.disk(), expected(&[CORE, X2, nested]));
    assert_eq!(std::fs::metadata(fixture.path().join("plugins/x/sub/n/n.php")).expect("there").ino(), inode);
    fixture.apply(&[CORE, X2]);
    assert_eq!(fixture.disk(), expected(&[CORE, X2]));
}

#[test]
fn a_foreign_file_in_the_way_stops_everything() {
    let fixture = Fixture::new();
    fixture.apply(&[CORE]);
    std::fs::create_dir_all(fixture.path().join("plugins/x")).expect("made");
    std::fs::write(fixture.path().join("plugins/x/x.php"), "theirs").expect("written");
    let before = fixture.disk();
    let error = fixture.site().apply(&Context::silent(), &fixture.request(&[CORE, X1])).expect_err("in the way");
    assert_eq!(error.kind(), ErrorKind::Site);
    assert!(error.notes().iter().any(|note| note.contains("plugins/x/x.php")), "{error:?}");
    assert_eq!(fixture.disk(), before);
}

#[test]
fn first_contact_with_a_folder_full_of_files_is_an_error() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path()).expect("made");
    std::fs::write(fixture.path().join("index.php"), "one").expect("written");
    assert_eq!(fixture.site().presence().expect("seen"), Presence::Foreign);
    let error = fixture.site().apply(&Context::silent(), &fixture.request(&[CORE])).expect_err("foreign");
    assert_eq!(error.kind(), ErrorKind::Site);
    assert!(error.hints().iter().any(|hint| hint.contains("empty folder")));
    assert!(!fixture.state().exists(), "not even a state was made");
}

#[test]
fn a_path_that_is_not_there_wants_to_be_named() {
    let fixture = Fixture::new();
    let mut request = fixture.request(&[CORE]);
    request.create = false;
    assert_eq!(fixture.site().apply(&Context::silent(), &request).expect_err("not asked for").kind(), ErrorKind::Site);
    assert!(!fixture.path().exists());
}

#[test]
fn protected_paths_and_empty_folders_are_as_the_placement_says() {
    let fixture = Fixture::new();
    let mut grafts = fixture.grafts(&[CORE, X1]);
    grafts[0].placement.protect = vec!["lib/b.php".into(), "local/".into()];
    grafts[0].placement.empty_dirs = vec!["cache/deep".into()];
    let request = fixture.request_of(grafts);
    fixture.site().apply(&Context::silent(), &request).expect("applied");
    assert!(!fixture.path().join("lib/b.php").exists(), "a protected path is never written");
    assert!(fixture.path().join("cache/deep").is_dir());
    std::fs::write(fixture.path().join("lib/b.php"), "the owner's").expect("written");
    std::fs::create_dir(fixture.path().join("local")).expect("made");
    std::fs::write(fixture.path().join("local/x"), "the owner's").expect("written");
    std::fs::write(fixture.path().join("cache/deep/y"), "the application's").expect("written");
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean);
    assert_eq!(fixture.site().apply(&Context::silent(), &request).expect("applied").generation, 1);
    std::fs::remove_dir_all(fixture.path().join("cache")).expect("removed");
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Drift);
    fixture.site().apply(&Context::silent(), &request).expect("applied");
    assert!(fixture.path().join("cache/deep").is_dir());
    fixture.apply(&[X2]);
    assert_eq!(std::fs::read_to_string(fixture.path().join("lib/b.php")).expect("there"), "the owner's");
}

#[test]
fn generations_are_plain_git_and_can_be_marked_pruned_and_packed() {
    let fixture = Fixture::new();
    for elements in [&[CORE, X1][..], &[CORE, X2], &[CORE, X1], &[CORE, X2, Y]] {
        fixture.apply(elements);
    }
    let site = fixture.site();
    let generations = site.generations().expect("listed");
    assert_eq!(generations.iter().map(|generation| generation.number).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(generations[0].grafts.len(), 3);
    assert_eq!(generations[0].message, "Change");
    assert_eq!(generations[0].manifest, "# manifest\n");
    site.mark(2, "before-upgrade").expect("marked");
    assert!(site.mark(9, "none").is_err_and(|error| error.kind() == ErrorKind::NotFound));
    assert!(site.mark(2, "a..b").is_err());
    let dropped = site.prune(&Context::silent(), 1).expect("pruned");
    assert_eq!(dropped, [3, 1]);
    let left = site.generations().expect("listed");
    assert_eq!(left.iter().map(|generation| (generation.number, generation.mark.as_deref())).collect::<Vec<_>>(), [(4, None), (2, Some("before-upgrade"))]);
    assert_eq!(left[1].tree, generations[2].tree);
    site.pack(&Context::silent()).expect("packed");

    std::fs::remove_dir_all(fixture.folder.path().join("stock/objects.git/objects")).expect("the stock is lost");
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("--git-dir").arg(fixture.state().join("history.git")).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(git(&["show", "before-upgrade:site/plugins/x/x.php"]), "x2");
    assert_eq!(git(&["log", "--format=%s", "main"]).lines().count(), 2);
    git(&["fsck", "--full"]);
}

#[test]
fn a_hold_is_kept_until_it_is_released() {
    let fixture = Fixture::new();
    fixture.apply(&[CORE, X1]);
    fixture.apply(&[CORE, X2]);
    let mut rollback = fixture.request(&[CORE, X1]);
    rollback.hold = Some(Hold { generation: 1, reason: "it broke".into() });
    assert_eq!(fixture.site().apply(&Context::silent(), &rollback).expect("rolled back").generation, 3);
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Held);
    let mut request = fixture.request(&[CORE, X2]);
    assert_eq!(fixture.site().apply(&Context::silent(), &request).expect_err("held").kind(), ErrorKind::Pending);
    assert_eq!(fixture.disk(), expected(&[CORE, X1]));
    request.release = true;
    assert_eq!(fixture.site().apply(&Context::silent(), &request).expect("released").generation, 4);
    assert_eq!(fixture.site().held().expect("readable"), None);
}

#[test]
fn forgetting_leaves_the_files() {
    let fixture = Fixture::new();
    fixture.apply(&[CORE]);
    let id = fixture.site().id().expect("readable");
    assert_eq!(fixture.site().forget(&Context::silent()).expect("forgotten"), id);
    assert!(!fixture.state().exists());
    assert_eq!(fixture.disk(), expected(&[CORE]));
}

#[test]
fn a_lost_index_is_made_again() {
    let fixture = Fixture::new();
    fixture.apply(&[CORE, X1]);
    std::fs::write(fixture.state().join("index"), "rubbish").expect("written");
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean);
    fixture.apply(&[CORE, X2]);
    assert_eq!(fixture.disk(), expected(&[CORE, X2]));
}

#[test]
fn names_that_are_not_utf8_stay_and_stop_nothing() {
    use std::os::unix::ffi::OsStrExt as _;
    let fixture = Fixture::new();
    fixture.apply(&[CORE, X1]);
    let odd = fixture.path().join("plugins/x").join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    std::fs::write(&odd, "kept").expect("written");
    fixture.apply(&[CORE, X2]);
    assert_eq!(std::fs::read_to_string(&odd).expect("there"), "kept");
    assert_eq!(std::fs::read_to_string(fixture.path().join("plugins/x/x.php")).expect("there"), "x2");
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Drift);
    fixture.apply(&[CORE]);
    assert_eq!(std::fs::read_to_string(&odd).expect("there"), "kept");
}
