//! `builtin:git` and elements that name their own git repository: what counts as a version, and what is asked of servers.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub)]

mod support;
#[path = "conformance/world.rs"]
#[allow(dead_code)]
mod world;

use std::sync::Arc;

use greffon::builtin::repository::{GitElement, git};
use greffon::error::{ErrorKind, Result};
use greffon::model::{Download, ElementInfo, GitPin};
use greffon::roles::{Repository, Versions, VersionsRequest};
use greffon::version::scheme;
use serde_json::{Value, json};
use support::{Fault, GitServer, Repo};
use world::{World, context, env, package};

fn repository(world: &World, options: Value) -> Arc<dyn Repository> {
    git::build(&world.spec("git", options), &world.env).expect("a repository")
}

fn infos(world: &World, repository: &dyn Repository, id: &str) -> Vec<ElementInfo> {
    match repository.versions(&world.cx, &VersionsRequest { id: id.parse().expect("an id") }).expect("an answer") {
        Versions::Known(list) => list.into_iter().map(|entry| entry.info.expect("git reads all at once")).collect(),
        Versions::Unknown => panic!("{id} is unknown"),
    }
}

fn texts(infos: &[ElementInfo]) -> Vec<&str> {
    infos.iter().map(|info| info.version.as_str()).collect()
}

fn download(info: &ElementInfo) -> (String, String, Option<String>) {
    match info.download.clone().expect("where its bytes are") {
        Download::Git { rev, commit, subdir, .. } => (rev, commit.expect("its commit").to_string(), subdir),
        other => panic!("{other:?} is no git"),
    }
}

#[test]
fn tags_are_versions_by_their_code_then_by_their_names() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    let first = repo.write("readme", "1").commit("no package yet");
    repo.tag("v1.0.0").tag("nightly");
    repo.write("greffon.toml", package("plugins", "x", "1.1.0", "summary = \"an x\"\n[package.dependencies]\n\"plugins/y\" = \"2.4+\"\n"));
    let second = repo.commit("a package");
    repo.annotated_tag("v1.1.0").tag("called-otherwise");
    repo.write("readme", "3").commit("still 1.1.0");
    repo.tag("v1.1.0-again");
    repo.write("greffon.toml", package("plugins", "x", "1.2.0", ""));
    let third = repo.commit("on the branch alone");
    repo.publish(&world.path("served/x.git"));
    let server = GitServer::start(&world.path("served"));
    let repository = repository(&world, json!({ "elements": { "plugins/x": server.url("/x.git") } }));
    let infos = infos(&world, &*repository, "plugins/x");
    assert_eq!(texts(&infos), ["1.2.0", "1.1.0", "1.0.0"]);
    assert_eq!(download(&infos[0]), ("refs/heads/main".to_owned(), third, None), "a branch is a version where its code says so");
    assert_eq!(download(&infos[1]), ("refs/tags/v1.1.0".to_owned(), second, None), "the tag that is called like the version wins");
    assert_eq!(download(&infos[2]), ("refs/tags/v1.0.0".to_owned(), first, None));
    assert_eq!(infos[1].summary.as_deref(), Some("an x"));
    assert_eq!(infos[1].dependencies.iter().map(|(id, wanted)| format!("{id} {wanted}")).collect::<Vec<_>>(), ["plugins/y 2.4+"]);
    assert!(infos[2].dependencies.is_empty());
}

#[test]
fn a_monorepo_holds_elements_in_folders() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    repo.write("a/greffon.toml", package("plugins", "a", "1.0.0", "")).write("b/code", "b").commit("one");
    repo.tag("v1.0.0").tag("b-v0.9.0");
    repo.write("a/greffon.toml", package("plugins", "a", "1.1.0", "")).commit("two");
    repo.tag("v1.1.0");
    repo.publish(&world.path("served/mono.git"));
    let server = GitServer::start(&world.path("served"));
    let url = server.url("/mono.git");
    let repository = repository(
        &world,
        json!({ "elements": { "plugins/a": { "git": url, "subdir": "a" }, "plugins/b": { "git": url, "subdir": "b" }, "plugins/c": { "git": url, "subdir": "c" } } }),
    );
    let a = infos(&world, &*repository, "plugins/a");
    assert_eq!(texts(&a), ["1.1.0", "1.0.0"]);
    assert_eq!(download(&a[0]).2.as_deref(), Some("a"));
    assert_eq!(texts(&infos(&world, &*repository, "plugins/b")), ["1.1.0", "1.0.0", "0.9.0"], "without a package, by the tags' names");
    assert_eq!(infos(&world, &*repository, "plugins/c"), [], "no tag has that folder");
}

