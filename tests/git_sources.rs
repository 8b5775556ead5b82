//! `sys::git`'s sources against real repositories: by a real git http server with faults, by paths, and by the git program.

mod support;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greffon::error::{Error, ErrorKind};
use greffon::model::ObjectId;
use greffon::roles::{Context, ContextBuilder, Event, Events};
use greffon::sys::git::{Source, Sources, TransportChoice, Want};
use greffon::sys::http::{Auth, Http, HttpOptions, Timing};
use support::{Fault, GitServer, Repo, git};
use tempfile::TempDir;

fn quick() -> HttpOptions {
    let timing = Timing { stall: Duration::from_millis(2000), back_off: Duration::from_millis(5), longest_wait: Duration::from_secs(3), ..Timing::default() };
    HttpOptions { timing, netrc: Some("/dev/null".into()), ..HttpOptions::default() }
}

struct World {
    scratch: TempDir,
    repo: Repo,
    server: GitServer,
    /// The commits in order.
    commits: Vec<String>,
}

impl World {
    /// Three commits: `v1` an annotated tag on the first, `light` a plain one on the second, `main` at the third, `old` at the first.
    fn new() -> Self {
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
    fn bare(&self) -> PathBuf {
        self.scratch.path().join("served/x.git")
    }
    fn publish(&self) {
        self.repo.publish(&self.bare());
    }
    fn url(&self) -> String {
        self.server.url("/x.git")
    }
    fn root(&self) -> PathBuf {
        self.scratch.path().join("sources")
    }
    /// The sources as another process would see them.
    fn sources(&self) -> Sources {
        self.sources_by(TransportChoice::Auto)
    }
    fn sources_by(&self, transport: TransportChoice) -> Sources {
        Sources::new(&self.root(), Http::new(quick()).unwrap(), transport)
    }
    fn source(&self) -> Source {
        self.sources().open(&self.url(), None).unwrap()
    }
    fn id(&self, at: usize) -> ObjectId {
        self.commits[at].parse().unwrap()
    }
    fn want(&self, at: usize) -> Want {
        Want { reference: None, commit: self.id(at) }
    }
    /// Checks that a commit is there as git sees it, and readable.
    fn check(&self, source: &Source, at: usize) {
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
fn noise(seed: u64, length: usize) -> Vec<u8> {
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

fn all(error: &Error) -> String {
    format!("{error} | {:?} | {:?} | {error:?}", error.notes(), error.hints())
}

#[derive(Default)]
struct Seen(Mutex<Vec<Event>>);

impl Events for Seen {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Seen {
    fn told(&self, words: &str) -> bool {
        self.0.lock().unwrap().iter().any(|event| matches!(event, Event::Log { text, .. } if text.contains(words)))
    }
}

fn watched() -> (Arc<Seen>, Context) {
    let seen = Arc::new(Seen::default());
    (Arc::clone(&seen), ContextBuilder::default().events(seen).build())
}

fn names(source: &Source, cx: &Context) -> Vec<(String, String)> {
    source.refs(cx).unwrap().into_iter().map(|one| (one.name, one.commit.to_string())).collect()
}

fn expected_refs(world: &World) -> Vec<(String, String)> {
    [("HEAD", 2), ("refs/heads/main", 2), ("refs/heads/old", 0), ("refs/tags/light", 1), ("refs/tags/v1", 0)]
        .map(|(name, at)| (name.to_owned(), world.commits[at].clone()))
        .to_vec()
}

#[test]
fn refs_are_peeled_asked_once_and_remembered() {
    let world = World::new();
    let cx = Context::silent();
    let source = world.source();
    assert_eq!(source.refs(&cx.without_network()).unwrap_err().kind(), ErrorKind::Offline);
    assert!(!world.root().exists(), "nothing is made before anything was heard");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(names(&source, &cx), expected_refs(&world)));
        }
    });
    assert_eq!(world.server.count("info/refs"), 1);
    assert_eq!(names(&world.source(), &cx.without_network()), expected_refs(&world), "another process, offline");
    assert_eq!(world.server.count(""), 1);
    world.repo.tag("new");
    world.publish();
    assert_eq!(names(&source, &cx), expected_refs(&world), "this process was told");
    assert_eq!(names(&world.source(), &cx).len(), 6);
}

#[test]
fn what_a_ref_shows_comes_at_depth_one_and_only_once() {
    let world = World::new();
    let (seen, cx) = watched();
    let source = world.source();
    assert!(!source.has(world.id(0)));
    assert_eq!(source.tree(world.id(0), None).unwrap_err().kind(), ErrorKind::Git);
    source.refs(&cx).unwrap();
    source.fetch(&cx, &[Want { reference: Some("refs/tags/v1".into()), commit: world.id(0) }, world.want(2)]).unwrap();
    world.check(&source, 0);
    world.check(&source, 2);
    assert!(!source.has(world.id(1)), "no history came along");
    assert_eq!(git(&source.directory(), &["rev-list", "--count", &world.commits[2]]), "1");
    assert_eq!(world.server.count("info/refs"), 1, "what refs() heard is used");
    let asked = world.server.count("");
    source.fetch(&cx, &[world.want(0), world.want(2)]).unwrap();
    world.source().fetch(&cx, &[world.want(0)]).unwrap();
    assert_eq!(world.server.count(""), asked, "what is here is not asked for");
    source.fetch(&cx, &[world.want(1)]).unwrap();
    world.check(&source, 1);
    world.check(&source, 0);
    let events = seen.0.lock().unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Started { task, .. } if task.contains("x.git"))));
    assert!(events.iter().any(|event| matches!(event, Event::Finished { .. })));
    drop(events);
    assert!(seen.told("by libgit2"));
    for path in [None, Some(""), Some("."), Some("/")] {
        assert_eq!(source.tree(world.id(0), path).unwrap().to_string(), world.repo.tree(&world.commits[0]));
    }
    let folder = source.tree(world.id(0), Some("a/")).unwrap();
    assert_eq!(source.read(folder, "b.txt").unwrap().unwrap(), b"one");
    assert_eq!(source.read(folder, "none").unwrap(), None);
    for path in ["run.sh", "none", "../a", "a/b.txt"] {
        assert_eq!(source.tree(world.id(0), Some(path)).unwrap_err().kind(), ErrorKind::NotFound, "{path}");
    }
}

