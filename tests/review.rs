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
    shelf.env.greffon(["doctor"]).run().fails(1).prints("ours does not answer").prints("127.0.0.1:1");
    shelf.env.greffon(["doctor", "--offline"]).run().succeeds().prints("ours: not asked, offline");
}

#[test]
fn sites_that_would_share_a_state_are_refused() {
    let shelf = Shelf::new();
    let before = shelf.env.read("greffon.toml");
    for (prod, test, says) in [
        ("shared", "shared", "would share a state"),
        ("shared", "shared/deeper", "would share a state"),
        ("sites/.greffon-test", "", "would share a state"),
        ("sites/test/state", "", "would lie in one another"),
        ("sites", "", "would"),
    ] {
        let state = |state: &str| if state.is_empty() { String::new() } else { format!("state = \"{state}\"\n") };
        let text = before.replace("[sites.test]\n", &format!("{}[sites.test]\n{}", state(prod), state(test)));
        shelf.env.write("greffon.toml", text);
        shelf.env.greffon(["sync", "--all", "--create"]).run().fails(1).says(says);
        assert!(!shelf.env.exists("sites"), "{prod} and {test}");
    }
    // The twin: states of their own.
    let text = before.replace("[sites.test]\n", "state = \"states/prod\"\n[sites.test]\nstate = \"states/test\"\n");
    shelf.env.write("greffon.toml", text);
    shelf.env.greffon(["sync", "--all", "--create"]).run().succeeds();
}

#[test]
fn what_is_said_twice_or_wrongly_is_told() {
    let shelf = three_generations();
    let env = &shelf.env;
    let twice = env.greffon(["status", "--site", "prod", "--site", "prod", "--json"]).run().succeeds().json();
    assert_eq!(twice["sites"].as_array().map(Vec::len), Some(1));
    env.greffon(["add", "packages/base", "packages/base@=1.0.0"]).run().fails(2).says("packages/base is named twice");
    env.greffon(["status", "--answer", "nonsense"]).run().fails(2).says("NAME=VALUE");
    env.greffon(["history", "-n", "0"]).run().fails(2);
    for command in [&["diff", "1"][..], &["build", "out"]] {
        let failed = env.greffon(command).run().fails(2).says("one site: which one?").says("prod, test");
        assert!(!failed.stderr.contains("--all"), "{}", failed.stderr);
    }
    env.greffon(["build", "site.tar.gz", "--site", "prod"]).run().fails(2).says("no `.tar.gz`");
    assert!(!env.exists("site.tar.gz"));
    env.greffon(["why", "base@1.0.0"]).run().fails(1).says("leave out the `@`");
}

#[test]
fn a_lock_does_not_say_who_is_asked() {
    let shelf = Shelf::new().synced();
    let lock = shelf.env.read("greffon.lock");
    shelf.env.write("greffon.lock", lock.replace("repository = \"ours\"", "repository = \"theirs\""));
    shelf.env.greffon(["lock", "--check"]).run().fails(3);
    shelf.env.greffon(["sync", "--all", "--locked"]).run().fails(1).says("locked from the repository theirs, which greffon.toml does not have");
    shelf.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shelf.env.read("greffon.lock"), lock);
}

#[test]
fn an_index_that_lacks_something_is_told_so() {
    let shelf = Shelf::new();
    shelf.manifest("[types.packages]\nodd = \"*\"\n");
    let element =
        |versions: &str| shelf.env.write("public/elements/packages/odd.json", format!("{{\"type\":\"packages\",\"name\":\"odd\",\"versions\":{versions}}}"));
    element("[]");
    shelf.env.greffon(["lock"]).run().fails(1).says("repository ours has no version of packages/odd at all");
    element("[{\"version\":\"1.0.0\"}]");
    shelf.env.greffon(["sync", "--site", "prod"]).run().fails(1).says("repository `ours` does not say where this version is downloaded from");
    shelf.env.write("public/elements/packages/odd.json", "null");
    let failed = shelf.env.greffon(["lock", "--refresh"]).run().fails(1);
    assert!(!failed.stderr.contains("struct "), "{}", failed.stderr);
}

