//! Extensions that are elements: resolved first, locked by commit and hash, trusted by their bytes.

use super::shop::{INSTALLER, Shop};
use super::support::Repo;

const ONE: &str = "[sites.one]\npath = \"one\"\n";
const TOLD: &str = "fn after_sync(event, host) { fs::write(\"{site}/told.txt\", `${event.generation}`); }\n";

fn about(name: &str, version: &str, more: &str) -> String {
    format!("name = \"{name}\"\nversion = \"{version}\"\nrole = \"hook\"\nmain = \"main.rhai\"\nsummary = \"Tells\"\n{more}")
}

/// A shop with a plugin `a`, and a git repository with the extension `told` at 1.0.
fn told() -> (Shop, Repo) {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    let repo = Repo::init(&shop.env.root().join("work-told"));
    release(&shop, &repo, "1.0", "needs = { write = [\"{site}/told.txt\"] }\n", TOLD);
    manifest(&shop, "told = { git = \"../served/told.git\" }");
    (shop, repo)
}

fn release(shop: &Shop, repo: &Repo, version: &str, more: &str, script: &str) {
    repo.write("extension.toml", about("told", version, more));
    repo.write("main.rhai", script);
    repo.commit(version);
    repo.annotated_tag(&format!("v{version}"));
    repo.publish(&shop.env.root().join("served/told.git"));
}

fn manifest(shop: &Shop, entry: &str) {
    let text = format!(
        "{INSTALLER}{}[types.extensions]\n{entry}\n[types.plugins]\na = \"*\"\n[hooks]\nafter-sync = \"extension:told\"\n[extensions.told]\nallow = {{ write = [\"{{site}}/told.txt\"] }}\n{ONE}",
        shop.repository("ours", "")
    );
    shop.env.write("greffon.toml", text);
}

#[test]
fn an_extension_is_locked_by_commit_and_hash_and_does_nothing_before_somebody_said_yes() {
    let (shop, repo) = told();
    let env = &shop.env;
    let locked = env.greffon(["lock", "--json"]).run().succeeds().json();
    assert!(locked["changes"].as_array().is_some_and(|changes| changes.iter().any(|change| change["type"] == "extensions")), "{locked}");
    let lock = env.read("greffon.lock");
    let line = lock.lines().find(|line| line.starts_with("\"extensions/told@1.0\"")).expect("its line");
    assert!(line.contains("commit = \"") && line.contains("tree = \""), "{line}");
    assert!(lock.contains("told = { hash = \"sha256:"), "{lock}");
    env.greffon(["lock", "--check"]).run().succeeds();
    // The manifest allows it, the lock holds it, and nobody was asked.
    let plan = env.greffon(["plan"]).run().succeeds();
    plan.prints("extension told 1.0 (hook) may: write `{site}/told.txt`").prints("never trusted");
    let refused = env.greffon(["sync"]).run().fails(1);
    refused.says("`told` 1.0 was fetched from").says("never asked").says("greffon trust");
    assert!(!env.exists("one/plugins/a"), "the site is as it was");
    env.greffon(["trust"]).run().succeeds();
    env.greffon(["sync"]).run().succeeds();
    assert_eq!(env.read("one/told.txt"), "1");
    assert!(!env.exists("one/extensions") && !env.exists("one/main.rhai"), "it is part of no site");
    let listed = env.greffon(["extension", "list", "--json"]).run().succeeds().json();
    assert_eq!((&listed["extensions"][0]["source"], &listed["extensions"][0]["trust"]), (&"element".into(), &"trusted".into()));

    // A later version asks for more: it is told, and asked about again.
    let more = "needs = { write = [\"{site}/told.txt\"], net = [\"evil.example\"] }\n";
    release(&shop, &repo, "1.1", more, &format!("{TOLD}fn helper(a) {{ http::get(\"https://evil.example/\") }}\n"));
    let outdated = env.greffon(["outdated", "--json"]).run().succeeds().json();
    assert_eq!((&outdated["elements"][0]["name"], &outdated["elements"][0]["fits"]), (&"told".into(), &"1.1".into()));
    env.greffon(["sync"]).run().succeeds();
    assert!(env.read("greffon.lock").contains("extensions/told@1.0\""), "nothing moves unasked");
    let updated = env.greffon(["update", "extensions/told", "--json"]).run().succeeds().json();
    assert_eq!(updated["changes"][0]["to"], serde_json::json!(["1.1"]));
    let newer = env.read("greffon.lock");
    assert!(newer.contains("extensions/told@1.1\"") && !newer.contains("told@1.0"), "{newer}");
    let hash = |text: &str| text.lines().find(|line| line.starts_with("told = ")).map(str::to_owned);
    assert_ne!(hash(&newer), hash(&lock));
    env.greffon(["lock", "--check"]).run().succeeds();
    shop.publish("ours", "a", "1.1.0", &[]);
    env.greffon(["update", "plugins/a"]).run().succeeds();
    let refused = env.greffon(["sync"]).run().fails(1);
    let refused = refused.says("is not the one that you trusted").says("its version: 1.0 → 1.1").says("it asks for more: reach `evil.example`");
    refused.says("new functions: `helper/1`").says("the lockfile never does");
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n", "the site is as it was");
    env.greffon(["plan"]).run().succeeds().prints("changed since it was trusted");
    env.greffon(["trust"]).run().succeeds();
    // What it may is what the manifest says, and no more.
    env.greffon(["sync"]).run().fails(1).says("allow = { net");
}

