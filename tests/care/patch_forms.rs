//! Patches that people write otherwise than `patch create` does, and what they are told of those that cannot be used.

use std::path::Path;
use std::process::Command;

use super::shop::{INSTALLER, Shop};
use super::support::Repo;

/// A site with `a` 1.0.0 from git, and its repository.
fn started() -> (Shop, Repo) {
    let shop = Shop::new();
    let repo = Repo::init(&shop.env.root().join("a"));
    repo.write("lib.txt", text("line 5")).write("dos.txt", "one\r\ntwo\r\nthree\r\n").write("sub/deep.txt", "deep\n").link("link", "sub");
    repo.commit("first");
    repo.tag("v1.0.0");
    let manifest =
        format!("{INSTALLER}[types.plugins]\na = {{ git = {:?}, version = \"*\", patches = [\"p.patch\"] }}\n[sites.one]\npath = \"one\"\n", repo.folder());
    shop.env.write("greffon.toml", manifest);
    (shop, repo)
}

fn text(fifth: &str) -> String {
    (1..=10).map(|number| if number == 5 { format!("{fifth}\n") } else { format!("line {number}\n") }).collect()
}

fn output(folder: &Path, program: &str, words: &[&str]) -> Vec<u8> {
    let output = Command::new(program).current_dir(folder).args(words).env("GIT_CONFIG_GLOBAL", "/dev/null").output();
    output.expect("it runs").stdout
}

#[test]
fn patches_of_other_tools_are_read() {
    let (shop, repo) = started();
    repo.write("lib.txt", text("fifth")).write("sub/new file.txt", "new\n").remove("dos.txt").write("bin", [0_u8, 1, 2, 3]);
    let folder = repo.folder().to_owned();
    let git = |words: &[&str]| {
        repo.git(&["add", "-A"]);
        output(&folder, "git", words)
    };
    let diff = git(&["diff", "--cached", "--binary"]);
    let bare = git(&["diff", "--cached", "--binary", "--no-renames", "-U1"]);
    repo.git(&["branch", "keep"]);
    repo.git(&["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "Change it\n\n--- a note\nwith lines"]);
    let mail = output(&folder, "git", &["format-patch", "--stdout", "-1"]);
    let (before, after) = (shop.env.root().join("x.orig"), shop.env.root().join("x"));
    for (folder, fifth) in [(&before, "line 5"), (&after, "fifth")] {
        std::fs::create_dir_all(folder.join("sub")).expect("made");
        std::fs::write(folder.join("lib.txt"), text(fifth)).expect("written");
    }
    std::fs::write(after.join("sub/new file.txt"), "new\n").expect("written");
    let plain = output(shop.env.root(), "diff", &["-ruN", "x.orig", "x"]);
    let no_diff_line = plain.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"diff ")).collect::<Vec<_>>().concat();
    let by_hand = b"Some words first.\n\n--- a/lib.txt\n+++ b/lib.txt\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+fifth\n line 6\n".to_vec();
    for (what, patch, whole) in [
        ("git diff", diff, true),
        ("git diff -U1", bare, true),
        ("git format-patch", mail, true),
        ("diff -ruN", plain, false),
        ("diff -u without its first lines", no_diff_line, false),
        ("by hand", by_hand, false),
    ] {
        assert!(!patch.is_empty(), "{what}");
        shop.env.write("p.patch", &patch);
        shop.remove("one");
        shop.remove(".greffon-one");
        let outcome = shop.env.greffon(["sync"]).run();
        assert_eq!(outcome.status, 0, "{what}: {}\n{}", outcome.stderr, String::from_utf8_lossy(&patch));
        assert_eq!(shop.env.read("one/plugins/a/lib.txt"), text("fifth"), "{what}");
        assert_eq!(!shop.env.exists("one/plugins/a/dos.txt"), whole, "{what}");
        assert_eq!(shop.env.exists("one/plugins/a/bin"), whole, "{what}");
        assert_eq!(shop.env.exists("one/plugins/a/sub/new file.txt"), what != "by hand", "{what}");
    }
}