#[test]
fn a_commit_that_no_ref_shows_is_found_one_way_or_the_other() {
    // The server gives commits by id:
    let world = World::new();
    world.repo.git(&["tag", "-d", "light"]);
    world.publish();
    git(&world.bare(), &["config", "uploadpack.allowReachableSHA1InWant", "true"]);
    let (seen, cx) = watched();
    let source = world.source();
    source.fetch(&cx, &[world.want(1)]).unwrap();
    world.check(&source, 1);
    assert!(seen.told(&format!("fetching {}", world.commits[1])));

    // It does not, and the git program is asked:
    let world = World::new();
    world.repo.git(&["tag", "-d", "light"]);
    world.publish();
    let (seen, cx) = watched();
    let source = world.source();
    source.fetch(&cx, &[world.want(1), world.want(0)]).unwrap();
    world.check(&source, 1);
    world.check(&source, 0);
    assert!(seen.told("by the git program"));

    // Nor does the git program get it by the old protocol, and history is fetched:
    let world = World::new();
    world.repo.git(&["tag", "-d", "light"]);
    world.publish();
    world.server.only_v0();
    let (seen, cx) = watched();
    let source = world.source();
    source.fetch(&cx, &[world.want(1)]).unwrap();
    world.check(&source, 1);
    assert!(seen.told("50 commits of each ref"));
    source.fetch(&cx, &[world.want(2)]).unwrap();
    world.check(&source, 2);
}

