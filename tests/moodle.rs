//! `builtin:moodle` on the real binary: places from the core's own files, versions that fit, upgrades that move.
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr, unreachable_pub)]

#[path = "moodle_ops/check.rs"]
mod check;
#[path = "moodle_ops/cores.rs"]
mod cores;
mod moodle_site;
#[path = "moodle_ops/moving.rs"]
mod moving;
#[path = "moodle_ops/phases.rs"]
mod phases;
mod support;
#[path = "moodle_ops/traps.rs"]
mod traps;
#[path = "moodle_ops/wrapped.rs"]
mod wrapped;

use std::io::Write;

use moodle_site::{Campus, Layout, core, plugin};

#[test]
fn every_plugin_lands_where_the_core_says_it_belongs() {
    let campus = Campus::new();
    campus.core();
    campus.plugin("block_xp", "2024010100", "");
    campus.plugin(
        "availability_xp",
        "2024010100",
        "$plugin->dependencies = ['block_xp' => 2023010100, 'theme_boost' => 2024100700, 'mod_forum' => ANY_VERSION];",
    );
    campus.plugin("assignsubmission_x", "2024010100", "");
    // The owner of a subplugin type is another plugin, and comes after the subplugin.
    campus.plugin("certelement_x", "2024010100", "");
    let owner = campus.plugin("mod_cert", "2024010100", "");
    owner.write("db/subplugins.json", r#"{"subplugintypes": {"certelement": "element"}, "plugintypes": {"certelement": "mod/cert/wrong"}}"#).commit("owner");
    let old = campus.plugin("tool_old", "2024010100", "");
    old.write("db/subplugins.php", "<?php\n$subplugins = array('oldstep' => 'admin/tool/old/step');\n").commit("owner");
    campus.plugin("oldstep_x", "2024010100", "");
    // Several plugins in one repository, and a nested version.php of something else before it.
    let mono = campus.repo("mono");
    mono.write("a/vendor/x/version.php", "<?php $plugin->version = 1;").write("auth/oidc/version.php", plugin("local_other", "2024010100", ""));
    mono.write("elsewhere/deep/version.php", plugin("local_mono", "2024020200", "")).write("elsewhere/deep/lib.php", "").commit("many");
    let zip = campus.env.path("attendance.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&zip).expect("a file"));
    for (path, content) in [("version.php", plugin("mod_attendance", "2024010203", "")), ("lang/en/attendance.php", "<?php".to_owned())] {
        archive.start_file(format!("moodle-mod_attendance-v5.2-r1/{path}"), zip::write::SimpleFileOptions::default()).expect("an entry");
        archive.write_all(content.as_bytes()).expect("content");
    }
    archive.finish().expect("an archive");
    let mono = format!("local_mono = {{ git = \"{}\", version = \"*\" }}", campus.env.path("repos/mono").display());
    campus.manifest(
        "version = \"4.5\"",
        &[
            "certelement_x",
            "oldstep_x",
            "availability_xp",
            "assignsubmission_x",
            "mod_cert",
            "tool_old",
            "block_xp",
            &mono,
            "mod_attendance = { path = \"attendance.zip\" }",
        ],
    );
    campus.sync();
    let places = [
        "blocks/xp",
        "availability/condition/xp",
        "mod/assign/submission/x",
        "mod/cert",
        "mod/cert/element/x",
        "admin/tool/old/step/x",
        "local/mono",
        "mod/attendance",
    ];
    for place in places {
        assert!(campus.env.exists(format!("one/{place}/version.php")), "{place}");
    }
    assert!(campus.env.exists("one/mod/attendance/lang/en/attendance.php") && !campus.env.exists("one/local/mono/elsewhere"));
    assert_eq!((campus.locked("core/moodle"), campus.locked("plugins/mod_attendance")), ("4.5.1".into(), "2024010203".into()));
    assert!(!campus.env.read("greffon.lock").contains("theme_boost"), "what the core brings along is not locked");
    campus.env.greffon(["sync", "--site", "one", "--json"]).run().succeeds();
    campus.env.greffon(["status", "--exit-code"]).run().succeeds();
    // The owner changes, the child stays.
    owner.write("version.php", plugin("mod_cert", "2024050500", "")).commit("newer");
    campus.env.greffon(["update", "mod_cert"]).run().succeeds();
    campus.sync();
    assert!(campus.env.read("one/mod/cert/version.php").contains("2024050500") && campus.env.exists("one/mod/cert/element/x/version.php"));
}

#[test]
fn the_newest_version_that_fits_the_core_is_found_in_any_tag_or_branch() {
    let campus = Campus::new();
    campus.core();
    // Branches only, the default one is not called main, the newest is for a newer core.
    let attendance = campus.repo("mod_attendance");
    attendance.branch("MOODLE_24-26_STABLE").write("version.php", "<?php\n$module->version = 2014010100;\n$module->requires = 2012120300;\n").commit("old");
    attendance
        .branch("MOODLE_405_STABLE")
        .write("version.php", plugin("mod_attendance", "2024100801", "$plugin->requires = 2024100700; $plugin->supported = [405, 405];"));
    attendance.commit("for 4.5");
    attendance
        .branch("heads/odd")
        .write("version.php", plugin("mod_attendance", "2025100900", "$plugin->requires = 2025100600.00; $plugin->supported = [501, 502];"));
    attendance.commit("for 5.1");
    attendance.checkout("MOODLE_405_STABLE");
    // Two lines in one list of tags, several tags of one version, odd names, and a main branch that its author calls alpha.
    let xp = campus.repo("block_xp");
    for (tag, version, rest) in [
        ("V501.1.0", "2025100700", "$plugin->requires = 2025041400; $plugin->supported = [501, 501]; $plugin->incompatible = '502';"),
        ("release-v1.5.1", "2024110100", "$plugin->requires = 2024100700; $plugin->supported = [401, 405];"),
        ("2026013100", "2025042000", "$plugin->requires = 2024110000; $plugin->supported = [500, 501];"),
        ("odd/again", "2024110100", "$plugin->requires = 2024100700; $plugin->supported = [401, 405];"),
        ("broken", "2024110200", "$plugin->supported = ['401', '405'];"),
    ] {
        xp.write("version.php", plugin("block_xp", version, rest)).commit(tag);
        xp.tag(tag);
    }
    xp.write("version.php", plugin("block_xp", "2026010100", "$plugin->maturity = MATURITY_ALPHA;")).commit("alpha");
    for (asked, core, expected_attendance, expected_xp) in [
        ("4.5", "4.5.1", "2024100801", "2024110100"),
        ("4.5+", "2024100701.03", "2024100801", "2024110100"),
        ("4.5.0", "4.5.0", "2024100801", "2024110100"),
        ("5.0", "5.0.0", "2024100801", "2025042000"),
        ("5.1", "5.1.0", "2025100900", "2025100700"),
        ("*", "5.1.0", "2025100900", "2025100700"),
    ] {
        let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
        campus.manifest(&format!("version = \"{asked}\""), &["mod_attendance", "block_xp"]);
        let found = (campus.locked("core/moodle"), campus.locked("plugins/mod_attendance"), campus.locked("plugins/block_xp"));
        assert_eq!(found, (core.into(), expected_attendance.into(), expected_xp.into()), "{asked}");
    }
    // A new core takes along what was made for the old one, and nothing else.
    let hold = campus.plugin("block_hold", "2024010100", "");
    hold.tag("v1");
    campus.manifest("version = \"4.5\"", &["mod_attendance", "block_xp", "block_hold"]);
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    assert_eq!((campus.locked("plugins/block_xp"), campus.locked("plugins/block_hold")), ("2024110100".into(), "2024010100".into()));
    hold.write("version.php", plugin("block_hold", "2025010100", "")).commit("newer");
    campus.manifest("version = \"5.1\"", &["mod_attendance", "block_xp", "block_hold"]);
    let found = ["mod_attendance", "block_xp", "block_hold"].map(|name| campus.locked(&format!("plugins/{name}")));
    assert_eq!(found, ["2025100900", "2025100700", "2024010100"]);
    // Silence about what it is for makes an old version no better than a newer one that speaks.
    let quiet = campus.repo("block_quiet");
    for (version, rest) in [("2020010100", ""), ("2022010100", "$plugin->supported = [39, 404];"), ("2023010100", "$plugin->supported = [400, 404];")] {
        quiet.write("version.php", plugin("block_quiet", version, rest)).commit(version);
        quiet.tag(version);
    }
    campus.manifest("version = \"5.0\"", &["block_quiet"]);
    assert_eq!(campus.locked("plugins/block_quiet"), "2023010100");
    // And no new core makes a plugin go back.
    quiet.write("version.php", plugin("block_quiet", "2022020200", "$plugin->supported = [501, 501];")).commit("older line");
    quiet.tag("older-line");
    campus.manifest("version = \"5.1\"", &["block_quiet"]);
    assert_eq!(campus.locked("plugins/block_quiet"), "2023010100");
    // What is newer and made for another core is told with that reason.
    let picky = campus.plugin("block_picky", "2024010100", "$plugin->supported = [405, 501];");
    picky.tag("v1");
    picky.write("version.php", plugin("block_picky", "2026010100", "$plugin->supported = [502, 502];")).commit("newer");
    campus.manifest("version = \"5.1\"", &["block_picky"]);
    assert_eq!(campus.locked("plugins/block_picky"), "2024010100");
    for command in [&["outdated"][..], &["why", "--not", "block_picky@2026010100"]] {
        let told = campus.env.greffon(command).run().succeeds().stdout;
        assert!(told.contains("2026010100 is made for core/moodle >=502, <=502, and 5.1.0 is locked"), "{told}");
    }
    for (pin, core) in [("tag = \"v4.5.0\"", "4.5.0"), ("branch = \"MOODLE_405_STABLE\"", "2024100701.03")] {
        campus.manifest(pin, &["block_xp"]);
        assert_eq!(campus.locked("core/moodle"), core, "{pin}");
    }
    // What is chosen by name is installed, with a word about it.
    campus.manifest("version = \"5.0\"", &[&format!("block_xp = {{ git = \"{}\", tag = \"release-v1.5.1\" }}", campus.env.path("repos/block_xp").display())]);
    campus.env.greffon(["plan"]).run().succeeds().says("plugins/block_xp 2024110100 says that it supports Moodle 401 to 405; core/moodle is 500");
    // Warm, nothing is read again: the version stays found though the repository's objects are gone.
    campus.manifest("version = \"5.1\"", &["block_xp"]);
    campus.env.greffon(["lock"]).run().succeeds();
}

#[test]
fn what_does_not_fit_is_refused_with_the_plugin_that_blocks() {
    let campus = Campus::new();
    campus.core();
    campus.plugin("block_new", "2025100700", "$plugin->requires = 2025100600;");
    campus.manifest("version = \"4.5\"", &["block_new"]);
    campus.env.greffon(["lock"]).run().fails(1).says("plugins/block_new").says("core/moodle");
    campus.plugin("block_until", "2024100700", "$plugin->incompatible = 501;");
    campus.manifest("version = \"5.1\"", &["block_until"]);
    campus.env.greffon(["lock"]).run().fails(1).says("plugins/block_until");
    campus.plugin("block_lonely", "2024100700", "$plugin->dependencies = ['block_friend' => 2020010100];");
    campus.manifest("version = \"4.5\"", &["block_lonely"]);
    campus.env.greffon(["lock"]).run().fails(1).says("plugins/block_friend").says("greffon add plugins/block_friend --git URL");
    campus.plugin("block_theme", "2024100700", "$plugin->dependencies = ['theme_boost' => 2025041400];");
    campus.manifest("version = \"4.5\"", &["block_theme"]);
    campus.env.greffon(["lock"]).run().fails(1).says("theme_boost >=2025041400").says("brings 2024100701 along");
    // An older version that does with what the core has is chosen where there is one.
    let themed = campus.plugin("block_themed", "2023010100", "$plugin->dependencies = ['theme_boost' => 2023010100];");
    themed.tag("v1");
    themed.write("version.php", plugin("block_themed", "2025010100", "$plugin->dependencies = ['theme_boost' => 2025041400];")).commit("newer");
    campus.manifest("version = \"4.5\"", &["block_themed"]);
    assert_eq!(campus.locked("plugins/block_themed"), "2023010100");
    campus.manifest("version = \"4.5\"", &[&format!("block_theme = {{ git = \"{}\", version = \"*\" }}", campus.env.path("repos/block_until").display())]);
    campus.env.greffon(["lock"]).run().fails(1);
    // A zip whose version.php nobody could read before it was there.
    campus.plugin("nosuch_x", "2024100700", "");
    campus.manifest("version = \"4.5\"", &["nosuch_x"]);
    campus.env.greffon(["plan"]).run().fails(1).says("plugins of the type `nosuch`");
    assert!(!campus.env.exists("one"));
}

#[test]
fn an_upgrade_that_moves_the_plugins_moves_what_was_put_there_by_hand() {
    let campus = Campus::new();
    campus.core();
    campus.plugin("block_xp", "2024010100", "");
    campus.manifest("version = \"5.0\"", &["block_xp"]);
    campus.sync();
    for (path, content) in [
        ("config.php", "<?php // mine"),
        ("mod/byhand/version.php", "<?php // by hand"),
        ("mod/byhand/deep/file", "x"),
        ("blocks/xp/.git", "gitdir: elsewhere"),
        ("blocks/xp/notes/mine.txt", "mine"),
        ("notes.txt", "stays"),
        ("moodledata/filedir/x", "data"),
    ] {
        campus.env.write(format!("one/{path}"), content);
    }
    campus.manifest("version = \"5.1\"", &["block_xp"]);
    let plan = campus.env.greffon(["plan"]).run().succeeds();
    for line in ["> blocks/xp → public/blocks/xp", "> mod/byhand → public/mod/byhand", "> blocks/xp/.git → public/blocks/xp/.git", "must serve `public`"]
    {
        assert!(plan.stdout.contains(line), "{line}\n{}", plan.stdout);
    }
    let json = campus.env.greffon(["plan", "--json"]).run().succeeds().json();
    assert_eq!(json["sites"][0]["moves"].as_array().map(Vec::len), Some(3));
    campus.sync().says("public");
    let there = |path: &str| campus.env.exists(format!("one/{path}"));
    for path in [
        "config.php",
        "public/config.php",
        "public/mod/byhand/version.php",
        "public/mod/byhand/deep/file",
        "public/blocks/xp/version.php",
        "public/blocks/xp/.git",
        "public/blocks/xp/notes/mine.txt",
        "notes.txt",
        "moodledata/filedir/x",
    ] {
        assert!(there(path), "{path}");
    }
    for path in ["mod", "blocks", "theme", "version.php", "index.php", "old.php"] {
        assert!(!there(path), "{path} was left behind");
    }
    assert_eq!(campus.env.read("one/config.php"), "<?php // mine");
    campus.env.greffon(["rollback", "--site", "one", "--reason", "slow"]).run().succeeds();
    assert!(there("mod/byhand/deep/file") && there("blocks/xp/.git") && there("blocks/xp/notes/mine.txt") && there("version.php"));
    assert!(!there("public"));
}

#[test]
fn a_flattened_core_and_one_in_a_folder_are_understood() {
    let campus = Campus::new();
    let repo = campus.repo("core");
    core(&repo, "2025100600.00", "5.1 (Build: 20251006)", "501", Layout::Flattened);
    repo.commit("flattened");
    campus.plugin("block_xp", "2024010100", "");
    campus.manifest("branch = \"main\"", &["block_xp"]);
    campus.sync();
    assert!(campus.env.exists("one/blocks/xp/version.php") && !campus.env.exists("one/public"));
}

#[test]
fn a_core_of_many_refs_is_taken_by_their_names() {
    let campus = Campus::new();
    let repo = campus.core();
    for number in 2..80 {
        repo.tag(&format!("v4.4.{number}"));
    }
    repo.tag("v5.2.0-rc1").tag("MOODLE_15_MERGED");
    campus.plugin("block_xp", "2024010100", "$plugin->requires = 2024100701;");
    for (asked, core) in [("4.5", "4.5.1"), ("4.5+", "4.5+"), ("4.5.0", "4.5.0"), ("*", "5.1.0")] {
        let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
        campus.manifest(&format!("version = \"{asked}\""), &[]);
        assert_eq!(campus.locked("core/moodle"), core, "{asked}");
    }
    campus.manifest("version = \"4.5+\"", &["block_xp"]);
    campus.sync();
    assert!(campus.env.read("one/version.php").contains("2024100701.03"), "the branch's head");
}

#[test]
fn init_writes_a_manifest_for_moodle() {
    let campus = Campus::new();
    campus.env.greffon(["init", "--app", "moodle", "campus"]).run().succeeds();
    assert!(campus.env.read("campus/greffon.toml").contains("builtin:moodle"));
    campus.env.greffon(["doctor", "--offline"]).within("campus").run();
    campus.env.greffon(["add", "plugin/x"]).within("campus").run().fails(1).says("did you mean `plugins/x`?");
}

#[test]
fn a_patched_plugin_is_locked_where_the_core_is_not_in_stock_yet() {
    let campus = Campus::new();
    campus.core();
    campus.plugin("block_xp", "2024010100", "");
    campus.env.write("hack.patch", "--- a/lib.php\n+++ b/lib.php\n@@ -1 +1,2 @@\n <?php // block_xp\n+// a hack\n");
    let xp = format!("block_xp = {{ git = \"{}\", version = \"*\", patches = [\"hack.patch\"] }}", campus.env.path("repos/block_xp").display());
    campus.manifest("version = \"4.5\"", &[&xp]);
    assert_eq!(campus.locked("plugins/block_xp"), "2024010100");
    // A patch that does not apply stops the lock, also then.
    campus.env.write("hack.patch", "--- a/lib.php\n+++ b/lib.php\n@@ -1 +1,2 @@\n <?php // another\n+// a hack\n");
    std::fs::remove_file(campus.env.path("greffon.lock")).expect("a lock");
    campus.env.greffon(["lock"]).run().fails(1).says("hack.patch");
    campus.env.write("hack.patch", "--- a/lib.php\n+++ b/lib.php\n@@ -1 +1,2 @@\n <?php // block_xp\n+// a hack\n");
    campus.sync();
    assert!(campus.env.read("one/blocks/xp/lib.php").contains("a hack"));
}
