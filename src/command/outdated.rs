//! `outdated`: what could be newer, and what keeps it from being so.

use serde::Serialize;

use super::Workspace;
use super::list::{needs, said_at};
use super::security::Finding;
use super::versions::Offer;
use crate::builtin::client::{Resolved, fit};
use crate::builtin::safety::Heard;
use crate::error::Result;
use crate::model::{ElementId, GitPin, Source, Version, WantedSite};
use crate::roles::{PlanDepth, UpdateChoice};

/// What could be newer.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/outdated/1`.
    pub schema: &'static str,
    /// One a site and element that is not at the newest there is.
    pub elements: Vec<Outdated>,
    /// With `--security`: who carries advisories, and when they were heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advisories_heard: Option<Vec<Heard>>,
    /// Whether the caller asked for status 3, and something could be newer.
    #[serde(skip)]
    pub pending: bool,
}

/// One element that could be newer.
#[derive(Debug, Clone, Serialize)]
pub struct Outdated {
    /// The site.
    pub site: String,
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// The locked version.
    pub locked: String,
    /// The newest that `greffon update` would choose.
    pub fits: String,
    /// The newest there is.
    pub newest: String,
    /// What keeps it from the newest.
    pub held_back_by: Vec<String>,
    /// With `--security`: the smallest safe version that can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe: Option<String>,
    /// With `--security`: what is unsafe of the locked version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<Finding>,
}

/// Compares the lock with what there is.
///
/// # Errors
/// Whatever the repositories fail with; `Conflict` when the manifest can no longer be satisfied.
pub fn run(workspace: &Workspace, exit_code: bool) -> Result<Report> {
    let updated = workspace.plan(&[], PlanDepth::Resolve, UpdateChoice::All)?.lock;
    let mut elements = Vec::new();
    for wanted in workspace.chosen_and_extensions()? {
        let resolution = workspace.resolution(wanted)?;
        // what holds an element back is what holds it back after an update, not what an update would move
        let after = fit(wanted, &updated, &workspace.schemes)?.unwrap_or_else(|_| resolution.clone());
        for one in &resolution {
            let fits = updated.entry(&wanted.name, &one.id).map_or_else(|| one.pin.version.clone(), |(pin, _)| pin.version.clone());
            let offer = workspace.offer(wanted, &one.id)?;
            let newest = offer.newest().filter(|newest| offer.scheme.compare(newest, &fits).is_gt()).unwrap_or(&fits).clone();
            if one.pin.version == fits && one.pin.version == newest {
                continue;
            }
            let held_back_by = if newest == fits { Vec::new() } else { holders(workspace, wanted, &after, &one.id, &newest, &offer)? };
            elements.push(Outdated {
                site: wanted.name.clone(),
                r#type: one.id.kind().to_owned(),
                name: one.id.name().to_owned(),
                locked: one.pin.version.to_string(),
                fits: fits.to_string(),
                newest: newest.to_string(),
                held_back_by,
                safe: None,
                advisories: Vec::new(),
            });
        }
    }
    Ok(Report { schema: "greffon/outdated/1", pending: exit_code && !elements.is_empty(), elements, advisories_heard: None })
}

/// What is locked and known to be unsafe, and the smallest safe version that can be had.
///
/// # Errors
/// As [`run`]; a repository's advisories that cannot be had are an error: what is not known to be unsafe might be.
pub fn run_security(workspace: &Workspace, exit_code: bool) -> Result<Report> {
    let secured = super::security::secure(workspace, &[])?;
    let mut elements = Vec::new();
    for bump in secured.bumps {
        for site in &bump.sites {
            elements.push(Outdated {
                site: site.clone(),
                r#type: bump.r#type.clone(),
                name: bump.name.clone(),
                locked: bump.from.clone(),
                fits: bump.to.clone().unwrap_or_else(|| bump.from.clone()),
                newest: bump.newest.clone(),
                held_back_by: bump.why.clone(),
                safe: bump.to.clone(),
                advisories: bump.advisories.iter().map(|finding| Finding { site: site.clone(), ..finding.clone() }).collect(),
            });
        }
    }
    Ok(Report { schema: "greffon/outdated/1", pending: exit_code && !elements.is_empty(), elements, advisories_heard: Some(secured.heard) })
}

/// Who keeps an element from a version: the manifest's line, the elements that need another one, or what the version itself needs.
fn holders(workspace: &Workspace, wanted: &WantedSite, after: &[Resolved], id: &ElementId, newest: &Version, offer: &Offer) -> Result<Vec<String>> {
    let mut holders = Vec::new();
    if let Some(root) = wanted.elements.get(id) {
        let line = said_at(&root.origin);
        match &root.source {
            Source::Git { pin: GitPin::Tag(name), .. } => holders.push(format!("{line} pins it to the tag {name}")),
            Source::Git { pin: GitPin::Branch(name), .. } => holders.push(format!("{line} pins it to the branch {name}")),
            Source::Git { pin: GitPin::Rev(name), .. } => holders.push(format!("{line} pins it to the commit {name}")),
            _ => {
                let matcher = offer.scheme.requirement(&root.requirement)?;
                let fits = after.iter().find(|one| one.id == *id).map(|one| &one.pin.version);
                match fits {
                    _ if !matcher.matches(newest) => holders.push(format!("{line} asks for {}", root.requirement)),
                    Some(fits) if matcher.class(fits) < matcher.class(newest) => {
                        holders.push(format!("{line} asks for {}, which prefers {fits}", root.requirement));
                    }
                    _ => {}
                }
            }
        }
    }
    for other in after {
        for (_, requirement) in needs(wanted, other).filter(|(target, _)| *target == id) {
            if !offer.scheme.requirement(requirement)?.matches(newest) {
                holders.push(format!("{} {} needs {requirement}", other.id, other.pin.version));
            }
        }
        if let Some(requirement) = other.locked.conflicts.get(id)
            && offer.scheme.requirement(requirement)?.matches(newest)
        {
            holders.push(format!("{} {} excludes {requirement}", other.id, other.pin.version));
        }
    }
    if holders.is_empty() {
        holders = match workspace.taking(wanted, id, newest)? {
            Err(notes) => notes.into_iter().filter(|note| !note.starts_with("no version of ")).collect(),
            Ok(_) => {
                let hesitation = offer.hesitation(workspace, wanted, newest)?;
                vec![hesitation.unwrap_or_else(|| "other elements are newer without it (`greffon why --not` says more)".to_owned())]
            }
        };
    }
    Ok(holders)
}
