//! What real plugin repositories look like, each trap as small as it can be made.

use crate::moodle_site::{Campus, plugin};

/// Locks one plugin alone for a core.
fn chosen(campus: &Campus, core: &str, name: &str) -> String {
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    campus.manifest(&format!("version = \"{core}\""), &[name]);
    campus.locked(&format!("plugins/{name}"))
}

/// Commits a version and tags or branches it.
fn release(repo: &crate::support::Repo, name: &str, at: &str, version: &str, rest: &str) {
    match at.strip_prefix("branch ") {
        Some(branch) => {
            repo.branch(branch).write("version.php", plugin(name, version, rest)).commit(version);
        }
        None => {
            repo.write("version.php", plugin(name, version, rest)).commit(version);
            repo.tag(at);
        }
    }
}

#[test]
fn refs_in_every_habit() {
    let campus = Campus::new();
    campus.core();
    // `requires` lets 4.5 in, `supported` does not: another release is preferred where there is one, and else it is told.
    let lifecycle = campus.repo("tool_lifecycle");
    release(
        &lifecycle,
        "tool_lifecycle",
        "v4.5-r1",
        "2024050100",
        "$plugin->requires = 2022112800; $plugin->supported = [401, 405]; $plugin->release = 'v5.2-r2';",
    );
    release(
        &lifecycle,
        "tool_lifecycle",
        "v5.2-r2",
        "2025050100",
        "$plugin->requires = 2024100700; $plugin->supported = [500, 502]; $plugin->release = 'v5.2-r2';",
    );
    assert_eq!(chosen(&campus, "4.5", "tool_lifecycle"), "2024050100");
    assert_eq!(chosen(&campus, "5.0", "tool_lifecycle"), "2025050100");
    campus.manifest(
        "version = \"4.5\"",
        &[&format!("tool_lifecycle = {{ git = \"{}\", tag = \"v5.2-r2\" }}", campus.env.path("repos/tool_lifecycle").display())],
    );
    campus.env.greffon(["plan"]).run().succeeds().says("says that it supports Moodle 500 to 502; core/moodle is 405");

    // A head that went on behind its tag under the same release text.
    let same = campus.repo("block_same");
    release(&same, "block_same", "v1.0", "2024010100", "$plugin->release = '1.0';");
    same.write("version.php", plugin("block_same", "2024010105", "$plugin->release = '1.0';")).commit("after the tag");
    assert_eq!(chosen(&campus, "4.5", "block_same"), "2024010105");

    // Several lines tagged on one day, the oldest last; what is newest by date is no matter.
    let lines = campus.repo("block_lines");
    for (tag, version, from) in [("v5.1.0", "2025100600", 2_025_100_600_u64), ("v4.5.2", "2024100702", 2_024_100_700), ("v5.0.1", "2025041401", 2_025_041_400)]
    {
        release(&lines, "block_lines", tag, version, &format!("$plugin->requires = {from};"));
    }
    release(&lines, "block_lines", "v4.1.9", "2022112809", "$plugin->requires = 2022112800; $plugin->incompatible = '402';");
    for (core, version) in [("4.5", "2024100702"), ("5.0", "2025041401"), ("5.1", "2025100600")] {
        assert_eq!(chosen(&campus, core, "block_lines"), version, "{core}");
    }

    // Tags in everybody's own manner, some of them twice for one version, and a main branch that is a release candidate.
    let tags = campus.repo("block_tags");
    for (tag, version) in
        [("V3.0", "2023010100"), ("v2.9", "2022010100"), ("4.1.0.8", "2024010108"), ("jan/v3.2.4", "2024030200"), ("v3.2.4-stable", "2024030200")]
    {
        release(&tags, "block_tags", tag, version, "");
    }
    release(&tags, "block_tags", "branch main", "2024090900", "$plugin->maturity = MATURITY_RC; $plugin->supported = [500, 500];");
    assert_eq!(chosen(&campus, "4.5", "block_tags"), "2024030200");

    // No tags at all; branches that nobody is to take, and one with a name of its own.
    let moove = campus.repo("theme_moove");
    for (branch, version, rest) in [
        ("DEPRECATED_MOODLE_39", "2020061500", "$plugin->incompatible = 400;"),
        ("MOODLE_310_CLOUTS", "2021010100", "$plugin->supported = [310, 310];"),
        ("MOODLE_405_STABLE", "2024100900", "$plugin->supported = [405, 405];"),
        ("next", "2026042000", "$plugin->requires = 2026042000;"),
    ] {
        release(&moove, "theme_moove", &format!("branch {branch}"), version, rest);
    }
    assert_eq!(chosen(&campus, "4.5", "theme_moove"), "2024100900");
    assert_eq!(chosen(&campus, "5.1", "theme_moove"), "2024100900", "what says nothing against it, newest first");
}

