//! Git sources: what remotes offer, what comes, and which way it comes.

#![allow(clippy::disallowed_methods, clippy::similar_names)]

mod support;

use greffon::error::ErrorKind;
use greffon::model::ObjectId;
use greffon::roles::{Context, Event};
use greffon::sys::git::{Sources, TransportChoice, Want};
use greffon::sys::http::Http;
use support::git_world::{World, all, expected_refs, names, quick, watched};
use support::{GitServer, Repo, git};

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
