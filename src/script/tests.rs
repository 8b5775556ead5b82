//! Scripts loaded and called: what works, what is told, what is stopped.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::*;
use crate::diagnostic::render;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::roles::wire::Role;
use crate::roles::wire::repository::{ServedRepository, WiredRepository};
use crate::roles::{ElementInfoRequest, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};

struct Ground(tempfile::TempDir);

impl Ground {
    fn new(files: &[(&str, &str)]) -> Self {
        let ground = Self(tempfile::tempdir().expect("a folder"));
        for (name, text) in files {
            let path = ground.0.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        ground
    }

    fn load(&self, path: &str, role: Role, grants: Grants, limits: Limits) -> Result<Instance> {
        let source = Source::read(&self.0.path().join(path))?;
        let allowed = Allowed {
            name: source.name.clone(),
            grants,
            base: self.0.path().to_owned(),
            extension: source.folder.clone(),
            site: None,
            own_read: vec![],
            own_write: vec![],
        };
        let script = Script::load(source, role, false, allowed, limits)?;
        Ok(Instance::new(script, role, Facts { name: "ours".into(), role: role.word().into(), options: Map::new(), ..Facts::default() }, None))
    }
}

fn hook(text: &str) -> Result<Instance> {
    Ground::new(&[("x.rhai", text)]).load("x.rhai", Role::Hook, Grants::default(), Limits::default())
}

fn run(body: &str) -> Result<Value> {
    hook(&format!("fn after_sync(event, host) {{ {body} }}"))?.ask(&Context::silent(), "after_sync", json!({ "id": "plugins/a" }))
}

fn refused(body: &str) -> String {
    let error = run(body).expect_err(body);
    shown(&error)
}

fn shown(error: &Error) -> String {
    render(error, false, 120)
}

#[test]
fn a_function_gets_plain_values_and_gives_some() {
    let answer = run("#{ id: event.id, kind: event.type, name: event.name, list: [1, 2.5, true, ()], attempt: host.attempt }").expect("it works");
    assert_eq!(answer, json!({ "id": "plugins/a", "kind": "plugins", "name": "a", "list": [1, 2.5, true, null], "attempt": 0 }));
    assert_eq!(run("version::newest(\"3m\", [\"1.9\", \"1.10\"])").expect("it works"), json!("1.10"));
    assert_eq!(run("json::parse(\"{\\\"a\\\": [1]}\").a[0]").expect("it works"), json!(1));
}

#[test]
fn constants_and_imports_are_seen() {
    let ground = Ground::new(&[
        ("ext/extension.toml", "name = \"two\"\nmain = \"main.rhai\"\n"),
        ("ext/main.rhai", "import \"lib/more\" as more;\nconst BASE = \"b\";\nfn after_sync(event, host) { more::twice(global::BASE) }"),
        ("ext/lib/more.rhai", "fn twice(x) { helper(x) + x }\nfn helper(x) { x }"),
    ]);
    let two = ground.load("ext", Role::Hook, Grants::default(), Limits::default()).expect("it loads");
    for _ in 0..2 {
        assert_eq!(two.ask(&Context::silent(), "after_sync", json!({})).expect("it works"), json!("bb"));
    }
    let bare = Ground::new(&[("x.rhai", "import \"y\" as y;\nfn after_sync(e) { y::f() }"), ("y.rhai", "fn f() { 7 }")]);
    let bare = bare.load("x.rhai", Role::Hook, Grants::default(), Limits::default()).expect("it loads");
    assert_eq!(bare.ask(&Context::silent(), "after_sync", json!({})).expect("it works"), json!(7));
}

#[test]
fn nothing_outside_the_folder_is_imported() {
    let ground = Ground::new(&[("in/x.rhai", ""), ("secret.rhai", "fn f() { 7 }")]);
    std::os::unix::fs::symlink("../secret.rhai", ground.0.path().join("in/link.rhai")).expect("linked");
    let absolute = ground.0.path().join("secret");
    for import in ["../secret", "./../secret", &absolute.to_string_lossy(), "link", "sub/../../secret"] {
        std::fs::write(ground.0.path().join("in/x.rhai"), format!("import \"{import}\" as y;\nfn after_sync(e) {{ y::f() }}")).expect("written");
        let outcome = ground.load("in/x.rhai", Role::Hook, Grants::default(), Limits::default());
        let error = outcome.and_then(|hook| hook.ask(&Context::silent(), "after_sync", json!({}))).expect_err(import);
        assert!(shown(&error).contains("cannot be imported"), "{}", shown(&error));
    }
    let cycle = Ground::new(&[("x.rhai", "import \"y\" as y;\nfn after_sync(e) { 1 }"), ("y.rhai", "import \"z\" as z;"), ("z.rhai", "import \"y\" as y;")]);
    let cycle = cycle.load("x.rhai", Role::Hook, Grants::default(), Limits::default()).expect("it loads");
    let error = cycle.ask(&Context::silent(), "after_sync", json!({})).expect_err("a cycle");
    assert!(shown(&error).contains("imports itself"), "{}", shown(&error));
}

#[test]
fn budgets_stop_and_are_named_with_the_line() {
    let cases = [
        ("loop { }", "operations"),
        ("try { loop { } } catch (e) { return 1; }", "operations"),
        ("let a = []; loop { a.push(1); }", "items"),
        ("let a = \"x\"; loop { a += a; }", "text"),
        ("fn f(n) { f(n + 1) } f(0)", "levels"),
    ];
    for (body, budget) in cases {
        let begun = Instant::now();
        let text = match body.strip_prefix("fn f(n) { f(n + 1) } ") {
            Some(body) => refused_text(&format!("fn f(n) {{ f(n + 1) }}\nfn after_sync(event, host) {{ {body} }}")),
            None => refused(body),
        };
        assert!(text.contains(&format!("`{budget}`")) && text.contains("x.rhai:"), "{body}: {text}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{body}: {:?}", begun.elapsed());
    }
    // Each step copies what is there: time is up before the list is too deep, or the other way round.
    let text = refused("let a = []; loop { a = [a]; }");
    assert!(text.contains("was stopped") && text.contains("x.rhai:"), "{text}");
    let quick = Limits { seconds: 1, operations: u64::MAX, ..Limits::default() };
    let ground = Ground::new(&[("x.rhai", "fn after_sync(event, host) { loop { } }")]);
    let slow = ground.load("x.rhai", Role::Hook, Grants::default(), quick).expect("it loads");
    let begun = Instant::now();
    let text = shown(&slow.ask(&Context::silent(), "after_sync", json!({})).expect_err("endless"));
    assert!(text.contains("`seconds`") && begun.elapsed() < Duration::from_secs(30), "{text}");
}

fn refused_text(text: &str) -> String {
    shown(&hook(text).and_then(|hook| hook.ask(&Context::silent(), "after_sync", json!({}))).expect_err(text))
}

#[test]
fn memory_is_a_budget() {
    let ground = Ground::new(&[(
        "x.rhai",
        "fn hold(n) { let a = \"\"; a.pad(4000000, \"x\"); let b = \"\"; b.pad(4000000, \"y\"); let c = \"\"; c.pad(4000000, \"y\"); hold(n + 1) }\nfn after_sync(e) { hold(0) }",
    )]);
    // Time is no matter here, however busy the machine is.
    let limits = Limits { memory: 64 << 20, seconds: 3600, ..Limits::default() };
    let bomb = ground.load("x.rhai", Role::Hook, Grants::default(), limits).expect("it loads");
    let text = shown(&bomb.ask(&Context::silent(), "after_sync", json!({})).expect_err("a bomb"));
    assert!(text.contains("`memory`"), "{text}");
}

#[test]
fn what_scripts_must_not_have_is_not_there() {
    for body in [
        "eval(\"1\")",
        "sleep(100)",
        "sleep(0.5)",
        "http::get(\"http://x/\")",
        "fs::read(\"/etc/passwd\")",
        "import \"os\" as os;",
        "undefined_name",
        "exit(1); 2",
        "host.inner.versions(event)",
    ] {
        let begun = Instant::now();
        let outcome = run(body);
        assert!(outcome.is_err() || outcome.as_ref().is_ok_and(|value| *value == json!(1)), "{body}: {outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn errors_show_the_lines_and_the_calls_that_led_there() {
    let text = refused_text("fn after_sync(event, host) {\n    let u = `ü`; deeper(event)\n}\n\nfn deeper(event) {\n    event.nothing.at_all\n}\n");
    assert!(text.contains("x.rhai:6:11") && text.contains("x.rhai:2:") && text.contains("called here"), "{text}");
    let thrown = run("throw #{ kind: \"denied\", message: \"the licence expired on 2026-01-01\", hint: \"renew it\" }").expect_err("thrown");
    assert_eq!((thrown.kind(), thrown.message()), (ErrorKind::Denied, "the licence expired on 2026-01-01"));
    assert!(shown(&thrown).contains("hint: renew it"), "{}", shown(&thrown));
    assert!(refused("throw \"no\"").contains("failed in `after_sync`: no"));
    // A host function's error comes back whole, or is caught.
    assert!(refused("version::compare(\"semvar\", \"1\", \"2\")").contains("did you mean `semver`?"));
    assert_eq!(run("try { json::parse(\"{\") } catch (e) { return e.kind; }").expect("caught"), json!("invalid"));
    let text = refused_text("fn after_sync(event, host) {\n    let x = ;\n}\n");
    assert!(text.contains("x.rhai:2:13"), "{text}");
}

#[test]
fn functions_are_checked_when_it_loads() {
    let bad = |text: &str, role: Role| shown(&Ground::new(&[("x.rhai", text)]).load("x.rhai", role, Grants::default(), Limits::default()).expect_err(text));
    let text = bad("fn versions(a, b, c) { }", Role::Repository);
    assert!(text.contains("wrong number of parameters") && text.contains("x.rhai:1:1"), "{text}");
    let text = bad("fn version(request) { }", Role::Repository);
    assert!(text.contains("has no function `versions`") && text.contains("is `version` meant"), "{text}");
    assert!(bad("fn nothing() { }", Role::Hook).contains("none of a hook's functions"));
    assert!(bad("private fn place(request) { \"x\" }", Role::Installer).contains("has no function `place`"));
    let needs = Ground::new(&[("x.rhai", "const NEEDS = #{ net: [\"a.example\"], run: [\"php\"] };\nfn after_sync(e) { run_away() }")]);
    let source = Source::read(&needs.0.path().join("x.rhai")).expect("it is read");
    assert_eq!(source.needs.line(), "{ net = [\"a.example\"], run = [\"php\"] }");
    assert!(Source::read(Path::new("/nowhere/x.rhai")).expect_err("nothing there").message().contains("there is no script"));
}

#[derive(Debug)]
struct Shelf;
impl Repository for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }
    fn versions(&self, _: &Context, request: &VersionsRequest) -> Result<Versions> {
        let entry = |version: &str| crate::roles::VersionEntry { version: version.into(), info: None };
        Ok(if request.id.name() == "a" { Versions::Known(vec![entry("1.0"), entry("2.0-beta")]) } else { Versions::Unknown })
    }
    fn element_info(&self, _: &Context, request: &ElementInfoRequest) -> Result<Option<crate::model::ElementInfo>> {
        Ok(Some(crate::model::ElementInfo::bare(request.id.clone(), request.version.clone())))
    }
    fn search(&self, _: &Context, _: &SearchRequest) -> Result<Vec<SearchHit>> {
        Ok(vec![])
    }
}

#[test]
fn a_script_may_change_what_an_inner_role_answers() {
    let ground = Ground::new(&[(
        "x.rhai",
        "fn versions(request, host) {\n  let all = host.inner.versions(request);\n  if all == () { return (); }\n  all.filter(|entry| !entry.version.contains(\"beta\"))\n}",
    )]);
    let plain = ground.load("x.rhai", Role::Repository, Grants::default(), Limits::default()).expect("it loads");
    let inner = Arc::new(ServedRepository(Arc::new(Shelf)));
    let instance = Instance::new(Arc::clone(plain.script()), Role::Repository, Facts::default(), Some(inner));
    let repository = WiredRepository::new("ours", false, Arc::new(instance), Some(Arc::new(Shelf)));
    let ask = |id: &str| repository.versions(&Context::silent(), &VersionsRequest { id: id.parse().expect("an id") }).expect("an answer");
    let Versions::Known(list) = ask("plugins/a") else { panic!("known") };
    assert_eq!(list.iter().map(|entry| entry.version.as_str()).collect::<Vec<_>>(), ["1.0"]);
    assert_eq!(ask("plugins/b"), Versions::Unknown);
}

#[test]
fn a_call_costs_microseconds() {
    let hook = hook("fn after_sync(event, host) { event.id }").expect("it loads");
    let cx = Context::silent();
    let request = json!({ "id": "plugins/a", "list": [1, 2, 3], "map": { "a": "b" } });
    let begun = Instant::now();
    for _ in 0..1_000 {
        hook.ask(&cx, "after_sync", request.clone()).expect("it works");
    }
    let each = begun.elapsed() / 1_000;
    println!("a call: {each:?}");
    assert!(each < Duration::from_millis(20), "{each:?}");
}

#[test]
fn a_scheme_is_a_script_with_keys() {
    use crate::version::Scheme as _;
    let text = "fn key(request) {\n  let parts = request.version.split(\"-r\");\n  if parts.len() != 2 { throw `a version is NAME-rNUMBER`; }\n  [parts[0], parse_int(parts[1])]\n}\nfn matches(request) { request.version.starts_with(request.requirement) }\n";
    let script = Ground::new(&[("x.rhai", text)]).load("x.rhai", Role::Scheme, Grants::default(), Limits::default()).expect("it loads");
    let scheme = ScriptScheme::new("script:x.rhai", script, Context::silent());
    assert!(scheme.compare(&"a-r10".into(), &"a-r9".into()).is_gt() && scheme.compare(&"a-r10".into(), &"b-r1".into()).is_lt());
    assert!(scheme.check(&"nothing".into()).expect_err("no version").message().contains("NAME-rNUMBER"));
    let matches = |requirement: &str, version: &str| scheme.requirement(&requirement.into()).expect(requirement).matches(&version.into());
    assert!(
        matches("a", "a-r3")
            && !matches("a", "b-r3")
            && matches(">=a-r3, <b-r0 || =c-r1", "a-r11")
            && matches("*", "z-r0")
            && matches(">=a-r3 || =c-r1", "c-r1")
    );
    assert!(!matches("*", "nothing") && scheme.requirement(&">=nothing".into()).is_err());
}