#[test]
fn a_commit_that_is_nowhere_is_named() {
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        for old in [false, true] {
            let world = World::new();
            if old {
                world.server.only_v0();
            }
            let nowhere: ObjectId = "1234567890123456789012345678901234567890".parse().unwrap();
            let source = world.sources_by(transport).open(&world.url(), None).unwrap();
            let error = source.fetch(&Context::silent(), &[Want { reference: Some("refs/heads/main".into()), commit: nowhere }, world.want(2)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{transport:?}: {}", all(&error));
            assert!(all(&error).contains("1234567890") && error.message().contains(&world.url()), "{}", all(&error));
        }
    }
}

#[test]
fn a_moved_tag_does_not_bring_another_commit() {
    let world = World::new();
    let source = world.source();
    source.refs(&Context::silent()).unwrap();
    // Between the two questions the server moves its refs and drops the old commits.
    world.repo.git(&["checkout", "-q", "--orphan", "fresh"]);
    world.repo.commit("fresh");
    for name in ["main", "old"] {
        world.repo.git(&["branch", "-f", name, "fresh"]);
    }
    world.repo.tag("v1").tag("light");
    world.publish();
    git(&world.bare(), &["reflog", "expire", "--expire=now", "--all"]);
    git(&world.bare(), &["gc", "-q", "--prune=now"]);
    let error = source.fetch(&Context::silent(), &[Want { reference: Some("refs/tags/v1".into()), commit: world.id(0) }]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", all(&error));
    assert!(!source.has(world.id(0)));
    assert!(error.hints().iter().any(|hint| hint.contains("moved")), "{}", all(&error));
}

#[test]
fn the_git_program_does_the_same() {
    let world = World::new();
    let (_, cx) = watched();
    let source = world.sources_by(TransportChoice::Cli).open(&world.url(), None).unwrap();
    assert_eq!(names(&source, &cx), expected_refs(&world));
    source.fetch(&cx, &[world.want(0), world.want(1), world.want(2)]).unwrap();
    for at in 0..3 {
        world.check(&source, at);
    }
    assert!(world.server.requests().iter().all(|one| one.header("user-agent").is_some_and(|agent| agent.starts_with("greffon/"))));
    let auto = world.source();
    world.check(&auto, 1);
}

#[test]
fn paths_and_file_urls_are_read_as_data() {
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        let world = World::new();
        let bare = world.bare();
        let linked = world.scratch.path().join("linked");
        world.repo.git(&["worktree", "add", "-q", "--detach", linked.to_str().unwrap()]);
        let spaced = world.scratch.path().join("a b?c");
        std::os::unix::fs::symlink(&bare, &spaced).unwrap();
        for (at, url) in [
            world.repo.url(),
            bare.to_str().unwrap().to_owned(),
            format!("file://{}", bare.display()),
            linked.to_str().unwrap().to_owned(),
            format!("file://{}/a%20b%3fc", world.scratch.path().display()),
        ]
        .into_iter()
        .enumerate()
        {
            let sources = Sources::new(&world.scratch.path().join(format!("sources{at}")), Http::new(quick()).unwrap(), transport);
            let source = sources.open(&url, None).unwrap();
            let cx = Context::silent().without_network();
            let refs = names(&source, &cx);
            assert!(expected_refs(&world).iter().all(|one| refs.contains(one)), "{transport:?} {url}: {refs:?}");
            source.fetch(&cx, &[world.want(1)]).unwrap_or_else(|error| panic!("{transport:?} {url}: {}", all(&error)));
            world.check(&source, 1);
            source.fetch(&cx, &[world.want(0), world.want(2)]).unwrap();
            for at in 0..3 {
                world.check(&source, at);
                assert_eq!(git(&source.directory(), &["rev-list", "--count", &world.commits[at]]), "1", "{transport:?} {url}");
            }
        }
        let nowhere = world.sources_by(transport).open("/no/such/folder", None).unwrap();
        let error = nowhere.refs(&Context::silent()).unwrap_err();
        assert!(error.message().contains("/no/such/folder"), "{}", all(&error));
    }
}

#[test]
fn a_hostile_local_repository_runs_nothing() {
    let world = World::new();
    let mark = world.scratch.path().join("pwned");
    let script = world.scratch.path().join("payload.sh");
    std::fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
    git(world.scratch.path(), &["init", "-q"]);
    std::process::Command::new("chmod").args(["755", script.to_str().unwrap()]).status().unwrap();
    let payload = script.to_str().unwrap();
    for folder in [world.repo.folder().to_owned(), world.bare()] {
        for key in [
            "core.fsmonitor",
            "core.sshCommand",
            "core.pager",
            "core.editor",
            "core.askPass",
            "core.gitProxy",
            "filter.x.clean",
            "filter.x.smudge",
            "uploadpack.packObjectsHook",
            "diff.external",
        ] {
            git(&folder, &["config", key, payload]);
        }
        git(&folder, &["config", "core.hooksPath", world.scratch.path().to_str().unwrap()]);
    }
    for hook in ["pre-receive", "post-checkout", "post-index-change", "reference-transaction", "post-update", "pre-auto-gc"] {
        std::fs::copy(&script, world.scratch.path().join(hook)).unwrap();
    }
    let _ = std::fs::remove_file(&mark);
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        for (at, folder) in [world.repo.folder().to_owned(), world.bare()].into_iter().enumerate() {
            let root = world.scratch.path().join(format!("sources-{transport:?}-{at}"));
            let source = Sources::new(&root, Http::new(quick()).unwrap(), transport).open(folder.to_str().unwrap(), None).unwrap();
            source.refs(&Context::silent()).unwrap();
            source.fetch(&Context::silent(), &[world.want(0), world.want(1), world.want(2)]).unwrap();
            assert!(source.has(world.id(1)));
            assert!(!mark.exists(), "{transport:?} {}", folder.display());
        }
    }
}

