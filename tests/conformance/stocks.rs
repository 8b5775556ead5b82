//! The stock `store`, as a stock and as a repository.

use std::path::Path;
use std::sync::Arc;

use greffon::builtin::stock;
use greffon::error::Result;
use greffon::model::{Digest, ElementId, ElementInfo, InstallInfo, Payload};
use greffon::roles::conformance::{Verdict, repository, stock as suite};
use greffon::roles::{
    Context, ElementInfoRequest, GcReport, GcRequest, PinRequest, Repository, SearchHit, SearchRequest, Stock, StockKey, StoreRequest, StoredElement, Versions,
    VersionsRequest,
};
use serde_json::json;
use sha2::Digest as _;

use super::world::{World, env, tar_gz, write};

pub(super) fn request(world: &World, origin: &str, name: &str, version: &str, files: &[(&str, &str)]) -> StoreRequest {
    let bytes = tar_gz(files);
    let path = world.path(&format!("archives/{name}-{version}.tar.gz"));
    write(&path, &bytes);
    let id: ElementId = format!("plugins/{name}").parse().expect("an id");
    let digest = Some(Digest::from_bytes(sha2::Sha256::digest(&bytes).into()));
    StoreRequest {
        origin: origin.to_owned(),
        info: ElementInfo::bare(id.clone(), version.into()),
        install: InstallInfo { id, version: version.into(), digest, payload: Payload::Archive { path, subdir: None }, receipt: None },
        expected_tree: None,
    }
}

pub(super) fn open(world: &World) -> Arc<dyn Stock> {
    stock::build(&world.spec("store", json!({})), &world.env).expect("a stock")
}

/// Writes over what the stock noted of an entry.
fn damage(folder: &Path, stored: &StoredElement) {
    for entry in std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            damage(&entry, stored);
        } else if std::fs::read_to_string(&entry).is_ok_and(|text| text.contains(&format!("\"{}\"", stored.key.id))) {
            std::fs::write(&entry, "damaged").expect("written over");
        }
    }
}

pub(super) fn checked(world: &World, stock: &dyn Stock, wrap: impl Fn(Arc<dyn Stock>) -> Box<dyn Stock>) -> Verdict {
    let first = request(world, "https://h/a.tar.gz", "a", "1.0", &[("a/readme", "the a")]);
    let mut other = request(world, "https://h/a.tar.gz", "a", "1.0-other", &[("a/readme", "not the a")]);
    other.info = first.info.clone();
    other.install.version = first.install.version.clone();
    other.install.digest = first.install.digest;
    let reopen = || -> Result<Box<dyn Stock>> {
        let env = env(&world.path("stock"), world.scratch.path());
        Ok(wrap(stock::build(&world.spec("store", json!({})), &env)?))
    };
    let info = world.env.stockroom.info();
    let damaged = |stored: &StoredElement| damage(&info, stored);
    let fixture = suite::Fixture {
        first,
        second: request(world, "https://h/b.tar.gz", "b", "2.0", &[("b/readme", "the b")]),
        other_bytes: Some(other),
        refused: Some(request(world, "https://h/evil.tar.gz", "evil", "1.0", &[("evil/readme", "x"), ("../outside", "y")])),
        reopen: Some(&reopen),
        damage: Some(&damaged),
    };
    suite::check(stock, &world.cx, &fixture)
}

#[test]
fn store_keeps_the_contract() {
    let world = World::new();
    let report = checked(&world, &*open(&world), |stock| Box::new(Twin(stock, None))).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[test]
fn store_is_a_repository_of_what_was_put_in_by_hand() {
    let world = World::new();
    let stock = open(&world);
    for (name, version) in [("a", "1.0"), ("a", "1.1"), ("b", "2.0")] {
        stock.store_element(&world.cx, &request(&world, "stock", name, version, &[("x/readme", version)])).expect("stored");
    }
    stock.store_element(&world.cx, &request(&world, "https://h/c.tar.gz", "c", "3.0", &[("x/readme", "c")])).expect("stored");
    let known = |name: &str, versions: &[&str]| repository::KnownElement {
        id: name.parse().expect("an id"),
        versions: versions.iter().map(|version| (*version).into()).collect(),
        withdrawn: Vec::new(),
    };
    // What came from elsewhere is no candidate: a full stock must not change an answer.
    let mut fixture = repository::Fixture::new("plugins/c".parse().expect("an id"));
    fixture.known = vec![known("plugins/a", &["1.0", "1.1"]), known("plugins/b", &["2.0"])];
    fixture.lists = true;
    let view = AsRepository(stock);
    repository::check(&view, &world.cx, &fixture).expect("the contract");
}

#[derive(Debug)]
struct AsRepository(Arc<dyn Stock>);

macro_rules! repository_by_delegation {
    ($name:ident, $field:tt) => {
        impl Repository for $name {
            fn name(&self) -> &str {
                self.$field.name()
            }
            fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
                self.$field.versions(cx, request)
            }
            fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
                self.$field.element_info(cx, request)
            }
            fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
                self.$field.search(cx, request)
            }
        }
    };
}
repository_by_delegation!(AsRepository, 0);
repository_by_delegation!(Twin, 0);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    TakesOtherBytes,
    HidesRefusals,
    OpensForAnybody,
    CollectsPinned,
    CollectsInDryRuns,
    ForgetsLaterPins,
    Unsorted,
}

