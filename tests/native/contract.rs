//! Both examples are run through the contract of their role, over the table.

use std::path::Path;
use std::sync::Arc;

use greffon::model::{ElementId, FileMode, ObjectId, Payload};
use greffon::registry::Registry;
use greffon::roles::conformance::installer::{self, Preparation};
use greffon::roles::conformance::repository::{self, Fixture, KnownElement};
use greffon::roles::{InfoRequest, Installer, IsInstalledRequest, OwnerView, PlaceRequest, PrepareRequest, Repository};
use greffon::sys::git::{NewEntry, NewEntryKind};
use serde_json::{Value, json};

use super::build;
use super::world::{World, write};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn shelf(world: &World, options: Value) -> greffon::error::Result<Arc<dyn Repository>> {
    let spec = build::spec(build::shelf(), options, &world.path(""));
    Registry::builtin().repositories.find(&spec)?(&spec, &world.env)
}

const LIST: &str = "# what we have
packages/alpha 1.0 files/alpha-1.0.tar.gz summary=\"the \\ first \"
packages/alpha 1.1 files/alpha-1.1.tar.gz needs=packages/vendor/beta:1+ needs=packages/gamma
packages/alpha 1.2 files/alpha-1.2.tar.gz yanked=\"it loses data\"   # do not use
packages/vendor/beta 1.0 /srv/beta.zip sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r
packages/empty

packages/h\u{e9}las 1 x.zip
";

#[test]
fn the_repository_in_c_keeps_the_contract() {
    let world = World::new();
    write(&world.path("shelf/packages.list"), LIST);
    let list = shelf(&world, json!({ "list": "shelf/packages.list" })).expect("a shelf");
    let failing = shelf(&world, json!({ "list": "nowhere.list" })).expect("a shelf that finds no list");
    let known = |name: &str, versions: &[&str], withdrawn: &[&str]| KnownElement {
        id: id(name),
        versions: versions.iter().map(|&text| text.into()).collect(),
        withdrawn: withdrawn.iter().map(|&text| text.into()).collect(),
    };
    let mut fixture = Fixture::new(id("packages/nothing"));
    fixture.known =
        vec![known("packages/alpha", &["1.0", "1.1"], &["1.2"]), known("packages/vendor/beta", &["1.0"], &[]), known("packages/h\u{e9}las", &["1"], &[])];
    fixture.without_versions = Some(id("packages/empty"));
    fixture.failing = Some(&*failing);
    fixture.lists = true;
    let report = repository::check(&*list, &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested.len(), 3, "no download can be counted here, and it carries no advisories: {:?}", report.untested);
    let request = greffon::roles::ElementInfoRequest { id: id("packages/alpha"), version: "1.1".into() };
    let info = list.element_info(&world.cx, &request).expect("an answer").expect("an info");
    let needs: Vec<String> = info.dependencies.iter().map(|(id, requirement)| format!("{id} {requirement}")).collect();
    assert_eq!(needs, ["packages/vendor/beta 1+", "packages/gamma *"]);
    let path = world.path("shelf/files/alpha-1.1.tar.gz").display().to_string();
    assert_eq!(serde_json::to_value(&info.download).expect("written"), json!({ "path": path }));
}

#[test]
fn a_list_that_cannot_be_read_is_told_with_its_line() {
    let world = World::new();
    for (line, words) in [
        ("packages", "line 2: a line begins with `type/name`"),
        ("packages/a 1.0", "line 2: after the version stands the archive's path"),
        ("packages/a 1.0 a.zip sha256=12", "line 2: `sha256` is 64 hex digits"),
        ("packages/a 1.0 a.zip colour=red", "line 2: the keys are"),
        ("packages/a 1 a.zip\npackages/a 1 b.zip", "line 3: this version stands in the list already"),
    ] {
        write(&world.path("packages.list"), format!("# one\n{line}\n"));
        let list = shelf(&world, json!({ "list": "packages.list" })).expect("a shelf");
        let request = greffon::roles::VersionsRequest { id: id("packages/a") };
        let error = list.versions(&world.cx, &request).expect_err("a broken list");
        assert!(error.message().contains(words), "{error}");
        assert!(error.notes()[0].contains("shelf"), "the library is named: {:?}", error.notes());
        assert!(!error.hints().is_empty());
    }
    let error = shelf(&world, json!({})).expect_err("no list is named");
    assert_eq!(error.message(), "the shelf needs the option `list`");
}

