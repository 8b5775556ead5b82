//! The contracts that greffon keeps from its founding documents, each seen on the real binary with real servers.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use shop::{INSTALLER, Shop};
use support::{Fault, GitServer, Repo, git};

const ONE: &str = "[sites.one]\npath = \"one\"\n";

#[test]
fn the_download_map_is_complete_before_the_first_byte() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[("plugins/b", "*")]);
    shop.publish("ours", "b", "1.2.0", &[("plugins/c", "1.0+")]);
    shop.publish("ours", "c", "1.0.5", &[]);
    shop.manifest(&["ours"], "a = \"*\"", ONE);

    // Told without a byte of an element.
    let plan = shop.env.greffon(["plan", "--dry-run", "--json"]).run().succeeds().json();
    let map = plan["sites"][0]["download_map"].as_array().expect("a map").clone();
    let lines: Vec<_> = map.iter().map(|one| format!("{} {} {}", one["name"], one["version"], one["from_stock"])).collect();
    assert_eq!(lines, [r#""a" "1.0.0" false"#, r#""b" "1.2.0" false"#, r#""c" "1.0.5" false"#]);
    assert!(map.iter().all(|one| one["download"]["url"].is_string()), "{plan:#}");
    assert_eq!(shop.files.count("/files/"), 0);

    // One whose deepest dependency cannot be read: nothing of the others is fetched.
    shop.empty_stock();
    shop.files.forget();
    shop.files.fault("/elements/plugins/c.json", 50, Fault::status(404));
    shop.env.greffon(["sync"]).run().fails(1).says("plugins/c");
    assert_eq!(shop.files.count("/files/"), 0);
    assert!(!shop.env.exists("one"));

    // And when it succeeds, the last question comes before the first download.
    shop.files.heal();
    shop.empty_stock();
    shop.files.forget();
    shop.env.greffon(["sync"]).run().succeeds();
    let paths: Vec<String> = shop.files.requests().into_iter().map(|request| request.path).collect();
    let last_question = paths.iter().rposition(|path| path.contains("/elements/")).expect("questions");
    let first_byte = paths.iter().position(|path| path.contains("/files/")).expect("downloads");
    assert!(last_question < first_byte, "{paths:?}");
    assert_eq!(shop.code("one", "c"), "c 1.0.5\n");
}

#[test]
fn every_download_ends_before_the_first_file_changes() {
    let shop = Shop::new();
    for name in ["a", "b", "c"] {
        shop.publish("ours", name, "1.0.0", &[]);
    }
    shop.manifest(&["ours"], "a = \"*\"\nb = \"*\"\nc = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let before = shop.env.tree("one");
    for name in ["a", "b", "c"] {
        shop.publish("ours", name, "2.0.0", &[]);
    }
    shop.env.greffon(["update"]).run().succeeds();
    let plan = shop.env.greffon(["plan", "--dry-run", "--json"]).run().succeeds().json();
    let url = plan["sites"][0]["download_map"][2]["download"]["url"].as_str().expect("a url").to_owned();
    let last = url.split("/files/").nth(1).expect("a file").to_owned();

    shop.files.fault(&last, 50, Fault::status(404));
    shop.env.greffon(["sync", "--jobs", "1"]).run().fails(1).says("plugins/c").says("404");
    assert!(shop.files.count(&last) > 0);
    assert_eq!(shop.env.tree("one"), before);
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["generation"], 1);

    shop.files.heal();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");
    assert_eq!(shop.code("one", "c"), "c 2.0.0\n");
}

#[test]
fn an_exact_version_in_stock_is_taken_without_a_question() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.publish("ours", "a", "1.1.0", &[]);
    shop.manifest(&["ours"], "a = \"=1.0.0\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let lock = shop.env.read("greffon.lock");

    shop.remove("greffon.lock");
    shop.files.forget();
    shop.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shop.files.requests().len(), 0, "{:?}", shop.files.requests());
    assert_eq!(shop.locked("a"), ["1.0.0"]);
    assert!(lock.contains("plugins/a@1.0.0"));

    // A second site, from nothing but manifest and stock.
    shop.remove("greffon.lock");
    shop.manifest(&["ours"], "a = \"=1.0.0\"", "[sites.two]\npath = \"two\"\n");
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.files.requests().len(), 0, "{:?}", shop.files.requests());
    assert_eq!(shop.code("two", "a"), "a 1.0.0\n");

    // Another repository is another origin: what the first one gave is no answer of the second.
    shop.publish("theirs", "a", "1.0.0", &[("plugins/z", "*")]);
    shop.publish("theirs", "z", "1.0.0", &[]);
    shop.remove("greffon.lock");
    shop.manifest(&["theirs"], "a = \"=1.0.0\"", "[sites.two]\npath = \"two\"\n");
    shop.env.greffon(["lock"]).run().succeeds();
    assert!(shop.files.count("/theirs/elements/") > 0);
    assert_eq!(shop.locked("z"), ["1.0.0"]);
}