#[derive(Debug)]
struct Twin(Arc<dyn Stock>, Option<Wrong>);

impl Twin {
    fn is(&self, wrong: Wrong) -> bool {
        self.1 == Some(wrong)
    }
}

impl Stock for Twin {
    fn store_element(&self, cx: &Context, request: &StoreRequest) -> Result<StoredElement> {
        let mut request = request.clone();
        if self.is(Wrong::TakesOtherBytes) {
            request.install.digest = None;
        }
        self.0.store_element(cx, &request).or_else(|error| {
            if self.is(Wrong::HidesRefusals) {
                let key =
                    StockKey { origin: request.origin.clone(), id: request.info.id.clone(), version: request.info.version.clone(), digest: String::new() };
                return Ok(StoredElement { key, info: request.info.clone(), payload: request.install.payload.clone() });
            }
            Err(error)
        })
    }
    fn open(&self, cx: &Context, key: &StockKey) -> Result<Option<StoredElement>> {
        let mut key = key.clone();
        if self.is(Wrong::OpensForAnybody) {
            key.origin = key.origin.replace("#of-somebody-else", "");
        }
        self.0.open(cx, &key)
    }
    fn list(&self, cx: &Context) -> Result<Vec<StockKey>> {
        let mut list = self.0.list(cx)?;
        if self.is(Wrong::Unsorted) {
            list.reverse();
        }
        Ok(list)
    }
    fn pin(&self, cx: &Context, request: &PinRequest) -> Result<()> {
        let trees: Vec<_> = self.0.list(cx)?.iter().filter_map(|key| self.0.open(cx, key).ok().flatten()).map(|stored| stored.payload).collect();
        let first = trees.first().is_some_and(|payload| matches!(payload, Payload::Tree { tree, .. } if *tree == request.tree));
        if (self.is(Wrong::ForgetsLaterPins) && !first) || self.is(Wrong::CollectsPinned) {
            return Ok(());
        }
        self.0.pin(cx, request)
    }
    fn unpin(&self, cx: &Context, site: &str, generation: Option<u64>) -> Result<()> {
        self.0.unpin(cx, site, generation)
    }
    fn gc(&self, cx: &Context, request: &GcRequest) -> Result<GcReport> {
        let dry_run = request.dry_run && !self.is(Wrong::CollectsInDryRuns);
        self.0.gc(cx, &GcRequest { dry_run, ..request.clone() })
    }
    fn verify(&self, cx: &Context) -> Result<Vec<String>> {
        self.0.verify(cx)
    }
}

#[test]
fn a_broken_stock_fails_the_sentence_that_it_breaks() {
    for (wrong, words) in [
        (Wrong::TakesOtherBytes, "Other bytes under an identity"),
        (Wrong::HidesRefusals, "the extraction policy refuses"),
        (Wrong::OpensForAnybody, "Asks nobody else"),
        (Wrong::CollectsPinned, "Nothing that a pin protects goes"),
        (Wrong::CollectsInDryRuns, "Nothing that a pin protects goes"),
        (Wrong::ForgetsLaterPins, "The same pin set twice"),
        (Wrong::Unsorted, "sorted by id"),
    ] {
        let world = World::new();
        let twin = Twin(open(&world), Some(wrong));
        let failures = checked(&world, &twin, |stock| Box::new(Twin(stock, Some(wrong)))).expect_err("a broken twin");
        assert!(failures.name(words), "{wrong:?} is not found out: {failures}");
    }
}
