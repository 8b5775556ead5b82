//! `fix`: the numbered ways out, listed and taken.

use super::world::{World, diamond, too_old, v};

#[test]
fn the_error_ends_with_checked_fixes_and_how_to_take_one() {
    let world = too_old();
    let run = world.run("lock").fails(1);
    let tail: Vec<&str> = run.stderr.lines().rev().take(4).collect();
    assert_eq!(
        tail,
        [
            "hint: `greffon fix N` makes one of these changes; with `--dry-run` it only shows it",
            "fix 3: no longer ask for plugins/forum in greffon.toml:14",
            "fix 2: ask for plugins/forum `1.9+` instead of `2.*` in greffon.toml:14 (1.9.0 is the newest that fits)",
            "fix 1: ask for core/campus `5.1+` instead of `4.5.6` in greffon.toml:11 (5.1.0 is the newest that fits)",
        ]
    );
    // each of them resolves, and leaves the rest of the manifest as it was
    let before = world.env.read("greffon.toml");
    for (number, expected) in [(1, ["campus 5.1.0", "forum 2.4.0"].as_slice()), (2, &["campus 4.5.6", "forum 1.9.0"]), (3, &["campus 4.5.6"])] {
        world.env.write("greffon.toml", &before);
        if world.env.exists("greffon.lock") {
            std::fs::remove_file(world.env.path("greffon.lock")).expect("removed");
        }
        world.run("lock").fails(1);
        world.run(&format!("fix {number}")).succeeds();
        assert_eq!(world.locked(), expected);
        world.run("lock --check").succeeds();
    }
    world.env.write("greffon.toml", &before);
    world.run("lock --check").fails(1);
    world.run("fix 1").succeeds();
    assert_eq!(world.env.read("greffon.toml"), before.replace("campus = \"4.5.6\"   # the", "campus = \"5.1+\"   # the"));
}

#[test]
fn they_are_listed_again_and_shown_as_a_diff() {
    let world = too_old();
    let first = world.run("fix").succeeds();
    assert!(first.stdout.starts_with("no versions fit what site work asks for\nfix 1: ask for core/campus"), "{}", first.stdout);
    assert_eq!(world.run("fix").succeeds().stdout, first.stdout);
    let before = world.env.read("greffon.toml");
    let diff = world.run("fix 2 --dry-run").succeeds().stdout;
    assert!(diff.contains("\n-forum = \"2.*\"\n+forum = \"1.9+\"\n"), "{diff}");
    assert_eq!(world.env.read("greffon.toml"), before);
    assert!(!world.env.exists("greffon.lock"));
    // what is shown is what git understands
    world.env.write("the.diff", &diff);
    super::support::git(&world.env.work(), &["init", "-q"]);
    super::support::git(&world.env.work(), &["apply", "the.diff"]);
    assert_eq!(world.env.read("greffon.toml"), before.replace("\"2.*\"", "\"1.9+\""));
    let json = world.run("fix --json").succeeds().json();
    assert_eq!(json["conflict"], serde_json::Value::Null, "with the diff applied nothing is left to fix");
    world.run("fix").succeeds().prints("nothing to fix");
}

#[test]
fn a_fix_is_refused_when_anything_changed_since_it_was_shown() {
    let world = too_old();
    world.run("fix 1").fails(1).says("no fixes were shown for this manifest").says("`greffon fix`");
    world.run("lock").fails(1);
    world.run("fix 4").fails(2).says("there is no fix 4: 3 were shown");
    world.run("fix 0").fails(2);
    world.run("fix 1 --locked").fails(2);
    let before = world.env.read("greffon.toml");
    let touched = before.replace("# what is wanted", "# what is wanted now");
    world.env.write("greffon.toml", &touched);
    world.run("fix 1").fails(1).says("greffon.toml has changed since the fixes were shown; nothing was written");
    assert_eq!(world.env.read("greffon.toml"), touched);
    world.run("fix").succeeds();
    world.env.write("greffon.lock", "schema = 1\n");
    world.run("fix 1").fails(1).says("greffon.lock has changed since");
    assert_eq!((world.env.read("greffon.toml"), world.env.read("greffon.lock")), (touched.clone(), "schema = 1\n".to_owned()));
    // what the repositories have can change too: a fix that no longer helps writes nothing
    world.run("fix").succeeds();
    world.plain("core/campus", &["4.5.6"]);
    world.run("fix 1").fails(1).says("fix 1 no longer helps; nothing was written");
    assert_eq!(world.env.read("greffon.toml"), touched);
    // once taken it is not taken twice
    world.run("fix 2").succeeds();
    world.run("fix 2").fails(1).says("greffon.toml has changed");
}

#[test]
fn machines_read_numbers_changes_and_words() {
    let world = too_old();
    let run = world.run("lock --json").fails(1);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("JSON");
    assert_eq!(error["fixes"].as_array().map(Vec::len), Some(3), "{error}");
    assert_eq!(error["fixes"][1]["number"], 2);
    let change = &error["fixes"][0]["changes"][0];
    assert_eq!(*change, serde_json::json!({ "change": "require", "element": "core/campus", "from": "4.5.6", "to": "5.1+", "version": "5.1.0" }));
    let listed = world.run("fix --json").succeeds().json();
    assert_eq!(listed["schema"], "greffon/fix/1");
    assert_eq!(listed["fixes"], error["fixes"]);
    let done = world.run("fix 3 --json").succeeds().json();
    assert_eq!((&done["applied"], &done["changes"][0]["name"]), (&3.into(), &"campus".into()));
}

