//! The client `standard`, over git repositories on smart http and archives of an index.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use greffon::builtin::client::{Parts, Standard};
use greffon::builtin::{downloader, repository, stock};
use greffon::error::Result;
use greffon::model::{Deploy, ElementId, LinkMode, Plan, Policy, Requirement, Version, WantedElement, WantedSite};
use greffon::roles::conformance::Verdict;
use greffon::roles::conformance::client::{Fixture, check};
use greffon::roles::{ApplyReport, ApplyRequest, Client, Context, PlanDepth, PlanRequest, UpdateChoice};
use serde_json::json;

use super::support::{Fault, FileServer, GitServer, Repo};
use super::world::{World, env, package, spec, tar_gz, write};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

pub(super) struct Scene {
    world: World,
    _git: GitServer,
    files: FileServer,
    git_url: String,
}

/// A core and a plugin in git, and a plugin that needs another one in an index.
pub(super) fn scene() -> Scene {
    let world = World::new();
    let served = world.path("served");
    let core = Repo::init(&world.path("core"));
    core.write("index.php", "<?php // core\n").write("plugins/readme", "plugins go here\n").commit("one");
    core.tag("v1.0.0");
    core.publish(&served.join("core.git"));
    let extra = Repo::init(&world.path("extra"));
    extra.write("greffon.toml", package("plugins", "extra", "1.0.0", "")).commit("one");
    extra.tag("v1.0.0");
    extra.publish(&served.join("extra.git"));
    let files = FileServer::start();
    files.put("/config.json", json!({ "schema": "greffon/index/1" }).to_string());
    for (name, needs) in [("a", json!({ "plugins/b": "1+" })), ("b", json!({}))] {
        files.put(&format!("/files/{name}.tar.gz"), tar_gz(&[(&format!("{name}/code.php"), &format!("<?php // {name}\n"))]));
        let versions = json!([{ "version": "1.0.0", "dependencies": needs, "download": { "url": format!("files/{name}.tar.gz") } }]);
        files.put(&format!("/elements/plugins/{name}.json"), json!({ "type": "plugins", "name": name, "versions": versions }).to_string());
    }
    let git = GitServer::start(&served);
    let git_url = git.url("/{name}.git");
    Scene { world, _git: git, files, git_url }
}

impl Scene {
    /// A client over a stock of its own and the index at this url.
    fn client(&self, stock_name: &str, index: &str) -> (Standard, Context) {
        let base = self.world.scratch.path();
        let env = env(&self.world.path(stock_name), base);
        let cx = super::world::context(&env).build();
        let repository_keys = vec![format!("index {index}"), "git".to_owned()];
        let index = repository::index::build(&spec("index", json!({ "url": index }), base), &env).expect("an index");
        let git = repository::git::build(&spec("git", json!({ "url": self.git_url, "types": ["core", "plugins"] }), base), &env).expect("git");
        let parts = Parts {
            repositories: vec![index, git],
            repository_keys,
            stock: stock::build(&spec("store", json!({}), base), &env).expect("a stock"),
            downloader: downloader::build(&spec("standard", json!({}), base), &env).expect("a downloader"),
            installer: Arc::clone(&env.installer),
            stockroom: env.stockroom.clone(),
            sources: env.sources.clone(),
            schemes: Default::default(),
            base: base.to_owned(),
            installer_key: "tree".to_owned(),
            dialogues: Arc::new(greffon::roles::NoDialogues),
            security: Default::default(),
            max_price: None,
            jobs: 4,
        };
        (Standard::new(parts), cx)
    }

    fn request(&self) -> PlanRequest {
        let elements = ["core/core", "plugins/a", "plugins/extra"].map(|name| (id(name), WantedElement::from_repositories(id(name), Requirement::any())));
        let site = WantedSite {
            name: "site".to_owned(),
            path: self.world.path("site"),
            state: None,
            own_folder: false,
            host: None,
            elements: elements.into_iter().collect(),
            link_mode: LinkMode::Auto,
            deploy: Deploy::InPlace,
            shared: Vec::new(),
            policy: Policy::default(),
            keep: None,
        };
        PlanRequest {
            wanted: vec![site],
            only: Vec::new(),
            lock: Default::default(),
            update: UpdateChoice::Keep,
            locked: false,
            frozen: false,
            accept_moved: Vec::new(),
            depth: PlanDepth::Resolve,
            rehearsal: false,
        }
    }

