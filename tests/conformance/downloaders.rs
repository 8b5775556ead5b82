//! The downloader `standard`: git over smart http, archives over http, archives and folders of this machine.

use std::sync::Arc;
use std::time::Duration;

use greffon::builtin::downloader::standard;
use greffon::error::Result;
use greffon::model::{Digest, Download, InstallInfo, ObjectId};
use greffon::roles::conformance::downloader::{Fixture, check};
use greffon::roles::{Cancel, Context, DownloadRequest, Downloader};
use serde_json::json;
use sha2::Digest as _;

use super::support::{Fault, FileServer, GitServer, Repo};
use super::world::{World, context, tar_gz, write};

pub(super) struct Servers {
    git: GitServer,
    files: FileServer,
    commit: ObjectId,
    earlier: ObjectId,
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(sha2::Sha256::digest(bytes).into())
}

pub(super) fn servers(world: &World) -> Servers {
    let served = world.path("served");
    let repo = Repo::init(&world.path("repo"));
    repo.write("lib/code.php", "<?php\n").write("readme", "one");
    let earlier = repo.commit("one").parse().expect("an id");
    repo.tag("v1").write("readme", "two");
    let commit = repo.commit("two").parse().expect("an id");
    repo.annotated_tag("v2");
    repo.publish(&served.join("x.git"));
    Servers { git: GitServer::start(&served), files: FileServer::start(), commit, earlier }
}

/// A commit that the fixture's repository never had.
const NOWHERE: [u8; 20] = [0xab; 20];

pub(super) fn fixture(world: &World, servers: &Servers) -> Fixture {
    let archive = tar_gz(&[("tool/readme", "a tool")]);
    for name in ["tool", "busy", "endless", "changed", "remote"] {
        servers.files.put(&format!("/{name}.tar.gz"), archive.clone());
    }
    servers.files.fault("busy.tar.gz", 1, Fault::status(503).header("Retry-After", "1"));
    servers.files.fault("endless.tar.gz", 99, Fault::Stall(10));
    write(&world.path("local/tool.tar.gz"), &archive);
    write(&world.path("local/folder/readme"), "a folder");
    let local = |name: &str| world.path(name).to_str().expect("UTF-8").to_owned();
    let request = |name: &str, download: Download| DownloadRequest {
        id: format!("plugins/{name}").parse().expect("an id"),
        version: "1.0".into(),
        download,
        target_dir: world.path(&format!("target/{name}")),
        deal: None,
    };
    let git = |rev: &str, commit: Option<ObjectId>, subdir: Option<&str>| Download::Git {
        git: servers.git.url("/x.git"),
        rev: rev.to_owned(),
        commit,
        subdir: subdir.map(str::to_owned),
        submodules: false,
    };
    let url = |name: &str, sha256: Option<Digest>| Download::Url {
        url: servers.files.url(&format!("/{name}.tar.gz")),
        sha256,
        md5: None,
        size: None,
        dialogue: None,
        price: None,
    };
    let path = |name: &str, sha256: Option<Digest>| Download::Path { path: local(name), sha256, subdir: None };
    let cancel = Cancel::default();
    Fixture {
        items: vec![
            request("by-tag", git("refs/tags/v2", Some(servers.commit), None)),
            request("by-name", git("v1", None, None)),
            request("by-commit", git("refs/tags/v1", Some(servers.earlier), Some("lib"))),
            request("by-url", url("tool", Some(digest(&archive)))),
            request("archive", path("local/tool.tar.gz", Some(digest(&archive)))),
            request("folder", path("local/folder", None)),
        ],
        wrong_bytes: vec![
            request("wrong-url", url("changed", Some(digest(b"something else")))),
            request("wrong-path", path("local/tool.tar.gz", Some(digest(b"something else")))),
            request("moved-tag", git("refs/tags/v2", Some(ObjectId::from_bytes(NOWHERE)), None)),
        ],
        missing: vec![
            request("no-file", url("nothing", None)),
            request("no-path", path("local/nothing", None)),
            request("no-tag", git("v9", None, None)),
            request("no-folder", git("refs/tags/v1", Some(servers.earlier), Some("nowhere"))),
        ],
        remote: Some((request("remote", url("remote", None)), "127.0.0.1".to_owned())),
        busy: Some((request("busy", url("busy", None)), Duration::from_secs(1))),
        endless: Some((request("endless", url("endless", None)), context(&world.env).cancel(cancel).build())),
    }
}

fn built(world: &World) -> Arc<dyn Downloader> {
    standard::build(&world.spec("standard", json!({})), &world.env).expect("a downloader")
}

#[test]
fn standard_keeps_the_contract() {
    let world = World::new();
    let servers = servers(&world);
    let report = check(&*built(&world), &world.cx, &fixture(&world, &servers)).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[derive(Debug, Clone, Copy)]
enum Wrong {
    ForgetsDigests,
    IgnoresOffline,
    PutsAnywhere,
}

#[derive(Debug)]
struct Twin(Arc<dyn Downloader>, Wrong, std::path::PathBuf, Context);

impl Downloader for Twin {
    fn download(&self, cx: &Context, request: &DownloadRequest) -> Result<InstallInfo> {
        let mut request = request.clone();
        match (self.1, &mut request.download) {
            (Wrong::ForgetsDigests, Download::Url { sha256, .. } | Download::Path { sha256, .. }) => *sha256 = None,
            (Wrong::IgnoresOffline, _) => return self.0.download(&self.3, &request),
            (Wrong::PutsAnywhere, _) => request.target_dir.clone_from(&self.2),
            _ => {}
        }
        self.0.download(cx, &request)
    }
}

#[test]
fn a_broken_downloader_fails_the_sentence_that_it_breaks() {
    for (wrong, words) in [
        (Wrong::ForgetsDigests, "are an error of kind `Digest`"),
        (Wrong::IgnoresOffline, "Offline, what would need the network"),
        (Wrong::PutsAnywhere, "placed below `target_dir`"),
    ] {
        let world = World::new();
        let servers = servers(&world);
        let twin = Twin(built(&world), wrong, world.path("anywhere"), world.cx.clone());
        let mut fixture = fixture(&world, &servers);
        fixture.endless = None;
        fixture.busy = None;
        let failures = check(&twin, &world.cx, &fixture).expect_err("a broken twin");
        assert!(failures.name(words), "{wrong:?} is not found out: {failures}");
    }
}