#[test]
fn broken_transfers_are_tried_again_and_leave_nothing_that_looks_whole() {
    let world = World::new();
    for fault in [
        Fault::Cut(0),
        Fault::Cut(5),
        Fault::Cut(900),
        Fault::Cut(100_000),
        Fault::Reset(60_000),
        Fault::Stall(70_000),
        Fault::status(503).into(),
        Fault::status(500).into(),
    ] {
        let root = tempfile::tempdir_in(world.scratch.path()).unwrap();
        let sources = |retries| {
            let mut options = quick();
            options.timing.retries = retries;
            options.timing.stall = Duration::from_millis(400);
            Sources::new(root.path(), Http::new(options).unwrap(), TransportChoice::Auto)
        };
        for part in ["info/refs", "git-upload-pack?"] {
            world.server.heal();
            world.server.fault(part, 2, fault.clone());
            let source = sources(0).open(&world.url(), None).unwrap();
            let begun = Instant::now();
            let cut_after_refs = matches!(fault, Fault::Cut(at) | Fault::Reset(at) | Fault::Stall(at) if at > 2000) && part == "info/refs";
            let result = source.fetch(&Context::silent(), &[world.want(0)]);
            if !cut_after_refs {
                let Err(error) = result else {
                    // The first of the two requests is short; the fault met it behind its end, and nothing was left of the second.
                    continue;
                };
                assert_eq!(error.kind(), ErrorKind::Network, "{fault:?} {part}: {}", all(&error));
                assert!(error.is_temporary() && all(&error).contains(&world.server.host()), "{fault:?} {part}: {}", all(&error));
                assert!(!source.has(world.id(0)), "{fault:?}");
                assert!(begun.elapsed() < Duration::from_secs(2), "{fault:?} took {:?}", begun.elapsed());
            }
        }
        world.server.heal();
        world.server.fault("git-upload-pack?", 2, fault.clone());
        let source = sources(3).open(&world.url(), None).unwrap();
        source.fetch(&Context::silent(), &[world.want(0)]).unwrap_or_else(|error| panic!("{fault:?}: {}", all(&error)));
        world.check(&source, 0);
        let left: Vec<_> = std::fs::read_dir(source.directory().join("objects/pack")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().starts_with("pack-")), "{fault:?}: {left:?}");
    }
}

#[test]
fn what_is_no_repository_says_what_it_is() {
    let world = World::new();
    let refs = |url: &str| world.sources().open(url, None).unwrap().refs(&Context::silent()).unwrap_err();
    let error = refs(&world.server.url("/none.git"));
    assert!(error.kind() == ErrorKind::NotFound && error.message().contains("/none.git") && !error.hints().is_empty(), "{}", all(&error));
    world.server.fault("/x.git", 1, Fault::html());
    let error = refs(&world.url());
    assert!(error.kind() == ErrorKind::Git && error.message().contains("web page") && !error.hints().is_empty(), "{}", all(&error));
    world.server.fault("/x.git", 1, Fault::status(200).body(b"1234\trefs/heads/main\n"));
    let error = refs(&world.url());
    assert!(error.kind() == ErrorKind::Git && error.message().contains("text/plain"), "{}", all(&error));
    world.server.fault("/x.git", 1, Fault::status(403));
    assert_eq!(refs(&world.url()).kind(), ErrorKind::Denied);
    let source = world.source();
    source.refs(&Context::silent()).unwrap();
    world.server.fault("/x.git/git-upload-pack", 1, Fault::html());
    let error = source.fetch(&Context::silent(), &[world.want(0)]).unwrap_err();
    assert!(error.kind() == ErrorKind::Git && all(&error).contains("web page"), "{}", all(&error));
    // Empty ones are proper, and have nothing.
    let empty = world.scratch.path().join("served/empty.git");
    git(world.scratch.path(), &["init", "-q", "--bare", empty.to_str().unwrap()]);
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        for url in [world.server.url("/empty.git"), empty.to_str().unwrap().to_owned()] {
            assert_eq!(world.sources_by(transport).open(&url, None).unwrap().refs(&Context::silent()).unwrap(), []);
        }
    }
}

