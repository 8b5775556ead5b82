//! What scripts and people rely on: streams, exit statuses, JSON documents, quiet, hostile names.

#![allow(clippy::disallowed_methods)]

mod support;

use support::Shelf;

#[test]
fn every_report_is_one_json_document_with_its_schema() {
    let shelf = Shelf::new().synced();
    let env = &shelf.env;
    shelf.publish("base", "1.1.0", "");
    for (words, schema) in [
        (&["plan"][..], "greffon/plan/1"),
        (&["status"], "greffon/status/1"),
        (&["verify"], "greffon/status/1"),
        (&["list"], "greffon/list/1"),
        (&["tree"], "greffon/tree/1"),
        (&["why", "packages/base"], "greffon/why/1"),
        (&["show", "base"], "greffon/show/1"),
        (&["search", "base"], "greffon/search/1"),
        (&["outdated"], "greffon/outdated/1"),
        (&["history"], "greffon/history/1"),
        (&["doctor"], "greffon/doctor/1"),
        (&["lock"], "greffon/lock/1"),
        (&["update", "--dry-run"], "greffon/lock/1"),
        (&["fetch"], "greffon/fetch/1"),
        (&["sync", "--all"], "greffon/sync/1"),
        (&["recover", "--all"], "greffon/recover/1"),
        (&["build", "out", "--site", "prod"], "greffon/build/1"),
        (&["add", "packages/base", "--dry-run"], "greffon/add/1"),
        (&["remove", "forms", "--dry-run"], "greffon/remove/1"),
        (&["install", "packages/base", "--dry-run", "--all"], "greffon/install/1"),
        (&["uninstall", "forms", "--dry-run", "--all"], "greffon/uninstall/1"),
        (&["diff", "1", "1", "--site", "prod"], "greffon/diff/1"),
        (&["stock", "list"], "greffon/stock/1"),
        (&["stock", "gc", "--dry-run"], "greffon/stock-gc/1"),
        (&["stock", "verify"], "greffon/stock-verify/1"),
        (&["repo", "yank", "public", "packages/base@1.1.0", "--reason", "no", "--dry-run"], "greffon/repo-yank/1"),
        (&["forget", "test", "--dry-run"], "greffon/forget/1"),
    ] {
        let run = env.greffon(words.iter().chain(&["--json"])).run().succeeds();
        assert_eq!(run.json()["schema"], schema, "{words:?}");
        assert_eq!(run.stderr, "", "{words:?}");
    }
}

#[test]
fn documents_have_the_keys_of_the_contract() {
    let shelf = Shelf::new();
    let env = &shelf.env;
    let plan = env.greffon(["plan", "--json", "--site", "prod"]).run().succeeds().json();
    let site = &plan["sites"][0];
    assert_eq!(site["name"], "prod");
    assert_eq!(site["path"], env.path("sites/prod").display().to_string());
    assert!(site["tree"].as_str().is_some_and(|tree| tree.len() == 40), "{site}");
    assert_eq!(site["held"], serde_json::Value::Null);
    assert_eq!(site["changes"][0]["action"], "add");
    assert_eq!(site["changes"][0]["type"], "packages");
    assert_eq!(site["changes"][0]["to"], "1.0.0");
    assert_eq!(site["changes"][0]["destructive"], false);
    assert_eq!(site["download_map"].as_array().map(Vec::len), Some(2), "the map is recursive");
    assert_eq!(site["files"]["add"], 4);
    let shelf = shelf.synced();
    shelf.env.write("sites/prod/packages/base/code.txt", "by hand\n");
    let status = shelf.env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!((&status["sites"][0]["state"], &status["sites"][1]["state"]), (&"drift".into(), &"clean".into()));
    let base = status["sites"][0]["elements"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "base")).expect("base is listed");
    assert_eq!(base["state"], "modified");
    assert_eq!(base["files"], serde_json::json!([{ "path": "packages/base/code.txt", "state": "modified" }]));
}

#[test]
fn stdout_carries_data_only() {
    let shelf = Shelf::new().synced();
    for words in [&["lock"][..], &["fetch"], &["sync", "--all"], &["update"], &["recover", "--all"], &["stock", "gc"]] {
        let run = shelf.env.greffon(words).run().succeeds();
        assert_eq!(run.stdout, "", "{words:?}");
        assert_ne!(run.stderr, "", "{words:?}");
    }
    for words in [&["status"][..], &["list"], &["tree"], &["plan"], &["history"], &["show", "base"], &["stock", "list"], &["search", "base"]] {
        let run = shelf.env.greffon(words).run().succeeds();
        assert_ne!(run.stdout, "", "{words:?}");
        assert_eq!(run.stderr, "", "{words:?}");
    }
    let build = shelf.env.greffon(["build", "out.tar", "--site", "prod"]).run().succeeds();
    assert_eq!(build.stdout.trim_end().len(), 40, "the tree's id and nothing else: {}", build.stdout);
}

#[test]
fn quiet_leaves_data_and_errors_and_twice_quiet_data_alone() {
    let shelf = Shelf::new();
    let run = shelf.env.greffon(["-q", "sync", "--all", "--create"]).run().succeeds();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = shelf.env.greffon(["-q", "status"]).run().succeeds();
    assert!(run.stdout.starts_with("prod  clean"), "{}", run.stdout);
    assert!(shelf.env.greffon(["-q", "sync"]).run().fails(2).stderr.starts_with("error: "));
    assert_eq!(shelf.env.greffon(["-qq", "sync"]).run().fails(2).stderr, "");
}

