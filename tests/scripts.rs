//! Scripts on the real binary: every role in a builtin's place, hooks, grants, trust.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use shop::{INSTALLER, Shop};
use support::Terminal;

const ONE: &str = "[sites.one]\npath = \"one\"\n";

/// A script that hands these methods on.
fn wrapper(methods: &[&str]) -> String {
    methods.iter().map(|method| format!("fn {method}(request, host) {{ host.inner.{method}(request) }}\n")).collect()
}

fn shop() -> Shop {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[("plugins/b", "*")]);
    shop.publish("ours", "a", "1.1.0", &[("plugins/b", "*")]);
    shop.publish("ours", "b", "1.0.0", &[]);
    shop
}

#[test]
fn script_twins_of_every_role_give_the_same_lock_and_tree() {
    let shop = shop();
    shop.manifest(&["ours"], "a = \"*\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let (lock, tree) = (shop.env.read("greffon.lock"), shop.env.tree("one"));

    shop.env.write("s/client.rhai", wrapper(&["plan", "apply"]));
    shop.env.write("s/stock.rhai", wrapper(&["versions", "element_info", "search", "store_element", "open", "list", "pin", "unpin", "gc", "verify"]));
    shop.env.write("s/repo.rhai", wrapper(&["versions", "element_info", "search"]));
    shop.env.write("s/down.rhai", wrapper(&["download"]));
    shop.env.write("s/place.rhai", "fn place(request) { if request.type == \"core\" { \".\" } else { `plugins/${request.name}` } }\nfn is_installed(request) { true }\nfn types() { [\"core\", \"plugins\"] }\n");
    let roles = "[config]\nclient = \"script:s/client.rhai\"\nstock = { use = \"script:s/stock.rhai\", over = \"builtin:store\" }\ndownloader = { use = \"script:s/down.rhai\", over = \"builtin:standard\" }\ninstaller = \"script:s/place.rhai\"\n";
    let url = shop.files.url("/ours/");
    let repository = format!("[[config.repositories]]\nname = \"ours\"\nuse = \"script:s/repo.rhai\"\nover = {{ use = \"builtin:index\", url = \"{url}\" }}\n");
    shop.env.write("greffon.toml", format!("{roles}{repository}[types.plugins]\na = \"*\"\n{ONE}"));
    shop.empty_stock();
    shop.remove("greffon.lock");
    shop.env.greffon(["forget", "one"]).run().succeeds();
    std::fs::remove_dir_all(shop.env.path("one")).expect("removed");
    shop.env.greffon(["sync"]).run().succeeds();
    let scripted = shop.env.read("greffon.lock");
    let (own, extensions) = scripted.split_once("\n[extensions]").expect("hashes of the scripts");
    assert_eq!(own.trim_end(), lock.trim_end());
    assert_eq!(extensions.matches("sha256:").count(), 5);
    assert_eq!(shop.env.tree("one"), tree);
    // The lock fits until a script is edited.
    shop.env.greffon(["lock", "--check"]).run().succeeds();
    shop.env.write("s/down.rhai", wrapper(&["download"]) + "// edited\n");
    shop.env.greffon(["lock", "--check"]).run().fails(3);
}

const HOOKS: &str = r#"
fn before_sync(event, host) { if event.changes.some(|c| c.to == "1.1.0") { throw #{ message: "1.1.0 is known to eat data", hint: "take 1.0.0" }; } }
fn after_install(event, host) { log::info(`installed ${event.element.id} ${event.element.to} at ${event.element.path}`); }
fn after_sync(event, host) { log::info(`attempt ${host.attempt} at ${event.generation} with ${host.options.x}`); if host.attempt < 2 { throw "not yet"; } }
fn on_failure(event, host) { log::warning(`told of: ${event.error}`); }
fn before_rollback(event, host) { throw "never back"; }
"#;

#[test]
fn hooks_veto_run_and_run_again() {
    let shop = shop();
    shop.env.write("hooks/h.rhai", HOOKS);
    let hooks = "[hooks]\nbefore-sync = \"hooks/h.rhai\"\nafter-install = { use = \"hooks/h.rhai\", only = [\"plugins/a\"] }\nafter-sync = { use = \"hooks/h.rhai\", with = { x = 7 } }\non-failure = \"hooks/h.rhai\"\nbefore-rollback = \"hooks/h.rhai\"\n";
    let manifest = |version: &str| shop.manifest(&["ours"], &format!("a = \"={version}\""), &format!("{hooks}{ONE}"));
    manifest("1.1.0");
    shop.env
        .greffon(["sync"])
        .run()
        .fails(1)
        .says("did not let site `one` change")
        .says("1.1.0 is known to eat data")
        .says("hint: take 1.0.0")
        .says("h.rhai:2:");
    assert!(!shop.env.exists("one"), "a veto comes before the first write");

    manifest("1.0.0");
    let plan = shop.env.greffon(["plan", "--json"]).run().succeeds().json();
    assert_eq!(plan["sites"][0]["hooks"], serde_json::json!(["before-sync hooks/h.rhai", "after-install hooks/h.rhai", "after-sync hooks/h.rhai"]));
    assert_eq!(plan["extensions"][0]["name"], "h");
    let failed = shop.env.greffon(["sync"]).run().fails(1);
    let failed = failed
        .says("installed plugins/a 1.0.0 at plugins/a")
        .says("attempt 1 at 1 with 7")
        .says("the files are in place as generation 1")
        .says("mend the cause and run `greffon sync --site one` again")
        .says("told of:");
    // There is nothing before the first generation to go back to.
    assert!(!failed.stderr.contains("greffon rollback"), "{}", failed.stderr);
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["state"], "pending");
    assert_eq!(status["sites"][0]["pending"], serde_json::json!(["after-sync hooks/h.rhai"]));
    // Nothing changes any more, and what is pending runs again: it alone.
    let again = shop.env.greffon(["sync"]).run().succeeds();
    assert!(again.stderr.contains("attempt 2 at 1 with 7") && !again.stderr.contains("installed plugins/a"), "{}", again.stderr);
    assert_eq!(shop.env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0]["state"], "clean");
    assert!(!shop.env.greffon(["sync"]).run().succeeds().stderr.contains("attempt"));

    shop.publish("ours", "a", "1.2.0", &[]);
    manifest("1.2.0");
    shop.env.greffon(["sync"]).run().fails(1);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.env.greffon(["rollback"]).run().fails(1).says("never back");
    assert_eq!(shop.code("one", "a"), "a 1.2.0\n");
}

#[test]
fn programs_need_trust_and_grants_come_from_manifest_and_user_alone() {
    let shop = shop();
    shop.env.write("hooks/h.rhai", "const NEEDS = #{ run: [\"true\"], net: [\"a.example\"] };\nfn after_sync(event, host) { }\n");
    shop.manifest(&["ours"], "a = \"*\"", &format!("[hooks]\nafter-sync = {{ use = \"hooks/h.rhai\", allow = {{ run = [\"true\"] }} }}\n{ONE}"));
    shop.env.greffon(["sync"]).run().fails(1).says("is not trusted on this machine").says("`true`").says("greffon trust");
    assert!(!shop.env.exists("one"));
    let trusted = shop.env.greffon(["trust", "--json"]).run().succeeds().json();
    assert_eq!(trusted["schema"], "greffon/trust/1");
    assert_eq!(trusted["extensions"][0]["allow"], serde_json::json!({ "run": ["true"] }));
    assert_eq!(trusted["extensions"][0]["missing"], serde_json::json!({ "net": ["a.example"] }));
    shop.env.greffon(["sync"]).run().succeeds();
    // The lock cannot grant anything.
    let lock = shop.env.read("greffon.lock");
    shop.env.write("greffon.lock", lock.replace("h = { hash = ", "h = { allow = { net = [\"*\"] }, hash = "));
    shop.env.greffon(["plan"]).run();
    shop.env.write("greffon.lock", lock);
    let plan = shop.env.greffon(["plan", "--json"]).run().succeeds().json();
    assert_eq!(plan["extensions"][0]["allow"], serde_json::json!({ "run": ["true"] }));
    shop.env.greffon(["trust", "--forget"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync"]).run().fails(1).says("greffon trust");
}

#[test]
fn a_fetched_script_that_changed_is_refused_until_it_is_trusted_again() {
    let shop = shop();
    let outside = shop.env.root().join("elsewhere");
    std::fs::create_dir_all(&outside).expect("a folder");
    std::fs::write(outside.join("h.rhai"), "fn after_sync(event, host) { log::info(\"one\"); }\n").expect("written");
    let hooks = format!("[hooks]\nafter-sync = \"../elsewhere/h.rhai\"\n[extensions.h]\nallow = {{ env = [\"LANG\"] }}\n{ONE}");
    shop.manifest(&["ours"], "a = \"=1.0.0\"", &hooks);
    shop.env.greffon(["sync"]).run().succeeds();
    std::fs::write(outside.join("h.rhai"), "fn after_sync(event, host) { log::info(\"two\"); }\n").expect("written");
    shop.manifest(&["ours"], "a = \"=1.1.0\"", &hooks);
    shop.env.greffon(["sync"]).run().fails(1).says("no longer the one that was locked");
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    shop.env.greffon(["trust"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds().says("two");
}

#[test]
fn a_script_that_trips_a_budget_leaves_the_site_as_it_was() {
    let shop = shop();
    for (body, budget) in [("loop { }", "operations"), ("let a = \"x\"; loop { a += a; }", "text"), ("fn_that_recurses()", "levels")] {
        shop.env.write("bad.rhai", format!("fn fn_that_recurses() {{ fn_that_recurses() }}\nfn place(request, host) {{\n  {body}\n}}\n"));
        let repository = shop.repository("ours", "");
        shop.env.write("greffon.toml", format!("[config]\ninstaller = \"script:bad.rhai\"\n{repository}[types.plugins]\na = \"*\"\n{ONE}"));
        shop.env.greffon(["sync"]).run().fails(1).says(&format!("`{budget}`")).says("bad.rhai:2:");
        assert!(!shop.env.exists("one/plugins"));
    }
    assert!(INSTALLER.contains("builtin:tree"));
}

#[test]
fn one_script_twice_at_one_moment_runs_twice() {
    let shop = shop();
    shop.env.write("hooks/h.rhai", "fn after_sync(event, host) { log::info(`for ${host.options.who}, attempt ${host.attempt}`); if host.options.who == \"b\" && host.attempt < 2 { throw \"not yet\"; } }\n");
    let one = |who: &str| format!("{{ use = \"hooks/h.rhai\", with = {{ who = \"{who}\" }} }}");
    shop.manifest(&["ours"], "a = \"*\"", &format!("[hooks]\nafter-sync = [{}, {}, {}]\n{ONE}", one("a"), one("b"), one("c")));
    shop.env
        .greffon(["sync"])
        .run()
        .fails(1)
        .says("for a, attempt 1")
        .says("for b, attempt 1")
        .says("the hook `after-sync hooks/h.rhai (2)` of site `one` failed");
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["pending"], serde_json::json!(["after-sync hooks/h.rhai (2)", "after-sync hooks/h.rhai (3)"]));
    let again = shop.env.greffon(["sync"]).run().succeeds().says("for b, attempt 2").says("for c, attempt 2");
    assert!(!again.stderr.contains("for a"), "{}", again.stderr);
}

#[test]
fn hooks_around_resolving_and_fetching_see_what_is_chosen_and_can_stop_it() {
    let shop = shop();
    let hooks = |body: &str| {
        shop.env.write("hooks/h.rhai", "fn told(event) { event.changes.map(|c| `${c.id}@${c.to}`) }\nfn before_resolve(event, host) { log::info(`1 ${told(event)}`); }\nfn after_resolve(event, host) { log::info(`2 ${told(event)}`); }\nfn before_fetch(event, host) { log::info(`3 ${told(event)}`); }\nfn after_fetch(event, host) { log::info(`4 ${told(event)}`); }\n".to_string().replace(&format!("fn {body}(event, host) {{"), &format!("fn {body}(event, host) {{ throw \"not today\";")))
    };
    let moments = ["before-resolve", "after-resolve", "before-fetch", "after-fetch"].map(|moment| format!("{moment} = \"hooks/h.rhai\"\n")).concat();
    shop.manifest(&["ours"], "a = \"*\"", &format!("[hooks]\n{moments}{ONE}"));
    let archives = || shop.files.count("/ours/files/");
    for moment in ["before_resolve", "after_resolve", "before_fetch"] {
        hooks(moment);
        shop.env.greffon(["sync"]).run().fails(1).says("not today").says("h.rhai:");
        assert_eq!(archives(), 0, "{moment}: nothing was fetched");
        assert!(!shop.env.exists("one") && !shop.env.exists("greffon.lock"), "{moment}");
    }
    hooks("after_fetch");
    shop.env.greffon(["sync"]).run().fails(1).says("not today");
    assert!(archives() > 0 && !shop.env.exists("one"));
    hooks("nothing");
    // Nothing is fetched by `lock`, so that only the first two run.
    let locked = shop.env.greffon(["lock"]).run().succeeds().says("h: 1 []").says("h: 2 [");
    assert!(!locked.stderr.contains("h: 3") && !locked.stderr.contains("h: 4"), "{}", locked.stderr);
    let run = shop.env.greffon(["sync"]).run().succeeds();
    let lines: Vec<&str> = run.stderr.lines().filter_map(|line| line.split_once("h: ").map(|(_, text)| text)).collect();
    let told = r#"["plugins/a@1.1.0", "plugins/b@1.0.0"]"#;
    assert_eq!(lines, ["1 []".to_owned(), format!("2 {told}"), format!("3 {told}"), format!("4 {told}")], "{}", run.stderr);
}

#[test]
fn a_misspelt_key_of_an_answer_is_refused_with_the_nearest() {
    let shop = shop();
    for (script, said, near) in [
        ("fn versions(request) { [#{ version: \"1.0\", dependancies: #{} }] }", "there is no key `dependancies`", "`dependencies`"),
        ("fn versions(request) { [#{ version: \"1.0\", info: #{ yankd: \"x\" } }] }", "there is no key `yankd`", "`yanked`"),
        ("fn versions(request) { [#{ version: \"1.0\", inf: (), info: () }] }", "there is no key `inf`", "`version`"),
        (
            "fn versions(request) { [\"1.0\"] }\nfn element_info(request) { #{ download: #{ git: \"https://g.example/x\", ref: \"v1\" } } }",
            "there is no key `ref`",
            "`rev`",
        ),
    ] {
        shop.env.write("repo.rhai", format!("{script}\n"));
        shop.env.write(
            "greffon.toml",
            format!("{INSTALLER}[[config.repositories]]\nname = \"ours\"\nuse = \"script:repo.rhai\"\n[types.plugins]\na = \"*\"\n{ONE}"),
        );
        let run = shop.env.greffon(["lock"]).run().fails(1).says(said);
        assert!(run.stderr.contains(near), "{}", run.stderr);
    }
    shop.env.write("place.rhai", "fn place(request) { #{ path: `plugins/${request.name}`, protects: [\"config\"] } }\n");
    let repository = shop.repository("ours", "");
    shop.env.write("greffon.toml", format!("[config]\ninstaller = \"script:place.rhai\"\n{repository}[types.plugins]\na = \"*\"\n{ONE}"));
    shop.env.greffon(["sync"]).run().fails(1).says("there is no key `protects`").says("did its author mean `protect`?");
    assert!(!shop.env.exists("one/plugins"));
}

#[test]
fn a_misspelt_key_of_a_clients_answer_is_refused_with_the_nearest() {
    let shop = shop();
    let client = |plan: &str, apply: &str| {
        shop.env.write("client.rhai", format!("fn plan(request, host) {{ let p = host.inner.plan(request); {plan} p }}\nfn apply(request, host) {{ let r = host.inner.apply(request); {apply} r }}\n"));
        shop.env.greffon(["sync"]).run()
    };
    let repository = shop.repository("ours", "");
    shop.env.write(
        "greffon.toml",
        format!("{}{repository}[types.plugins]\na = \"*\"\n{ONE}", INSTALLER.replace("[config]\n", "[config]\nclient = \"script:client.rhai\"\n")),
    );
    for (plan, key, near) in [
        ("p.warning = [\"x\"];", "warning", "warnings"),
        ("p.sites[0].note = [\"x\"];", "note", "notes"),
        ("p.sites[0].changes[0].destructiv = true;", "destructiv", "destructive"),
        ("p.sites[0].download_map[0].from_stok = true;", "from_stok", "from_stock"),
    ] {
        let run = client(plan, "").fails(1).says(&format!("there is no key `{key}`"));
        assert!(run.stderr.contains(&format!("`{near}`")), "{}", run.stderr);
        assert!(!shop.env.exists("one/plugins"));
    }
    for (apply, key, near) in [("r.site = [];", "site", "sites"), ("r.sites[0].note = [\"x\"];", "note", "notes"), ("r.sites[0].files.ad = 1;", "ad", "add")] {
        let run = client("", apply).fails(1).says(&format!("there is no key `{key}`"));
        assert!(run.stderr.contains(&format!("`{near}`")), "{}", run.stderr);
        shop.env.greffon(["forget", "one"]).run().succeeds();
        shop.remove("one");
    }
    client("", "").succeeds();
}

#[test]
fn what_an_extension_asks_for_is_granted_on_a_terminal_here_or_in_the_manifest() {
    let shop = shop();
    shop.env.write("hooks/h.rhai", "const NEEDS = #{ env: [\"LANG\"] };\nfn after_sync(event, host) { }\n");
    shop.manifest(&["ours"], "a = \"*\"", &format!("[hooks]\nafter-sync = \"hooks/h.rhai\"\n{ONE}"));
    let before = shop.env.read("greffon.toml");
    let answered = |keys: &str| {
        let mut terminal = Terminal::start(shop.env.greffon(["sync", "-y"]));
        terminal.wait_for("write it into greffon.toml");
        std::thread::sleep(std::time::Duration::from_millis(100));
        terminal.press(keys);
        let (status, text) = terminal.end();
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("see the environment variable `LANG`"), "{text}");
    };
    let allow = || shop.env.greffon(["plan", "--json"]).run().succeeds().json()["extensions"][0]["allow"].clone();
    answered("\r");
    assert_eq!((shop.env.read("greffon.toml"), allow()), (before.clone(), serde_json::json!({})), "return alone is no");
    answered("jj\r");
    let written = format!("{before}\n[extensions.h]\nallow = {{ env = [\"LANG\"] }}\n");
    assert_eq!((shop.env.read("greffon.toml"), allow()), (written, serde_json::json!({ "env": ["LANG"] })));
    shop.env.write("greffon.toml", &before);
    answered("j\r");
    assert_eq!((shop.env.read("greffon.toml"), allow()), (before, serde_json::json!({ "env": ["LANG"] })));
    shop.env.greffon(["trust", "--forget"]).run().succeeds();
    assert_eq!(allow(), serde_json::json!({}));
}

/// The walk-through of extensions/README.md, as it stands there.
#[test]
fn an_in_house_framework_is_served_by_three_short_scripts() {
    let shop = shop();
    let page = include_str!("../extensions/README.md");
    let manifest = page.split("```toml walkthrough\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the manifest of the walk-through");
    for (name, text) in [
        ("repository", include_str!("../extensions/walkthrough/repository.rhai")),
        ("installer", include_str!("../extensions/walkthrough/installer.rhai")),
        ("hook", include_str!("../extensions/walkthrough/hook.rhai")),
    ] {
        shop.env.write(format!("tools/{name}.rhai"), text);
    }
    // The packages of the shop stand in for what a build server publishes.
    let entry = |name: &str, version: &str| {
        let text = std::fs::read_to_string(shop.public("ours").join(format!("elements/plugins/{name}.json"))).expect("an index");
        let index: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let found = index["versions"].as_array().expect("versions").iter().find(|one| one["version"] == version).expect("the version").clone();
        let file = found["download"]["url"].as_str().expect("a url").trim_start_matches("../").to_owned();
        serde_json::json!({ "name": name, "version": version, "file": file.trim_start_matches("../"), "sha256": found["download"]["sha256"] })
    };
    let mut first = entry("a", "1.1.0");
    first["wants"] = serde_json::json!({ "b": "^1" });
    std::fs::write(shop.public("ours").join("modules.json"), serde_json::json!([entry("a", "1.0.0"), first, entry("b", "1.0.0")]).to_string())
        .expect("written");
    let url = shop.files.url("/ours/");
    let host = url.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    shop.env
        .write("greffon.toml", manifest.replace("https://build.example.org/", &url).replace("build.example.org", &host).replace("/srv/intranet", "intranet"));
    let synced = shop.env.greffon(["sync"]).run().succeeds();
    synced.says("2 modules are named in cache/modules.ini");
    assert_eq!(shop.env.read("intranet/cache/modules.ini"), "module[] = a\nmodule[] = b\n");
    assert!(shop.env.exists("intranet/app/modules/a") && shop.env.exists("intranet/app/modules/b"));
    assert!(shop.env.read("greffon.lock").contains("modules/a@1.1.0"));
    // Without the grant nothing is asked, and the line to add is told.
    shop.env.write("greffon.toml", shop.env.read("greffon.toml").replace(&format!("net = [\"{host}\"]"), "net = [\"other.example\"]"));
    shop.env.greffon(["lock", "--refresh"]).run();
    shop.empty_stock();
    shop.remove("greffon.lock");
    shop.env.greffon(["lock"]).run().fails(1).says("may not reach").says("allow = { net");
}
