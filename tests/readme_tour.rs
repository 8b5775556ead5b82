//! README.md keeps its word: its tour runs as it stands, its manifest parses, its commands are those of the program.
//!
//! The tour's blocks are ```` ```console ````. `$ ` begins a command; the lines below it, up to the next one, are everything that it
//! prints, on both streams; `...` stands for any lines. A command that fails on purpose ends with `# exits N`. All run in one bash,
//! so variables, functions and folders last. What differs from run to run is made alike on both sides, see [`alike`].
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use greffon::manifest::{Manifest, UserConfig};
use support::TestEnvironment;

/// Where the tour says that the reader's home is.
const HOME: &str = "/home/you";

/// One command of the tour.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    command: String,
    status: i32,
    shown: Vec<String>,
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// What stands below a heading of the second order.
fn chapter<'a>(text: &'a str, heading: &str) -> (usize, &'a str) {
    let mark = format!("\n## {heading}\n");
    let start = text.find(&mark).unwrap_or_else(|| panic!("README.md has no chapter `{heading}`")) + mark.len();
    let rest = &text[start..];
    (text[..start].lines().count(), &rest[..rest.find("\n## ").unwrap_or(rest.len())])
}

/// The commands of all `console` blocks; `before` lines stand above the text.
fn steps(text: &str, before: usize) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => {
                    let status = command.rsplit_once("# exits ").map_or(0, |(_, status)| status.trim().parse().expect("an exit status"));
                    steps.push(Step { line: before + number + 1, command: command.to_owned(), status, shown: Vec::new() });
                }
                None => steps.last_mut().expect("a command before its output").shown.push(line.to_owned()),
            },
        }
    }
    steps
}

/// Words alike: durations become `TIME`, short ids `ID`, dates and times of day `DATE`; ids of 40 digits are compared as they stand.
fn alike(line: &str) -> String {
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || b".:-".contains(&byte));
    let word = |word: &str| {
        let duration = word.strip_suffix("ms").or_else(|| word.strip_suffix('s')).is_some_and(digits);
        let id = word.len() == 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let date = digits(word) && (word.len() == 10 && word.matches('-').count() == 2 || word.len() == 5 && word.contains(':'));
        if duration {
            "TIME".to_owned()
        } else if id {
            "ID".to_owned()
        } else if date {
            "DATE".to_owned()
        } else {
            word.to_owned()
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Whether the lines are those shown; `...` stands for any number of them.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((gap, rest)) if gap == "..." => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        Some((line, rest)) => printed.split_first().is_some_and(|(first, others)| first == line && fits(rest, others)),
    }
}

/// One bash for all: what each command prints and how it ends is written to `<number>.out` and `<number>.status`.
fn script(steps: &[Step], into: &Path) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let out = into.join(number.to_string());
        let out = out.display();
        let command = &step.command;
        writeln!(text, "{{ {command}\n}} >'{out}.out' 2>&1\necho $? >'{out}.status'").expect("a line");
    }
    text
}

