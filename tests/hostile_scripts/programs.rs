//! `process` and `env`: arguments that are no arguments, other programs than the granted, and those that will not end.

use super::stage::{CANARY, Case, Serves, Stage, each, granted};
use super::support::Terminal;

const RUN: &str = "allow = { run = [\"sh\", \"printf\", \"env\", \"cat\", \"tool\", \"x/data/own.sh\"], read = [\"x/data\"] }\n";

fn run(name: &'static str, body: &str, says: &'static [&'static str]) -> Case {
    granted(name, RUN, body, says)
}

fn sh(script: &str) -> String {
    format!("process::run([\"sh\", \"-c\", {script:?}]); throw \"ended\";")
}

#[test]
fn arguments_stay_arguments_and_programs_the_granted_ones() {
    let stage = Stage::new();
    let others: Vec<String> = [
        "ls",
        "/bin/sh",
        "./sh",
        "x/data/sh",
        "x/data/../../x/data/own.sh",
        "sh ",
        "sh -c id",
        "SH",
        "",
        "../work/x/data/own.sh",
        "bash",
        "/usr/bin/env",
        "-c",
        "sh\0",
    ]
    .map(String::from)
    .to_vec();
    let variables: Vec<String> =
        ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "ENV", "IFS", "A=B", "", "A B", "A\0"].map(String::from).to_vec();
    let folders: Vec<String> = ["/", "..", "x/data/..", "x", "../outside", "/proc/self/cwd", "x/data/none/../.."].map(String::from).to_vec();
    stage.all(&[
        run(
            "what a shell would take apart",
            "let evil = \"a; touch ../outside/pwned $(touch pwned) `touch pwned` | x > pwned && y 'z' \\\"q\\\" * ~ \\n#\";\nlet said = process::run([\"printf\", \"%s\", evil]).stdout;\nthrow if said == evil { \"unchanged\" } else { said };",
            &["h.rhai:4:", "unchanged"],
        ),
        run("other programs", &each(&others, "process::run([it])", &["may not run", "nul", "are texts"]), &["through: []"]),
        run("variables that decide what runs", &each(&variables, "let e = #{}; e[it] = \"x\"; process::run([\"env\"], #{ env: e })", &["cannot be set"]), &["through: []"]),
        run("other folders", &each(&folders, "process::run([\"env\"], #{ cwd: it })", &["may not read"]), &["through: []"]),
        run("no list", "process::run(\"sh -c id\");", &["h.rhai:2:", "must be a list"]),
        run("nothing to run", "process::run([]);", &["h.rhai:2:", "program"]),
        run("options that are none", "process::run([\"env\"], #{ shell: true });", &["h.rhai:2:", "no option `shell`"]),
        run("the environment of greffon", "throw process::run([\"env\"]).stdout;", &["h.rhai:2:", "PATH="]),
        granted("a variable that is not granted", "allow = { env = [\"LANG\"] }\n", "throw env::get(\"GREFFON_TOKEN_EVIL\");", &["h.rhai:2:", "may not see"]),
        granted("all variables", "allow = { env = [\"*\"] }\n", "throw env::get(\"GREFFON_TOKEN_EVIL\");", &["h.rhai:2:", "may not see"]),
        granted("no grant at all", "", "process::run([\"sh\"]);", &["h.rhai:2:", "allow = { run"]),
    ]);
}

/// A search path with an entry that is seen from where a program runs would find another program than was granted.
#[test]
fn a_program_is_not_found_where_it_runs() {
    let stage = Stage::new();
    stage.shop.env.write("x/h.rhai", "fn before_sync(event, host) {\nthrow process::run([\"tool\"], #{ cwd: \"x/data\" }).stdout;\n}\n");
    stage.shop.env.write("x/data/tool", format!("#!/bin/sh\necho {CANARY}\n"));
    std::process::Command::new("chmod").arg("+x").arg(stage.shop.env.path("x/data/tool")).status().expect("chmod runs");
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, RUN));
    stage.shop.env.greffon(["trust"]).run().succeeds();
    let path = std::env::var("PATH").expect("a path");
    for path in [format!(".:{path}"), format!(":{path}"), format!("{path}:x/data"), format!("{path}:")] {
        let run = stage.shop.env.greffon(["sync"]).env("PATH", path).run().fails(1).says("`tool` is not installed");
        assert!(!run.stderr.contains(CANARY));
    }
    // The twin: by its path, granted so, it is found and run.
    stage.shop.env.write("x/data/own.sh", format!("#!/bin/sh\necho {CANARY}\n"));
    std::process::Command::new("chmod").arg("+x").arg(stage.shop.env.path("x/data/own.sh")).status().expect("chmod runs");
    stage.shop.env.write("x/h.rhai", "fn before_sync(event, host) {\nthrow process::run([\"x/data/own.sh\"]).stdout;\n}\n");
    stage.shop.env.greffon(["sync"]).run().fails(1).says(CANARY);
}

