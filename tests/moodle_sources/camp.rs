//! The open index: names, repositories, what it vouches for.

use super::moodle_site::{Campus, plugin};
use super::support::Fault;
use super::world::{Camp, manifest};

#[test]
fn a_name_leads_to_the_plugins_own_repository_and_its_code_says_the_rest() {
    let campus = Campus::new();
    campus.core();
    let camp = Camp::new(&campus);
    camp.plugin(&campus.plugin("block_xp", "2024010100", ""), "block_xp", "releases: []\n");
    camp.plugin(&campus.plugin("availability_xp", "2024010100", "$plugin->dependencies = ['block_xp' => 2023010100];"), "availability_xp", "");
    manifest(&campus, "4.5", &[camp.entry()], "");
    campus.env.greffon(["install", "availability_xp", "--site", "one", "-y"]).run().succeeds();
    assert!(campus.env.exists("one/blocks/xp/version.php") && campus.env.exists("one/availability/condition/xp/version.php"), "with what it needs");
    let lock = campus.env.read("greffon.lock");
    assert!(lock.contains("repository = \"camp\"") && lock.contains("/block_xp.git"), "{lock}");
    campus.env.greffon(["search", "all about"]).run().succeeds().prints("plugins/block_xp").prints("All about block_xp");
    campus.env.greffon(["add", "block_xo"]).run().fails(1).says("did you mean `plugins/block_xp`?");
    // All of it once more without the network.
    let lock_again = |how: &[&str]| {
        std::fs::remove_file(campus.env.path("greffon.lock")).expect("a lock");
        campus.env.greffon([&["lock"], how].concat()).run().succeeds();
        campus.env.read("greffon.lock")
    };
    assert_eq!(lock_again(&["--offline"]), lock_again(&[]));
    campus.env.greffon(["search", "xp", "--offline"]).run().succeeds().prints("plugins/availability_xp");
    // A server that is down for a while is no reason to stop for names that were told before.
    camp.server.fault("index.git", 99, Fault::status(503).header("Retry-After", "900"));
    campus.env.greffon(["search", "xp"]).run().succeeds().prints("plugins/block_xp").says("the index is used as it was told last");
}

#[test]
fn what_the_index_vouches_for_must_be_what_stands_there() {
    let campus = Campus::new();
    campus.core();
    let camp = Camp::new(&campus);
    let repo = campus.plugin("mod_x", "2024010100", "");
    repo.tag("v1.0");
    let old = repo.rev("HEAD");
    repo.write("version.php", plugin("mod_x", "2024020200", "")).commit("2024020200");
    repo.tag("v2.0");
    let listed = repo.rev("HEAD");
    let releases = format!(
        "releases:\n  - version: \"1.0\"\n    tag: v1.0\n    commit: {old}\n    moodle-version: 2024010100\n  - version: \"2.0\"\n    tag: v2.0\n    commit: {listed}\n    moodle-version: 2024020200\n    published: 2024-02-02\n"
    );
    camp.plugin(&repo, "mod_x", &releases);
    manifest(&campus, "4.5", &[camp.entry()], "mod_x = \"*\"");
    assert_eq!(campus.locked("plugins/mod_x"), "2024020200");
    campus.env.greffon(["show", "mod_x"]).run().succeeds().prints("2024-02-02");
    // Somebody moves the tag.
    repo.write("evil.php", "<?php evil();\n").commit("evil");
    repo.tag("v2.0");
    camp.push(&repo, "mod_x");
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    assert_eq!(campus.locked("plugins/mod_x"), "2024010100", "the other release is still what was listed");
    campus.env.greffon(["show", "mod_x@2024020200"]).run().succeeds().prints("its tag `v2.0` was moved").prints(&listed);
    manifest(&campus, "4.5", &[camp.entry()], "mod_x = \"2024020200\"");
    campus.env.greffon(["lock"]).run().fails(1).says("was withdrawn: its tag `v2.0` was moved");
}

#[test]
fn a_faulty_entry_is_told_and_harms_no_other() {
    let campus = Campus::new();
    campus.core();
    let camp = Camp::new(&campus);
    camp.plugin(&campus.plugin("mod_good", "2024010100", ""), "mod_good", "");
    for (name, text, words) in [
        ("mod_broken", "component: [mod_broken", "plugins/mod/mod_broken.yml"),
        ("mod_other", "component: mod_good\nsource: https://h/x.git\n", "says that it is `mod_good`"),
        ("mod_nowhere", "component: mod_nowhere\n", "names no `source`"),
        ("mod_local", "component: mod_local\nsource: /etc\n", "no address of a git repository elsewhere"),
        ("mod_file", "component: mod_file\nsource: file:///etc\n", "no address of a git repository elsewhere"),
        ("mod_option", "component: mod_option\nsource: \"ext::sh -c touch% evil\"\n", "says where plugins/mod_option is"),
        ("mod_bomb", "component: mod_bomb\na: &a [1]\nb: [*a, *a]\n", "alias"),
    ] {
        camp.index.write(&format!("plugins/mod/{name}.yml"), text);
        camp.publish();
        manifest(&campus, "4.5", &[camp.entry()], &format!("mod_good = \"*\"\n{name} = \"*\""));
        let failed = campus.env.greffon(["lock"]).run().fails(1);
        assert!(failed.stderr.contains(words), "{name}: `{words}` is not in:\n{}", failed.stderr);
    }
    manifest(&campus, "4.5", &[camp.entry()], "mod_good = \"*\"");
    campus.env.greffon(["lock"]).run().succeeds();
    let no_index = format!("[[config.repositories]]\nname = \"camp\"\nuse = \"builtin:camp\"\nurl = \"{}\"\n", camp.server.url("/mod_good.git"));
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    manifest(&campus, "4.5", &[no_index], "mod_good = \"*\"");
    campus.env.greffon(["lock"]).run().fails(1).says("is no CAMP index: it has no folder `plugins`");
}
