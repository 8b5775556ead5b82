//! `rollback`: an earlier generation put back, and the site held there until somebody says otherwise.

use serde::Serialize;

use super::Workspace;
use super::diff::elements;
use crate::builtin::client::{Resolved, assemble};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{parse_lock, set_requirement};
use crate::model::{Change, Download, ElementInfo, FileCounts, GitPin, Lock, Requirement, Source, WantedSite};
use crate::roles::{DownloadRequest, PinRequest, StoreRequest};
use crate::site::{ApplyTree, Generation, Hold, Site};

/// What `rollback` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A number or a mark; `None`: the one before.
    pub generation: Option<String>,
    /// Put that generation's versions into manifest and lock, instead of holding the site.
    pub write: bool,
    /// Why: shown wherever the hold is.
    pub reason: Option<String>,
}

/// What `rollback` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/rollback/1`.
    pub schema: &'static str,
    /// The site.
    pub site: String,
    /// The generation that was in place.
    pub from: u64,
    /// The generation that was put back.
    pub to: u64,
    /// The number under which that is recorded now.
    pub generation: u64,
    /// Element by element.
    pub changes: Vec<Change>,
    /// What was done to files.
    pub files: FileCounts,
    /// Files put aside.
    pub saved: Vec<String>,
    /// The hold that now stands.
    pub held: Option<String>,
    /// Warnings.
    pub notes: Vec<String>,
}

/// Puts an earlier generation back.
///
/// # Errors
/// `Usage` when several sites are chosen; `NotFound` for a generation that is not there, or whose bytes are nowhere to be had;
/// as [`Site::apply`].
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let sites = workspace.chosen(true)?;
    let [wanted] = sites.as_slice() else {
        return Err(Error::new(ErrorKind::Usage, "`rollback` is about one site: choose it by `--site NAME`"));
    };
    super::sync::refuse_hooks(&workspace.manifest)?;
    let site = workspace.site(wanted)?;
    let current = site.current()?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("site `{}` has no generation yet", wanted.name)))?;
    let target = target(workspace, wanted, &site, &current, options)?;
    let changes = elements(&current, &target);
    let reason = options.reason.clone().unwrap_or_else(|| format!("rolled back from generation {}", current.number));
    if workspace.globals.dry_run {
        let files = site.changes(&workspace.machine.cx, target.tree)?;
        let mut counts = FileCounts::default();
        for file in &files {
            match (file.old, file.new) {
                (None, _) => counts.add += 1,
                (_, None) => counts.remove += 1,
                _ => counts.change += 1,
            }
        }
        return Ok(report(wanted, &current, &target, current.number, changes, counts, None));
    }
    let _shared = workspace.machine.stockroom.lock_shared(&workspace.machine.cx)?;
    complete(workspace, &target)?;
    let hold = (!options.write).then(|| Hold { generation: target.number, reason: reason.clone() });
    let applied = site.apply(
        &workspace.machine.cx,
        &ApplyTree {
            tree: target.tree,
            grafts: target.grafts.clone(),
            manifest: target.manifest.clone(),
            lock: target.lock.clone(),
            infos: target.infos.clone(),
            message: format!("rollback to generation {}: {reason}", target.number),
            policy: wanted.policy,
            create: false,
            hold: hold.clone(),
            release: options.write,
        },
    )?;
    if let Some(id) = site.id()? {
        let elements = target.grafts.iter().map(|graft| graft.tree).collect();
        workspace.roles.stock.pin(&workspace.machine.cx, &PinRequest { site: id, generation: applied.generation, tree: target.tree, elements })?;
    }
    let mut report = report(wanted, &current, &target, applied.generation, changes, applied.files, hold.map(|hold| hold.reason));
    report.saved = applied.saved;
    report.notes = applied.notes;
    if options.write {
        report.notes.extend(write_back(workspace, wanted, &target)?);
    }
    Ok(report)
}

fn report(
    wanted: &WantedSite,
    current: &Generation,
    target: &Generation,
    generation: u64,
    changes: Vec<Change>,
    files: FileCounts,
    held: Option<String>,
) -> Report {
    Report {
        schema: "greffon/rollback/1",
        site: wanted.name.clone(),
        from: current.number,
        to: target.number,
        generation,
        changes,
        files,
        saved: Vec::new(),
        held,
        notes: Vec::new(),
    }
}

fn target(workspace: &Workspace, wanted: &WantedSite, site: &Site, current: &Generation, options: &Options) -> Result<Generation> {
    if let Some(text) = &options.generation {
        return workspace.generation(wanted, text);
    }
    // A held site is at an earlier generation already: its number counts, not that of the rollback which put it there.
    // Else going back twice, or wanting what one went back to, would be going forward to what was left.
    let held = site.held()?.map(|hold| hold.generation);
    if options.write && held.is_some() {
        return Ok(current.clone());
    }
    let newest = held.unwrap_or(current.number);
    let before = site
        .generations()?
        .into_iter()
        .filter(|generation| generation.number < newest && generation.tree != current.tree)
        .max_by_key(|generation| generation.number);
    before.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("site `{}` has no earlier generation", wanted.name)))
}