#[test]
fn a_second_run_asks_for_the_refs_and_reads_nothing() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        repo.write("greffon.toml", package("plugins", "x", version, "")).commit(version);
        repo.tag(version);
    }
    repo.publish(&world.path("served/x.git"));
    let server = GitServer::start(&world.path("served"));
    let options = json!({ "elements": { "plugins/x": server.url("/x.git") } });
    let first = infos(&world, &*repository(&world, options.clone()), "plugins/x");
    let posts = |server: &GitServer| server.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!((server.count("info/refs"), posts(&server)), (1, 2), "one look at the refs, then one talk (shallow boundary, pack) for all three tags");

    // Another process over the same stock.
    server.forget();
    let again = World { env: env(&world.path("stock"), world.scratch.path()), ..World::new() };
    let again = World { cx: context(&again.env).build(), ..again };
    assert_eq!(infos(&again, &*repository(&again, options.clone()), "plugins/x"), first);
    assert_eq!((server.count("info/refs"), posts(&server)), (1, 0), "no pack was asked for");

    // And without the network.
    server.forget();
    let offline = World { env: env(&world.path("stock"), world.scratch.path()), ..World::new() };
    let offline = World { cx: context(&offline.env).offline(true).build(), ..offline };
    assert_eq!(infos(&offline, &*repository(&offline, options), "plugins/x"), first);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_tag_that_says_something_malformed_is_left_out_and_the_others_stay() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    repo.write("greffon.toml", "[package]\nname = 3\n").commit("broken");
    repo.tag("v1.0.0");
    repo.write("greffon.toml", package("plugins", "other", "1.1.0", "")).commit("another name");
    repo.tag("v1.1.0");
    repo.write("greffon.toml", package("plugins", "x", "1.2.0", "")).commit("fine");
    repo.tag("v1.2.0");
    repo.publish(&world.path("served/x.git"));
    let repository = repository(&world, json!({ "elements": { "plugins/x": world.path("served/x.git") } }));
    assert_eq!(texts(&infos(&world, &*repository, "plugins/x")), ["1.2.0"]);
}

#[test]
fn a_pattern_knows_what_the_server_has_and_failures_are_no_answer() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    repo.write("readme", "1").commit("one");
    repo.tag("1.0");
    repo.publish(&world.path("served/x.git"));
    let server = GitServer::start(&world.path("served"));
    let repository = repository(&world, json!({ "url": server.url("/{name}.git"), "types": ["plugins"] }));
    assert_eq!(texts(&infos(&world, &*repository, "plugins/x")), ["1.0"]);
    let ask = |id: &str| repository.versions(&world.cx, &VersionsRequest { id: id.parse().expect("an id") });
    assert_eq!(ask("plugins/nothing").expect("an answer"), Versions::Unknown);
    assert_eq!(ask("themes/x").expect("an answer"), Versions::Unknown, "a type that it does not serve");
    assert_eq!(ask("plugins/a?b#c").expect("an answer"), Versions::Unknown, "a name that could lead elsewhere is not asked for");
    server.fault("denied.git", 9, Fault::status(403));
    assert_eq!(ask("plugins/denied").expect_err("a refusal").kind(), ErrorKind::Denied);
    server.fault("page.git", 9, Fault::html());
    assert!(ask("plugins/page").is_err(), "a web page is no repository");
}

fn pinned(world: &World, url: &str, pin: GitPin, subdir: Option<&str>) -> Result<Vec<ElementInfo>> {
    let element = GitElement {
        id: "plugins/x".parse().expect("an id"),
        source: world.env.sources.open(url, None)?,
        subdir: subdir.map(str::to_owned),
        submodules: false,
        pin,
        scheme: scheme("3m")?,
        installer: Arc::clone(&world.env.installer),
        stockroom: world.env.stockroom.clone(),
    };
    element.infos(&world.cx)
}

