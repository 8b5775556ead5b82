//! `upgrade-check`: what another core means, element by element.

use serde_json::Value;

use crate::moodle_site::{Campus, plugin};

/// A site with an element of every sort, and one that could go.
fn campus() -> Campus {
    let campus = Campus::new();
    let core = campus.core();
    // The newest core brings along what was a plugin, and has no place for a type any more.
    core.write("public/admin/tool/soon/version.php", plugin("tool_soon", "2025100600", "")).remove("public/blocks/html");
    let types = std::fs::read_to_string(core.folder().join("lib/components.json"))
        .expect("the types")
        .replace("\"availability\": \"public\\/availability\\/condition\"", "\"report\": \"public\\/report\"");
    core.write("lib/components.json", types);
    core.write("public/version.php", "<?php $version = 2025100601.00; $release = '5.1.1 (Build: 20251201)'; $branch = '501';").commit("5.1.1");
    core.tag("v5.1.1");
    campus.plugin("block_fits", "2024010100", "");
    campus.plugin("tool_soon", "2024010100", "");
    campus.plugin("availability_old", "2024010100", "");
    campus.plugin("block_until", "2024010100", "$plugin->incompatible = 501;");
    campus.plugin("block_child", "2024010100", "$plugin->dependencies = ['block_until' => 2024010100];");
    let moves = campus.plugin("mod_moves", "2024010100", "$plugin->incompatible = 501;");
    moves.tag("old");
    moves.write("version.php", plugin("mod_moves", "2025010100", "$plugin->requires = 2025041400; $plugin->maturity = MATURITY_BETA;"));
    moves.write("lib.php", "<?php // mod_moves, anew\n").commit("new");
    moves.tag("new");
    let pinned = campus.plugin("block_pinned", "2024010100", "$plugin->incompatible = 501;");
    pinned.tag("v1");
    pinned.write("version.php", plugin("block_pinned", "2025010100", "")).commit("v2");
    pinned.tag("v2");
    campus.env.write("patches/fine.patch", patch("block_fits"));
    campus.env.write("patches/stale.patch", patch("mod_moves"));
    let git = |name: &str, rest: &str| format!("{name} = {{ git = \"{}\", {rest} }}", campus.env.path(format!("repos/{name}")).display());
    campus.manifest(
        "version = \"4.5\"",
        &[
            &git("block_fits", "version = \"*\", patches = [\"patches/fine.patch\"]"),
            &git("mod_moves", "version = \"*\", patches = [\"patches/stale.patch\"]"),
            &git("block_pinned", "tag = \"v1\""),
            "block_until",
            "block_child",
            "tool_soon",
            "availability_old",
        ],
    );
    let text = campus.env.read("greffon.toml");
    let core = format!("types.core.moodle = {{ git = \"{}\", version = \"5.0\" }}", campus.env.path("repos/core").display());
    let without =
        ["block_pinned", "block_until", "block_child", "tool_soon", "availability_old", "mod_moves"].map(|name| format!("\"plugins/{name}\"")).join(", ");
    campus.env.write("greffon.toml", format!("{text}[sites.two]\npath = \"two\"\nwithout = [{without}]\n{core}\n"));
    campus
}

fn patch(name: &str) -> String {
    format!("diff --git a/lib.php b/lib.php\n--- a/lib.php\n+++ b/lib.php\n@@ -1 +1,2 @@\n <?php // {name}\n+// our logo\n")
}

fn of<'a>(check: &'a Value, name: &str) -> &'a Value {
    check["elements"].as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).unwrap_or_else(|| panic!("{name} is not in {check:#}"))
}

fn check_of<'a>(report: &'a Value, site: &str) -> &'a Value {
    report["checks"].as_array().and_then(|all| all.iter().find(|one| one["site"] == site)).expect("the site")
}

