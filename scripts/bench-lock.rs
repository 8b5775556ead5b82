//! The part of `scripts/bench` that measures `greffon lock`: whole registries on disk, a manifest a question, one process each.
//!
//! `bench-lock DATA WORK QUESTIONS`: the data sets in DATA (none of them need be there), everything written below WORK. The
//! programs `greffon` and, where it is installed, `composer` are those of PATH. Each question is put to both in turn, so that what
//! else the machine does weighs on both.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, clippy::pedantic, dead_code, unreachable_pub)]

#[path = "../tests/lock_data/data.rs"]
mod data;
#[path = "../tests/lock_data/registry.rs"]
mod registry;
#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::{Value, json};

use data::{Data, Packages, Question, Release, in_our_words};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, work, questions] = arguments.as_slice() else { return usage() };
    let Ok(questions) = questions.parse::<usize>() else { return usage() };
    let bench = Bench { work: PathBuf::from(work), questions, composer: program("composer") };
    if !bench.composer {
        println!("  (no `composer` here to compare with)");
    }
    for name in ["wally", "purescript"] {
        if let Some(data) = Data::open(Path::new(data), name) {
            let asked: Vec<Question> = data.lines("roots");
            bench.measure(name, &data.packages, &asked);
        }
    }
    let (packages, asked) = sparse(100_000, questions);
    bench.measure("sparse", &packages, &asked);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: bench-lock DATA WORK QUESTIONS");
    ExitCode::from(2)
}

fn program(name: &str) -> bool {
    Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

struct Bench {
    work: PathBuf,
    questions: usize,
    composer: bool,
}

/// How long each run took, and whether it found an answer.
#[derive(Default)]
struct Times(Vec<(Duration, bool)>);

impl Times {
    fn told(&self, what: &str, more: &str) -> Duration {
        let mut all: Vec<Duration> = self.0.iter().map(|(took, _)| *took).collect();
        all.sort();
        let at = |share: usize| all.get(all.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
        let shown = |took: Duration| format!("{:.1} ms", took.as_secs_f64() * 1000.0);
        let answered = self.0.iter().filter(|(_, found)| *found).count();
        println!(
            "  {what:34} p50 {}, p90 {}, p99 {}, most {}; {answered} of {} have an answer{more}",
            shown(at(50)),
            shown(at(90)),
            shown(at(99)),
            shown(at(100)),
            all.len()
        );
        at(50)
    }

    fn answered(&self) -> Self {
        Self(self.0.iter().copied().filter(|(_, found)| *found).collect())
    }
}

impl Bench {
    fn measure(&self, name: &str, packages: &Packages, asked: &[Question]) {
        let folder = self.work.join(name);
        let releases: usize = packages.values().map(IndexMap::len).sum();
        registry::write(packages, &folder.join("index"));
        let compare = self.composer && name != "sparse";
        if compare {
            composer_repository(packages, asked, &folder.join("composer"));
        }
        println!("\n{name}: {} elements, {releases} versions on disk", packages.len());
        let url = folder.join("index").to_string_lossy().into_owned();
        let (mut ours, mut theirs, mut peak) = (Times::default(), Times::default(), 0);
        for question in asked.iter().take(self.questions) {
            let project = folder.join(format!("project-{}", ours.0.len()));
            std::fs::create_dir_all(&project).expect("a folder");
            std::fs::write(project.join("greffon.toml"), manifest(&url, question)).expect("written");
            if ours.0.is_empty() {
                // the stock is made, once
                greffon(&project);
            }
            let _ = std::fs::remove_file(project.join("greffon.lock"));
            ours.0.push(timed(&mut greffon(&project)));
            if compare {
                theirs.0.push(timed(&mut composer(&project, &folder.join("composer"), question)));
            }
            let _ = std::fs::remove_file(project.join("greffon.lock"));
            peak = peak.max(memory(&mut greffon(&project)));
        }
        let mine = ours.told("greffon lock", &format!(", peak {:.1} MB", peak as f64 * 1024.0 / 1e6));
        ours.answered().told("  those with an answer", "");
        if compare {
            let other = theirs.told("composer update --no-install", "");
            println!("    at the median {:.1} × as fast as composer", other.as_secs_f64() / mine.as_secs_f64());
        }
        if name == "sparse" {
            self.over_http(&folder, asked);
        }
        let _ = std::fs::remove_dir_all(&folder);
    }

    /// The same index behind a web server of this machine, from which nothing is kept.
    fn over_http(&self, folder: &Path, asked: &[Question]) {
        let server = support::FileServer::of_folder(&folder.join("index"));
        let mut times = Times::default();
        for question in asked.iter().take(self.questions.min(50)) {
            let project = folder.join(format!("project-{}", times.0.len()));
            std::fs::write(project.join("greffon.toml"), manifest(&server.url("/"), question)).expect("written");
            let _ = std::fs::remove_file(project.join("greffon.lock"));
            if let Some(stock) = std::env::var_os("GREFFON_STOCK") {
                let _ = std::fs::remove_dir_all(PathBuf::from(stock).join("info/http"));
            }
            times.0.push(timed(&mut greffon(&project)));
        }
        times.told("greffon lock, over http, nothing kept", "");
    }
}

fn manifest(url: &str, question: &Question) -> String {
    registry::manifest(url, question.roots.iter().map(|(name, text)| (name, in_our_words(text))))
}

fn greffon(project: &Path) -> Command {
    let mut command = Command::new("greffon");
    command.arg("lock").current_dir(project).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn timed(command: &mut Command) -> (Duration, bool) {
    let start = Instant::now();
    let status = command.status().expect("the program runs");
    (start.elapsed(), status.success())
}

/// The peak memory in kB, looked at while the program lives: what grows in the last fifth of a millisecond is missed.
fn memory(command: &mut Command) -> u64 {
    let mut child = command.spawn().expect("the program runs");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while matches!(child.try_wait(), Ok(None)) {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_micros(200));
    }
    most
}

// ---- composer ----------------------------------------------------------------------------------------------------------

/// A name as Composer wants it: `vendor/package` of lower-case words.
fn composer_name(name: &str) -> String {
    let word = |part: &str| {
        let fine = part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte));
        let ends = part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.ends_with(|c: char| c.is_ascii_alphanumeric());
        let doubled = ["--", "__", "..", "-_", "_-", ".-", "-.", "._", "_."].iter().any(|pair| part.contains(pair));
        fine && ends && !doubled
    };
    match name.split_once('/') {
        Some((vendor, package)) if word(vendor) && word(package) => name.to_owned(),
        None if word(name) => format!("all/{name}"),
        _ => format!("spelled/x{}", hex::encode(name)),
    }
}

