//! The installers `tree` and `moodle`.

use greffon::builtin::installer::{moodle, tree};
use greffon::error::Result;
use greffon::model::{ElementId, ElementInfo, ObjectId, Payload, Placement};
use greffon::roles::conformance::installer::{Fixture, Preparation, check};
use greffon::roles::{Context, InfoRequest, Installer, IsInstalledRequest, OwnerView, PlaceRequest, PrepareRequest};
use greffon::sys::git::{NewEntry, NewEntryKind};
use serde_json::json;

use super::world::{World, package, write};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn place(text: &str) -> PlaceRequest {
    let payload = Payload::Tree { tree: ObjectId::EMPTY_TREE, commit: None };
    PlaceRequest { id: id(text), version: "1.0".into(), payload, view: OwnerView::default() }
}

fn tree_of(world: &World, content: &str) -> ObjectId {
    let objects = world.env.stockroom.objects();
    let blob = objects.write_blob(content.as_bytes()).expect("a blob");
    let entry = NewEntry { name: "greffon.toml".into(), kind: NewEntryKind::File(greffon::model::FileMode::Regular), id: blob };
    objects.write_tree(vec![entry]).expect("a tree")
}

fn fingerprint(folder: &std::path::Path) -> String {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names.into_iter().map(|name| format!("{name}={}\n", std::fs::read_to_string(folder.join(&name)).unwrap_or_default())).collect()
}

pub(super) fn checked(world: &World, installer: &dyn Installer) -> greffon::roles::conformance::Verdict {
    let info = |name: &str, text: &str| InfoRequest { id: id(name), tree: tree_of(world, text), reference: None };
    write(&world.path("site/plugins/a/greffon.toml"), package("plugins", "a", "1.0", ""));
    let prepare = |copy: &str| {
        write(&world.path(&format!("{copy}/file")), "content");
        PrepareRequest { id: id("plugins/a"), version: "1.0".into(), directory: world.path(copy) }
    };
    let installed = |name: &str| IsInstalledRequest { id: id(name), version: "1.0".into(), site: world.path("site") };
    let outside = || fingerprint(&world.path("site"));
    let fixture = Fixture {
        places: ["core/app", "plugins/a", "plugins/komin", "plugins/komin/base", "lang/fr"].map(place).into(),
        unknown_type: Some(place("plugin/a")),
        infos: vec![(info("plugins/a", &package("plugins", "a", "1.4", "")), Some("1.4".into())), (info("plugins/a", "[types.plugins]\nb = \"*\"\n"), None)],
        malformed: Some(info("plugins/a", "[package]\nname = 3\n")),
        prepare: Some(Preparation { first: prepare("one"), second: prepare("two"), fingerprint: &fingerprint, outside: &outside }),
        installed: Some((installed("plugins/a"), installed("plugins/b"))),
    };
    check(installer, &world.cx, &fixture)
}

pub(super) fn built(world: &World) -> std::sync::Arc<dyn Installer> {
    let types = json!({ "core": ".", "plugins": { "path": "plugins/{name}", "empty-dirs": ["cache"] }, "lang": "data/{type}/{name}" });
    tree::build(&world.spec("tree", json!({ "types": types }))).expect("an installer")
}

#[test]
fn tree_keeps_the_contract() {
    let world = World::new();
    let report = checked(&world, &*built(&world)).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    OnePath,
    LeavesTheSite,
    TakesAnyType,
    SilentInfo,
    Scribbles,
    SaysYes,
}

#[derive(Debug)]
struct Twin(std::sync::Arc<dyn Installer>, Fault, std::path::PathBuf);