#[test]
fn so_is_an_exact_dependency_unless_something_else_asks_for_more() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[("plugins/d", "=1.0.0")]);
    shop.publish("ours", "d", "1.0.0", &[]);
    shop.publish("ours", "d", "1.1.0", &[]);
    shop.publish("ours", "b", "1.0.0", &[("plugins/c", "=1.0.0")]);
    shop.publish("ours", "c", "1.0.0", &[("plugins/d", "1.1+")]);
    shop.manifest(&["ours"], "a = \"=1.0.0\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let lock = shop.env.read("greffon.lock");
    shop.remove("greffon.lock");
    shop.files.forget();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.files.requests().len(), 0, "{:?}", shop.files.requests());
    assert_eq!(shop.env.read("greffon.lock"), lock);

    // The same file with an empty and with a full stock, and the same conflict.
    shop.manifest(&["ours"], "b = \"=1.0.0\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.manifest(&["ours"], "a = \"=1.0.0\"\nb = \"=1.0.0\"", ONE);
    let full = shop.env.greffon(["lock"]).run().fails(1).stderr;
    assert!(full.contains("1.1+") && full.contains("=1.0.0"), "{full}");
    shop.empty_stock();
    assert_eq!(shop.env.greffon(["lock"]).run().fails(1).stderr, full);
}

#[test]
fn a_wildcard_asks_stock_and_repositories_and_takes_the_best() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    let by_hand = shop.package("a", "2.0.0", &[]);
    shop.env.greffon(["stock".as_ref(), "add".as_ref(), "plugins/a@2.0.0".as_ref(), by_hand.as_os_str()]).run().succeeds();
    shop.files.forget();
    shop.env.greffon(["sync"]).run().succeeds();
    assert!(shop.files.count("/elements/plugins/a.json") > 0, "the repository was asked as well");
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");

    shop.publish("ours", "a", "3.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 3.0.0\n");
    // Both stay to be chosen.
    shop.env.greffon(["update", "a", "--to", "2.0.0"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 2.0.0\n");
}

#[test]
fn what_was_downloaded_is_in_stock() {
    let shop = Shop::new();
    shop.git_plugin("g", &["1.0.0"]);
    let server = GitServer::start(&shop.env.root().join("served"));
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], &format!("a = \"*\"\ng = {{ git = \"{}\" }}", server.url("/g.git")), ONE);
    assert_eq!(shop.env.greffon(["stock", "list", "--json"]).run().succeeds().json()["entries"].as_array().map(Vec::len), Some(0));
    shop.env.greffon(["fetch"]).run().succeeds();
    let list = shop.env.greffon(["stock", "list", "--json"]).run().succeeds().json();
    let text = list["entries"].to_string();
    assert!(text.contains("/ours/files/") && text.contains("/g.git"), "{list:#}");
    assert!(!shop.env.exists("one"), "`fetch` touches no site");

    shop.files.forget();
    server.forget();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!((shop.files.count("/files/"), server.requests().len()), (0, 0));
    shop.env.greffon(["stock", "verify"]).run().succeeds();
}