    fn apply(&self, plan: &Plan) -> ApplyRequest {
        ApplyRequest {
            sites: plan.sites.clone(),
            wanted: self.request().wanted,
            lock: plan.lock.clone(),
            manifest: String::new(),
            policy: None,
            answers: Default::default(),
            release: false,
            relink: false,
            max_removals: None,
            purge: Vec::new(),
            create: true,
            jobs: 1,
            first: None,
            max_fail: 1,
            reason: "sync".to_owned(),
        }
    }
}

fn fingerprint(folder: &Path) -> String {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(&next).into_iter().flatten().map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                lines.push(format!("{}: {}", path.strip_prefix(folder).expect("below").display(), std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    lines.sort();
    lines.join("")
}

pub(super) fn checked(scene: &Scene, wrap: impl Fn(Standard) -> Box<dyn Client>) -> Verdict {
    // A stock that holds everything, and a site that is removed again.
    let (filled, filled_cx) = scene.client("full", &scene.files.url("/"));
    let everything = PlanRequest { depth: PlanDepth::Fetch, ..scene.request() };
    filled.plan(&filled_cx, &everything).expect("everything is fetched");
    let full = wrap(filled);
    let down = FileServer::start();
    for path in ["/config.json", "/elements/plugins/a.json", "/elements/plugins/b.json", "/files/a.tar.gz", "/files/b.tar.gz"] {
        down.redirect(path, 302, &scene.files.url(path));
    }
    down.fault("/files/b.tar.gz", 999, Fault::status(403));
    let failing = wrap(scene.client("failing", &down.url("/")).0);
    let (client, cx) = scene.client("stock", &scene.files.url("/"));
    let client = wrap(client);
    scene.files.forget();
    let expected = ["core/core", "plugins/a", "plugins/b", "plugins/extra"].map(|name| (id(name), Version::new("1.0.0")));
    let extra = package("plugins", "extra", "1.0.0", "");
    let lines = [
        "index.php: <?php // core\n".to_owned(),
        "plugins/a/code.php: <?php // a\n".to_owned(),
        "plugins/b/code.php: <?php // b\n".to_owned(),
        format!("plugins/extra/greffon.toml: {extra}"),
        "plugins/readme: plugins go here\n".to_owned(),
    ];
    let apply = |plan: &Plan| scene.apply(plan);
    let downloads = || scene.files.count("/files/");
    let files = |_: &str| fingerprint(&scene.world.path("site"));
    let fixture = Fixture {
        request: scene.request(),
        expected: BTreeMap::from([("site".to_owned(), BTreeMap::from(expected))]),
        apply: &apply,
        downloads: &downloads,
        files: &files,
        wanted: BTreeMap::from([("site".to_owned(), lines.join(""))]),
        full_stock: Some(&*full),
        failing: Some(&*failing),
    };
    check(&*client, &cx, &fixture)
}

#[test]
fn standard_keeps_the_contract() {
    let scene = scene();
    let report = checked(&scene, |client| Box::new(client)).expect("the contract");
    assert_eq!(report.untested, Vec::<&str>::new());
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    ForgetsDependencies,
    FetchesToResolve,
    WritesEarly,
    WritesHalf,
}

#[derive(Debug)]
struct Twin(Standard, Wrong, std::path::PathBuf);

impl Client for Twin {
    fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<Plan> {
        let mut request = request.clone();
        if self.1 == Wrong::FetchesToResolve {
            request.depth = PlanDepth::Fetch;
        }
        if self.1 == Wrong::WritesEarly {
            write(&self.2.join("early"), "too early");
        }
        let mut plan = self.0.plan(cx, &request)?;
        if self.1 == Wrong::ForgetsDependencies {
            plan.sites.iter_mut().for_each(|site| site.download_map.retain(|entry| entry.id.name() != "b"));
        }
        Ok(plan)
    }
    fn apply(&self, cx: &Context, request: &ApplyRequest) -> Result<ApplyReport> {
        let report = self.0.apply(cx, request);
        if self.1 == Wrong::WritesHalf {
            std::fs::remove_file(self.2.join("plugins/a/code.php")).expect("a file to lose");
        }
        report
    }
}

#[test]
fn a_broken_client_fails_the_sentence_that_it_breaks() {
    for (wrong, words) in [
        (Wrong::ForgetsDependencies, "The download map is complete"),
        (Wrong::FetchesToResolve, "Nothing of a site changes"),
        (Wrong::WritesEarly, "Nothing of a site changes"),
        (Wrong::WritesHalf, "wholly the wanted ones"),
    ] {
        let scene = scene();
        let site = scene.world.path("site");
        let failures = checked(&scene, |client| Box::new(Twin(client, wrong, site.clone()))).expect_err("a broken twin");
        assert!(failures.name(words), "{wrong:?} is not found out: {failures}");
    }
}
