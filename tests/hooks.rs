//! Hooks: who runs them and for what, what they are told, how often they were begun.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use shop::Shop;

const ONE: &str = "[sites.one]\npath = \"one\"\n";

fn shop() -> Shop {
    let shop = Shop::new();
    for name in ["a", "b", "local_c"] {
        shop.publish("ours", name, "1.0.0", &[]);
        shop.publish("ours", name, "2.0.0", &[]);
    }
    shop
}

/// Programs of a hook are run as another user: greffon's rights are not theirs.
#[test]
fn run_as_is_another_user() {
    let root = std::process::Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout.trim_ascii() == b"0");
    let other = std::process::Command::new("id").args(["-un", "nobody"]).output().is_ok_and(|said| said.status.success());
    if !root || !other || !std::path::Path::new("/usr/sbin/runuser").exists() && !std::path::Path::new("/sbin/runuser").exists() {
        return;
    }
    let shop = shop();
    shop.env.write("hooks/h.rhai", "fn after_sync(event, host) { let who = process::run([\"id\", \"-un\"], #{ cwd: \"/\", env: #{ MINE: \"told\" } }); let mine = process::run([\"sh\", \"-c\", \"echo $MINE; cat /etc/shadow\"], #{ cwd: \"/\", env: #{ MINE: \"told\" } }); log::info(`it is ${who.stdout.trimmed()}, ${mine.stdout.trimmed()}, may read: ${mine.ok}`); }\n");
    let hooks = |more: &str| format!("[hooks]\nafter-sync = {{ use = \"hooks/h.rhai\", allow = {{ run = [\"id\", \"sh\"], read = [\"/\"] }}{more} }}\n{ONE}");
    shop.manifest(&["ours"], "a = \"=1.0.0\"", &hooks(", run-as = \"nobody\""));
    shop.env.greffon(["trust"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds().says("it is nobody, told, may read: false");
    // The twin: without it they are run as whoever runs greffon.
    shop.manifest(&["ours"], "a = \"=2.0.0\"", &hooks(""));
    let twin = shop.env.greffon(["sync"]).run().succeeds().says("may read: true");
    assert!(!twin.stderr.contains("it is nobody"), "{}", twin.stderr);
    // A user that is not there is told, and the hook stays to be done.
    shop.manifest(&["ours"], "a = \"=1.0.0\"", &hooks(", run-as = \"no-such-user\""));
    let failed = shop.env.greffon(["sync"]).run();
    assert!(failed.status == 1 || failed.stderr.contains("may read: false"), "{}", failed.stderr);
    for bad in ["-o", "a b", "root; id", ""] {
        shop.manifest(&["ours"], "a = \"=2.0.0\"", &hooks(&format!(", run-as = \"{bad}\"")));
        shop.env.greffon(["sync"]).run().fails(1).says("run-as");
    }
}

#[test]
fn only_and_with_say_for_what_and_how() {
    let shop = shop();
    shop.env.write("hooks/h.rhai", "fn after_install(event, host) { log::info(`in ${event.element.id} ${event.element.from} ${event.element.to} ${host.options.level}`); }\nfn after_remove(event, host) { log::info(`out ${event.element.id} ${event.element.from}`); }\nfn after_sync(event, host) { log::info(`done ${event.changes.map(|c| c.id)} ${event.reason} ${host.options}`); }\n");
    let hooks = "[hooks]\nafter-install = { use = \"hooks/h.rhai\", only = [\"plugins/local_*\"], with = { level = 3 } }\nafter-remove = { use = \"hooks/h.rhai\", only = [\"plugins/b\"] }\nafter-sync = [{ use = \"hooks/h.rhai\", only = [\"plugins/b\"], with = { who = \"first\" } }, { use = \"hooks/h.rhai\", with = { who = \"second\" } }]\n";
    let sync = |plugins: &str| {
        shop.manifest(&["ours"], plugins, &format!("{hooks}{ONE}"));
        let run = shop.env.greffon(["sync", "--max-removals", "9", "--if-removed", "keep-data"]).run().succeeds();
        run.stderr.lines().filter_map(|line| line.split_once("h: ").map(|(_, text)| text.to_owned())).collect::<Vec<_>>()
    };
    let first = sync("a = \"=1.0.0\"\nlocal_c = \"=1.0.0\"");
    assert_eq!(first, ["in plugins/local_c  1.0.0 3", "done [\"plugins/a\", \"plugins/local_c\"] sync #{\"who\": \"second\"}"]);
    let second = sync("a = \"=1.0.0\"\nlocal_c = \"=2.0.0\"\nb = \"=1.0.0\"");
    assert_eq!(second.len(), 3, "{second:?}");
    assert!(second[0] == "in plugins/local_c 1.0.0 2.0.0 3" && second[1].contains("first") && second[2].contains("second"), "{second:?}");
    let third = sync("a = \"=1.0.0\"\nlocal_c = \"=2.0.0\"");
    assert!(third[0] == "out plugins/b 1.0.0" && third[1].contains("first") && third.len() == 3, "{third:?}");
    assert_eq!(sync("a = \"=1.0.0\"\nlocal_c = \"=2.0.0\""), Vec::<String>::new());
    // Of a pattern that names nothing that there is, nothing is run; one that is none is told.
    shop.manifest(&["ours"], "a = \"=2.0.0\"", &format!("[hooks]\nafter-sync = {{ use = \"hooks/h.rhai\", onyl = [\"x\"] }}\n{ONE}"));
    shop.env.greffon(["sync"]).run().fails(1).says("onyl").says("only");
}

#[test]
fn a_veto_says_why_and_nothing_is_written_anywhere() {
    let shop = shop();
    shop.manifest(&["ours"], "a = \"=1.0.0\"", "[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n");
    shop.env.greffon(["sync", "--all", "--create"]).run().succeeds();
    for (moment, function) in [("before-sync", "before_sync"), ("before-install", "before_install")] {
        // Of two sites the second says no: the first is not changed either.
        shop.env.write(
            "hooks/h.rhai",
            format!(
                "fn {function}(event, host) {{ if event.site.name == \"two\" {{ throw #{{ message: \"two is being restored\", hint: \"wait for it\" }}; }} }}\n"
            ),
        );
        shop.manifest(
            &["ours"],
            "a = \"=2.0.0\"",
            &format!("[hooks]\n{moment} = \"hooks/h.rhai\"\n[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n"),
        );
        shop.env
            .greffon(["sync", "--all"])
            .run()
            .fails(1)
            .says("did not let site `two` change")
            .says("two is being restored")
            .says("hint: wait for it")
            .says("nothing was changed");
        assert_eq!((shop.code("one", "a"), shop.code("two", "a")), ("a 1.0.0\n".to_owned(), "a 1.0.0\n".to_owned()), "{moment}");
        let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
        for site in status["sites"].as_array().expect("sites") {
            assert_eq!(site["pending"].as_array().map_or(0, Vec::len), 0, "{moment}: {site}");
        }
    }
    // One that is per site concerns that one alone.
    let own = "[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\nhooks = { before-sync = \"hooks/h.rhai\" }\n";
    shop.env.write("hooks/h.rhai", "fn before_sync(event, host) { throw \"not this one\"; }\n");
    shop.manifest(&["ours"], "a = \"=2.0.0\"", own);
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.env.greffon(["sync", "--site", "two"]).run().fails(1).says("not this one");
    assert_eq!((shop.code("one", "a"), shop.code("two", "a")), ("a 2.0.0\n".to_owned(), "a 1.0.0\n".to_owned()));
}

#[test]
fn an_after_hook_that_fails_says_what_is_done_and_the_way_back() {
    let shop = shop();
    shop.env.write("hooks/h.rhai", "fn after_sync(event, host) { log::info(`attempt ${host.attempt}`); throw \"the database is away\"; }\n");
    shop.manifest(&["ours"], "a = \"=1.0.0\"", ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    shop.manifest(&["ours"], "a = \"=2.0.0\"", &format!("[hooks]\nafter-sync = \"hooks/h.rhai\"\n{ONE}"));
    for attempt in 1..=3 {
        shop.env
            .greffon(["sync"])
            .run()
            .fails(1)
            .says("the database is away")
            .says(&format!("attempt {attempt}"))
            .says("the files are in place as generation 2")
            .says("greffon sync --site one")
            .says("greffon rollback --site one");
        assert_eq!(shop.code("one", "a"), "a 2.0.0\n");
    }
    // The way back that was told leads back.
    shop.env.greffon(["rollback", "--site", "one"]).run().succeeds().says("was not done and stays pending");
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    // What was not done is still to be done, by the next sync that goes on.
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["pending"], serde_json::json!(["after-sync hooks/h.rhai"]), "{status}");
    shop.env.write("hooks/h.rhai", "fn after_sync(event, host) { log::info(`at last at ${event.generation}`); }\n");
    shop.env.greffon(["sync", "--release"]).run().succeeds().says("at last at 4");
    let status = shop.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!((status["sites"][0]["state"].as_str(), status["sites"][0]["pending"].as_array().map_or(0, Vec::len)), (Some("clean"), 0), "{status}");
}