#[test]
fn offline_it_comes_from_the_stock_and_what_was_changed_there_is_made_anew() {
    let (shop, _repo) = told();
    let env = &shop.env;
    env.greffon(["lock"]).run().succeeds();
    env.greffon(["trust"]).run().succeeds();
    env.greffon(["sync"]).run().succeeds();
    std::fs::remove_dir_all(env.root().join("served")).expect("removed");
    env.greffon(["stock", "gc"]).run().succeeds();
    let folder = std::fs::read_dir(env.stock().join("extensions")).expect("unpacked").flatten().next().expect("one").path();
    std::fs::write(folder.join("main.rhai"), "fn after_sync(event, host) { fs::write(\"{site}/told.txt\", \"stolen\"); }").expect("written");
    shop.publish("ours", "b", "1.0.0", &[]);
    let text = env.read("greffon.toml").replace("a = \"*\"", "");
    env.write("greffon.toml", text);
    env.greffon(["sync", "--offline", "-y"]).run().succeeds();
    assert_eq!(env.read("one/told.txt"), "2", "what was locked runs, not what lay there");
    // Without it in the stock, offline says what is missing.
    std::fs::remove_dir_all(env.stock().join("extensions")).expect("removed");
    env.greffon(["status", "--offline"]).run().succeeds();
    shop.empty_stock();
    env.greffon(["status", "--offline"]).run().fails(1).says("extensions are fetched first");
}

#[test]
fn from_an_index_a_path_and_an_archive() {
    let shop = Shop::new();
    let env = &shop.env;
    shop.publish("ours", "a", "1.0.0", &[]);
    for version in ["1.0.0", "1.2.0"] {
        let folder = format!("../packages/told-{version}");
        env.write(format!("{folder}/greffon.toml"), format!("[package]\ntype = \"extensions\"\nname = \"told\"\nversion = \"{version}\"\n"));
        env.write(format!("{folder}/extension.toml"), about("told", version, ""));
        env.write(format!("{folder}/main.rhai"), TOLD);
        env.greffon(["repo".as_ref(), "index".as_ref(), shop.public("ours").as_os_str(), env.path(&folder).as_os_str()]).run().succeeds();
    }
    for (entry, line) in [("told = \"*\"", "\"extensions/told@1.2.0\""), ("told = { path = \"../packages/told-1.0.0\" }", "path = \"../packages/told-1.0.0\"")]
    {
        if env.exists("greffon.lock") {
            std::fs::remove_file(env.path("greffon.lock")).expect("removed");
        }
        manifest(&shop, entry);
        env.greffon(["trust"]).run().succeeds();
        env.greffon(["sync", "-y"]).run().succeeds();
        let lock = env.read("greffon.lock");
        assert!(lock.contains(line), "{entry}: {lock}");
        assert!(env.exists("one/told.txt"), "{entry}");
        env.greffon(["lock", "--check"]).run().succeeds();
    }
}