#[test]
fn the_newest_core_is_thought_of_where_none_is_named() {
    let shelf = Shelf::new();
    let repo = Repo::init(&shelf.env.path("campus"));
    for version in ["1.0.0", "1.1.0"] {
        repo.write("code.txt", version);
        repo.commit(version);
        repo.tag(&format!("v{version}"));
    }
    shelf.env.write(
        "greffon.toml",
        "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\" } }\n[types.core]\ncampus = { git = \"campus\", version = \"1.0+\" }\n[sites.prod]\npath = \"prod\"\n",
    );
    shelf.env.greffon(["sync"]).run().succeeds();
    let check = shelf.env.greffon(["upgrade-check", "--json"]).run().succeeds().json();
    assert_eq!((&check["checks"][0]["from"], &check["checks"][0]["to"]), (&"1.0.0".into(), &"1.1.0".into()), "{check:#}");
    // Another application's elements are nobody's Moodle packages.
    let composer = shelf.env.greffon(["convert", "composer"]).run().succeeds().stdout;
    assert!(composer.contains("greffon/core-campus") && !composer.contains("moodle"), "{composer}");
    shelf.env.greffon(["plan", "--with", "core/campus@=1.1.0"]).run().succeeds().prints("1.0.0 → 1.1.0");
}

#[test]
fn a_plan_says_what_a_sync_would_stop_at() {
    let shelf = Shelf::new().synced();
    let edited = "sites/prod/packages/base/code.txt";
    shelf.env.write(edited, "edited by hand\n");
    let plan = shelf.env.greffon(["plan", "--site", "prod"]).run().succeeds().stdout;
    assert!(plan.contains("`packages/base/code.txt` was changed by hand: a sync stops there"), "{plan}");
    let json = shelf.env.greffon(["plan", "--site", "prod", "--json"]).run().succeeds().json();
    assert_eq!(json["sites"][0]["by_hand"][0], "packages/base/code.txt");
    let rehearsal = |more: &[&str]| {
        let arguments = ["sync", "--site", "prod", "--dry-run"].iter().chain(more).copied().collect::<Vec<_>>();
        shelf.env.greffon(arguments).run().succeeds().stderr
    };
    assert!(rehearsal(&[]).contains("a sync stops there"));
    assert!(rehearsal(&["--if-local-changes", "save"]).contains("would be put aside"));
    shelf.env.greffon(["sync", "--site", "prod"]).run().fails(1).says("changed by hand");
    // What is only gone comes back without a question.
    std::fs::remove_file(shelf.env.path(edited)).expect("the edited file");
    assert!(!rehearsal(&[]).contains("by hand"));
    shelf.env.greffon(["sync", "--site", "prod"]).run().succeeds();
}

#[test]
fn a_rehearsal_leaves_a_held_site_alone_too() {
    let shelf = three_generations();
    shelf.env.greffon(["rollback", "--site", "prod", "--reason", "too slow"]).run().succeeds();
    let held = shelf.env.greffon(["sync", "--site", "prod", "--dry-run"]).run().fails(3).stderr;
    assert!(held.contains("Left alone prod") && held.contains("too slow"), "{held}");
    let released = shelf.env.greffon(["sync", "--site", "prod", "--dry-run", "--release"]).run().succeeds().stderr;
    assert!(released.contains("Would sync prod"), "{released}");
}

#[test]
fn what_others_need_cannot_be_removed_and_that_is_said() {
    let shelf = Shelf::new().synced();
    shelf.env.greffon(["remove", "base"]).run().fails(1).says("does not name `packages/base`").says("`greffon why packages/base` says what needs it");
    shelf.env.greffon(["why", "base"]).run().succeeds();
}

#[test]
fn what_is_withdrawn_is_not_shown_as_the_newest() {
    let shelf = three_generations();
    shelf.env.greffon(["repo", "yank", "public", "packages/base@1.2.0", "--reason", "loses data"]).run().succeeds();
    let shown = shelf.env.greffon(["show", "base", "--refresh"]).run().succeeds().stdout;
    assert!(shown.starts_with("packages/base 1.1.0"), "{shown}");
    assert!(shown.contains("1.2.0") && shown.contains("withdrawn: loses data"), "{shown}");
}

#[test]
fn an_element_with_a_source_of_its_own_is_shown_from_there() {
    let shelf = Shelf::new();
    let repo = Repo::init(&shelf.env.path("fork"));
    for version in ["7.0.0", "7.1.0"] {
        repo.write("code.txt", version);
        repo.commit(version);
        repo.tag(&format!("v{version}"));
    }
    shelf.manifest("[types.packages]\nbase = { git = \"fork\", version = \"=7.0.0\" }\n");
    shelf.env.greffon(["lock"]).run().succeeds();
    let shown = shelf.env.greffon(["show", "base"]).run().succeeds().stdout;
    assert!(shown.starts_with("packages/base 7.0.0") && shown.contains("7.1.0") && !shown.contains("1.2.0"), "{shown}");
    assert!(shelf.env.greffon(["show", "base@7.1.0"]).run().succeeds().stdout.starts_with("packages/base 7.1.0"));
    shelf.env.greffon(["show", "base@1.0.0"]).run().fails(1).says("no version 1.0.0");
}