#[test]
fn names_and_folders_that_mislead() {
    let campus = Campus::new();
    campus.core();
    // One short name, two plugins; and many more files of the name version.php below.
    let cert = campus.plugin("mod_attendance", "2024010100", "");
    for at in 0..12 {
        cert.write(&format!("vendor/lib{at}/version.php"), plugin("mod_attendance", "1999010100", ""));
    }
    cert.write("classes/version.php", "<?php $plugin->component = 'mod_attendance'; $plugin->version = 1999010100;").commit("vendored");
    campus.plugin("block_attendance", "2024020200", "");
    // The repository is called otherwise than the plugin, and so is the folder in it.
    let checklist = campus.repo("moodle-checklist");
    checklist.write("moodle-mod_other-1.2/version.php", plugin("mod_checklist", "2024030300", "")).commit("as unpacked");
    let checklist = format!("mod_checklist = {{ git = \"{}\", version = \"*\" }}", campus.env.path("repos/moodle-checklist").display());
    // Libraries in repositories of their own.
    let library = campus.repo("h5p-library");
    library.write("library.php", "<?php // h5p").commit("library");
    let hvp = campus.plugin("mod_hvp", "2024040400", "");
    hvp.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &campus.env.path("repos/h5p-library").display().to_string(), "library"]);
    hvp.commit("with its library");
    campus.manifest("version = \"4.5\"", &["mod_attendance", "block_attendance", &checklist]);
    campus.sync();
    for (path, version) in [("mod/attendance", "2024010100"), ("blocks/attendance", "2024020200"), ("mod/checklist", "2024030300")] {
        assert!(campus.env.read(format!("one/{path}/version.php")).contains(version), "{path}");
    }
    assert!(campus.env.exists("one/mod/attendance/vendor/lib11/version.php"), "it is all of the plugin");
    campus.manifest("version = \"4.5\"", &["mod_hvp"]);
    campus.env.greffon(["sync", "-y", "--max-removals", "3"]).run().fails(1).says("submodules = true");
    campus.manifest(
        "version = \"4.5\"",
        &[&format!("mod_hvp = {{ git = \"{}\", version = \"*\", submodules = true }}", campus.env.path("repos/mod_hvp").display())],
    );
    campus.env.greffon(["sync", "-y", "--max-removals", "3"]).run().succeeds();
    assert_eq!(campus.env.read("one/mod/hvp/library/library.php"), "<?php // h5p");
}

#[test]
fn subplugins_follow_their_owner_at_the_revision_that_was_chosen() {
    let campus = Campus::new();
    campus.core();
    let owner = campus.plugin("mod_cert", "2024010100", "");
    owner.write("db/subplugins.json", r#"{"subplugintypes": {"certelement": "element"}}"#).commit("one way");
    owner.tag("v1");
    owner.write("db/subplugins.json", r#"{"subplugintypes": {"certelement": "parts"}, "plugintypes": {"certelement": "mod/cert/element"}}"#);
    owner.write("version.php", plugin("mod_cert", "2024020200", "")).commit("another");
    owner.tag("v2");
    campus.plugin("certelement_x", "2024010100", "");
    let at = |tag: &str| {
        let owner = format!("mod_cert = {{ git = \"{}\", tag = \"{tag}\" }}", campus.env.path("repos/mod_cert").display());
        campus.manifest("version = \"4.5\"", &["certelement_x", &owner]);
    };
    at("v1");
    campus.sync();
    assert!(campus.env.exists("one/mod/cert/element/x/version.php"));
    campus.env.write("one/mod/cert/element/byhand/version.php", "<?php // by hand");
    at("v2");
    campus.env.greffon(["plan"]).run().succeeds().prints("> mod/cert/element/x → mod/cert/parts/x");
    campus.sync();
    assert!(campus.env.exists("one/mod/cert/parts/x/version.php") && !campus.env.exists("one/mod/cert/element/x"));
    assert_eq!(campus.env.read("one/mod/cert/element/byhand/version.php"), "<?php // by hand");
    // Without its owner nothing knows where it belongs.
    campus.manifest("version = \"4.5\"", &["certelement_x"]);
    campus.env.greffon(["plan"]).run().fails(1).says("where another plugin owns that type, it must be wanted for this site too");
}

#[test]
fn what_a_core_no_longer_has_goes_and_what_is_not_its_own_stays() {
    let campus = Campus::new();
    campus.core();
    campus.manifest("version = \"4.5.0\"", &[]);
    campus.sync();
    assert!(campus.env.exists("one/old.php"));
    for (path, content) in [
        ("config.php", "<?php // mine"),
        ("moodledata/a", "data"),
        ("mod/byhand/version.php", "<?php"),
        ("local/.htaccess", "deny"),
        ("theme/boost/mine.css", "x"),
    ] {
        campus.env.write(format!("one/{path}"), content);
    }
    campus.manifest("version = \"4.5.1\"", &[]);
    campus.sync();
    assert!(!campus.env.exists("one/old.php"), "Moodle refuses to upgrade beside a stale file");
    for path in ["config.php", "moodledata/a", "mod/byhand/version.php", "local/.htaccess", "theme/boost/mine.css"] {
        assert!(campus.env.exists(format!("one/{path}")), "{path}");
    }
}
