//! git over smart http, an index in a folder and over http, a folder: the same contract.

use std::sync::Arc;

use greffon::builtin::repository::{folder, git, index};
use greffon::error::{ErrorKind, Result};
use greffon::model::{Advisories, ElementId, ElementInfo};
use greffon::roles::conformance::repository::{Counter, Fixture, KnownElement, check};
use greffon::roles::{AdvisoriesRequest, Context, ElementInfoRequest, Repository, SearchHit, SearchRequest, VersionEntry, Versions, VersionsRequest};
use serde_json::json;

use super::support::{Fault, FileServer, GitServer, Repo};
use super::world::{World, package, tar_gz, write};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn known(name: &str, versions: &[&str], withdrawn: &[&str]) -> KnownElement {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
    KnownElement { id: id(name), versions: list(versions), withdrawn: list(withdrawn) }
}

/// An index of four elements below `folder`, one of them without versions, one broken.
pub(super) fn write_index(folder: &std::path::Path) {
    let element = |kind: &str, name: &str, versions: serde_json::Value| {
        let text = json!({ "type": kind, "name": name, "summary": format!("about {name}"), "versions": versions }).to_string();
        write(&folder.join(format!("elements/{kind}/{name}.json")), text);
    };
    write(&folder.join("config.json"), json!({ "schema": "greffon/index/1", "name": "ours", "types": { "packages": { "scheme": "3m" } } }).to_string());
    element(
        "packages",
        "alpha",
        json!([
            { "version": "1.0", "download": { "url": "files/alpha-1.0.tar.gz" } },
            { "version": "1.1", "dependencies": { "packages/beta": "1+" }, "download": { "url": "files/alpha-1.1.tar.gz" } },
            { "version": "1.2", "yanked": "it loses data", "download": { "url": "files/alpha-1.2.tar.gz" } }
        ]),
    );
    element("packages", "vendor/beta", json!([{ "version": "1.0", "download": { "git": "https://git.example.org/beta.git", "rev": "v1.0" } }]));
    element("packages", "empty", json!([]));
    write(&folder.join("elements/packages/broken.json"), "{ \"type\": \"packages\", ");
    let about = |name: &str| json!({ "id": "OURS-1", "type": "packages", "name": name, "title": "a hole", "affected": "<1.1", "fixed": "1.1" });
    let twice = [about("alpha"), about("alpha"), about("other")];
    write(&folder.join("advisories.json"), json!({ "schema": "greffon/index/1", "advisories": twice }).to_string());
    let named = |name: &str| json!({ "type": "packages", "name": name, "summary": format!("about {name}") });
    write(&folder.join("names.json"), json!({ "schema": "greffon/index/1", "elements": [named("alpha"), named("vendor/beta"), named("empty")] }).to_string());
}

pub(super) fn index_fixture<'a>() -> Fixture<'a> {
    let mut fixture = Fixture::new(id("packages/nothing"));
    fixture.known = vec![known("packages/alpha", &["1.0", "1.1"], &["1.2"]), known("packages/vendor/beta", &["1.0"], &[])];
    fixture.without_versions = Some(id("packages/empty"));
    fixture.lists = true;
    fixture.unsafe_one = Some(id("packages/alpha"));
    fixture
}

/// A repository whose first known element is the broken one.
#[derive(Debug)]
pub(super) struct Broken(pub(super) Arc<dyn Repository>);
impl Repository for Broken {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn versions(&self, cx: &Context, _: &VersionsRequest) -> Result<Versions> {
        self.0.versions(cx, &VersionsRequest { id: id("packages/broken") })
    }
    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        self.0.element_info(cx, request)
    }
    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        self.0.search(cx, request)
    }
}

#[test]
fn an_index_in_a_folder_keeps_the_contract() {
    let world = World::new();
    write_index(&world.path("index"));
    let repository = index::build(&world.spec("index", json!({ "url": "index" })), &world.env).expect("an index");
    let broken = Broken(Arc::clone(&repository));
    let mut fixture = index_fixture();
    fixture.failing = Some(&broken);
    let report = check(&*repository, &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested.len(), 1, "no download can be counted in a folder: {:?}", report.untested);
}