#[test]
fn every_element_has_its_verdict_and_the_sites_have_their_own() {
    let campus = campus();
    campus.env.greffon(["sync", "--all", "--create", "-y"]).run().succeeds();
    let before = (campus.env.read("greffon.toml"), campus.env.read("greffon.lock"), campus.env.tree("one"));
    let report = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json"]).run().succeeds().json();
    assert_eq!(report["schema"], "greffon/upgrade-check/1");
    let one = check_of(&report, "one");
    assert!(!one["notes"].to_string().contains("looked at"), "{one:#}");
    assert_eq!((&one["state"], &one["from"], &one["to"]), (&"blocked".into(), &"4.5.1".into(), &"5.1.1".into()), "{one:#}");
    for (name, verdict, version, blocks) in [
        ("block_fits", "fits", Some("2024010100"), false),
        ("mod_moves", "update", Some("2025010100"), true),
        ("block_pinned", "pinned", Some("2025010100"), true),
        ("block_until", "waiting", None, true),
        ("block_child", "waiting", None, true),
        ("tool_soon", "part-of-core", Some("2025100600"), true),
        ("availability_old", "removed", None, true),
    ] {
        let found = of(one, name);
        assert_eq!((&found["verdict"], found["version"].as_str(), found["blocks"].as_bool()), (&verdict.into(), version, Some(blocks)), "{name}: {found:#}");
    }
    assert_eq!(
        one["alone"],
        serde_json::json!([
            "plugins/availability_old",
            "plugins/block_child",
            "plugins/block_pinned",
            "plugins/block_until",
            "plugins/mod_moves",
            "plugins/tool_soon"
        ])
    );
    assert!(of(one, "block_until")["why"].to_string().contains("<501"), "{one:#}");
    assert!(of(one, "block_child")["why"].to_string().contains("block_until"), "{one:#}");
    assert!(of(one, "block_pinned")["why"].to_string().contains("greffon.toml:"), "{one:#}");
    assert!(of(one, "mod_moves")["why"].to_string().contains("calls it beta"), "{one:#}");
    let fine = &of(one, "block_fits")["patches"][0];
    assert_eq!((&fine["path"], &fine["applies"]), (&"patches/fine.patch".into(), &true.into()));
    let stale = &of(one, "mod_moves")["patches"][0];
    assert!(stale["applies"] == false && stale["why"].to_string().contains("does not apply"), "{stale:#}");
    let demands = &one["demands"];
    assert_eq!((&demands["release"], &demands["earliest"], &demands["runtimes"]["php"]), (&"5.1".into(), &"4.2.3".into(), &"8.2.0".into()));
    assert_eq!((&demands["databases"]["mariadb"], &one["now"]["databases"]["mariadb"]), (&"10.11.0".into(), &"10.6.7".into()));
    assert_eq!(one["no_longer_brought"], serde_json::json!(["plugins/block_html"]));
    assert!(one["moves"].as_array().is_some() && one["notes"].to_string().contains("public"), "{one:#}");
    let two = check_of(&report, "two");
    assert_eq!((&two["state"], &two["from"], &of(two, "block_fits")["verdict"]), (&"ready".into(), &"5.0.0".into(), &"fits".into()), "{two:#}");

    // As text, as tables, for several cores, offline; and nothing was changed by any of it.
    let text = campus.env.greffon(["upgrade-check", "--core", "5.1", "--core", "5.0"]).run().succeeds().stdout;
    for line in [
        "one  core/moodle 4.5.1 → 5.1.1  blocked by 6",
        "one  core/moodle 4.5.1 → 5.0.0  ready",
        "two  core/moodle 5.0.0 → 5.1.1  ready",
        "runs on php 8.2.0 (now 8.1.0)",
        "keeps its data in mariadb 10.11.0 (now 10.6.7), postgres 15 (now 13)",
        "newly asks for the extensions sodium",
        "upgrades from 4.2.3 or later",
        "blocks on its own: plugins/availability_old, ",
        "patch patches/fine.patch applies",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let table = campus.env.greffon(["upgrade-check", "--core", "5.1", "--format", "markdown"]).run().succeeds().stdout;
    assert!(table.lines().all(|line| line.starts_with('|') && line.ends_with('|')), "{table}");
    assert!(table.contains("| one | core/moodle 5.1.1 | plugins/block_until | 2024010100 |  | needs a release that does not exist yet | yes |"), "{table}");
    let csv = campus.env.greffon(["upgrade-check", "--core", "5.1", "--format", "csv", "--site", "two"]).run().succeeds().stdout;
    assert!(csv.contains("two,core/moodle 5.1.1,plugins/block_fits,2024010100,2024010100,fits now,,patch patches/fine.patch applies\r\n"), "{csv}");
    let offline = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json", "--offline"]).run().succeeds().json();
    assert_eq!(offline, report);
    campus.env.greffon(["upgrade-check", "--core", "5.1", "--exit-code"]).run().fails(3);
    campus.env.greffon(["upgrade-check", "--core", "5.1", "--exit-code", "--site", "two"]).run().succeeds();
    assert_eq!((campus.env.read("greffon.toml"), campus.env.read("greffon.lock"), campus.env.tree("one")), before);
}

#[test]
fn what_it_cannot_answer_it_says() {
    let campus = campus();
    campus.env.greffon(["upgrade-check", "--core", "5.9"]).run().fails(1).says("there is no core/moodle that fits `5.9`").says("`--core 5.1.1`");
    campus.env.greffon(["upgrade-check", "--core", "banana"]).run().fails(1).says("banana");
    campus.env.greffon(["upgrade-check", "--core", "5.1", "--json", "--format", "csv"]).run().fails(2).says("choose one");
    campus.env.greffon(["upgrade-check", "--site", "three"]).run().fails(2);
    // Before anything was ever locked or installed, and without a version: the newest there is.
    let report = campus.env.greffon(["upgrade-check", "--site", "two", "--json"]).run().succeeds().json();
    let two = check_of(&report, "two");
    assert_eq!((&two["from"], &two["to"], &of(two, "block_fits")["verdict"]), (&Value::Null, &"5.1.1".into(), &"update".into()));
    // Offline and with an empty stock nothing can be asked.
    std::fs::remove_dir_all(campus.env.stock()).expect("removed");
    campus.env.greffon(["upgrade-check", "--core", "5.1", "--offline"]).run().fails(1);
    // One repository that is gone leaves the others their verdicts.
    std::fs::rename(campus.env.path("repos/block_until"), campus.env.path("repos/gone")).expect("moved");
    let report = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json", "--site", "one"]).run().succeeds().json();
    let one = check_of(&report, "one");
    assert_eq!((&of(one, "block_until")["verdict"], &of(one, "block_pinned")["verdict"]), (&"unknown".into(), &"pinned".into()), "{one:#}");
    campus.env.write("other/greffon.toml", "[types.plugins]\nx = \"*\"\n");
    campus.env.greffon(["upgrade-check"]).within("other").run().fails(2).says("no chosen site has a core");
}

#[test]
fn what_fits_alone_and_not_together_is_a_conflict() {
    let campus = Campus::new();
    campus.core();
    let shared = campus.plugin("local_shared", "2024010100", "");
    shared.tag("older");
    shared.write("version.php", plugin("local_shared", "2025010100", "")).commit("newer");
    shared.tag("newer");
    let needy = campus.plugin("block_needy", "2024010100", "$plugin->incompatible = 501;");
    needy.tag("old");
    needy.write("version.php", plugin("block_needy", "2025010100", "$plugin->dependencies = ['local_shared' => 2025010100];")).commit("newer");
    needy.tag("newer");
    campus.plugin("block_fits", "2024010100", "");
    let shared = format!("local_shared = {{ git = \"{}\", version = \"=2024010100\" }}", campus.env.path("repos/local_shared").display());
    campus.manifest("version = \"4.5\"", &[&shared, "block_needy", "block_fits"]);
    let report = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json"]).run().succeeds().json();
    let one = check_of(&report, "one");
    assert_eq!((&one["state"], &one["alone"]), (&"blocked".into(), &serde_json::json!([])), "{one:#}");
    let verdicts = ["local_shared", "block_needy", "block_fits"].map(|name| of(one, name)["verdict"].clone());
    assert_eq!(verdicts, ["conflict", "conflict", "update"], "{one:#}");
    assert!(one["notes"].to_string().contains("local_shared"), "{one:#}");
}

#[test]
fn what_is_newer_and_what_is_no_longer_needed_is_told() {
    let campus = Campus::new();
    campus.core();
    let fits = campus.plugin("block_fits", "2024010100", "");
    fits.tag("v1");
    let has = campus.plugin("mod_has", "2024010100", "$plugin->incompatible = 501;");
    has.tag("v1");
    campus.env.write("patches/logo.patch", patch("mod_has"));
    let git = |name: &str, rest: &str| format!("{name} = {{ git = \"{}\", version = \"*\"{rest} }}", campus.env.path(format!("repos/{name}")).display());
    campus.manifest("version = \"4.5\"", &[&git("block_fits", ""), &git("mod_has", ", patches = [\"patches/logo.patch\"]")]);
    campus.sync();
    // Later there is a newer one of the first, and the second's author took our change over.
    fits.write("version.php", plugin("block_fits", "2025010100", "")).commit("newer");
    fits.tag("v2");
    has.write("version.php", plugin("mod_has", "2025010100", "")).write("lib.php", "<?php // mod_has\n// our logo\n").commit("with the logo");
    has.tag("v2");
    let report = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json"]).run().succeeds().json();
    let one = check_of(&report, "one");
    let found = of(one, "block_fits");
    assert_eq!((&found["verdict"], &found["version"], &found["newer"]), (&"fits".into(), &"2024010100".into(), &"2025010100".into()), "{one:#}");
    let found = of(one, "mod_has");
    assert_eq!((&found["verdict"], &found["version"], &found["newer"]), (&"update".into(), &"2025010100".into(), &Value::Null), "{one:#}");
    assert!(found["patches"][0]["applies"] == true && found["patches"][0]["why"].is_string(), "{found:#}");
    assert_eq!(one["state"], "ready", "neither stands in the way: {one:#}");
    let text = campus.env.greffon(["upgrade-check", "--core", "5.1"]).run().succeeds().stdout;
    for line in ["2025010100 fits too: `greffon update` takes it", "patch patches/logo.patch is not needed: "] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Under the core of now the patch still has something to do.
    let report = campus.env.greffon(["upgrade-check", "--core", "5.0", "--json"]).run().succeeds().json();
    let patches = of(check_of(&report, "one"), "mod_has")["patches"].clone();
    assert_eq!((&patches[0]["applies"], &patches[0]["why"]), (&true.into(), &Value::Null), "{patches:#}");
}