#[test]
fn exit_statuses_are_those_of_the_contract() {
    let shelf = Shelf::new();
    let env = &shelf.env;
    env.greffon(["lock", "--check"]).run().fails(3).says("greffon lock");
    assert!(!env.exists("greffon.lock"), "a check writes nothing");
    env.greffon(["plan", "--exit-code"]).run().fails(3);
    let shelf = shelf.synced();
    let env = &shelf.env;
    env.greffon(["lock", "--check"]).run().succeeds();
    env.greffon(["plan", "--exit-code"]).run().succeeds();
    env.greffon(["status", "--exit-code"]).run().succeeds();
    env.greffon(["verify"]).run().succeeds();
    env.greffon(["outdated", "--exit-code"]).run().succeeds();
    shelf.publish("base", "1.1.0", "");
    env.greffon(["outdated", "--exit-code"]).run().fails(3).prints("1.1.0");
    env.greffon(["outdated"]).run().succeeds();
    env.write("sites/prod/packages/base/code.txt", "by hand\n");
    env.greffon(["status"]).run().succeeds();
    env.greffon(["status", "--exit-code"]).run().fails(3);
    env.greffon(["verify"]).run().fails(1);
    env.greffon(["sync", "--site", "prod"]).run().fails(1).says("--if-local-changes");
    env.greffon(["sync"]).run().fails(2).says("--all");
    env.greffon(["sync", "--site", "nosuch"]).run().fails(2);
    env.greffon(["show", "packages/nosuch"]).run().fails(1);
    env.greffon(["status", "-C", "/"]).run().fails(1).says("greffon init");
}

#[test]
fn a_held_site_is_status_3_where_it_is_named() {
    let shelf = Shelf::new().synced();
    let env = &shelf.env;
    shelf.publish("base", "1.1.0", "");
    env.greffon(["update"]).run().succeeds();
    env.greffon(["sync", "--all"]).run().succeeds();
    env.greffon(["rollback", "--site", "prod", "--reason", "the forms broke"]).run().succeeds().says("Held: the forms broke");
    assert_eq!(env.read("sites/prod/packages/base/code.txt"), "base 1.0.0\n");
    env.greffon(["sync", "--site", "prod"]).run().fails(3).says("the forms broke");
    env.greffon(["sync", "--all"]).run().succeeds().says("left alone");
    env.greffon(["status"]).run().succeeds().prints("prod  held");
    env.greffon(["sync", "--site", "prod", "--release"]).run().succeeds();
    assert_eq!(env.read("sites/prod/packages/base/code.txt"), "base 1.1.0\n");
}

#[test]
fn with_json_errors_are_json_lines_on_stderr() {
    let shelf = Shelf::new();
    let run = shelf.env.greffon(["sync", "--json"]).run().fails(2);
    assert_eq!(run.stdout, "");
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("one line of JSON");
    assert_eq!((&error["schema"], &error["kind"]), (&"greffon/error/1".into(), &"usage".into()));
    shelf.env.write("greffon.toml", "[confg]\n[types.packages]\nx = 4\n");
    let run = shelf.env.greffon(["status", "--json"]).run().fails(1);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("one line of JSON");
    assert_eq!(error["kind"], "manifest");
    assert_eq!(error["places"][0]["line"], 1, "{error}");
    assert!(!error["others"].as_array().expect("others").is_empty(), "both faults are told at once: {error}");
}

#[test]
fn names_from_others_cannot_speak_to_the_terminal() {
    let shelf = Shelf::new();
    let env = &shelf.env;
    let hostile = "a\\u001b[2Jb\\rc\\u009b31md\\u202ee\\u0007";
    for file in ["public/elements/packages/base.json", "public/names.json"] {
        let text = env.read(file);
        assert!(text.contains("The base of it all"), "{file}: {text}");
        env.write(file, text.replace("The base of it all", hostile));
    }
    for words in [&["search", "base"][..], &["show", "base"], &["search", "base", "--json"], &["show", "base", "--json"]] {
        let run = env.greffon(words).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").run();
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("[2Jb"), "the summary is shown: {said}");
        assert!(!said.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}'), "{words:?}: {said:?}");
    }
    let run = env.greffon(["show", "pack\u{1b}[31mages/x\u{202e}"]).run();
    assert_ne!(run.status, 0);
    assert!(!run.stderr.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{:?}", run.stderr);
}

#[test]
fn verbose_tells_more_and_json_tells_it_in_lines() {
    let told = "fetched packages/base 1.0.0";
    let plain = Shelf::new().env.greffon(["fetch"]).run().succeeds();
    assert!(!plain.stderr.contains(told), "{}", plain.stderr);
    Shelf::new().env.greffon(["fetch", "-v"]).run().succeeds().says(told);
    let run = Shelf::new().env.greffon(["fetch", "-v", "--json"]).run().succeeds();
    let lines: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(lines.iter().all(|line| line["schema"] == "greffon/log/1"), "{lines:?}");
    assert!(lines.iter().any(|line| line["text"] == told && line["level"] == "detail"), "{lines:?}");
}
