//! `rollback`: an earlier generation put back, and the site held there until somebody says otherwise. `whole` fetches again what
//! the stock lost, `want` makes the generation what is wanted.

mod want;
pub(super) mod whole;

use serde::Serialize;

use super::diff::elements;
use super::{Workspace, hooks};
use crate::builtin::client::{pin_of, pin_what_is_there};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Change, FileCounts, WantedSite};
use crate::site::{Applied, ApplyTree, Generation, Hold, Site};
use crate::sys::stockroom::StockLock;

/// What `rollback` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A number or a mark; `None`: the one before.
    pub generation: Option<String>,
    /// Put that generation's versions into manifest and lock, instead of holding the site.
    pub write: bool,
    /// Why: shown wherever the hold is.
    pub reason: Option<String>,
    /// The application's data were put back by hand.
    pub data_restored: bool,
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
/// `Refused` for one with a version that is not there now and that an advisory revokes; as [`Site::apply`].
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let sites = workspace.chosen(true)?;
    let [wanted] = sites.as_slice() else {
        return Err(Error::new(ErrorKind::Usage, "`rollback` is about one site: choose it by `--site NAME`"));
    };
    let site = workspace.site(wanted)?;
    let current = site.current()?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("site `{}` has no generation yet", wanted.name)))?;
    let target = target(workspace, wanted, &site, &current, options)?;
    let changes = elements(&current, &target);
    let reason = options.reason.clone().unwrap_or_else(|| format!("rolled back from generation {}", current.number));
    let (downgrades, known) = if options.data_restored { (Vec::new(), false) } else { hooks::downgrades(workspace, &site, &target.grafts)? };
    let too_new = (!downgrades.is_empty()).then(|| format!("the application's data are too new for it: {}", hooks::told(&downgrades)));
    let admitted = super::security::admit_generation(workspace, &wanted.name, &target, &changes);
    if workspace.globals.dry_run {
        let files = site.changes(&workspace.machine.cx, target.tree).map_err(|error| whole::not_here(error, wanted, &target))?;
        let counts = files.into_iter().collect();
        let mut report = report(wanted, &current, &target, current.number, changes, counts, None);
        report.notes.extend(too_new);
        report.notes.extend(admitted.unwrap_or_else(|error| vec![error.to_string()]));
        return Ok(report);
    }
    let unsafe_ones = admitted?;
    let around = hooks::Around::load(workspace, &workspace.manifest, &[wanted.name.as_str()], &format!("rollback: {reason}"))?;
    if let (true, false, Some(why)) = (known, around.looks_before_rollback(), &too_new) {
        return Err(Error::new(ErrorKind::Refused, format!("site `{}` cannot go back to generation {}: {why}", wanted.name, target.number))
            .note("they were upgraded, and no hook of this site puts them back")
            .hint(format!("put the data of generation {} back by hand, then say `--data-restored`", target.number)));
    }
    // What cannot be had or read stops it before a hook changes anything.
    let held = workspace.hold_stock()?;
    whole::complete(workspace, wanted, &site, &target)?;
    hooks::can_be_read(workspace, &site, target.tree)?;
    around.before_rollback(&hooks::Happening {
        changes: changes.clone(),
        after: target.grafts.clone(),
        before: current.grafts.clone(),
        generation: Some(target.number),
        from: Some(current.number),
        reason: reason.clone(),
        downgrades,
        back_to: Some(target.number),
        ..hooks::Happening::default()
    })?;
    let applied = match apply(workspace, &held, wanted, &site, &target, options, &reason) {
        Ok(applied) => applied,
        Err(error) => {
            around.rollback_failed(&error)?;
            return Err(error);
        }
    };
    around.after_rollback(&changes, options.data_restored)?;
    let held = (!options.write).then_some(reason);
    let mut report = report(wanted, &current, &target, applied.generation, changes, applied.files, held);
    report.saved = applied.saved;
    report.notes = applied.notes;
    report.notes.extend(unsafe_ones.into_iter().chain(too_new));
    if options.write {
        report.notes.extend(want::write(workspace, wanted, &target)?);
    }
    Ok(report)
}

/// Puts the files of the generation back.
fn apply(workspace: &Workspace, _held: &StockLock, wanted: &WantedSite, site: &Site, target: &Generation, options: &Options, reason: &str) -> Result<Applied> {
    let hold = (!options.write).then(|| Hold { generation: target.number, reason: reason.to_owned() });
    let then = workspace.lock_of(target)?;
    let objects = workspace.machine.stockroom.objects();
    let pin = |id: &str, generation| {
        let pin = pin_of(id, generation, (target.tree, &target.grafts), then.elements.values());
        pin_what_is_there(&workspace.machine.cx, &*workspace.roles.stock, objects, pin)
    };
    let applied = site.apply_pinned(
        &workspace.machine.cx,
        &ApplyTree {
            tree: target.tree,
            grafts: target.grafts.clone(),
            manifest: target.manifest.clone(),
            lock: target.lock.clone(),
            infos: target.infos.clone(),
            patches: site.patches(target.commit)?,
            message: format!("rollback to generation {}: {reason}", target.number),
            policy: wanted.policy,
            answers: Vec::new(),
            create: false,
            hold,
            release: options.write,
            relink: false,
        },
        &pin,
    )?;
    if let Some(id) = site.id()? {
        pin(&id, applied.generation)?;
    }
    Ok(applied)
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
    before.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("site `{}` has no earlier generation", wanted.name)).hint("`greffon history` shows those that there are")
    })
}
