//! Going back to what a site was: the stock keeps what generations are made of, fetches again what it lost, and `--write` makes
//! an earlier generation wanted. On the real binary.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use std::path::Path;
use std::process::Command;

use shop::{INSTALLER, Shop};

const ONE: &str = "[sites.one]\npath = \"one\"\n";
const TWO: &str = "[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n";

/// A site at the second of two generations: `a` 1.0.0, then 2.0.0.
fn twice(sites: &str) -> Shop {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], "a = \"*\"", sites);
    shop.env.greffon(["sync", "--all", "--create"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync", "--all"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");
    shop
}

fn generation(shop: &Shop) -> u64 {
    shop.env.greffon(["status", "--site", "one", "--json"]).run().succeeds().json()["sites"][0]["generation"].as_u64().unwrap_or_default()
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs").success());
}

/// A sync from 1.0.0 to 2.0.0 is killed at every call in turn, the stock tidied at once, and only then the site recovered. Gives
/// how many kills there were, and after which of them a recorded generation could not be put back offline.
fn kill_then_tidy(settings: &[(&str, &str)]) -> (u32, Vec<String>) {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["fetch"]).run().succeeds();
    let kept = shop.env.root().join("kept");
    std::fs::create_dir(&kept).expect("a folder");
    copy(&shop.env.work(), &kept.join("work"));
    copy(&shop.env.stock(), &kept.join("stock"));
    let mut faults = Vec::new();
    for at in 1..2000 {
        copy(&kept.join("work"), &shop.env.work());
        copy(&kept.join("stock"), &shop.env.stock());
        let mut run = shop.env.greffon(["sync", "--offline"]).env("GREFFON_KILL_AT", at.to_string());
        for (name, value) in settings {
            run = run.env(name, value);
        }
        if run.run().status == 0 {
            return (at - 1, faults);
        }
        shop.env.greffon(["stock", "gc"]).run().succeeds();
        shop.env.greffon(["recover"]).run().succeeds();
        if generation(&shop) == 1 {
            assert_eq!(shop.code("one", "a"), "a 1.0.0\n", "killed at {at}");
            continue;
        }
        for (number, code) in [("1", "a 1.0.0\n"), ("2", "a 2.0.0\n")] {
            let outcome = shop.env.greffon(["rollback", number, "--offline"]).run();
            if outcome.status != 0 || shop.code("one", "a") != code {
                faults.push(format!("killed at {at}, back to {number}: {}", outcome.stderr));
            }
        }
    }
    panic!("the sync never came to its end");
}