#[test]
fn the_git_programs_failures_are_understood() {
    let world = World::new();
    let source = |url: &str| world.sources_by(TransportChoice::Cli).open(url, None).unwrap();
    let error = source(&world.server.url("/none.git")).refs(&Context::silent()).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.message().contains("/none.git"), "{}", all(&error));
    let error = source("/no/such").refs(&Context::silent()).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound, "{}", all(&error));
    world.server.require("/", "Basic bm9ib2R5");
    let error = source(&world.url()).refs(&Context::silent()).unwrap_err();
    assert!(error.kind() == ErrorKind::Denied && !error.hints().is_empty(), "{}", all(&error));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = source(&format!("http://{closed}/x.git")).refs(&Context::silent()).unwrap_err();
    assert!(error.kind() == ErrorKind::Network && error.is_temporary(), "{}", all(&error));
    assert_eq!(source("ssh://host.invalid/x").refs(&Context::silent().without_network()).unwrap_err().kind(), ErrorKind::Offline);
}

#[test]
fn credentials_reach_their_server_and_nothing_else() {
    let world = World::new();
    let token = "canary-t0ken";
    // x-access-token:canary-t0ken
    world.server.require("/", "Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5LXQwa2Vu");
    let auth = Auth::Basic { user: "x-access-token".into(), secret: token.into() };
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        let root = world.scratch.path().join(format!("sources-{transport:?}"));
        let sources = Sources::new(&root, Http::new(quick()).unwrap(), transport);
        let (seen, cx) = watched();
        let error = sources.open(&world.url(), None).unwrap().refs(&cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{}", all(&error));
        let source = sources.open(&world.url(), Some(auth.clone())).unwrap();
        source.fetch(&cx, &[world.want(0)]).unwrap_or_else(|error| panic!("{transport:?}: {}", all(&error)));
        let with_login = world.url().replace("//", &format!("//x-access-token:{token}@"));
        let source = sources.open(&with_login, None).unwrap();
        assert_eq!(source.url(), world.url());
        source.fetch(&cx, &[world.want(2)]).unwrap();
        assert!(source.has(world.id(0)), "it is the same source");
        assert!(!format!("{:?}{source:?}", seen.0.lock().unwrap()).contains(token));
        assert!(!holds(&root, token.as_bytes()), "a secret was written down");
    }
}

fn holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .any(|path| if path.is_dir() { holds(&path, needle) } else { std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle) })
}

#[test]
fn redirects_and_mirrors_are_followed() {
    let world = World::new();
    let front = support::FileServer::start();
    front.redirect("/moved.git/info/refs", 301, &format!("{}/info/refs?service=git-upload-pack", world.url()));
    let source = world.sources().open(&front.url("/moved.git"), None).unwrap();
    source.fetch(&Context::silent(), &[world.want(0)]).unwrap_or_else(|error| panic!("{}", all(&error)));
    world.check(&source, 0);

    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        let options = HttpOptions { mirrors: vec![("https://far.invalid/".into(), world.server.url("/"))], ..quick() };
        let root = world.scratch.path().join(format!("mirrored-{transport:?}"));
        let mirrored = Sources::new(&root, Http::new(options).unwrap(), transport).open("https://far.invalid/x.git", None).unwrap();
        mirrored.fetch(&Context::silent(), &[world.want(1)]).unwrap_or_else(|error| panic!("{}", all(&error)));
        world.check(&mirrored, 1);
        assert_eq!(mirrored.url(), "https://far.invalid/x.git");
    }
}

