//! Locks and places that do not fit: nothing is written there.
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr, unreachable_pub, dead_code)]

mod bad_fixture;
mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
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
    world.refuses().is("site").says(world.env.path("other").to_str().unwrap()).hints("empty folder");
    assert_eq!(world.env.tree("other"), before);
    assert!(!world.env.exists(".greffon-other"), "no state for what is not ours");
    // A path that is a file.
    world.env.write("file", "a file\n");
    world.env.write("greffon.toml", world.text("").replace(SITE, "file"));
    world.refuses().says(world.env.path("file").to_str().unwrap());
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

/// The user who runs the binary where the tests are root, whom nothing stops.
const SOMEBODY: u32 = 65534;

/// The binary as a user whom modes stop. `None`: these tests are root and cannot be anybody else.
fn as_somebody(world: &World, arguments: &[&str]) -> Option<Command> {
    let greffon = world.env.greffon(arguments.iter().copied()).command();
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return Some(greffon);
    }
    for path in walk(world.env.root()) {
        std::os::unix::fs::lchown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    let user = [format!("--reuid={SOMEBODY}"), format!("--regid={SOMEBODY}"), "--clear-groups".to_owned()];
    let probe = Command::new("setpriv").args(&user).arg(greffon.get_program()).arg("--version").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(&user).arg(greffon.get_program()).args(greffon.get_args()).current_dir(world.env.work()).env_clear();
    command.envs(greffon.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(command)
}

/// A folder, what is in it, and so on; the folder itself first. Links are not followed.
fn walk(folder: &Path) -> Vec<PathBuf> {
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

/// Gives every folder from here on this mode.
fn folders(folder: &Path, mode: u32) {
    for path in walk(folder).into_iter().filter(|path| path.is_dir() && !path.is_symlink()) {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// A sync by a user whom modes stop fails, names this path, says what could not be done and what to do, and leaves all as it is.
fn refused_by_the_file_system(world: &World, named: &Path) {
    let before = world.standing();
    for arguments in [&["sync", "-y"][..], &["sync", "-y", "--json"]] {
        let Some(mut command) = as_somebody(world, arguments) else {
            eprintln!("skipped: root without `setpriv` cannot be refused");
            return;
        };
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{stderr}{}", String::from_utf8_lossy(&output.stdout));
        }
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(named.to_str().unwrap()), "does not name {}\n{stderr}", named.display());
        assert!(stderr.contains("could not ") || stderr.contains("may not write"), "doing what?\n{stderr}");
        assert!(stderr.contains("hint"), "no hint\n{stderr}");
        if arguments.contains(&"--json") {
            let document: serde_json::Value = serde_json::from_str(stderr.trim()).unwrap_or_else(|error| panic!("no document: {error}\n{stderr}"));
            assert_eq!(document["schema"], "greffon/error/1");
        }
    }
    assert_eq!(world.standing(), before);
}

#[test]
fn a_site_that_cannot_be_written() {
    let world = World::new();
    world.env.write("greffon.toml", world.text("").replace("version = \"1.0.0\"", "version = \"2.0.0\""));
    world.env.greffon(["lock"]).run().succeeds();
    let html = world.env.path(SITE);
    folders(&html, 0o555);
    refused_by_the_file_system(&world, &html);
    folders(&html, 0o755);
    // Nor what is recorded of it.
    let state = world.env.path("www/.greffon-html");
    folders(&state, 0o555);
    refused_by_the_file_system(&world, &state);
    folders(&state, 0o755);
}

#[test]
fn a_site_that_cannot_be_made() {
    let world = World::new();
    std::fs::create_dir(world.env.path("closed")).unwrap();
    world.env.write("greffon.toml", world.text("").replace(SITE, "closed/html"));
    folders(&world.env.path("closed"), 0o555);
    refused_by_the_file_system(&world, &world.env.path("closed"));
    assert!(!world.env.exists("closed/html"));
    folders(&world.env.path("closed"), 0o755);
}

#[test]
fn a_site_of_another_user() {
    let world = World::new();
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: only root can give a site away");
        return;
    }
    let state = world.env.path("www/.greffon-html");
    for path in walk(&state) {
        std::os::unix::fs::lchown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    world.env.write("greffon.toml", world.text("").replace("version = \"1.0.0\"", "version = \"2.0.0\""));
    world.env.greffon(["lock"]).run().succeeds();
    world.refuses().says(state.to_str().unwrap()).says("another user").hints("user");
}

#[test]
fn wrong_usage_is_another_exit_status() {
    let world = World::new();
    world.refuses_to(&["sync", "--site", "prd"], 2).is("usage").says("`prd`").hints("prod");
}