#[test]
fn a_generation_is_pinned_before_it_is_recorded() {
    let (kills, faults) = kill_then_tidy(&[]);
    assert!(kills > 20, "only {kills} kills");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn without_that_a_tidied_stock_loses_generations() {
    let (_, faults) = kill_then_tidy(&[("GREFFON_BREAK", "pin")]);
    assert!(!faults.is_empty(), "the sweep is blind");
    // And such a loss is told whole, with its reason.
    assert!(faults[0].contains("cannot be put back, nothing was changed") && faults[0].contains("hint"), "{}", faults[0]);
}

#[test]
fn what_a_rollback_put_back_stays_in_stock_with_what_its_patches_were_made_on() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.write("patches/note.patch", "diff --git a/code.txt b/code.txt\n--- a/code.txt\n+++ b/code.txt\n@@ -1 +1 @@\n-a 1.0.0\n+a 1.0.0, ours\n");
    let patched = "a = { version = \"=1.0.0\", patches = [\"patches/note.patch\"] }";
    shop.manifest(&["ours"], patched, ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0, ours\n");
    shop.manifest(&["ours"], "a = \"=2.0.0\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.env.greffon(["rollback"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0, ours\n");
    // The third generation alone is left, and what it was made of with it.
    shop.env.greffon(["history", "prune", "--keep", "1"]).run().succeeds();
    shop.env.greffon(["stock", "gc"]).run().succeeds();
    shop.manifest(&["ours"], patched, ONE);
    shop.env.greffon(["lock", "--offline"]).run().succeeds();
    shop.remove("one");
    shop.env.greffon(["sync", "--offline", "--release"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0, ours\n");
}

#[test]
fn what_the_stock_lost_is_fetched_again_or_refused_whole() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    let folder = shop.package("b", "1.0.0", &[]);
    let plugins = |version: &str| format!("a = \"={version}\"\nb = {{ path = \"{}\" }}", folder.display());
    shop.manifest(&["ours"], &plugins("1.0.0"), ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.manifest(&["ours"], &plugins("2.0.0"), ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let before = shop.env.tree("one");

    // Nothing of it is here, and nothing may be asked for.
    shop.empty_stock();
    shop.env.greffon(["rollback", "--offline"]).run().fails(1).says("nothing was changed").says("offline").says("hint");
    shop.env.greffon(["rollback", "--dry-run"]).run().fails(1).says("no longer holds all of generation 1");
    // What lies in a folder is another by now.
    shop.empty_stock();
    std::fs::write(folder.join("code.txt"), "b, edited since\n").expect("written");
    shop.env.greffon(["rollback"]).run().fails(1).says("plugins/b 1.0.0: what is there now has other files").says("hint");
    assert_eq!(shop.env.tree("one"), before, "refused whole");
    // An archive that is gone.
    std::fs::write(folder.join("code.txt"), "b 1.0.0\n").expect("written");
    shop.empty_stock();
    let files = shop.public("ours/files");
    let away = shop.public("away");
    std::fs::rename(&files, &away).expect("moved");
    shop.env.greffon(["rollback"]).run().fails(1).says("nothing was changed").says("could not fetch plugins/a 1.0.0").says("hint");
    assert_eq!(shop.env.tree("one"), before, "refused whole");
    assert_eq!(generation(&shop), 2);

    std::fs::rename(&away, &files).expect("moved");
    shop.env.greffon(["rollback"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("one", "b")), ("a 1.0.0\n".into(), "b 1.0.0\n".into()));
    shop.env.greffon(["verify"]).run().succeeds();
}

#[test]
fn one_of_several_sites_wants_what_it_went_back_to() {
    let shop = twice(TWO);
    shop.env.greffon(["rollback", "--site", "one"]).run().succeeds();
    shop.env.greffon(["rollback", "--site", "one", "--write"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("two", "a")), ("a 1.0.0\n".into(), "a 2.0.0\n".into()));
    assert_eq!(shop.locked("a"), ["1.0.0", "2.0.0"]);
    let before = shop.env.read("greffon.lock");
    shop.env.greffon(["lock", "--check"]).run().succeeds();
    shop.env.greffon(["sync", "--all"]).run().succeeds();
    assert_eq!(shop.env.read("greffon.lock"), before);
    assert_eq!((shop.code("one", "a"), shop.code("two", "a")), ("a 1.0.0\n".into(), "a 2.0.0\n".into()));
}

#[test]
fn a_site_whose_part_of_the_lock_does_not_fit_keeps_what_it_had() {
    let shop = twice(TWO);
    shop.publish("ours", "c", "1.0.0", &[]);
    let text = shop.env.read("greffon.toml").replace("[sites.two]\n", "[sites.two]\ntypes.plugins.c = \"*\"\n");
    shop.env.write("greffon.toml", text);
    shop.env.greffon(["rollback", "--site", "one", "--write"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["1.0.0", "2.0.0"], "two still has its own");
    shop.env.greffon(["sync", "--all"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("two", "a"), shop.code("two", "c")), ("a 1.0.0\n".into(), "a 2.0.0\n".into(), "c 1.0.0\n".into()));
}

#[test]
fn what_the_manifest_says_otherwise_is_told() {
    let shop = twice(ONE);
    shop.publish("ours", "b", "1.0.0", &[]);
    shop.manifest(&["ours"], "b = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    // The first generation had `a`, which the manifest has no longer, and no `b`, which it has now.
    let outcome = shop.env.greffon(["rollback", "1", "--write"]).run().succeeds();
    outcome.says("plugins/b is in greffon.toml, and generation 1 had none").says("plugins/a is no longer in greffon.toml, and generation 1 had it");
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    assert_eq!(shop.locked("a"), Vec::<String>::new(), "nobody asks for it");
    assert_eq!(shop.locked("b"), ["1.0.0"]);
    shop.env.greffon(["lock", "--check"]).run().succeeds();
    assert!(shop.env.read("greffon.toml").starts_with(INSTALLER));
}
