//! Which versions are chosen: schemes, groups, cycles, who owns a name, the core.

use serde_json::json;

use super::world::{World, v, with};

#[test]
fn a_requirement_is_read_by_the_scheme_of_what_it_asks_for() {
    let world = World::new();
    // the same words mean different things: 1.2 is one version to 3m, a range to semver, a release to moodle
    for (id, scheme) in [("plugins/threem", "3m"), ("themes/semver", "semver")] {
        world.put_in("public", id, Some(scheme), &[v("1.2.0", &[]), v("1.9.0", &[]), v("2.0.0", &[])]);
    }
    world.put_in("public", "core/school", Some("moodle"), &[v("4.5.5", &[]), v("4.5.6", &[]), v("2024100706.05", &[]), v("5.0.0", &[])]);
    world.put_in("public", "plugins/natural", Some("natural"), &[v("1.2", &[]), v("1.10rc1", &[]), v("1.10", &[])]);
    world.put_in("public", "plugins/date", Some("date"), &[v("2024-12-31", &[]), v("20250414", &[]), v("2025041512", &[])]);
    world.put(
        "plugins/asker",
        &[v(
            "1.0.0",
            &[("plugins/threem", "1.2"), ("themes/semver", "1.2"), ("core/school", "4.5"), ("plugins/natural", ">=1.9"), ("plugins/date", "<2025-04-15")],
        )],
    );
    world.manifest("[types.plugins]\nasker = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["school 4.5.6", "asker 1.0.0", "date 20250414", "natural 1.10", "threem 1.2.0", "semver 1.9.0"]);
}

#[test]
fn the_order_in_which_a_scheme_is_found() {
    let world = World::new();
    world.put_in("public", "plugins/a", Some("semver"), &[v("1.2.0", &[]), v("1.9.0", &[])]);
    let configured = |scheme: &str, element: &str| {
        world.manifest(&format!("[types.plugins]\na = {element}\n"));
        let text = world.env.read("greffon.toml");
        let text = if scheme.is_empty() { text } else { text.replace("# what is wanted", &format!("[config.schemes]\nplugins = \"{scheme}\"")) };
        world.env.write("greffon.toml", text);
        if world.env.exists("greffon.lock") {
            std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
        }
        world.lock();
        world.locked()
    };
    assert_eq!(configured("", "\"1.2\""), ["a 1.9.0"], "the index's");
    assert_eq!(configured("3m", "\"1.2\""), ["a 1.2.0"], "the type's goes before it");
    assert_eq!(configured("3m", "{ version = \"1.2\", scheme = \"semver\" }"), ["a 1.9.0"], "and the element's before that");
    world.env.write("greffon.toml", world.env.read("greffon.toml").replace("\"semver\"", "\"semvre\""));
    world.run("lock").fails(1).says("semvre").says("did you mean `semver`?");
}

#[test]
fn preferences_hold_through_the_whole_program() {
    let world = World::new();
    world.plain("plugins/a", &["1.9.0", "2.0.0", "2.4.0", "2.4.3", "2.5.0", "3.0.0"]);
    for (text, expected) in [
        ("2.4+", "a 2.4.0"),
        ("2+", "a 2.0.0"),
        ("2.4.1+", "a 3.0.0"),
        ("2.*.*+", "a 2.5.0"),
        ("4.*+", ""),
        ("2.*", "a 2.5.0"),
        ("2.4.*", "a 2.4.3"),
        ("2.4-", "a 2.4.0"),
        ("2.4.2-", "a 2.4.0"),
        ("2.0.1-", "a 2.0.0"),
        ("2.4.*-", "a 2.4.3"),
        ("*", "a 3.0.0"),
        (">=2.4, <3", "a 2.5.0"),
        ("1.9 || 2.4+", "a 2.4.0"),
    ] {
        if world.env.exists("greffon.lock") {
            std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
        }
        world.manifest(&format!("[types.plugins]\na = \"{text}\"\n"));
        if expected.is_empty() {
            world.run("lock").fails(1).says(&format!("there is no plugins/a {text}"));
        } else {
            world.lock();
            assert_eq!(world.locked(), [expected], "{text}");
        }
    }
    for (text, why) in
        [("*.2.4", "wildcards stand only on the right"), ("1.2.3.4", "more than the three parts"), ("*+", "adds nothing"), ("2.x", "is not a number")]
    {
        world.manifest(&format!("[types.plugins]\na = \"{text}\"\n"));
        world.run("lock").fails(1).says(why).says("what it knows: `2.4`");
    }
}

#[test]
fn groups_are_off_until_asked_for_and_cycles_end() {
    let world = World::new();
    world.put("plugins/a", &[with(v("1.0.0", &[("plugins/b", "*")]), "optional", json!({ "video": { "plugins/codec": "1.*" } }))]);
    world.put("plugins/b", &[v("1.0.0", &[("plugins/a", "*")])]);
    world.plain("plugins/codec", &["1.0.0", "2.0.0"]);
    world.manifest("[types.plugins]\na = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0"]);
    world.manifest("[types.plugins]\na = { version = \"*\", optional = [\"video\"] }\n");
    world.run("lock --check").fails(3);
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0", "codec 1.0.0"]);
    world.run("tree").succeeds().prints("(above)");
}

