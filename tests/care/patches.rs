//! Patches: made of edits, applied again at every version, left out where they are contained, brought to versions that changed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::shop::Shop;

const ONE: &str = "[sites.one]\npath = \"one\"\n";

/// Twenty numbered lines, some of them others.
fn lines(changed: &[(usize, &str)]) -> String {
    (1..=20).map(|number| changed.iter().find(|(at, _)| *at == number).map_or_else(|| format!("line {number}\n"), |(_, text)| format!("{text}\n"))).collect()
}

fn publish(shop: &Shop, version: &str, files: &[(&str, &str)]) {
    let folder = shop.package("a", version, &[]);
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, content).expect("written");
        if content.starts_with("#!") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
        }
    }
    let target = shop.public("ours");
    shop.env.greffon(["repo".as_ref(), "index".as_ref(), target.as_os_str(), folder.as_os_str()]).run().succeeds();
}

/// A site with `a` 1.0.0, whose `lib.txt` has twenty lines.
fn started() -> Shop {
    let shop = Shop::new();
    publish(
        &shop,
        "1.0.0",
        &[
            ("lib.txt", &lines(&[])),
            ("run.sh", "#!/bin/sh\n"),
            ("old/name.txt", &lines(&[(1, "to be renamed")])),
            ("gone.txt", "goes\n"),
            ("end.txt", "no end"),
        ],
    );
    shop.manifest(&["ours"], "# what it is for\na   =  \"*\"   # keep this", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop
}

fn git(folder: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(words).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_kind_of_edit_becomes_a_patch_that_git_reads_and_a_sync_has_nothing_to_do() {
    let shop = started();
    let at = |path: &str| shop.env.path("one/plugins/a").join(path);
    let plain = shop.env.root().join("plain");
    assert!(Command::new("cp").arg("-a").arg(at("")).arg(&plain).status().expect("cp").success());
    shop.env.write("one/plugins/a/lib.txt", lines(&[(3, "three"), (18, "eighteen")]));
    shop.env.write("one/plugins/a/new/deep/file name.txt", "new\n");
    shop.env.write("one/plugins/a/new/picture.bin", [0_u8, 1, 2, 255, 0, 10, 13].repeat(50));
    shop.env.write("one/plugins/a/new/empty", "");
    shop.env.write("one/plugins/a/latin.txt", b"caf\xe9\n");
    shop.env.write("one/plugins/a/end.txt", "still no end");
    std::fs::remove_file(at("gone.txt")).expect("removed");
    std::fs::create_dir_all(at("other")).expect("a folder");
    std::fs::rename(at("old/name.txt"), at("other/name.txt")).expect("renamed");
    std::fs::set_permissions(at("run.sh"), std::fs::Permissions::from_mode(0o644)).expect("set");
    std::fs::set_permissions(at("end.txt"), std::fs::Permissions::from_mode(0o755)).expect("set");
    std::os::unix::fs::symlink("lib.txt", at("link")).expect("linked");
    let tree = shop.env.tree("one");
    let manifest = shop.env.read("greffon.toml");

    shop.env.greffon(["patch", "create", "a", "--dry-run"]).run().succeeds().says("Would write");
    assert!(!shop.env.exists("patches") && shop.env.read("greffon.toml") == manifest);
    let made = shop.env.greffon(["patch", "create", "a", "-m", "What we need, here", "--json"]).run().succeeds().json();
    assert_eq!(made["patch"], "patches/a/0001-what-we-need-here.patch");
    assert_eq!(made["files"].as_array().map(Vec::len), Some(11), "{made}");
    let wanted = "# what it is for\na   =  { version = \"*\", patches = [\"patches/a/0001-what-we-need-here.patch\"] }   # keep this";
    assert_eq!(shop.env.read("greffon.toml"), manifest.replace("# what it is for\na   =  \"*\"   # keep this", wanted));
    let text = made["text"].as_str().expect("text");
    assert!(text.starts_with("Subject: What we need, here\n\ndiff --git "), "{text}");
    assert!(text.contains("rename from old/name.txt") && text.contains("GIT binary patch") && text.contains("\\ No newline at end of file"), "{text}");

    // For the files a sync has nothing to do: no inode changes.
    let inode = |path: &str| std::os::unix::fs::MetadataExt::ino(&at(path).symlink_metadata().expect("there"));
    let before: Vec<u64> = ["lib.txt", "end.txt", "new/picture.bin", "link"].map(inode).to_vec();
    let synced = shop.env.greffon(["sync", "--json"]).run().succeeds().json();
    assert_eq!(synced["sites"][0]["files"], serde_json::json!({ "add": 0, "change": 0, "remove": 0 }), "{synced}");
    assert_eq!(shop.env.tree("one"), tree);
    assert_eq!(["lib.txt", "end.txt", "new/picture.bin", "link"].map(inode).to_vec(), before);
    shop.env.greffon(["status", "--exit-code"]).run().succeeds();
    shop.env.greffon(["verify"]).run().succeeds();
    shop.env.greffon(["patch", "create", "a"]).run().fails(1).says("has edits");

    // git reads it, and makes the same of it.
    git(&plain, &["init", "-q"]);
    git(&plain, &["add", "-A"]);
    git(&plain, &["commit", "-qm", "as it came"]);
    git(&plain, &["apply", &shop.env.path("patches/a/0001-what-we-need-here.patch").display().to_string()]);
    std::fs::remove_dir_all(plain.join(".git")).expect("removed");
    let same = Command::new("diff").args(["-r", "--no-dereference"]).arg(&plain).arg(at("")).output().expect("diff runs");
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));

    // A new site gets it too, and a second edit is a second patch.
    shop.env.write("one/plugins/a/lib.txt", lines(&[(3, "three"), (10, "ten"), (18, "eighteen")]));
    let second = shop.env.greffon(["patch", "create", "plugins/a", "--json"]).run().succeeds().json();
    assert_eq!((second["patch"].as_str(), second["files"].as_array().map(Vec::len)), (Some("patches/a/0002-edit.patch"), Some(1)));
    shop.remove("one");
    shop.remove(".greffon-one");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), lines(&[(3, "three"), (10, "ten"), (18, "eighteen")]));
    assert!(shop.env.exists("one/plugins/a/other/name.txt") && !shop.env.exists("one/plugins/a/gone.txt"));
    let listed = shop.env.greffon(["patch", "list", "--json"]).run().succeeds().json();
    let states: Vec<_> = listed["patches"].as_array().expect("a list").iter().map(|line| line["state"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(states, ["applies", "applies"]);
}

/// As [`started`], with the third line patched.
fn patched() -> Shop {
    let shop = started();
    shop.env.write("one/plugins/a/lib.txt", lines(&[(3, "three")]));
    shop.env.greffon(["patch", "create", "a", "-m", "Three"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    shop
}

#[test]
fn a_patch_follows_is_left_out_where_contained_and_stops_everything_where_it_fails() {
    let shop = patched();
    // The lines moved, and others changed.
    publish(&shop, "1.0.1", &[("lib.txt", &format!("// licence\n// more\n{}", lines(&[(15, "fifteen")])))]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), format!("// licence\n// more\n{}", lines(&[(3, "three"), (15, "fifteen")])));

    publish(&shop, "1.0.2", &[("lib.txt", &format!("// licence\n{}", lines(&[(3, "three"), (15, "fifteen")])))]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds().says("has what `patches/a/0001-three.patch` does already").says("patch drop --contained");
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), format!("// licence\n{}", lines(&[(3, "three"), (15, "fifteen")])));
    shop.env.greffon(["patch", "list"]).run().succeeds().prints("contained");

    publish(&shop, "1.0.3", &[("lib.txt", &lines(&[(3, "drei")]))]);
    let (lock, tree, manifest) = (shop.env.read("greffon.lock"), shop.env.tree("one"), shop.env.read("greffon.toml"));
    for command in [&["update"][..], &["update", "a", "--to", "1.0.3"]] {
        let failed =
            shop.env.greffon(command).run().fails(1).says("does not apply").says("hunk 1 of 1").says("0001-three.patch").says("-line 3").says("+three");
        failed.says("greffon patch rebase plugins/a --to 1.0.3");
    }
    assert_eq!((shop.env.read("greffon.lock"), shop.env.read("greffon.toml")), (lock, manifest));
    // Without a lock, `sync` alone meets it.
    shop.remove("greffon.lock");
    shop.env.greffon(["sync"]).run().fails(1).says("does not apply").says("patch rebase");
    assert!(!shop.env.exists("greffon.lock"));
    assert_eq!(shop.env.tree("one"), tree);
    shop.env.greffon(["lock"]).run().fails(1).says("does not apply");
    assert!(!shop.env.exists("greffon.lock"));
}

#[test]
fn a_rebase_merges_lays_out_conflicts_and_writes_the_patches_last() {
    let shop = patched();
    shop.env.write("one/plugins/a/lib.txt", lines(&[(3, "three"), (16, "sixteen")]));
    shop.env.greffon(["patch", "create", "a", "-m", "Sixteen"]).run().succeeds().says("`greffon sync` records it");
    shop.env.greffon(["sync"]).run().succeeds();
    let old = [shop.env.read("patches/a/0001-three.patch"), shop.env.read("patches/a/0002-sixteen.patch")];
    publish(&shop, "1.0.1", &[("lib.txt", &lines(&[(3, "drei")]))]);
    shop.env.greffon(["patch", "rebase", "a"]).run().succeeds().says("as they are");
    shop.env.greffon(["patch", "rebase", "a", "--continue"]).run().fails(1).says("no rebase");

    let stopped = shop.env.greffon(["patch", "rebase", "a", "--to", "1.0.1", "--json"]).run().fails(3).json();
    assert_eq!((stopped["state"].as_str(), stopped["patch"].as_str()), (Some("conflicts"), Some("patches/a/0001-three.patch")));
    assert_eq!(stopped["conflicts"][0]["path"], "lib.txt");
    let text = shop.env.read("rebase-a/lib.txt");
    assert!(text.contains("<<<<<<< plugins/a 1.0.1\ndrei\n=======\nthree\n>>>>>>> patches/a/0001-three.patch\n"), "{text}");
    shop.env.greffon(["patch", "rebase", "a", "--to", "1.0.1"]).run().fails(2).says("under way");
    shop.env.greffon(["patch", "rebase", "a", "--continue"]).run().fails(1).says("lib.txt, line 3");
    shop.env.greffon(["patch", "rebase", "a", "--abort"]).run().succeeds();
    assert!(!shop.env.exists("rebase-a"));

    shop.env.greffon(["patch", "rebase", "a", "--to", "1.0.1", "--in", "elsewhere"]).run().fails(3);
    assert_eq!([shop.env.read("patches/a/0001-three.patch"), shop.env.read("patches/a/0002-sixteen.patch")], old);
    shop.env.write("elsewhere/lib.txt", lines(&[(3, "drei, three")]));
    shop.env.greffon(["patch", "rebase", "a", "--continue", "--in", "elsewhere"]).run().succeeds().says("apply to plugins/a 1.0.1 now");
    assert!(!shop.env.exists("elsewhere"));
    let new = shop.env.read("patches/a/0001-three.patch");
    assert!(new.starts_with("Subject: Three\n") && new.contains("-drei\n+drei, three\n"), "{new}");
    assert_eq!(shop.env.read("patches/a/0002-sixteen.patch"), old[1], "one that applies stays as it is");
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), lines(&[(3, "drei, three"), (16, "sixteen")]));
}

