//! `adopt`: a tree that other means made becomes manifest, lock and first generation, and no file of it changes.
//!
//! `disk` says what stands there, `candidates` what it could be, `identify` which of these it is, `wish` how manifest and lock
//! say so. What comes out is planned and composed by the client as in every `sync`; only if that gives the very tree that
//! stands there is anything recorded.

mod candidates;
mod disk;
mod ground;
mod identify;
mod wish;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::Globals;
use super::workspace::Workspace;
use crate::builtin::client::{pin_of, record_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{Action, Change, ElementId, GitPin, Graft, LockedElement, ObjectId, SitePlan, Source};
use crate::roles::{ContextBuilder, Level, OwnerView, PlanDepth, PlanRequest, Surveyed, UpdateChoice};
use crate::site::{ApplyTree, Site, build};
use crate::sys::fs;
use crate::sys::git::{Checkout, Objects, checkout};
use disk::{Disk, Place};
use identify::{Finder, Identified};

/// What `adopt` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The tree.
    pub path: PathBuf,
    /// `moodle` or `tree`, for a manifest that is made.
    pub app: Option<String>,
    /// The site's name in the manifest.
    pub name: Option<String>,
    /// `NAME=URL`: git repositories to be written into the manifest; `{name}` in the url stands for the element's.
    pub repositories: Vec<(String, String)>,
    /// `TYPE/NAME=URL`: where an element's repository is.
    pub git: Vec<(ElementId, String)>,
    /// Elements that are copied beside the manifest, whatever the repositories have.
    pub vendor: Vec<ElementId>,
    /// Move `.git` out of the site afterwards.
    pub release_git: bool,
}

/// What `adopt` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/adopt/1`.
    pub schema: &'static str,
    /// The site's name.
    pub site: String,
    /// Where it stands.
    pub path: String,
    /// The manifest.
    pub manifest: String,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// The generation that was recorded.
    pub generation: Option<u64>,
    /// How many files were read.
    pub files: usize,
    /// Element by element.
    pub elements: Vec<Adopted>,
    /// Work trees in it.
    pub git: Vec<WorkTree>,
    /// What was moved to `saved/git/`.
    pub released: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// One element.
#[derive(Debug, Clone, Serialize)]
pub struct Adopted {
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// Its version.
    pub version: String,
    /// How it was recognised.
    pub how: How,
    /// Its git repository.
    pub git: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The branch that it follows.
    pub branch: Option<String>,
    /// The configured repository that knows it.
    pub repository: Option<String>,
    /// The file with its local changes, relative to the manifest.
    pub patch: Option<String>,
    /// The files that were changed locally, below its folder.
    pub changed: Vec<String>,
}

/// How an element was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Every byte is that of a commit or archive.
    Exact,
    /// A commit with local changes.
    Patched,
    /// Nothing knows it: it is copied beside the manifest.
    Vendored,
}

