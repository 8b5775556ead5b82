//! The downloader: submodules, pages instead of archives, credentials that stay where they belong.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub)]

mod support;
#[path = "conformance/world.rs"]
#[allow(dead_code)]
mod world;

use std::sync::Arc;

use greffon::builtin::{downloader, repository::index};
use greffon::error::{ErrorKind, Result};
use greffon::model::{Digest, Download, InstallInfo, ObjectId, Payload};
use greffon::roles::{Context, DownloadRequest, Secrets, VersionsRequest};
use serde_json::json;
use support::{Fault, FileServer, GitServer, Repo};
use world::{World, context, tar_gz, write};

fn get(world: &World, cx: &Context, download: Download) -> Result<InstallInfo> {
    let downloader = downloader::build(&world.spec("standard", json!({})), &world.env).expect("a downloader");
    downloader.download(
        cx,
        &DownloadRequest { id: "plugins/x".parse().expect("an id"), version: "1.0".into(), download, target_dir: world.path("target"), deal: None },
    )
}

fn url(url: String) -> Download {
    Download::Url { url, sha256: None, md5: None, size: None, dialogue: None, price: None }
}

fn tree_files(world: &World, payload: &Payload) -> Vec<String> {
    let Payload::Tree { tree, .. } = payload else { panic!("{payload:?} is no tree") };
    world.env.stockroom.objects().files(*tree).expect("listed").into_iter().map(|file| file.path).collect()
}

#[test]
fn submodules_are_fetched_and_grafted_where_that_is_asked_for_and_an_error_elsewhere() {
    let world = World::new();
    let served = world.path("served");
    let inner = Repo::init(&world.path("inner"));
    inner.write("inner.php", "<?php").commit("inner");
    inner.publish(&served.join("libs/inner.git"));
    let middle = Repo::init(&world.path("middle"));
    middle.write("middle.php", "<?php");
    let inner_path = inner.url();
    middle.git(&["submodule", "add", "-q", &inner_path, "deep/inner"]);
    middle.git(&["config", "-f", ".gitmodules", "submodule.deep/inner.url", "./../inner.git"]);
    middle.commit("middle");
    middle.publish(&served.join("libs/middle.git"));
    let outer = Repo::init(&world.path("outer"));
    outer.write("plugin/version.php", "<?php");
    let middle_path = middle.url();
    outer.git(&["submodule", "add", "-q", &middle_path, "plugin/lib/middle"]);
    outer.git(&["config", "-f", ".gitmodules", "submodule.plugin/lib/middle.url", "../../libs/middle.git"]);
    let commit: ObjectId = outer.commit("outer").parse().expect("an id");
    outer.tag("v1");
    outer.publish(&served.join("plugins/outer.git"));
    let server = GitServer::start(&served);
    let wanted = |submodules, subdir: Option<&str>| Download::Git {
        git: server.url("/plugins/outer.git"),
        rev: "refs/tags/v1".into(),
        commit: Some(commit),
        subdir: subdir.map(str::to_owned),
        submodules,
    };
    let error = get(&world, &world.cx, wanted(false, None)).expect_err("a gitlink");
    let text = format!("{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
    assert!(text.contains("plugin/lib/middle"), "{text}");
    assert!(text.contains("submodules = true"), "{text}");
    let whole = get(&world, &world.cx, wanted(true, None)).expect("fetched");
    let files =
        [".gitmodules", "plugin/lib/middle/.gitmodules", "plugin/lib/middle/deep/inner/inner.php", "plugin/lib/middle/middle.php", "plugin/version.php"];
    assert_eq!(tree_files(&world, &whole.payload), files);
    let part = get(&world, &world.cx, wanted(true, Some("plugin"))).expect("fetched");
    assert_eq!(tree_files(&world, &part.payload), ["lib/middle/.gitmodules", "lib/middle/deep/inner/inner.php", "lib/middle/middle.php", "version.php"]);
}

#[test]
fn a_web_page_is_told_from_an_archive_and_sizes_are_kept_to() {
    let world = World::new();
    let server = FileServer::start();
    let archive = tar_gz(&[("tool/readme", "a tool")]);
    server.put("/tool.tar.gz", archive.clone());
    server.put("/called-a-page.html", archive.clone());
    server.put("/empty.zip", Vec::new());
    server.fault("login.zip", 1, Fault::html());
    let promised =
        Download::Url { url: server.url("/login.zip"), sha256: Some(Digest::from_bytes([7; 32])), md5: None, size: Some(12), dialogue: None, price: None };
    server.put("/login.zip", archive.clone());
    let error = get(&world, &world.cx, promised).expect_err("a login page");
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.message().ends_with("answered with a web page, not with an archive"), "{error}");
    get(&world, &world.cx, url(server.url("/called-a-page.html"))).expect("the bytes decide");
    assert_eq!(get(&world, &world.cx, url(server.url("/empty.zip"))).expect_err("no bytes").kind(), ErrorKind::Archive);
    let size = |size| Download::Url { url: server.url("/tool.tar.gz"), sha256: None, md5: None, size: Some(size), dialogue: None, price: None };
    get(&world, &world.cx, size(archive.len() as u64)).expect("the right size");
    assert_eq!(get(&world, &world.cx, size(archive.len() as u64 + 1)).expect_err("another size").kind(), ErrorKind::Digest);
    let sold = Download::Url { url: server.url("/tool.tar.gz"), sha256: None, md5: None, size: None, dialogue: Some("edd".into()), price: None };
    assert_eq!(get(&world, &world.cx, sold).expect_err("there is no dialogue here").kind(), ErrorKind::Unsupported);
}

