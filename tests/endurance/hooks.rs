//! Hooks and kills: what was pending is kept and runs again, and what ended well does not.

use super::*;

const HOOKS: &str = r#"
fn before_sync(event, host) { log::info("before"); if event.changes.some(|c| c.to == "3.0.0") { log::info("waiting"); loop { } } }
fn after_install(event, host) { log::info(`installed ${event.element.to} attempt ${host.attempt}`); }
fn after_sync(event, host) { log::info(`attempt ${host.attempt} at ${event.generation}`); if host.attempt < 3 && host.options.slow { log::info("waiting"); loop { } } }
"#;

/// A shop whose hooks take their time.
fn hooked(slow: bool) -> Shop {
    let shop = Shop::new();
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        shop.publish("ours", "a", version, &[]);
    }
    shop.env.write("hooks/h.rhai", HOOKS);
    want(&shop, "1.0.0", slow);
    shop
}

fn want(shop: &Shop, version: &str, slow: bool) {
    let hooks = format!(
        "[hooks]\nbefore-sync = \"hooks/h.rhai\"\nafter-install = \"hooks/h.rhai\"\nafter-sync = {{ use = \"hooks/h.rhai\", with = {{ slow = {slow} }} }}\n"
    );
    shop.manifest(&["ours"], &format!("a = \"={version}\""), &format!("{hooks}{ONE}"));
}

/// Runs a sync and kills it when a hook says `waiting`; gives what was said.
fn kill_in_a_hook(shop: &Shop) -> String {
    let mut command = shop.env.greffon(["sync", "-v"]).command();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().expect("its stderr")).lines() {
        let line = line.expect("a line");
        said.push_str(&line);
        said.push('\n');
        if line.contains("waiting") {
            break;
        }
    }
    child.kill().expect("killed");
    assert!(!child.wait().expect("ended").success());
    assert!(said.contains("waiting"), "it was not the hook that was killed: {said}");
    said
}

#[test]
fn a_hook_that_was_killed_is_pending_and_runs_again() {
    let shop = hooked(true);
    let said = kill_in_a_hook(&shop);
    assert!(said.contains("installed 1.0.0 attempt 1") && said.contains("attempt 1 at 1"), "{said}");
    let status = || shop.env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0].clone();
    for attempt in [2, 3] {
        let before = status();
        assert_eq!((before["state"].as_str(), before["generation"].as_u64()), (Some("pending"), Some(1)));
        assert_eq!(before["pending"], serde_json::json!(["after-sync hooks/h.rhai"]), "the one that ended well is done");
        assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
        // Recovery has nothing to recover, and runs no hook.
        let recovered = shop.env.greffon(["recover"]).run().succeeds();
        assert!(!recovered.stderr.contains("attempt"), "{}", recovered.stderr);
        let said = if attempt < 3 { kill_in_a_hook(&shop) } else { shop.env.greffon(["sync"]).run().succeeds().stderr };
        assert!(said.contains(&format!("attempt {attempt} at 1")) && !said.contains("installed"), "{said}");
    }
    assert_eq!(status()["state"], "clean");
    assert!(!shop.env.greffon(["sync"]).run().succeeds().stderr.contains("attempt"));

    // One that is killed before anything is written leaves the earlier site, and nothing pending.
    want(&shop, "3.0.0", false);
    kill_in_a_hook(&shop);
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    assert_eq!((status()["generation"].as_u64(), status()["pending"].as_array().map_or(0, Vec::len)), (Some(1), 0));
    want(&shop, "2.0.0", false);
    shop.env.greffon(["sync"]).run().succeeds().says("installed 2.0.0 attempt 1").says("attempt 1 at 2");
}

/// A sync with hooks (the first of all, or the second), killed at every call in turn. Gives where a generation was left in place whose
/// hooks never ran.
fn kills_around_hooks(breaking: &str, generation: u64) -> (usize, Vec<String>) {
    let shop = hooked(false);
    if generation > 1 {
        shop.env.greffon(["sync"]).run().succeeds();
    }
    let version = format!("{generation}.0.0");
    want(&shop, &version, false);
    shop.env.greffon(["lock"]).run().succeeds();
    shop.env.greffon(["fetch"]).run().succeeds();
    let kept = shop.env.root().join("kept");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs").success());
    };
    copy(&shop.env.work(), &kept);
    let mut faults = Vec::new();
    for at in 1..2000 {
        copy(&kept, &shop.env.work());
        let first = shop.env.greffon(["sync", "--offline"]).env("GREFFON_KILL_AT", at.to_string()).env("GREFFON_BREAK", breaking).run();
        if first.status == 0 {
            return (at - 1, faults);
        }
        let second = shop.env.greffon(["sync", "--offline"]).env("GREFFON_BREAK", breaking).run().succeeds();
        assert_eq!(shop.code("one", "a"), format!("a {version}\n"), "killed at {at}");
        let said = format!("{}{}", first.stderr, second.stderr);
        for hook in [format!("installed {version}"), format!("at {generation}")] {
            if !said.contains(&hook) {
                faults.push(format!("killed at {at}: no hook ever said `{hook}`"));
            }
        }
        let state = shop.env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0]["state"].clone();
        if state != "clean" {
            faults.push(format!("killed at {at}: {state} in the end"));
        }
    }
    panic!("the sync never came to its end");
}

