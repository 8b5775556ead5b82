//! Git sources by the git program and by ssh; whom they trust and with what.

#![allow(clippy::disallowed_methods, clippy::similar_names)]

mod support;

use std::path::Path;

use greffon::error::ErrorKind;
use greffon::model::ObjectId;
use greffon::roles::Context;
use greffon::sys::git::{Sources, TransportChoice, Want};
use greffon::sys::http::{Auth, Http, HttpOptions};
use support::git;
use support::git_world::{World, all, expected_refs, names, quick, watched};

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
