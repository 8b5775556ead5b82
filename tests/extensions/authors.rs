//! `greffon extension new|check|run|test|list` through the binary.

use super::support::TestEnvironment;

const ROLES: [&str; 8] = ["repository", "installer", "downloader", "dialogue", "hook", "scheme", "stock", "client"];

#[test]
fn what_is_begun_passes_its_check_and_its_tests_at_once() {
    let env = TestEnvironment::new();
    for role in ROLES {
        let name = format!("my-{role}");
        let made = env.greffon(["extension", "new", &name, "--role", role, "--json"]).run().succeeds().json();
        assert_eq!(made["schema"], "greffon/extension-new/1");
        assert_eq!(made["files"].as_array().map(Vec::len), Some(4));
        let checked = env.greffon(["extension", "check", &name, "--strict", "--json"]).run().succeeds().json();
        assert_eq!((&checked["extensions"][0]["role"], &checked["failed"]), (&role.into(), &false.into()));
        let tested = env.greffon(["extension", "test", &name]).run().succeeds();
        tested.prints("ok ").prints(", 0 failed");
    }
    env.greffon(["extension", "new", "my-hook", "--role", "hook"]).run().fails(1).says("is there already");
    env.greffon(["extension", "new", "x", "--role", "hok"]).run().fails(2);
    env.greffon(["extension", "new", "../a b", "--role", "hook"]).run().fails(2).says("no name for an extension");
    env.greffon(["extension", "new", "later", "--role", "hook", "--dry-run"]).run().succeeds();
    assert!(!env.exists("later"));
}

#[test]
fn a_native_extension_is_begun_as_a_crate_that_is_whole() {
    let env = TestEnvironment::new();
    env.greffon(["extension", "new", "my-layout", "--role", "native"]).run().succeeds();
    let checked = env.greffon(["extension", "check", "my-layout", "--json"]).run().succeeds().json();
    assert_eq!((&checked["extensions"][0]["name"], &checked["extensions"][0]["role"]), (&"my-layout".into(), &"installer".into()));
    // What it holds of greffon's own is what stands in this repository.
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/extensions/native/greffon-extension/src")).expect("the crate").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        assert_eq!(env.read(format!("my-layout/greffon-extension/src/{name}")), std::fs::read_to_string(file.path()).expect("read"), "{name}");
    }
    // The C beginning compiles as it stands.
    let c = env.path("my-layout/c");
    let built = std::process::Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden", "-o", "x.so", "my-layout.c"])
        .current_dir(&c)
        .status()
        .expect("cc runs");
    assert!(built.success());
    // The broken twin: a crate that would take greffon down with it.
    let manifest = env.read("my-layout/Cargo.toml");
    env.write("my-layout/Cargo.toml", format!("{}\n[profile.release]\npanic = \"abort\"\n", manifest.replace("cdylib", "rlib")));
    env.greffon(["extension", "check", "my-layout"]).run().fails(1).says("panic = \"abort\"").says("crate-type");
}

const ABOUT: &str = "name = \"shop\"\nversion = \"1.0\"\nrole = \"repository\"\nmain = \"shop.rhai\"\nsummary = \"x\"\n";