#[test]
fn a_fix_of_what_add_could_not_do_adds_it_too() {
    let world = too_old();
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n");
    world.lock();
    let before = world.env.read("greffon.toml");
    let run = world.run("add plugins/forum@2.*").fails(1).says("this command asks for plugins/forum 2.*");
    assert!(!run.stderr.contains("no longer ask for plugins/forum"), "not to add it is no way out: {}", run.stderr);
    assert_eq!(world.env.read("greffon.toml"), before);
    world.run("fix").succeeds().prints("with this in greffon.toml, which was not written").prints("+forum = \"2.*\"");
    world.run("fix 1").succeeds();
    assert_eq!(world.locked(), ["campus 5.1.0", "forum 2.4.0"]);
    assert_eq!(world.env.read("greffon.toml"), before.replace("4.5.6", "5.1+") + "\n[types.plugins]\nforum = \"2.*\"\n");
}

#[test]
fn independent_conflicts_are_fixed_together() {
    let world = diamond();
    world.plain("core/campus", &["4.5.6", "5.0.0"]);
    world.put("plugins/forum", &[v("2.0.0", &[("core/campus", ">=5.0")])]);
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n[types.plugins]\nquiz = \"2.*\"\nreport = \"*\"\nforum = \"*\"\n");
    let run = world.run("lock").fails(1).says("conflict 1 of 2:").says("conflict 2 of 2:");
    assert!(run.stderr.contains("fix 1: ask for core/campus") && run.stderr.contains(", and ask for plugins/quiz `1.0+`"), "{}", run.stderr);
    world.run("fix 1").succeeds();
    assert_eq!(world.locked(), ["campus 5.0.0", "forum 2.0.0", "grades 1.2.0", "quiz 1.0.0", "report 3.0.0"]);
}

#[test]
fn with_several_sites_a_fix_says_whom_it_concerns_and_harms_nobody() {
    let world = too_old();
    world.put("plugins/old", &[v("1.0.0", &[("core/campus", "4.*")])]);
    // the core is shared: for site b, which needs the old one, the first fix would be harm
    world.manifest(
        "[types.core]\ncampus = \"4.5.6\"\n[types.plugins]\n[sites.a]\npath = \"a\"\ntypes.plugins.forum = \"2.*\"\n[sites.b]\npath = \"b\"\ntypes.plugins.old = \"*\"\n",
    );
    let run = world.run("lock").fails(1).says("no versions fit what site a asks for");
    assert!(!run.stderr.contains("ask for core/campus"), "{}", run.stderr);
    assert!(
        run.stderr.contains("fix 1: ask for plugins/forum `1.9+` instead of `2.*` in greffon.toml:15 (1.9.0 is the newest that fits); for site a alone"),
        "{}",
        run.stderr
    );
    world.run("fix 1").succeeds();
    assert_eq!(world.locked(), ["campus 4.5.6", "forum 1.9.0", "old 1.0.0"]);
    // nothing stands in the way of the core where b does not mind
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n[sites.a]\npath = \"a\"\ntypes.plugins.forum = \"2.*\"\n[sites.b]\npath = \"b\"\n");
    let run = world.run("lock").fails(1);
    assert!(run.stderr.contains("fix 1: ask for core/campus `5.1+`") && run.stderr.contains("; for b too\n"), "{}", run.stderr);
    world.run("fix 3").succeeds();
    assert!(world.env.read("greffon.toml").contains("[sites.b]\npath = \"b\"\n"), "what is removed for a stays elsewhere");
    assert_eq!(world.locked(), ["campus 4.5.6"]);
}

#[test]
fn another_sites_conflict_does_not_keep_a_fix_from_being_made() {
    let world = too_old();
    world.manifest(
        "[sites.a]\npath = \"a\"\ntypes.core.campus = \"4.5.6\"\ntypes.plugins.forum = \"2.*\"\n[sites.b]\npath = \"b\"\ntypes.plugins.nothing = \"*\"\n",
    );
    world.run("lock").fails(1).says("site a");
    world.run("fix 2").succeeds().says("greffon.lock is as it was").says("plugins/nothing");
    assert!(world.env.read("greffon.toml").contains("types.plugins.forum = \"1.9+\""));
    assert!(!world.env.exists("greffon.lock"));
}

#[test]
fn an_exact_version_in_stock_does_not_hide_the_others() {
    let world = World::new();
    world.plain("core/campus", &["4.5.6"]);
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n");
    world.run("fetch").succeeds();
    world.plain("core/campus", &["4.5.6", "5.0.0"]);
    world.put("plugins/forum", &[v("2.0.0", &[("core/campus", ">=5.0")])]);
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n[types.plugins]\nforum = \"*\"\n");
    world.run("lock").fails(1).says("core/campus 4.5.6 is too old for that; 5.0.0 would do").says("fix 1: ask for core/campus `5.0+`");
}

#[test]
fn what_a_fix_is_made_of_is_for_nobody_elses_eyes() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = too_old();
    // the manifest that `add` would have written is kept with its fixes
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n");
    world.lock();
    world.run("add plugins/forum@2.*").fails(1);
    let folder = world.env.home().join(".local/share/greffon/fixes");
    let kept: Vec<_> = std::fs::read_dir(&folder).expect("in the user's own folder").map(|entry| entry.expect("listed").path()).collect();
    assert_eq!(kept.len(), 1);
    let mode = std::fs::metadata(&kept[0]).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{mode:o}");
    let text = std::fs::read_to_string(&kept[0]).expect("ours to read");
    assert!(text.contains("the school") || text.contains("campus"), "{text}");
}
