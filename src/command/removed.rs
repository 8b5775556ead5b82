//! `if-removed`: what becomes of the data that an application keeps for an element, when the element goes (DESIGN section 7, point 8).
//!
//! A removal endangers data where the installer says so (the phase `uninstall` of the placement) or a hook of the site has a part in
//! it; it is marked `!`. Whether the data goes is answered by the manifest, a flag or a person, before anything at all is done: a
//! line that a merge lost destroys nothing. Hooks are told the answer as `destructive`.

use super::hooks::Hooks;
use super::{Workspace, sync};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{Action, ElementId, ElementStatus, FileState, Graft, IfLocalChanges, IfRemoved, Placement, Plan, SitePlan, WantedSite};
use crate::roles::Question;
use crate::sys::fs::failpoint::broken;

/// The answers to one element that goes from one site.
const CHOICES: [&str; 3] = ["abort", "keep-data", "purge"];

/// One element whose data is at stake.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stake {
    site: String,
    id: ElementId,
    version: String,
}

/// Marks the removals that can destroy data, as the manifest stands.
///
/// # Errors
/// `Site`, `Io`.
pub(super) fn mark(workspace: &Workspace, manifest: &Manifest, made: &mut Plan) -> Result<()> {
    for plan in &mut made.sites {
        let Some(wanted) = manifest.sites.iter().find(|site| site.name == plan.name) else { continue };
        mark_site(workspace, manifest, wanted, plan, &[])?;
    }
    Ok(())
}

fn mark_site(workspace: &Workspace, manifest: &Manifest, wanted: &WantedSite, plan: &mut SitePlan, purge: &[ElementId]) -> Result<()> {
    if !plan.changes.iter().any(|change| change.action == Action::Remove) {
        return Ok(());
    }
    let recorded: Vec<Graft> = workspace.site(wanted)?.current()?.map(|current| current.grafts).unwrap_or_default();
    for change in plan.changes.iter_mut().filter(|change| change.action == Action::Remove) {
        let kept =
            recorded.iter().find(|graft| graft.id == change.id).is_some_and(|graft| graft.placement.phases.iter().any(|phase| phase == Placement::UNINSTALL));
        change.destructive = match wanted.policy.if_removed {
            _ if purge.contains(&change.id) => true,
            IfRemoved::Purge => true,
            IfRemoved::KeepData => false,
            IfRemoved::Ask | IfRemoved::Abort => kept || Hooks::have_part_in_removal(manifest, &wanted.name, change),
        };
    }
    Ok(())
}

/// The element that `--purge` names: one that goes, which the manifest may no longer have, else one that a site has.
///
/// # Errors
/// `Usage`, `NotFound`.
pub(super) fn meant(workspace: &Workspace, made: &Plan, name: &str) -> Result<ElementId> {
    let mut going: Vec<&ElementId> =
        made.sites.iter().flat_map(|plan| &plan.changes).filter(|change| change.action == Action::Remove).map(|change| &change.id).collect();
    going.sort();
    going.dedup();
    let fitting: Vec<&ElementId> = going.into_iter().filter(|id| id.to_string() == name || id.name() == name).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        _ => workspace.known_element(name),
    }
}

