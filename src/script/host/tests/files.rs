//! `fs` and `path`: what is reached, and what is not.

use serde_json::json;

use super::world::World;

fn world() -> World {
    let world = World::new(json!({ "read": ["data"], "write": ["data/out"] }));
    world.put("data/in/f.txt", "inside");
    world.put("data/out/old.txt", "old");
    world.put("secret.txt", "outside");
    world.put("elsewhere/keep.txt", "keep");
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, world.path().join(from)).expect("linked");
    link("../secret.txt", "data/link");
    link("../elsewhere", "data/folder-link");
    link("../../elsewhere", "data/out/away");
    link("../../secret.txt", "data/out/file-away");
    link("../../nowhere", "data/out/dangling");
    link("/", "data/out/root");
    world
}

#[test]
fn files_are_read_and_written() {
    let world = world();
    let answer = world
        .run(
            "fs::make_dir(\"data/out/a/b\");
             fs::write(\"data/out/a/b/x.txt\", \"one\");
             fs::write(\"data/out/a/b/x.txt\", \"two\");
             fs::rename(\"data/out/a/b/x.txt\", \"data/out/a/y.txt\");
             let r = #{ read: fs::read(\"data/out/a/y.txt\"), none: fs::read(\"data/none\"), list: fs::list(\"data/out/a\"),
                kinds: [fs::kind(\"data/in\"), fs::kind(\"data/in/f.txt\"), fs::kind(\"data/no\")], size: fs::size(\"data/in/f.txt\"),
                exists: fs::exists(\"data/in/../in/f.txt\"), nolist: fs::list(\"data/none\") };
             r.removed = fs::remove(\"data/out/a\"); r.again = fs::remove(\"data/out/a\"); r",
        )
        .expect("it works");
    assert_eq!(
        answer,
        json!({ "read": "two", "none": null, "list": [{ "name": "b", "kind": "folder", "size": 0 }, { "name": "y.txt", "kind": "file", "size": 3 }],
            "kinds": ["folder", "file", null], "size": 6, "exists": true, "nolist": null, "removed": true, "again": false })
    );
}

#[test]
fn nothing_outside_is_reached() {
    let world = world();
    let absolute = world.path().join("secret.txt");
    let absolute = absolute.to_string_lossy();
    let mut bodies = Vec::new();
    for path in [
        "secret.txt",
        "data/../secret.txt",
        "data/link",
        "data/folder-link/keep.txt",
        "data/out/root/etc/passwd",
        "/etc/passwd",
        &absolute,
        "data/none/../../secret.txt",
        "data/out/../../secret.txt",
        "{site}/x",
        "{extension}/secret.txt",
        "data\\u{0}/x",
        "",
        ".",
        "..",
        "data/in/f.txt/../../../secret.txt",
        "//etc/passwd",
        "~/.ssh/id_rsa",
        "/proc/self/environ",
    ] {
        for function in ["read", "exists", "kind", "size", "list", "remove", "make_dir"] {
            bodies.push(format!("fs::{function}(\"{path}\")"));
        }
        bodies.push(format!("fs::write(\"{path}\", \"evil\")"));
        bodies.push(format!("fs::rename(\"data/out/old.txt\", \"{path}\")"));
        bodies.push(format!("fs::rename(\"{path}\", \"data/out/new\")"));
    }
    for path in ["data/out/away/x", "data/out/file-away", "data/out/dangling", "data/out/dangling/x", "data/in/f.txt", "data/in/new", "data/new"] {
        bodies.push(format!("fs::write(\"{path}\", \"evil\")"));
        bodies.push(format!("fs::make_dir(\"{path}\")"));
        bodies.push(format!("fs::remove(\"{path}\")"));
        bodies.push(format!("fs::rename(\"data/out/old.txt\", \"{path}\")"));
    }
    for body in bodies {
        let text = world.refused(&body);
        assert!(text.contains("may not") || text.contains("cannot") || text.contains("nul byte"), "{body}: {text}");
    }
    let read = |name: &str| std::fs::read_to_string(world.path().join(name)).expect(name);
    assert_eq!(
        (read("secret.txt"), read("elsewhere/keep.txt"), read("data/in/f.txt"), read("data/out/old.txt")),
        ("outside".into(), "keep".into(), "inside".into(), "old".into())
    );
    assert!(!world.path().join("nowhere").exists());
}

#[test]
fn the_granted_folder_itself_stays_and_links_are_removed_as_such() {
    let world = world();
    assert!(world.refused("fs::remove(\"data/out\")").contains("the granted folder itself"));
    assert!(world.refused("fs::rename(\"data/out\", \"data/out/x\")").contains("the granted folder itself"));
    world.run("fs::make_dir(\"data/out/sub\"); fs::write(\"data/out/sub/f\", \"x\")").expect("it works");
    std::os::unix::fs::symlink("../../../elsewhere", world.path().join("data/out/sub/away")).expect("linked");
    assert_eq!(world.run("fs::remove(\"data/out/sub\")").expect("it works"), json!(true));
    assert!(world.path().join("elsewhere/keep.txt").exists(), "what a link led to is not removed with it");
}

#[test]
fn devices_and_folders_are_no_files() {
    let world = World::new(json!({ "read": ["/dev"], "write": ["d"] }));
    assert!(world.refused("fs::read(\"/dev/zero\")").contains("is no file"));
    std::fs::create_dir_all(world.path().join("d/sub")).expect("made");
    assert!(world.refused("fs::write(\"d/sub\", \"x\")").contains("is no file"));
    assert!(world.refused("fs::read(\"d/sub\")").contains("is no file"));
    assert!(world.refused("fs::write(\"d/none/x\", \"x\")").contains("`fs::make_dir` makes it"));
}

#[test]
fn paths_are_texts() {
    let world = World::new(json!({}));
    let answer = world
        .run(
            "[path::join([\"a\", \"b/\", \"c\"]), path::join([\"a\", \"/b\"]), path::parent(\"a/b\"), path::parent(\"a\"), path::parent(\"/a\"), path::name(\"a/b.tar.gz\"),
              path::stem(\"a/b.tar.gz\"), path::extension(\"a/b.tar.gz\"), path::extension(\".hidden\"), path::normal(\"a/./b//../c/..\"), path::normal(\"../../x\"),
              path::normal(\"/../x\"), path::relative(\"/a/b/c\", \"/a/d\"), path::relative(\"a\", \"a\"), path::is_inside(\"a/../b\", \"a\"), path::is_inside(\"a/b\", \"a\")]",
        )
        .expect("it works");
    assert_eq!(answer, json!(["a/b/c", "/b", "a", null, "/", "b.tar.gz", "b.tar", "gz", null, "a", "../../x", "/x", "../b/c", ".", false, true]));
    world.refused("path::relative(\"/a\", \"b\")");
    assert!(world.refused("fs::read(\"x\")").contains("allow = { read"), "the module is not there without a grant");
}
