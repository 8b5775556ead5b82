//! `if-version-mismatch`: other means than greffon have put another version into a site; an answer that was said holds for what
//! manifest and lock have moved on from as well.

use super::support::Terminal;
use super::world::{World, v};

/// A site with `a` at `installed`, where somebody unpacked `found` over it by hand, and the lock says `wanted` by now.
fn changed(installed: &str, found: &str, wanted: &str) -> World {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0", "2.0.0", "3.0.0"]).plain("plugins/b", &["1.0.0"]);
    let manifest = |version: &str| world.manifest(&format!("[types.plugins]\na = \"={version}\"\nb = \"*\"\n[sites.main]\npath = \"site\"\n"));
    manifest(installed);
    world.run("sync").succeeds();
    for file in ["code.txt", "greffon.toml"] {
        world.env.write(format!("site/plugins/a/{file}"), world.env.read(format!("public/files/plugins-a-{found}/{file}")));
    }
    manifest(wanted);
    world.lock();
    world
}

fn a(world: &World) -> String {
    world.code("site", "a")
}

#[test]
fn without_a_terminal_it_stops_before_any_write() {
    let world = changed("2.0.0", "3.0.0", "2.0.0");
    let before = world.env.tree("site");
    for flag in ["", " --if-version-mismatch ask", " --if-version-mismatch abort"] {
        world
            .run(&format!("sync{flag}"))
            .fails(1)
            .says("1 element of site `main` is of another version than greffon put there; nothing was written")
            .says("plugins/a 3.0.0 stands there, greffon put 2.0.0 there, and greffon.lock says 2.0.0")
            .says("--if-version-mismatch");
    }
    assert_eq!(world.env.tree("site"), before);
    let status = world.run("status --json").succeeds().json();
    assert_eq!((&status["sites"][0]["elements"][0]["state"], &status["sites"][0]["elements"][0]["found"]), (&"other-version".into(), &"3.0.0".into()));
}

#[test]
fn each_answer_does_what_it_says() {
    for (found, wanted, answer, stands) in [
        ("3.0.0", "2.0.0", "keep", "a 3.0.0\n"),
        ("3.0.0", "2.0.0", "replace", "a 2.0.0\n"),
        ("3.0.0", "2.0.0", "latest", "a 3.0.0\n"),
        ("3.0.0", "2.0.0", "earliest", "a 2.0.0\n"),
        ("1.0.0", "2.0.0", "latest", "a 2.0.0\n"),
        ("1.0.0", "2.0.0", "earliest", "a 1.0.0\n"),
        // the lock has moved on as well
        ("1.0.0", "3.0.0", "keep", "a 1.0.0\n"),
        ("1.0.0", "3.0.0", "latest", "a 3.0.0\n"),
    ] {
        let world = changed("2.0.0", found, wanted);
        let case = format!("{found} found, {wanted} wanted, {answer}");
        world.run(&format!("sync --if-version-mismatch {answer}")).succeeds();
        assert_eq!(a(&world), stands, "{case}");
        assert_eq!(world.code("site", "b"), "b 1.0.0\n");
        if stands == format!("a {found}\n") {
            // it is asked again, and answered the same from the manifest
            world.run("sync").fails(1).says(&format!("plugins/a {found} stands there"));
            let text = format!("{}[client-options]\nif-version-mismatch = \"{answer}\"\n", world.env.read("greffon.toml"));
            world.env.write("greffon.toml", text);
            world.run("sync").succeeds().says(&format!("plugins/a stays at {found}"));
            assert_eq!(a(&world), stands, "{case}");
        } else {
            // nothing is lost
            let aside = (1..9).map(|at| format!(".greffon-site/saved/{at}/plugins/a/code.txt")).find(|path| world.env.exists(path));
            assert_eq!(aside.map(|path| world.env.read(path)), Some(format!("a {found}\n")), "{case}");
            world.run("sync").succeeds().says("Nothing to do");
        }
    }
}

