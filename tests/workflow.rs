//! What people do with greffon from one day to the next, on the real binary with real servers.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use shop::{INSTALLER, Shop};
use support::{Fault, GitServer};

const ONE: &str = "[sites.one]\npath = \"one\"\n";
const TWO: &str = "[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n";

/// An index with `a` 1.0.0 that needs `b`.
fn shop() -> Shop {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[("plugins/b", "1.0+")]);
    shop.publish("ours", "b", "1.0.0", &[]);
    shop
}

/// The generations of the first site, newest first.
fn generations(shop: &Shop) -> Vec<u64> {
    let history = shop.env.greffon(["history", "--site", "one", "--json"]).run().succeeds().json();
    history["sites"][0]["generations"].as_array().expect("a list").iter().map(|one| one["number"].as_u64().expect("a number")).collect()
}

/// Waits until something is so.
fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn sites_of_one_manifest_share_a_stock_and_are_chosen() {
    let shop = shop();
    let sites = format!("{TWO}without = [\"plugins/a\"]\n[sites.far]\npath = \"far\"\nhost = \"another-machine\"\n");
    shop.manifest(&["ours"], "a = \"*\"\nb = \"*\"", &sites);
    for command in [&["sync"][..], &["rollback"], &["recover"], &["history", "prune", "--keep", "1"], &["install", "plugins/b"]] {
        shop.env.greffon(command).run().fails(2).says("--all");
    }
    shop.env.greffon(["sync", "--site", "tow"]).run().fails(2).says("did you mean `two`");
    assert!(!shop.env.exists("one") && !shop.env.exists("two"));

    shop.env.greffon(["sync", "--site", "two"]).run().succeeds();
    assert_eq!((shop.code("two", "a"), shop.code("two", "b")), (String::new(), "b 1.0.0\n".into()));
    assert!(!shop.env.exists("one"));
    shop.files.forget();
    // `--all` does not make folders unasked, and never touches what lives on another machine.
    shop.env.greffon(["sync", "--all"]).run();
    assert!(!shop.env.exists("one") && !shop.env.exists("far"));
    shop.env.greffon(["sync", "--all", "--create"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    assert_eq!(shop.files.count("/files/plugins/b-"), 0, "what one site fetched serves the other");
    assert!(!shop.env.exists("far") && !shop.env.exists(".greffon-far"));
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    let states: Vec<_> = status["sites"].as_array().expect("sites").iter().map(|site| format!("{} {}", site["name"], site["state"])).collect();
    assert_eq!(states, [r#""one" "clean""#, r#""two" "clean""#, r#""far" "elsewhere""#]);
    assert_eq!(shop.env.greffon(["status", "--site", "one", "--json"]).run().succeeds().json()["sites"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_rehearsal_and_a_forbidden_lock_write_nothing() {
    let shop = shop();
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    let manifest = shop.env.read("greffon.toml");
    for command in [&["sync", "--dry-run"][..], &["lock", "--dry-run"], &["fetch", "--dry-run"], &["install", "plugins/b", "--dry-run"], &["lock", "--check"]] {
        let outcome = shop.env.greffon(command).run();
        assert!([0, 3].contains(&outcome.status), "{command:?}: {}", outcome.stderr);
        assert!(!shop.env.exists("greffon.lock") && !shop.env.exists("one") && !shop.env.exists(".greffon-one"), "{command:?}");
        assert_eq!(shop.env.read("greffon.toml"), manifest, "{command:?}");
    }
    shop.env.greffon(["lock", "--check"]).run().fails(3);
    for flag in ["--locked", "--frozen", "--offline"] {
        shop.empty_stock();
        shop.env.greffon(["sync", flag]).run().fails(1);
        assert!(!shop.env.exists("greffon.lock") && !shop.env.exists("one"), "{flag}");
    }

    shop.env.greffon(["lock"]).run().succeeds();
    shop.env.greffon(["lock", "--check"]).run().succeeds();
    let lock = shop.env.read("greffon.lock");
    // The lock fits, and nothing is asked: what is not in stock is fetched by `--frozen`, refused by `--offline`.
    shop.env.greffon(["sync", "--offline"]).run().fails(1).says("offline");
    assert!(!shop.env.exists("one/plugins"));
    shop.publish("ours", "a", "1.5.0", &[]);
    shop.files.forget();
    shop.env.greffon(["sync", "--frozen"]).run().succeeds();
    assert_eq!(shop.files.count("/elements/"), 0);
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    // What the first fetch teaches may come into the lock; versions do not move.
    assert_eq!(shop.locked("a"), ["1.0.0"]);
    assert_eq!(lock.lines().count(), shop.env.read("greffon.lock").lines().count());

    // A manifest that no longer fits.
    shop.manifest(&["ours"], "a = \"1.5+\"", ONE);
    let lock = shop.env.read("greffon.lock");
    for flag in ["--locked", "--frozen"] {
        shop.env.greffon(["sync", flag]).run().fails(1).says("greffon.lock does not fit").says("greffon.toml");
    }
    shop.env.greffon(["lock", "--check"]).run().fails(3);
    assert_eq!(shop.env.read("greffon.lock"), lock);
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
}

#[test]
fn a_saved_plan_is_carried_out_or_refused() {
    let shop = shop();
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["plan", "--out", "first.plan"]).run().succeeds();
    assert!(!shop.env.exists("one"));
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["sync", "--plan", "first.plan"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n", "the plan, not what is newest by now");
    // The site is another by now.
    shop.env.greffon(["sync", "--plan", "first.plan"]).run().fails(1).says("no longer holds");

    // The lock moved after the plan was made.
    shop.env.greffon(["plan", "--out", "second.plan"]).run().succeeds();
    shop.env.greffon(["update"]).run().succeeds();
    let lock = shop.env.read("greffon.lock");
    shop.env.greffon(["sync", "--plan", "second.plan"]).run().fails(1).says("greffon.lock has changed");
    assert_eq!(shop.env.read("greffon.lock"), lock);
    // An element that went from the lock since.
    shop.env.greffon(["plan", "--out", "third.plan"]).run().succeeds();
    shop.env.write("greffon.lock", lock.lines().filter(|line| !line.contains("plugins/a@")).collect::<Vec<_>>().join("\n") + "\n");
    shop.env.greffon(["sync", "--plan", "third.plan"]).run().fails(1).says("greffon.lock has changed");
    shop.env.write("greffon.lock", &lock);
    // The manifest changed.
    shop.manifest(&["ours"], "a = \"*\"\nb = \"*\"", ONE);
    shop.env.greffon(["sync", "--plan", "third.plan"]).run().fails(1).says("greffon.toml has changed");
    shop.env.write("bad.plan", "{}");
    shop.env.greffon(["sync", "--plan", "bad.plan"]).run().fails(1).says("is not a saved plan");
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
}

#[test]
fn installed_updated_and_uninstalled() {
    let shop = shop();
    shop.manifest(&["ours"], "", ONE);
    let report = shop.env.greffon(["install", "plugins/a", "--json"]).run().succeeds().json();
    assert_eq!(report["schema"], "greffon/install/1");
    assert!(shop.env.read("greffon.toml").contains("a = \"1.0+\""), "{}", shop.env.read("greffon.toml"));
    assert_eq!((shop.code("one", "a"), shop.code("one", "b")), ("a 1.0.0\n".into(), "b 1.0.0\n".into()));

    for version in ["1.0.1", "1.0.2"] {
        shop.publish("ours", "b", version, &[]);
    }
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "b"), "b 1.0.0\n", "the lock holds");
    let out = shop.env.greffon(["outdated", "--exit-code", "--json"]).run().fails(3).json();
    assert_eq!((&out["schema"], &out["elements"][0]["name"], &out["elements"][0]["newest"]), (&"greffon/outdated/1".into(), &"b".into(), &"1.0.2".into()));
    shop.env.greffon(["update", "b", "--to", "1.0.1"]).run().succeeds();
    assert_eq!((shop.locked("b"), shop.locked("a")), (vec!["1.0.1".to_owned()], vec!["1.0.0".to_owned()]));
    shop.env.greffon(["update", "b", "--to", "7.7"]).run().fails(1);
    assert_eq!(shop.locked("b"), ["1.0.1"]);
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "b"), "b 1.0.1\n");

    shop.env.write("one/plugins/a/uploads/mine.txt", "mine");
    shop.env.write("one/index.html", "mine too");
    shop.env.greffon(["uninstall", "a"]).run().succeeds();
    assert!(!shop.env.exists("one/plugins/a/code.txt") && !shop.env.exists("one/plugins/b"));
    assert_eq!((shop.env.read("one/plugins/a/uploads/mine.txt"), shop.env.read("one/index.html")), ("mine".into(), "mine too".into()));
    assert!(!shop.env.read("greffon.toml").contains("a = "));
    assert!(shop.locked("a").is_empty() && shop.locked("b").is_empty());
    // What does not work out leaves manifest, lock and site as they were.
    let before = (shop.env.read("greffon.toml"), shop.env.read("greffon.lock"), shop.env.tree("one"));
    shop.env.greffon(["install", "plugins/nobody"]).run().fails(1).says("plugins/nobody");
    shop.empty_stock();
    shop.files.fault("/files/", 50, Fault::status(404));
    shop.env.greffon(["install", "plugins/a"]).run().fails(1).says("404");
    assert_eq!((shop.env.read("greffon.toml"), shop.env.read("greffon.lock"), shop.env.tree("one")), before);
}

#[test]
fn back_and_forth_through_the_generations() {
    let shop = shop();
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["history", "mark", "before-upgrade"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!((generations(&shop), shop.code("one", "b")), (vec![2, 1], String::new()));

    shop.env.greffon(["rollback", "before-upgrade", "--reason", "it broke"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("one", "b")), ("a 1.0.0\n".into(), "b 1.0.0\n".into()));
    shop.env.greffon(["sync", "--site", "one"]).run().fails(3).says("it broke");
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!((&status["sites"][0]["state"], &status["sites"][0]["generation"]), (&"held".into(), &3.into()));
    shop.env.greffon(["sync", "--release"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");

    // `--write`: those versions are what is wanted from now on.
    shop.env.greffon(["rollback", "1", "--write"]).run().succeeds();
    assert!(shop.env.read("greffon.toml").contains("a = "));
    assert_eq!((shop.locked("a"), shop.locked("b")), (vec!["1.0.0".to_owned()], vec!["1.0.0".to_owned()]));
    let sync = shop.env.greffon(["sync", "--json"]).run().succeeds().json();
    assert_eq!(sync["sites"][0]["state"], "unchanged", "{sync:#}");
    shop.env.greffon(["lock", "--check"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    assert_eq!(generations(&shop), [5, 4, 3, 2, 1]);

    let diff = shop.env.greffon(["diff", "2", "5", "--json"]).run().succeeds().json();
    assert_eq!(diff["schema"], "greffon/diff/1");
    assert_eq!(diff["changes"].as_array().map(Vec::len), Some(2), "{diff:#}");
    // A rehearsal says what would go; the marked one and the one in place stay.
    let dry = shop.env.greffon(["history", "prune", "--keep", "2", "--dry-run", "--json"]).run().succeeds().json();
    assert_eq!(dry["sites"][0]["dropped"], serde_json::json!([3, 2]), "{dry:#}");
    assert_eq!(generations(&shop), [5, 4, 3, 2, 1]);
    let pruned = shop.env.greffon(["history", "prune", "--keep", "2", "--json"]).run().succeeds().json();
    assert_eq!(pruned["sites"][0]["dropped"], serde_json::json!([3, 2]), "{pruned:#}");
    assert_eq!(generations(&shop), [5, 4, 1]);

    // What generations need stays through a gc, and a packed history needs no stock.
    shop.env.greffon(["stock", "gc"]).run().succeeds();
    let Shop { env, files } = shop;
    drop(files);
    env.greffon(["rollback", "4", "--offline"]).run().succeeds();
    assert_eq!(env.read("one/plugins/a/code.txt"), "a 2.0.0\n");
    env.greffon(["history", "pack"]).run().succeeds();
    std::process::Command::new("chmod").args(["-R", "u+w"]).arg(env.stock()).status().expect("chmod runs");
    std::fs::remove_dir_all(env.stock()).expect("removed");
    let history = env.path(".greffon-one/history.git");
    assert_eq!(support::git(&history, &["show", "before-upgrade:site/plugins/a/code.txt"]), "a 1.0.0");
    support::git(&history, &["fsck", "--connectivity-only"]);
}

#[test]
fn old_generations_go_by_themselves_and_forget_takes_the_pins() {
    let shop = Shop::new();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        shop.publish("ours", "a", version, &[]);
    }
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        shop.manifest(&["ours"], &format!("a = \"={version}\""), &format!("{ONE}keep = 2\n"));
        shop.env.greffon(["sync"]).run().succeeds();
    }
    assert_eq!(generations(&shop), [4, 3]);
    let pins = |shop: &Shop| support::git(&shop.env.stock().join("objects.git"), &["for-each-ref", "refs/pins"]).lines().count();
    assert_eq!(pins(&shop), 2);
    let listed = |shop: &Shop| -> Vec<String> {
        let list = shop.env.greffon(["stock", "list", "--json"]).run().succeeds().json();
        let mut versions: Vec<String> =
            list["entries"].as_array().expect("a list").iter().map(|entry| entry["version"].as_str().expect("a version").to_owned()).collect();
        versions.sort();
        versions
    };
    assert_eq!(listed(&shop).len(), 4);
    shop.env.greffon(["stock", "gc", "--dry-run"]).run().succeeds();
    assert_eq!(listed(&shop).len(), 4);
    shop.env.greffon(["stock", "gc"]).run().succeeds();
    assert_eq!(listed(&shop), ["1.2.0", "1.3.0"], "gc obeys pins");
    let tree = shop.env.tree("one");
    shop.env.greffon(["forget", "one"]).run().succeeds();
    assert_eq!(pins(&shop), 0);
    assert!(!shop.env.exists(".greffon-one"));
    assert_eq!(shop.env.tree("one"), tree, "the files stay");
    shop.env.greffon(["stock", "gc"]).run().succeeds();
    assert!(listed(&shop).is_empty());
    // What stands there is nobody's now: another tree than the wanted one is not taken over, the wanted one is as it stands.
    std::fs::write(shop.env.path("one/plugins/a/code.txt"), "by hand\n").expect("written");
    shop.env.greffon(["sync"]).run().fails(1).says("plugins/a/code.txt");
    assert_eq!(shop.env.read("one/plugins/a/code.txt"), "by hand\n");
    std::fs::write(shop.env.path("one/plugins/a/code.txt"), "a 1.3.0\n").expect("written");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.tree("one"), tree);
}

#[test]
fn many_removals_at_once_must_be_said() {
    let shop = Shop::new();
    for name in ["p", "q", "r", "s", "t"] {
        shop.publish("ours", name, "1.0.0", &[]);
    }
    shop.manifest(&["ours"], "p = \"*\"\nq = \"*\"\nr = \"*\"\ns = \"*\"\nt = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let before = shop.env.tree("one");
    shop.manifest(&["ours"], "p = \"*\"\nq = \"*\"", ONE);
    shop.env.greffon(["sync", "-y"]).run().fails(1).says("--max-removals");
    shop.env.greffon(["sync", "-y", "--max-removals", "2"]).run().fails(1).says("--max-removals");
    assert_eq!(shop.env.tree("one"), before);
    shop.env.greffon(["sync", "--max-removals", "3"]).run().succeeds();
    assert_eq!(shop.env.tree("one").len(), 4);
}

#[test]
fn an_index_is_published_withdrawn_and_used() {
    let shop = shop();
    shop.publish("ours", "a", "2.0.0", &[]);
    // Published bytes never change.
    let folder = shop.package("a", "2.0.0", &[]);
    std::fs::write(folder.join("code.txt"), "other\n").expect("written");
    let index = shop.public("ours");
    shop.env.greffon(["repo".as_ref(), "index".as_ref(), index.as_os_str(), folder.as_os_str()]).run().fails(1).says("2.0.0");

    shop.env.write("greffon.toml", format!("{INSTALLER}{ONE}"));
    let url = shop.files.url("/ours/");
    let used = shop.env.greffon(["repo", "use", &url, "--dry-run", "--json"]).run().succeeds().json();
    assert_eq!((&used["schema"], &used["written"]), (&"greffon/repo-use/1".into(), &false.into()));
    assert!(!shop.env.read("greffon.toml").contains(&url));
    shop.env.greffon(["repo", "use", &url]).run().succeeds();
    assert!(shop.env.read("greffon.toml").contains(&url));
    shop.env.greffon(["install", "plugins/a@*"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");

    // Withdrawn: who has it keeps it and is told; nobody chooses it newly.
    let index = index.to_str().expect("a path in UTF-8").to_owned();
    shop.env.greffon(["repo", "yank", &index, "plugins/a@2.0.0", "--reason", "loses data"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");
    shop.env.greffon(["show", "plugins/a"]).run().succeeds().prints("loses data");
    shop.remove("greffon.lock");
    shop.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["1.0.0"]);
    shop.env.greffon(["repo", "yank", &index, "plugins/a@2.0.0", "--undo"]).run().succeeds();
    shop.env.greffon(["update"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["2.0.0"]);
}

#[test]
fn every_report_is_a_document_with_a_schema() {
    let shop = shop();
    shop.git_plugin("g", &["1.0.0"]);
    let server = GitServer::start(&shop.env.root().join("served"));
    shop.manifest(&["ours"], &format!("a = \"*\"\ng = {{ git = \"{}\" }}", server.url("/g.git")), ONE);
    let json = |arguments: &[&str], schema: &str| -> Value {
        let outcome = shop.env.greffon(arguments.iter().copied().chain(["--json"])).run().succeeds();
        let value = outcome.json();
        assert_eq!(value["schema"], format!("greffon/{schema}/1"), "{arguments:?}");
        value
    };
    let keys = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let has = |value: &Value, names: &[&str]| {
        for name in names {
            assert!(keys(value).iter().any(|key| key == name), "no `{name}` in {value:#}");
        }
    };
    json(&["lock"], "lock");
    json(&["fetch"], "fetch");
    let plan = json(&["plan"], "plan");
    has(&plan["sites"][0], &["name", "path", "tree", "held", "changes", "download_map", "files", "hooks"]);
    has(&plan["sites"][0]["changes"][0], &["action", "type", "name", "from", "to", "destructive"]);
    has(&plan["sites"][0]["download_map"][0], &["type", "name", "version", "from_stock", "download"]);
    has(&plan["sites"][0]["files"], &["add", "change", "remove"]);
    assert_eq!(plan["sites"][0]["changes"][0]["action"], "add");
    let sync = json(&["sync"], "sync");
    assert_eq!((&sync["sites"][0]["state"], &sync["sites"][0]["generation"]), (&"synced".into(), &1.into()));

    shop.env.write("one/plugins/b/code.txt", "by hand");
    shop.env.write("one/loose.txt", "by hand");
    let status = json(&["status"], "status");
    has(&status["sites"][0], &["name", "state", "generation", "elements", "unmanaged"]);
    let b = status["sites"][0]["elements"].as_array().expect("elements").iter().find(|one| one["name"] == "b").expect("b").clone();
    has(&b, &["type", "name", "version", "state", "found", "files"]);
    assert_eq!((&b["state"], &b["files"][0]["state"], &status["sites"][0]["state"]), (&"modified".into(), &"modified".into(), &"drift".into()));
    assert!(status["sites"][0]["unmanaged"].is_array(), "{status:#}");
    shop.env.greffon(["status", "--exit-code"]).run().fails(3);
    shop.env.greffon(["verify", "--json"]).run().fails(1).json();
    shop.env.greffon(["sync", "--if-local-changes", "overwrite"]).run().succeeds();
    json(&["verify"], "status");

    let list = json(&["list"], "list");
    assert_eq!(list["sites"][0]["elements"].as_array().map(Vec::len), Some(3));
    let tree = json(&["tree"], "tree");
    assert_eq!(tree["sites"][0]["roots"][0]["children"][0]["element"], "plugins/b", "{tree:#}");
    let why = json(&["why", "b"], "why");
    assert_eq!(why["sites"][0]["chains"][0].as_array().map(Vec::len), Some(2), "{why:#}");
    let show = json(&["show", "a"], "show");
    assert_eq!((&show["repository"], &show["info"]["dependencies"]["plugins/b"]), (&"ours".into(), &"1.0+".into()));
    let search = json(&["search", "what"], "search");
    assert_eq!(search["hits"].as_array().map(Vec::len), Some(2), "{search:#}");
    let outdated = json(&["outdated"], "outdated");
    assert_eq!(outdated["elements"], serde_json::json!([]));
    let doctor = json(&["doctor"], "doctor");
    assert!(doctor["checks"].as_array().is_some_and(|checks| checks.len() >= 3 && checks.iter().all(|check| check["state"].is_string())));
    json(&["history"], "history");
    json(&["recover"], "recover");
    json(&["stock", "list"], "stock");
    json(&["stock", "verify"], "stock-verify");
    json(&["stock", "gc", "--dry-run"], "stock-gc");
    json(&["build", "out"], "build");
    json(&["forget", "one"], "forget");
}

#[cfg(unix)]
#[test]
fn an_interrupted_fetch_ends_with_130_and_the_site_as_it_was() {
    let shop = shop();
    shop.git_plugin("g", &["1.0.0"]);
    let server = GitServer::start(&shop.env.root().join("served"));
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let before = shop.env.tree("one");
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    let lock = shop.env.read("greffon.lock");
    let interrupt = |waits: &dyn Fn() -> bool| {
        let mut command = shop.env.greffon(["sync"]).command();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        until("the stalled request", waits);
        std::thread::sleep(Duration::from_millis(200));
        let start = Instant::now();
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(start.elapsed() < Duration::from_secs(20), "it took {:?} to stop", start.elapsed());
        assert_eq!(shop.env.tree("one"), before);
    };
    // An archive that stops coming.
    shop.files.fault("/files/plugins/a-2.0.0", 50, Fault::Stall(20));
    interrupt(&|| shop.files.count("/files/plugins/a-2.0.0") > 0);
    assert_eq!(shop.env.read("greffon.lock"), lock);
    shop.files.heal();
    // A server that answers no question at all.
    shop.manifest(&["ours"], &format!("a = \"*\"\ng = {{ git = \"{}\" }}", server.url("/g.git")), ONE);
    server.fault("/g.git", 50, Fault::Stall(0));
    interrupt(&|| server.count("/g.git") > 0);
    server.heal();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("one", "g")), ("a 2.0.0\n".into(), "g 1.0.0\n".into()));
}

#[test]
fn the_second_on_a_site_waits_for_the_first() {
    let shop = shop();
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    // The first is anybody who holds the site's lock.
    let lock = std::fs::File::options().read(true).write(true).open(shop.env.path(".greffon-one/lock")).expect("the site's lock");
    lock.lock().expect("held");
    let child = shop.env.greffon(["sync"]).command().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut child = child;
    let mut said = BufReader::new(child.stderr.take().expect("its stderr"));
    let mut line = String::new();
    while !line.contains("waiting for") {
        assert!(said.read_line(&mut line).expect("a line") > 0, "it never said that it waits: {line}");
    }
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n", "it went ahead");
    drop(lock);
    said.read_to_string(&mut line).expect("the rest");
    assert!(child.wait().expect("ended").success(), "{line}");
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");

    // And many at once make one generation of it.
    shop.publish("ours", "a", "3.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    let children: Vec<_> = (0..4)
        .map(|_| shop.env.greffon(["sync"]).command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started"))
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(shop.code("one", "a"), "a 3.0.0\n");
    assert_eq!(generations(&shop), [3, 2, 1]);
}
