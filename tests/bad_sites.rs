//! Locks and places that do not fit: nothing is written there.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub, dead_code)]

mod bad_fixture;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bad_fixture::{SITE, World};

#[test]
fn a_lock_that_does_not_fit() {
    let world = World::new();
    world.env.write("greffon.toml", world.text("").replace("version = \"1.0.0\"", "version = \"2.0.0\""));
    for flag in ["--locked", "--frozen"] {
        world.refuses_to(&["sync", flag], 1).is("lock").says("greffon.lock").says("plugins/forum").says(flag).shows_line("2.0.0").hints("greffon lock");
    }
    let url = world.git.url("/forum.git");
    world.manifest(&format!("chat = {{ git = \"{url}\" }}"));
    world.refuses_to(&["sync", "--locked"], 1).is("lock").says("plugins/chat").shows_line("chat = ");
    world.env.greffon(["lock", "--check"]).run().fails(3);
}

#[test]
fn a_lock_that_cannot_be_read() {
    let world = World::new();
    let lock = world.env.read("greffon.lock");
    world.env.write("greffon.lock", lock.clone() + "what is this\n");
    world.refuses().is("lock").shows("greffon.lock", lock.lines().count() + 1);
    world.env.write("greffon.lock", lock.replace("schema = 1", "schema = 99"));
    world.refuses().is("newer").shows("greffon.lock", 1 + lock.lines().position(|line| line.starts_with("schema")).unwrap());
}

#[test]
fn a_path_that_is_neither_empty_nor_known() {
    let world = World::new();
    world.env.write("other/index.php", "somebody's\n");
    world.env.write("greffon.toml", world.text("").replace(SITE, "other"));
    let before = world.env.tree("other");
    world.refuses().is("site").says(world.env.path("other").to_str().unwrap()).hints("adopt").shows_line("path = ");
    assert_eq!(world.env.tree("other"), before);
    assert!(!world.env.exists(".greffon-other"), "no state for what is not ours");
    // A path that is a file.
    world.env.write("file", "a file\n");
    world.env.write("greffon.toml", world.text("").replace(SITE, "file"));
    world.refuses().says(world.env.path("file").to_str().unwrap()).shows_line("path = ");
    assert_eq!(world.env.read("file"), "a file\n");
}

#[test]
fn local_changes_stop_a_sync() {
    let world = World::new();
    world.env.write("www/html/plugins/forum/version.txt", "mine\n");
    world.env.write("greffon.toml", world.text("").replace("version = \"1.0.0\"", "version = \"2.0.0\""));
    world.env.greffon(["lock"]).run().succeeds();
    world.refuses().is("local-changes").says("plugins/forum/version.txt").hints("if-local-changes");
}

/// The binary as somebody who may read everything here and write nothing of the site.
fn as_nobody(world: &World, arguments: &[&str]) -> Option<Command> {
    let greffon = world.env.greffon(arguments.iter().copied()).command();
    if std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).ok()? != 0 {
        return Some(greffon);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(greffon.get_program()).args(greffon.get_args());
    command.current_dir(world.env.work()).env_clear();
    for (name, value) in greffon.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let probe = Command::new("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(greffon.get_program()).arg("--version").output();
    probe.is_ok_and(|output| output.status.success()).then_some(command)
}

fn open_all(folder: &Path, mode: u32) {
    for entry in walk(folder) {
        if !entry.is_symlink() {
            let own = std::fs::metadata(&entry).unwrap().permissions().mode();
            std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(own | mode)).unwrap();
        }
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while next < found.len() {
        if found[next].is_dir() && !found[next].is_symlink() {
            found.extend(std::fs::read_dir(&found[next]).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

#[test]
fn a_site_that_cannot_be_written() {
    let world = World::new();
    world.env.write("greffon.toml", world.text("").replace("version = \"1.0.0\"", "version = \"2.0.0\""));
    world.env.greffon(["lock"]).run().succeeds();
    world.env.greffon(["fetch"]).run().succeeds();
    // Everything is somebody else's to write as well, but the site and the folder around it.
    open_all(world.env.root(), 0o777);
    for path in walk(&world.env.path("www")) {
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let before = world.standing();
    for arguments in [&["sync", "-y"][..], &["sync", "-y", "--json"]] {
        let Some(mut command) = as_nobody(&world, arguments) else {
            eprintln!("skipped: no way to be somebody who may not write");
            return;
        };
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{stderr}{}", String::from_utf8_lossy(&output.stdout));
        }
        assert!(stderr.contains(world.env.path("www").to_str().unwrap()), "which path?\n{stderr}");
        assert!(stderr.contains("could not ") || stderr.contains("cannot be written"), "doing what?\n{stderr}");
        assert!(stderr.contains("hint"), "no hint\n{stderr}");
    }
    assert_eq!(world.standing(), before);
    for path in walk(&world.env.path("www")) {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn wrong_usage_is_another_exit_status() {
    let world = World::new();
    world.refuses_to(&["sync", "--site", "prd"], 2).is("usage").says("`prd`").hints("prod");
}