#[test]
fn threads_and_processes_share_a_source() {
    let world = World::new();
    std::thread::scope(|scope| {
        for at in 0..9 {
            let world = &world;
            // Every handle as another process would have it.
            scope.spawn(move || world.source().fetch(&Context::silent(), &[world.want(at % 3), world.want((at + 1) % 3)]).unwrap());
        }
    });
    for at in 0..3 {
        world.check(&world.source(), at);
    }
}

#[test]
fn thirty_sources_are_fetched_at_a_time() {
    let scratch = tempfile::tempdir().unwrap();
    let mut commits = Vec::new();
    for at in 0..30 {
        let repo = Repo::init(&scratch.path().join(format!("work{at}")));
        repo.write("name", format!("{at}"));
        commits.push(repo.commit("one"));
        repo.publish(&scratch.path().join(format!("served/{at}.git")));
    }
    let server = GitServer::start(&scratch.path().join("served"));
    let sources = Sources::new(&scratch.path().join("sources"), Http::new(quick()).unwrap(), TransportChoice::Auto);
    std::thread::scope(|scope| {
        for (at, commit) in commits.iter().enumerate() {
            let (sources, server) = (&sources, &server);
            scope.spawn(move || {
                let source = sources.open(&server.url(&format!("/{at}.git")), None).unwrap();
                let commit = commit.parse().unwrap();
                source.fetch(&Context::silent(), &[Want { reference: None, commit }]).unwrap();
                assert_eq!(source.read(source.tree(commit, None).unwrap(), "name").unwrap().unwrap(), format!("{at}").as_bytes());
            });
        }
    });
    assert!((2..=6).contains(&server.most_at_once()), "{} at once", server.most_at_once());
}

#[test]
fn an_interrupt_ends_a_fetch_soon() {
    let world = World::new();
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        let source = world.sources_by(transport).open(&world.url(), None).unwrap();
        world.server.heal();
        // Two: the answers in question are the list of refs and the pack.
        world.server.fault("/x.git/git-upload-pack", 9, Fault::Stall(100));
        let cx = Context::silent();
        let flag = cx.cancel().clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            flag.set();
        });
        let begun = Instant::now();
        let error = source.fetch(&cx, &[world.want(0)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{transport:?}: {}", all(&error));
        assert!(begun.elapsed() < Duration::from_millis(1500), "{transport:?} took {:?}", begun.elapsed());
        assert!(!source.has(world.id(0)));
    }
}

#[test]
fn offline_says_what_is_missing() {
    let world = World::new();
    let source = world.source();
    let offline = Context::silent().without_network();
    let error = source.fetch(&offline, &[world.want(0)]).unwrap_err();
    assert!(
        error.kind() == ErrorKind::Offline && error.message().contains(&world.url()) && error.notes()[0].contains(&world.commits[0][..10]),
        "{}",
        all(&error)
    );
    source.fetch(&Context::silent(), &[world.want(0)]).unwrap();
    source.fetch(&offline, &[world.want(0)]).unwrap();
}

#[test]
fn a_source_whose_objects_are_gone_does_not_claim_to_have_them() {
    let world = World::new();
    let source = world.source();
    source.fetch(&Context::silent(), &[world.want(0)]).unwrap();
    let pack = source.directory().join("objects/pack");
    for entry in std::fs::read_dir(&pack).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let again = world.source();
    assert!(!again.has(world.id(0)));
    again.fetch(&Context::silent(), &[world.want(0)]).unwrap();
    world.check(&world.source(), 0);
}

#[test]
fn other_tools_may_tidy_a_source_up() {
    let world = World::new();
    let source = world.source();
    source.fetch(&Context::silent(), &[world.want(0), world.want(2)]).unwrap();
    git(&source.directory(), &["gc", "-q", "--prune=now"]);
    git(&source.directory(), &["pack-refs", "--all"]);
    world.check(&world.source(), 0);
    world.check(&world.source(), 2);
}

