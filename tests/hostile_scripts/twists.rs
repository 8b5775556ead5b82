//! The language against itself: depth through callbacks, functions that carry functions, functions by their names, imports that are none.

use super::stage::{Case, Serves, Stage, each, hook, script};

const OVER: &str = "`seconds`|`waiting`|`memory`|`operations`|`text`|`items`|`levels`";

fn depths() -> Vec<Case> {
    let through = |name, text: &str| {
        script(Serves::Repository, name, format!("{text}\nfn versions(request) {{\n down(0) }}\n"), &["h.rhai:", "`levels`|`seconds`|`operations`"])
    };
    vec![
        through("through a document's parts", "fn down(n) { json::doc(\"[1]\").each(|x| down(n + 1)) }"),
        through("through an element's parts", "fn down(n) { xml::parse(\"<a><b/></a>\").each(\"b\", |x| down(n + 1)) }"),
        through("through a page's parts", "fn down(n) { html::parse(\"<p>x\").each(\"p\", |x| down(n + 1)) }"),
        script(
            Serves::Repository,
            "through a comparison, whose failure Rhai lets go",
            "fn down(n) { let a = [2, 1, 3]; a.sort(|x, y| { down(n + 1); 0 }); }\nfn versions(request) {\n down(0) }",
            &["h.rhai:|plugins/a"],
        ),
        through("through a filter", "fn down(n) { [1].filter(|x| { down(n + 1); true }).map(|x| down(n + 1)) }"),
        through("through a name that is made", "fn down(n) { let f = Fn(\"do\" + \"wn\"); f.call(n + 1) }"),
        through("through what a function carries", "fn down(n) { let f = Fn(\"down\").curry(n + 1); f.call() }"),
        through("through a function that is called in place", "fn down(n) { let f = |g, m| { if m > -1 { g.call(g, m + 1) } }; f.call(f, n) }"),
        through("through a map's function", "fn down(n) { let o = #{ f: |m| down(m + 1) }; o.f(n) }"),
        through("through reduce and some", "fn down(n) { [1, 2].reduce(|sum, v| { [3].some(|x| down(n + 1)); sum }, 0) }"),
    ]
}

fn carried() -> Vec<Case> {
    vec![
        hook("a function that carries ever more", "let f = |a| a; loop { f = f.curry(1); }", &["h.rhai:", OVER]),
        script(
            Serves::Repository,
            "functions within functions",
            "fn keep(f) { || f }\nfn versions(request) {\n let f = 1; loop { f = keep(f); } }",
            &["h.rhai:", OVER],
        ),
        script(
            Serves::Repository,
            "functions within functions, let go of at once",
            "fn keep(f) { || f }\nfn versions(request) {\n let f = 1; for i in 0..600000 { f = keep(f); }\n f = 0; () }",
            &["h.rhai|plugins/a"],
        ),
        script(
            Serves::Repository,
            "functions within functions, shown",
            "fn keep(f) { || f }\nfn versions(request) {\n let f = 1; for i in 0..300000 { f = keep(f); }\n debug(f); throw `${f}`; }",
            &["h.rhai"],
        ),
        script(
            Serves::Repository,
            "functions within functions, as an answer",
            "fn keep(f) { || f }\nfn versions(request) {\n let f = 1; for i in 0..300000 { f = keep(f); }\n [f] }",
            &["h.rhai|the extension `h`"],
        ),
        script(
            Serves::Repository,
            "functions within functions, given to the host",
            "fn keep(f) { || f }\nfn versions(request) {\n let f = 1; for i in 0..300000 { f = keep(f); }\n json::text(f); }",
            &["h.rhai"],
        ),
        hook("a list that holds itself by a function", "let a = [1]; let f = || a; loop { a.push(f); f = || a; }", &["h.rhai:"]),
    ]
}

fn names() -> Vec<Case> {
    let hidden: Vec<String> = [
        "fs::read",
        "http::get",
        "process::run",
        "secret::get",
        "env::get",
        "anon$0",
        "get$status",
        "set$status",
        "index$get$",
        "on_failure",
        "no_such",
        "",
        "global::x",
        "host",
        "print\0",
        "before sync",
    ]
    .map(String::from)
    .to_vec();
    vec![
        hook(
            "functions by their names",
            each(&hidden, "Fn(it).call(\"../private.txt\")", &["unction", "name", "not found", "ot granted", "allow", "identifier", "ismatch"]),
            &["through: []"],
        ),
        hook("sleep by a name", "Fn(\"sleep\").call(1000);", &["h.rhai:", "cannot sleep"]),
        hook("a module of its own making", "let fs = #{ read: |p| \"x\" }; let process = 7; throw fs::read(\"../private.txt\");", &["h.rhai:2:", "fs"]),
        script(
            Serves::Repository,
            "the host's functions, once more",
            "fn sleep(n) { }\nfn trimmed(t) { t }\nfn to_string(x) { \"x\" }\nfn replace(a, b, c) { a }\nfn versions(request) {\n sleep(1000); throw `${process::run([\"id\"])}`; }",
            &["h.rhai:6:", "process"],
        ),
        script(
            Serves::Repository,
            "a function of the host's name",
            "fn read(p) { \"x\" }\nfn versions(request) { fs::read(\"../private.txt\") }",
            &["h.rhai:2:", "fs"],
        ),
    ]
}

fn imports() -> Vec<Case> {
    let paths: Vec<String> = [
        "..\\..\\outside\\secret",
        "．．/outside/secret",
        "%2e%2e/%2e%2e/outside/secret",
        "./../../outside/secret",
        "h.rhai/../../../outside/secret",
        "lib/../../../outside/secret",
        "file:///etc/passwd",
        "http://127.0.0.1/x",
        "//outside/secret",
        "~/x",
        "/proc/self/cwd/x",
        "{extension}/../private",
        "",
        ".",
        "./",
        "\u{0}",
        "h\u{0}.rhai",
        "H",
        "h ",
    ]
    .map(String::from)
    .to_vec();
    vec![
        hook(
            "imports by odd names",
            each(&paths, "try { import it as s; s::stolen(); } catch (x) { throw #{ message: `${x}` } }", &["its own folder only", "no such script"]),
            &["through: []"],
        ),
        hook("imports without end", "loop { try { import \"h\" as h; } catch { } }", &["h.rhai:", OVER]),
        hook("an import that takes a module's place", "import \"h\" as fs; throw fs::read(\"../private.txt\");", &["h.rhai:"]),
    ]
}

#[test]
fn callbacks_are_no_way_down() {
    Stage::new().all(&depths());
}

#[test]
fn what_functions_carry_is_bounded() {
    Stage::new().all(&carried());
}

#[test]
fn names_lead_to_nothing_that_is_not_granted() {
    Stage::new().all(&names());
}

#[test]
fn imports_come_from_the_scripts_own_folder_whatever_they_are_called() {
    Stage::new().all(&imports());
}

/// A script of its own folder whose top level does not end.
#[test]
fn an_import_that_does_not_end_is_stopped() {
    let stage = Stage::new();
    stage.shop.env.write("x/lib.rhai", "fn f() { 1 }\nloop { }\n");
    stage.shop.env.write("x/h.rhai", "fn before_sync(event, host) {\nimport \"lib\" as lib; lib::f();\n}\n");
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, ""));
    let wrong = stage.judge("an import without end", &["lib.rhai|h.rhai", "`seconds`|`operations`"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Without the loop it is an import like any other.
    stage.shop.env.write("x/lib.rhai", "fn f() { 1 }\n");
    assert!(stage.judge("twin", &[]).iter().any(|what| what == "it ended with 0"));
}
