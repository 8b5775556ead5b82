//! `lock`, `lock --check`, `lock --like`, `update`: what moves, and that nothing else does.

use serde_json::json;

use super::world::{World, v, with};

/// Three plugins over a common one, all at 1.0.0, with newer versions published since.
fn aged() -> World {
    let world = World::new();
    for name in ["a", "b", "new", "base"] {
        world.plain(&format!("plugins/{name}"), &["1.0.0"]);
    }
    world.put("plugins/a", &[v("1.0.0", &[("plugins/base", "*")])]);
    world.manifest("[types.plugins]\na = \"*\"\nb = \"*\"\n");
    world.lock();
    world.put("plugins/a", &["1.0.0", "1.1.0", "2.0.0"].map(|version| v(version, &[("plugins/base", "*")])));
    world.plain("plugins/b", &["1.0.0", "1.1.0", "2.0.0"]).plain("plugins/base", &["1.0.0", "1.1.0", "2.0.0"]);
    world.put("plugins/new", &[v("1.0.0", &[]), v("2.0.0", &[("plugins/base", "2.*")])]);
    world
}

const OLD: [&str; 3] = ["a 1.0.0", "b 1.0.0", "base 1.0.0"];

#[test]
fn nothing_moves_unasked_and_adding_changes_the_least() {
    let world = aged();
    world.lock().says("greffon.lock fits already");
    assert_eq!(world.locked(), OLD);
    // the newest of the new one needs another base: one that is content with the locked one is taken instead
    world.run("add plugins/new@*").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0", "base 1.0.0", "new 1.0.0"]);
    world.run("remove new").succeeds();
    assert_eq!(world.locked(), OLD);
    // where it must, only what must
    world.run("add plugins/new@2.*").succeeds().says("~ plugins/base 1.0.0 → 2.0.0");
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0", "base 2.0.0", "new 2.0.0"]);
}

#[test]
fn check_is_status_3_and_writes_nothing() {
    let world = aged();
    world.run("lock --check").succeeds();
    world.manifest("[types.plugins]\na = \"2.*\"\nb = \"*\"\n");
    let before = world.env.read("greffon.lock");
    world.run("lock --check").fails(3).says("greffon.lock does not fit greffon.toml").says("plugins/a: 1.0.0 → 2.0.0").says("run `greffon lock`");
    assert_eq!(world.env.read("greffon.lock"), before);
    world.lock();
    world.run("lock --check").succeeds();
    std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
    world.run("lock --check").fails(3);
    assert!(!world.env.exists("greffon.lock"));
}

#[test]
fn update_moves_all_or_the_named_ones_or_to_a_version() {
    let world = aged();
    world.run("update b --dry-run").succeeds().says("~ plugins/b 1.0.0 → 2.0.0");
    assert_eq!(world.locked(), OLD);
    world.run("update b").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "b 2.0.0", "base 1.0.0"]);
    world.run("update a --to 1.1.0").succeeds();
    assert_eq!(world.locked(), ["a 1.1.0", "b 2.0.0", "base 1.0.0"]);
    assert!(world.env.read("greffon.toml").contains("a = \"*\"\n"), "what the manifest allows is not written into it");
    world.run("update base --to 1.1.0").succeeds();
    assert_eq!(world.locked(), ["a 1.1.0", "b 2.0.0", "base 1.1.0"]);
    world.run("update").succeeds();
    assert_eq!(world.locked(), ["a 2.0.0", "b 2.0.0", "base 2.0.0"]);
    world.run("update a --to 9.9").fails(1).says("there is no plugins/a 9.9").says("repository ours has 3 versions of plugins/a, 1.0.0 to 2.0.0");
    world.run("update --to 1.0.0").fails(2);
    world.run("update a b --to 1.0.0").fails(2);
    world.run("update nobody").fails(1);
}

#[test]
fn update_to_a_version_that_the_manifest_does_not_allow_changes_its_requirement() {
    let world = aged();
    world.manifest("[types.plugins]\na = \"1.*\"   # as long as may be\nb = \"*\"\n");
    world.lock();
    let before = world.env.read("greffon.toml");
    world.run("update a --to 2.0.0 --dry-run").succeeds().says("greffon.toml: plugins/a = \"2.0+\" instead of \"1.*\"");
    assert_eq!(world.env.read("greffon.toml"), before);
    let json = world.run("update a --to 2.0.0 --json").succeeds().json();
    assert_eq!(json["requirements"], json!([{ "type": "plugins", "name": "a", "from": "1.*", "to": "2.0+" }]));
    assert_eq!(world.env.read("greffon.toml"), before.replace("\"1.*\"   #", "\"2.0+\"   #"));
    assert_eq!(world.locked(), ["a 2.0.0", "b 1.0.0", "base 1.0.0"]);
    world.run("lock --check").succeeds();
}

fn two_sites() -> World {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0", "1.1.0", "2.0.0"]).plain("plugins/b", &["1.0.0"]);
    world.manifest("[types.plugins]\na = \"1.*\"\n[sites.prod]\npath = \"prod\"\n[sites.test]\npath = \"test\"\ntypes.plugins.a = \"2.*\"\n");
    world.lock();
    world
}