#[test]
fn an_element_can_be_pinned_to_a_tag_a_branch_or_a_commit() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    let first = repo.write("readme", "1").commit("one");
    repo.tag("v1.0").tag("old");
    let second = repo.write("readme", "2").commit("between");
    repo.write("greffon.toml", package("plugins", "x", "2.0", ""));
    let third = repo.commit("three");
    repo.publish(&world.path("served/x.git"));
    let server = GitServer::start(&world.path("served"));
    let url = server.url("/x.git");
    let one = |pin| {
        let mut infos = pinned(&world, &url, pin, None).expect("an answer");
        assert_eq!(infos.len(), 1);
        let info = infos.remove(0);
        let (rev, commit, _) = download(&info);
        (info.version.as_str().to_owned(), rev, commit)
    };
    assert_eq!(one(GitPin::Tag("v1.0".into())), ("1.0".into(), "refs/tags/v1.0".into(), first.clone()));
    assert_eq!(one(GitPin::Tag("old".into())), ("old".into(), "refs/tags/old".into(), first.clone()), "a pinned tag is a version whatever its name");
    assert_eq!(one(GitPin::Branch("main".into())), ("2.0".into(), "refs/heads/main".into(), third.clone()));
    assert_eq!(one(GitPin::Rev(third[..8].to_owned())), ("2.0".into(), "refs/heads/main".into(), third));
    let (version, _, commit) = one(GitPin::Rev(second.clone()));
    assert_eq!((version.as_str(), commit.as_str()), (&second[..10], second.as_str()), "a commit that no ref points at");
}

#[test]
fn pins_that_lead_nowhere_are_told_with_what_is_near() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    repo.write("readme", "1").commit("one");
    repo.tag("v4.4.1").tag("v4.4.2").tag("v3.0");
    repo.publish(&world.path("served/x.git"));
    let url = world.path("served/x.git").to_str().expect("UTF-8").to_owned();
    let error = pinned(&world, &url, GitPin::Tag("v4.4.3".into()), None).expect_err("there is no such tag");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().ends_with("has no tag `v4.4.3`"), "{error}");
    assert!(error.hints()[0].starts_with("the nearest are `v4.4.1`, `v4.4.2`"), "{:?}", error.hints());
    let error = pinned(&world, &url, GitPin::Tag("v3.0".into()), Some("nowhere")).expect_err("there is no such folder");
    assert_eq!((error.kind(), error.hints()), (ErrorKind::NotFound, &["check `subdir`".to_owned()][..]));
    let empty = world.path("empty.git");
    std::fs::create_dir_all(&empty).expect("a folder");
    support::git(&empty, &["init", "-q", "--bare"]);
    let error = pinned(&world, empty.to_str().expect("UTF-8"), GitPin::Version, None).expect_err("it is empty");
    assert!(error.message().ends_with("is empty: it has no branch and no tag"), "{error}");
}

#[test]
fn of_very_many_tags_only_one_is_fetched_where_names_are_all_there_is() {
    let world = World::new();
    let repo = Repo::init(&world.path("repo"));
    for number in 0..70 {
        repo.write("readme", number.to_string()).commit("more");
        repo.tag(&format!("v1.{number}.0"));
    }
    repo.publish(&world.path("served/x.git"));
    let url = world.path("served/x.git");
    let infos = infos(&world, &*repository(&world, json!({ "elements": { "plugins/x": url } })), "plugins/x");
    assert_eq!((infos.len(), infos[0].version.as_str(), infos[69].version.as_str()), (70, "1.69.0", "1.0.0"));
    let source = world.env.sources.open(url.to_str().expect("UTF-8"), None).expect("a source");
    let here = |info: &ElementInfo| source.has(download(info).1.parse().expect("an id"));
    assert!(here(&infos[0]));
    assert!(!here(&infos[40]), "the others are not fetched to know their names");
}

/// A repository of twelve tags whose objects all lie in files of their own, one of them spoilt.
fn spoilt(world: &World, folder: &str, spoil: impl Fn(&std::path::Path, &Repo)) -> String {
    let repo = Repo::init(&world.path(folder));
    for number in 0..12 {
        repo.write("greffon.toml", package("plugins", "x", &format!("1.{number}.0"), "")).write("data/own.txt", format!("of {number}"));
        repo.commit("more");
        repo.tag(&format!("v1.{number}.0"));
    }
    spoil(&repo.folder().join(".git/objects"), &repo);
    repo.folder().join(".git").display().to_string()
}

fn object(objects: &std::path::Path, id: &str) -> std::path::PathBuf {
    objects.join(&id[..2]).join(&id[2..])
}

