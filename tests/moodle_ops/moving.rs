//! A core that has its plugins elsewhere: what was put there by hand goes along, in place and by exchange, forth and back, and
//! whenever it is killed.

use std::process::Command;

use crate::moodle_site::{Campus, plugin};

/// Where each foreign thing stands in the old layout, and in the new one. Its content is its old path.
const FOREIGN: [(&str, &str); 9] = [
    ("config.php", "config.php"),
    ("moodledata/filedir/x", "moodledata/filedir/x"),
    ("notes.txt", "notes.txt"),
    ("mod/byhand/version.php", "public/mod/byhand/version.php"),
    ("mod/byhand/deep/er/file", "public/mod/byhand/deep/er/file"),
    ("mod/loose.txt", "public/mod/loose.txt"),
    ("mod/forum/hand.txt", "public/mod/forum/hand.txt"),
    ("blocks/xp/.git", "public/blocks/xp/.git"),
    ("blocks/xp/notes/mine.txt", "public/blocks/xp/notes/mine.txt"),
];

/// A site at 5.0 with a plugin and with things that greffon never installed; 5.1 is wanted.
fn moved(deploy: &str) -> Campus {
    let campus = Campus::new();
    campus.core();
    campus.plugin("block_xp", "2024010100", "");
    campus.plugin("mod_cert", "2024010100", "").write("db/subplugins.json", r#"{"plugintypes": {"certelement": "mod/cert/element"}}"#).commit("owner");
    campus.plugin("certelement_x", "2024010100", "");
    let plugins = ["block_xp", "mod_cert", "certelement_x"];
    let manifest = |core: &str| {
        campus.manifest(&format!("version = \"{core}\""), &plugins);
        let text = campus.env.read("greffon.toml");
        campus.env.write("greffon.toml", format!("{text}deploy = \"{deploy}\"\n"));
    };
    manifest("5.0");
    campus.sync();
    for (path, _) in FOREIGN {
        campus.env.write(format!("one/{path}"), path);
    }
    std::os::unix::fs::symlink("../../notes.txt", campus.env.path("one/mod/byhand/link")).expect("a link");
    manifest("5.1");
    campus
}

/// What of the foreign things is not where it belongs in one of the two layouts.
fn misplaced(campus: &Campus, new: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (old, moved) in FOREIGN {
        let (here, there) = if new { (moved, old) } else { (old, moved) };
        let content = std::fs::read_to_string(campus.env.path(format!("one/{here}"))).ok();
        if content.as_deref() != Some(old) {
            wrong.push(format!("{here} holds {content:?}"));
        }
        if here != there && campus.env.exists(format!("one/{there}")) {
            wrong.push(format!("{there} is there too"));
        }
    }
    let link = if new { "one/public/mod/byhand/link" } else { "one/mod/byhand/link" };
    if std::fs::read_link(campus.env.path(link)).ok().as_deref() != Some(std::path::Path::new("../../notes.txt")) {
        wrong.push(format!("{link} is no link any more"));
    }
    let owned = ["blocks/xp/version.php", "mod/cert/version.php", "mod/cert/element/x/version.php", "version.php"];
    let prefix = if new { "public/" } else { "" };
    wrong.extend(owned.iter().filter(|path| !campus.env.exists(format!("one/{prefix}{path}"))).map(|path| format!("{prefix}{path} is missing")));
    let left: &[&str] = if new { &["mod", "blocks", "theme", "version.php"] } else { &["public"] };
    wrong.extend(left.iter().filter(|path| campus.env.exists(format!("one/{path}"))).map(|path| format!("{path} was left behind")));
    wrong
}

#[test]
fn foreign_things_go_along_and_come_back_in_place_and_by_exchange() {
    for deploy in ["in-place", "swap"] {
        let campus = moved(deploy);
        let plan = campus.env.greffon(["plan"]).run().succeeds();
        for line in [
            "> mod/byhand → public/mod/byhand",
            "> blocks/xp → public/blocks/xp",
            "> mod/loose.txt → public/mod/loose.txt",
            "the web server must serve `public`",
        ] {
            assert!(plan.stdout.contains(line), "{deploy}: {line}\n{}", plan.stdout);
        }
        campus.sync().says("the web server must serve `public`");
        assert_eq!(misplaced(&campus, true), Vec::<String>::new(), "{deploy}");
        campus.env.greffon(["verify"]).run();
        campus.env.greffon(["rollback", "--site", "one"]).run().succeeds().says("the web server must serve the site's root");
        assert_eq!(misplaced(&campus, false), Vec::<String>::new(), "{deploy}");
        campus.env.greffon(["sync", "--site", "one", "--release", "-y"]).run().succeeds();
        assert_eq!(misplaced(&campus, true), Vec::<String>::new(), "{deploy}, again");
    }
}

#[test]
fn what_the_new_core_brings_itself_does_not_take_the_place_of_what_was_there() {
    let campus = moved("in-place");
    let core = campus.repo("core");
    core.write("public/mod/byhand/version.php", plugin("mod_byhand", "2025100600", "")).commit("5.1.1");
    core.write("public/version.php", "<?php $version = 2025100601.00; $release = '5.1.1 (Build: 20251201)'; $branch = '501';").commit("5.1.1");
    core.tag("v5.1.1");
    campus.env.greffon(["plan"]).run().succeeds().prints("the new version brings its own");
    campus.sync();
    assert_eq!(campus.env.read("one/mod/byhand/deep/er/file"), "mod/byhand/deep/er/file", "it stays where it was");
    assert!(campus.env.read("one/public/mod/byhand/version.php").contains("2025100600"));
}

/// Kills a run at every so many of its changing calls; gives what was wrong after the next one.
fn kills(deploy: &str, step: usize, back: bool) -> (usize, Vec<String>) {
    let campus = moved(deploy);
    campus.env.greffon(["fetch"]).run().succeeds();
    if back {
        campus.sync();
    }
    let kept = campus.env.root().join("kept");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs").success());
    };
    copy(&campus.env.work(), &kept);
    let command = if back { vec!["rollback", "--site", "one"] } else { vec!["sync", "--site", "one", "-y", "--offline"] };
    let mut wrong = Vec::new();
    for at in (1..5000).step_by(step) {
        copy(&kept, &campus.env.work());
        let first = campus.env.greffon(&command).env("GREFFON_KILL_AT", at.to_string()).run();
        if first.status == 0 {
            return (at, wrong);
        }
        campus.env.greffon(["recover"]).run().succeeds();
        let (old, new) = (misplaced(&campus, false), misplaced(&campus, true));
        if !old.is_empty() && !new.is_empty() {
            wrong.push(format!("{deploy}, killed at {at}: neither the one nor the other: {old:?} {new:?}"));
        }
        if back != new.is_empty() {
            // It is where it goes already.
            continue;
        }
        campus.env.greffon(&command).run().succeeds();
        let there = misplaced(&campus, !back);
        if !there.is_empty() {
            wrong.push(format!("{deploy}, killed at {at}, then run again: {there:?}"));
        }
    }
    panic!("it never came to its end");
}

#[test]
fn a_kill_loses_nothing_of_what_goes_along() {
    for (deploy, back) in [("in-place", false), ("in-place", true), ("swap", false), ("swap", true)] {
        let (calls, wrong) = kills(deploy, 19, back);
        assert!(calls > 40, "only {calls} calls");
        assert_eq!(wrong, Vec::<String>::new());
    }
}
