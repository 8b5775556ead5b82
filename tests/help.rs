//! Help, completions and what every command does alike: streams, exit statuses, broken pipes.
#![allow(clippy::disallowed_methods)]

mod support;

use std::process::Stdio;

use support::TestEnvironment;

/// The names that the overview shows, in its order.
fn commands(overview: &str) -> Vec<String> {
    let listed = overview.split("\nOptions:").next().expect("the list stands before the options");
    listed.lines().filter_map(|line| line.strip_prefix("  ")).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_overview_is_as_recorded() {
    let env = TestEnvironment::new();
    let help = env.greffon(["help"]).run().succeeds();
    snapbox::assert_data_eq!(help.stdout.as_str(), snapbox::file!["recorded/help.txt"]);
    assert_eq!(help.stderr, "");
    assert_eq!(env.greffon(["--help"]).run().succeeds().stdout, help.stdout);
    let short = env.greffon(["-h"]).run().succeeds().stdout;
    assert_eq!(commands(&short), commands(&help.stdout));
    assert!(short.len() < help.stdout.len());
}

#[test]
fn every_help_has_a_line_a_long_text_and_examples() {
    let env = TestEnvironment::new();
    let names = commands(&env.greffon(["help"]).run().succeeds().stdout);
    assert!(names.len() >= 25, "{names:?}");
    let nested = [
        ("history", vec!["mark", "prune", "pack"]),
        ("saved", vec!["list", "restore", "drop"]),
        ("patch", vec!["create", "list", "rebase", "drop"]),
        ("stock", vec!["list", "add", "gc", "verify", "export", "import"]),
        ("repo", vec!["index", "yank", "use"]),
        ("extension", vec!["new", "check", "run", "test", "list"]),
    ];
    let mut paths: Vec<Vec<&str>> = names.iter().map(|name| vec![name.as_str()]).collect();
    for (group, actions) in &nested {
        paths.extend(actions.iter().map(|action| vec![*group, *action]));
    }
    for path in paths {
        let help = env.greffon(path.iter().copied().chain(["--help"])).run().succeeds();
        assert!(help.stdout.contains("Usage: greffon "), "{path:?}:\n{}", help.stdout);
        assert!(help.stdout.contains("\nExamples:\n  greffon "), "{path:?}:\n{}", help.stdout);
        assert!(help.stdout.split("\nUsage:").next().is_some_and(|text| text.trim().lines().count() >= 3), "{path:?} has no long text:\n{}", help.stdout);
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 120), "{path:?} is too wide");
        let short = env.greffon(path.iter().copied().chain(["-h"])).run().succeeds();
        assert!(short.stdout.contains("\nExamples:\n"), "{path:?} -h");
    }
}

#[test]
fn completions_know_every_command() {
    let env = TestEnvironment::new();
    let names = commands(&env.greffon(["help"]).run().succeeds().stdout);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = env.greffon(["completions", shell]).run().succeeds().stdout;
        for name in &names {
            assert!(script.contains(name.as_str()), "{shell} does not know `{name}`");
        }
    }
}

#[test]
fn editors_get_the_schema_of_the_manifest() {
    let env = TestEnvironment::new();
    let run = env.greffon(["init", "--schema"]).run().succeeds();
    let schema: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert!(schema["$schema"].is_string() && schema["properties"]["sites"].is_object(), "{schema:#}");
    assert!(!env.exists("greffon.toml") && run.stderr.is_empty());
    env.greffon(["init", "--schema", "shop"]).run().fails(2);
}

#[test]
fn wrong_usage_is_status_2_and_says_so_on_stderr() {
    let env = TestEnvironment::new();
    for words in [&["nosuch"][..], &["sync", "--nosuch"], &["add"], &["sync", "--all", "--site", "a"], &[]] {
        let run = env.greffon(words).run().fails(2);
        assert_eq!(run.stdout, "", "{words:?}");
        assert!(run.stderr.contains("Usage:"), "{words:?}: {}", run.stderr);
    }
    let run = env.greffon(["sync", "--nosuch", "--json"]).run().fails(2);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("one JSON document");
    assert_eq!((&error["schema"], &error["kind"]), (&"greffon/error/1".into(), &"usage".into()));
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let env = TestEnvironment::new();
    assert!(!env.greffon(["help"]).run().succeeds().stdout.contains('\u{1b}'));
    let forced = env.greffon(["help"]).env("CLICOLOR_FORCE", "1").run().succeeds();
    assert!(forced.stdout.contains('\u{1b}'));
    let silenced = env.greffon(["help"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").run().succeeds();
    assert!(!silenced.stdout.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let env = TestEnvironment::new();
    let mut child =
        env.greffon(["completions", "bash"]).command().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_disk_behind_stdout_is_a_failure() {
    let env = TestEnvironment::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let output = env.greffon(["completions", "bash"]).command().stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: could not write to the standard output\n"), "{stderr}");
}

#[test]
fn redactions_replace_what_differs_and_nothing_else() {
    let root = std::path::Path::new("/tmp/x");
    let text = "34ms 2.31s 12 items [/tmp/x/a] 127.0.0.1:4711/p 0123456789012345678901234567890123456789 v2.3s5 3 sites";
    assert_eq!(support::redact(text, root), "[TIME] [TIME] 12 items [[ROOT]/a] [HOST]/p [ID] v2.3s5 3 sites");
}
