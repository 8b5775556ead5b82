//! `saved`: what was put aside is listed, goes back, and is never lost on the way.

use super::shop::Shop;

const TWO: &str = "[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n";
const FILE: &str = "one/plugins/a/code.txt";

/// A site whose `a` was edited, and the edit put aside by a sync.
fn edited() -> Shop {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], "a = \"*\"", TWO);
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.env.write(FILE, "an hour's work\n");
    shop.env.greffon(["sync", "--site", "one", "--if-local-changes", "save"]).run().succeeds();
    assert_eq!(shop.env.read(FILE), "a 1.0.0\n");
    shop
}

#[test]
fn an_edit_that_was_put_aside_is_listed_and_goes_back() {
    let shop = edited();
    let listed = shop.env.greffon(["saved", "list", "--site", "one", "--json"]).run().succeeds().json();
    let files = &listed["sites"][0]["files"];
    assert_eq!((files[0]["run"].as_str(), files[0]["path"].as_str(), files[0]["size"].as_u64()), (Some("2"), Some("plugins/a/code.txt"), Some(15)));
    shop.env.greffon(["saved"]).run().succeeds().prints("plugins/a/code.txt").prints("nothing was put aside");
    shop.env.greffon(["saved", "restore", "plugins/a/code.txt", "--dry-run", "--site", "one"]).run().succeeds().says("would put back");
    assert_eq!(shop.env.read(FILE), "a 1.0.0\n");

    // The file as installed gives way: git can give it back.
    shop.env.greffon(["saved", "restore", "plugins/a/code.txt", "--site", "one"]).run().succeeds().says("put back plugins/a/code.txt");
    assert_eq!(shop.env.read(FILE), "an hour's work\n");
    let left = shop.env.greffon(["saved", "--site", "one", "--json"]).run().succeeds().json();
    assert_eq!(left["sites"][0]["files"].as_array().map(Vec::len), Some(0));
    assert!(!shop.env.exists(".greffon-one/saved/2"), "no empty folders stay");
    let status = shop.env.greffon(["status", "--site", "one", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["elements"][0]["state"], "modified");
}

#[test]
fn a_newer_edit_stops_a_restore_before_any_write_unless_told() {
    let shop = edited();
    shop.env.write(FILE, "newer work\n");
    let tree = shop.env.tree("one");
    shop.env.greffon(["saved", "restore", "plugins/a", "--site", "one"]).run().fails(1).says("newer: plugins/a/code.txt").says("--replace");
    assert_eq!(shop.env.tree("one"), tree);
    shop.env.greffon(["saved", "restore", "plugins/a", "--replace", "--site", "one"]).run().succeeds().says("which stood there");
    assert_eq!(shop.env.read(FILE), "an hour's work\n");
    assert_eq!(shop.env.read(".greffon-one/saved/2-replaced/plugins/a/code.txt"), "newer work\n");

    // The latest of several, or the one of a run.
    shop.env.greffon(["sync", "--site", "one", "--if-local-changes", "save"]).run().succeeds();
    shop.env.greffon(["saved", "restore", "plugins/a", "--run", "2-replaced", "--site", "one"]).run().succeeds();
    assert_eq!(shop.env.read(FILE), "newer work\n");
    shop.env.greffon(["saved", "restore", "--everything", "--replace", "--site", "one"]).run().succeeds();
    assert_eq!(shop.env.read(FILE), "an hour's work\n");
}

#[test]
fn only_what_is_named_is_dropped_and_unknown_names_are_told() {
    let shop = edited();
    shop.env.greffon(["saved", "drop", "--site", "one"]).run().fails(2).says("which of the saved files?");
    shop.env.greffon(["saved", "drop", "plugins/b", "--site", "one"]).run().fails(1).says("saved list");
    shop.env.greffon(["saved", "drop", "../../../etc/passwd", "--site", "one"]).run().fails(1);
    shop.env.greffon(["saved", "drop", "plugins/a/code.txt"]).run().fails(2).says("--site");
    shop.env.greffon(["saved", "drop", "--run", "7", "--site", "one"]).run().fails(1);
    shop.env.greffon(["saved", "drop", "--run", "2", "--dry-run", "--site", "one"]).run().succeeds().says("would drop");
    assert!(shop.env.exists(".greffon-one/saved/2/plugins/a/code.txt"));
    let dropped = shop.env.greffon(["saved", "drop", "plugins/a/code.txt", "--site", "one", "--json"]).run().succeeds().json();
    assert_eq!(dropped["sites"][0]["dropped"][0]["path"], "plugins/a/code.txt");
    assert!(!shop.env.exists(".greffon-one/saved/2"));
}
