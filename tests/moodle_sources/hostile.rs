//! A directory that is slow, gone, lying or busy: nothing is believed that was not promised, and what was heard last serves.

use super::moodle_site::Campus;
use super::support::Fault;
use super::world::{Directory, archive, manifest};

/// A directory of one plugin, and a manifest that wants it and asks anew each time.
fn campus_with(rest: &str) -> (Campus, Directory) {
    let campus = Campus::new();
    campus.core();
    let mut directory = Directory::new();
    directory.offer("mod_x", "2024010100", &["4.5"], "");
    manifest(&campus, "4.5", &[directory.entry(rest)], "mod_x = \"*\"");
    (campus, directory)
}

fn lock_fails(campus: &Campus, words: &str) {
    let failed = campus.env.greffon(["lock"]).run().fails(1);
    assert!(failed.stderr.contains(words), "`{words}` is not in:\n{}", failed.stderr);
    assert!(!campus.env.exists("greffon.lock"));
}

#[test]
fn what_is_no_list_is_told_as_what_it_is() {
    let (campus, directory) = campus_with("");
    for (fault, words) in [
        (Fault::html(), "answered with a web page"),
        (Fault::status(200).body(b"{\"plugins\": [{\"component\": \"mod_x\", \"ver"), "did not answer with a list"),
        (Fault::status(200).body(b"{\"error\": \"go away\"}"), "lists no plugin at all"),
        (Fault::status(200).body(b"{\"plugins\": {}}"), "lists no plugin at all"),
        (Fault::status(200).body(b"\xff\xfe\x00"), "did not answer with a list"),
        (Fault::status(200).body(&[b"[".repeat(100_000), b"]".repeat(100_000)].concat()), "lists no plugin at all"),
        (Fault::status(200).body(&[b"{\"plugins\":".repeat(100_000), b"}".repeat(100_000)].concat()), "did not answer with a list"),
        (Fault::status(404).body(b"gone"), "there is no list of plugins at"),
        (Fault::status(403).body(b"blocked"), "the server refuses (status 403)"),
    ] {
        directory.server.fault("pluglist.php", 1, fault);
        lock_fails(&campus, words);
    }
    campus.env.greffon(["lock"]).run().succeeds();
}

#[test]
fn a_busy_directory_is_left_alone_and_what_it_said_last_serves() {
    let (campus, directory) = campus_with("max-age = \"0\"");
    // A short wait is waited for.
    directory.server.fault("pluglist.php", 1, Fault::status(429).header("Retry-After", "1"));
    campus.env.greffon(["lock"]).run().succeeds();
    assert_eq!(directory.server.count("pluglist.php"), 2);
    std::fs::remove_file(campus.env.path("greffon.lock")).expect("a lock");
    // A long one is not, and nobody asks again before it is over.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    directory.server.fault("pluglist.php", 9, Fault::status(503).header("Retry-After", "3600"));
    campus.env.greffon(["lock"]).run().succeeds().says("the list of plugins is");
    let asked = directory.server.count("pluglist.php");
    assert_eq!(asked, 3, "it was not pressed");
    std::fs::remove_file(campus.env.path("greffon.lock")).expect("a lock");
    campus.env.greffon(["lock", "--refresh"]).run().succeeds().says("asked to be left alone for another");
    assert_eq!(directory.server.count("pluglist.php"), asked);
    // Another machine has nothing to fall back on.
    std::fs::remove_file(campus.env.path("greffon.lock")).expect("a lock");
    let other = campus.env.greffon(["lock"]).env("GREFFON_STOCK", campus.env.path("other")).run().fails(1);
    assert!(other.stderr.contains("asks to be left alone for 3600 s"), "{}", other.stderr);
}

#[test]
fn what_was_heard_last_serves_with_its_age_and_offline() {
    let (campus, directory) = campus_with("max-age = \"0\"");
    lock_offline_fails(&campus);
    campus.env.greffon(["lock"]).run().succeeds();
    std::fs::remove_file(campus.env.path("greffon.lock")).expect("a lock");
    campus.env.greffon(["lock", "--offline"]).run().succeeds();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    // Unchanged: the server says so in a few bytes.
    let before = directory.server.requests().len();
    campus.env.greffon(["search", "mod"]).run().succeeds();
    let asked = directory.server.requests();
    assert!(asked[before..].iter().any(|request| request.path.ends_with("pluglist.php") && request.header("if-none-match").is_some()));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    directory.server.fault("pluglist.php", 9, Fault::html());
    campus.env.greffon(["search", "mod"]).run().succeeds().prints("plugins/mod_x").says("the list of plugins is less than a minute old").says("a web page");
}

fn lock_offline_fails(campus: &Campus) {
    let failed = campus.env.greffon(["search", "mod", "--offline"]).run().fails(1);
    assert!(failed.stderr.contains("was never asked for"), "{}", failed.stderr);
}

#[test]
fn an_archive_that_is_not_the_promised_one_is_refused() {
    let (campus, mut directory) = campus_with("");
    let path = "/market/plugins/mod_x/versions/2024010100/download";
    let sync = |words: &str| {
        let failed = campus.env.greffon(["sync", "--site", "one", "-y"]).run().fails(1);
        assert!(failed.stderr.contains(words), "`{words}` is not in:\n{}", failed.stderr);
        assert!(!campus.env.exists("one"), "nothing of the site was begun");
    };
    directory.server.put_as(path, "application/zip", archive("mod_x", "2024010100", "// other bytes"));
    sync("gave other bytes than its repository states: MD5");
    directory.server.fault("download", 9, Fault::html());
    sync("answered with a web page, not with an archive");
    directory.server.heal();
    directory.server.put_as(path, "application/zip", Vec::new());
    sync("other bytes than its repository states");
    // Promised and given, but another plugin.
    directory.offer("mod_x", "2024010100", &["4.5"], "");
    let bytes = archive("mod_evil", "2024010100", "");
    let release = serde_json::json!({ "version": "2024020200", "downloadurl": directory.server.url("/evil.zip"), "downloadmd5": super::world::md5_of(&bytes), "supportedmoodles": super::world::branches(&["4.5"]) });
    directory.server.put_as("/evil.zip", "application/zip", bytes);
    directory.release("mod_x", release);
    campus.env.greffon(["update", "--refresh"]).run().succeeds();
    sync("no `version.php` in it says that it is `mod_x`");
}

#[test]
fn a_broken_check_lets_other_bytes_in() {
    let (campus, directory) = campus_with("");
    let path = "/market/plugins/mod_x/versions/2024010100/download";
    directory.server.put_as(path, "application/zip", archive("mod_x", "2024010100", "// other bytes"));
    campus.env.greffon(["sync", "--site", "one", "-y"]).env("GREFFON_BREAK", "promise").run().succeeds();
    assert!(campus.env.read("one/mod/x/version.php").contains("other bytes"), "the twin takes what comes: so the test above can fail");
}
