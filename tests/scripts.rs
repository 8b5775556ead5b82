//! Scripts on the real binary: every role in a builtin's place, hooks, grants, trust.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use shop::{INSTALLER, Shop};

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
    failed
        .says("installed plugins/a 1.0.0 at plugins/a")
        .says("attempt 1 at 1 with 7")
        .says("the files are in place as generation 1")
        .says("greffon rollback --site one")
        .says("told of:");
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
