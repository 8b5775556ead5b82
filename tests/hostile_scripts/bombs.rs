//! Work, memory and depth without end.

use super::stage::{Case, Serves, Stage, hook, script};

const TIME: &str = "`operations`|`seconds`";
const SIZE: &str = "`items`|`text`|`memory`|`seconds`|`operations`";

fn loops() -> Vec<Case> {
    vec![
        // First: what is in stock once is not downloaded again.
        script(Serves::Downloader, "a downloader without end", "fn download(request, host) { host.inner.download(request); loop { } }", &["h.rhai:1:", TIME]),
        hook("an empty loop", "loop { }", &["h.rhai:1:", TIME]),
        hook("a loop that does something", "let x = 0; while true { x = (x + 1) % 7; }", &["h.rhai:", TIME]),
        hook("a loop in a loop", "let x = 0; for a in 0..1000000000 { for b in 0..1000000000 { x ^= b; } }", &["h.rhai:", TIME]),
        hook("a loop that catches its end", "loop { try { loop { } } catch { } }", &["h.rhai:", TIME]),
        hook("a comparison without end", "let a = [3, 1, 2]; a.sort(|x, y| { loop { } });", &["h.rhai:", TIME]),
        hook("a filter without end", "[1].filter(|x| { loop { } });", &["h.rhai:", TIME]),
        hook("a flood of lines", "loop { print(\"x\"); debug(\"y\"); }", &["h.rhai:", TIME]),
        hook("sleep", "sleep(1000);", &["h.rhai:2:", "cannot sleep"]),
        hook("sleep in parts", "sleep(0.5); sleep(1000.0);", &["h.rhai:2:", "cannot sleep"]),
        hook("sleep that is caught", "loop { try { sleep(1000); } catch { } }", &["h.rhai:", TIME]),
        script(Serves::Repository, "a repository without end", "fn versions(request) { loop { } }", &["h.rhai:1:", TIME]),
        script(Serves::Installer, "an installer without end", "fn place(request) {\n  while true { }\n}", &["h.rhai:1:", TIME]),
        script(Serves::Scheme, "a scheme without end", "fn key(text) { loop { } }", &["h.rhai", TIME]),
        script(Serves::Client, "a client without end", "fn plan(request, host) { loop { } }", &["h.rhai:1:", TIME]),
    ]
}

fn sizes() -> Vec<Case> {
    vec![
        hook("a text that doubles", "let a = \"x\"; loop { a += a; }", &["h.rhai:", "`text`"]),
        hook("a text that is padded", "let a = \"\"; a.pad(1000000000, \"x\");", &["h.rhai:", SIZE]),
        hook("a list that grows", "let a = []; loop { a.push(0); }", &["h.rhai:", SIZE]),
        hook("a list that doubles", "let a = [0]; loop { a += a; }", &["h.rhai:", "`items`"]),
        hook("a list that is padded", "let a = []; a.pad(1000000000, 0);", &["h.rhai:", SIZE]),
        hook("lists in lists", "let a = [0]; loop { a = [a, a]; }", &["h.rhai:", SIZE]),
        hook("a list in itself", "let a = [0]; loop { a.push(a); }", &["h.rhai:", SIZE]),
        hook(
            "a list as deep as it goes",
            "let a = []; for i in 0..15000 { a = [a]; } log::info(json::text(a));",
            &["h.rhai:", "deep|nested|`seconds`|`items`|`levels`"],
        ),
        hook("an answer as deep as it goes", "let a = \"[\"; a.pad(100000, \"[\"); json::parse(a);", &["h.rhai:2:", "recursion limit"]),
        hook("bytes without end", "blob(1000000000, 0);", &["h.rhai:", SIZE]),
        hook("bytes that grow", "let b = blob(1000, 1); loop { b += b; }", &["h.rhai:", SIZE]),
        hook("a map that grows", "let m = #{}; let i = 0; loop { m[`k${i}`] = i; i += 1; }", &["h.rhai:", SIZE]),
        hook(
            "a map of large texts",
            "let s = \"x\"; for i in 0..21 { s += s; }\nlet m = #{}; let i = 0; loop { m[`k${i}`] = s + i; i += 1; }",
            &["h.rhai:", SIZE],
        ),
        hook("a list of large texts", "let s = \"x\"; for i in 0..21 { s += s; }\nlet l = []; loop { l.push(s + l.len()); }", &["h.rhai:", SIZE]),
        hook("a text in letters", "let s = \"x\"; for i in 0..21 { s += s; }\ns.split(\"\");", &["h.rhai:", SIZE]),
        hook("a text replaced by a longer one", "let s = \"x\"; for i in 0..21 { s += s; }\ns.replace(\"x\", s);", &["h.rhai:", SIZE]),
    ]
}

fn depths() -> Vec<Case> {
    let deep = format!("let x = {}1{};", "(".repeat(5000), ")".repeat(5000));
    let blocks = format!("{}{}", "if true {".repeat(2000), "}".repeat(2000));
    vec![
        script(Serves::Repository, "a function that calls itself", "fn r(n) { r(n + 1) }\nfn versions(request) { r(0) }", &["h.rhai:", "`levels`"]),
        script(Serves::Repository, "two that call each other", "fn a() { b() }\nfn b() { a() }\nfn versions(request) { a() }", &["h.rhai:", "`levels`"]),
        script(Serves::Repository, "by a name", "fn a() { Fn(\"a\").call() }\nfn versions(request) { a() }", &["h.rhai:", "`levels`"]),
        script(
            Serves::Repository,
            "by a closure in a map",
            "fn a(f) { f.call(f) }\nfn versions(request) { let f = |g| g.call(g); a(f) }",
            &["h.rhai:", "`levels`"],
        ),
        script(
            Serves::Repository,
            "that catches its end",
            "fn r() { try { r(); } catch { r(); } }\nfn versions(request) { r() }",
            &["h.rhai:", "`levels`|`seconds`|`operations`"],
        ),
        hook("an expression as deep as it goes", deep, &["h.rhai:2:", "cannot be read"]),
        hook("blocks as deep as they go", blocks, &["h.rhai:", "cannot be read"]),
        script(
            Serves::Repository,
            "too many functions",
            (0..400).map(|i| format!("fn f{i}() {{ }}\n")).collect::<String>() + "fn versions(request) { () }",
            &["h.rhai:", "cannot be read"],
        ),
        script(Serves::Repository, "a script of 2 MB", format!("// {}\nfn versions(request) {{ () }}\n", "x".repeat(2 << 20)), &["h.rhai", "large|long|bytes"]),
    ]
}

#[test]
fn loops_end() {
    let cases = loops();
    assert!(cases.len() >= 15);
    Stage::new().all(&cases);
}

#[test]
fn sizes_are_bounded() {
    Stage::new().all(&sizes());
}

#[test]
fn depths_are_bounded() {
    Stage::new().all(&depths());
}
