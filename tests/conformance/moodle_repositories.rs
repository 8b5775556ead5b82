//! The repositories of Moodle's world: the directory over http, the index over git's smart http.

use std::sync::Arc;

use greffon::builtin::environment::Env;
use greffon::builtin::installer::moodle;
use greffon::builtin::repository::{camp, moodle_directory};
use greffon::model::ElementId;
use greffon::roles::conformance::repository::{Counter, Fixture, KnownElement, check};
use greffon::roles::{Repository, Versions, VersionsRequest};
use serde_json::json;

use super::support::{Fault, FileServer, GitServer, Repo};
use super::world::World;

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn known(name: &str, versions: &[&str], withdrawn: &[&str]) -> KnownElement {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
    KnownElement { id: id(name), versions: list(versions), withdrawn: list(withdrawn) }
}

fn moodle(world: &World) -> Env {
    let installer = moodle::build(&world.spec("moodle", json!({}))).expect("an installer");
    Env { installer, ..world.env.clone() }
}

fn version(server: &FileServer, name: &str, build: &str, branch: &str) -> serde_json::Value {
    json!({ "id": 1, "version": build, "release": "1.0", "maturity": 200, "downloadurl": server.url(&format!("/files/{name}-{build}.zip")),
        "downloadmd5": "8d8ae64822f38d278420776f8b42eaa5", "timecreated": 1_700_000_000,
        "supportedmoodles": [{ "version": 2_024_100_700, "release": branch }] })
}

#[test]
fn the_directory_keeps_the_contract() {
    let world = World::new();
    let server = FileServer::start();
    let plugins = json!({ "timestamp": 1, "plugins": [
        { "id": "1", "name": "Alpha", "component": "mod_alpha", "versions": [version(&server, "alpha", "2024010100", "4.5"), version(&server, "alpha", "2024020200", "4.5")] },
        { "id": 2, "name": "Beta block", "component": "block_beta", "versions": [version(&server, "beta", "2023010100", "4.1")] },
        { "id": 3, "name": "no component", "component": null, "versions": [] },
        { "id": 4, "name": "Empty", "component": "local_empty", "versions": false },
    ] });
    server.put("/pluglist.php", plugins.to_string());
    let env = moodle(&world);
    let build = |server: &FileServer| moodle_directory::build(&world.spec("moodle-directory", json!({ "url": server.url("/") })), &env).expect("a directory");
    let down = FileServer::start();
    down.fault("pluglist.php", 999, Fault::status(403));
    let failing = build(&down);
    let count = || server.count("/files/");
    let mut fixture = Fixture::new(id("plugins/mod_nothing"));
    fixture.known = vec![known("plugins/mod_alpha", &["2024010100", "2024020200"], &[]), known("plugins/block_beta", &["2023010100"], &[])];
    fixture.without_versions = Some(id("plugins/local_empty"));
    fixture.failing = Some(&*failing);
    fixture.downloads = Some(Counter(&count));
    fixture.lists = true;
    let report = check(&*build(&server), &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested.len(), 2, "the directory carries no advisories: {:?}", report.untested);
    assert_eq!(server.count("pluglist.php"), 1, "the list is asked for once");
}

/// An index of one plugin with two tags, the older of them revoked, and one whose repository is empty.
fn camp_world(world: &World) -> GitServer {
    let served = world.path("served");
    let alpha = Repo::init(&world.path("alpha"));
    for (tag, build) in [("v1.0", "2024010100"), ("v1.1", "2024020200")] {
        alpha.write("version.php", format!("<?php\n$plugin->component = 'mod_alpha';\n$plugin->version = {build};\n$plugin->release = '{}';\n", &tag[1..]));
        alpha.commit(tag);
        alpha.annotated_tag(tag);
    }
    alpha.publish(&served.join("alpha.git"));
    std::fs::create_dir_all(served.join("empty.git")).expect("a folder");
    super::support::git(&served.join("empty.git"), &["init", "-q", "--bare"]);
    let server = GitServer::start(&served);
    let index = Repo::init(&world.path("index"));
    index.write("plugins/mod/mod_alpha.yml", format!("component: mod_alpha\nsource: {}\nsummary: Alphas\ntier: 0\nreleases: []\n", server.url("/alpha.git")));
    index.write("plugins/local/local_empty.yml", format!("component: local_empty\nsource: {}\n", server.url("/empty.git")));
    index.write("plugins/local/local_broken.yml", "component: [local_broken\n");
    index.write("plugins/README.md", "not a folder");
    index.write(
        "advisories/CAMP-2026-0001.yml",
        "id: CAMP-2026-0001\ncomponent: mod_alpha\ntitle: A hole\naffected-versions: \"<1.1\"\nfixed-in: \"1.1\"\nrevoke: true\n",
    );
    index.write("advisories/CAMP-2026-0002.yml", "id: CAMP-2026-0002\ncomponent: mod_other\naffected-versions: \"*\"\n");
    index.write("advisories/broken.yml", "id: [\n");
    index.commit("index");
    index.publish(&served.join("index.git"));
    server
}

#[test]
fn the_index_keeps_the_contract() {
    let world = World::new();
    let server = camp_world(&world);
    let env = moodle(&world);
    let build = |url: String| camp::build(&world.spec("camp", json!({ "url": url })), &env).expect("an index");
    let down = GitServer::start(&world.path("served"));
    down.fault("index.git", 999, Fault::status(403));
    let failing = build(down.url("/index.git"));
    let mut fixture = Fixture::new(id("plugins/mod_nothing"));
    fixture.known = vec![known("plugins/mod_alpha", &["2024020200"], &["2024010100"])];
    fixture.without_versions = Some(id("plugins/local_empty"));
    fixture.failing = Some(&*failing);
    fixture.lists = true;
    fixture.unsafe_one = Some(id("plugins/mod_alpha"));
    let repository: Arc<dyn Repository> = build(server.url("/index.git"));
    let report = check(&*repository, &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested.len(), 1, "no download can be counted: {:?}", report.untested);
    let error = repository.versions(&world.cx, &VersionsRequest { id: id("plugins/local_broken") }).expect_err("its file is no YAML");
    assert!(error.message().contains("plugins/local/local_broken.yml"), "{error}");
    // Another process without the network knows the same.
    let again = build(server.url("/index.git"));
    drop(server);
    let Ok(Versions::Known(list)) = again.versions(&world.cx.without_network(), &VersionsRequest { id: id("plugins/mod_alpha") }) else {
        panic!("it was told before")
    };
    assert_eq!(list.len(), 2);
}
