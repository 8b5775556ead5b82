//! What is said where nothing fits.

use serde_json::json;

use super::world::{World, diamond, too_old, v, with};

/// The lines of explanation of a run.
fn steps(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix("  = ")).collect()
}

#[test]
fn a_core_that_is_too_old_is_told_with_what_is_needed_and_the_newest_that_would_fit() {
    let run = too_old().run("lock").fails(1);
    assert_eq!(
        steps(&run.stderr),
        [
            "greffon.toml:14 asks for plugins/forum 2.*, which is 2.1.0 to 2.4.0",
            "plugins/forum 2.1.0 to 2.4.0 need core/campus >=5.0",
            "greffon.toml:11 asks for core/campus 4.5.6",
            "core/campus 4.5.6 is too old for that; 5.0.0 and 5.1.0 would do",
            "the newest plugins/forum that goes with core/campus 4.5.6 is 1.9.0",
        ]
    );
    assert!(run.stderr.starts_with("error: no versions fit what site work asks for\n"), "{}", run.stderr);
    assert!(run.stderr.contains("11 | campus = \"4.5.6\"   # the school's"), "the manifest's line is shown: {}", run.stderr);
}

#[test]
fn a_core_that_is_too_new_is_told_the_other_way_round() {
    let world = World::new();
    world.plain("core/campus", &["4.5.0", "5.0.0"]);
    world.put("plugins/old", &[v("1.0.0", &[("core/campus", "<5")]), v("1.1.0", &[("core/campus", "<5")])]);
    world.manifest("[types.core]\ncampus = \"5.*\"\n[types.plugins]\nold = \"*\"\n");
    let run = world.run("lock").fails(1);
    assert_eq!(
        steps(&run.stderr)[2..],
        [
            "greffon.toml:11 asks for core/campus 5.*, which is 5.0.0",
            "core/campus 5.0.0 is too new for that; 4.5.0 would do",
            "no plugins/old goes with core/campus 5.0.0"
        ]
    );
}

#[test]
fn ranges_are_folded_to_those_that_exist() {
    let world = World::new();
    let mut versions: Vec<_> = (0..30).map(|at| v(&format!("1.{at}.0"), &[("plugins/b", "1.*")])).collect();
    versions.extend((0..3).map(|at| v(&format!("2.{at}.0"), &[("plugins/b", "3.*")])));
    world.put("plugins/a", &versions);
    world.plain("plugins/b", &["1.0.0", "2.0.0", "3.0.0"]);
    world.manifest("[types.plugins]\na = \"*\"\nb = \"2.*\"\n");
    let run = world.run("lock").fails(1).says("  = plugins/a 1.0.0 to 1.29.0 need plugins/b 1.*\n").says("  = plugins/a 2.0.0 to 2.2.0 need plugins/b 3.*\n");
    assert!(steps(&run.stderr).len() <= 6, "thirty versions are not thirty lines: {}", run.stderr);
}

#[test]
fn independent_conflicts_are_all_told() {
    let world = diamond();
    world.plain("core/campus", &["4.5.6", "5.0.0"]);
    world.put("plugins/forum", &[v("2.0.0", &[("core/campus", ">=5.0")])]);
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n[types.plugins]\nquiz = \"2.*\"\nreport = \"*\"\nforum = \"*\"\n");
    let run = world.run("lock").fails(1);
    let steps = steps(&run.stderr);
    assert_eq!(steps.iter().filter(|step| step.starts_with("conflict ")).count(), 2, "{}", run.stderr);
    for step in ["plugins/quiz 2.0.0 needs plugins/grades 2.*", "plugins/report 3.0.0 needs plugins/grades 1.*", "plugins/forum 2.0.0 needs core/campus >=5.0"]
    {
        assert!(steps.contains(&step), "{step}: {}", run.stderr);
    }
}

