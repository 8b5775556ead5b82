//! Figures, not tests: `cargo test --release --test git_speed -- --ignored --nocapture --test-threads 1`.

#![allow(clippy::print_stderr, clippy::disallowed_methods, clippy::similar_names)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use greffon::roles::Context;
use greffon::sys::git::{Sources, TransportChoice, Want};
use greffon::sys::http::{Http, HttpOptions};
use support::{GitServer, Repo, git};

/// Text that compresses as source code does: words from a small store, in an order of its own.
fn text(seed: usize, length: usize) -> Vec<u8> {
    const WORDS: [&str; 24] = [
        "function ",
        "return ",
        "$this->",
        "array(",
        "public ",
        "static ",
        "if (",
        ") {\n    ",
        "}\n",
        "'string' ",
        "=> ",
        "null;\n",
        "foreach ",
        "class ",
        "// comment ",
        "require_once ",
        "define(",
        "get_string(",
        "true",
        "false",
        "&& ",
        "|| ",
        "new ",
        "stdClass",
    ];
    let mut state = seed as u64 * 0x9e37_79b9 + 1;
    let mut text = format!("<?php // file {seed}\n").into_bytes();
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend_from_slice(WORDS[(state % 24) as usize].as_bytes());
        if state.is_multiple_of(7) {
            text.extend_from_slice(format!("{:x}", state >> 40).as_bytes());
        }
    }
    text
}

fn repository(folder: &Path, seed: usize, files: usize) -> Repo {
    let repo = Repo::init(folder);
    let content: Vec<(String, Vec<u8>)> =
        (0..files).map(|at| (format!("d{}/e{}/f{at}.php", at % 100, at / 100 % 10), text(seed * 100_000 + at, 1000 + at * 37 % 20_000))).collect();
    repo.commit_many(content.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    repo
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    run();
    let took = begun.elapsed();
    eprintln!("{what:48} {:7.2} s", took.as_secs_f64());
    took
}

fn fetch(root: &Path, url: &str, commit: &str, transport: TransportChoice) {
    let sources = Sources::new(root, Http::new(HttpOptions::default()).unwrap(), transport);
    let source = sources.open(url, None).unwrap();
    source.refs(&Context::silent()).unwrap();
    source.fetch(&Context::silent(), &[Want { reference: None, commit: commit.parse().unwrap() }]).unwrap();
}

#[test]
#[ignore = "takes a minute; for figures"]
fn a_big_pack() {
    let scratch = tempfile::tempdir().unwrap();
    let served = scratch.path().join("served");
    let bare = served.join("big.git");
    // A repository of one's own may be given, such as a clone of a real core.
    if let Ok(real) = std::env::var("SPEED_REPOSITORY") {
        git(scratch.path(), &["clone", "-q", "--bare", &real, bare.to_str().unwrap()]);
        git(&bare, &["branch", "-f", "main", "HEAD"]);
    } else {
        repository(&scratch.path().join("work"), 1, 25_000).publish(&bare);
    }
    git(&bare, &["gc", "-q"]);
    let commit = git(&bare, &["rev-parse", "refs/heads/main"]);
    let server = GitServer::start(&served);
    let url = server.url("/big.git");
    for round in 0..3 {
        eprintln!("round {round}");
        let place = |name: &str| scratch.path().join(format!("{name}{round}"));
        timed("git fetch --depth 1", || {
            git(scratch.path(), &["init", "-q", "--bare", place("plain").to_str().unwrap()]);
            git(&place("plain"), &["fetch", "-q", "--depth", "1", &url, "main"]);
        });
        timed("git clone --depth 1", || git(scratch.path(), &["clone", "-q", "--depth", "1", &url, place("clone").to_str().unwrap()]));
        timed("greffon, libgit2 over http", || fetch(&place("auto"), &url, &commit, TransportChoice::Auto));
        timed("greffon, git program over http", || fetch(&place("cli"), &url, &commit, TransportChoice::Cli));
        timed("greffon, path read as data", || fetch(&place("path"), bare.to_str().unwrap(), &commit, TransportChoice::Auto));
        for name in ["plain", "clone", "auto", "cli", "path"] {
            std::fs::remove_dir_all(place(name)).unwrap();
        }
    }
}

#[test]
#[ignore = "takes a minute; for figures"]
fn thirty_repositories_and_a_core() {
    let scratch = tempfile::tempdir().unwrap();
    let served = scratch.path().join("served");
    // Real repositories may be given, one a line, the core first.
    let real = std::env::var("SPEED_REPOSITORIES").unwrap_or_default();
    let real: Vec<&str> = real.lines().collect();
    let repos: Vec<(String, String)> = (0..if real.is_empty() { 31 } else { real.len() })
        .map(|at| {
            let name = format!("{at}.git");
            let bare = served.join(&name);
            match real.get(at) {
                Some(real) => drop(git(scratch.path(), &["clone", "-q", "--bare", real, bare.to_str().unwrap()])),
                None => repository(&scratch.path().join(format!("work{at}")), at + 2, if at == 0 { 25_000 } else { 400 }).publish(&bare),
            }
            git(&bare, &["gc", "-q"]);
            (name, git(&bare, &["rev-parse", "HEAD"]))
        })
        .collect();
    let server = GitServer::start(&served);
    for round in 0..3 {
        for (label, repos) in [("plugins", &repos[1..]), ("plugins and a core", &repos[..])] {
            let clones = scratch.path().join(format!("clones{round}"));
            std::fs::create_dir(&clones).unwrap();
            let one = timed(&format!("{label}: git clone --depth 1, one by one"), || {
                for (name, _) in repos {
                    git(&clones, &["clone", "-q", "--depth", "1", &server.url(&format!("/{name}"))]);
                }
            });
            for threads in [1, 4, 8] {
                let root = scratch.path().join(format!("sources{round}"));
                let sources = Sources::new(&root, Http::new(HttpOptions::default()).unwrap(), TransportChoice::Auto);
                let queue = std::sync::Mutex::new(repos.iter());
                let ours = timed(&format!("{label}: greffon, {threads} threads"), || {
                    std::thread::scope(|scope| {
                        for _ in 0..threads {
                            scope.spawn(|| {
                                loop {
                                    let Some((name, commit)) = queue.lock().unwrap().next() else { return };
                                    let source = sources.open(&server.url(&format!("/{name}")), None).unwrap();
                                    source.refs(&Context::silent()).unwrap();
                                    source.fetch(&Context::silent(), &[Want { reference: None, commit: commit.parse().unwrap() }]).unwrap();
                                }
                            });
                        }
                    });
                });
                eprintln!("{:48} {:7.2} of the clones", "", ours.as_secs_f64() / one.as_secs_f64());
                std::fs::remove_dir_all(&root).unwrap();
            }
            std::fs::remove_dir_all(&clones).unwrap();
        }
    }
}
