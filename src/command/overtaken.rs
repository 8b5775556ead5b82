//! `if-version-mismatch`, where it was said: an element that greffon installed, and that manifest and lock by now want at
//! another version.
//!
//! Where nothing was said they are followed, since that is what a sync is for. Who says an answer has it for every version that
//! disagrees, whoever moved: somebody who edited a requirement, a lock that came with a pull, a roll back that is let go.

use std::collections::BTreeMap;

use super::Workspace;
use super::mismatch::{Answers, answer};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Action, ElementId, Graft, IfVersionMismatch, Lock, LockKey, LockedElement, Plan, SitePlan, Version, WantedSite};
use crate::site::{Generation, Presence};

/// An element whose installed version is not the wanted one.
struct Overtaken {
    recorded: Graft,
    wanted: Version,
    /// Whether the installed version is later than the wanted one.
    later: bool,
    /// In words.
    told: String,
}

/// Answers for every such element of the planned sites; those that stay are left out of the plans. Gives the lock as those sites
/// then have it, to be recorded.
///
/// # Errors
/// `Refused` where the answer is to stop, `Conflict` where what stays does not go together with what comes: nothing was written.
pub(super) fn settle(workspace: &Workspace, sites: &[WantedSite], made: &mut Plan, answers: &Answers, release: bool) -> Result<Lock> {
    let mut recorded_as = made.lock.clone();
    for at in 0..made.sites.len() {
        let plan = &made.sites[at];
        let Some(wanted) = sites.iter().find(|site| site.name == plan.name && site.policy.version_mismatch_said) else { continue };
        if plan.held.is_some() && !release {
            continue;
        }
        let site = workspace.site(wanted)?;
        if site.presence()? != Presence::Known {
            continue;
        }
        let Some(current) = site.current()? else { continue };
        let all = overtaken(workspace, wanted, plan, &made.lock, &current, answers.get(&wanted.name).map_or(&[], Vec::as_slice))?;
        let mut stay = Vec::new();
        for one in &all {
            let keep = match answer(workspace, wanted, &one.told)? {
                IfVersionMismatch::Keep => true,
                IfVersionMismatch::Replace => false,
                IfVersionMismatch::Latest => one.later,
                IfVersionMismatch::Earliest => !one.later,
                IfVersionMismatch::Ask | IfVersionMismatch::Abort => return Err(stopped(&wanted.name, &all)),
            };
            if keep {
                stay.push(one);
            }
        }
        if stay.is_empty() {
            continue;
        }
        let then = workspace.lock_of(&current)?;
        for one in &stay {
            let id = &one.recorded.id;
            made.warnings.push(format!("{}: {id} stays at {}; greffon.lock says {}", wanted.name, one.recorded.version, one.wanted));
            leave(&mut made.sites[at], one);
            if let Some((pin, locked)) = then.entry(&wanted.name, id) {
                recorded_as.elements.insert(LockKey { id: id.clone(), pin: pin.clone() }, locked.clone());
                recorded_as.sites.entry(wanted.name.clone()).or_default().insert(id.clone(), pin.clone());
            }
        }
        let plan = &mut made.sites[at];
        goes_together(workspace, wanted, plan, &recorded_as, &stay)?;
        plan.tree = Some(workspace.machine.stockroom.objects().compose(&plan.grafts)?);
    }
    Ok(recorded_as)
}

fn overtaken(
    workspace: &Workspace,
    wanted: &WantedSite,
    plan: &SitePlan,
    lock: &Lock,
    current: &Generation,
    answered: &[(String, crate::model::IfLocalChanges)],
) -> Result<Vec<Overtaken>> {
    let mut all = Vec::new();
    let moved = plan.changes.iter().filter(|change| change.action == Action::Update);
    for id in moved.map(|change| &change.id) {
        let find = |grafts: &[Graft]| grafts.iter().find(|graft| graft.id == *id).cloned();
        let (Some(recorded), Some(target)) = (find(&current.grafts), find(&plan.grafts)) else { continue };
        // what other means put there has its answer already
        if answered.iter().any(|(path, _)| *path == recorded.placement.path) {
            continue;
        }
        let scheme_of = lock.entry(&wanted.name, id).and_then(|(_, locked)| locked.scheme.clone());
        let order = workspace.schemes.of(id, wanted.elements.get(id), scheme_of.as_deref())?.compare(&recorded.version, &target.version);
        if order.is_ne() {
            let told = told(workspace, wanted, &recorded, &target.version);
            all.push(Overtaken { recorded, wanted: target.version, later: order.is_gt(), told });
        }
    }
    Ok(all)
}