#[test]
fn unknown_names_get_the_nearest_and_nothing_far_fetched() {
    let world = diamond();
    world.manifest("[types.plugins]\nqiuz = \"*\"\nxyzzy = \"*\"\n[types.themes]\nreport = \"*\"\n");
    let run = world.run("lock").fails(1);
    assert!(run.stderr.contains("error: greffon.toml:11 asks for plugins/qiuz, which no repository knows\n"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: did you mean `plugins/quiz`?\n"), "{}", run.stderr);
    assert!(run.stderr.contains("error: greffon.toml:12 asks for plugins/xyzzy, which no repository knows\n"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: check the name, or name a repository that has it\n"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: did you mean `plugins/report`?\n"), "the same name of another type: {}", run.stderr);
    // as a dependency
    world.put("plugins/lost", &[v("1.0.0", &[("plugins/gradse", "*")])]);
    world.manifest("[types.plugins]\nlost = \"*\"\n");
    world.run("lock").fails(1).says("plugins/lost 1.0.0 needs plugins/gradse *").says("no repository knows plugins/gradse; did you mean `plugins/grades`?");
}

#[test]
fn a_range_that_nothing_matches_tells_what_there_is() {
    let world = diamond();
    world.put_in("public", "themes/clean", Some("semver"), &[v("1.4.2", &[]), v("2.0.0-beta.1", &[])]);
    world.manifest("[types.plugins]\ngrades = \"9.*\"\n");
    world.run("lock").fails(1).says("there is no plugins/grades 9.*").says("repository ours has plugins/grades 1.0.0 to 2.0.0");
    world.manifest("[types.themes]\nclean = \"^2\"\n");
    world.run("lock").fails(1).says("repository ours has themes/clean 1.4.2; pre-releases, taken only where they are named: 2.0.0-beta.1");
}

#[test]
fn what_cannot_be_used_says_why() {
    let world = World::new();
    world.put("plugins/chat", &[v("1.0.0", &[]), with(v("1.1.0", &[]), "yanked", json!("it deletes rooms"))]);
    world.put("plugins/wiki", &[with(v("1.0.0", &[]), "conflicts", json!({ "plugins/chat": "*" }))]);
    world.put("plugins/odd", &[v("1.0.0", &[("plugins/chat", "*.2")])]);
    world.manifest("[types.plugins]\nchat = \"1.1.*\"\n");
    world.run("lock").fails(1).says("plugins/chat 1.1.0 was withdrawn: it deletes rooms").says("fix 1: ask for plugins/chat `1.0+`");
    world.manifest("[types.plugins]\nwiki = \"*\"\nchat = \"*\"\n");
    world.run("lock").fails(1).says("plugins/wiki 1.0.0 excludes plugins/chat *").says("greffon.toml:12 asks for plugins/chat *");
    world.manifest("[types.plugins]\nchat = { version = \"*\", optional = [\"video\"] }\n");
    world.run("lock").fails(1).says("plugins/chat 1.0.0 has no optional group `video`");
    world.manifest("[types.plugins]\nodd = \"*\"\n");
    world
        .run("lock")
        .fails(1)
        .says("plugins/odd 1.0.0 cannot be used: its requirement `*.2` on plugins/chat cannot be read")
        .says("wildcards stand only on the right");
    world.manifest("[types.plugins]\nchat = \"*.2.4\"\n");
    world.run("lock").fails(1).says("greffon.toml:11 asks for plugins/chat *.2.4").says("wildcards stand only on the right, and here `2` follows a `*`");
}

#[test]
fn a_search_that_takes_too_long_is_undecided_and_never_impossible() {
    let world = World::new();
    // thirteen rooms, fourteen classes: hard for every search
    let count = 14;
    for class in 0..count {
        let versions: Vec<_> = (0..count - 1)
            .map(|room| {
                let others: serde_json::Map<_, _> =
                    (0..count).filter(|other| *other != class).map(|other| (format!("plugins/class{other}"), json!(format!("={room}.0.0")))).collect();
                with(v(&format!("{room}.0.0"), &[]), "conflicts", others.into())
            })
            .collect();
        world.put(&format!("plugins/class{class}"), &versions);
    }
    let wishes: String = (0..count).map(|class| format!("class{class} = \"*\"\n")).collect();
    world.manifest(&format!("[types.plugins]\n{wishes}"));
    let text = world.env.read("greffon.toml").replace("[config]\n", "[config]\nclient = { use = \"builtin:standard\", solve-seconds = 0.05 }\n");
    world.env.write("greffon.toml", &text);
    let run = world.run("lock").fails(1);
    assert!(run.stderr.starts_with("error: undecided after 50 ms of solving whether site work can have what it asks for\n"), "{}", run.stderr);
    assert!(!run.stderr.contains("no versions fit"), "{}", run.stderr);
    assert!(!world.env.exists("greffon.lock"));
    world.env.write("greffon.toml", text.replace("0.05", "-1"));
    world.run("lock").fails(1).says("solve-seconds");
}

#[test]
fn what_an_optional_group_needs_is_told_as_such() {
    let world = World::new();
    world.put("plugins/a", &[with(v("1.0.0", &[]), "optional", json!({ "video": { "plugins/codec": "2.*" } }))]);
    world.plain("plugins/codec", &["1.0.0"]);
    world.manifest("[types.plugins]\na = { version = \"*\", optional = [\"video\"] }\n");
    let run = world.run("lock").fails(1);
    assert_eq!(
        steps(&run.stderr),
        [
            "greffon.toml:11 asks for plugins/a *",
            "plugins/a 1.0.0 with the group `video` needs plugins/codec 2.*",
            "there is no plugins/codec 2.*",
            "repository ours has plugins/codec 1.0.0",
        ]
    );
    world.manifest("[types.plugins]\na = { version = \"*\", optional = [\"vdeo\"] }\n");
    world.run("lock").fails(1).says("plugins/a 1.0.0 has no optional group `vdeo`; there is `video`");
}

#[test]
fn versions_that_cannot_be_used_are_folded_by_their_reason() {
    let world = World::new();
    let mut versions: Vec<_> = (0..12).map(|at| with(v(&format!("1.{at}.0"), &[]), "yanked", json!("they lose data"))).collect();
    versions.push(with(v("1.12.0", &[]), "yanked", json!("it does not start")));
    versions.push(v("0.9.0", &[]));
    world.put("plugins/chat", &versions);
    world.manifest("[types.plugins]\nchat = \"1.*\"\n");
    let run = world.run("lock").fails(1).says("fix 1: ask for plugins/chat `0.9+`");
    assert_eq!(
        steps(&run.stderr),
        [
            "greffon.toml:11 asks for plugins/chat 1.*",
            "plugins/chat 1.12.0 was withdrawn: it does not start",
            "plugins/chat 1.0.0 to 1.11.0 were withdrawn: they lose data",
        ]
    );
}

#[test]
fn a_repository_that_is_passed_over_is_told_where_it_has_what_is_asked_for() {
    let world = World::new();
    world.index("other");
    world.plain("plugins/a", &["1.0.0"]);
    world.put_in("other", "plugins/a", None, &[v("2.0.0", &[]), v("2.1.0", &[])]);
    world.put_in("other", "plugins/b", None, &[v("1.0.0", &[("plugins/a", "2.*")])]);
    let manifest = |wishes: &str| {
        world.manifest(&format!("[[config.repositories]]\nname = \"other\"\nuse = \"builtin:index\"\nurl = \"other\"\n[types.plugins]\n{wishes}"));
    };
    let told = "repository other has plugins/a 2.1.0 and 1 more that would do, but the name belongs to repository ours, which comes first; \
                `repository = \"other\"` beside its version asks there";
    for wishes in ["a = \"2.*\"\n", "b = \"*\"\n"] {
        manifest(wishes);
        world.run("lock").fails(1).says("there is no plugins/a 2.*").says(told);
    }
    manifest("a = { version = \"2.*\", repository = \"other\" }\nb = \"*\"\n");
    world.lock();
    assert_eq!(world.locked(), ["a 2.1.0", "b 1.0.0"]);
    // one that has nothing better is not mentioned
    manifest("a = \"3.*\"\n");
    let run = world.run("lock").fails(1);
    assert!(!run.stderr.contains("repository other"), "{}", run.stderr);
}

#[test]
fn conflicts_beside_unknown_names_are_told_too() {
    let world = diamond();
    world.manifest("[types.plugins]\nqiuz = \"*\"\nquiz = \"2.*\"\nreport = \"*\"\n");
    let run = world.run("lock").fails(1).says("greffon.toml:11 asks for plugins/qiuz, which no repository knows").says("did you mean `plugins/quiz`?");
    assert!(run.stderr.contains("error: no versions fit what site work asks for\n"), "{}", run.stderr);
    run.says("plugins/report 3.0.0 needs plugins/grades 1.*").says("no version of plugins/grades fits all of this");
}

#[test]
fn many_conflicts_are_all_told_and_fixed_at_once() {
    let world = World::new();
    let count = 7;
    for at in 0..count {
        world.put(&format!("plugins/p{at}"), &[v("1.0.0", &[(&format!("plugins/q{at}"), "2.*")])]);
        world.plain(&format!("plugins/q{at}"), &["1.0.0", "2.0.0"]);
    }
    world.plain("plugins/fine", &["1.0.0"]);
    let wishes: String = (0..count).map(|at| format!("p{at} = \"*\"\nq{at} = \"1.*\"\n")).collect();
    world.manifest(&format!("[types.plugins]\nfine = \"*\"\n{wishes}"));
    let run = world.run("lock").fails(1);
    for at in 0..count {
        assert!(run.stderr.contains(&format!("  = conflict {} of {count}:\n", at + 1)), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("  = plugins/p{at} 1.0.0 needs plugins/q{at} 2.*\n")), "{}", run.stderr);
    }
    assert!(run.stderr.lines().count() < 75, "the manifest is not shown line for line: {}", run.stderr);
    assert!(run.stderr.contains("fix 1: ask for plugins/q0 `2.0+` instead of `1.*` in greffon.toml:13"), "{}", run.stderr);
    world.run("fix 1").succeeds();
    let locked = world.locked();
    assert_eq!(locked.len(), 1 + 2 * count);
    assert!(locked.contains(&"q6 2.0.0".to_owned()) && locked.contains(&"fine 1.0.0".to_owned()), "{locked:?}");
}

#[test]
fn who_cannot_have_the_newer_core_is_offered_to_do_without() {
    let world = World::new();
    world.plain("core/campus", &["4.5.6", "5.1.0"]);
    world.put("plugins/a", &[v("1.0.0", &[("core/campus", ">=5")])]);
    world.put("plugins/b", &[v("1.0.0", &[("core/campus", ">=5.1")])]);
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n[types.plugins]\na = \"*\"\nb = \"*\"\n");
    let run = world.run("lock").fails(1);
    assert!(run.stderr.contains("fix 1: ask for core/campus `5.1+` instead of `4.5.6`"), "{}", run.stderr);
    assert!(run.stderr.contains("fix 2: no longer ask for plugins/a in greffon.toml:13, and no longer ask for plugins/b in greffon.toml:14"), "{}", run.stderr);
}

#[test]
fn exclusions_across_types_end_with_a_last_word() {
    let world = World::new();
    world.plain("plugins/chat", &["1.0.0", "2.0.0"]);
    world.put("themes/dark", &[with(v("1.0.0", &[]), "conflicts", json!({ "plugins/chat": ">=2" }))]);
    world.manifest("[types.plugins]\nchat = \"2.*\"\n[types.themes]\ndark = \"*\"\n");
    let run = world.run("lock").fails(1).says("fix 1: ask for plugins/chat `1.0+`");
    assert_eq!(
        steps(&run.stderr),
        [
            "greffon.toml:13 asks for themes/dark *",
            "themes/dark 1.0.0 excludes plugins/chat >=2",
            "greffon.toml:11 asks for plugins/chat 2.*, which is 2.0.0",
            "no choice of versions satisfies all of this",
        ]
    );
}
