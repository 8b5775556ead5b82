//! Publishing into an index, and getting from it what was published.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub)]

mod support;
#[path = "conformance/world.rs"]
#[allow(dead_code)]
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use greffon::builtin::downloader;
use greffon::builtin::repository::index::{self, PublishOptions, Published, describe, publish, yank};
use greffon::error::{ErrorKind, Result};
use greffon::model::{Download, ElementId, ElementInfo, Payload};
use greffon::roles::{DownloadRequest, Repository, SearchRequest, Versions, VersionsRequest};
use greffon::sys::archive::{self, Limits};
use serde_json::{Value, json};
use sha2::Digest as _;
use support::FileServer;
use world::{World, package, write};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn open(world: &World, options: Value) -> Arc<dyn Repository> {
    index::build(&world.spec("index", options), &world.env).expect("an index")
}

fn infos(world: &World, repository: &dyn Repository, name: &str) -> Vec<ElementInfo> {
    match repository.versions(&world.cx, &VersionsRequest { id: id(name) }).expect("an answer") {
        Versions::Known(list) => list.into_iter().map(|entry| entry.info.expect("an index holds all at once")).collect(),
        Versions::Unknown => panic!("{name} is unknown"),
    }
}

fn put(world: &World, sources: &[&str]) -> Result<Vec<Published>> {
    let sources: Vec<PathBuf> = sources.iter().map(|name| world.path(name)).collect();
    let options = PublishOptions { name: Some("ours".into()), published: Some("2026-11-01".into()), dry_run: false };
    publish(&world.cx, &world.path("index"), &sources, &options, world.env.stockroom.objects())
}

/// Names and digests.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_str().expect("UTF-8").to_owned();
                found.push((name, hex::encode(sha2::Sha256::digest(std::fs::read(&path).expect("read")))));
            }
        }
    }
    found.sort();
    found
}

fn write_five(world: &World) -> [&'static str; 5] {
    let source = |name: &str, package: String| {
        write(&world.path(&format!("{name}/greffon.toml")), package);
        write(&world.path(&format!("{name}/lib/code.php")), format!("<?php // {name}\n"));
    };
    source("a1", package("packages", "a", "1.0.0", "scheme = \"semver\"\nsummary = \"the a\"\n[package.dependencies]\n\"packages/b\" = \"^1\"\n"));
    source("a2", package("packages", "a", "1.10.0", "scheme = \"semver\"\nsummary = \"the a\"\n"));
    source("b", package("packages", "b", "1.0.0", "scheme = \"semver\"\ninclude = [\"lib/\"]\n[package.conflicts]\n\"packages/old\" = \"*\"\n"));
    source("c", package("packages", "vendor/c", "0.1.0", "scheme = \"semver\"\n"));
    source("t", package("themes", "dark", "3.1", ""));
    write(&world.path("b/notes.txt"), "not included");
    ["a1", "a2", "b", "c", "t"]
}

#[test]
fn five_packages_are_published_and_had_back_over_http() {
    let world = World::new();
    let report = put(&world, &write_five(&world)).expect("published");
    assert_eq!(report.iter().filter(|one| one.new).count(), 5);
    let server = FileServer::of_folder(&world.path("index"));
    let repository = open(&world, json!({ "url": server.url("") }));
    let a = infos(&world, &*repository, "packages/a");
    assert_eq!(a.iter().map(|info| info.version.as_str()).collect::<Vec<_>>(), ["1.0.0", "1.10.0"]);
    assert_eq!((a[0].scheme.as_deref(), a[0].summary.as_deref()), (Some("semver"), Some("the a")));
    assert_eq!(a[0].dependencies[&id("packages/b")].as_str(), "^1");
    assert_eq!(infos(&world, &*repository, "packages/b")[0].conflicts[&id("packages/old")].as_str(), "*");
    assert_eq!(infos(&world, &*repository, "themes/dark")[0].scheme, None);
    let hits = repository.search(&world.cx, &SearchRequest { text: "the a".into(), limit: 9 }).expect("found");
    assert_eq!(
        hits.iter().map(|hit| (hit.id.to_string(), hit.version.as_ref().map(ToString::to_string))).collect::<Vec<_>>(),
        [("packages/a".into(), Some("1.10.0".into()))]
    );

    let downloader = downloader::build(&world.spec("standard", json!({})), &world.env).expect("a downloader");
    for name in ["packages/a", "packages/b", "packages/vendor/c", "themes/dark"] {
        for info in infos(&world, &*repository, name) {
            let download = info.download.clone().expect("its bytes");
            assert!(matches!(&download, Download::Url { url, sha256: Some(_), size: Some(_), .. } if url.starts_with(&server.url("/files/"))), "{download:?}");
            let request = DownloadRequest { id: info.id.clone(), version: info.version.clone(), download, target_dir: world.path("target"), deal: None };
            let got = downloader.download(&world.cx, &request).expect("downloaded");
            let Payload::Archive { path, .. } = got.payload else { panic!("an archive") };
            let objects = world.env.stockroom.objects();
            let tree = archive::import(&world.cx, &path, None, objects, &Limits::default()).expect("imported").tree;
            let names: Vec<String> = objects.files(tree).expect("listed").into_iter().map(|file| file.path).collect();
            assert_eq!(names, ["greffon.toml", "lib/code.php"], "{name}: the top folder is left off, and `include` is kept to");
        }
    }
}