struct Token;
impl Secrets for Token {
    fn get(&self, name: &str) -> Result<Option<String>> {
        Ok((name == "shop").then(|| "s3cret-t0ken".to_owned()))
    }
}

#[test]
fn an_indexs_credential_goes_with_its_archives_and_nowhere_else() {
    let world = World::new();
    let (own, other) = (FileServer::start(), FileServer::start());
    for server in [&own, &other] {
        server.put("/files/a.tar.gz", tar_gz(&[("a/readme", "a")]));
    }
    own.require("/", "Bearer s3cret-t0ken");
    own.put("/idx/config.json", json!({ "schema": "greffon/index/1" }).to_string());
    let version = |version: &str, url: String| json!({ "version": version, "download": { "url": url } });
    let versions = [version("1.0", "files/a.tar.gz".into()), version("2.0", other.url("/files/a.tar.gz")), version("3.0", "../files/a.tar.gz".into())];
    own.put("/idx/elements/packages/a.json", json!({ "type": "packages", "name": "a", "versions": versions }).to_string());
    own.put("/idx/files/a.tar.gz", tar_gz(&[("a/readme", "a")]));
    let cx = context(&world.env).secrets(Arc::new(Token)).build();
    let repository = index::build(&world.spec("index", json!({ "url": own.url("/idx/"), "auth": "shop" })), &world.env).expect("an index");
    let id = "packages/a".parse().expect("an id");
    let greffon::roles::Versions::Known(list) = repository.versions(&cx, &VersionsRequest { id }).expect("an answer") else { panic!("known") };
    let downloads: Vec<Download> = list.into_iter().map(|entry| entry.info.expect("info").download.expect("bytes")).collect();
    get(&world, &cx, downloads[0].clone()).expect("below the index");
    get(&world, &cx, downloads[1].clone()).expect("elsewhere");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()), "another server never sees the token");
    assert_eq!(get(&world, &cx, downloads[2].clone()).expect_err("beside the index, not below it").kind(), ErrorKind::Denied);
    let plain = Context::silent();
    let error = repository.versions(&plain, &VersionsRequest { id: "packages/b".parse().expect("an id") }).expect_err("no such secret");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[test]
fn a_folder_is_given_where_it_lies_and_a_subdir_stays_inside() {
    let world = World::new();
    write(&world.path("local/in/readme"), "x");
    let local = |subdir: &str| Download::Path { path: world.path("local").to_str().expect("UTF-8").into(), sha256: None, subdir: Some(subdir.into()) };
    assert_eq!(get(&world, &world.cx, local("in")).expect("there").payload, Payload::Directory { path: world.path("local/in") });
    assert_eq!(get(&world, &world.cx, local("../local")).expect_err("out of it").kind(), ErrorKind::Invalid);
    assert_eq!(get(&world, &world.cx, local("nothing")).expect_err("not there").kind(), ErrorKind::NotFound);
}