/// A repository of Composer's newer kind, a file a package: the one it reads fastest.
fn composer_repository(packages: &Packages, asked: &[Question], folder: &Path) {
    let place = |name: &str| folder.join(format!("p2/{}.json", composer_name(name)));
    let put = |path: &Path, value: &Value| {
        std::fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        std::fs::write(path, value.to_string()).expect("written");
    };
    let metadata = format!("file://{}/p2/%package%.json", folder.display());
    put(&folder.join("packages.json"), &json!({ "packages": [], "metadata-url": metadata }));
    // what nobody knows must be said to be so: a missing file is a failure where there is no web server
    let needed = packages.values().flat_map(IndexMap::values).flat_map(|release| release.deps.keys().chain(release.conflicts.keys()));
    for name in needed.chain(asked.iter().flat_map(|question| question.roots.keys())).filter(|name| !packages.contains_key(*name)) {
        put(&place(name), &json!({ "packages": { composer_name(name): [] } }));
    }
    for (name, releases) in packages {
        let name = composer_name(name);
        let asks = |list: &IndexMap<String, String>| list.iter().map(|(target, text)| (composer_name(target), text.clone())).collect::<IndexMap<_, _>>();
        let version = |(version, release): (&String, &Release)| {
            let dist = json!({ "type": "zip", "url": format!("file:///nowhere/{name}-{version}.zip") });
            json!({
                "name": name, "version": version, "version_normalized": format!("{version}.0"),
                "require": asks(&release.deps), "conflict": asks(&release.conflicts), "dist": dist,
            })
        };
        put(&folder.join(format!("p2/{name}.json")), &json!({ "packages": { name.clone(): releases.iter().map(version).collect::<Vec<_>>() } }));
    }
}

fn composer(project: &Path, repository: &Path, question: &Question) -> Command {
    let roots: IndexMap<String, &String> = question.roots.iter().map(|(name, text)| (composer_name(name), text)).collect();
    let repositories = json!([{ "type": "composer", "url": format!("file://{}", repository.display()) }, { "packagist.org": false }]);
    let manifest = json!({ "repositories": repositories, "require": roots });
    std::fs::write(project.join("composer.json"), manifest.to_string()).expect("written");
    let _ = std::fs::remove_file(project.join("composer.lock"));
    let mut command = Command::new("composer");
    command
        .args(["update", "--no-install", "--no-interaction", "--no-plugins", "--no-scripts", "--no-audit", "--no-progress"])
        .current_dir(project)
        .env("COMPOSER_HOME", repository.join("home"))
        .env("COMPOSER_CACHE_DIR", repository.join("cache"))
        .env("COMPOSER_ALLOW_SUPERUSER", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

// ---- a large index of which little is read ------------------------------------------------------------------------------

/// The same numbers for the same seed, on every machine (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    }
}

/// So many elements of up to eight versions. Most needs go to a few that everybody uses, as registries have it.
fn sparse(elements: usize, questions: usize) -> (Packages, Vec<Question>) {
    let mut dice = Dice(0x5DEE_CE66_D123_4567);
    let name = |at: usize| format!("owner{}/part{at}", at % 2_000);
    let mut packages = Packages::new();
    for at in 0..elements {
        let releases = packages.entry(name(at)).or_default();
        for number in 0..1 + dice.roll(8) {
            let mut release = Release::default();
            for _ in 0..dice.roll(4) {
                // the product of rolls is small more often than large
                let target = dice.roll(1_000) * dice.roll(at + 1) / 1_000;
                if target != at {
                    let text = ["*", ">=1.0.0", ">=1.0.0 <2.0.0", "<3.0.0"][dice.roll(4)];
                    release.deps.insert(name(target), text.to_owned());
                }
            }
            releases.insert(format!("{}.{}.0", 1 + number / 3, number % 3), release);
        }
    }
    let ask = |id: usize| {
        let roots = (0..1 + dice.roll(12)).map(|_| (name(dice.roll(elements)), ["*", ">=1.0.0 <2.0.0"][dice.roll(2)].to_owned())).collect();
        Question { id: id.into(), roots, locked: Default::default() }
    };
    let asked = (0..questions).map(ask).collect();
    (packages, asked)
}
