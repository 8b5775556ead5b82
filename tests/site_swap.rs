//! `deploy = "swap"`: the whole tree at once, with what greffon never installed carried along; and the bare tree that `build` writes.
#![allow(clippy::disallowed_methods)]

mod site_fixture;

use std::os::unix::fs::MetadataExt as _;

use greffon::model::{Deploy, IfLocalChanges, LinkMode, SiteState};
use greffon::roles::Context;
use greffon::site::build;
use site_fixture::{Element, Fixture, disk, expected, with_answer};

const CORE1: Element<'_> = ("core/app", "1", ".", &[("index.php", "one"), ("lib/a.php", "a"), ("bin/run", "#!x"), ("link", "->index.php")]);
const CORE2: Element<'_> = ("core/app", "2", ".", &[("index.php", "two"), ("lib/a.php", "a"), ("bin/run", "#!x"), ("more/b.php", "b")]);

fn swapping() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.wanted.deploy = Deploy::Swap;
    fixture.wanted.shared = vec!["config.php".into(), "uploads".into()];
    fixture
}

#[test]
fn the_whole_tree_is_exchanged_and_shared_paths_come_along() {
    let fixture = swapping();
    fixture.apply(&[CORE1]);
    std::fs::write(fixture.path().join("config.php"), "secret").expect("written");
    std::fs::create_dir_all(fixture.path().join("uploads/2026")).expect("made");
    std::fs::write(fixture.path().join("uploads/2026/cat.png"), "cat").expect("written");
    std::fs::write(fixture.path().join("lib/undeclared"), "still not lost").expect("written");
    let inode = |path: &str| std::fs::metadata(fixture.path().join(path)).expect("there").ino();
    let (root, config, same) = (inode("."), inode("config.php"), inode("lib/a.php"));
    fixture.apply(&[CORE2]);
    assert_ne!(inode("."), root, "another folder stands there");
    assert_eq!((inode("config.php"), inode("lib/a.php")), (config, same));
    let mut wanted = expected(&[CORE2]);
    for (path, text) in
        [("config.php", "secret"), ("uploads", "/"), ("uploads/2026", "/"), ("uploads/2026/cat.png", "cat"), ("lib/undeclared", "still not lost")]
    {
        wanted.insert(path.into(), text.into());
    }
    assert_eq!(fixture.disk(), wanted);
    assert_eq!(std::fs::metadata(fixture.path().join("lib/a.php")).expect("there").nlink(), 1, "the old tree is gone");
    let status = fixture.site().status(&Context::silent(), true).expect("status");
    assert!(status.elements[0].files.iter().all(|file| file.state == greffon::model::FileState::Extra), "{status:?}");
}

#[test]
fn local_changes_count_there_too() {
    let fixture = swapping();
    fixture.apply(&[CORE1]);
    std::fs::write(fixture.path().join("lib/a.php"), "mine").expect("written");
    fixture.site().apply(&Context::silent(), &fixture.request(&[CORE2])).expect_err("a local change");
    fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[CORE2]), IfLocalChanges::Keep)).expect("applied");
    assert_eq!(fixture.disk().get("lib/a.php").map(String::as_str), Some("mine"));
    assert_eq!(fixture.disk().get("index.php").map(String::as_str), Some("two"));
    fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[CORE1]), IfLocalChanges::Save)).expect("applied");
    assert_eq!(fixture.disk(), expected(&[CORE1]));
    assert_eq!(fixture.site().saved().expect("listed").len(), 1);
}

#[test]
fn link_modes_give_the_same_tree() {
    for mode in [LinkMode::Copy, LinkMode::Hardlink, LinkMode::Auto] {
        let mut fixture = Fixture::new();
        fixture.wanted.link_mode = mode;
        fixture.apply(&[CORE1]);
        fixture.apply(&[CORE2]);
        assert_eq!(fixture.disk(), expected(&[CORE2]), "{mode:?}");
        let links = std::fs::metadata(fixture.path().join("index.php")).expect("there").nlink();
        assert_eq!(links > 1, mode == LinkMode::Hardlink, "{mode:?}");
        assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean);
    }
}

#[test]
fn a_built_tree_is_the_same_twice() {
    let fixture = Fixture::new();
    let mut grafts = fixture.grafts(&[CORE1]);
    grafts[0].placement.empty_dirs = vec!["cache".into()];
    let tree = fixture.stockroom.objects().compose(&grafts).expect("composed");
    let to = |name: &str| fixture.folder.path().join(name);
    for name in ["one", "two", "one.tar", "two.tar"] {
        build(&Context::silent(), &fixture.stockroom, tree, &grafts, &to(name)).expect("built");
    }
    let mut wanted = expected(&[CORE1]);
    wanted.insert("cache".into(), "/".into());
    assert_eq!(disk(&to("one")), wanted);
    assert_eq!(disk(&to("one")), disk(&to("two")));
    assert_eq!(std::fs::read(to("one.tar")).expect("read"), std::fs::read(to("two.tar")).expect("read"));
    assert_eq!(std::fs::metadata(to("one/index.php")).expect("there").mtime(), std::fs::metadata(to("two/lib")).expect("there").mtime());
    let unpacked = to("unpacked");
    std::fs::create_dir(&unpacked).expect("made");
    let output = std::process::Command::new("tar").arg("-xf").arg(to("one.tar")).arg("-C").arg(&unpacked).output().expect("tar runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(disk(&unpacked), wanted);
    assert!(build(&Context::silent(), &fixture.stockroom, tree, &grafts, &to("one")).is_err(), "it is not empty");
}