#[test]
fn sites_with_different_answers_share_one_lock() {
    let world = two_sites();
    assert_eq!(world.locked(), ["a 1.1.0", "a 2.0.0"]);
    world.run("sync --all --create").succeeds();
    assert_eq!((world.code("prod", "a").as_str(), world.code("test", "a").as_str()), ("a 1.1.0\n", "a 2.0.0\n"));
    assert_eq!(world.run("list --json").succeeds().json()["sites"][1]["elements"][0]["version"], "2.0.0");
}

#[test]
fn a_site_that_needs_a_new_version_prefers_one_locked_for_another() {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0"]);
    world.manifest("[types.plugins]\n[sites.prod]\npath = \"prod\"\ntypes.plugins.a = \"*\"\n[sites.test]\npath = \"test\"\n");
    world.lock();
    world.plain("plugins/a", &["1.0.0", "2.0.0"]);
    world.manifest("[types.plugins]\n[sites.prod]\npath = \"prod\"\ntypes.plugins.a = \"*\"\n[sites.test]\npath = \"test\"\ntypes.plugins.a = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0"], "one version serves both");
    // also where the new site comes first
    world.manifest("[types.plugins]\n[sites.early]\npath = \"early\"\ntypes.plugins.a = \"*\"\n[sites.prod]\npath = \"prod\"\ntypes.plugins.a = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0"]);
    // an update of one site moves that site alone
    world.run("update a --site early").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "a 2.0.0"]);
    assert_eq!(world.run("list --site prod --json").succeeds().json()["sites"][0]["elements"][0]["version"], "1.0.0");
    assert_eq!(world.run("list --site early --json").succeeds().json()["sites"][0]["elements"][0]["version"], "2.0.0");
}

#[test]
fn one_site_is_locked_like_another_where_its_requirements_allow() {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0"]).plain("plugins/b", &["1.0.0"]);
    let sites = |wishes: &str| format!("{wishes}[sites.prod]\npath = \"prod\"\n[sites.test]\npath = \"test\"\n");
    world.manifest(&sites("[types.plugins]\na = \"*\"\nb = \"*\"\n"));
    world.lock();
    world.plain("plugins/a", &["1.0.0", "2.0.0"]).plain("plugins/b", &["1.0.0", "2.0.0"]);
    world.run("update --site test").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "a 2.0.0", "b 1.0.0", "b 2.0.0"]);
    world.run("lock --site test --like prod --dry-run").succeeds().says("greffon.lock would change");
    world.run("lock --site test --like prod").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0"]);
    // what test does not allow stays its own
    world.run("update --site test").succeeds();
    world.manifest(&(sites("[types.plugins]\na = \"*\"\nb = \"*\"\n") + "types.plugins.b = \"2.*\"\n"));
    world.run("lock --site test --like prod").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0", "b 2.0.0"]);
    world.run("lock --site test --like prdo").fails(2).says("did you mean `prod`?");
    world.run("lock --like prod").fails(2);
}

#[test]
fn a_withdrawn_version_stays_where_it_is_locked_and_is_told() {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0", "1.1.0"]);
    world.manifest("[types.plugins]\na = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 1.1.0"]);
    world.put("plugins/a", &[v("1.0.0", &[]), with(v("1.1.0", &[]), "yanked", json!("it loses answers"))]);
    world.plain("plugins/b", &["1.0.0"]);
    // a new resolution keeps it, and says so
    world.manifest("[types.plugins]\na = \"*\"\nb = \"*\"\n");
    world.lock().says("warning: work: plugins/a 1.1.0 was withdrawn: it loses answers");
    assert_eq!(world.locked(), ["a 1.1.0", "b 1.0.0"]);
    world.run("update").succeeds();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0"], "an update leaves it");
    // and nobody newly chooses it
    std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0"]);
}

#[test]
fn a_lock_is_the_same_whatever_the_stock_holds() {
    let world = aged();
    world.run("sync --create").succeeds();
    world.run("update").succeeds();
    world.run("fetch").succeeds();
    let full = world.env.read("greffon.lock");
    std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
    world.lock();
    let again = world.env.read("greffon.lock");
    std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
    world.env.greffon(["lock"]).env("GREFFON_STOCK", world.env.root().join("another-stock")).run().succeeds();
    assert_eq!(world.env.read("greffon.lock"), again);
    let versions = |text: &str| text.lines().filter_map(|line| line.split_once("\" =").map(|(key, _)| key.to_owned())).collect::<Vec<_>>();
    assert_eq!(versions(&again), versions(&full));
}

#[test]
fn conflict_markers_are_resolved_by_lock() {
    let world = aged();
    let base = world.env.read("greffon.lock");
    let (ours, theirs) = (
        base.replace("b@1.0.0", "b@1.1.0").replace("plugins-b-1.0.0", "plugins-b-1.1.0"),
        base.replace("b@1.0.0", "b@2.0.0").replace("plugins-b-1.0.0", "plugins-b-2.0.0"),
    );
    let line = |text: &str| text.lines().find(|line| line.contains("plugins/b@")).expect("a line").to_owned();
    let merged = base.replace(&line(&base), &format!("<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs", line(&ours), line(&theirs)));
    world.env.write("greffon.lock", &merged);
    world.run("lock --check").fails(3);
    world.lock();
    let after = world.env.read("greffon.lock");
    assert!(!after.contains("<<<<") && !after.contains("====") && !after.contains(">>>>"), "{after}");
    assert_eq!(world.locked().len(), 3, "{after}");
    world.run("lock --check").succeeds();
}
