//! Real repositories, made with libgit2 in a temporary folder.
#![allow(clippy::disallowed_methods)]

use std::path::Path;

use super::{NewEntry, NewEntryKind, Objects};
use crate::error::ErrorKind;
use crate::model::{Entry, FileMode, Graft, ObjectId, Placement, Version};
use crate::roles::Trees;

struct Room {
    folder: tempfile::TempDir,
    objects: Objects,
}

fn room() -> Room {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs_err::create_dir(folder.path().join("sources")).expect("made");
    let objects = Objects::open(&folder.path().join("objects.git"), &folder.path().join("sources")).expect("a new database");
    Room { folder, objects }
}

/// A tree of these files; a path that ends in `*` is executable.
fn tree(objects: &Objects, files: &[(&str, &str)]) -> ObjectId {
    let mut names: Vec<&str> = files.iter().map(|(path, _)| path.split('/').next().unwrap_or_default()).collect();
    names.sort_unstable();
    names.dedup();
    let entries = names.into_iter().map(|name| {
        let inside: Vec<(&str, &str)> = files.iter().filter_map(|(path, text)| Some((path.strip_prefix(name)?.strip_prefix('/')?, *text))).collect();
        if inside.is_empty() {
            let text = files.iter().find(|(path, _)| *path == name).expect("a file").1;
            let mode = if name.ends_with('*') { FileMode::Executable } else { FileMode::Regular };
            let id = objects.write_blob(text.as_bytes()).expect("a blob");
            return NewEntry { name: name.trim_end_matches('*').to_owned(), kind: NewEntryKind::File(mode), id };
        }
        NewEntry { name: name.to_owned(), kind: NewEntryKind::Folder, id: tree(objects, &inside) }
    });
    objects.write_tree(entries.collect()).expect("a tree")
}

fn graft(id: &str, path: &str, tree: ObjectId) -> Graft {
    let placement = Placement { path: path.to_owned(), ..Placement::default() };
    Graft { id: id.parse().expect("an id"), version: Version::from("1"), tree, placement }
}

fn paths(objects: &Objects, tree: ObjectId) -> Vec<String> {
    objects.files(tree).expect("listed").into_iter().map(|file| file.path).collect()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").arg("-C").arg(folder).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn grafts_become_one_tree_as_git_itself_sees_it() {
    let room = room();
    let objects = &room.objects;
    let core = tree(objects, &[("index.php", "core"), ("mod/forum/lib.php", "forum"), ("bin/run*", "x")]);
    let quiz = tree(objects, &[("lib.php", "quiz"), ("sub/readme", "r")]);
    let nested = tree(objects, &[("nested.php", "n")]);
    let site = objects
        .compose(&[graft("core/app", ".", core), graft("plugins/quiz", "mod/quiz", quiz), graft("plugins/quiz_more", "mod/quiz/sub/more", nested)])
        .expect("composed");
    assert_eq!(paths(objects, site), ["bin/run", "index.php", "mod/forum/lib.php", "mod/quiz/lib.php", "mod/quiz/sub/more/nested.php", "mod/quiz/sub/readme"]);
    let seen = git(objects.directory(), &["ls-tree", "-r", "--name-only", &site.to_string()]);
    assert_eq!(seen.lines().collect::<Vec<_>>(), paths(objects, site));
    git(objects.directory(), &["fsck", "--strict"]);
    assert_eq!(objects.subtree(site, "mod/quiz/sub/more").expect("read"), Some(nested), "what lies below one graft alone keeps its id");
    assert_eq!(objects.read(site, "mod/quiz/sub/readme").expect("read"), Some(b"r".to_vec()));
    assert_eq!(objects.read(site, "mod/quiz").expect("read"), None);
    assert_eq!(objects.list(site, "mod").expect("read").map(|items| items.len()), Some(2));
    assert!(objects.list(site, "nothing").expect("read").is_none());
}

#[test]
fn grafts_of_one_element_or_of_nothing() {
    let room = room();
    let objects = &room.objects;
    let only = tree(objects, &[("a", "a")]);
    assert_eq!(objects.compose(&[]).expect("composed"), ObjectId::EMPTY_TREE);
    assert_eq!(objects.compose(&[graft("core/app", ".", only)]).expect("composed"), only);
    assert_eq!(objects.compose(&[graft("core/app", ".", only), graft("p/empty", "x", ObjectId::EMPTY_TREE)]).expect("composed"), only);
    assert_eq!(objects.files(ObjectId::EMPTY_TREE).expect("listed"), []);
    assert!(objects.has(ObjectId::EMPTY_TREE));
}

