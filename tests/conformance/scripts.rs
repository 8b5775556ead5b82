//! Scripts in a builtin's place keep the contract of its role: each role wrapped by a script, two of them written anew in one.

use std::path::Path;
use std::sync::Arc;

use greffon::builtin::{downloader, repository};
use greffon::roles::Repository;
use greffon::roles::conformance::{self, repository::Counter};
use greffon::roles::wire::client::{ServedClient, WiredClient};
use greffon::roles::wire::downloader::{ServedDownloader, WiredDownloader};
use greffon::roles::wire::installer::{ServedInstaller, WiredInstaller};
use greffon::roles::wire::repository::{ServedRepository, WiredRepository};
use greffon::roles::wire::stock::{ServedStock, WiredStock};
use greffon::roles::wire::{Inner, Role};
use greffon::script::{Allowed, Facts, Grants, Instance, Limits, Script, Source};
use serde_json::json;

use super::world::{World, write};
use super::{clients, downloaders, installers, repositories, stocks};

/// A script of this text for a role, over an inner one.
fn instance(folder: &Path, role: Role, text: &str, inner: Option<Inner>) -> Arc<Instance> {
    let path = folder.join(format!("{role}.rhai"));
    write(&path, text);
    let source = Source::read(&path).expect("a script");
    let allowed = Allowed {
        name: source.name.clone(),
        grants: Grants::default(),
        base: folder.to_owned(),
        extension: source.folder.clone(),
        site: None,
        own_read: Vec::new(),
        own_write: Vec::new(),
    };
    let script = Script::load(source, role, inner.is_some(), allowed, Limits::default()).expect("it loads");
    let facts = Facts { name: "ours".to_owned(), role: role.word().to_owned(), ..Facts::default() };
    Arc::new(Instance::new(script, role, facts, inner))
}

/// A script that hands every method on.
fn wrapper(role: Role) -> String {
    role.required().iter().chain(role.optional()).map(|method| format!("fn {method}(request, host) {{ host.inner.{method}(request) }}\n")).collect()
}

fn wrapped_repository(world: &World, inner: Arc<dyn Repository>) -> WiredRepository {
    let served = Arc::new(ServedRepository(Arc::clone(&inner)));
    WiredRepository::new("ours", false, instance(world.scratch.path(), Role::Repository, &wrapper(Role::Repository), Some(served)), Some(inner))
}