#[test]
fn versions_that_were_asked_for_are_no_mismatch() {
    let world = changed("1.0.0", "1.0.0", "2.0.0");
    world.run("sync").succeeds();
    assert_eq!(a(&world), "a 2.0.0\n", "the lock moved on: that is what sync is for");
    world.manifest("[types.plugins]\na = \"=3.0.0\"\nb = \"*\"\n[sites.main]\npath = \"site\"\n");
    world.run("sync").succeeds();
    assert_eq!(a(&world), "a 3.0.0\n", "so did the manifest");
    // somebody put there by hand what is wanted by now
    let world = changed("1.0.0", "2.0.0", "2.0.0");
    world.run("sync").succeeds();
    assert_eq!(a(&world), "a 2.0.0\n");
    // an edit that leaves the version as it is belongs to `if-local-changes`
    world.env.write("site/plugins/a/code.txt", "edited\n");
    world.run("sync --if-version-mismatch keep").fails(1).says("1 file of site `main` changed by hand");
    world.run("sync --if-local-changes save").succeeds();
    // and who has answered that for all files is not asked again
    let world = changed("2.0.0", "3.0.0", "2.0.0");
    world.run("sync --if-local-changes overwrite").succeeds();
    assert_eq!(a(&world), "a 2.0.0\n");
}

#[test]
fn on_a_terminal_it_asks() {
    for (keys, status, stands) in [("\r", 1, "a 3.0.0\n"), ("\u{1b}[B\r", 0, "a 3.0.0\n"), ("\u{1b}[B\u{1b}[B\r", 0, "a 2.0.0\n")] {
        let world = changed("2.0.0", "3.0.0", "2.0.0");
        let mut terminal = Terminal::start(world.env.greffon(["sync"]));
        terminal.wait_for("what to do with it");
        terminal.press(keys);
        let (ended, text) = terminal.end();
        assert_eq!(ended, Some(status), "{keys:?}: {text}");
        assert_eq!(a(&world), stands, "{keys:?}");
    }
}

/// A site with `a` at 2.0.0, whose manifest by now asks for another version; `locked`: and the lock has it.
fn moved_on(to: &str, locked: bool) -> World {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0", "2.0.0", "3.0.0"]).plain("plugins/b", &["1.0.0"]);
    let manifest = |version: &str| world.manifest(&format!("[types.plugins]\na = \"={version}\"\nb = \"*\"\n[sites.main]\npath = \"site\"\n"));
    manifest("2.0.0");
    world.run("sync").succeeds();
    manifest(to);
    if locked {
        world.lock();
    }
    world
}

#[test]
fn an_answer_that_was_said_holds_for_what_manifest_and_lock_moved_on_to() {
    for (to, answer, stands) in [
        ("3.0.0", "", "3.0.0"),
        ("3.0.0", "keep", "2.0.0"),
        ("3.0.0", "replace", "3.0.0"),
        ("3.0.0", "latest", "3.0.0"),
        ("3.0.0", "earliest", "2.0.0"),
        ("1.0.0", "latest", "2.0.0"),
        ("1.0.0", "earliest", "1.0.0"),
        ("1.0.0", "keep", "2.0.0"),
        ("1.0.0", "replace", "1.0.0"),
    ] {
        for locked in [false, true] {
            let world = moved_on(to, locked);
            let case = format!("{to}, {answer}, the lock has it: {locked}");
            let flag = if answer.is_empty() { String::new() } else { format!(" --if-version-mismatch {answer}") };
            let run = world.run(&format!("sync --json{flag}")).succeeds();
            assert_eq!(a(&world), format!("a {stands}\n"), "{case}");
            assert_eq!(world.locked(), [format!("a {to}"), "b 1.0.0".to_owned()], "{case}: the lock follows the manifest");
            let warned = run.json()["warnings"].to_string().contains(&format!("plugins/a stays at 2.0.0; greffon.lock says {to}"));
            assert_eq!(warned, stands == "2.0.0", "{case}: {}", run.stdout);
            // the answer in the manifest does the same, again and again
            let text = format!("{}[client-options]\nif-version-mismatch = \"{answer}\"\n", world.env.read("greffon.toml"));
            if stands == "2.0.0" {
                world.env.write("greffon.toml", text);
                world.run("sync").succeeds().says(&format!("plugins/a stays at 2.0.0; greffon.lock says {to}"));
                assert_eq!(a(&world), "a 2.0.0\n", "{case}");
                // what is recorded is what stands there
                world.run("status --exit-code").succeeds();
                world.run("history").succeeds();
            } else {
                world.run("sync").succeeds().says("Nothing to do");
            }
        }
    }
}