#[test]
fn programs_end_with_their_time_and_with_all_they_started() {
    let stage = Stage::new();
    let mark = stage.shop.env.path("pwned").display().to_string();
    let late = format!("(sleep 300; echo x > {mark})");
    const OVER: &str = "`waiting`";
    let mut cases = vec![
        run("one that sleeps", &sh("sleep 60"), &["h.rhai:2:", OVER]),
        run("one that does not listen", &sh("trap '' TERM INT HUP; while :; do sleep 0.1; done"), &["h.rhai:2:", OVER]),
        run("a child in the background", &sh(&format!("{late} & sleep 60")), &["h.rhai:2:", OVER]),
        run("a child that does not listen", &sh(&format!("(trap '' TERM; {late}) & sleep 60")), &["h.rhai:2:", OVER]),
        run(
            "one that reads what nobody writes",
            "process::run([\"cat\"], #{ input: \"x\" }); process::run([\"sh\", \"-c\", \"cat; sleep 60\"]);",
            &["h.rhai:2:", OVER],
        ),
        run("gigabytes", &sh("yes"), &["h.rhai:2:", OVER]),
        run("gigabytes of errors", &sh("yes >&2"), &["h.rhai:2:", OVER]),
        run("bytes that steer terminals", "throw process::run([\"printf\", \"\\\\033[2J\\\\033]0;owned\\\\007\\\\r gone\"]).stdout;", &["h.rhai:2:", "gone"]),
        run("time by its own word", "process::run([\"sh\", \"-c\", \"sleep 60\"], #{ timeout: 1000000 });", &["h.rhai:2:", OVER]),
        run(
            "one after the other",
            "loop { try { process::run([\"sh\", \"-c\", \"sleep 60\"], #{ timeout: 1 }); } catch { } }",
            &["h.rhai:", "`waiting`|`seconds`"],
        ),
        run("programs without end", "loop { process::run([\"printf\", \"x\"]); }", &["h.rhai:", "`waiting`|`seconds`|`operations`"]),
    ];
    if std::path::Path::new("/usr/bin/setsid").is_file() {
        cases.push(run("one of a session of its own", &sh(&format!("setsid sh -c '{late}' & sleep 60")), &["h.rhai:2:", OVER]));
        cases.push(run("a grandchild of a session of its own", &sh(&format!("(setsid sh -c '({late}) &') & sleep 60")), &["h.rhai:2:", OVER]));
    }
    stage.all(&cases);
    // Whoever was asked to leave may take a moment on a busy machine.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while lives(&mark) {
        assert!(std::time::Instant::now() < end, "somebody lived on");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // The twin: one that nobody ends is seen.
    let mut child = std::process::Command::new("sh").args(["-c", "read x", &mark]).stdin(std::process::Stdio::piped()).spawn().expect("started");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut seen = lives(&mark);
    while !seen && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(50));
        seen = lives(&mark);
    }
    drop(child.stdin.take());
    child.wait().expect("ended");
    assert!(seen || !std::path::Path::new("/proc/self/cmdline").exists(), "the look is blind");
}

/// Whether a process has this among its words.
fn lives(mark: &str) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| std::fs::read(process.path().join("cmdline")).is_ok_and(|words| String::from_utf8_lossy(&words).contains(mark)))
}

/// What the user types is not a program's to read, and a program cannot play the prompt.
#[test]
fn the_terminal_is_not_a_programs_to_read() {
    let stage = Stage::new();
    stage.shop.env.write(
        "x/h.rhai",
        format!(
            "fn before_sync(event, host) {{\n{}\n}}\n",
            "let said = process::run([\"sh\", \"-c\", \"head -n 1; head -n 1 < /dev/tty\"]).stdout; throw `heard: ${said}`;"
        ),
    );
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, RUN));
    stage.shop.env.greffon(["trust"]).run().succeeds();
    let mut terminal = Terminal::start(stage.shop.env.greffon(["sync", "-y"]));
    terminal.press("typed-by-the-user\ntyped-by-the-user\n");
    let (status, text) = terminal.end();
    assert_eq!(status, Some(1), "{text}");
    assert!(!text.contains("heard: typed"), "{text}");
}
