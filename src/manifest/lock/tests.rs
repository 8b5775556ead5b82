//! Lockfiles: what is written is read back, whatever order and merges do to it.

use std::path::Path;

use proptest::prelude::*;

use super::facts::tidy;
use super::{gitattributes, parse_lock, read_lock, write_lock};
use crate::diagnostic::render;
use crate::error::ErrorKind;
use crate::model::{ElementId, Lock, LockKey, LockedElement, Pin, Requirement, Version};

fn read(text: &str) -> super::LockReading {
    read_lock(Path::new("greffon.lock"), text).unwrap_or_else(|error| panic!("{}\n{text}", render(&error, false, 100)))
}

fn fails(text: &str) -> String {
    render(&read_lock(Path::new("greffon.lock"), text).expect_err("must fail"), false, 100)
}

fn key(id: &str, version: &str, discriminator: &str) -> LockKey {
    LockKey { id: id.parse().expect("an id"), pin: Pin { version: Version::new(version), discriminator: discriminator.to_owned() } }
}

fn element(url: &str) -> LockedElement {
    LockedElement { url: Some(url.to_owned()), ..LockedElement::default() }
}

fn sample() -> Lock {
    let mut lock = Lock::default();
    let core = LockedElement {
        repository: Some("ours".to_owned()),
        git: Some("https://git.example.org/moodle.git".to_owned()),
        reference: Some("refs/tags/v4.5.6".to_owned()),
        commit: Some("aa".repeat(20).parse().expect("a commit")),
        tree: Some("bb".repeat(20).parse().expect("a tree")),
        dependencies: [("plugins/x".parse().expect("an id"), Requirement::new("2.4+"))].into_iter().collect(),
        optional: [("pdf".to_owned(), [("plugins/pdf".parse().expect("an id"), Requirement::any())].into_iter().collect())].into_iter().collect(),
        submodules: true,
        receipt: Some("order 1\nseat 2".to_owned()),
        ..LockedElement::default()
    };
    lock.elements.insert(key("core/moodle", "4.5.6", ""), core.clone());
    lock.elements.insert(key("core/moodle", "4.5.6", "a1b2c3d"), element("https://h/m.zip"));
    lock.elements.insert(key("plugins/komin/base", "1.0", ""), element("https://h/b.zip"));
    lock.shared.insert("core/moodle".parse().expect("an id"), key("core/moodle", "4.5.6", "").pin);
    lock.sites.entry("prod.one".to_owned()).or_default().insert("core/moodle".parse().expect("an id"), key("core/moodle", "4.5.6", "a1b2c3d").pin);
    lock.extensions.insert("edd".to_owned(), "sha256:00".to_owned());
    lock
}

#[test]
fn what_a_lockfile_looks_like() {
    assert_eq!(
        write_lock(&sample()),
        format!(
            "# Written by greffon, line by line so that branches merge. Change it with `greffon lock` and `greffon update`.\nschema = 1\n\n[elements]\n\
             \"core/moodle@4.5.6\" = {{ repository = \"ours\", git = \"https://git.example.org/moodle.git\", ref = \"refs/tags/v4.5.6\", \
             commit = \"{}\", submodules = true, tree = \"{}\", dependencies = {{ \"plugins/x\" = \"2.4+\" }}, \
             optional = {{ pdf = {{ \"plugins/pdf\" = \"*\" }} }}, receipt = \"order 1\\nseat 2\" }}\n\
             \"core/moodle@4.5.6!a1b2c3d\" = {{ url = \"https://h/m.zip\" }}\n\"plugins/komin/base@1.0\" = {{ url = \"https://h/b.zip\" }}\n\
             \n[shared]\n\"core/moodle\" = \"4.5.6\"\n\n[sites]\n\"prod.one\".\"core/moodle\" = \"4.5.6!a1b2c3d\"\n\n[extensions]\nedd = {{ hash = \"sha256:00\" }}\n",
            "aa".repeat(20),
            "bb".repeat(20)
        )
    );
    let reading = read(&write_lock(&sample()));
    assert_eq!((reading.lock, reading.markers), (sample(), false));
    assert_eq!(reading.conflicts, Vec::<String>::new());
    assert!(toml::Table::from_str_or_panic(&write_lock(&sample())).contains_key("elements"), "it is TOML, too");
}

trait FromStrOrPanic {
    fn from_str_or_panic(text: &str) -> Self;
}
impl FromStrOrPanic for toml::Table {
    fn from_str_or_panic(text: &str) -> Self {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }
}

#[test]
fn order_duplicates_headers_and_line_ends_do_not_matter() {
    let text = write_lock(&sample());
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    let reversed = format!("\u{feff}{}\r\n{}", lines.join("\r\n"), text);
    let reading = read(&reversed);
    assert_eq!((reading.lock, reading.conflicts.len(), reading.markers), (sample(), 0, false));
}