/// A `.git` in the tree.
#[derive(Debug, Clone, Serialize)]
pub struct WorkTree {
    /// The folder that it is in.
    pub path: String,
    /// Its remote, without a password.
    pub remote: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
    /// Whether it is a submodule or a linked work tree.
    pub linked: bool,
    /// Commits that only it has.
    pub unpushed: usize,
    /// Stashes.
    pub stashes: usize,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// Takes a tree over, as it stands.
///
/// # Errors
/// `NotFound`, `Invalid`, `Site` for a path that cannot be adopted; `LocalChanges` where files change meanwhile; whatever a
/// repository that was named with `--git` fails with. Nothing is written then.
pub fn run(globals: &Globals, surroundings: ContextBuilder, options: &Options) -> Result<Report> {
    let options = &ground::addresses(options)?;
    let path = ground::tree(options)?;
    let (manifest, on_disk) = ground::manifest(globals, options, &path)?;
    let mut workspace = Workspace::of(globals, surroundings, manifest)?;
    let ground = ground::look(&workspace, options, &path)?;
    let site = Site::open(&ground.wanted, &workspace.machine.stockroom)?;
    if site.current()?.is_some() {
        return known_already(&workspace, options, &ground, &site);
    }
    let _held = workspace.hold_stock()?;
    let cx = workspace.machine.cx.clone();
    let survey = workspace.roles.installer.survey(&cx, site.path())?;
    if survey.elements.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("`{}` holds nothing that the installer knows", path.display()))
            .hint("is it the application's root? `installer` in `[config]` says which application it is"));
    }
    let standings = site.standings(&cx, &survey.protect)?;
    let disk = Disk { site: &site, standings: &standings };
    let mut notes: Vec<String> = standings.unreadable.iter().map(|(path, why)| format!("`{path}` cannot be read and is left alone: {why}")).collect();
    let trees = work_trees(&site, &standings.git);
    let told = |id: &ElementId| options.git.iter().find(|(named, _)| named == id).map(|(_, url)| url);
    for (id, _) in &options.git {
        if !survey.elements.iter().any(|seen| seen.id == *id) {
            return Err(Error::new(ErrorKind::NotFound, format!("`--git {id}=…`: there is no such element in `{}`", path.display())));
        }
    }
    let known_site = (!ground.new).then_some(&ground.wanted).or_else(|| workspace.manifest.sites.first());
    let finder_wanted = known_site.cloned();
    let mut finder = Finder { workspace: &workspace, disk: &disk, wanted: finder_wanted.as_ref(), view: OwnerView::default() };
    let mut found: Vec<Identified> = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    let attempt = |finder: &Finder<'_>, seen: &Surveyed, place: &Place, notes: &mut Vec<String>| -> Result<Option<Identified>> {
        if options.vendor.contains(&seen.id) {
            return Ok(None);
        }
        if told(&seen.id).is_none()
            && let Some(known) = finder.known(seen, place)?
        {
            return Ok(Some(known));
        }
        let at = if seen.path == "." { "" } else { seen.path.as_str() };
        let checkout = trees.iter().find(|(path, _)| path == at).and_then(|(_, read)| read.as_ref().ok());
        let mut tried = || -> Result<Option<Identified>> {
            match finder.origin(seen, told(&seen.id), checkout)? {
                Some(origin) => {
                    let result = finder.identify(seen, place, &origin, checkout)?;
                    if result.is_none() {
                        notes.push(format!("{}: no commit of `{}` is near to what stands there", seen.id, crate::sys::redact(&origin.url)));
                    }
                    Ok(result)
                }
                None => Ok(None),
            }
        };
        match tried() {
            Err(error) if told(&seen.id).is_some() || matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Io | ErrorKind::Busy) => Err(error),
            Err(error) => {
                notes.push(format!("{}: its repository could not be read: {error}", seen.id));
                Ok(None)
            }
            other => other,
        }
    };

    let seen: Vec<&Surveyed> = survey.elements.iter().filter(|seen| seen.path != ".").collect();
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
    // The core first: what it brings itself is no plugin of its own.
    let core = survey.elements.iter().find(|seen| seen.path == ".");
    let mut core_is_unknown = None;
    if let Some(core) = core {
        let place = disk.place(".", &[], &paths)?;
        let identified = attempt(&finder, core, &place, &mut notes)?;
        let graft = match &identified {
            Some(identified) => identified.graft.clone(),
            None => {
                core_is_unknown = Some(core.clone());
                finder.vendored(core, &place)?.graft
            }
        };
        if graft.id.kind() == "core" {
            finder.view.core = Some(graft.clone());
        }
        finder.view.placed.push(graft);
        found.extend(identified);
    }
    let objects = workspace.machine.stockroom.objects();
    let core_tree = finder.view.core.as_ref().map(|core| core.tree);
    // What has a source of its own is an element of its own, also in the folder of one that nothing knows.
    let sourced: Vec<&str> = seen.iter().filter(|seen| told(&seen.id).is_some() || standings.git.contains(&seen.path)).map(|seen| seen.path.as_str()).collect();
    for seen in &seen {
        cx.check()?;
        if brought(objects, core_tree.filter(|_| core_is_unknown.is_none()), &found, &seen.path)? {
            continue;
        }
        let place = disk.place(&seen.path, &[], &paths)?;
        if place.files.is_empty() {
            continue;
        }
        let identified = match attempt(&finder, seen, &place, &mut notes)? {
            Some(identified) => identified,
            // Of a core that nothing knows, what nothing knows is a part.
            None if core_is_unknown.is_some() => continue,
            None => finder.vendored(seen, &disk.place(&seen.path, &sourced, &[])?)?,
        };
        finder.view.placed.push(identified.graft.clone());
        taken.push(identified.seen.path.clone());
        found.push(identified);
    }
    if let Some(core) = &core_is_unknown {
        let others: Vec<&str> = taken.iter().map(String::as_str).collect();
        let place = disk.place(".", &others, &[])?;
        let identified = finder.vendored(core, &place)?;
        found.insert(0, identified);
    }
    for one in &mut found {
        notes.append(&mut one.notes);
    }

    let core_tree = found.iter().find(|one| one.seen.path == ".").map(|one| one.graft.tree);
    let wish = wish::wish(&workspace, &ground.wanted.name, ground.new.then_some(path.as_path()), &mut found, core_tree, &mut notes)?;
    let elements: Vec<Adopted> = found.iter().map(|one| adopted(one, &wish)).collect();
    let lost = |one: &Identified| matches!(one.source, Source::Path { .. }) && !one.kept && !options.vendor.contains(&one.seen.id);
    if workspace.roles.repositories.is_empty() && found.iter().any(lost) {
        notes.push(
            "greffon.toml names no repository that could be asked (`greffon init --app …` writes some); `--git TYPE/NAME=URL` says where one element comes from"
                .to_owned(),
        );
    }
    let mut report = Report {
        schema: "greffon/adopt/1",
        site: ground.wanted.name.clone(),
        path: path.display().to_string(),
        manifest: workspace.manifest.path.display().to_string(),
        dry_run: globals.dry_run,
        generation: None,
        files: standings.files.len(),
        elements,
        git: trees.into_iter().map(work_tree).collect(),
        released: Vec::new(),
        notes,
    };
    if let Err(refused) = workspace.roles.installer.review(&cx, &finder.view) {
        let refused = refused.note("as the tree stands, the application itself would refuse it").hint("mend the site first, or move what is refused out of it");
        if !globals.dry_run {
            return Err(refused);
        }
        report.notes.push(refused.to_string());
    }
    if globals.dry_run {
        return Ok(report);
    }
    for (file, patch) in &wish.patches {
        let file = workspace.base().join(file);
        fs::create_folder(file.parent().unwrap_or(&file))?;
        fs::write_atomic(&file, patch)?;
    }
    for one in found.iter().filter(|one| !one.kept) {
        if let Source::Path { path, .. } = &one.source {
            fs::create_folder(path.parent().unwrap_or(path))?;
            build(&cx, &workspace.machine.stockroom, one.graft.tree, &[], path)?;
        }
    }
    let recorded = record(&mut workspace, on_disk, &ground.wanted.name, &wish, &standings, &found);
    if recorded.is_err() && !ground::holds(&workspace, &wish.text)? {
        // Manifest and lock are as they were: what was written for them goes.
        for one in found.iter().filter(|one| !one.kept) {
            if let Source::Path { path, .. } = &one.source {
                fs::remove_tree(path)?;
            }
        }
    }
    report.generation = Some(recorded?);
    if options.release_git {
        report.released = site.release_git(&cx, &standings.git)?;
    }
    Ok(report)
}