/// A manifest with an element of every kind that is fetched, its servers, and the site made of it.
fn every_kind() -> (Shop, GitServer) {
    let shop = Shop::new();
    shop.git_plugin("g", &["1.0.0", "1.1.0"]);
    let mono = Repo::init(&shop.env.root().join("work-mono"));
    mono.write("sub/s/code.txt", "s 1.0.0\n").write("other.txt", "not wanted");
    mono.commit("first");
    mono.tag("v1.0.0").publish(&shop.env.root().join("served/mono.git"));
    shop.git_plugin("k", &["1.0.0"]);
    let server = GitServer::start(&shop.env.root().join("served"));
    shop.publish("ours", "a", "1.0.0", &[("plugins/b", "*")]);
    shop.publish("ours", "b", "1.0.0", &[]);
    shop.publish_git("ours", "k", &server.url("/k.git"), &[("1.0.0", "v1.0.0")]);
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(shop.public("ours/elements/plugins/b.json")).expect("read")).expect("JSON");
    let url = told["versions"][0]["download"]["url"].as_str().expect("a url");
    let archive = shop.public("ours/files").join(url.rsplit("files/").next().expect("a name"));
    let bytes = std::fs::read(&archive).expect("b's archive");
    let name = "/loose/u.tar.gz";
    shop.files.put(name, bytes);
    let hand = shop.package("h", "1.0.0", &[]);
    shop.env.greffon(["stock".as_ref(), "add".as_ref(), "plugins/h@1.0.0".as_ref(), hand.as_os_str()]).run().succeeds();
    let plugins = format!(
        "a = \"*\"\nk = \"*\"\nh = \"*\"\ng = {{ git = \"{}\", version = \"1.0+\" }}\ns = {{ git = \"{}\", tag = \"v1.0.0\", subdir = \"sub/s\" }}\nu = {{ url = \"{}\", version = \"1.0.0\" }}",
        server.url("/g.git"),
        server.url("/mono.git"),
        shop.files.url(name)
    );
    shop.manifest(&["ours"], &plugins, ONE);
    (shop, server)
}

#[test]
fn any_element_is_reinstalled_from_the_stock_alone() {
    let (shop, server) = every_kind();
    shop.env.greffon(["sync"]).run().succeeds();
    let before = shop.env.tree("one");
    let lock = shop.env.read("greffon.lock");
    assert!(["a", "b", "k", "h", "g", "s", "u"].iter().all(|name| before.contains_key(&format!("plugins/{name}/code.txt"))), "{before:#?}");
    let Shop { env, files } = shop;
    drop((files, server));

    env.greffon(["forget", "one"]).run().succeeds();
    std::fs::remove_dir_all(env.path("one")).expect("removed");
    env.greffon(["sync", "--offline"]).run().succeeds();
    assert_eq!(env.tree("one"), before);
    assert_eq!(env.read("greffon.lock"), lock);
    // The same without being told that there is no network.
    env.greffon(["forget", "one"]).run().succeeds();
    std::fs::remove_dir_all(env.path("one")).expect("removed");
    env.greffon(["sync", "--frozen"]).run().succeeds();
    assert_eq!(env.tree("one"), before);
    env.greffon(["verify"]).run().succeeds();
}

#[test]
fn the_info_of_what_is_installed_is_had_back_without_anybody() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[("plugins/b", "1.0+")]);
    shop.publish("ours", "b", "1.0.3", &[]);
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let history = shop.env.path(".greffon-one/history.git");
    let Shop { env, files } = shop;
    drop(files);
    std::fs::remove_file(env.path("greffon.lock")).expect("removed");

    let names = git(&history, &["ls-tree", "-r", "--name-only", "main", "greffon/"]);
    assert!(names.lines().any(|name| name.ends_with("greffon.lock")) && names.lines().any(|name| name.ends_with("greffon.toml")), "{names}");
    let infos: serde_json::Value = serde_json::from_str(&git(&history, &["show", "main:greffon/infos.json"])).expect("JSON");
    let info = infos["elements"].as_array().expect("a list").iter().find(|info| info["id"] == "plugins/a").expect("a's info").clone();
    assert_eq!(info["version"], "1.0.0");
    assert_eq!(info["dependencies"]["plugins/b"], "1.0+");
    assert!(info["download"]["url"].as_str().is_some_and(|url| url.contains("/ours/files/")), "{info:#}");
    // Installed and wanted state alike are told by git.
    assert_eq!(git(&history, &["show", "main:site/plugins/b/code.txt"]), "b 1.0.3");
    assert!(git(&history, &["show", "main:greffon/greffon.lock"]).contains("plugins/b@1.0.3"));
}

