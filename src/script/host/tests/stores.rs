//! `git` and `archive`: read where they lie.

use std::io::Write as _;

use serde_json::json;

use super::world::World;

pub(super) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a file");
        zip.write_all(text.as_bytes()).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

/// A repository with a `version.txt`, tagged.
pub(super) fn repository(repo: &std::path::Path) {
    let repository = git2::Repository::init(repo).expect("a repository");
    std::fs::write(repo.join("version.txt"), "1.2").expect("written");
    let mut index = repository.index().expect("an index");
    index.add_path(std::path::Path::new("version.txt")).expect("added");
    let tree = repository.find_tree(index.write_tree().expect("a tree")).expect("a tree");
    let me = git2::Signature::now("me", "me@example.org").expect("a name");
    let commit = repository.commit(Some("HEAD"), &me, &me, "first", &tree, &[]).expect("a commit");
    repository.tag_lightweight("v1.2", &repository.find_object(commit, None).expect("it"), false).expect("a tag");
}

#[test]
fn archives_are_listed_and_read() {
    let world = World::new(json!({ "read": ["data"] }));
    std::fs::create_dir(world.path().join("data")).expect("made");
    let put = |name: &str, bytes: &[u8]| std::fs::write(world.path().join(name), bytes).expect("written");
    put("data/a.zip", &zip(&[("quiz/version.txt", "1.2"), ("quiz/lib/x.php", "<?php")]));
    put("data/evil.zip", &zip(&[("../evil.txt", "x")]));
    put("outside.zip", &zip(&[("a", "x")]));
    put("data/none.zip", b"no archive");
    let answer = world.run("[archive::list(\"data/a.zip\").map(|e| `${e.path} ${e.size} ${e.kind}`), archive::read(\"data/a.zip\", \"quiz/version.txt\"), archive::read(\"data/a.zip\", \"no\")]");
    assert_eq!(answer.expect("it works"), json!([["quiz 0 folder", "quiz/lib 0 folder", "quiz/lib/x.php 5 file", "quiz/version.txt 3 file"], "1.2", null]));
    for (body, word) in [
        ("archive::list(\"data/evil.zip\")", "refused"),
        ("archive::read(\"data/evil.zip\", \"../evil.txt\")", "refused"),
        ("archive::list(\"outside.zip\")", "may not read"),
        ("archive::list(\"data/../outside.zip\")", "may not read"),
        ("archive::list(\"data/none.zip\")", "no archive"),
        ("archive::list(\"data/no.zip\")", "there is no file"),
    ] {
        let text = world.refused(body);
        assert!(text.contains(word), "{body}: {text}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let world = World::new(json!({ "read": ["data"] }));
    std::fs::create_dir(world.path().join("data")).expect("made");
    let zeros = "\0".repeat(64 << 20);
    std::fs::write(world.path().join("data/bomb.zip"), zip(&[("a", &zeros)])).expect("written");
    let begun = std::time::Instant::now();
    let text = world.refused("archive::list(\"data/bomb.zip\")");
    assert!(text.contains("refused") && begun.elapsed().as_secs() < 60, "{text}");
}

#[test]
fn a_repository_is_read_without_a_checkout() {
    let world = World::new(json!({ "read": ["repo"] }));
    repository(&world.path().join("repo"));
    let answer = world
        .run("[git::refs(\"repo\").filter(|r| r.kind == \"tag\").map(|r| r.name), git::read(\"repo\", \"v1.2\", \"version.txt\"), git::read(\"repo\", \"v1.2\", \"none\"), git::list(\"repo\", \"v1.2\")]")
        .expect("it works");
    assert_eq!(answer, json!([["v1.2"], "1.2", null, ["version.txt"]]));
    for url in [
        "https://evil.example/x.git",
        "git@evil.example:x.git",
        "ssh://evil.example/x",
        "ext::sh -c id",
        "--upload-pack=id",
        "/etc",
        "file:///etc",
        "repo/../other",
        "git://evil.example/x",
    ] {
        world.refused(&format!("git::refs(\"{url}\")"));
    }
    assert!(world.refused("git::read(\"repo\", \"v9\", \"x\")").contains("has no tag, branch or commit `v9`"));
}