#[test]
fn two_branches_that_moved_the_same_element_are_in_conflict_about_it_alone() {
    let text = "schema = 1\n[elements]\n\"p/a@1\" = { url = \"u\" }\n\"p/b@1\" = { url = \"u\" }\n\"p/b@2\" = { url = \"u\" }\n";
    let reading = read(text);
    assert_eq!(reading.conflicts, ["p/b"]);
    assert_eq!(reading.lock.elements.keys().map(ToString::to_string).collect::<Vec<_>>(), ["p/a@1"]);
    assert!(parse_lock(Path::new("x"), text).expect("readable").1);
    for (what, lines) in [
        ("other bytes under one version", "\"p/b@1\" = { url = \"u\" }\n\"p/b@1\" = { url = \"v\" }\n"),
        ("two shared versions", "\"p/b@1\" = {}\n\"p/b@2\" = {}\n\"p/b\" = \"1\"\n\"p/b\" = \"2\"\n"),
        ("two versions at one site", "\"p/b@1\" = {}\n\"p/b@2\" = {}\n\"p/b\" = \"1\"\ns.\"p/b\" = \"1\"\ns.\"p/b\" = \"2\"\n"),
        ("a version that nobody uses", "\"p/b@1\" = {}\n\"p/b@2\" = {}\n\"p/b@3\" = {}\n\"p/b\" = \"1\"\ns.\"p/b\" = \"2\"\n"),
        ("a version that is not locked", "\"p/b@1\" = {}\ns.\"p/b\" = \"2\"\n"),
    ] {
        let reading = read(&format!("schema = 1\n\"p/a@1\" = {{ url = \"u\" }}\n{lines}"));
        assert_eq!(reading.conflicts, ["p/b"], "{what}");
        assert_eq!((reading.lock.elements.len(), reading.lock.shared.len(), reading.lock.sites.len()), (1, 0, 0), "{what}");
    }
    assert_eq!(read("schema = 1\nedd = { hash = \"1\" }\nedd = { hash = \"2\" }\n").conflicts, ["extensions/edd"]);
}

#[test]
fn conflict_markers_are_read() {
    let keys = |reading: &super::LockReading| reading.lock.elements.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let added = "schema = 1\n\"p/a@1\" = {}\n<<<<<<< HEAD\n\"p/b@1\" = {}\n\"p/x@1\" = {}\n=======\n\"p/c@1\" = {}\n\"p/x@1\" = {}\n>>>>>>> other\n";
    let reading = read(added);
    assert_eq!((keys(&reading).as_str(), reading.conflicts.len(), reading.markers), ("p/a@1 p/b@1 p/c@1 p/x@1", 0, true));
    let moved = "schema = 1\n<<<<<<< HEAD\n\"p/a@2\" = {}\n\"p/b@1\" = {}\n=======\n\"p/a@1\" = {}\n\"p/b@2\" = {}\n>>>>>>> other\n\"p/c@1\" = {}\n";
    let reading = read(moved);
    assert_eq!((keys(&reading).as_str(), reading.conflicts.join(" ").as_str()), ("p/c@1", "p/a p/b"));
    // With the base it is plain that each side moved one of them, and that one side took `d` out.
    let diff3 = moved.replace("=======", "||||||| 1234567\n\"p/a@1\" = {}\n\"p/b@1\" = {}\n\"p/d@1\" = {}\n=======\n\"p/d@1\" = {}");
    let reading = read(&diff3);
    assert_eq!((keys(&reading).as_str(), reading.conflicts.len()), ("p/a@2 p/b@2 p/c@1", 0));
    assert!(read("schema = 1\n<<<<<<< HEAD\n\"p/a@2\" = {}\n").markers, "a marker without its end");
}

#[test]
fn what_is_no_lockfile_is_refused_with_its_place() {
    assert_eq!(
        fails("schema = 1\n\n[elements]\n\"p/a@1\" = { url = 3 }\n\"p/a@2\" = { colour = \"red\" }\n[other]\n\"../x@1\" = {}\n"),
        "error: this is not a locked element: invalid type: integer `3`, expected a string\n --> greffon.lock:4:1\n  |\n4 | \"p/a@1\" = { url = 3 }\n  | ^^^^^^^^^^^^^^^^^^^^^\n\
         \nhint: a lockfile is written by greffon alone: take the line out, or the file, and run `greffon lock`\n\
         \nerror: this is not a locked element: unknown field `colour`, expected one of `repository`, `git`, `ref`, `commit`, `subdir`, `submodules`, `url`, `path`, `sha256`, `md5`, `tree`, `scheme`, `dependencies`, `conflicts`, `optional`, `yanked`, `dialogue`, `receipt`\n --> greffon.lock:5:1\n  |\n5 | \"p/a@2\" = { colour = \"red\" }\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n\
         \nerror: a lockfile has no such table\n --> greffon.lock:6:1\n  |\n6 | [other]\n  | ^^^^^^^\n\
         \nerror: `..` is not an element type: `.` and `..` are not names\n --> greffon.lock:7:1\n  |\n7 | \"../x@1\" = {}\n  | ^^^^^^^^^^^^^\n"
    );
    assert!(fails("").contains("has no line `schema = 1`"));
    assert!(fails("schema = \"x\"\n").contains("is not `type/name`"));
    let newer = read_lock(Path::new("l"), "schema = 2\nwhatever = [\n").expect_err("newer");
    assert_eq!(newer.kind(), ErrorKind::Newer);
    for hostile in [
        "\0",
        "a = \"\u{1b}\"",
        "a",
        "=",
        "\"p/a@1\" = {\n}",
        "[[elements]]",
        "[elements",
        &"[".repeat(100_000),
        &"a.".repeat(100_000),
        &"x = {a=".repeat(50_000),
    ] {
        assert!(fails(&format!("schema = 1\n{hostile}\n")).len() < 20_000);
    }
}

