//! `why`, `why --not`, `tree`, `outdated`, `plan --with`.

use serde_json::json;

use super::world::{World, diamond, too_old, v, with};

#[test]
fn why_not_names_what_forbids_a_version() {
    let world = diamond();
    world.lock();
    let told = world.run("why --not quiz@2.0.0").succeeds().stdout;
    assert_eq!(
        told,
        "plugins/quiz 2.0.0 does not fit, 1.0.0 is locked:
  plugins/quiz 2.0.0 needs plugins/grades 2.*
  greffon.toml:12 asks for plugins/report *
  plugins/report 3.0.0 needs plugins/grades 1.*
  no version of plugins/grades fits all of this
"
    );
    assert_eq!(world.run("why --not quiz").succeeds().stdout, told, "without a version it is the newest");
    world.run("why --not quiz@1.0.0").succeeds().prints("plugins/quiz 1.0.0 is what is locked");
    let told = world.run("why --not quiz@9.9").succeeds().stdout;
    assert_eq!(
        told,
        "plugins/quiz 9.9 cannot be had, 1.0.0 is locked\n  there is no plugins/quiz 9.9\n  repository ours has 2 versions of plugins/quiz, 1.0.0 to 2.0.0\n"
    );
    // the manifest itself
    world.manifest("[types.plugins]\nquiz = \"1.*\"\n");
    world.lock();
    let told = world.run("why --not quiz@2.0.0").succeeds().stdout;
    assert_eq!(
        told,
        "plugins/quiz 2.0.0 does not fit, 1.0.0 is locked:
  greffon.toml:11 asks for plugins/quiz 1.*
  with it these would change too:
    plugins/grades 1.2.0 → 2.0.0
"
    );
    let json = world.run("why --not quiz@2.0.0 --json").succeeds().json();
    assert_eq!((&json["schema"], &json["sites"][0]["verdict"]), (&json!("greffon/why-not/1"), &json!("forbidden")));
    world.run("why --not qiuz@2").fails(1).says("qiuz");
}

#[test]
fn why_not_tells_what_merely_is_not_preferred_withdrawn_or_named() {
    let world = World::new();
    world.put("plugins/chat", &[v("1.0.0", &[]), v("1.0.1", &[]), with(v("1.0.2", &[]), "yanked", json!("it deletes rooms"))]);
    world.put_in("public", "themes/clean", Some("semver"), &[v("1.4.2", &[]), v("2.0.0-beta.1", &[])]);
    world.manifest("[types.plugins]\nchat = \"1.0+\"\n[types.themes]\nclean = \"*\"\n");
    world.lock();
    world.run("why --not chat@1.0.1").succeeds().prints("would fit, 1.0.0 is locked").prints("greffon.toml:11 asks for plugins/chat 1.0+, which prefers 1.0.0");
    world.run("why --not chat@1.0.2").succeeds().prints("plugins/chat 1.0.2 was withdrawn: it deletes rooms");
    world.run("why --not clean@2.0.0-beta.1").succeeds().prints("2.0.0-beta.1 is a pre-release: those are taken only where they are named");
    world.put_in("public", "themes/clean", Some("semver"), &[v("1.4.2", &[]), v("1.5.0", &[])]);
    world.run("why --not clean@1.5.0").succeeds().prints("themes/clean 1.5.0 fits, 1.4.2 is locked: `greffon update themes/clean` takes it");
    world.run("update clean").succeeds();
    world.run("why --not clean@1.4.2").succeeds().prints("1.5.0 fits too, and is newer");
}