#[test]
fn what_can_be_merged_is_and_a_file_that_went_must_be_decided() {
    let shop = patched();
    // The line beside changed: no hunk fits, a merge does.
    publish(&shop, "1.0.1", &[("lib.txt", &lines(&[(5, "fünf")]))]);
    shop.env.greffon(["update"]).run().fails(1).says("does not apply");
    shop.env.greffon(["patch", "rebase", "a", "--to", "1.0.1"]).run().succeeds().says("wrote patches/a/0001-three.patch");
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), lines(&[(3, "three"), (5, "fünf")]));

    publish(&shop, "1.0.2", &[("other.txt", "x\n")]);
    shop.env.greffon(["update"]).run().fails(1).says("there is no file `lib.txt`");
    shop.env.greffon(["patch", "rebase", "a", "--to", "1.0.2"]).run().fails(3).says("no longer there");
    shop.remove("rebase-a/lib.txt");
    shop.env.greffon(["patch", "rebase", "a", "--continue"]).run().succeeds().says("contained patches/a/0001-three.patch");
}

#[test]
fn drop_takes_a_patch_out_and_a_rollback_has_it_still() {
    let shop = patched();
    shop.env.write("one/plugins/a/lib.txt", lines(&[(3, "three"), (16, "sixteen")]));
    shop.env.greffon(["patch", "create", "a", "-m", "Sixteen"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    shop.env.greffon(["patch", "drop", "a"]).run().fails(2).says("which?");
    shop.env.greffon(["patch", "drop", "a", "7"]).run().fails(1).says("has no patch `7`");
    shop.env.greffon(["patch", "drop", "a", "2"]).run().succeeds().says("dropped patches/a/0002-sixteen.patch");
    assert!(!shop.env.exists("patches/a/0002-sixteen.patch") && shop.env.exists("patches/a/0001-three.patch"));
    assert!(shop.env.read("greffon.toml").contains("patches = [\"patches/a/0001-three.patch\"]"));
    shop.env.greffon(["patch", "drop", "a"]).run().succeeds();
    assert!(shop.env.read("greffon.toml").contains("a   =  { version = \"*\" }"), "{}", shop.env.read("greffon.toml"));
    shop.env.greffon(["patch", "list"]).run().succeeds().prints("no patches");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), lines(&[]));

    // Their text is in the history, so what they made can be made again with an empty stock.
    let history = Command::new("git")
        .arg("--git-dir")
        .arg(shop.env.path(".greffon-one/history.git"))
        .args(["show", "main~1:greffon/patches/plugins/a/0002-0002-sixteen.patch"])
        .output();
    let shown = String::from_utf8_lossy(&history.expect("git runs").stdout).into_owned();
    assert!(shown.contains("+sixteen"), "{shown}");
    shop.empty_stock();
    shop.env.greffon(["rollback", "3"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), lines(&[(3, "three"), (16, "sixteen")]));
}