#[test]
fn doctor_says_that_a_stock_may_only_be_read() {
    let shelf = Shelf::new().synced();
    assert!(!shelf.env.greffon(["doctor"]).run().succeeds().stdout.contains("may not write"));
    let stock = shelf.env.stock();
    let modes = |mode: u32| {
        for path in [stock.clone(), stock.join("sources")] {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("set");
        }
    };
    modes(0o555);
    // Whom no mode stops, the superuser, may write all the same.
    let free = std::fs::write(stock.join("probe"), "").is_ok();
    let told = shelf.env.greffon(["doctor"]).run().stdout;
    modes(0o755);
    assert_eq!(told.contains("which this user may not write"), !free, "{told}");
}

#[test]
fn links_stay_links_and_lead_to_one_site_each() {
    let shelf = Shelf::new();
    std::fs::rename(shelf.env.path("greffon.toml"), shelf.env.root().join("kept.toml")).expect("moved");
    std::os::unix::fs::symlink("../kept.toml", shelf.env.path("greffon.toml")).expect("a link");
    std::os::unix::fs::symlink("../kept.lock", shelf.env.path("greffon.lock")).expect("a link");
    std::fs::write(shelf.env.root().join("kept.lock"), "schema = 1\n").expect("written");
    shelf.env.greffon(["add", "packages/base"]).run().succeeds();
    for (name, says) in [("toml", "base = "), ("lock", "packages/base@1.0.0")] {
        assert!(shelf.env.path(format!("greffon.{name}")).is_symlink(), "greffon.{name} is no link any more");
        assert!(std::fs::read_to_string(shelf.env.root().join(format!("kept.{name}"))).expect("read").contains(says), "{name}");
    }
    // Two sites that are one folder, and one that lies in the other, by links.
    let text = shelf.env.read("greffon.toml");
    shelf.env.greffon(["sync", "--site", "prod"]).run().succeeds();
    std::os::unix::fs::symlink("prod", shelf.env.path("sites/test")).expect("a link");
    shelf.env.greffon(["sync", "--all", "--create"]).run().fails(1).says("the sites `prod` and `test` are one folder").says("greffon.toml");
    shelf.env.write("greffon.toml", text.replace("sites/test", "sites/test/packages/more"));
    shelf.env.greffon(["status"]).run().fails(1).says("the sites `prod` and `test` lie in one another");
}

#[test]
fn an_element_does_not_take_its_site_into_itself() {
    let shelf = Shelf::new();
    shelf.env.write("own/code.txt", "own\n");
    let wishes = |path: &str| shelf.manifest(&format!("[types.packages]\nown = {{ path = \"{path}\", version = \"1.0.0\" }}\n"));
    wishes(".");
    shelf.env.greffon(["sync", "--site", "prod"]).run().fails(1).says("which holds the site `prod`").says("own = ");
    assert!(!shelf.env.exists("sites/prod"));
    wishes("own");
    shelf.env.greffon(["sync", "--site", "prod"]).run().succeeds();
}

#[test]
fn what_stays_is_not_told_as_put_right_and_a_held_site_has_its_generation() {
    let shelf = three_generations();
    shelf.env.write("sites/prod/packages/base/code.txt", "edited\n");
    shelf.env.greffon(["sync", "--site", "prod"]).run().fails(1);
    for _ in 0..2 {
        let kept = shelf.env.greffon(["sync", "--site", "prod", "--if-local-changes", "keep"]).run().succeeds().says("changed by hand stays");
        assert!(kept.stderr.contains("Nothing to do at prod") && !kept.stderr.contains("put right"), "{}", kept.stderr);
    }
    assert_eq!(shelf.env.read("sites/prod/packages/base/code.txt"), "edited\n");
    shelf.env.greffon(["sync", "--site", "prod", "--if-local-changes", "overwrite"]).run().succeeds().says("put right");
    shelf.env.greffon(["rollback", "--site", "prod"]).run().succeeds();
    let held = shelf.env.greffon(["sync", "--site", "prod", "--json"]).run().fails(3).json();
    assert!(held["sites"][0]["state"] == "skipped" && held["sites"][0]["generation"].is_u64(), "{held:#}");
}
