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

/// `--dry-run` does nothing, whatever the command; where there is nothing to rehearse it is wrong usage.
#[test]
#[cfg(debug_assertions)]
fn a_rehearsal_of_recovering_building_and_storing_writes_nothing() {
    let shelf = three_generations();
    let (site, state) = (|| shelf.env.tree("sites/prod"), || shelf.env.exists("sites/.greffon-prod/journal"));
    shelf.publish("base", "1.3.0", "");
    shelf.env.greffon(["update", "--refresh"]).run().succeeds();
    let kill = (1..500).find(|at| {
        shelf.env.greffon(["sync", "--site", "prod"]).env("GREFFON_KILL_AT", at.to_string()).run();
        state()
    });
    assert!(kill.is_some(), "no run was cut off with a journal");
    let before = site();
    let told = shelf.env.greffon(["recover", "--site", "prod", "--dry-run"]).run().succeeds();
    assert!(told.stderr.contains("an interrupted sync would be finished or undone"), "{}", told.stderr);
    assert!(state() && site() == before, "it recovered");
    shelf.env.greffon(["recover", "--site", "prod"]).run().succeeds();
    assert!(!state());
    shelf.env.greffon(["recover", "--site", "prod", "--dry-run"]).run().succeeds().says("nothing to recover");

    shelf.publish("base", "1.4.0", "");
    shelf.env.greffon(["update", "--refresh"]).run().succeeds();
    let stored = || shelf.env.greffon(["stock", "list"]).run().succeeds().stdout;
    let before = stored();
    shelf.env.greffon(["build", "out", "--site", "prod", "--dry-run"]).run().fails(1).says("not in stock");
    shelf.env.greffon(["stock", "add", "packages/base@9", ".", "--dry-run"]).run().fails(2).says("no rehearsal");
    shelf.env.greffon(["stock", "verify", "--dry-run"]).run().fails(2).says("no rehearsal");
    assert!(stored() == before && !shelf.env.exists("out"));
    shelf.env.greffon(["fetch", "--site", "prod"]).run().succeeds();
    shelf.env.greffon(["build", "out", "--site", "prod", "--dry-run"]).run().succeeds().says("Would write prod");
    assert!(!shelf.env.exists("out"));
}

#[test]
fn doctor_asks_the_repositories_unless_it_is_to_stay_offline() {
    let shelf = Shelf::new();
    shelf.env.greffon(["doctor"]).run().succeeds().prints("ours answers");
    let gone = shelf.env.read("greffon.toml").replace(&shelf.server.url("/"), "http://127.0.0.1:1/");
    shelf.env.write("greffon.toml", gone);
    shelf.env.greffon(["doctor"]).run().fails(1).prints("`ours` does not answer").prints("127.0.0.1:1");
    shelf.env.greffon(["doctor", "--offline"]).run().succeeds().prints("ours: not asked, offline");
}