#[test]
fn what_cannot_be_patched_is_told() {
    let shop = started();
    shop.env.greffon(["patch", "create", "nosuch"]).run().fails(1).says("nosuch");
    shop.env.greffon(["patch", "create", "a"]).run().fails(1).says("has edits in plugins/a");
    shop.env.write("one/plugins/a/lib.txt", "one\n");
    shop.env.write("one/plugins/a/run.sh", "two\n");
    // Only what is named; new files of others are no part of it.
    shop.env.write("one/plugins/a/cache/junk", "junk");
    let made = shop.env.greffon(["patch", "create", "a", "plugins/a/lib.txt", "--json"]).run().succeeds().json();
    assert_eq!(made["files"], serde_json::json!([{ "path": "lib.txt", "state": "changed" }]));
    // A hostile or damaged patch in the manifest's list.
    for (text, says) in [
        ("--- a/../../out\n+++ b/../../out\n@@ -0,0 +1 @@\n+x\n", "its name is"),
        ("no patch at all\n", "changes no file"),
        ("--- a/lib.txt\n+++ b/lib.txt\n@@ -1,99 +1 @@\n-x\n", "ends before"),
    ] {
        shop.env.write("patches/a/0001-edit.patch", text);
        shop.env.greffon(["sync", "--if-local-changes", "keep"]).run().fails(1).says(says).says("0001-edit.patch");
    }
    shop.remove("patches");
    shop.env.greffon(["sync", "--if-local-changes", "keep"]).run().fails(1).says("there is no patch");
}