#[test]
fn why_and_both_trees_follow_dependencies_and_groups() {
    let world = World::new();
    world.put("plugins/a", &[with(v("1.0.0", &[("plugins/b", "1.*")]), "optional", json!({ "extra": { "plugins/c": "*" } }))]);
    world.put("plugins/b", &[v("1.0.0", &[("plugins/d", "*")])]);
    world.plain("plugins/c", &["1.0.0"]).plain("plugins/d", &["1.0.0"]);
    world.manifest("[types.plugins]\na = { version = \"*\", optional = [\"extra\"] }\n");
    world.lock();
    assert_eq!(world.run("tree").succeeds().stdout, "plugins/a 1.0.0\n├── plugins/b 1.0.0  1.*\n│   └── plugins/d 1.0.0  *\n└── plugins/c 1.0.0  *\n");
    assert_eq!(world.run("tree --invert plugins/d").succeeds().stdout, "plugins/d 1.0.0\n└── plugins/b 1.0.0  *\n    └── plugins/a 1.0.0  1.*\n");
    let all = world.run("tree --invert").succeeds().stdout;
    assert!(all.contains("plugins/d 1.0.0\n└── plugins/b 1.0.0  *\n    └── plugins/a 1.0.0  1.*\n"), "{all}");
    assert!(all.contains("plugins/c 1.0.0\n└── plugins/a 1.0.0  *\n"), "{all}");
    assert_eq!(
        world.run("why d").succeeds().stdout,
        "plugins/d 1.0.0\n  greffon.toml:11 asks for plugins/a *\n    plugins/a 1.0.0 needs plugins/b 1.*\n      plugins/b 1.0.0 needs plugins/d *\n"
    );
    world.run("why c").succeeds().prints("plugins/a 1.0.0 needs plugins/c *");
}

#[test]
fn outdated_tells_what_fits_what_there_is_and_what_holds_it_back() {
    let world = diamond();
    world.plain("plugins/chat", &["1.0.0"]).plain("plugins/poll", &["1.0.0"]);
    world.manifest("[types.plugins]\nquiz = \"*\"\nreport = \"*\"\nchat = \"1.*\"\npoll = \"*\"\n");
    world.lock();
    world.run("outdated --exit-code").fails(3);
    world.plain("plugins/chat", &["1.0.0", "1.1.0", "2.0.0"]);
    let told = world.run("outdated").succeeds().stdout;
    let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(lines[0], ["element", "locked", "fits", "newest"]);
    assert_eq!(lines[1], ["plugins/quiz", "1.0.0", "1.0.0", "2.0.0", "plugins/quiz 2.0.0 needs plugins/grades 2.*"]);
    assert_eq!(lines[2], ["greffon.toml:12 asks for plugins/report *"]);
    assert_eq!(lines[3], ["plugins/report 3.0.0 needs plugins/grades 1.*"]);
    assert!(lines.contains(&vec!["plugins/chat", "1.0.0", "1.1.0", "2.0.0", "greffon.toml:13 asks for 1.*"]), "{told}");
    assert!(lines.contains(&vec!["plugins/grades", "1.2.0", "1.2.0", "2.0.0", "plugins/quiz 1.0.0 needs 1.*"]), "{told}");
    assert!(!told.contains("plugins/poll"), "{told}");
    assert!(told.ends_with("`greffon update` moves to what fits\n"), "{told}");
}

#[test]
fn a_supposition_is_planned_and_nothing_is_written() {
    let world = too_old();
    world.manifest("[types.core]\ncampus = \"4.5.6\"\n[types.plugins]\nforum = \"*\"\n[sites.main]\npath = \"site\"\n");
    world.run("sync").succeeds();
    let before = (world.env.read("greffon.toml"), world.env.read("greffon.lock"), world.env.tree("site"));
    let told = world.run("plan --with core/campus@5.1.0 --with plugins/forum@2.*").succeeds();
    assert!(told.stdout.contains("  ~ core/campus 4.5.6 → 5.1.0 (ours)\n  ~ plugins/forum 1.9.0 → 2.4.0 (ours)\n"), "{}", told.stdout);
    world.run("plan --with core/campus@5.1.0").succeeds().prints("~ core/campus 4.5.6 → 5.1.0").prints("greffon.lock would change");
    let run = world.run("plan --with plugins/forum@2.*").fails(1);
    assert!(run.stderr.contains("`--with` asks for plugins/forum 2.*"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: it would go if you ask for core/campus `5.1+` instead of `4.5.6` in greffon.toml:11"), "{}", run.stderr);
    assert!(!run.stderr.contains("greffon fix"), "nothing is offered for a mere supposition: {}", run.stderr);
    world.run("plan --with plugins/forum").fails(2).says("names no version");
    world.run("plan --with plugins/nowhere@1").fails(1).says("plugins/nowhere, which no repository knows");
    assert_eq!((world.env.read("greffon.toml"), world.env.read("greffon.lock"), world.env.tree("site")), before);
    world.run("fix").succeeds().prints("nothing to fix");
}
