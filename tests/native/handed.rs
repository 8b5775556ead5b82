//! Every method of an installer across the table and back: a library that hands all of them on changes none of the answers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use greffon::error::{Error, ErrorKind, Result};
use greffon::model::{Demands, ElementId, ElementInfo, Graft, ObjectId, Placement, Version};
use greffon::native::{Native, Roles};
use greffon::roles::wire::Role;
use greffon::roles::wire::installer::{ServedInstaller, WiredInstaller};
use greffon::roles::{Context, InfoRequest, Installer, IsInstalledRequest, OwnerView, PlaceRequest, PrepareRequest, RefVersions, Survey, Surveyed};
use serde_json::json;

use super::build;

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

/// An installer that has an answer to everything.
#[derive(Debug)]
struct Town;

impl Installer for Town {
    fn place(&self, _: &Context, request: &PlaceRequest) -> Result<Placement> {
        Ok(Placement { path: format!("in/{}", request.id.name()), ..Placement::default() })
    }
    fn info(&self, _: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>> {
        Ok(Some(ElementInfo::bare(request.id.clone(), Version::new("3"))))
    }
    fn prepare(&self, _: &Context, _: &PrepareRequest) -> Result<()> {
        Err(Error::new(ErrorKind::Invalid, "nothing to prepare with"))
    }
    fn is_installed(&self, _: &Context, request: &IsInstalledRequest) -> Result<bool> {
        Ok(request.version.as_str() == "3")
    }
    fn scheme(&self, kind: &str) -> Option<String> {
        (kind == "plugins").then(|| "semver".to_owned())
    }
    fn review(&self, _: &Context, view: &OwnerView) -> Result<Vec<String>> {
        match view.placed.as_slice() {
            [] => Err(Error::new(ErrorKind::Invalid, "a town of nothing").hint("place something")),
            some => Ok(vec![format!("{} of them", some.len())]),
        }
    }
    fn shipped(&self, _: &Context, id: &ElementId, core: Option<ObjectId>) -> Result<Option<Version>> {
        Ok((id.name() == "hall").then(|| Version::new(if core.is_some() { "7" } else { "9" })))
    }
    fn demands(&self, _: &Context, core: ObjectId) -> Result<Option<Demands>> {
        Ok((core != ObjectId::EMPTY_TREE).then(|| Demands {
            release: Some("5.1".to_owned()),
            earliest: Some(Version::new("4.2")),
            runtimes: [("php".to_owned(), "8.2".to_owned())].into_iter().collect(),
            databases: [("mariadb".to_owned(), "10.11".to_owned())].into_iter().collect(),
            extensions: vec!["sodium".to_owned()],
            brings: BTreeSet::from([id("plugins/hall")]),
        }))
    }
    fn data_version(&self, _: &Context, graft: &Graft) -> Result<Option<Version>> {
        Ok(Some(graft.version.clone()))
    }
    fn ref_versions(&self, kind: &str) -> RefVersions {
        if kind == "core" { RefVersions::Names } else { RefVersions::Code }
    }
    fn version_of_ref(&self, _: &str, reference: &str) -> Option<Version> {
        reference.strip_prefix("refs/tags/v").map(Version::new)
    }
    fn types(&self) -> Vec<String> {
        vec!["core".to_owned(), "plugins".to_owned()]
    }
    fn type_of(&self, name: &str) -> Option<String> {
        name.starts_with("mod_").then(|| "plugins".to_owned())
    }
    fn survey(&self, _: &Context, site: &Path) -> Result<Survey> {
        let one = Surveyed { id: id("plugins/hall"), path: site.display().to_string().trim_start_matches('/').to_owned(), version: None, marker: None };
        Ok(Survey { elements: vec![one], protect: vec!["config.php".to_owned()] })
    }
}

#[test]
fn an_installer_in_a_library_is_asked_everything_and_its_answers_come_back_whole() {
    let cx = Context::silent();
    let spec = build::spec(build::hands_on(), json!({}), Path::new("/"));
    let roles: Roles = [("inner".to_owned(), Arc::new(ServedInstaller(Arc::new(Town))) as _)].into_iter().collect();
    let native = Native::open(&spec, Role::Installer, true, roles).expect("it opens");
    // What is asked goes through the library: nothing stands behind it here.
    let far = WiredInstaller::new(Arc::new(native), None, cx.clone());
    let tree: ObjectId = "0123456789012345678901234567890123456789".parse().expect("an id");
    let graft = Graft { id: id("plugins/hall"), version: Version::new("3"), tree, placement: Placement { path: "in/hall".to_owned(), ..Placement::default() } };
    let view = OwnerView { core: None, placed: vec![graft.clone()] };

    assert_eq!(far.review(&cx, &view).expect("reviewed"), Town.review(&cx, &view).expect("reviewed"));
    let refused = far.review(&cx, &OwnerView::default()).expect_err("refused");
    assert_eq!((refused.kind(), refused.message(), refused.hints()), (ErrorKind::Invalid, "a town of nothing", &["place something".to_owned()][..]));
    for core in [None, Some(tree)] {
        for name in ["plugins/hall", "plugins/other"] {
            assert_eq!(far.shipped(&cx, &id(name), core).expect("told"), Town.shipped(&cx, &id(name), core).expect("told"));
        }
    }
    assert_eq!(far.demands(&cx, tree).expect("told"), Town.demands(&cx, tree).expect("told"));
    assert_eq!(far.demands(&cx, ObjectId::EMPTY_TREE).expect("told"), None);
    assert_eq!(far.data_version(&cx, &graft).expect("told"), Some(Version::new("3")));
    assert_eq!((far.ref_versions("core"), far.ref_versions("plugins")), (RefVersions::Names, RefVersions::Code));
    assert_eq!((far.version_of_ref("core", "refs/tags/v4"), far.version_of_ref("core", "main")), (Some(Version::new("4")), None));
    assert_eq!((far.type_of("mod_x").as_deref(), far.type_of("x")), (Some("plugins"), None));
    assert_eq!((far.scheme("plugins").as_deref(), far.scheme("core"), far.types()), (Some("semver"), None, Town.types()));
    assert_eq!(far.survey(&cx, Path::new("/town")).expect("seen"), Town.survey(&cx, Path::new("/town")).expect("seen"));
    let prepare = PrepareRequest { id: id("plugins/hall"), version: Version::new("3"), directory: "/town".into() };
    assert_eq!(far.prepare(&cx, &prepare).expect_err("it cannot").message(), "nothing to prepare with");
    let there = IsInstalledRequest { id: id("plugins/hall"), version: Version::new("3"), site: "/town".into() };
    assert!(far.is_installed(&cx, &there).expect("told"));

    // A key that is none is refused by its name, with the nearest that there is.
    for (method, near) in [("demands", "release"), ("survey", "protect")] {
        let mut spec = spec.clone();
        spec.options.insert("misspells".to_owned(), method.into());
        spec.options.insert("as".to_owned(), format!("{near}s").into());
        let roles: Roles = [("inner".to_owned(), Arc::new(ServedInstaller(Arc::new(Town))) as _)].into_iter().collect();
        let far = WiredInstaller::new(Arc::new(Native::open(&spec, Role::Installer, true, roles).expect("it opens")), None, cx.clone());
        let error = match method {
            "demands" => far.demands(&cx, tree).map(drop),
            _ => far.survey(&cx, Path::new("/town")).map(drop),
        };
        let error = error.expect_err("refused");
        assert!(
            error.message().contains(&format!("there is no key `{near}s`")) && error.hints().iter().any(|hint| hint.contains(&format!("`{near}`"))),
            "{error:?}"
        );
    }
}