fn layout(world: &World, types: Value) -> greffon::error::Result<Arc<dyn Installer>> {
    let spec = build::spec(build::layout(), json!({ "types": types }), &world.path(""));
    Registry::builtin().installers.find(&spec)?(&spec)
}

fn tree_of(world: &World, content: &str) -> ObjectId {
    let objects = world.env.stockroom.objects();
    let blob = objects.write_blob(content.as_bytes()).expect("a blob");
    objects.write_tree(vec![NewEntry { name: "element.json".into(), kind: NewEntryKind::File(FileMode::Regular), id: blob }]).expect("a tree")
}

fn fingerprint(folder: &Path) -> String {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names.into_iter().map(|name| format!("{name}={}\n", std::fs::read_to_string(folder.join(&name)).unwrap_or_default())).collect()
}

#[test]
fn the_installer_in_rust_keeps_the_contract() {
    let world = World::new();
    let types =
        json!({ "core": ".", "plugins": { "path": "plugins/{name}", "scheme": "semver", "empty-dirs": ["cache"], "strip": true }, "lang": "data/lang/{name}" });
    let installer = layout(&world, types).expect("an installer");
    let place = |name: &str| {
        let payload = Payload::Tree { tree: ObjectId::EMPTY_TREE, commit: None };
        PlaceRequest { id: id(name), version: "1.0".into(), payload, view: OwnerView::default() }
    };
    let info = |name: &str, text: &str| InfoRequest { id: id(name), tree: tree_of(&world, text), reference: None };
    write(&world.path("site/plugins/a/element.json"), r#"{"id":"plugins/a","version":"1.0"}"#);
    let prepare = |copy: &str| {
        for (file, content) in
            [("code", "content"), ("tests/one", "x"), ("notes.md", "n"), (".distignore", "# not for servers\n/tests/\nnotes.md\nnot-there\n")]
        {
            write(&world.path(&format!("{copy}/{file}")), content);
        }
        PrepareRequest { id: id("plugins/a"), version: "1.0".into(), directory: world.path(copy) }
    };
    let installed = |name: &str| IsInstalledRequest { id: id(name), version: "1.0".into(), site: world.path("site") };
    let outside = || fingerprint(&world.path("site"));
    let fixture = installer::Fixture {
        places: ["core/app", "plugins/a", "plugins/komin", "plugins/komin/base", "lang/fr"].map(place).into(),
        unknown_type: Some(place("plugin/a")),
        infos: vec![
            (info("plugins/a", r#"{"id":"plugins/a","version":"1.4","requires":{"plugins/b":"^1"}}"#), Some("1.4".into())),
            (InfoRequest { id: id("plugins/a"), tree: ObjectId::EMPTY_TREE, reference: None }, None),
        ],
        malformed: Some(info("plugins/a", "{ \"id\": ")),
        prepare: Some(Preparation { first: prepare("one"), second: prepare("two"), fingerprint: &fingerprint, outside: &outside }),
        installed: Some((installed("plugins/a"), installed("plugins/b"))),
    };
    let report = installer::check(&*installer, &world.cx, &fixture).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
    assert_eq!(fingerprint(&world.path("one")), "code=content\n", "what `.distignore` names is left out");
    assert_eq!((installer.scheme("plugins").as_deref(), installer.scheme("core")), (Some("semver"), None));
}

#[test]
fn options_of_the_installer_in_rust_are_checked() {
    let world = World::new();
    for (types, words) in [(json!({ "plugins": "../{name}" }), "could lead out"), (json!({ "plugins": { "pth": "x" } }), "options cannot be read")] {
        let error = layout(&world, types).expect_err("wrong options");
        assert!(error.message().contains(words), "{error}");
    }
}