#[test]
fn commands_treat_it_like_other_elements() {
    let (shop, _repo) = told();
    let env = &shop.env;
    let text = env.read("greffon.toml").replace("[types.extensions]\ntold = { git = \"../served/told.git\" }\n", "");
    env.write("greffon.toml", &text);
    env.greffon(["sync"]).run().fails(1).says("there is no extension `told`").says("greffon add extensions/told");
    env.write("greffon.toml", text.replace("after-sync = \"extension:told\"", ""));
    let git = env.root().join("served/told.git").display().to_string();
    let added = env.greffon(["add", "extensions/told", "--git", &git, "--json"]).run().succeeds().json();
    assert_eq!((&added["added"][0]["type"], &added["added"][0]["version"]), (&"extensions".into(), &"1.0".into()));
    assert!(env.read("greffon.toml").contains("[types.extensions]"));
    env.greffon(["lock", "--check"]).run().succeeds();
    env.greffon(["tree"]).run().succeeds().prints("extensions/told 1.0");
    env.greffon(["list"]).run().succeeds().prints("extensions/told");
    env.greffon(["why", "extensions/told"]).run();
    env.greffon(["remove", "extensions/told"]).run().succeeds();
    assert!(!env.read("greffon.lock").contains("told"));
    assert!(!env.read("greffon.toml").contains("told = {"));
}

#[test]
fn two_projects_share_the_stock_and_not_their_trust() {
    let (shop, _repo) = told();
    let env = &shop.env;
    env.greffon(["trust"]).run().succeeds();
    env.greffon(["sync"]).run().succeeds();
    env.write("other/greffon.toml", env.read("greffon.toml").replace("../served", "../../served"));
    env.greffon(["sync"]).within("other").run().fails(1).says("never asked");
    env.greffon(["trust"]).within("other").run().succeeds();
    env.greffon(["sync"]).within("other").run().succeeds();
    assert!(env.exists("other/one/told.txt"));
    assert_eq!(std::fs::read_dir(env.stock().join("extensions")).expect("unpacked").count(), 1);
}

#[test]
fn what_cannot_be_is_explained_with_its_line() {
    let (shop, _repo) = told();
    let env = &shop.env;
    let whole = env.read("greffon.toml");
    let cases: [(&str, &str, &[&str]); 5] = [
        (
            "told = { git = \"../served/told.git\" }",
            "told = { version = \"*\", repository = \"mine\" }\n[[config.repositories]]\nname = \"mine\"\nuse = \"extension:told\"",
            &["which is an extension itself (`extension:told`)", "greffon.toml:", "builtin:"],
        ),
        ("told = { git = \"../served/told.git\" }", "told = { dialogue = { use = \"extension:edd\" } }", &["cannot be bought by a dialogue"]),
        ("told = { git = \"../served/told.git\" }", "nosuch = \"*\"", &["extensions/nosuch", "extensions are fetched first"]),
        ("told = { git = \"../served/told.git\" }", "other = { git = \"../served/told.git\" }", &["the element extensions/other holds the extension `told`"]),
        ("path = \"one\"\n", "path = \"one\"\ntypes.extensions.told = \"1.0\"\n", &["is said for the site `one` alone", "[types.extensions]"]),
    ];
    for (from, to, words) in cases {
        let hooked = if to.starts_with("other") { whole.replace("extension:told", "extension:other") } else { whole.clone() };
        env.write("greffon.toml", hooked.replace(from, to));
        let run = env.greffon(["sync"]).run();
        assert_ne!(run.status, 0, "{to}");
        for word in words {
            assert!(run.stderr.contains(word), "{to}\nlacks {word:?}:\n{}", run.stderr);
        }
    }
    // What is no extension at all.
    env.write("greffon.toml", whole.replace("told.git\"", "plain.git\", tag = \"v1.0\""));
    let plain = Repo::init(&env.root().join("work-plain"));
    plain.write("code.txt", "x");
    plain.commit("1.0");
    plain.annotated_tag("v1.0");
    plain.publish(&env.root().join("served/plain.git"));
    env.greffon(["lock"]).run().fails(1).says("it has no `extension.toml`").says("subdir");
}