impl Installer for Twin {
    fn place(&self, cx: &Context, request: &PlaceRequest) -> Result<Placement> {
        let placed = |path: &str| Placement { path: path.to_owned(), ..Placement::default() };
        match self.1 {
            Fault::OnePath => Ok(placed("plugins/x")),
            Fault::LeavesTheSite => Ok(placed(&format!("../{}", request.id.name()))),
            Fault::TakesAnyType => self.0.place(cx, request).or_else(|_| Ok(placed("anywhere"))),
            _ => self.0.place(cx, request),
        }
    }
    fn info(&self, cx: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>> {
        if matches!(self.1, Fault::SilentInfo) { Ok(None) } else { self.0.info(cx, request) }
    }
    fn prepare(&self, _: &Context, request: &PrepareRequest) -> Result<()> {
        if matches!(self.1, Fault::Scribbles) {
            write(&self.2.join(format!("made-for-{}", request.directory.file_name().expect("a name").to_string_lossy())), "");
        }
        Ok(())
    }
    fn is_installed(&self, cx: &Context, request: &IsInstalledRequest) -> Result<bool> {
        if matches!(self.1, Fault::SaysYes) { Ok(true) } else { self.0.is_installed(cx, request) }
    }
    fn scheme(&self, kind: &str) -> Option<String> {
        self.0.scheme(kind)
    }
    fn types(&self) -> Vec<String> {
        self.0.types()
    }
}

#[test]
fn a_broken_installer_fails_the_sentence_that_it_breaks() {
    for (fault, words) in [
        (Fault::OnePath, "two elements never get one path"),
        (Fault::LeavesTheSite, "stays inside the site"),
        (Fault::TakesAnyType, "does not know"),
        (Fault::SilentInfo, "`info` says"),
        (Fault::Scribbles, "inside the given directory alone"),
        (Fault::SaysYes, "`is_installed`"),
    ] {
        let world = World::new();
        let twin = Twin(built(&world), fault, world.path("site"));
        let failures = checked(&world, &twin).expect_err("a broken twin");
        assert!(failures.name(words), "{fault:?} is not found out: {failures}");
    }
}

/// A tree of these files.
fn tree_with(world: &World, files: &[(&str, &str)]) -> ObjectId {
    let objects = world.env.stockroom.objects();
    let mut entries = Vec::new();
    let mut folders: std::collections::BTreeMap<&str, Vec<(&str, &str)>> = std::collections::BTreeMap::new();
    for (path, content) in files {
        match path.split_once('/') {
            Some((folder, rest)) => folders.entry(folder).or_default().push((rest, content)),
            None => {
                let id = objects.write_blob(content.as_bytes()).expect("a blob");
                entries.push(NewEntry { name: (*path).into(), kind: NewEntryKind::File(greffon::model::FileMode::Regular), id });
            }
        }
    }
    for (folder, files) in folders {
        entries.push(NewEntry { name: folder.into(), kind: NewEntryKind::Folder, id: tree_with(world, &files) });
    }
    objects.write_tree(entries).expect("a tree")
}

#[test]
fn moodle_keeps_its_contract() {
    let world = World::new();
    let installer = moodle::build(&world.spec("moodle", json!({}))).expect("an installer");
    let plugin = |component: &str, more: &str| format!("<?php $plugin->component = '{component}'; $plugin->version = 2024010100; {more}");
    let core = [
        ("version.php", "<?php $version = 2024100706.00; $release = '4.5.6 (Build: 20250811)'; $branch = '405';"),
        ("lib/components.json", r#"{"plugintypes": {"mod": "mod", "block": "blocks"}}"#),
    ];
    for (path, content) in core {
        write(&world.path(&format!("site/{path}")), content);
    }
    write(&world.path("site/blocks/xp/version.php"), plugin("block_xp", ""));
    let placed = |name: &str, version: &str, files: &[(&str, &str)]| {
        let payload = Payload::Tree { tree: tree_with(&world, files), commit: None };
        PlaceRequest { id: id(name), version: version.into(), payload, view: OwnerView::default() }
    };
    let info = |name: &str, files: &[(&str, &str)]| InfoRequest { id: id(name), tree: tree_with(&world, files), reference: None };
    let installed = |name: &str| IsInstalledRequest { id: id(name), version: "2024010100".into(), site: world.path("site") };
    let (xp, cert, sub) = (plugin("block_xp", ""), plugin("mod_cert", ""), plugin("certelement_x", ""));
    let fixture = Fixture {
        places: vec![
            placed("core/moodle", "4.5.6", &core),
            placed("plugins/block_xp", "2024010100", &[("moodle-block_xp-v1/version.php", &xp)]),
            placed("plugins/mod_cert", "2024010100", &[("version.php", &cert), ("db/subplugins.json", r#"{"subplugintypes": {"certelement": "element"}}"#)]),
            placed("plugins/certelement_x", "2024010100", &[("version.php", &sub)]),
        ],
        unknown_type: Some(placed("plugin/block_xp", "1", &[("version.php", &xp)])),
        infos: vec![
            (info("plugins/block_xp", &[("deep/er/version.php", &xp)]), Some("2024010100".into())),
            (info("core/moodle", &core), Some("4.5.6".into())),
            (info("plugins/block_xp", &[("readme", "nothing")]), None),
        ],
        malformed: Some(info("plugins/block_xp", &[("version.php", &plugin("block_xp", "$plugin->supported = 405;"))])),
        prepare: None,
        installed: Some((installed("plugins/block_xp"), installed("plugins/block_other"))),
    };
    check(&*installer, &world.cx, &fixture).expect("every sentence holds");
}