#[test]
fn gitattributes_are_written_once() {
    assert_eq!(gitattributes(None).as_deref(), Some("greffon.lock merge=union\n"));
    assert_eq!(gitattributes(Some("*.png binary")).as_deref(), Some("*.png binary\ngreffon.lock merge=union\n"));
    assert_eq!(gitattributes(Some("a b\r\n")).as_deref(), Some("a b\r\ngreffon.lock merge=union\r\n"));
    let written = gitattributes(Some("x y\n")).expect("text");
    assert_eq!(gitattributes(Some(&written)), None);
    assert_eq!(gitattributes(Some("/greffon.lock text merge=binary\n")), None, "who said how it merges is left alone");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "\\PC{0,6}", any::<String>(), Just("a\u{1b}\n\"\\\u{202e}'''".to_owned())]
}

fn id() -> impl Strategy<Value = ElementId> {
    ("[a-z]{1,2}", "[a-c][a-c_./]{0,3}").prop_filter_map("an id", |(kind, name)| ElementId::new(kind, name).ok())
}

fn pin() -> impl Strategy<Value = Pin> {
    let version = prop_oneof!["[0-9]{1,2}(\\.[0-9]{1,2}){0,2}", "[0-9a-z!@+ -]{1,10}", "1![0-9a-f]{7}!{0,2}"];
    (version, prop_oneof![Just(String::new()), "[0-9a-f]{7}"]).prop_map(|(version, discriminator)| Pin { version: Version::new(version), discriminator })
}

prop_compose! {
    fn locked()(
        url in proptest::option::of(text()),
        path in proptest::option::of(text()),
        receipt in proptest::option::of(text()),
        submodules: bool,
        bytes in proptest::option::of(any::<[u8; 20]>()),
        digest in proptest::option::of(any::<[u8; 32]>()),
        needs in proptest::collection::vec((id(), text()), 0..3),
        group in text(),
    ) -> LockedElement {
        let dependencies: indexmap::IndexMap<_, _> = needs.into_iter().map(|(id, text)| (id, Requirement::new(text))).collect();
        LockedElement {
            url, path, receipt, submodules,
            dialogue: None,
            commit: bytes.map(crate::model::ObjectId::from_bytes),
            sha256: digest.map(crate::model::Digest::from_bytes),
            optional: [(group, dependencies.clone())].into_iter().collect(),
            dependencies,
            ..LockedElement::default()
        }
    }
}

prop_compose! {
    fn lock()(
        elements in proptest::collection::vec((id(), pin(), locked()), 0..6),
        sites in proptest::collection::vec((text(), any::<proptest::sample::Index>()), 0..6),
        extensions in proptest::collection::btree_map("[a-z./@]{1,4}", text(), 0..3),
    ) -> Lock {
        let mut lock = Lock { extensions, ..Lock::default() };
        for (id, pin, element) in elements {
            lock.elements.insert(LockKey { id, pin }, element);
        }
        let keys: Vec<LockKey> = lock.elements.keys().cloned().collect();
        for (index, (site, choice)) in sites.into_iter().enumerate() {
            if keys.is_empty() {
                break;
            }
            let key = choice.get(&keys).clone();
            if index % 2 == 0 {
                lock.shared.insert(key.id, key.pin);
            } else {
                lock.sites.entry(site).or_default().insert(key.id, key.pin);
            }
        }
        lock
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(lock in lock()) {
        let text = write_lock(&lock);
        let reading = read(&text);
        prop_assert_eq!(&reading.conflicts, &Vec::<String>::new());
        prop_assert_eq!(&reading.lock, &tidy(&lock));
        prop_assert_eq!(write_lock(&reading.lock), text.clone());
        prop_assert!(text.lines().all(|line| !line.contains(|c: char| c.is_control())));
        // The entry that serves each site is the one that served it before.
        for key in lock.elements.keys() {
            prop_assert_eq!(lock.entry("s", &key.id), reading.lock.entry("s", &key.id));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(schema = 1\n)?([\\[\\]{}\"=<>|@/!a-z0-9. \n]|<<<<<<<|=======|>>>>>>>){0,80}") {
        let _ = read_lock(Path::new("l"), &text);
    }
}