#[test]
fn an_index_over_http_keeps_the_contract() {
    let world = World::new();
    write_index(&world.path("index"));
    let server = FileServer::of_folder(&world.path("index"));
    let repository = index::build(&world.spec("index", json!({ "url": server.url("/") })), &world.env).expect("an index");
    let down = FileServer::of_folder(&world.path("index"));
    down.fault("alpha.json", 999, Fault::status(403));
    let failing = index::build(&world.spec("index", json!({ "url": down.url("/") })), &world.env).expect("an index");
    let count = || server.count("/files/");
    let mut fixture = index_fixture();
    fixture.failing = Some(&*failing);
    fixture.downloads = Some(Counter(&count));
    let report = check(&*repository, &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[test]
fn git_over_smart_http_keeps_the_contract() {
    let world = World::new();
    let served = world.path("served");
    let alpha = Repo::init(&world.path("alpha"));
    for version in ["1.0", "1.1"] {
        alpha.write("greffon.toml", package("plugins", "alpha", version, "[package.dependencies]\n\"plugins/beta\" = \"1+\"\n"));
        alpha.commit(version);
        alpha.annotated_tag(&format!("v{version}"));
    }
    alpha.publish(&served.join("alpha.git"));
    let beta = Repo::init(&world.path("beta"));
    beta.write("readme", "one").commit("one");
    beta.tag("release-1.0.0").tag("nightly");
    beta.write("readme", "two").commit("two");
    beta.publish(&served.join("beta.git"));
    std::fs::create_dir_all(served.join("empty.git")).expect("a folder");
    super::support::git(&served.join("empty.git"), &["init", "-q", "--bare"]);
    let server = GitServer::start(&served);
    let options = json!({ "elements": { "plugins/alpha": server.url("/alpha.git") }, "url": server.url("/{name}.git"), "types": ["plugins"] });
    let repository = git::build(&world.spec("git", options), &world.env).expect("a repository");
    let down = GitServer::start(&served);
    down.fault("alpha.git", 999, Fault::status(403));
    let failing = git::build(&world.spec("git", json!({ "url": down.url("/{name}.git") })), &world.env).expect("a repository");
    let mut fixture = Fixture::new(id("plugins/nothing"));
    fixture.known = vec![known("plugins/alpha", &["1.0", "1.1"], &[]), known("plugins/beta", &["1.0.0"], &[])];
    fixture.without_versions = Some(id("plugins/empty"));
    fixture.failing = Some(&*failing);
    let report = check(&*repository, &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested.len(), 5, "{:?}", report.untested);
}

#[test]
fn a_folder_keeps_the_contract() {
    let world = World::new();
    write(&world.path("packages/tools/alpha-1.0.tar.gz"), tar_gz(&[("alpha/readme", "one")]));
    write(&world.path("packages/tools/alpha-1.1.tar.gz"), tar_gz(&[("alpha/greffon.toml", &package("tools", "alpha", "1.1", ""))]));
    write(&world.path("packages/tools/beta/greffon.toml"), package("tools", "beta", "2.0", ""));
    write(&world.path("packages/tools/readme.txt"), "not a package");
    let repository = folder::build(&world.spec("folder", json!({ "path": "packages" })), &world.env).expect("a repository");
    let failing = folder::build(&world.spec("folder", json!({ "path": "nowhere" })), &world.env).expect("a repository");
    let mut fixture = Fixture::new(id("tools/nothing"));
    fixture.known = vec![known("tools/alpha", &["1.0", "1.1"], &[]), known("tools/beta", &["2.0"], &[])];
    fixture.failing = Some(&*failing);
    fixture.lists = true;
    check(&*repository, &world.cx, &fixture).expect("the contract");
}

/// What a twin does wrong.
#[derive(Debug, Clone, Copy)]
enum Fault_ {
    ListsTwice,
    ForgetsWithdrawn,
    KnowsEverything,
    UnknownOnFailure,
    AnswersOtherwise,
    Wavers,
    IgnoresLimit,
    InfoFromNowhere,
    HidesElements,
    TellsOfOthers,
    ForgetsOffline,
}

#[derive(Debug)]
struct Twin {
    inner: Arc<dyn Repository>,
    fault: Fault_,
    asked: std::sync::atomic::AtomicUsize,
}

impl Repository for Twin {
    fn name(&self) -> &str {
        "twin"
    }
    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        let asked = self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = self.inner.versions(cx, request);
        let mut list = match (self.fault, answer) {
            (Fault_::UnknownOnFailure, Err(_)) => return Ok(Versions::Unknown),
            (_, Err(error)) => return Err(error),
            (Fault_::KnowsEverything, Ok(Versions::Unknown)) => return Ok(Versions::Known(Vec::new())),
            (_, Ok(Versions::Unknown)) => return Ok(Versions::Unknown),
            (_, Ok(Versions::Known(list))) => list,
        };
        match self.fault {
            Fault_::ListsTwice => list.extend(list.first().cloned()),
            Fault_::ForgetsWithdrawn => list.retain(|entry| entry.info.as_ref().is_none_or(|info| info.yanked.is_none())),
            Fault_::Wavers if asked.is_multiple_of(2) => list.truncate(1),
            Fault_::AnswersOtherwise => list.iter_mut().for_each(|entry: &mut VersionEntry| {
                if let Some(info) = &mut entry.info {
                    info.summary = Some("something else".to_owned());
                }
            }),
            _ => {}
        }
        Ok(Versions::Known(list))
    }
    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        let info = self.inner.element_info(cx, request)?;
        Ok(match self.fault {
            Fault_::InfoFromNowhere => info.or_else(|| Some(ElementInfo::bare(request.id.clone(), "9".into()))),
            _ => info,
        })
    }
    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        let limit = if matches!(self.fault, Fault_::IgnoresLimit) { usize::MAX } else { request.limit };
        let mut hits = self.inner.search(cx, &SearchRequest { text: request.text.clone(), limit })?;
        if matches!(self.fault, Fault_::HidesElements) {
            hits.retain(|hit| hit.id.name() != "vendor/beta");
        }
        Ok(hits)
    }
    fn advisories(&self, cx: &Context, request: &AdvisoriesRequest) -> Result<Advisories> {
        let mut ids = request.ids.clone();
        if matches!(self.fault, Fault_::TellsOfOthers) {
            ids.extend([id("packages/alpha"), id("packages/other")]);
        }
        let told = self.inner.advisories(cx, &AdvisoriesRequest { ids })?;
        Ok(if matches!(self.fault, Fault_::ForgetsOffline) && cx.offline() { Advisories::default() } else { told })
    }
}

