//! A client, a stock and a downloader in Rust, over the shared table: each keeps the contract of what it is laid over.

use std::sync::Arc;

use greffon::builtin::downloader;
use greffon::native::{Native, Roles};
use greffon::roles::wire::client::{ServedClient, WiredClient};
use greffon::roles::wire::downloader::{ServedDownloader, WiredDownloader};
use greffon::roles::wire::stock::{ServedStock, WiredStock};
use greffon::roles::wire::{Inner, Role};
use greffon::roles::{GcRequest, Stock as _, conformance};
use serde_json::json;

use super::world::World;
use super::{build, clients, downloaders, stocks};

fn native(role: Role, inner: Inner, base: &std::path::Path) -> Arc<Native> {
    misspelling(role, inner, base, "")
}

/// One that adds a key to what this method answers.
fn misspelling(role: Role, inner: Inner, base: &std::path::Path, method: &str) -> Arc<Native> {
    let spec = build::spec(build::hands_on(), json!({ "misspells": method }), base);
    Arc::new(Native::open(&spec, role, true, Roles::from([("inner".to_owned(), inner)])).expect("a library"))
}

#[test]
fn a_stock_in_a_library_keeps_the_contract() {
    let world = World::new();
    let base = world.path("");
    let wrap =
        |inner: Arc<dyn greffon::roles::Stock>| WiredStock::new("ours", native(Role::Stock, Arc::new(ServedStock(Arc::clone(&inner))), &base), Some(inner));
    let report = stocks::checked(&world, &wrap(stocks::open(&world)), |inner| Box::new(wrap(inner))).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[test]
fn a_key_that_no_answer_of_a_stock_has_is_refused() {
    let world = World::new();
    let inner = stocks::open(&world);
    let request = stocks::request(&world, "https://h/a.tar.gz", "a", "1.0", &[("a/readme", "the a")]);
    let key = inner.store_element(&world.cx, &request).expect("stored").key;
    for method in ["store_element", "open", "list", "gc"] {
        let served = Arc::new(ServedStock(Arc::clone(&inner)));
        let stock = WiredStock::new("ours", misspelling(Role::Stock, served, &world.path(""), method), Some(Arc::clone(&inner)));
        let error = match method {
            "store_element" => stock.store_element(&world.cx, &request).map(drop),
            "open" => stock.open(&world.cx, &key).map(drop),
            "list" => stock.list(&world.cx).map(drop),
            _ => stock.gc(&world.cx, &GcRequest { dry_run: true, ..GcRequest::default() }).map(drop),
        };
        let error = error.expect_err(method);
        assert!(error.message().contains("no key `digset`") && error.message().contains(&format!("`{method}`")), "{error}");
    }
}

#[test]
fn a_downloader_in_a_library_keeps_the_contract() {
    let world = World::new();
    let servers = downloaders::servers(&world);
    let fixture = downloaders::fixture(&world, &servers);
    let inner = downloader::build(&world.spec("standard", json!({})), &world.env).expect("a downloader");
    let to = native(Role::Downloader, Arc::new(ServedDownloader(Arc::clone(&inner))), &world.path(""));
    conformance::downloader::check(&WiredDownloader::new(to, Some(inner)), &world.cx, &fixture).expect("the contract");
}

#[test]
fn a_client_in_a_library_keeps_the_contract() {
    let scene = clients::scene();
    let folder = tempfile::tempdir().expect("a folder");
    let wrap = |inner: greffon::builtin::client::Standard| {
        let served = Arc::new(ServedClient::new(Arc::new(inner)));
        let to = native(Role::Client, Arc::clone(&served) as Inner, folder.path());
        Box::new(WiredClient::new(to, Some(served))) as Box<dyn greffon::roles::Client>
    };
    clients::checked(&scene, wrap).expect("the contract");
}