#[test]
fn a_script_over_an_index_keeps_the_contract() {
    let world = World::new();
    repositories::write_index(&world.path("index"));
    let server = super::support::FileServer::of_folder(&world.path("index"));
    let inner = repository::index::build(&world.spec("index", json!({ "url": server.url("/") })), &world.env).expect("an index");
    let broken = wrapped_repository(&world, Arc::new(repositories::Broken(Arc::clone(&inner))));
    let count = || server.count("/files/");
    let mut fixture = repositories::index_fixture();
    fixture.failing = Some(&broken);
    fixture.downloads = Some(Counter(&count));
    let report = conformance::repository::check(&wrapped_repository(&world, inner), &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

/// The same elements as in the index of the fixture, told by a script alone.
const OWN: &str = r#"
fn versions(request) {
    switch request.id {
        "packages/alpha" => ["1.0", #{ version: "1.1", dependencies: #{ "packages/beta": "1+" } }, #{ version: "1.2", yanked: "it loses data" }],
        "packages/vendor/beta" => [#{ version: "1.0", download: #{ git: "https://git.example.org/beta.git", rev: "v1.0" } }],
        "packages/empty" => [],
        _ => ()
    }
}
fn advisories(request) {
    request.ids.filter(|id| id == "packages/alpha").map(|id| #{ id: "OURS-1", element: id, affected: "<1.1", fixed: "1.1" })
}
fn search(request) {
    let all = ["packages/alpha", "packages/vendor/beta", "packages/empty"];
    all.filter(|id| id.contains(request.text.to_lower())).map(|id| #{ id: id })
}
"#;

#[test]
fn a_repository_that_is_a_script_keeps_the_contract() {
    let world = World::new();
    let own = |text: &str| WiredRepository::new("ours", false, instance(world.scratch.path(), Role::Repository, text, None), None);
    let failing = own("fn versions(request) { throw \"no network\" }");
    let mut fixture = repositories::index_fixture();
    fixture.failing = Some(&failing);
    conformance::repository::check(&own(OWN), &world.cx, &fixture).expect("the contract");
    // And its broken twins do not.
    let silent = own("fn versions(request) { () }");
    fixture.failing = Some(&silent);
    let failures = conformance::repository::check(&own(OWN), &world.cx, &fixture).expect_err("a failure is taken for nothing known");
    assert!(failures.name("never* `Unknown`"), "{failures}");
    fixture.failing = None;
    let twice = own(&OWN.replace("[\"1.0\", ", "[\"1.0\", \"1.0\", "));
    assert!(conformance::repository::check(&twice, &world.cx, &fixture).is_err());
    let other = own("fn versions(request) { [#{ version: \"1.0\", id: \"packages/other\" }] }");
    assert!(conformance::repository::check(&other, &world.cx, &fixture).is_err());
}

#[test]
fn a_script_over_the_stock_keeps_the_contract() {
    let world = World::new();
    let folder = world.scratch.path();
    let wrap = |inner: Arc<dyn greffon::roles::Stock>| {
        let served = Arc::new(ServedStock(Arc::clone(&inner)));
        WiredStock::new("ours", instance(folder, Role::Stock, &wrapper(Role::Stock), Some(served)), Some(inner))
    };
    let report = stocks::checked(&world, &wrap(stocks::open(&world)), |inner| Box::new(wrap(inner))).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[test]
fn a_script_over_the_downloader_keeps_the_contract() {
    let world = World::new();
    let servers = downloaders::servers(&world);
    let fixture = downloaders::fixture(&world, &servers);
    let inner = downloader::build(&world.spec("standard", json!({})), &world.env).expect("a downloader");
    let served = Arc::new(ServedDownloader(Arc::clone(&inner)));
    let wrapped = WiredDownloader::new(instance(world.scratch.path(), Role::Downloader, &wrapper(Role::Downloader), Some(served)), Some(inner));
    conformance::downloader::check(&wrapped, &world.cx, &fixture).expect("the contract");
}

#[test]
fn a_script_over_the_installer_keeps_the_contract() {
    let world = World::new();
    let inner = installers::built(&world);
    let served = Arc::new(ServedInstaller(Arc::clone(&inner)));
    let to = instance(world.scratch.path(), Role::Installer, &wrapper(Role::Installer), Some(served));
    let report = installers::checked(&world, &WiredInstaller::new(to, Some(inner), world.cx.clone())).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

const PLACES: &str = r#"
fn place(request) {
    switch request.type {
        "core" => ".",
        "plugins" => #{ path: `plugins/${request.name}`, empty_dirs: ["cache"] },
        "lang" => `data/lang/${request.name}`,
        _ => throw #{ kind: "not-found", message: `this application has no type ${request.type}: it has core, lang and plugins` }
    }
}
fn types() { ["core", "plugins", "lang"] }
"#;

#[test]
fn an_installer_that_places_in_a_script_keeps_the_contract() {
    let world = World::new();
    let inner = installers::built(&world);
    let served = || Arc::new(ServedInstaller(Arc::clone(&inner))) as Inner;
    let with =
        |text: &str| WiredInstaller::new(instance(world.scratch.path(), Role::Installer, text, Some(served())), Some(Arc::clone(&inner)), world.cx.clone());
    installers::checked(&world, &with(PLACES)).expect("the contract");
    // One path for everything, and one that leaves the site.
    assert!(installers::checked(&world, &with("fn place(request) { \"plugins/one\" }")).is_err());
    let failures = installers::checked(&world, &with("fn place(request) { `../${request.name}` }")).expect_err("outside the site");
    assert!(failures.to_string().contains("outside its site"), "{failures}");
}

#[test]
fn a_script_over_the_client_keeps_the_contract() {
    let scene = clients::scene();
    let folder = tempfile::tempdir().expect("a folder");
    let wrap = |inner: greffon::builtin::client::Standard| {
        let served = Arc::new(ServedClient::new(Arc::new(inner)));
        let to = instance(folder.path(), Role::Client, &wrapper(Role::Client), Some(Arc::clone(&served) as Inner));
        Box::new(WiredClient::new(to, Some(served))) as Box<dyn greffon::roles::Client>
    };
    clients::checked(&scene, wrap).expect("the contract");
}