#[test]
fn what_cannot_be_used_is_told_before_anything_is_written() {
    let (shop, _repo) = started();
    let hunk = "@@ -1,3 +1,3 @@\n line 1\n-line 2\n+second\n line 3\n";
    for (what, patch, says) in [
        ("empty", String::new(), "changes no file"),
        ("words", "hello\n".to_owned(), "changes no file"),
        ("the folder above", format!("--- a/../lib.txt\n+++ b/../lib.txt\n{hunk}"), "its name is"),
        ("an absolute path", format!("--- /etc/passwd\n+++ /etc/../passwd\n{hunk}"), "its name is"),
        ("git's own folder", "--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+x\n".to_owned(), ".git"),
        ("through a link", "--- /dev/null\n+++ b/link/x\n@@ -0,0 +1 @@\n+x\n".to_owned(), "a file stands where `link/x` needs a folder"),
        ("through a file", "--- /dev/null\n+++ b/lib.txt/x\n@@ -0,0 +1 @@\n+x\n".to_owned(), "needs a folder"),
        ("a file that is not there", format!("--- a/nosuch.txt\n+++ b/nosuch.txt\n{hunk}"), "there is no file `nosuch.txt`"),
        ("a file that is there", "--- /dev/null\n+++ b/lib.txt\n@@ -0,0 +1 @@\n+x\n".to_owned(), "is there already"),
        ("a device", "diff --git a/x b/x\nnew file mode 060000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n".to_owned(), "a mode that no file may have"),
        ("too short", "--- a/lib.txt\n+++ b/lib.txt\n@@ -1,9 +1,9 @@\n line 1\n".to_owned(), "ends before"),
        ("a binary file without bytes", "diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n".to_owned(), "git diff --binary"),
    ] {
        shop.env.write("p.patch", &patch);
        let outcome = shop.env.greffon(["sync"]).run();
        assert_eq!(outcome.status, 1, "{what}: {}", outcome.stderr);
        outcome.says(says).says("p.patch");
        assert!(!shop.env.exists("one") && !shop.env.exists("greffon.lock"), "{what}");
    }
    assert!(!Path::new("/etc/../passwd").exists());
}

#[test]
fn a_hunk_that_has_no_place_is_shown_with_what_stands_there_instead() {
    let (shop, repo) = started();
    shop.env.write("p.patch", "--- a/lib.txt\n+++ b/lib.txt\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+fifth\n line 6\n");
    shop.env.greffon(["sync"]).run().succeeds();
    let site = shop.env.tree("one");
    repo.write("lib.txt", format!("new\n{}", text("line five"))).commit("second");
    repo.tag("v1.0.1");
    let failed = shop.env.greffon(["update"]).run().fails(1).says("could not patch plugins/a 1.0.1");
    failed.says("-line 5").says("+fifth").says("`lib.txt`, line 6: `line five` instead of `line 5`").says("greffon patch rebase plugins/a --to 1.0.1");
    assert_eq!(shop.env.tree("one"), site);

    // Line ends alone: said as such, on either side.
    shop.env.write("p.patch", "--- a/dos.txt\n+++ b/dos.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+second\n three\n");
    shop.env.greffon(["sync"]).run().fails(1).says("the lines of `dos.txt` end in CRLF, those of the patch do not");
    shop.env.write("p.patch", "--- a/lib.txt\r\n+++ b/lib.txt\r\n@@ -1,2 +1,2 @@\r\n line 1\r\n-line 2\r\n+second\r\n");
    shop.env.greffon(["sync"]).run().fails(1).says("the lines of the patch end in CRLF, those of `lib.txt` do not");
    shop.env.write("p.patch", "--- a/dos.txt\r\n+++ b/dos.txt\r\n@@ -1,3 +1,3 @@\r\n one\r\n-two\r\n+second\r\n three\r\n");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/dos.txt"), "one\r\nsecond\r\nthree\r\n");
}

