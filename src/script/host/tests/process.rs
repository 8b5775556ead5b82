//! `process` and `env`: what is run, with what, and how it ends.

use std::time::{Duration, Instant};

use serde_json::json;

use super::world::World;

fn world() -> World {
    let mut world = World::new(json!({ "run": ["sh", "cat", "env", "tools/own.sh"], "env": ["HOME"], "secret": ["key"], "read": ["work"] }));
    world.secrets.insert("key".into(), "pr0cess-secret".into());
    world
}

#[test]
fn a_program_is_run_with_what_it_is_given() {
    let world = world();
    world.put("work/f", "");
    let answer = world
        .run(
            "let a = process::run([\"sh\", \"-c\", \"pwd; echo $A; echo oops >&2; exit 3\"], #{ cwd: \"work\", env: #{ A: \"b\" } });
             let b = process::run([\"cat\"], #{ input: secret::get(\"key\") });
             #{ code: a.code, ok: a.ok, out: a.stdout.contains(\"/work\\nb\\n\"), err: a.stderr, len: b.stdout.len }",
        )
        .expect("it works");
    assert_eq!(answer, json!({ "code": 3, "ok": false, "out": true, "err": "oops\n", "len": 3 }));
    // Nothing of greffon's environment but what every program needs.
    let seen = world.run("process::run([\"env\"]).stdout").expect("it works");
    let seen = seen.as_str().expect("a text");
    assert!(seen.contains("PATH=") && !seen.contains("CARGO"), "{seen}");
    let text = world.refused("process::run([\"sh\", \"-c\", \"echo it broke >&2; exit 2\"], #{ check: true })");
    assert!(text.contains("`sh` ended with status 2") && text.contains("it broke"), "{text}");
    let long =
        world.run("let a = process::run([\"sh\", \"-c\", \"yes | head -c 100000\"], #{ max_output: 10 }); [a.stdout.len, a.truncated]").expect("it works");
    assert_eq!(long, json!([10, true]));
}

#[test]
fn only_granted_programs_run_and_none_is_swapped_for_another() {
    let world = world();
    world.put("work/sh", "#!/bin/sh\necho evil");
    for body in [
        "process::run([\"ls\"])",
        "process::run([\"/bin/sh\"])",
        "process::run([\"./sh\"], #{ cwd: \"work\" })",
        "process::run([\"work/../sh\"])",
        "process::run([\"sh -c id\"])",
        "process::run([])",
        "process::run([\"sh\"], #{ env: #{ PATH: \"work\" } })",
        "process::run([\"sh\"], #{ env: #{ LD_PRELOAD: \"work/x.so\" } })",
        "process::run([\"sh\"], #{ env: #{ \"A=B\": \"x\" } })",
        "process::run([\"sh\"], #{ cwd: \"/\" })",
        "process::run([\"sh\"], #{ cwd: \"work/..\" })",
        "process::run([\"sh\"], #{ shell: true })",
        "process::run([\"cat\", secret::get(\"key\")])",
        "process::run([\"tools/own.sh\"])",
    ] {
        world.refused(body);
    }
}

#[test]
fn what_a_program_says_of_a_secret_is_not_shown() {
    let world = world();
    let body = "process::run([\"sh\", \"-c\", \"echo $K; exit 1\"], #{ env: #{ K: secret::get(\"key\") }, check: true })";
    let text = world.refused(body);
    assert!(text.contains("***") && !text.contains("pr0cess-secret"), "{text}");
    world.run("log::info(process::run([\"cat\"], #{ input: secret::get(\"key\") }).stdout)").expect("it works");
    assert!(!world.log.text().contains("pr0cess-secret"), "{}", world.log.text());
}

#[test]
fn a_program_ends_with_its_time_and_its_children_with_it() {
    let mut world = world();
    let mark = world.path().join("alive");
    let stubborn = format!("trap '' TERM; (trap '' TERM; sleep 300; touch {}) & sleep 300", mark.display());
    let begun = Instant::now();
    let text = world.refused(&format!("process::run([\"sh\", \"-c\", \"{stubborn}\"], #{{ timeout: 1 }})"));
    assert!(text.contains("did not end within 1 s") && begun.elapsed() < Duration::from_secs(60), "{text}");
    world.limits.waiting = 1;
    let begun = Instant::now();
    let text = world.refused(&format!("let a = 1;\nprocess::run([\"sh\", \"-c\", \"{stubborn}\"])"));
    assert!(text.contains("`waiting`") && text.contains("x.rhai:3"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let end = Instant::now() + Duration::from_secs(60);
    while crate::sys::process::lives(&mark) {
        assert!(Instant::now() < end, "a child lived on");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn only_granted_variables_are_seen() {
    let world = world();
    assert!(world.run("env::get(\"HOME\")").expect("granted").is_string());
    for name in ["PATH", "USER", "GREFFON_TOKEN_X", ""] {
        assert!(world.refused(&format!("env::get(\"{name}\")")).contains("may not see"), "{name}");
    }
}
