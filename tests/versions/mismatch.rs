//! `if-version-mismatch`: other means than greffon have put another version into a site.

use super::support::Terminal;
use super::world::World;

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
    world.run("sync --if-version-mismatch abort").succeeds();
    assert_eq!(a(&world), "a 2.0.0\n", "the lock moved on: that is what sync is for");
    world.manifest("[types.plugins]\na = \"=3.0.0\"\nb = \"*\"\n[sites.main]\npath = \"site\"\n");
    world.run("sync --if-version-mismatch abort").succeeds();
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
