//! Generations as plain git sees them: `history mark|prune|pack`, `diff`, and a rollback that needs neither stock nor network.

use std::path::Path;
use std::process::Command;

use super::shop::Shop;

const ONE: &str = "[sites.one]\npath = \"one\"\n";

/// What plain git says of the history; it must find nothing wrong, on either stream.
fn git(shop: &Shop, words: &[&str]) -> String {
    let output = Command::new("git").arg("--git-dir").arg(shop.env.path(".greffon-one/history.git")).args(words).env("GIT_CONFIG_GLOBAL", "/dev/null").output();
    let output = output.expect("git runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "git {words:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn whole(shop: &Shop) {
    let told = git(shop, &["fsck", "--full", "--strict", "--no-progress"]);
    assert!(told.lines().all(|line| line.starts_with("dangling")), "{told}");
}

/// Four generations of one plugin, each with another text.
fn four() -> Shop {
    let shop = Shop::new();
    for (number, version) in ["1.0.0", "1.1.0", "1.2.0", "2.0.0"].into_iter().enumerate() {
        shop.publish("ours", "a", version, &[]);
        if number == 2 {
            shop.publish("ours", "b", "1.0.0", &[]);
        }
        shop.manifest(&["ours"], &format!("a = \"={version}\"{}", if number >= 2 { "\nb = \"*\"" } else { "" }), ONE);
        shop.env.greffon(["sync"]).run().succeeds();
        whole(&shop);
    }
    shop
}

#[test]
fn plain_git_reads_what_was_marked_pruned_and_packed() {
    let shop = four();
    assert_eq!(git(&shop, &["show", "main~3:site/plugins/a/code.txt"]), "a 1.0.0\n");
    shop.env.greffon(["history", "mark", "good", "--generation", "2"]).run().succeeds();
    shop.env.greffon(["history", "mark", "latest"]).run().succeeds();
    for name in ["a b", "../x", "-x", "", "7", "x.lock", "a..b"] {
        shop.env.greffon(["history", "mark", "--", name]).run().fails(1).says("cannot name a generation");
    }
    whole(&shop);
    assert_eq!(git(&shop, &["show", "good:site/plugins/a/code.txt"]), "a 1.1.0\n");
    assert_eq!(git(&shop, &["tag", "-l"]), "good\nlatest\n");

    let between = shop.env.greffon(["diff", "good", "latest", "--json"]).run().succeeds().json();
    assert_eq!((between["from"].as_u64(), between["to"].as_u64()), (Some(2), Some(4)));
    let changes = between["changes"].as_array().expect("a list");
    let told: Vec<_> = changes.iter().map(|one| (one["action"].as_str().unwrap_or_default(), one["name"].as_str().unwrap_or_default())).collect();
    assert_eq!(told, [("update", "a"), ("add", "b")]);
    let paths: Vec<&str> = between["files"].as_array().expect("a list").iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(paths, ["plugins/a/code.txt", "plugins/a/greffon.toml", "plugins/b/code.txt", "plugins/b/greffon.toml"]);
    let git_says = git(&shop, &["diff", "--name-only", "good", "latest", "--", "site"]);
    assert_eq!(git_says.lines().map(|line| line.trim_start_matches("site/")).collect::<Vec<_>>(), paths, "git says the same");
    shop.env.greffon(["diff", "1", "9"]).run().fails(1).says("no generation `9`");

    shop.env.greffon(["history", "prune", "--keep", "1", "--dry-run"]).run().succeeds();
    assert_eq!(git(&shop, &["rev-list", "--count", "--all"]), "4\n");
    shop.env.greffon(["history", "prune", "--keep", "1"]).run().succeeds();
    whole(&shop);
    assert_eq!(git(&shop, &["rev-list", "--count", "--all"]), "2\n", "the marked one and the latest");
    assert_eq!(git(&shop, &["show", "good:site/plugins/a/code.txt"]), "a 1.1.0\n");
    shop.env.greffon(["stock", "gc"]).run().succeeds();
    whole(&shop);
    shop.env.greffon(["rollback", "1"]).run().fails(1).says("no generation `1`");

    shop.env.greffon(["history", "pack"]).run().succeeds();
    shop.empty_stock();
    whole(&shop);
    let copy = shop.env.root().join("copy");
    git(&shop, &["clone", "-q", &shop.env.path(".greffon-one/history.git").display().to_string(), &copy.display().to_string()]);
    assert_eq!(std::fs::read_to_string(copy.join("site/plugins/b/code.txt")).expect("read"), "b 1.0.0\n");
    // The next generation names the new stock, and is one like the others.
    shop.publish("ours", "a", "2.1.0", &[]);
    shop.manifest(&["ours"], "a = \"=2.1.0\"\nb = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    whole(&shop);
    assert_eq!(git(&shop, &["show", "main:site/plugins/a/code.txt"]), "a 2.1.0\n");
}

#[test]
fn a_packed_history_gives_back_what_stock_and_sources_have_lost() {
    let shop = four();
    let before = shop.env.tree("one");
    let lost = |shop: &Shop| {
        shop.empty_stock();
        std::fs::rename(shop.public("ours"), shop.public("away")).expect("moved");
    };
    lost(&shop);
    shop.env.greffon(["rollback", "1"]).run().fails(1).says("nothing was changed");
    assert_eq!(shop.env.tree("one"), before, "refused whole: the history was not packed");
    std::fs::rename(shop.public("away"), shop.public("ours")).expect("moved");

    let shop = four();
    shop.env.greffon(["history", "pack"]).run().succeeds();
    lost(&shop);
    shop.env.greffon(["rollback", "1", "--offline"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("one", "b")), ("a 1.0.0\n".to_owned(), String::new()));
    shop.env.greffon(["verify"]).run().succeeds();
    whole(&shop);
    shop.env.greffon(["rollback", "3", "--offline"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("one", "b")), ("a 1.2.0\n".to_owned(), "b 1.0.0\n".to_owned()));
    assert!(Path::new(&shop.env.path(".greffon-one/history.git/HEAD")).exists());
}