#[test]
fn a_patch_that_a_version_has_is_told_in_plan_and_sync_and_what_editors_leave_is_not_taken() {
    let (shop, repo) = started();
    shop.env.write("p.patch", "Subject: Fifth\n\n--- a/lib.txt\n+++ b/lib.txt\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+fifth\n line 6\n");
    shop.env.greffon(["sync"]).run().succeeds();
    repo.write("lib.txt", text("fifth")).commit("upstream takes it");
    repo.tag("v1.1.0");
    shop.env.greffon(["update"]).run().succeeds();
    let plan = shop.env.greffon(["plan", "--json"]).run().succeeds().json();
    assert!(plan["sites"][0]["contained"][0].as_str().is_some_and(|note| note.contains("has what `p.patch` does already")), "{plan}");
    shop.env.greffon(["plan"]).run().succeeds().prints("the patch is left out");
    let sync = shop.env.greffon(["sync", "--json"]).run().succeeds().json();
    assert!(sync["sites"][0]["notes"].to_string().contains("has what `p.patch` does already"), "{sync}");
    shop.env.greffon(["patch", "drop", "--contained"]).run().succeeds().says("p.patch");
    assert!(shop.env.exists("p.patch"), "a file that stands elsewhere is its owner's");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), text("fifth"));

    // A conflict, and what an editor leaves beside it.
    shop.env.write("one/plugins/a/lib.txt", text("FIFTH"));
    shop.env.greffon(["patch", "create", "a", "-m", "Loud"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    repo.write("lib.txt", text("five")).commit("third");
    repo.tag("v1.2.0");
    shop.env.greffon(["patch", "rebase", "a", "--to", "1.2.0"]).run().fails(3);
    shop.env.write("rebase-a/lib.txt", text("FIVE"));
    shop.env.write("rebase-a/lib.txt~", "left by an editor");
    shop.env.greffon(["patch", "rebase", "a", "--continue"]).run().fails(1).says("lib.txt~");
    shop.remove("rebase-a/lib.txt~");
    shop.env.greffon(["patch", "rebase", "a", "--continue"]).run().succeeds();
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/lib.txt"), text("FIVE"));
}

#[test]
fn a_file_in_a_folders_place_and_the_other_way_round() {
    let (shop, repo) = started();
    shop.env.write("p.patch", "");
    let file_for_folder = "diff --git a/sub b/sub\nnew file mode 100644\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+a file now\n";
    let folder_for_file =
        "diff --git a/lib.txt/more.txt b/lib.txt/more.txt\nnew file mode 100644\n--- /dev/null\n+++ b/lib.txt/more.txt\n@@ -0,0 +1 @@\n+below\n";
    let both = format!("{file_for_folder}diff --git a/sub/x b/sub/x\nnew file mode 100644\n--- /dev/null\n+++ b/sub/x\n@@ -0,0 +1 @@\n+x\n");
    for (patch, why) in [
        (file_for_folder, "`sub` is a folder, and what is in it would have to go"),
        (folder_for_file, "a file stands where `lib.txt/more.txt` needs a folder"),
        (&both, "`sub` is a folder"),
    ] {
        shop.env.write("p.patch", patch);
        for command in ["sync", "lock"] {
            shop.env.greffon([command]).run().fails(1).says(why).says("p.patch").says("hint: ");
        }
        assert!(!shop.env.exists("one"), "{why}");
    }
    // What the patch itself takes out of the way is not in the way, in whatever order it says so.
    let deep = "diff --git a/sub/deep.txt b/sub/deep.txt\ndeleted file mode 100644\n--- a/sub/deep.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-deep\n";
    let link = "diff --git a/link b/link\ndeleted file mode 120000\n--- a/link\n+++ /dev/null\n@@ -1 +0,0 @@\n-sub\n\\ No newline at end of file\n";
    let below = "diff --git a/link/x b/link/x\nnew file mode 100644\n--- /dev/null\n+++ b/link/x\n@@ -0,0 +1 @@\n+x\n";
    for patch in [format!("{file_for_folder}{deep}{link}{below}"), format!("{deep}{below}{link}{file_for_folder}")] {
        shop.remove("one");
        shop.remove(".greffon-one");
        shop.env.write("p.patch", patch);
        shop.env.greffon(["sync"]).run().succeeds();
        assert_eq!(shop.env.read("one/plugins/a/sub"), "a file now\n");
        assert_eq!(shop.env.read("one/plugins/a/link/x"), "x\n");
    }
    // In place of what stands in a site already, back again, and not over what somebody put into that folder.
    let (shop, _) = (shop, repo);
    shop.remove("one");
    shop.remove(".greffon-one");
    let patched = shop.env.read("greffon.toml");
    let plain = patched.replace(", patches = [\"p.patch\"]", "");
    shop.env.write("greffon.toml", &plain);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.env.write("one/plugins/a/sub/mine.txt", "mine\n");
    shop.env.write("greffon.toml", &patched);
    shop.env.greffon(["sync"]).run().fails(1).says("plugins/a/sub");
    assert_eq!(shop.env.read("one/plugins/a/sub/mine.txt"), "mine\n");
    shop.remove("one/plugins/a/sub/mine.txt");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!((shop.env.read("one/plugins/a/sub"), shop.env.read("one/plugins/a/link/x")), ("a file now\n".to_owned(), "x\n".to_owned()));
    shop.env.write("greffon.toml", &plain);
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("one/plugins/a/sub/deep.txt"), "deep\n");
    assert_eq!(std::fs::read_link(shop.env.path("one/plugins/a/link")).expect("a link"), Path::new("sub"));
}