#[test]
fn grafts_that_collide_name_both_elements_and_the_path() {
    let room = room();
    let objects = &room.objects;
    let core = tree(objects, &[("mod/quiz/lib.php", "core's"), ("readme", "r")]);
    let quiz = tree(objects, &[("lib.php", "quiz")]);
    let cases: [(&[Graft], &str); 6] = [
        (&[graft("core/app", ".", core), graft("p/quiz", "mod/quiz", quiz)], "`core/app` and `p/quiz` both bring the file `mod/quiz/lib.php`"),
        (&[graft("p/one", "mod/quiz", quiz), graft("p/two", "mod/quiz", core)], "`p/one` and `p/two` would both be grafted at `mod/quiz`"),
        (&[graft("core/app", ".", core), graft("p/in", "readme/x", quiz)], "`readme` is a file of one of `core/app` and `p/in`, and a folder of the other"),
        (&[graft("p/one", "mod/Quiz", quiz), graft("p/two", "mod/quiz", core)], "`p/one` goes to `mod/Quiz` and `p/two` to `mod/quiz`"),
        (&[graft("p/up", "../x", quiz)], "`..` is `.` or `..`"),
        (&[graft("p/git", "x/.git", quiz)], "stands for `.git`"),
    ];
    for (grafts, message) in cases {
        let error = objects.compose(grafts).expect_err(message);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(message), "{error}");
    }
}

#[test]
fn a_folder_that_both_bring_is_merged() {
    let room = room();
    let objects = &room.objects;
    let core = tree(objects, &[("mod/quiz/db/core.php", "c")]);
    let quiz = tree(objects, &[("db/quiz.php", "q")]);
    let site = objects.compose(&[graft("core/app", ".", core), graft("p/quiz", "mod/quiz", quiz)]).expect("composed");
    assert_eq!(paths(objects, site), ["mod/quiz/db/core.php", "mod/quiz/db/quiz.php"]);
}

#[test]
fn differences_come_sorted_and_kinds_may_change() {
    let room = room();
    let objects = &room.objects;
    let old = tree(objects, &[("a", "1"), ("dir/x", "x"), ("gone", "g"), ("same/s", "s"), ("swap", "file"), ("tool", "t")]);
    let new = tree(objects, &[("a", "2"), ("dir/x", "x"), ("dir/y", "y"), ("same/s", "s"), ("swap/in", "i"), ("tool*", "t")]);
    let changes = objects.diff(old, new).expect("compared");
    let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.old.is_some(), change.new.is_some())).collect();
    assert_eq!(told, [("a", true, true), ("dir/y", false, true), ("gone", true, false), ("swap", true, false), ("swap/in", false, true), ("tool", true, true)]);
    assert_eq!(objects.diff(old, old).expect("compared"), []);
    assert_eq!(objects.diff(ObjectId::EMPTY_TREE, old).expect("compared").len(), 6);
}

#[test]
fn a_source_that_comes_later_is_found_by_greffon_and_by_git() {
    let room = room();
    let source = room.folder.path().join("sources/abc.git");
    let other = Objects::open(&source, &room.folder.path().join("none")).expect("a source");
    let id = other.write_blob(b"from a source").expect("written");
    assert_eq!(room.objects.blob(id).expect("found at the second look"), b"from a source");
    assert_eq!(git(room.objects.directory(), &["cat-file", "blob", &id.to_string()]), "from a source");
    let missing: ObjectId = "1234567890123456789012345678901234567890".parse().expect("an id");
    assert!(!room.objects.has(missing));
    let error = room.objects.blob(missing).expect_err("not there");
    assert!(error.message().contains("1234567890"), "{error}");
}

#[test]
fn gitlinks_and_lfs_pointers_are_told_by_path() {
    let room = room();
    let objects = &room.objects;
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let tree = tree(objects, &[("media/video.mp4", pointer), ("text", "version 1")]);
    let error = objects.check_installable(tree).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("`media/video.mp4`"), "{error}");
    let repository = git2::Repository::open_bare(objects.directory()).expect("opened");
    let mut raw = b"160000 lib\0".to_vec();
    raw.extend_from_slice(&[9; 20]);
    let id = repository.odb().and_then(|odb| odb.write(git2::ObjectType::Tree, &raw)).expect("written");
    let error = objects.files(super::objects::from_oid(id)).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("`lib`"), "{error}");
}

#[test]
fn a_stream_must_be_as_long_as_was_said() {
    let room = room();
    let entry = room.objects.write_blob_from(&mut &b"hello"[..], 5).expect("written");
    assert_eq!(entry, room.objects.write_blob(b"hello").expect("written"));
    assert!(room.objects.write_blob_from(&mut &b"hello"[..], 4).is_err());
    assert!(room.objects.write_blob_from(&mut &b"hello"[..], 6).is_err());
    let _ = Entry { id: entry, mode: FileMode::Regular };
}