#[test]
fn to_stop_is_an_answer_too_and_nothing_is_written() {
    for (locked, told) in [
        (false, "plugins/a 2.0.0 is installed, greffon.lock says 2.0.0, and greffon.toml:11 asks for =3.0.0, which comes to 3.0.0"),
        (true, "plugins/a 2.0.0 is installed, and greffon.lock says 3.0.0"),
    ] {
        let world = moved_on("3.0.0", locked);
        let before = (world.env.tree("site"), world.env.read("greffon.lock"));
        // without a terminal to ask is to stop
        for answer in ["abort", "ask"] {
            world
                .run(&format!("sync --if-version-mismatch {answer}"))
                .fails(1)
                .says("1 element of site `main` is installed at another version than is wanted by now; nothing was written")
                .says(told)
                .says("`--if-version-mismatch replace` takes what is wanted");
        }
        let run = world.run("sync --if-version-mismatch abort --json").fails(1);
        let error: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap_or_default()).expect("JSON");
        assert_eq!((&error["kind"], &error["notes"][0]), (&"refused".into(), &told.into()), "{error}");
        assert_eq!((world.env.tree("site"), world.env.read("greffon.lock")), before);
    }
}

#[test]
fn what_stays_must_go_together_with_what_comes() {
    let world = World::new();
    world.plain("plugins/a", &["1.0.0", "2.0.0"]);
    world.put("plugins/b", &[v("1.0.0", &[("plugins/a", ">=1")]), v("2.0.0", &[("plugins/a", ">=2")])]);
    let manifest = |a: &str, b: &str| world.manifest(&format!("[types.plugins]\na = \"={a}\"\nb = \"={b}\"\n[sites.main]\npath = \"site\"\n"));
    manifest("1.0.0", "1.0.0");
    world.run("sync").succeeds();
    // b alone may not come: it needs what stays behind
    manifest("2.0.0", "2.0.0");
    let world_before = world.env.tree("site");
    let mut terminal = Terminal::start(world.env.greffon(["sync", "--if-version-mismatch", "ask"]));
    terminal.wait_for("plugins/a 1.0.0 is installed");
    terminal.press("\u{1b}[B\r");
    terminal.wait_for("plugins/b 1.0.0 is installed");
    terminal.press("\u{1b}[B\u{1b}[B\r");
    let (ended, text) = terminal.end();
    assert_eq!(ended, Some(1), "{text}");
    assert!(text.contains("plugins/b 2.0.0, which comes, needs plugins/a >=2, and plugins/a 1.0.0 stays"), "{text}");
    assert_eq!(world.env.tree("site"), world_before);
    // both stay, both come
    world.run("sync --if-version-mismatch keep").succeeds();
    assert_eq!(world.env.tree("site"), world_before);
    world.run("sync --if-version-mismatch replace").succeeds();
    assert_eq!((a(&world).as_str(), world.code("site", "b").as_str()), ("a 2.0.0\n", "b 2.0.0\n"));
    // what a later version no longer needs is still needed by the one that stays
    let world = World::new();
    world.put("plugins/a", &[v("1.0.0", &[("plugins/c", "*")]), v("2.0.0", &[])]).plain("plugins/c", &["1.0.0"]);
    world.manifest("[types.plugins]\na = \"=1.0.0\"\n[sites.main]\npath = \"site\"\n");
    world.run("sync").succeeds();
    world.manifest("[types.plugins]\na = \"=2.0.0\"\n[sites.main]\npath = \"site\"\n");
    world.run("sync --if-version-mismatch keep").fails(1).says("plugins/a 1.0.0, which stays, needs plugins/c *, which goes");
}

