//! Tests of extensions: what fails is shown with both values, what servers said is recorded once.

use super::support::{FileServer, TestEnvironment};

fn shop(env: &TestEnvironment, test: &str) {
    env.write("shop/extension.toml", "name = \"shop\"\nversion = \"1.0\"\nrole = \"repository\"\nmain = \"shop.rhai\"\nsummary = \"x\"\n");
    env.write(
        "shop/shop.rhai",
        "fn versions(request, host) {\n    let answer = ();\n    try { answer = http::get(`${host.options.url}/${request.name}.json`, #{ auth: secret::get(\"shop\") }); } catch { return (); }\n    if !answer.ok { throw `status ${answer.status}`; }\n    answer.json().versions\n}\n",
    );
    env.write("shop/tests/shop.rhai", test);
}

#[test]
fn a_server_is_asked_once_and_played_back_from_then_on() {
    let env = TestEnvironment::new();
    let server = FileServer::start();
    server.put("/quiz.json", r#"{"versions": ["1.0", "1.1"], "for": "CANARY-KEY-0123456789"}"#);
    let (url, host) = (server.url(""), server.url("").trim_start_matches("http://").to_owned());
    shop(
        &env,
        &format!(
            "fn test_versions(t) {{\n    t.option(\"url\", \"{url}\");\n    t.allow(#{{ net: [\"{host}\"], secret: [\"shop\"] }});\n    t.secret(\"shop\", \"not-the-real-one\");\n    assert::equal(t.ask(\"versions\", #{{ id: \"plugins/quiz\" }}), [\"1.0\", \"1.1\"]);\n}}\n"
        ),
    );
    env.write("greffon.toml", "[config.secrets]\nshop = { file = \"key.txt\" }\n");
    env.write("key.txt", "CANARY-KEY-0123456789");
    std::process::Command::new("chmod").arg("600").arg(env.path("key.txt")).status().expect("chmod");
    // What is not recorded says how to record, also where the script takes the failure for an answer.
    let missing = env.greffon(["extension", "test", "shop"]).run().fails(1);
    missing.says("has no recording of `GET http://127.0.0.1").says("--record").says("t.replies(");
    env.greffon(["extension", "test", "shop", "--record"]).run().succeeds().prints("recorded in");
    let recording = env.read("shop/tests/recordings/shop.versions.json");
    assert!(recording.contains("greffon/recording/1") && recording.contains("{{secret:shop}}"), "{recording}");
    assert!(!recording.contains("CANARY"), "{recording}");
    drop(server);
    env.greffon(["extension", "test", "shop", "--offline"]).run().succeeds().prints("1 test, 0 failed");
    // The broken twin: a recording of something else fails the test.
    env.write("shop/tests/recordings/shop.versions.json", recording.replace("\"1.1\"", "\"9.9\""));
    env.greffon(["extension", "test", "shop"]).run().fails(1).says("at     `[1]`").says("found  \"9.9\"").says("wanted \"1.1\"").says("shop.rhai:5:");
    env.write("shop/tests/recordings/shop.versions.json", "{");
    env.greffon(["extension", "test", "shop"]).run().fails(1).says("cannot be read").says("--record");
}

#[test]
fn what_fails_is_shown_and_counted() {
    let env = TestEnvironment::new();
    shop(
        &env,
        "fn ready(t) { t.option(\"url\", \"https://a.example\"); t.secret(\"shop\", \"key-of-the-shop\"); t.allow(#{ net: [\"a.example\"], secret: [\"shop\"] }); }\n\
         fn test_fine(t) { ready(t); t.replies(\"GET\", \"https://a.example/q.json\", #{ json: #{ versions: [] } }); assert::that(t.ask(\"versions\", #{ id: \"plugins/q\" }).is_empty()); }\n\
         fn test_twice_the_same(t) { ready(t); t.replies(\"GET\", \"https://a.example/q.json\", #{ json: #{ versions: [\"1\", \"1\"] } }); t.ask(\"versions\", #{ id: \"plugins/q\" }); }\n\
         fn test_no_such_thing(t) { t.asks(\"versions\"); }\n\
         fn test_thrown(t) { throw \"not so\"; }\n\
         fn test_wrong_words(t) { ready(t); t.replies(\"GET\", \"https://a.example/q.json\", #{ status: 500 }); assert::contains(t.fails(\"versions\", #{ id: \"plugins/q\" }).message, \"status 404\", \"what it says\"); }\n",
    );
    let run = env.greffon(["extension", "test", "shop"]).run().fails(1);
    let run = run.prints("ok shop: fine").prints("5 tests, 4 failed").prints("FAILED shop: twice the same");
    let run = run.says("the version `1` of plugins/q is listed twice").says("did you mean `t.ask`?").says("the test threw: not so");
    run.says("what it says: the one is not in the other").says("wanted \"status 404\" in it");
    let report = env.greffon(["extension", "test", "shop", "--only", "fine", "--json"]).run().succeeds().json();
    assert_eq!((&report["schema"], &report["passed"], &report["failed"]), (&"greffon/extension-test/1".into(), &1.into(), &0.into()));
    env.greffon(["extension", "test", "shop", "--only", "nothing like it"]).run().fails(1).says("there is no test");
    env.write("shop/tests/shop.rhai", "fn test_x(t, u) { }");
    env.greffon(["extension", "test", "shop"]).run().fails(1).says("has 2 parameters").says("fn test_x(t)");
}

#[test]
fn a_bare_script_has_its_tests_beside_it() {
    let env = TestEnvironment::new();
    env.write(
        "tools/own.rhai",
        "const NEEDS = #{ write: [\"{site}\"] };\nfn after_sync(event, host) { fs::write(\"{site}/x.txt\", `${event.generation}`); }\n",
    );
    env.greffon(["extension", "test", "tools/own.rhai"]).run().fails(1).says("there is no test").says("own.test.rhai");
    env.write("tools/own.test.rhai", "fn test_it_writes(t) { t.ask(\"after_sync\", #{ generation: 7 }); assert::equal(t.read(\"x.txt\"), \"7\"); t.deny(); t.allow(#{ write: [\"{site}/y\"] }); assert::contains(t.fails(\"after_sync\", #{ generation: 7 }).message, \"may not write\"); }\n");
    env.greffon(["extension", "test", "tools/own.rhai"]).run().succeeds().prints("1 test, 0 failed");
}
