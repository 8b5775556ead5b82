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

/// Publishes an extension in the shop's index; `needs` are lines of `[package.dependencies]`.
fn publish(shop: &Shop, name: &str, version: &str, needs: &str) {
    let folder = format!("../packages/{name}-{version}");
    let package = format!("[package]\ntype = \"extensions\"\nname = \"{name}\"\nversion = \"{version}\"\n[package.dependencies]\n{needs}");
    shop.env.write(format!("{folder}/greffon.toml"), package);
    shop.env.write(format!("{folder}/extension.toml"), about(name, version, ""));
    shop.env.write(format!("{folder}/main.rhai"), TOLD);
    shop.env.greffon(["repo".as_ref(), "index".as_ref(), shop.public("ours").as_os_str(), shop.env.path(&folder).as_os_str()]).run().succeeds();
}

/// Where the index says that a version of an extension is had, seen from the served folder, and its digest.
fn archive(shop: &Shop, name: &str, version: &str) -> (String, String) {
    let text = std::fs::read_to_string(shop.public("ours").join(format!("elements/extensions/{name}.json"))).expect("an index");
    let index: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let found = index["versions"].as_array().expect("versions").iter().find(|one| one["version"] == version).expect("the version").clone();
    let file = found["download"]["url"].as_str().expect("a url").trim_start_matches("../").to_owned();
    (file, found["download"]["sha256"].as_str().expect("a digest").trim_start_matches("sha256:").to_owned())
}

#[test]
fn from_an_archive_of_a_web_server_and_one_on_disk() {
    let shop = Shop::new();
    let env = &shop.env;
    shop.publish("ours", "a", "1.0.0", &[]);
    publish(&shop, "told", "1.0.0", "");
    let (file, sha256) = archive(&shop, "told", "1.0.0");
    let url = shop.files.url(&format!("/ours/{file}"));
    std::fs::copy(shop.public("ours").join(&file), env.path("told.tar.gz")).expect("copied");
    for (entry, line) in [
        (format!("told = {{ url = \"{url}\", version = \"1.0.0\", sha256 = \"{sha256}\" }}"), "url = "),
        (format!("told = {{ url = \"{url}\", version = \"1.0.0\" }}"), "url = "),
        ("told = { path = \"told.tar.gz\", version = \"1.0.0\" }".to_owned(), "path = \"told.tar.gz\""),
    ] {
        shop.remove("greffon.lock");
        manifest(&shop, &entry);
        env.greffon(["trust"]).run().succeeds();
        env.greffon(["sync", "-y"]).run().succeeds();
        let lock = env.read("greffon.lock");
        let own = lock.lines().find(|line| line.starts_with("\"extensions/told@1.0.0\"")).expect("its line");
        assert!(own.contains(line), "{entry}: {own}");
        // Whether it was in stock already changes nothing of what is locked.
        assert!(line != "url = " || own.contains(&sha256), "{entry}: {own}");
        assert!(env.exists("one/told.txt"), "{entry}");
        env.greffon(["lock", "--check"]).run().succeeds();
    }
    // Other bytes than the manifest's are not taken.
    shop.remove("greffon.lock");
    shop.empty_stock();
    manifest(&shop, &format!("told = {{ url = \"{url}\", version = \"1.0.0\", sha256 = \"{}\" }}", "0".repeat(64)));
    env.greffon(["lock"]).run().fails(1).says("0000000000");
}

#[test]
fn extensions_may_need_each_other_and_nothing_else() {
    let shop = Shop::new();
    let env = &shop.env;
    shop.publish("ours", "a", "1.0.0", &[]);
    publish(&shop, "told", "1.0.0", "\"extensions/helper\" = \"*\"\n");
    publish(&shop, "helper", "2.0.0", "\"extensions/third\" = \"*\"\n");
    publish(&shop, "third", "3.0.0", "\"extensions/told\" = \"1.0+\"\n");
    manifest(&shop, "told = \"*\"");
    env.greffon(["trust"]).run().succeeds();
    env.greffon(["sync", "-y"]).run().succeeds();
    let lock = env.read("greffon.lock");
    for line in ["\"extensions/told@1.0.0\"", "\"extensions/helper@2.0.0\"", "\"extensions/third@3.0.0\""] {
        assert_eq!(lock.matches(line).count(), 1, "{line}: {lock}");
    }
    for name in ["told", "helper", "third"] {
        assert!(lock.contains(&format!("{name} = {{ hash = \"sha256:")), "{name}: {lock}");
    }
    env.greffon(["lock", "--check"]).run().succeeds();
    env.greffon(["tree"]).run().succeeds().prints("extensions/third 3.0.0");
    assert_eq!(std::fs::read_dir(env.stock().join("extensions")).expect("unpacked").count(), 3);
    // A circle that no versions fit is explained, and nothing is locked.
    publish(&shop, "told", "2.0.0", "\"extensions/helper\" = \">=3.0\"\n");
    manifest(&shop, "told = \"=2.0.0\"");
    env.greffon(["lock", "--refresh"]).run().fails(1).says("extensions/helper").says("extensions are fetched first");
    // What is no extension cannot be needed by one.
    publish(&shop, "told", "4.0.0", "\"plugins/a\" = \"*\"\n");
    manifest(&shop, "told = \"=4.0.0\"");
    env.greffon(["lock", "--refresh"]).run().fails(1).says("an extension needs plugins/a, which is none");
}

/// What is unpacked in the stock.
fn unpacked(shop: &Shop) -> usize {
    std::fs::read_dir(shop.env.stock().join("extensions")).map(Iterator::count).unwrap_or_default()
}