#[test]
fn a_held_site_keeps_its_hold_whatever_the_answer() {
    for answer in ["ask", "abort", "keep", "replace", "latest", "earliest"] {
        let world = moved_on("3.0.0", false);
        world.run("sync").succeeds();
        world.run("rollback").succeeds();
        assert_eq!(a(&world), "a 2.0.0\n");
        world.run(&format!("sync --site main --if-version-mismatch {answer}")).fails(3);
        assert_eq!(a(&world), "a 2.0.0\n", "{answer}");
        // let go, it is as any other site
        let run = world.run(&format!("sync --release --if-version-mismatch {answer}"));
        let (status, stands) = match answer {
            "ask" | "abort" => (1, "2.0.0"),
            "keep" | "earliest" => (0, "2.0.0"),
            _ => (0, "3.0.0"),
        };
        assert_eq!((run.status, a(&world)), (status, format!("a {stands}\n")), "{answer}: {}", run.stderr);
        let held = world.run("status --json").succeeds().json()["sites"][0]["state"] == "held";
        assert_eq!(held, status == 1, "{answer}: a run that stops lets nothing go");
    }
}

#[test]
fn on_a_terminal_it_asks_for_what_moved_on_where_that_was_said() {
    for (keys, status, stands) in [("\r", 1, "a 2.0.0\n"), ("\u{1b}[B\r", 0, "a 2.0.0\n"), ("\u{1b}[B\u{1b}[B\r", 0, "a 3.0.0\n")] {
        let world = moved_on("3.0.0", false);
        let text = format!("{}[client-options]\nif-version-mismatch = \"ask\"\n", world.env.read("greffon.toml"));
        world.env.write("greffon.toml", text);
        let mut terminal = Terminal::start(world.env.greffon(["sync"]));
        terminal.wait_for("which comes to 3.0.0: what to do with it");
        terminal.press(keys);
        let (ended, text) = terminal.end();
        assert_eq!(ended, Some(status), "{keys:?}: {text}");
        assert_eq!(a(&world), stands, "{keys:?}");
    }
    // unsaid, nobody is asked for what the manifest says
    let world = moved_on("3.0.0", false);
    let (ended, text) = Terminal::start(world.env.greffon(["sync"])).end();
    assert_eq!((ended, a(&world).as_str()), (Some(0), "a 3.0.0\n"), "{text}");
}

#[test]
fn the_core_is_asked_about_like_any_other() {
    let world = World::new();
    world.plain("core/campus", &["1.0.0", "2.0.0"]).plain("plugins/b", &["1.0.0"]);
    let manifest = |core: &str| world.manifest(&format!("[types.core]\ncampus = \"={core}\"\n[types.plugins]\nb = \"*\"\n[sites.main]\npath = \"site\"\n"));
    manifest("1.0.0");
    world.run("sync").succeeds();
    manifest("2.0.0");
    world.run("sync -y --if-version-mismatch abort").fails(1).says("core/campus 1.0.0 is installed");
    world.run("sync -y --if-version-mismatch keep").succeeds().says("core/campus stays at 1.0.0");
    assert_eq!(world.env.read("site/code.txt"), "campus 1.0.0\n");
    world.run("sync -y --if-version-mismatch latest").succeeds();
    assert_eq!((world.env.read("site/code.txt").as_str(), world.code("site", "b").as_str()), ("campus 2.0.0\n", "b 1.0.0\n"));
    // unpacked over it by hand
    world.env.write("site/code.txt", "campus 1.0.0\n");
    world.env.write("site/greffon.toml", world.env.read("public/files/core-campus-1.0.0/greffon.toml"));
    world.run("sync -y --if-version-mismatch keep").succeeds().says("core/campus stays at 1.0.0");
    assert_eq!(world.env.read("site/code.txt"), "campus 1.0.0\n");
    world.run("sync -y --if-version-mismatch replace").succeeds();
    assert_eq!(world.env.read("site/code.txt"), "campus 2.0.0\n");
}