#[test]
fn conflicts_steer_the_choice() {
    let world = World::new();
    world.put("plugins/a", &[v("1.0.0", &[]), with(v("2.0.0", &[]), "conflicts", json!({ "plugins/b": ">=2" }))]);
    world.plain("plugins/b", &["1.0.0", "2.0.0"]);
    world.manifest("[types.plugins]\na = \"*\"\nb = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 2.0.0", "b 1.0.0"], "the first in the manifest is served first");
    std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
    world.manifest("[types.plugins]\nb = \"*\"\na = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0", "b 2.0.0"]);
}

#[test]
fn a_name_belongs_to_the_first_repository_unless_said_otherwise() {
    let world = World::new();
    world.index("other");
    world.plain("plugins/a", &["1.0.0"]);
    world.put_in("other", "plugins/a", None, &[v("2.0.0", &[])]);
    world.put_in("other", "plugins/b", None, &[v("1.0.0", &[("plugins/a", "*")])]);
    let manifest = |more: &str, a: &str| {
        world.manifest(&format!(
            "[[config.repositories]]\nname = \"other\"\nuse = \"builtin:index\"\nurl = \"other\"\n{more}[types.plugins]\na = {a}\nb = \"*\"\n"
        ));
        if world.env.exists("greffon.lock") {
            std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
        }
    };
    manifest("", "\"*\"");
    world.lock();
    assert_eq!(world.locked(), ["a 1.0.0", "b 1.0.0"], "all its versions belong to the first");
    world.run("show plugins/a").succeeds().prints("also in").prints("other (not asked");
    manifest("", "\"2.*\"");
    world.run("lock").fails(1).says("repository ours has plugins/a 1.0.0");
    manifest("", "{ version = \"*\", repository = \"other\" }");
    world.lock();
    assert_eq!(world.locked(), ["a 2.0.0", "b 1.0.0"]);
    manifest("merge = true\n", "\"*\"");
    world.lock();
    assert_eq!(world.locked(), ["a 2.0.0", "b 1.0.0"]);
}

#[test]
fn the_core_is_held_at_the_sites_version() {
    let world = World::new();
    world.plain("core/campus", &["4.5.0"]);
    world.put("plugins/a", &[v("1.0.0", &[("core/campus", "4.*")])]);
    world.manifest("[types.core]\ncampus = \"*\"\n[types.plugins]\na = \"*\"\n[sites.main]\npath = \"site\"\n");
    world.run("sync").succeeds();
    world.plain("core/campus", &["4.5.0", "5.0.0"]);
    world.put("plugins/a", &[v("1.0.0", &[("core/campus", "4.*")]), v("2.0.0", &[("core/campus", "5.*")])]);
    world.put("plugins/b", &[v("1.0.0", &[("core/campus", ">=4")]), v("2.0.0", &[("core/campus", ">=5")])]);
    // neither an update of a plugin nor a new plugin moves it
    world.run("update a").succeeds();
    world.run("add plugins/b@*").succeeds();
    assert_eq!(world.locked(), ["campus 4.5.0", "a 1.0.0", "b 1.0.0"]);
    // only when it is asked to
    world.run("update campus").succeeds();
    assert_eq!(world.locked(), ["campus 4.5.0", "a 1.0.0", "b 1.0.0"], "what needs the old core holds it");
    world.run("outdated").succeeds().prints("plugins/a");
    world.run("update").succeeds();
    assert_eq!(world.locked(), ["campus 5.0.0", "a 2.0.0", "b 2.0.0"]);
}

#[test]
fn names_may_have_scopes() {
    let world = World::new();
    world.put("plugins/@acme/forum", &[v("1.0.0", &[("plugins/@acme/base", "1.*")]), v("2.0.0", &[("plugins/@acme/base", "1.*")])]);
    world.plain("plugins/@acme/base", &["1.4.0"]);
    world.manifest("[types.plugins]\n[sites.main]\npath = \"site\"\n");
    world.run("add plugins/@acme/forum@1.*").succeeds();
    assert!(world.env.read("greffon.toml").contains("\"@acme/forum\" = \"1.*\""), "{}", world.env.read("greffon.toml"));
    let lock = world.env.read("greffon.lock");
    assert!(lock.contains("\"plugins/@acme/forum@1.0.0\" = {"), "{lock}");
    world.run("lock --check").succeeds();
    world.run("sync").succeeds();
    assert_eq!(world.code("site", "@acme/base"), "@acme/base 1.4.0\n");
    world.run("why @acme/base").succeeds().prints("plugins/@acme/forum 1.0.0 needs plugins/@acme/base 1.*");
    world.run("why --not @acme/forum@2.0.0").succeeds().prints("asks for plugins/@acme/forum 1.*");
    world.run("update @acme/forum --to 2.0.0").succeeds();
    world.run("sync").succeeds();
    assert_eq!(world.code("site", "@acme/forum"), "@acme/forum 2.0.0\n");
    world.run("add @acme/nobody").fails(1);
    world.run("add plugins/@acme@1").fails(1);
}