#[test]
fn one_torn_tag_is_left_out_and_the_others_serve() {
    let world = World::new();
    let gone = |what: &'static str| move |objects: &std::path::Path, repo: &Repo| std::fs::remove_file(object(objects, &repo.rev(what))).expect("it was there");
    let torn = |what: &'static str| {
        move |objects: &std::path::Path, repo: &Repo| {
            let path = object(objects, &repo.rev(what));
            let half = std::fs::read(&path).expect("it is there");
            std::fs::remove_file(&path).expect("removed");
            std::fs::write(&path, &half[..half.len() / 2]).expect("written");
        }
    };
    let cases: Vec<(&str, String)> = vec![
        ("a missing file", spoilt(&world, "a", gone("v1.5.0:data/own.txt"))),
        ("a missing folder", spoilt(&world, "b", gone("v1.5.0:data"))),
        ("a missing commit", spoilt(&world, "c", gone("v1.5.0^{commit}"))),
        ("half a file", spoilt(&world, "d", torn("v1.5.0:data/own.txt"))),
        ("half of what says the version", spoilt(&world, "e", torn("v1.5.0:greffon.toml"))),
        ("half a tree", spoilt(&world, "f", torn("v1.5.0^{tree}"))),
    ];
    let server = GitServer::start(&world.path(""));
    for (what, path) in &cases {
        let served = server.url(&format!("/{}/.git", path.trim_end_matches("/.git").rsplit('/').next().expect("a name")));
        // Over the network a part is tried twice before it is given up, which takes its time: two of them will do.
        let urls = if matches!(*what, "a missing file" | "half of what says the version") { vec![path, &served] } else { vec![path] };
        for url in urls {
            // The second time the others are known already.
            for _ in 0..2 {
                let infos = infos(&world, &*repository(&world, json!({ "elements": { "plugins/x": url } })), "plugins/x");
                assert_eq!((infos.len(), infos[0].version.as_str()), (11, "1.11.0"), "{what} at {url}: {:?}", texts(&infos));
                assert!(!texts(&infos).contains(&"1.5.0"));
            }
            assert!(pinned(&world, url, GitPin::Tag("v1.5.0".into()), None).is_err(), "{what}: what is asked for by name is an error");
        }
    }
    // A twin: where every tag is torn there is nothing to serve, and that is an error.
    let path = spoilt(&world, "all", |objects, repo| {
        for number in 0..12 {
            std::fs::remove_file(object(objects, &repo.rev(&format!("v1.{number}.0:data/own.txt")))).expect("removed");
        }
    });
    let repository = repository(&world, json!({ "elements": { "plugins/x": path } }));
    let refused = repository.versions(&world.cx, &VersionsRequest { id: "plugins/x".parse().expect("an id") });
    assert_eq!(refused.expect_err("nothing is whole").kind(), ErrorKind::Git);
}

#[test]
fn a_large_repository_of_this_machine_is_linked_and_what_is_read_of_it_is_hashed() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    let repo = Repo::init(&world.path("large"));
    let mut files: Vec<(String, Vec<u8>)> = (0..1_500).map(|n| (format!("part{}/file{n}.txt", n % 30), format!("of {n}").into_bytes())).collect();
    files.push(("greffon.toml".to_owned(), package("plugins", "x", "1.0.0", "").into_bytes()));
    repo.commit_many(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    repo.tag("v1.0.0").git(&["repack", "-adq"]);
    let url = repo.folder().display().to_string();
    let found = infos(&world, &*repository(&world, json!({ "elements": { "plugins/x": url } })), "plugins/x");
    assert_eq!(texts(&found), ["1.0.0"]);
    let source = world.env.sources.open(&url, None).expect("a source");
    let packs = |folder: &std::path::Path| -> Vec<std::path::PathBuf> {
        let listing = std::fs::read_dir(folder).expect("listed").flatten().map(|entry| entry.path());
        listing.filter(|path| path.extension().is_some_and(|end| end == "pack")).collect()
    };
    let linked = packs(&source.directory().join("objects/pack"));
    assert_eq!(linked.len(), 1);
    assert!(std::fs::metadata(&linked[0]).expect("there").nlink() > 1, "the pack is one file with two names");
    // The repository goes; the stock stays whole.
    std::fs::remove_dir_all(repo.folder()).expect("removed");
    let commit = download(&found[0]).1.parse().expect("an id");
    let tree = source.tree(commit, None).expect("still here");
    assert_eq!(source.read(tree, "part7/file7.txt").expect("read"), Some(b"of 7".to_vec()));
}