#[test]
fn no_kill_makes_a_hook_be_forgotten() {
    for generation in [1, 2] {
        let (kills, faults) = kills_around_hooks("", generation);
        assert!(kills > 20, "only {kills} kills");
        assert_eq!(faults, Vec::<String>::new(), "generation {generation}");
    }
}

#[test]
fn without_a_record_of_what_is_pending_kills_do() {
    let (_, faults) = kills_around_hooks("pending", 2);
    assert!(!faults.is_empty(), "the sweep is blind");
}

const REMOVING: &str = r#"
fn after_remove(event, host) {
    let told = #{ id: event.element.id, from: event.element.from, path: event.element.path, destructive: event.element.destructive, reason: event.reason,
        generation: event.generation, before: event.from, all: event.changes.len() };
    log::info(`removed ${json::text(told)}`);
    if fs::exists("slow") { log::info("waiting"); loop { } }
}
"#;

/// What a hook that is killed when an element goes with its data is told then, and what it is told when it runs again.
fn told_twice(meanwhile: &str, breaking: &str) -> (String, String) {
    let shop = Shop::new();
    for name in ["a", "b", "c"] {
        shop.publish("ours", name, "1.0.0", &[]);
        shop.publish("ours", name, "2.0.0", &[]);
    }
    shop.env.write("hooks/h.rhai", REMOVING);
    let hooks = format!("[hooks]\nafter-remove = {{ use = \"hooks/h.rhai\", allow = {{ read = [\".\"] }} }}\n{ONE}");
    let want = |plugins: &str| shop.manifest(&["ours"], plugins, &hooks);
    want("a = \"=1.0.0\"\nb = \"=1.0.0\"\nc = \"=1.0.0\"");
    shop.env.greffon(["sync"]).run().succeeds();
    want("a = \"=1.0.0\"\nc = \"=1.0.0\"");
    shop.env.write("slow", "");
    let mut command = shop.env.greffon(["sync", "-v", "--purge", "plugins/b", "--reason", "spring cleaning"]).env("GREFFON_BREAK", breaking).command();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let mut first = String::new();
    for line in BufReader::new(child.stderr.take().expect("its stderr")).lines() {
        let line = line.expect("a line");
        if line.contains("removed ") {
            first = line;
        } else if line.contains("waiting") {
            break;
        }
    }
    child.kill().expect("killed");
    assert!(!child.wait().expect("ended").success());
    shop.remove("slow");
    want(meanwhile);
    let again = shop.env.greffon(["sync", "-v"]).run().succeeds().stderr;
    let second = again.lines().find(|line| line.contains("removed ")).unwrap_or_default().to_owned();
    let told = |line: String| line.split_once("removed ").map(|(_, told)| told.to_owned()).unwrap_or_default();
    (told(first), told(second))
}

#[test]
fn a_hook_that_runs_again_is_told_what_it_was_told_first() {
    let (first, second) = told_twice("a = \"=1.0.0\"\nc = \"=1.0.0\"", "");
    for word in ["\"destructive\":true", "\"id\":\"plugins/b\"", "\"path\":\"plugins/b\"", "\"from\":\"1.0.0\"", "\"all\":1"] {
        assert!(first.contains(word), "{word} is missing in {first}");
    }
    assert_eq!(first, second);
    // A sync that changes something else on the way has it run all the same.
    let (_, second) = told_twice("a = \"=2.0.0\"\nc = \"=1.0.0\"", "");
    assert!(second.contains("\"id\":\"plugins/b\"") && second.contains("\"destructive\":true"), "{second}");
}

#[test]
fn without_a_record_of_it_the_hook_is_told_otherwise_or_nothing() {
    let (first, second) = told_twice("a = \"=1.0.0\"\nc = \"=1.0.0\"", "pending");
    assert_ne!(first, second);
}
