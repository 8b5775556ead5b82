//! `if-version-mismatch`: other means than greffon have put another version of an element into a site.
//!
//! What the manifest or the lock has moved on to since the last sync is no mismatch: that is what a sync is for.

use std::collections::BTreeMap;

use super::Workspace;
use super::standing::Other;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IfLocalChanges, IfVersionMismatch, Plan, SitePlan, Version, WantedSite};
use crate::roles::Question;
use crate::site::Presence;

/// By site: how local changes below a path are answered, whatever `if-local-changes` says.
pub(super) type Answers = BTreeMap<String, Vec<(String, IfLocalChanges)>>;

/// An element of which another version stands in a site than greffon put there.
#[derive(Debug, Clone)]
struct Mismatch {
    /// What stands there, and what greffon put there.
    other: Other,
    /// What is wanted there.
    wanted: Version,
    /// Whether what stands there is later than what is wanted.
    later: bool,
}

/// Answers every mismatch of the planned sites; where a found version is kept, the plan leaves the element alone.
///
/// # Errors
/// `LocalChanges` where the answer is to stop: nothing was written.
pub(super) fn settle(workspace: &Workspace, sites: &[WantedSite], made: &mut Plan, release: bool) -> Result<Answers> {
    let mut answers = Answers::new();
    // Where every file is as greffon put it no other means were at work.
    let disturbed = |plan: &SitePlan| !plan.is_empty() && !plan.undisturbed && (plan.held.is_none() || release);
    for plan in made.sites.iter_mut().filter(|plan| disturbed(plan)) {
        let Some(wanted) = sites.iter().find(|site| site.name == plan.name) else { continue };
        let mismatches = mismatches(workspace, wanted, plan)?;
        let decides = !matches!(wanted.policy.if_local_changes, IfLocalChanges::Ask | IfLocalChanges::Abort);
        if decides && wanted.policy.if_version_mismatch == IfVersionMismatch::Ask {
            // Who has answered for all files is not asked; what the other version brought along is no stranger's.
            if matches!(wanted.policy.if_local_changes, IfLocalChanges::Save | IfLocalChanges::Overwrite) {
                let known = mismatches.iter().filter_map(|mismatch| mismatch.other.fit.as_ref()).flat_map(|fit| fit.brought.clone());
                answers.entry(wanted.name.clone()).or_default().extend(known.map(|path| (path, IfLocalChanges::Save)));
            }
            continue;
        }
        if mismatches.is_empty() {
            continue;
        }
        for mismatch in &mismatches {
            let keep = match answer(workspace, wanted, &told(mismatch))? {
                IfVersionMismatch::Keep => true,
                IfVersionMismatch::Replace => false,
                IfVersionMismatch::Latest => mismatch.later,
                IfVersionMismatch::Earliest => !mismatch.later,
                IfVersionMismatch::Ask | IfVersionMismatch::Abort => return Err(stopped(&wanted.name, &mismatches)),
            };
            let Other { recorded, found, .. } = &mismatch.other;
            let id = &recorded.id;
            let answers = answers.entry(wanted.name.clone()).or_default();
            answers.push((recorded.placement.path.clone(), if keep { IfLocalChanges::Keep } else { IfLocalChanges::Save }));
            if keep {
                leave(plan, mismatch);
                made.warnings.push(format!("{}: {id} stays at {found}, which other means put there; greffon.lock says {}", wanted.name, mismatch.wanted));
            } else {
                made.warnings.push(format!("{}: {id} {found}, which other means put there, is replaced; its files are put aside", wanted.name));
                answers.extend(mismatch.other.brought().into_iter().map(|path| (path, IfLocalChanges::Save)));
            }
        }
        plan.tree = Some(workspace.machine.stockroom.objects().compose(&plan.grafts)?);
    }
    Ok(answers)
}

fn mismatches(workspace: &Workspace, wanted: &WantedSite, plan: &SitePlan) -> Result<Vec<Mismatch>> {
    let site = workspace.site(wanted)?;
    if site.presence()? != Presence::Known {
        return Ok(Vec::new());
    }
    let (_, stands) = site.examine(&workspace.machine.cx, false)?;
    let mut mismatches = Vec::new();
    for other in workspace.other_versions(&site, wanted, &stands)? {
        let recorded = &other.recorded;
        // an element that goes, or moves, is a matter of its files
        let Some(target) = plan.grafts.iter().find(|graft| graft.id == recorded.id && graft.placement.path == recorded.placement.path) else { continue };
        let told = workspace.lock.entry(&wanted.name, &recorded.id).and_then(|(_, locked)| locked.scheme.clone());
        let scheme = workspace.schemes.of(&recorded.id, wanted.elements.get(&recorded.id), told.as_deref())?;
        let order = scheme.compare(&other.found, &target.version);
        if order.is_ne() {
            mismatches.push(Mismatch { wanted: target.version.clone(), later: order.is_gt(), other });
        }
    }
    Ok(mismatches)
}

/// What the policy says of a version that was `told` of, or who sits at the terminal where it asks.
///
/// # Errors
/// As the prompter.
pub(super) fn answer(workspace: &Workspace, wanted: &WantedSite, told: &str) -> Result<IfVersionMismatch> {
    let (policy, prompter) = (wanted.policy.if_version_mismatch, workspace.machine.cx.prompter());
    if policy != IfVersionMismatch::Ask || !prompter.is_present() {
        return Ok(policy);
    }
    let answer = prompter.ask(&Question {
        text: format!("site `{}`: {told}: what to do with it?", wanted.name),
        choices: ["abort", "keep", "replace"].map(str::to_owned).to_vec(),
        default: Some("abort".to_owned()),
        secret: false,
        flag: "--if-version-mismatch".to_owned(),
    })?;
    Ok(match answer.as_str() {
        "keep" => IfVersionMismatch::Keep,
        "replace" => IfVersionMismatch::Replace,
        _ => IfVersionMismatch::Abort,
    })
}

fn told(mismatch: &Mismatch) -> String {
    let Other { recorded, found, .. } = &mismatch.other;
    format!("{} {found} stands there, greffon put {} there, and greffon.lock says {}", recorded.id, recorded.version, mismatch.wanted)
}

fn stopped(site: &str, mismatches: &[Mismatch]) -> Error {
    let what = if mismatches.len() == 1 { "1 element".to_owned() } else { format!("{} elements", mismatches.len()) };
    let be = if mismatches.len() == 1 { "is" } else { "are" };
    let error = Error::new(ErrorKind::LocalChanges, format!("{what} of site `{site}` {be} of another version than greffon put there; nothing was written"));
    let error = mismatches.iter().fold(error, |error, mismatch| error.note(told(mismatch)));
    error.hint("let `if-version-mismatch` be `keep`, `replace` (what stands there is put aside), `latest` or `earliest`, in the manifest or as `--if-version-mismatch`")
}

/// The plan without a change of this element: what greffon put there stays recorded.
fn leave(plan: &mut SitePlan, mismatch: &Mismatch) {
    let recorded = &mismatch.other.recorded;
    for graft in plan.grafts.iter_mut().filter(|graft| graft.id == recorded.id) {
        graft.clone_from(recorded);
    }
    plan.changes.retain(|change| change.id != recorded.id);
}