fn faults(script: &str, about: &str) -> (TestEnvironment, String) {
    let env = TestEnvironment::new();
    env.write("shop/extension.toml", format!("{ABOUT}{about}"));
    env.write("shop/shop.rhai", script);
    let run = env.greffon(["extension", "check", "shop"]).run();
    let said = format!("{}\n{}", run.stdout, run.stderr);
    (env, said)
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (script, about, words) in [
        ("fn versions(request, host) {\n    let x = ;\n}", "", &["shop.rhai:2:", "cannot be read"][..]),
        ("fn version(request, host) { () }", "", &["has no function `versions`", "is `version` meant to be it?"]),
        ("fn versions(a, b, c) { () }", "", &["wrong number of parameters", "shop.rhai:1:", "fn versions(request, host)"]),
        ("fn versions(request) {\n    http::gte(\"https://a.example/\")\n}", "", &["there is no function `http::gte`", "shop.rhai:2:5", "did you mean `get`?"]),
        ("fn versions(request) {\n    htp::get(\"x\")\n}", "", &["there is no module `htp`", "did you mean `http`?"]),
        ("fn versions(request) {\n    http::get()\n}", "", &["`http::get` is given 0 values", "`http::get(url, options) -> answer`"]),
        ("fn versions(request) { helper(1) }\nfn helper(a, b) { a }", "", &["`helper` is given 1 value", "it takes 2"]),
        ("fn versions(request) { hepler(1) }\nfn helper(a) { a }", "", &["there is no function `hepler`", "did you mean `helper`?"]),
        ("fn versions(request) { nowhere }", "", &["cannot be read", "nowhere"]),
        ("fn versions(request) { () }\nfn serach(request) { [] }", "", &["warning: nothing calls the function `serach`", "is `search` meant?"]),
        (
            "fn versions(request) {\n    http::get(\"https://b.example/x\");\n    ()\n}",
            "needs = { net = [\"a.example\"] }",
            &["warning: it wants to reach `b.example`, and `needs` does not say so", "shop.rhai:2:", "net = [\"a.example\", \"b.example\"]"],
        ),
        ("fn versions(request) { () }", "needs = { run = [\"php\"] }", &["warning: it asks to run `php`, and uses nothing that needs it"]),
        ("fn versions(request) { process::run([\"php\"]); () }", "", &["whoever uses it writes `allow = { run = [\"…\"] }`"]),
        ("fn versions(request) { () }", "limits = { second = 1 }", &["did you mean `seconds`?"]),
        ("fn versions(request) { () }", "optional = [\"scret\"]", &["names `scret`, which is no sort of grant", "did you mean `secret`?"]),
        ("fn versions(request) { () }", "sumary = \"x\"", &["there is no key `sumary`", "did you mean `summary`?"]),
    ] {
        let (_env, said) = faults(script, about);
        for word in words {
            assert!(said.contains(word), "{script}\n{about}\nlacks {word:?}:\n{said}");
        }
    }
    // And what is right is found to be right: strings, comments, closures, imports.
    let (_env, said) = faults(
        "import \"lib/more\" as more;\n// nosuch(1)\nfn versions(request, host) {\n    let text = `nosuch(${more::twice(\"a)\")})`;\n    let list = [3, 1];\n    list.sort(|a, b| a - b);\n    list.map(|one| helper(one, #{ a: [1, 2] }));\n    ()\n}\nfn helper(a, b) { a }",
        "",
    );
    assert!(said.contains("fine shop") || said.contains("lib/more"), "{said}");
}

#[test]
fn warnings_fail_where_strictness_is_asked() {
    let (env, said) = faults("fn versions(request) { () }", "needs = { run = [\"php\"] }");
    assert!(said.contains("fine shop") && said.contains("1 warning"), "{said}");
    env.greffon(["extension", "check", "shop"]).run().succeeds();
    let report = env.greffon(["extension", "check", "shop", "--strict", "--json"]).run().fails(1).json();
    assert_eq!(report["extensions"][0]["problems"][0]["severity"], "warning");
    env.greffon(["extension", "check", "nosuch"]).run().fails(1).says("there is no extension `nosuch`");
}

