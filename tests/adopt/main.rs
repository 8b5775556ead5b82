//! `greffon adopt` on the real binary: a tree that other means made becomes manifest, lock and generation, and no file changes.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub, dead_code)]

mod between;
#[path = "../moodle_site/mod.rs"]
mod moodle_site;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use moodle_site::{Campus, plugin};

/// A core and plugins put together by hand.
struct Hand {
    campus: Campus,
}

impl Hand {
    fn new() -> Self {
        let campus = Campus::new();
        campus.core();
        for name in ["block_xp", "mod_attendance", "local_old"] {
            let repo = campus.plugin(name, "2024010100", "");
            repo.tag("v1").write("lib.php", format!("<?php // {name}, later\n")).write("version.php", plugin(name, "2024020200", "")).commit("later");
            repo.tag("v2").write("version.php", plugin(name, "2024030300", "")).commit("newest");
        }
        let hand = Self { campus };
        hand.put("core", "v4.5.1", "html");
        hand.put("block_xp", "v2", "html/blocks/xp");
        hand
    }

    fn put(&self, repo: &str, rev: &str, to: &str) {
        let to = self.campus.env.path(to);
        std::fs::create_dir_all(&to).expect("a folder");
        let script = format!("git -C '{}' archive {rev} | tar -x -C '{}'", self.campus.env.path(format!("repos/{repo}")).display(), to.display());
        assert!(std::process::Command::new("sh").args(["-c", &script]).status().expect("sh runs").success());
    }

    fn adopt(&self, site: &str, more: &[&str]) -> support::Outcome {
        let core = format!("core/moodle={}", self.campus.env.path("repos/core").display());
        let all = format!("all={}/{{name}}", self.campus.env.path("repos").display());
        let mut arguments = vec!["adopt", site, "--git", &core];
        if !self.campus.env.exists("greffon.toml") {
            arguments.extend(["--repository", &all]);
        }
        arguments.extend(more);
        self.campus.env.greffon(arguments).run()
    }

    /// Every file and folder with what the file system says of it.
    fn witness(&self, site: &str) -> BTreeMap<String, (u64, i64, i64, i64)> {
        let mut found = BTreeMap::new();
        walk(&self.campus.env.path(site), &mut found);
        found
    }

    fn stays(&self, site: &str) {
        let before = self.witness(site);
        let said = self.campus.env.greffon(["sync", "--all", "--json"]).run().succeeds().json();
        assert!(said["sites"].as_array().expect("sites").iter().all(|one| one["state"] == "unchanged"), "{said:#}");
        assert_eq!(self.witness(site), before, "a sync after adopt does nothing");
        let status = self.campus.env.greffon(["status", "--json"]).run().succeeds().json();
        assert!(status["sites"].as_array().expect("sites").iter().all(|one| one["state"] == "clean"), "{status:#}");
        self.campus.env.greffon(["verify"]).run().succeeds();
        self.campus.env.greffon(["lock", "--check"]).run().succeeds();
    }
}

fn walk(folder: &Path, found: &mut BTreeMap<String, (u64, i64, i64, i64)>) {
    for entry in std::fs::read_dir(folder).expect("listed").flatten() {
        let path = entry.path();
        let meta = std::fs::symlink_metadata(&path).expect("there");
        found.insert(path.display().to_string(), (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec()));
        if meta.is_dir() {
            walk(&path, found);
        }
    }
}