#[test]
fn the_tour_runs_as_it_stands() {
    let readme = readme();
    let (before, tour) = chapter(&readme, "A five-minute tour");
    let steps = steps(tour, before);
    for expected in ["init", "add", "lock", "plan", "sync", "status", "rollback", "sync --release", "build"] {
        assert!(steps.iter().any(|step| step.command.starts_with(&format!("greffon {expected}"))), "the tour leaves out `{expected}`");
    }

    let env = TestEnvironment::new();
    let template = env.greffon(["--version"]).without_env("GREFFON_STOCK").command();
    let mut path = OsString::from(Path::new(template.get_program()).parent().expect("the binary's folder"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let into = env.root().join("tour");
    std::fs::create_dir(&into).expect("a folder for what is printed");
    std::fs::write(into.join("tour.sh"), script(&steps, &into)).expect("the script");
    let ended = Command::new("bash")
        .arg(into.join("tour.sh"))
        .env_clear()
        .envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", path)
        .current_dir(env.home())
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let read = |number: usize, what: &str| std::fs::read_to_string(into.join(format!("{number}.{what}"))).ok();
    let home = env.home().display().to_string();

    for (number, step) in steps.iter().enumerate() {
        let place = format!("README.md:{}: `{}`", step.line, step.command);
        let status = read(number, "status").unwrap_or_else(|| panic!("{place} was not reached: {}", String::from_utf8_lossy(&ended.stderr)));
        let printed = read(number, "out").unwrap_or_default().replace(&home, HOME);
        assert_eq!(status.trim(), step.status.to_string(), "{place} exits so, and prints:\n{printed}");
        let alike_shown: Vec<String> = step.shown.iter().map(|line| alike(line)).collect();
        let alike_printed: Vec<String> = printed.lines().map(alike).collect();
        assert!(fits(&alike_shown, &alike_printed), "{place}\n--- README.md\n{}\n--- printed\n{printed}", step.shown.join("\n"));
    }
    assert_eq!(
        std::fs::read_dir(env.home()).expect("home").filter_map(Result::ok).filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count(),
        0,
        "the tour leaves something behind"
    );
}

#[test]
fn what_the_tour_shows_is_compared() {
    let text = "```console\n$ one # exits 3\nab\n...\n\nyz\n$ two\n```\n$ three\n";
    let found = steps(text, 10);
    assert_eq!(found.iter().map(|step| (step.line, step.command.as_str(), step.status)).collect::<Vec<_>>(), [(12, "one # exits 3", 3), (17, "two", 0)]);
    let lines = |text: &str| text.lines().map(alike).collect::<Vec<_>>();
    assert!(fits(&found[0].shown, &lines("ab\nmore\n\n\nyz")));
    assert!(!fits(&found[0].shown, &lines("ab\nyz")));
    assert!(fits(&found[1].shown, &[]));
    assert!(!fits(&found[1].shown, &lines("a line")));
    assert_eq!(lines("Synced main: generation 1, 2.31s\n3  2026-11-21 03:00  2a5b9ab"), ["Synced main: generation 1, TIME", "3  DATE DATE  ID"]);
    let tree = "0a83992a6c0832d61ec756c8a5fe940dcb3329e5";
    assert_eq!(alike(tree), tree);
}

#[test]
fn the_manifest_parses_and_means_what_it_says() {
    let readme = readme();
    let (_, text) = chapter(&readme, "The manifest");
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("an example");
    let path = Path::new("/project/greffon.toml");
    let manifest = Manifest::parse(path, format!("{example}\n")).unwrap_or_else(|error| panic!("README.md's manifest does not parse: {error:?}"));
    assert_eq!(manifest.sites.len(), 2);
    assert_eq!(manifest.config.repositories.len(), 1);
    assert!(Manifest::parse(path, format!("{example}\nwithoutt = []\n")).is_err(), "unknown keys are errors");
}

#[test]
fn the_configuration_is_read_as_it_stands() {
    let readme = readme();
    let (_, text) = chapter(&readme, "Where things lie");
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("an example");
    let env = TestEnvironment::new();
    env.write("config.toml", example);
    let config = UserConfig::load_from(&[env.path("config.toml")], |_| None).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((config.jobs, config.stock_max_size, config.mirrors.len(), config.secrets.len()), (Some(8), Some(20 << 30), 1, 1));
    for name in text.split('`').filter(|word| word.starts_with("GREFFON_") && !word.contains('<')) {
        let wrong = UserConfig::load_from(&[], |asked| (asked == name).then(|| "/\u{7f}odd://".into()));
        assert!(
            wrong.is_err() || wrong.is_ok_and(|config| config.stock.is_some() || config.ca_bundle.is_some() || config.git_transport.is_some()),
            "`{name}` is not read"
        );
    }
}

#[test]
fn the_commands_are_those_of_the_program() {
    let readme = readme();
    let (_, text) = chapter(&readme, "Commands");
    let table = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let named: BTreeSet<String> = table.flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
    let env = TestEnvironment::new();
    let help = env.greffon(["help"]).run().succeeds().stdout;
    let overview = help.split("\nOptions:").next().expect("the list stands before the options");
    let known: BTreeSet<String> =
        overview.lines().filter_map(|line| line.strip_prefix("  ")).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert_eq!(named, known);
}