#[test]
fn a_broken_repository_fails_the_sentence_that_it_breaks() {
    let world = World::new();
    write_index(&world.path("index"));
    let inner = index::build(&world.spec("index", json!({ "url": "index" })), &world.env).expect("an index");
    for (fault, words) in [
        (Fault_::ListsTwice, "No version text is listed twice"),
        (Fault_::ForgetsWithdrawn, "Withdrawn versions are listed"),
        (Fault_::KnowsEverything, "never heard of"),
        (Fault_::UnknownOnFailure, "is an error, *never* `Unknown`"),
        (Fault_::AnswersOtherwise, "whole element infos"),
        (Fault_::Wavers, "The same question"),
        (Fault_::IgnoresLimit, "at most as many hits"),
        (Fault_::InfoFromNowhere, "`element_info` is `None`"),
        (Fault_::HidesElements, "lists what there is"),
        (Fault_::TellsOfOthers, "about an element that was asked for"),
        (Fault_::ForgetsOffline, "what was heard last"),
    ] {
        let twin = Twin { inner: Arc::clone(&inner), fault, asked: Default::default() };
        let failing = Twin { inner: Arc::new(Broken(Arc::clone(&inner))), fault, asked: Default::default() };
        let mut fixture = index_fixture();
        fixture.failing = Some(&failing);
        let failures = check(&twin, &world.cx, &fixture).expect_err("a broken twin");
        assert!(failures.name(words), "{fault:?} is not found out: {failures}");
    }
}

#[test]
fn a_broken_index_names_its_file_and_the_place_in_it() {
    let world = World::new();
    write_index(&world.path("index"));
    let repository = index::build(&world.spec("index", json!({ "url": "index" })), &world.env).expect("an index");
    let error = repository.versions(&world.cx, &VersionsRequest { id: id("packages/broken") }).expect_err("it is no JSON");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.excerpts()[0].path.ends_with("elements/packages/broken.json"), "{error:?}");
}