#[test]
fn a_function_is_tried_with_its_calls_shown_and_its_secrets_hidden() {
    let env = TestEnvironment::new();
    let server = super::support::FileServer::start();
    server.put("/plugins/quiz.json", r#"{"versions": ["1.0"]}"#);
    env.write(
        "shop/shop.rhai",
        "fn versions(request, host) {\n    let key = secret::get(\"shop\");\n    let answer = http::get(`${host.options.url}/plugins/${request.name}.json`, #{ headers: #{ \"X-Key\": key } });\n    log::info(`asked with ${key}`);\n    answer.json().versions\n}\n",
    );
    env.write("shop/extension.toml", ABOUT);
    env.write("greffon.toml", "[config.secrets]\nshop = { file = \"key.txt\" }\n");
    env.write("key.txt", "CANARY-KEY-0123456789");
    std::process::Command::new("chmod").arg("600").arg(env.path("key.txt")).status().expect("chmod");
    let host = server.url("").trim_start_matches("http://").to_owned();
    let url = format!("url={}", server.url(""));
    let run = |allow: &[&str]| {
        let words = ["extension", "run", "shop", "versions", "{\"id\": \"plugins/quiz\"}", "--option", &url];
        env.greffon(words.into_iter().chain(allow.iter().flat_map(|grant| ["--allow", grant])))
    };
    let net = format!("net={host}");
    let tried = run(&[&net, "secret=shop"]).run().succeeds();
    assert_eq!(tried.stdout, "[\n  \"1.0\"\n]\n");
    assert!(tried.stderr.contains("line 2: secret::get(\"shop\") → \"***\""), "{}", tried.stderr);
    assert!(tried.stderr.contains("\"X-Key\":\"***\""), "{}", tried.stderr);
    assert!(!format!("{}{}", tried.stdout, tried.stderr).contains("CANARY"), "{}", tried.stderr);
    let told = env
        .greffon(["extension", "run", "shop", "versions", "{\"id\": \"plugins/quiz\"}", "--option", &url, "--allow", &net, "--allow", "secret=shop", "--json"])
        .run()
        .succeeds();
    assert!(!told.stdout.contains("CANARY"));
    assert_eq!(told.json()["calls"][1]["function"], "http::get");
    // Nothing is granted by default.
    run(&[]).run().fails(1).says("allow = { secret");
    run(&["secret=shop"]).run().fails(1).says("allow = { net");
    let refused = run(&["secret=shop", "net=other.example"]).run().fails(1);
    refused.says("may not reach").says("shop.rhai:3:");
    run(&["everything"]).run().fails(2).says("`--allow everything` means nothing");
    env.greffon(["extension", "run", "shop", "nosuch"]).run().fails(2).says("has no function `nosuch`").says("`versions`");
    env.greffon(["extension", "run", "shop", "versions", "{oops"]).run().fails(2).says("is no JSON");
}

#[test]
fn what_is_used_and_installed_is_listed_with_what_it_may() {
    let env = TestEnvironment::new();
    env.greffon(["extension", "list"]).run().succeeds().prints("no extension is used or installed here");
    env.write(
        "extensions/told/extension.toml",
        "name = \"told\"\nversion = \"2.1\"\nrole = \"hook\"\nmain = \"told.rhai\"\nneeds = { net = [\"a.example\"] }\n",
    );
    env.write("extensions/told/told.rhai", "fn after_sync(event) { http::get(\"https://a.example/\"); }");
    env.write("extensions/idle/extension.toml", "name = \"idle\"\nrole = \"scheme\"\nmain = \"idle.rhai\"\n");
    env.write("extensions/idle/idle.rhai", "fn key(request) { request.version }");
    env.write("lib/liblayout.so", "no library");
    env.write(
        "greffon.toml",
        "[config]\ninstaller = { use = \"native:lib/liblayout.so\", trust = \"native\", sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\" }\n[hooks]\nafter-sync = [\"extension:told\", { use = \"hooks/own.rhai\", allow = { run = [\"php\"] } }]\n",
    );
    env.write("hooks/own.rhai", "fn after_sync(event) { process::run([\"php\"]); }");
    let report = env.greffon(["extension", "list", "--json"]).run().succeeds().json();
    assert_eq!((&report["schema"], &report["trusted"]), (&"greffon/extension-list/1".into(), &false.into()));
    let names: Vec<&str> = report["extensions"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["own", "told", "idle"]);
    let told = &report["extensions"][1];
    assert_eq!((&told["version"], &told["source"], &told["trust"]), (&"2.1".into(), &"manifest".into(), &"local".into()));
    assert_eq!(told["missing"], serde_json::json!({ "net": ["a.example"] }));
    assert!(told["hash"].as_str().is_some_and(|hash| hash.starts_with("sha256:")));
    assert_eq!(report["extensions"][0]["allow"], serde_json::json!({ "run": ["php"] }));
    assert_eq!(report["libraries"][0]["trusted"], true);
    let page = env.greffon(["extension", "list"]).run().succeeds();
    let page = page.prints("library liblayout.so (installer) may: whatever you may; not loaded: it is not the one that was pinned");
    page.prints("idle -  scheme, beside the manifest, not used here").prints("asks for more: reach `a.example`").prints("greffon trust");
    // `trust` lists libraries too, and so does what it would do.
    let trust = env.greffon(["trust", "--dry-run", "--json"]).run().succeeds().json();
    assert_eq!((&trust["libraries"][0]["name"], &trust["libraries"][0]["role"]), (&"liblayout.so".into(), &"installer".into()));
}