#[test]
fn publishing_is_reproducible_and_published_bytes_never_change() {
    let (world, other) = (World::new(), World::new());
    put(&world, &write_five(&world)).expect("published");
    let mut backwards = write_five(&other);
    backwards.reverse();
    put(&other, &backwards).expect("published");
    let archives = |world: &World| files(&world.path("index/files"));
    assert_eq!(archives(&world), archives(&other), "the same folders give the same bytes anywhere");

    let before = files(&world.path("index"));
    let again = put(&world, &["a1", "t"]).expect("the same again");
    assert!(again.iter().all(|one| !one.new));
    assert_eq!(files(&world.path("index")), before, "publishing the same again changes nothing");

    write(&world.path("a1/lib/code.php"), "<?php // changed\n");
    write(&world.path("d/greffon.toml"), package("packages", "d", "1.0.0", ""));
    let error = put(&world, &["d", "a1"]).expect_err("1.0.0 has other bytes");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Digest, "packages/a 1.0.0 was published already, with other content"));
    assert_eq!(files(&world.path("index")), before, "nothing of the run was written");
    let error = put(&world, &["index"]).expect_err("no package");
    assert_eq!(error.kind(), ErrorKind::Manifest);
}

#[test]
fn two_who_publish_at_once_lose_nothing() {
    let world = World::new();
    put(&world, &["a1"].map(|_| write_five(&world)[0])).expect("the index is made");
    for number in 0..16 {
        write(&world.path(&format!("p{number}/greffon.toml")), package("packages", "p", &format!("1.{number}.0"), ""));
    }
    std::thread::scope(|scope| {
        for half in 0..2 {
            let world = &world;
            scope.spawn(move || {
                for number in (half..16).step_by(2) {
                    put(world, &[&format!("p{number}")]).expect("published");
                }
            });
        }
    });
    assert_eq!(infos(&world, &*open(&world, json!({ "url": "index" })), "packages/p").len(), 16);
}

#[test]
fn a_withdrawn_version_stays_and_says_why() {
    let world = World::new();
    put(&world, &write_five(&world)).expect("published");
    yank(&world.cx, &world.path("index"), &id("packages/a"), &"1.10.0".into(), Some("it loses data")).expect("withdrawn");
    let repository = open(&world, json!({ "url": "index" }));
    let a = infos(&world, &*repository, "packages/a");
    assert_eq!(a[1].yanked.as_deref(), Some("it loses data"));
    assert!(matches!(&a[1].download, Some(Download::Path { path, .. }) if Path::new(path).exists()));
    let hits = repository.search(&world.cx, &SearchRequest { text: "packages/a".into(), limit: 1 }).expect("found");
    assert_eq!(hits[0].version.as_ref().map(ToString::to_string).as_deref(), Some("1.0.0"), "the newest that is not withdrawn");
    yank(&world.cx, &world.path("index"), &id("packages/a"), &"1.10.0".into(), None).expect("offered again");
    assert_eq!(infos(&world, &*open(&world, json!({ "url": "index" })), "packages/a")[1].yanked, None);
    let error = yank(&world.cx, &world.path("index"), &id("packages/a"), &"9".into(), None).expect_err("no such version");
    assert_eq!((error.kind(), error.hints()), (ErrorKind::NotFound, &["it holds `1.0.0`, `1.10.0`".to_owned()][..]));
}