#[test]
fn the_stock_does_not_change_answers() {
    for exact in [false, true] {
        let (shop, server) = every_kind();
        // What was put in by hand is an answer of its own, and would be missing from an empty stock.
        let asked = if exact { "\"=1.0.0\"" } else { "\"*\"" };
        let git_version = if exact { "=1.0.0" } else { "*" };
        let plugins = format!(
            "a = {asked}\nb = {asked}\nk = {asked}\ng = {{ git = \"{}\", version = \"{git_version}\" }}\nu = {{ url = \"{}\", version = \"1.0.0\" }}",
            server.url("/g.git"),
            shop.files.url("/loose/u.tar.gz")
        );
        shop.manifest(&["ours"], &plugins, ONE);
        shop.empty_stock();
        shop.env.greffon(["lock"]).run().succeeds();
        let empty = shop.env.read("greffon.lock");

        shop.env.greffon(["sync"]).run().succeeds();
        shop.remove("greffon.lock");
        shop.env.greffon(["lock"]).run().succeeds();
        assert_eq!(shop.env.read("greffon.lock"), empty, "a stock that is full of this (exact: {exact})");

        // What another manifest's repository brought is no candidate here.
        shop.publish("theirs", "a", "9.0.0", &[]);
        shop.env.write("else/greffon.toml", format!("{INSTALLER}{}[types.plugins]\na = \"*\"\n[sites.x]\npath = \"x\"\n", shop.repository("theirs", "")));
        shop.env.greffon(["sync"]).within("else").run().succeeds();
        assert_eq!(shop.env.read("else/x/plugins/a/code.txt"), "a 9.0.0\n");
        shop.remove("greffon.lock");
        shop.env.greffon(["lock"]).run().succeeds();
        assert_eq!(shop.env.read("greffon.lock"), empty, "a stock that is full of other things (exact: {exact})");
    }
}

#[test]
fn a_name_belongs_to_the_first_repository_that_knows_it() {
    let shop = Shop::new();
    shop.publish("first", "a", "1.0.0", &[]);
    shop.publish("second", "a", "2.0.0", &[]);
    shop.publish("second", "only", "5.0.0", &[]);
    shop.manifest(&["first", "second"], "a = \"*\"\nonly = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!((shop.code("one", "a"), shop.code("one", "only")), ("a 1.0.0\n".into(), "only 5.0.0\n".into()));
    let show = shop.env.greffon(["show", "plugins/a", "--json"]).run().succeeds().json();
    assert_eq!(show["repository"], "first");
    assert_eq!(show["also_in"], serde_json::json!(["second"]));
    shop.env.greffon(["show", "plugins/a"]).run().succeeds().prints("second");
    // Not even where the first has no version that would do.
    shop.env.greffon(["add", "plugins/a@2.0+"]).run().fails(1).says("plugins/a");

    // The element may name its repository,
    shop.manifest(&["first", "second"], "a = { version = \"*\", repository = \"second\" }", ONE);
    shop.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["2.0.0"]);
    // the order decides,
    shop.remove("greffon.lock");
    shop.manifest(&["second", "first"], "a = \"*\"", ONE);
    shop.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["2.0.0"]);
    // and a repository may say that it adds to what others know.
    shop.remove("greffon.lock");
    let merged = format!("{INSTALLER}{}{}[types.plugins]\na = \"*\"\n{ONE}", shop.repository("first", ""), shop.repository("second", "merge = true"));
    shop.env.write("greffon.toml", &merged);
    shop.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["2.0.0"]);
    shop.env.write("greffon.toml", merged.replace("a = \"*\"", "a = \"1.0.0\""));
    shop.env.greffon(["lock"]).run().succeeds();
    assert_eq!(shop.locked("a"), ["1.0.0"]);
}
