//! A small git history behind a real server, and the sources that look at it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greffon::error::Error;
use greffon::model::ObjectId;
use greffon::roles::{Context, ContextBuilder, Event, Events};
use greffon::sys::git::{Source, Sources, TransportChoice, Want};
use greffon::sys::http::{Http, HttpOptions, Timing};
use tempfile::TempDir;

use super::git_server::GitServer;
use super::repos::{Repo, git};

/// Http without the user's netrc, and without long waits.
pub fn quick() -> HttpOptions {
    let timing = Timing { stall: Duration::from_millis(2000), back_off: Duration::from_millis(5), longest_wait: Duration::from_secs(3), ..Timing::default() };
    HttpOptions { timing, netrc: Some("/dev/null".into()), ..HttpOptions::default() }
}

/// Three commits, published; see [`World::new`].
pub struct World {
    pub scratch: TempDir,
    pub repo: Repo,
    pub server: GitServer,
    /// The commits in order.
    pub commits: Vec<String>,
}

impl World {
    /// Three commits: `v1` an annotated tag on the first, `light` a plain one on the second, `main` at the third, `old` at the first.
    pub fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let repo = Repo::init(&scratch.path().join("work"));
        let mut commits = Vec::new();
        repo.write("a/b.txt", "one").write_executable("run.sh", "#!/bin/sh\n").link("link", "a/b.txt").write("big.bin", noise(1, 200_000));
        commits.push(repo.commit("one"));
        repo.annotated_tag("v1");
        repo.git(&["branch", "old"]);
        repo.write("a/b.txt", "two");
        commits.push(repo.commit("two"));
        repo.tag("light");
        repo.write("a/b.txt", "three").write("c.bin", noise(2, 50_000));
        commits.push(repo.commit("three"));
        let served = scratch.path().join("served");
        repo.publish(&served.join("x.git"));
        let server = GitServer::start(&served);
        Self { scratch, repo, server, commits }
    }
    pub fn bare(&self) -> PathBuf {
        self.scratch.path().join("served/x.git")
    }
    pub fn publish(&self) {
        self.repo.publish(&self.bare());
    }
    pub fn url(&self) -> String {
        self.server.url("/x.git")
    }
    pub fn root(&self) -> PathBuf {
        self.scratch.path().join("sources")
    }
    /// The sources as another process would see them.
    pub fn sources(&self) -> Sources {
        self.sources_by(TransportChoice::Auto)
    }
    pub fn sources_by(&self, transport: TransportChoice) -> Sources {
        Sources::new(&self.root(), Http::new(quick()).unwrap(), transport)
    }
    pub fn source(&self) -> Source {
        self.sources().open(&self.url(), None).unwrap()
    }
    pub fn id(&self, at: usize) -> ObjectId {
        self.commits[at].parse().unwrap()
    }
    pub fn want(&self, at: usize) -> Want {
        Want { reference: None, commit: self.id(at) }
    }
    /// Checks that a commit is there as git sees it, and readable.
    pub fn check(&self, source: &Source, at: usize) {
        assert!(source.has(self.id(at)));
        let tree = source.tree(self.id(at), None).unwrap();
        assert_eq!(tree.to_string(), self.repo.tree(&self.commits[at]));
        let listing = git(&source.directory(), &["ls-tree", "-r", &tree.to_string()]);
        assert_eq!(listing, self.repo.git(&["ls-tree", "-r", &self.commits[at]]));
        git(&source.directory(), &["fsck", "--connectivity-only", "--no-dangling"]);
        assert_eq!(source.read(tree, "a/b.txt").unwrap().unwrap(), ["one", "two", "three"][at].as_bytes());
    }
}

/// Bytes that do not compress.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// Everything an error would show.
pub fn all(error: &Error) -> String {
    format!("{error} | {:?} | {:?} | {error:?}", error.notes(), error.hints())
}

/// Keeps every event.
#[derive(Default)]
pub struct Seen(pub Mutex<Vec<Event>>);

impl Events for Seen {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Seen {
    pub fn told(&self, words: &str) -> bool {
        self.0.lock().unwrap().iter().any(|event| matches!(event, Event::Log { text, .. } if text.contains(words)))
    }
}

pub fn watched() -> (Arc<Seen>, Context) {
    let seen = Arc::new(Seen::default());
    (Arc::clone(&seen), ContextBuilder::default().events(seen).build())
}

pub fn names(source: &Source, cx: &Context) -> Vec<(String, String)> {
    source.refs(cx).unwrap().into_iter().map(|one| (one.name, one.commit.to_string())).collect()
}

pub fn expected_refs(world: &World) -> Vec<(String, String)> {
    [("HEAD", 2), ("refs/heads/main", 2), ("refs/heads/old", 0), ("refs/tags/light", 1), ("refs/tags/v1", 0)]
        .map(|(name, at)| (name.to_owned(), world.commits[at].clone()))
        .to_vec()
}