#[test]
fn an_index_describes_what_it_proposes() {
    let world = World::new();
    put(&world, &write_five(&world)).expect("published");
    let server = FileServer::of_folder(&world.path("index"));
    let said = describe(&world.cx, &server.url(""), Path::new("/"), &world.env).expect("described");
    assert_eq!((said.name.as_deref(), said.elements), (Some("ours"), Some(4)));
    assert_eq!(said.types["packages"].path.as_deref(), Some("packages/{name}"));
    assert_eq!((said.types["packages"].scheme.as_deref(), said.types["themes"].scheme.as_deref()), (Some("semver"), None));
    let error = describe(&world.cx, &server.url("/elements"), Path::new("/"), &world.env).expect_err("no index there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn only_the_files_that_a_resolution_needs_are_read_and_kept_with_their_etag() {
    let world = World::new();
    put(&world, &write_five(&world)).expect("published");
    let server = FileServer::of_folder(&world.path("index"));
    let repository = open(&world, json!({ "url": server.url("/") }));
    for _ in 0..3 {
        infos(&world, &*repository, "packages/a");
        assert_eq!(repository.versions(&world.cx, &VersionsRequest { id: id("packages/zzz") }).expect("an answer"), Versions::Unknown);
    }
    let paths = |server: &FileServer| server.requests().into_iter().map(|request| request.path).collect::<Vec<_>>();
    assert_eq!(paths(&server), ["/config.json", "/elements/packages/a.json", "/elements/packages/zzz.json"]);
    server.forget();
    let env = world::env(&world.path("stock"), world.scratch.path());
    let next = World { cx: world::context(&env).build(), env, ..World::new() };
    infos(&next, &*open(&next, json!({ "url": server.url("/") })), "packages/a");
    assert!(server.requests().iter().all(|request| request.header("if-none-match").is_some()), "the next run sends the ETags that it kept");
}

#[test]
fn faults_of_an_index_name_the_file() {
    let world = World::new();
    let element = |name: &str, value: Value| write(&world.path(&format!("index/elements/packages/{name}.json")), value.to_string());
    write(&world.path("index/config.json"), json!({ "schema": "greffon/index/1" }).to_string());
    let version = |download: Value| json!([{ "version": "1.0", "download": download }]);
    element("renamed", json!({ "type": "packages", "name": "other", "versions": [] }));
    element("twice", json!({ "type": "packages", "name": "twice", "versions": [{ "version": "1.0" }, { "version": "1.0" }] }));
    element("hostile", json!({ "type": "packages", "name": "hostile", "versions": [{ "version": "1.0", "dependencies": { "packages/../../x": "*" } }] }));
    element("both", json!({ "type": "packages", "name": "both", "versions": version(json!({ "url": "a.zip", "git": "https://h/x" })) }));
    element("digest", json!({ "type": "packages", "name": "digest", "versions": version(json!({ "url": "a.zip", "sha256": "short" })) }));
    element("norev", json!({ "type": "packages", "name": "norev", "versions": version(json!({ "git": "https://h/x" })) }));
    let repository = open(&world, json!({ "url": "index" }));
    for name in ["renamed", "twice", "hostile", "both", "digest", "norev"] {
        let error = repository.versions(&world.cx, &VersionsRequest { id: id(&format!("packages/{name}")) }).expect_err(name);
        let text = format!("{error:?}");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
        assert!(text.contains(&format!("index/elements/packages/{name}.json")), "{text}");
    }
    write(&world.path("newer/config.json"), json!({ "schema": "greffon/index/2" }).to_string());
    let error = open(&world, json!({ "url": "newer" })).versions(&world.cx, &VersionsRequest { id: id("packages/a") }).expect_err("a newer schema");
    assert_eq!(error.kind(), ErrorKind::Newer);
    let error = open(&world, json!({ "url": "nowhere" })).versions(&world.cx, &VersionsRequest { id: id("packages/a") }).expect_err("no index");
    assert_eq!(error.kind(), ErrorKind::NotFound, "an address that is wrong is no unknown element");
}

#[test]
fn options_that_are_not_known_are_told_with_the_nearest() {
    let world = World::new();
    let error = index::build(&world.spec("index", json!({ "ulr": "x" })), &world.env).expect_err("no such option");
    assert_eq!((error.message(), error.hints()), ("`builtin:index` has no option `ulr`", &["did you mean `url`?".to_owned()][..]));
    let error = index::build(&world.spec("index", json!({})), &world.env).expect_err("no address");
    assert_eq!(error.message(), "`builtin:index` needs the option `url`");
}

#[test]
fn a_large_index_answers_from_memory() {
    let world = World::new();
    write(&world.path("index/config.json"), json!({ "schema": "greffon/index/1" }).to_string());
    const ELEMENTS: usize = 5407;
    for number in 0..ELEMENTS {
        let versions: Vec<Value> = (0..10)
            .map(|version| json!({ "version": format!("1.{version}.0"), "dependencies": { format!("packages/p{}", (number + 1) % ELEMENTS): "1+" }, "download": { "url": format!("files/{number}-{version}.tar.gz") } }))
            .collect();
        let name = format!("p{number}");
        write(&world.path(&format!("index/elements/packages/{name}.json")), json!({ "type": "packages", "name": name, "versions": versions }).to_string());
    }
    let repository = open(&world, json!({ "url": "index" }));
    let walk = |count: usize| {
        let begun = Instant::now();
        for number in 0..count {
            infos(&world, &*repository, &format!("packages/p{number}"));
        }
        begun.elapsed()
    };
    let first = walk(200);
    let again = (0..5).map(|_| walk(200)).min().expect("five times");
    assert!(again < first, "200 of {ELEMENTS} elements of 10 versions: {first:?} from disk, then {again:?}");
}
