//! What a newcomer and a hostile reader stumbled over, so that nobody does again.
#![allow(clippy::disallowed_methods)]

mod support;

use support::{Repo, Shelf};

/// A shelf whose site `prod` has had base 1.0.0 (generation 1), 1.1.0 (2) and 1.2.0 (3).
fn three_generations() -> Shelf {
    let shelf = Shelf::new();
    shelf.manifest("[types.packages]\nbase = \"*\"\n");
    let shelf = shelf.synced();
    for version in ["1.1.0", "1.2.0"] {
        shelf.publish("base", version, "");
        shelf.env.greffon(["update", "--refresh"]).run().succeeds();
        shelf.env.greffon(["sync", "--site", "prod"]).run().succeeds();
    }
    shelf
}

fn installed(shelf: &Shelf) -> String {
    shelf.env.read("sites/prod/packages/base/code.txt")
}

#[test]
fn going_back_twice_goes_further_back() {
    let shelf = three_generations();
    assert_eq!(installed(&shelf), "base 1.2.0\n");
    for version in ["1.1.0", "1.0.0"] {
        shelf.env.greffon(["rollback", "--site", "prod"]).run().succeeds();
        assert_eq!(installed(&shelf), format!("base {version}\n"));
    }
    shelf.env.greffon(["rollback", "--site", "prod"]).run().fails(1).says("no earlier generation");
}

#[test]
fn writing_a_rollback_down_wants_what_one_went_back_to() {
    let shelf = three_generations();
    shelf.env.greffon(["rollback", "--site", "prod"]).run().succeeds();
    shelf.env.greffon(["rollback", "--write", "--site", "prod"]).run().succeeds();
    assert_eq!(installed(&shelf), "base 1.1.0\n");
    shelf.env.greffon(["lock", "--check"]).run().succeeds();
    shelf.env.greffon(["sync", "--site", "prod"]).run().succeeds();
    assert_eq!(installed(&shelf), "base 1.1.0\n", "what was written down is what sync makes");
}

#[test]
fn a_canary_that_is_no_chosen_site_is_wrong_usage() {
    let shelf = Shelf::new();
    shelf.env.greffon(["sync", "--all", "--create", "--first", "prdo"]).run().fails(2).says("--first prdo");
    shelf.env.greffon(["sync", "--site", "test", "--first", "prod"]).run().fails(2).says("--first prod");
    assert!(!shelf.env.exists("sites") && !shelf.env.exists("greffon.lock"));
}

#[test]
fn wrong_flags_are_told_before_the_manifest_is_written() {
    let shelf = Shelf::new().synced();
    let before = (shelf.env.read("greffon.toml"), shelf.env.read("greffon.lock"));
    shelf.env.greffon(["install", "packages/base", "--all", "--purge", "packages/bose"]).run().fails(1).says("packages/bose");
    assert_eq!((shelf.env.read("greffon.toml"), shelf.env.read("greffon.lock")), before);
}

#[test]
fn a_mark_of_digits_does_not_hide_a_generation() {
    let shelf = three_generations();
    shelf.env.greffon(["history", "mark", "1", "--site", "prod"]).run().fails(1).says("not digits alone");
    shelf.env.greffon(["history", "mark", "v1", "--site", "prod"]).run().succeeds();
}

#[test]
fn a_source_of_its_own_makes_no_type_known() {
    let shelf = Shelf::new();
    let repo = Repo::init(&shelf.env.path("fork"));
    repo.write("code.txt", "x\n");
    repo.commit("one");
    repo.tag("v1.0.0");
    shelf.env.greffon(["add", "package/x", "--git", "fork"]).run().fails(1).says("there is no element type `package`").says("packages/x");
}

#[test]
fn an_error_shows_no_line_that_was_never_written() {
    let shelf = Shelf::new();
    let gone = shelf.env.greffon(["add", "packages/x", "--git", "nowhere"]).run().fails(1).says("could not read what packages/x offers");
    assert!(!gone.stderr.contains("-->") && !gone.stderr.contains("greffon.toml:"), "{}", gone.stderr);
}
