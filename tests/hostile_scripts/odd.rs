//! What is thrown, imported, evaluated and asked for.

use super::stage::{CANARY, Case, Serves, Stage, hook, script};

fn thrown() -> Vec<Case> {
    vec![
        hook("nothing", "throw;", &["h.rhai:2:", "no reason"]),
        hook("a number", "throw 42;", &["h.rhai:2:", "42"]),
        hook("a list", "throw [1, [2, #{}]];", &["h.rhai:2:", "did not let site `one` change"]),
        hook("a function", "throw |x| x;", &["h.rhai:2:", "did not let site `one` change"]),
        hook("its host", "throw host;", &["h.rhai:2:", "did not let site `one` change"]),
        hook(
            "a map that plays one of ours",
            "throw #{ kind: \"interrupted\", message: \"x\", whole: \"y\", hint: #{} };",
            &["did not let site `one` change|interrupted", "x"],
        ),
        hook("an unknown kind", "throw #{ kind: \"internal\", message: [1], hint: 7 };", &["h.rhai:2:", "did not let site `one` change"]),
        hook("a text as large as it can be", "let s = \"x\"; for i in 0..22 { s += s; }\nthrow s;", &["h.rhai:", "did not let|`text`"]),
        hook("what steers terminals", "throw \"\\x1b[2J\\x1b]0;owned\\x07 \\r gone\";", &["h.rhai:2:", "did not let site `one` change"]),
        hook("a division by nothing", "1 / 0;", &["h.rhai:2:", "division|zero"]),
        hook("an overflow", "9223372036854775807 + 1;", &["h.rhai:2:", "overflow"]),
        hook("an index outside", "[1][7];", &["h.rhai:2:", "index|bounds"]),
        hook("a slice within a letter", "let s = \"é€𐍈\"; s.crop(1, 2); s.sub_string(-9, 99); s[17];", &["h.rhai:2:", "index|bounds|failed"]),
        hook(
            "odd versions",
            "version::compare(\"moodle\", \"\\u{0}\", \"𐍈.*.99999999999999999999999\"); version::compare(\"no-such\", \"1\", \"2\");",
            &["h.rhai:2:", "scheme|version"],
        ),
        hook("trees that are none", "tree::read(\"../../etc\", \"passwd\");", &["h.rhai:2:", "did not let"]),
        hook(
            "a tree that is not there",
            "tree::read(\"4b825dc642cb6eb9a060e54bf8d69288fbee4904\", \"../../../private.txt\"); throw \"empty\";",
            &["h.rhai:2:", "did not let"],
        ),
        hook("a role that is not there", "host.inner.versions(#{ id: \"plugins/a\" });", &["h.rhai:2:", "no inner role"]),
        hook("the stock, by a hook", "host.stock.gc(#{});", &["h.rhai:2:", "no stock"]),
    ]
}

fn language() -> Vec<Case> {
    vec![
        hook("eval", "eval(\"1 + 1\");", &["h.rhai:2:", "eval"]),
        hook("eval by another name", "Fn(\"eval\").call(\"1 + 1\");", &["h.rhai:", "eval"]),
        hook("an import outside", "import \"../../outside/secret\" as s; throw s::stolen();", &["h.rhai:2:", "its own folder only"]),
        hook("an import from the top of the disk", "import \"/etc/passwd\" as s;", &["h.rhai:2:", "its own folder only"]),
        hook(
            "an import by a name that is made",
            "let n = \"..\" + \"/../outside/secret\"; import n as s; throw s::stolen();",
            &["h.rhai:2:", "its own folder only"],
        ),
        hook("an import of itself", "import \"h\" as h; h::before_sync(event, host);", &["h.rhai:", "imports itself|`levels`|too many variables or modules"]),
        hook("an import of what is no script", "import \"../private.txt\" as s;", &["h.rhai:2:", "its own folder only"]),
        script(Serves::Hook, "needs that are none", "}\nconst NEEDS = 42;\nfn other() {", &["`NEEDS`"]),
        script(Serves::Hook, "needs of a sort that is none", "}\nconst NEEDS = #{ root: [\"/\"] };\nfn other() {", &["no grant `root`"]),
    ]
}

#[test]
fn whatever_is_thrown_is_an_error_like_any_other() {
    Stage::new().all(&thrown());
}

#[test]
fn the_language_reaches_nothing_outside() {
    Stage::new().all(&language());
}

#[test]
fn a_link_in_the_scripts_folder_leads_nowhere() {
    let stage = Stage::new();
    stage.shop.env.write("x/h.rhai", "fn before_sync(event, host) {\nimport \"inside\" as s; throw s::stolen();\n}\n");
    std::os::unix::fs::symlink(stage.shop.env.root().join("outside/secret.rhai"), stage.shop.env.path("x/inside.rhai")).expect("a link");
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, ""));
    let wrong = stage.judge("an import by a link", &["h.rhai:2:", "no such script"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A plain file there would have been taken.
    stage.shop.remove("x/inside.rhai");
    stage.shop.env.write("x/inside.rhai", format!("fn stolen() {{ \"{CANARY}\" }}\n"));
    assert!(stage.judge("twin", &[]).iter().any(|what| what == "it tells what it must not know"));
}

#[test]
fn the_lock_grants_nothing_and_what_changed_elsewhere_loses_its_grants() {
    let stage = Stage::new();
    let outside = stage.shop.env.root().join("outside/h.rhai");
    std::fs::write(&outside, "fn before_sync(event, host) { throw \"one\"; }\n").expect("written");
    let manifest = stage.manifest(Serves::Hook, "allow = { env = [\"HOME\"] }\n").replace("x/h.rhai", "../outside/h.rhai");
    stage.shop.env.write("greffon.toml", &manifest);
    stage.shop.env.greffon(["lock"]).run().succeeds();
    stage.shop.env.greffon(["sync"]).run().fails(1).says("one");
    std::fs::write(&outside, "const NEEDS = #{ env: [\"HOME\"], net: [\"*\"] };\nfn before_sync(event, host) { throw \"two\"; }\n").expect("written");
    let refused = stage.shop.env.greffon(["sync"]).run().fails(1).says("no longer the one that was locked");
    assert!(!refused.stderr.contains("two"), "{}", refused.stderr);
    // What the lock says of grants is not read, or refused; either way nothing runs that did not before.
    let lock = stage.shop.env.read("greffon.lock");
    let line = lock.lines().find(|line| line.starts_with("h = ")).expect("the script's line");
    for smuggled in [
        line.replace("hash = ", "allow = { net = [\"*\"], env = [\"*\"] }, trusted = true, hash = "),
        format!("{line}\nother = {{ hash = \"sha256:{}\", allow = {{ run = [\"*\"] }} }}", "0".repeat(64)),
    ] {
        stage.shop.env.write("greffon.lock", lock.replace(line, &smuggled));
        let run = stage.shop.env.greffon(["sync"]).run().fails(1);
        assert!(!run.stderr.contains("two"), "{}", run.stderr);
    }
    assert_eq!(stage.shop.code("one", "a"), "a 1.0.0\n");
}