#[test]
fn hostile_refs_are_refused_or_passed_over() {
    let world = World::new();
    let source = world.source();
    for name in ["-u", "--upload-pack=touch pwned", "main", "refs/heads/a b", "refs/heads/a\nb", "refs/heads/../x", "ext::sh", ""] {
        let error = source.fetch(&Context::silent(), &[Want { reference: Some(name.into()), commit: world.id(0) }]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
        assert!(!error.message().chars().any(char::is_control));
    }
    // What a server offers under an odd name is used by its full name, and never as an option.
    git(&world.bare(), &["update-ref", "refs/heads/--upload-pack=x", &world.commits[1]]);
    git(&world.bare(), &["update-ref", "-d", "refs/tags/light"]);
    for transport in [TransportChoice::Auto, TransportChoice::Cli] {
        let root = world.scratch.path().join(format!("odd-{transport:?}"));
        let source = Sources::new(&root, Http::new(quick()).unwrap(), transport).open(&world.url(), None).unwrap();
        source.fetch(&Context::silent(), &[world.want(1)]).unwrap();
        world.check(&source, 1);
    }
}

#[test]
fn ssh_goes_by_the_git_program() {
    let world = World::new();
    // A stand-in for ssh that runs the command on this machine, given by the variable that git itself obeys.
    let script = world.scratch.path().join("ssh.sh");
    let log = world.scratch.path().join("ssh.log");
    std::fs::write(&script, format!("#!/bin/sh\necho \"$@\" >> '{}'\nfor last; do :; done\nexec sh -c \"$last\"\n", log.display())).unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_fetches_by_ssh", "--ignored", "--nocapture"]);
    let output = command
        .env("GIT_SSH_COMMAND", format!("sh {}", script.display()))
        .env("GIT_SSH_VARIANT", "ssh")
        .env("CHILD_ROOT", world.root())
        .env("CHILD_URLS", format!("user@host.example:{0}\nssh://user@host.example:2222{0}", world.bare().display()))
        .env("CHILD_COMMIT", &world.commits[0])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("user@host.example git-upload-pack") && log.contains("-p 2222"), "{log}");
}

#[test]
#[ignore = "run by ssh_goes_by_the_git_program"]
fn child_fetches_by_ssh() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let commit: ObjectId = variable("CHILD_COMMIT").parse().unwrap();
    for url in variable("CHILD_URLS").lines() {
        let sources = Sources::new(Path::new(&variable("CHILD_ROOT")), Http::new(quick()).unwrap(), TransportChoice::Auto);
        let source = sources.open(url, None).unwrap();
        assert_eq!(source.refs(&Context::silent()).unwrap().len(), 5);
        source.fetch(&Context::silent(), &[Want { reference: None, commit }]).unwrap();
        assert!(source.has(commit));
    }
}

#[test]
fn a_killed_fetch_leaves_nothing_that_looks_whole_and_the_next_one_mends_it() {
    let world = World::new();
    world.server.fault("/x.git/git-upload-pack", 1000, Fault::Drip(Duration::from_micros(1)));
    for wait in (0..40).map(|step| Duration::from_millis(step * 8)) {
        let root = tempfile::tempdir_in(world.scratch.path()).unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_fetches_by_http", "--ignored"])
            .env("CHILD_ROOT", root.path())
            .env("CHILD_URLS", world.url())
            .env("CHILD_COMMIT", &world.commits[0])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let sources = Sources::new(root.path(), Http::new(quick()).unwrap(), TransportChoice::Auto);
        let source = sources.open(&world.url(), None).unwrap();
        if source.has(world.id(0)) {
            world.check(&source, 0);
        }
    }
    world.server.heal();
    // And the litter of one that was killed at the worst moments:
    let source = world.source();
    source.refs(&Context::silent()).unwrap();
    for litter in ["shallow.lock", "packed-refs.lock", "objects/pack/pack_git2_x1", "objects/pack/tmp_pack_x2", ".tmp-x3"] {
        std::fs::write(source.directory().join(litter), "left").unwrap();
    }
    source.fetch(&Context::silent(), &[world.want(0)]).unwrap();
    world.check(&source, 0);
    assert!(!source.directory().join("objects/pack/pack_git2_x1").exists());
}

#[test]
#[ignore = "run by a_killed_fetch_leaves_nothing_that_looks_whole_and_the_next_one_mends_it"]
fn child_fetches_by_http() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let sources = Sources::new(Path::new(&variable("CHILD_ROOT")), Http::new(quick()).unwrap(), TransportChoice::Auto);
    let source = sources.open(&variable("CHILD_URLS"), None).unwrap();
    source.fetch(&Context::silent(), &[Want { reference: None, commit: variable("CHILD_COMMIT").parse().unwrap() }]).unwrap();
}