/// Whether a folder came with the core, or with an element that it lies in.
fn brought(objects: &Objects, core: Option<ObjectId>, found: &[Identified], path: &str) -> Result<bool> {
    if let Some(core) = core
        && objects.subtree(core, path)?.is_some()
    {
        return Ok(true);
    }
    for one in found.iter().filter(|one| one.seen.path != "." && disk::below(path, &one.seen.path)) {
        if objects.subtree(one.graft.tree, &path[one.seen.path.len() + 1..])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Plans what manifest and lock say now, and records it as the first generation if it is what stands there.
fn record(
    workspace: &mut Workspace,
    on_disk: Option<String>,
    name: &str,
    wish: &wish::Wish,
    standings: &crate::site::Standings,
    found: &[Identified],
) -> Result<u64> {
    let manifest = Manifest::parse(&workspace.manifest.path, wish.text.clone())?.with_user(&workspace.machine.user);
    let wanted = wish::site_of(&manifest, name)?.clone();
    let cx = workspace.machine.cx.clone();
    let request = PlanRequest {
        wanted: vec![wanted.clone()],
        only: vec![name.to_owned()],
        lock: wish.lock.clone(),
        update: UpdateChoice::Keep,
        locked: false,
        frozen: true,
        accept_moved: Vec::new(),
        depth: PlanDepth::Compose,
        rehearsal: false,
    };
    let plan = workspace.roles.client.plan(&cx, &request)?;
    for warning in plan.warnings {
        cx.log(Level::Warning, warning);
    }
    let mut plan: SitePlan = plan.sites.into_iter().next().ok_or_else(|| Error::new(ErrorKind::Internal, "nothing was planned"))?;
    let objects = workspace.machine.stockroom.objects().clone();
    let grafts: Vec<Graft> = found.iter().map(|one| one.graft.clone()).collect();
    let stands = objects.compose(&grafts)?;
    if plan.tree != Some(stands) {
        let all = |grafts: &[Graft]| -> BTreeMap<ElementId, ObjectId> { grafts.iter().map(|graft| (graft.id.clone(), graft.tree)).collect() };
        let (planned, there) = (all(&plan.grafts), all(&grafts));
        let other = there.iter().find(|(id, tree)| planned.get(*id) != Some(tree)).map(|(id, _)| id.to_string()).unwrap_or_default();
        return Err(Error::new(ErrorKind::Invalid, format!("what manifest and lock would make of `{}` is not what stands there: {other}", wanted.name))
            .hint("run with `--dry-run` to see what was found; `--vendor TYPE/NAME` takes an element as it is"));
    }
    let site = workspace.site(&wanted)?;
    plan.changes = grafts
        .iter()
        .map(|graft| Change {
            action: Action::Add,
            id: graft.id.clone(),
            from: None,
            to: Some(graft.version.to_string()),
            destructive: false,
            repository: None,
        })
        .collect();
    let base = workspace.base();
    let texts = record_texts(&workspace.parts.installer_key, &base, &wanted, &wish.lock, &plan, &format!("adopt {}", site.path().display()))?;
    match on_disk {
        Some(text) => workspace.manifest.text = text,
        None => {
            if fs::kind(&workspace.manifest.path)?.is_some() {
                return Err(
                    Error::new(ErrorKind::Busy, "`greffon.toml` came while this command worked; it was left as it is now").hint("run the command again")
                );
            }
            fs::create_folder(&base)?;
            fs::write_atomic(&workspace.manifest.path, wish.text.as_bytes())?;
            workspace.manifest.text.clone_from(&wish.text);
        }
    }
    workspace.write(Some(&wish.text), Some(&wish.lock))?;
    let request = ApplyTree {
        tree: stands,
        grafts: plan.grafts.clone(),
        manifest: wish.text.clone(),
        lock: texts.lock,
        infos: texts.infos,
        patches: texts.patches,
        message: texts.message,
        policy: wanted.policy,
        answers: Vec::new(),
        create: false,
        hold: None,
        release: false,
        relink: false,
    };
    let locked: Vec<&LockedElement> = plan.grafts.iter().filter_map(|graft| Some(wish.lock.entry(name, &graft.id)?.1)).collect();
    let pin = |id: &str, generation: u64| workspace.roles.stock.pin(&cx, &pin_of(id, generation, (stands, &plan.grafts), locked.iter().copied()));
    site.adopt(&cx, &request, standings, &pin).map(|applied| applied.generation)
}

/// A site that has a generation is not adopted twice; its work trees may still be released.
fn known_already(workspace: &Workspace, options: &Options, ground: &ground::Ground, site: &Site) -> Result<Report> {
    let name = &ground.wanted.name;
    if !options.release_git || ground.new {
        return Err(Error::new(ErrorKind::Site, format!("`{}` is the site `{name}` already", site.path().display()))
            .hint(format!("`greffon status --site {name}` shows it; `greffon forget {name}` lets go of it, and its files stay")));
    }
    let standings = site.standings(&workspace.machine.cx, &["**/moodledata/".to_owned()])?;
    let trees = work_trees(site, &standings.git);
    let released = if workspace.globals.dry_run { Vec::new() } else { site.release_git(&workspace.machine.cx, &standings.git)? };
    Ok(Report {
        schema: "greffon/adopt/1",
        site: name.clone(),
        path: site.path().display().to_string(),
        manifest: workspace.manifest.path.display().to_string(),
        dry_run: workspace.globals.dry_run,
        generation: site.current()?.map(|current| current.number),
        files: standings.files.len(),
        elements: Vec::new(),
        git: trees.into_iter().map(work_tree).collect(),
        released,
        notes: Vec::new(),
    })
}

fn work_trees(site: &Site, folders: &[String]) -> Vec<(String, Result<Checkout>)> {
    folders.iter().map(|folder| (folder.clone(), checkout(&site.path().join(folder)))).collect()
}

fn work_tree((path, read): (String, Result<Checkout>)) -> WorkTree {
    let (read, error) = match read {
        Ok(read) => (read, None),
        Err(error) => (Checkout::default(), Some(error.to_string())),
    };
    WorkTree {
        path: if path.is_empty() { ".".to_owned() } else { path },
        remote: read.remote.as_deref().map(crate::sys::redact),
        branch: read.branch,
        linked: read.linked,
        unpushed: read.unpushed,
        stashes: read.stashes,
        error,
    }
}

fn adopted(one: &Identified, wish: &wish::Wish) -> Adopted {
    let how = match (&one.source, &one.patch) {
        (Source::Path { .. }, _) if !one.kept => How::Vendored,
        (_, Some(_)) => How::Patched,
        _ => How::Exact,
    };
    let branch = match &one.source {
        Source::Git { pin: GitPin::Branch(branch), .. } => Some(branch.clone()),
        _ => None,
    };
    Adopted {
        r#type: one.seen.id.kind().to_owned(),
        name: one.seen.id.name().to_owned(),
        path: one.seen.path.clone(),
        version: one.version.to_string(),
        how,
        git: one.locked.git.as_deref().map(crate::sys::redact),
        commit: one.locked.commit.map(|commit| commit.to_string()),
        branch,
        repository: one.locked.repository.clone(),
        patch: wish.patch_of.get(&one.seen.id).cloned(),
        changed: one.changed.clone(),
    }
}