/// Makes sure that every object of a generation is in stock: fetched again by id, or refused whole.
fn complete(workspace: &Workspace, target: &Generation) -> Result<()> {
    let objects = workspace.machine.stockroom.objects();
    if objects.files(target.tree).is_ok() {
        return Ok(());
    }
    let (lock, _) = parse_lock(std::path::Path::new("greffon.lock"), &target.lock)?;
    let scratch = workspace.machine.stockroom.scratch()?;
    for (index, (key, locked)) in lock.elements.iter().enumerate() {
        let Some(download) = download(locked) else { continue };
        let mut info = ElementInfo::bare(key.id.clone(), key.pin.version.clone());
        info.dependencies.clone_from(&locked.dependencies);
        info.download = Some(download.clone());
        let target_dir = scratch.path().join(index.to_string());
        crate::sys::fs::create_folder(&target_dir)?;
        let request = DownloadRequest { id: key.id.clone(), version: key.pin.version.clone(), download, target_dir };
        let install = workspace.roles.downloader.download(&workspace.machine.cx, &request)?;
        let origin = locked.git.clone().or_else(|| locked.url.clone()).unwrap_or_default();
        let origin = locked.subdir.as_ref().filter(|_| locked.git.is_some()).map_or(origin.clone(), |subdir| format!("{origin}#{subdir}"));
        workspace.roles.stock.store_element(&workspace.machine.cx, &StoreRequest { origin, info, install, expected_tree: locked.tree })?;
    }
    objects.refresh()?;
    if objects.compose(&target.grafts)? == target.tree && objects.files(target.tree).is_ok() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotFound, format!("generation {} cannot be put together again: the stock no longer has all of it", target.number))
        .hint("its patched or prepared trees were not kept; roll back to another generation (`greffon history`)"))
}

fn download(locked: &crate::model::LockedElement) -> Option<Download> {
    if let Some(git) = &locked.git {
        let rev = locked.reference.clone().or_else(|| locked.commit.map(|commit| commit.to_string()))?;
        return Some(Download::Git { git: git.clone(), rev, commit: locked.commit, subdir: locked.subdir.clone(), submodules: locked.submodules });
    }
    let url = locked.url.clone()?;
    Some(Download::Url { url, sha256: locked.sha256, size: None, dialogue: None, price: None })
}

/// Puts a generation's versions into manifest and lock; says what could not be written.
fn write_back(workspace: &Workspace, wanted: &WantedSite, target: &Generation) -> Result<Vec<String>> {
    let (then, _) = parse_lock(std::path::Path::new("greffon.lock"), &target.lock)?;
    let mut lock = workspace.lock.clone();
    let mut text = workspace.manifest.text.clone();
    let mut notes = Vec::new();
    let only = (workspace.manifest.sites.len() > 1).then_some(wanted.name.as_str());
    for (key, locked) in &then.elements {
        point(&mut lock, &wanted.name, key, locked);
        match wanted.elements.get(&key.id) {
            Some(element) if matches!(element.source, Source::Git { ref pin, .. } if *pin != GitPin::Version) => {
                notes.push(format!("{} is pinned by tag, branch or rev in greffon.toml: change it there", key.id));
            }
            Some(element) => {
                let scheme = workspace.schemes.of(&key.id, Some(element), locked.scheme.as_deref())?;
                if !scheme.requirement(&element.requirement)?.matches(&key.pin.version) {
                    text = set_requirement(&workspace.manifest.path, &text, &key.id, &Requirement::new(format!("={}", key.pin.version)), only)?;
                }
            }
            None => {}
        }
    }
    for id in wanted.elements.keys().filter(|id| then.entries(id).next().is_none()) {
        notes.push(format!("{id} is in greffon.toml, and generation {} had none: remove it there", target.number));
    }
    if text != workspace.manifest.text {
        workspace.write_manifest(&text)?;
    }
    workspace.write_lock(&tidy(workspace, wanted, &then).unwrap_or(lock))?;
    Ok(notes)
}

/// The lock with this site as it was then, the others as they are, and nothing that nobody uses; `None` where some other site's
/// part does not fit the manifest, and what it uses is not known.
fn tidy(workspace: &Workspace, wanted: &WantedSite, then: &Lock) -> Option<Lock> {
    let mut sites = Vec::new();
    for site in &workspace.manifest.sites {
        let resolution = if site.name == wanted.name {
            let asked_since = wanted.elements.keys().filter(|id| then.entries(id).next().is_none()).filter_map(|id| {
                let (pin, locked) = workspace.lock.entry(&wanted.name, id)?;
                Some(Resolved { id: id.clone(), pin: pin.clone(), locked: locked.clone() })
            });
            let recorded = then.elements.iter().map(|(key, locked)| Resolved { id: key.id.clone(), pin: key.pin.clone(), locked: locked.clone() });
            recorded.chain(asked_since).collect()
        } else {
            workspace.resolution(site).ok()?
        };
        sites.push((site.name.clone(), resolution));
    }
    Some(assemble(&mut sites, &workspace.lock))
}

/// Has a site use this entry; the others keep theirs.
fn point(lock: &mut Lock, site: &str, key: &crate::model::LockKey, locked: &crate::model::LockedElement) {
    let before = lock.entry(site, &key.id).map(|(pin, _)| pin.clone());
    lock.elements.entry(key.clone()).or_insert_with(|| locked.clone());
    match before {
        Some(pin) if pin != key.pin => {
            lock.shared.entry(key.id.clone()).or_insert(pin);
            lock.sites.entry(site.to_owned()).or_default().insert(key.id.clone(), key.pin.clone());
        }
        _ => {}
    }
}