#[test]
fn a_tree_made_by_hand_is_recognised_and_a_sync_has_nothing_to_do() {
    let hand = Hand::new();
    let env = &hand.campus.env;
    hand.put("mod_attendance", "v1", "html/mod/attendance");
    env.write("html/config.php", "<?php // secret\n");
    env.write("html/mod/attendance/lib.php", "<?php // mod_attendance\n// a hack\n");
    env.write("html/index.php", "<?php // hacked\n");
    env.write("html/local/own/version.php", plugin("local_own", "2021010100", ""));
    env.write("html/upload/picture.png", [0_u8, 1, 2]);
    let before = hand.witness("html");
    let rehearsed = hand.adopt("html", &["--dry-run", "--json"]).succeeds().json();
    assert_eq!((rehearsed["schema"].as_str(), rehearsed["dry_run"].as_bool()), (Some("greffon/adopt/1"), Some(true)));
    assert!(!env.exists("greffon.toml") && !env.exists("patches") && !env.exists("vendored"), "a rehearsal writes nothing");
    let said = hand.adopt("html", &["--json"]).succeeds().json();
    assert_eq!(hand.witness("html"), before, "no file of the site is touched");
    let how: BTreeMap<&str, &str> = said["elements"]
        .as_array()
        .expect("elements")
        .iter()
        .map(|one| (one["name"].as_str().unwrap_or_default(), one["how"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(how, BTreeMap::from([("moodle", "patched"), ("block_xp", "exact"), ("mod_attendance", "patched"), ("local_own", "vendored")]));
    let manifest = env.read("greffon.toml");
    assert!(manifest.contains("version = \"4.5\"") && manifest.contains("block_xp = \"*\""), "{manifest}");
    assert!(env.read("patches/mod_attendance/0001-local-changes.patch").contains("+// a hack"));
    assert!(env.exists("vendored/plugins/local_own/version.php"));
    assert!(env.read("greffon.lock").contains("\"plugins/mod_attendance@2024010100\""), "the commit that stands there, not the newest");
    hand.stays("html");
    assert_eq!(env.read("html/upload/picture.png").as_bytes(), [0, 1, 2]);
    // The twin: one more hack is no longer what was adopted.
    env.write("html/blocks/xp/lib.php", "<?php // another\n");
    let status = env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["state"], "drift");
    // An upgrade is free to move what is not pinned.
    env.write("html/blocks/xp/lib.php", "<?php // block_xp, later\n");
    env.greffon(["update", "block_xp"]).run().succeeds();
    env.greffon(["sync", "-y"]).run().succeeds();
    assert!(env.read("html/blocks/xp/version.php").contains("2024030300"));
    assert!(env.read("html/mod/attendance/lib.php").contains("// a hack"), "local changes stay");
}

#[test]
fn work_trees_are_kept_told_and_released_only_when_asked() {
    let hand = Hand::new();
    let env = &hand.campus.env;
    let repo = env.path("repos/mod_attendance");
    let place = env.path("html/mod/attendance");
    support::git(env.root(), &["clone", "-q", repo.to_str().expect("UTF-8"), place.to_str().expect("UTF-8")]);
    support::git(&place, &["reset", "-q", "--hard", "HEAD~1"]);
    std::fs::write(place.join("lib.php"), "<?php // put by\n").expect("written");
    support::git(&place, &["-c", "user.name=x", "-c", "user.email=x@y", "stash", "-q"]);
    std::fs::write(place.join("ours.php"), "<?php // only here\n").expect("written");
    support::git(&place, &["add", "ours.php"]);
    support::git(&place, &["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "ours"]);
    let said = hand.adopt("html", &["--json"]).succeeds().json();
    let tree = &said["git"][0];
    assert_eq!((tree["path"].as_str(), tree["unpushed"].as_u64(), tree["stashes"].as_u64()), (Some("mod/attendance"), Some(1), Some(1)), "{said:#}");
    assert!(env.read("greffon.toml").contains("branch = \"main\""), "{}", env.read("greffon.toml"));
    assert!(env.read("greffon.lock").contains("plugins/mod_attendance@2024020200"), "the commit that the remote has too");
    assert!(env.read("patches/mod_attendance/0001-local-changes.patch").contains("only here"), "what was not pushed is a local change");
    assert!(place.join(".git").is_dir());
    hand.stays("html");
    env.greffon(["adopt", "html"]).run().fails(1).says("already");
    let released = env.greffon(["adopt", "html", "--release-git", "--json"]).run().succeeds().json();
    assert_eq!(released["released"][0], "mod/attendance/.git");
    assert!(!place.join(".git").exists() && env.exists(".greffon-html/saved/git/mod/attendance/.git/HEAD"));
    hand.stays("html");
}

#[test]
fn looking_at_a_work_tree_writes_nothing_into_it() {
    let hand = Hand::new();
    let env = &hand.campus.env;
    let (repo, place) = (env.path("repos/mod_attendance"), env.path("html/mod/attendance"));
    support::git(env.root(), &["clone", "-q", repo.to_str().expect("UTF-8"), place.to_str().expect("UTF-8")]);
    let before = hand.witness("html");
    hand.adopt("html", &["--dry-run"]).succeeds();
    assert_eq!(hand.witness("html"), before);
    hand.adopt("html", &[]).succeeds();
    assert_eq!(hand.witness("html"), before, "no log of stashes where there is none");
}

#[test]
fn what_greffon_made_can_be_forgotten_and_adopted_again() {
    let hand = Hand::new();
    let env = &hand.campus.env;
    hand.put("mod_attendance", "v1", "html/mod/attendance");
    env.write("html/mod/attendance/more.php", "<?php // ours\n");
    env.write("html/local/own/version.php", plugin("local_own", "2021010100", ""));
    hand.adopt("html", &[]).succeeds();
    let (manifest, lock) = (env.read("greffon.toml"), env.read("greffon.lock"));
    env.greffon(["forget", "html"]).run().succeeds();
    let before = hand.witness("html");
    env.greffon(["adopt", "html", "--offline"]).run().succeeds();
    assert_eq!(hand.witness("html"), before);
    assert_eq!((env.read("greffon.toml"), env.read("greffon.lock")), (manifest, lock), "nothing new is said");
    hand.stays("html");
}

#[test]
fn a_second_site_shares_what_is_equal() {
    let hand = Hand::new();
    let env = &hand.campus.env;
    hand.put("mod_attendance", "v1", "html/mod/attendance");
    hand.adopt("html", &[]).succeeds();
    hand.put("core", "v4.5.1", "test");
    hand.put("block_xp", "v1", "test/blocks/xp");
    hand.put("local_old", "v2", "test/local/old");
    hand.adopt("test", &["--name", "second"]).succeeds();
    let manifest = env.read("greffon.toml");
    assert_eq!(manifest.matches("moodle = {").count(), 1, "the core is said once: {manifest}");
    assert!(manifest.contains("without = [\"plugins/mod_attendance\"]"), "{manifest}");
    let lock = env.read("greffon.lock");
    assert!(lock.contains("plugins/block_xp@2024010100") && lock.contains("plugins/block_xp@2024020200"), "{lock}");
    hand.stays("html");
    hand.stays("test");
}

#[test]
fn a_tree_of_any_application_is_adopted_by_the_places_of_its_types() {
    let env = support::TestEnvironment::new();
    let app = support::Repo::init(&env.path("repos/app"));
    app.write("index.php", "<?php").commit("one");
    app.tag("v1.0.0");
    let plug = support::Repo::init(&env.path("repos/forms"));
    plug.write("forms.php", "1").commit("one");
    plug.tag("v1.2.0").write("forms.php", "2").commit("two");
    plug.tag("v1.3.0");
    env.write("site/index.php", "<?php");
    env.write("site/plugins/forms/forms.php", "1");
    env.write("site/data/upload", "kept");
    env.write("greffon.toml", "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"plugins/{name}\" } }\n");
    let (app, plug) = (format!("core/app={}", env.path("repos/app").display()), format!("plugins/forms={}", env.path("repos/forms").display()));
    env.greffon(["adopt", "site", "--git", &app, "--git", &plug]).run().succeeds().says("2 elements in 3 files: all as published");
    assert!(env.read("greffon.lock").contains("plugins/forms@1.2.0"), "{}", env.read("greffon.lock"));
    let said = env.greffon(["sync", "--json"]).run().succeeds().json();
    assert_eq!(said["sites"][0]["state"], "unchanged");
}

#[test]
fn hostile_and_mistaken_paths_change_nothing() {
    let hand = Hand::new();
    let env = &hand.campus.env;
    hand.adopt("nowhere", &[]).fails(1).says("there is no folder");
    env.write("file", "x");
    hand.adopt("file", &[]).fails(1).says("is no folder");
    hand.adopt("html", &["--dry-run"]).succeeds();
    hand.adopt(env.stock().join("sources").to_str().expect("UTF-8"), &[]).fails(1).says("lie in each other");
    std::fs::create_dir_all(env.path(".greffon-x")).expect("a folder");
    hand.adopt(".greffon-x", &[]).fails(1).says("cannot be a site");
    std::fs::create_dir_all(env.path("empty")).expect("a folder");
    hand.adopt("empty", &["--app", "moodle"]).fails(1).says("nothing that the installer knows");
    assert!(!env.exists("greffon.toml"));
    // A link out of the tree, a link in a plugin's place, a `.git` that is a file and leads nowhere, a name that git cannot hold.
    let outside = env.path("outside");
    env.write("outside/version.php", plugin("mod_linked", "2024010100", ""));
    std::os::unix::fs::symlink(&outside, env.path("html/mod/linked")).expect("a link");
    env.write("html/local/own/version.php", plugin("local_own", "2021010100", ""));
    std::os::unix::fs::symlink("/etc/passwd", env.path("html/local/own/passwd")).expect("a link");
    env.write("html/local/own/.git", "gitdir: ../../../../nowhere\n");
    let said = hand.adopt("html", &["--json"]).succeeds().json();
    assert!(said["git"][0]["error"].is_string(), "{said:#}");
    assert!(!env.exists("vendored/plugins/local_own/passwd"), "a link that leads out is not copied");
    assert!(said["elements"].as_array().expect("elements").iter().all(|one| one["name"] != "mod_linked"));
    let before = hand.witness("html");
    env.greffon(["sync"]).run().succeeds();
    assert_eq!(hand.witness("html"), before);
    env.greffon(["adopt", "html/mod"]).run().fails(1).says("lie in each other");
}

#[test]
fn an_installer_in_a_script_says_what_stands_in_a_tree() {
    let campus = Campus::new();
    let env = &campus.env;
    let repo = campus.repo("one");
    repo.write("version.txt", "1.0").write("one.php", "<?php // one\n").commit("one");
    repo.tag("v1.0");
    repo.write("version.txt", "1.1").commit("later");
    repo.tag("v1.1");
    env.write("html/parts/one/version.txt", "1.0");
    env.write("html/parts/one/one.php", "<?php // one\n");
    env.write("html/owner.txt", "mine");
    let script = |path: &str| {
        format!(
            "fn place(request) {{ `parts/${{request.name}}` }}\nfn types() {{ [\"plugins\"] }}\n\
             fn survey(request) {{ #{{ elements: [#{{ id: \"plugins/one\", path: \"{path}\", version: \"1.0\", marker: \"version.txt\" }}], protect: [\"/owner.txt\"] }} }}\n"
        )
    };
    let all = env.path("repos").display().to_string();
    let manifest = format!(
        "[config]\ninstaller = \"script:inst.rhai\"\n[[config.repositories]]\nname = \"all\"\nuse = \"builtin:git\"\nurl = \"{all}/{{name}}\"\n[types.plugins]\n"
    );
    env.write("greffon.toml", &manifest);
    env.write("inst.rhai", script("../one"));
    env.greffon(["adopt", "html"]).run().fails(1).says("outside the site");
    env.write("inst.rhai", script("parts/one"));
    let said = env.greffon(["adopt", "html", "--json"]).run().succeeds().json();
    assert_eq!(said["elements"][0]["how"], "exact", "{said:#}");
    assert!(env.read("greffon.lock").contains("\"plugins/one@1.0\""), "{}", env.read("greffon.lock"));
    env.greffon(["sync", "--all", "-y"]).run().succeeds();
    assert_eq!(env.read("html/owner.txt"), "mine");
}

#[test]
fn a_plugin_of_submodules_is_recognised_with_them() {
    let hand = Hand::new();
    let campus = &hand.campus;
    let library = campus.repo("library");
    library.write("library.php", "<?php // one\n").commit("one");
    let hvp = campus.repo("mod_hvp");
    hvp.write("version.php", plugin("mod_hvp", "2024050100", ""));
    let url = library.folder().display().to_string();
    hvp.git(&["submodule", "add", "-q", &url, "library"]);
    hvp.commit("one");
    hvp.tag("v1").write("version.php", plugin("mod_hvp", "2024060100", "")).commit("two");
    hvp.tag("v2");
    let place = campus.env.path("html/mod/hvp");
    support::git(&campus.env.work(), &["clone", "-q", "--recurse-submodules", "-b", "v1", &hvp.folder().display().to_string(), &place.display().to_string()]);
    std::fs::remove_dir_all(place.join(".git")).expect("removed");
    std::fs::remove_file(place.join("library/.git")).expect("removed");
    let said = hand.adopt("html", &["--json"]).succeeds().json();
    let found = said["elements"].as_array().expect("elements").iter().find(|one| one["name"] == "mod_hvp").expect("it is there").clone();
    assert_eq!((found["how"].as_str(), found["version"].as_str()), (Some("exact"), Some("2024050100")), "{said:#}");
    assert!(campus.env.read("greffon.lock").contains("submodules = true"), "{}", campus.env.read("greffon.lock"));
    hand.stays("html");
}