#[test]
fn what_no_manifest_uses_any_more_is_tidied_away() {
    let (shop, repo) = told();
    let env = &shop.env;
    env.greffon(["trust"]).run().succeeds();
    env.greffon(["sync"]).run().succeeds();
    release(&shop, &repo, "1.1", "", TOLD);
    env.greffon(["update", "extensions/told"]).run().succeeds();
    env.greffon(["lock"]).run().succeeds();
    assert_eq!(unpacked(&shop), 2);
    // The version before goes: it is told first. The one that is locked stays.
    let would = env.greffon(["stock", "gc", "--dry-run", "--json"]).run().succeeds().json();
    assert!(would["removed"].to_string().contains("1 unpacked extension"), "{would}");
    assert_eq!(unpacked(&shop), 2, "a rehearsal removes nothing");
    let did = env.greffon(["stock", "gc", "--json"]).run().succeeds().json();
    assert_eq!(did["removed"], would["removed"]);
    assert_eq!(unpacked(&shop), 1);
    assert!(!env.greffon(["stock", "gc", "--json"]).run().succeeds().json()["removed"].to_string().contains("unpacked extension"));
    env.greffon(["status", "--offline"]).run().succeeds();
    // The broken twin: without pins what is in use would go.
    let copied = env.root().join("copy");
    assert!(std::process::Command::new("cp").args(["-a"]).arg(env.stock()).arg(&copied).status().expect("cp runs").success());
    env.greffon(["stock".as_ref(), "gc".as_ref(), "--stock".as_ref(), copied.as_os_str()]).env("GREFFON_BREAK", "pins,extension-lock").run().succeeds();
    assert_eq!(std::fs::read_dir(copied.join("extensions")).map(Iterator::count).unwrap_or_default(), 0);
    // A second manifest that uses it keeps it when the first no longer does.
    env.write("other/greffon.toml", env.read("greffon.toml").replace("../served", "../../served"));
    env.greffon(["lock"]).within("other").run().succeeds();
    let text =
        env.read("greffon.toml").replace("[types.extensions]\ntold = { git = \"../served/told.git\" }\n", "").replace("after-sync = \"extension:told\"", "");
    env.write("greffon.toml", &text);
    env.greffon(["lock"]).run().succeeds();
    env.greffon(["stock", "gc"]).run().succeeds();
    assert_eq!(unpacked(&shop), 1);
    let text = env
        .read("other/greffon.toml")
        .replace("[types.extensions]\ntold = { git = \"../../served/told.git\" }\n", "")
        .replace("after-sync = \"extension:told\"", "");
    env.write("other/greffon.toml", &text);
    env.greffon(["lock"]).within("other").run().succeeds();
    let would = env.greffon(["stock", "gc", "--dry-run", "--json"]).within("other").run().succeeds().json();
    assert!(would["removed"].to_string().contains("1 unpacked extension"), "{would}");
    env.greffon(["stock", "gc"]).within("other").run().succeeds();
    assert_eq!(unpacked(&shop), 0);
}

#[test]
fn what_somebody_uses_is_not_tidied_away() {
    let (shop, repo) = told();
    let env = &shop.env;
    env.greffon(["lock"]).run().succeeds();
    let old = std::fs::read_dir(env.stock().join("extensions")).expect("unpacked").flatten().next().expect("one").path();
    release(&shop, &repo, "1.1", "", TOLD);
    env.greffon(["update", "extensions/told"]).run().succeeds();
    env.greffon(["lock"]).run().succeeds();
    assert_eq!(unpacked(&shop), 2);
    // As another greffon does that loaded it before the update.
    let used = std::fs::File::open(&old).expect("opened");
    used.lock_shared().expect("locked");
    assert!(!env.greffon(["stock", "gc", "--dry-run", "--json"]).run().succeeds().json()["removed"].to_string().contains("unpacked extension"));
    env.greffon(["stock", "gc"]).run().succeeds();
    assert!(old.join("main.rhai").exists(), "it was taken away while it was used");
    // The broken twin: without the lock it would have been.
    env.greffon(["stock", "gc"]).env("GREFFON_BREAK", "extension-lock").run().succeeds();
    assert!(!old.exists());
}

#[test]
fn it_is_shown_as_part_of_no_site_and_added_as_its_scheme_says() {
    let (shop, repo) = told();
    let env = &shop.env;
    env.greffon(["lock"]).run().succeeds();
    let shown = env.greffon(["show", "extensions/told"]).run().succeeds();
    shown.prints("1.0, for the whole manifest: an extension is part of no site");
    assert!(!shown_at_a_site(env), "it is said to be at a site");
    // `add` writes what its scheme says, and locks what that prefers; `update` leaves it so.
    release(&shop, &repo, "1.2.0", "", TOLD);
    release(&shop, &repo, "1.2.5", "", TOLD);
    let text = env.read("greffon.toml").replace("told = { git = \"../served/told.git\" }", "");
    env.write("greffon.toml", text.replace("[types.extensions]\n", "").replace("after-sync = \"extension:told\"", ""));
    shop.remove("greffon.lock");
    let git = env.root().join("served/told.git").display().to_string();
    env.greffon(["add", "extensions/told", "--git", &git]).run().succeeds();
    let lock = env.read("greffon.lock");
    env.greffon(["update"]).run().succeeds();
    assert_eq!(env.read("greffon.lock"), lock, "{}", env.read("greffon.toml"));
}

fn shown_at_a_site(env: &super::support::TestEnvironment) -> bool {
    env.greffon(["show", "extensions/told"]).run().succeeds().stdout.contains(" at ")
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