/// What is installed, what the lock says as it stands, and what the manifest asks for where the lock does not fit it.
fn told(workspace: &Workspace, wanted: &WantedSite, recorded: &Graft, target: &Version) -> String {
    let id = &recorded.id;
    let locked = workspace.lock.entry(&wanted.name, id).map(|(pin, _)| &pin.version);
    let installed = format!("{id} {} is installed", recorded.version);
    if locked == Some(target) {
        return format!("{installed}, and greffon.lock says {target}");
    }
    let says = locked.map(|locked| format!(", greffon.lock says {locked}")).unwrap_or_default();
    let asks = wanted.elements.get(id).map(|element| {
        let line = if element.origin.line > 0 { format!(":{}", element.origin.line) } else { String::new() };
        format!("greffon.toml{line} asks for {}", element.requirement)
    });
    let asks = asks.unwrap_or_else(|| "what needs it asks for another".to_owned());
    format!("{installed}{says}, and {asks}, which comes to {target}")
}

fn stopped(site: &str, all: &[Overtaken]) -> Error {
    let (what, be) = if all.len() == 1 { ("1 element".to_owned(), "is") } else { (format!("{} elements", all.len()), "are") };
    let error = Error::new(ErrorKind::Refused, format!("{what} of site `{site}` {be} installed at another version than is wanted by now; nothing was written"));
    let error = all.iter().fold(error, |error, one| error.note(one.told.clone()));
    error.hint("`--if-version-mismatch replace` takes what is wanted, `keep` what is installed, `latest` and `earliest` the later or earlier of the two")
}

/// The plan without a change of this element but for its place, which the others may have moved.
fn leave(plan: &mut SitePlan, one: &Overtaken) {
    let id = &one.recorded.id;
    for graft in plan.grafts.iter_mut().filter(|graft| graft.id == *id) {
        let path = std::mem::take(&mut graft.placement.path);
        graft.clone_from(&one.recorded);
        graft.placement.path = path;
    }
    for entry in plan.download_map.iter_mut().filter(|entry| entry.id == *id) {
        (entry.version, entry.from_stock, entry.download) = (one.recorded.version.clone(), true, None);
    }
    plan.changes.retain(|change| change.id != *id || change.action == Action::Move);
}

/// Whether what stays and what comes need nothing else of one another.
fn goes_together(workspace: &Workspace, wanted: &WantedSite, plan: &SitePlan, lock: &Lock, stay: &[&Overtaken]) -> Result<()> {
    let there: BTreeMap<&ElementId, (&Version, Option<&LockedElement>)> =
        plan.grafts.iter().map(|graft| (&graft.id, (&graft.version, lock.entry(&wanted.name, &graft.id).map(|(_, locked)| locked)))).collect();
    let stays = |id: &ElementId| stay.iter().any(|one| one.recorded.id == *id);
    let moves = |id: &ElementId| plan.changes.iter().any(|change| change.id == *id && matches!(change.action, Action::Add | Action::Update | Action::Remove));
    let mut faults = Vec::new();
    for (id, (version, locked)) in &there {
        let Some(locked) = locked else { continue };
        let needs = locked.dependencies.iter().map(|need| (need, "needs"));
        let excludes = locked.conflicts.iter().map(|exclusion| (exclusion, "excludes"));
        for ((target, requirement), verb) in needs.chain(excludes) {
            if !((stays(id) && moves(target)) || (moves(id) && stays(target))) {
                continue;
            }
            let what = |id: &ElementId| if stays(id) { "stays" } else { "comes" };
            let Some((found, entry)) = there.get(target) else {
                if verb == "needs" {
                    faults.push(format!("{id} {version}, which {}, needs {target} {requirement}, which goes", what(id)));
                }
                continue;
            };
            let scheme = workspace.schemes.of(target, wanted.elements.get(target), entry.and_then(|entry| entry.scheme.as_deref()))?;
            if scheme.requirement(requirement)?.matches(found) == (verb == "excludes") {
                faults.push(format!("{id} {version}, which {}, {verb} {target} {requirement}, and {target} {found} {}", what(id), what(target)));
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Conflict, format!("what stays at site `{}` does not go together with what comes; nothing was written", wanted.name));
    let error = faults.into_iter().fold(error, Error::note);
    Err(error.hint("`--if-version-mismatch replace` takes what greffon.lock says of all of them"))
}