/// Answers for every element that goes. Gives those whose data may go with them; with all others it stays.
///
/// # Errors
/// `Refused` where the answer is to stop, naming every site: nothing was done.
pub(super) fn settle(
    workspace: &Workspace,
    manifest: &Manifest,
    sites: &[WantedSite],
    made: &mut Plan,
    options: &sync::Options,
    purge: Vec<ElementId>,
) -> Result<Vec<ElementId>> {
    let (mut purged, mut stakes) = (purge.clone(), Vec::new());
    for plan in made.sites.iter_mut().filter(|plan| plan.held.is_none() || options.release) {
        let Some(wanted) = sites.iter().find(|site| site.name == plan.name) else { continue };
        mark_site(workspace, manifest, wanted, plan, &purge)?;
        for change in plan.changes.iter_mut().filter(|change| change.action == Action::Remove && change.destructive) {
            let id = change.id.clone();
            let answered = purge.contains(&id) || wanted.policy.if_removed == IfRemoved::Purge || broken("if-removed");
            let answer = if answered { IfRemoved::Purge } else { ask(workspace, wanted, change.from.as_deref().unwrap_or_default(), &id)? };
            match answer {
                IfRemoved::Purge => purged.push(id),
                IfRemoved::KeepData => change.destructive = false,
                IfRemoved::Ask | IfRemoved::Abort => stakes.push(Stake { site: plan.name.clone(), id, version: change.from.clone().unwrap_or_default() }),
            }
        }
        if plan.changes.iter().any(|change| change.destructive) {
            unhindered(workspace, wanted, plan)?;
        }
    }
    if stakes.is_empty() { Ok(purged) } else { Err(refused(&stakes)) }
}

fn ask(workspace: &Workspace, wanted: &WantedSite, version: &str, id: &ElementId) -> Result<IfRemoved> {
    if wanted.policy.if_removed != IfRemoved::Ask || !workspace.machine.cx.prompter().is_present() {
        return Ok(IfRemoved::Abort);
    }
    let answer = workspace.machine.cx.prompter().ask(&Question {
        text: format!("site `{}`: {id} {version} is to go: what of the data that the application keeps for it?", wanted.name),
        choices: CHOICES.map(str::to_owned).to_vec(),
        default: Some("abort".to_owned()),
        secret: false,
        flag: "--if-removed".to_owned(),
    })?;
    Ok(match answer.as_str() {
        "keep-data" => IfRemoved::KeepData,
        "purge" => IfRemoved::Purge,
        _ => IfRemoved::Abort,
    })
}

/// What destroys data comes before the files go; so whatever would stop at the files must stop before that.
fn unhindered(workspace: &Workspace, wanted: &WantedSite, plan: &SitePlan) -> Result<()> {
    if !matches!(wanted.policy.if_local_changes, IfLocalChanges::Ask | IfLocalChanges::Abort) {
        return Ok(());
    }
    let status = workspace.site(wanted)?.status(&workspace.machine.cx, false)?;
    let edited = |element: &&ElementStatus| {
        let concerned = plan.changes.iter().any(|change| change.id == element.id);
        concerned && element.files.iter().any(|file| matches!(file.state, FileState::Modified | FileState::TypeChanged))
    };
    let Some(changed) = status.elements.iter().find(edited) else { return Ok(()) };
    Err(Error::new(
        ErrorKind::LocalChanges,
        format!("files of {} were changed by hand in site `{}`; no data is destroyed before that is settled", changed.id, wanted.name),
    )
    .note("nothing was done")
    .hint("let `if-local-changes` be `save` (puts them aside), `merge`, `keep` or `overwrite`, in the manifest or as `--if-local-changes`"))
}

fn refused(stakes: &[Stake]) -> Error {
    let mut sites: Vec<&str> = stakes.iter().map(|stake| stake.site.as_str()).collect();
    sites.dedup();
    let what = if stakes.len() == 1 { "1 element".to_owned() } else { format!("{} elements", stakes.len()) };
    let from = if let [one] = sites.as_slice() { format!("site `{one}`") } else { format!("{} sites", sites.len()) };
    let error = Error::new(ErrorKind::Refused, format!("{what} would go from {from}, and the application may keep data for what goes; nothing was done"));
    let error = stakes.iter().fold(error, |error, stake| error.note(format!("site `{}`: {} {}", stake.site, stake.id, stake.version)));
    let first = &stakes[0].id;
    error
        .hint("is its line missing by mistake, lost in a merge? `git log -p greffon.toml` tells; put it back")
        .hint("`--if-removed keep-data` removes the files and keeps the data")
        .hint(format!("`--purge {first}` removes {first} and its data"))
}
