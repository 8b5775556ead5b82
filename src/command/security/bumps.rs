//! The smallest change that makes the sites safe.

use serde::Serialize;

use super::{Finding, Subject};
use crate::builtin::safety::{Heard, Safety};
use crate::command::Workspace;
use crate::command::list::said_at;
use crate::command::versions::Offer;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, GitPin, Lock, Requirement, Source, Version, WantedSite};
use crate::roles::{PlanDepth, UpdateChoice};
use crate::version::Verdict;

/// So many versions of one element are tried.
const TRIES: usize = 12;

/// What becomes of one unsafe element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bump {
    /// The sites that have it.
    pub sites: Vec<String>,
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// The unsafe version.
    pub from: String,
    /// The smallest safe version that can be had; `None`: there is none.
    pub to: Option<String>,
    /// Why there is none, or what else is to be known.
    pub why: Vec<String>,
    /// The newest there is.
    pub newest: String,
    /// What is unsafe of it.
    pub advisories: Vec<Finding>,
}

/// What `update --security` does.
#[derive(Debug, Clone)]
pub struct Secured {
    /// One an unsafe element and version.
    pub bumps: Vec<Bump>,
    /// The lock with every bump made.
    pub lock: Lock,
    /// Who carries advisories, and when they were heard.
    pub heard: Vec<Heard>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Looks for the smallest safe version of everything unsafe; every one that is given was resolved, with all others held where
/// they are as far as that goes. `only`: these elements alone; empty: all.
///
/// # Errors
/// Whatever a repository fails with: what is not known to be unsafe might be.
pub fn secure(workspace: &Workspace, only: &[ElementId]) -> Result<Secured> {
    let chosen = workspace.chosen(false)?;
    let mut resolutions = Vec::with_capacity(chosen.len());
    for wanted in &chosen {
        resolutions.push((*wanted, workspace.resolution(wanted)?));
    }
    let subjects: Vec<Subject<'_>> = resolutions
        .iter()
        .flat_map(|(wanted, list)| list.iter().map(|one| Subject { site: &wanted.name, id: &one.id, version: &one.pin.version, locked: Some(&one.locked) }))
        .filter(|subject| only.is_empty() || only.contains(subject.id))
        .collect();
    let ids = super::ids(&subjects);
    let policy = &workspace.manifest.config.security;
    let safety = if workspace.globals.offline || workspace.globals.frozen {
        Safety::ask(&workspace.machine.cx.without_network(), &workspace.roles.repositories, &ids, policy, crate::builtin::safety::Freshness::Kept).0
    } else {
        Safety::ask_surely(&workspace.machine.cx, &workspace.roles.repositories, &ids, policy)?
    };
    let findings = workspace.findings(&safety, &subjects)?;
    let mut secured = Secured { bumps: Vec::new(), lock: workspace.lock.clone(), heard: safety.heard.clone(), warnings: Vec::new() };
    for finding in &findings {
        let same = |bump: &&mut Bump| bump.r#type == finding.r#type && bump.name == finding.name && bump.from == finding.version;
        match secured.bumps.iter_mut().find(same) {
            Some(bump) => {
                if !bump.sites.contains(&finding.site) {
                    bump.sites.push(finding.site.clone());
                }
                if !bump.advisories.iter().any(|known| known.advisory == finding.advisory) {
                    bump.advisories.push(finding.clone());
                }
            }
            None => secured.bumps.push(Bump {
                sites: vec![finding.site.clone()],
                r#type: finding.r#type.clone(),
                name: finding.name.clone(),
                from: finding.version.clone(),
                to: None,
                why: Vec::new(),
                newest: finding.version.clone(),
                advisories: vec![finding.clone()],
            }),
        }
    }
    let mut bumps = std::mem::take(&mut secured.bumps);
    for bump in &mut bumps {
        workspace.machine.cx.check()?;
        mend(workspace, &safety, &chosen, bump, &mut secured)?;
    }
    Ok(Secured { bumps, ..secured })
}

/// Tries the safe versions, the smallest first.
fn mend(workspace: &Workspace, safety: &Safety, chosen: &[&WantedSite], bump: &mut Bump, secured: &mut Secured) -> Result<()> {
    let id = ElementId::new(bump.r#type.as_str(), bump.name.as_str())?;
    let Some(site) = chosen.iter().find(|site| bump.sites.contains(&site.name)) else { return Ok(()) };
    let from = Version::new(bump.from.as_str());
    let offer = workspace.offer(site, &id)?;
    bump.newest = offer.newest().unwrap_or(&from).to_string();
    if !bump.advisories.iter().any(|finding| finding.certain) {
        bump.why.push("whether this version is meant cannot be told: the name of its release is not known here (`greffon fetch` may bring it)".to_owned());
        return Ok(());
    }
    if let Some(pinned) = pinned(site, &id) {
        bump.why.push(pinned);
        return Ok(());
    }
    // Another bump may have brought it along.
    if let Some((pin, _)) = secured.lock.entry(&site.name, &id)
        && pin.version != from
        && is_safe(workspace, safety, &offer, &id, &pin.version)
    {
        bump.to = Some(pin.version.to_string());
        return Ok(());
    }
    let candidates = candidates(workspace, safety, site, &offer, &id, &from);
    if candidates.is_empty() {
        bump.why.push(format!("there is no safe release of it: {}", offer.told(&id)));
        return Ok(());
    }
    let root = site.elements.get(&id);
    let mut refusals: Vec<String> = Vec::new();
    for version in candidates.iter().take(TRIES) {
        if let Some(root) = root
            && !offer.scheme.requirement(&root.requirement)?.matches(version)
        {
            let line = format!("{version} is safe, and {} asks for {}: `greffon update {id} --to {version}`", said_at(&root.origin), root.requirement);
            if refusals.len() < 3 {
                refusals.push(line);
            }
            continue;
        }
        let to = Requirement::new(format!("={version}"));
        let mut request = workspace.request(&[], PlanDepth::Resolve, UpdateChoice::These(vec![(id.clone(), Some(to))]));
        request.only.clone_from(&bump.sites);
        request.lock = Lock { extensions: request.lock.extensions.clone(), ..secured.lock.clone() };
        match crate::command::hooks::resolving(workspace, &workspace.manifest, &request) {
            Ok(plan) => {
                bump.to = Some(version.to_string());
                bump.why.clear();
                secured.lock = plan.lock;
                // Each plan is made of the one before: the last one's warnings are of how things are in the end.
                secured.warnings = plan.warnings;
                return Ok(());
            }
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Undecided) => {
                if refusals.len() < 3 {
                    refusals.push(in_words(version, &error));
                }
            }
            Err(error) => return Err(error),
        }
    }
    bump.why = refusals;
    Ok(())
}

/// Why a version cannot be had, in a line.
fn in_words(version: &Version, error: &Error) -> String {
    let notes: Vec<&str> = error.notes().iter().map(String::as_str).take(2).collect();
    let why = if notes.is_empty() { error.message().to_owned() } else { notes.join("; ") };
    format!("{version} is safe, and cannot be had: {why}")
}

/// What pins an element, so that no other version is looked for.
fn pinned(site: &WantedSite, id: &ElementId) -> Option<String> {
    let root = site.elements.get(id)?;
    let line = said_at(&root.origin);
    match &root.source {
        Source::Git { pin: GitPin::Tag(name), .. } => Some(format!("{line} pins it to the tag {name}")),
        Source::Git { pin: GitPin::Branch(name), .. } => Some(format!("{line} pins it to the branch {name}: `greffon update {id}` takes its head")),
        Source::Git { pin: GitPin::Rev(name), .. } => Some(format!("{line} pins it to the commit {name}")),
        Source::Path { .. } | Source::Url { .. } | Source::Dialogue { .. } => Some(format!("{line} says where this one version of it comes from")),
        _ => None,
    }
}

fn is_safe(workspace: &Workspace, safety: &Safety, offer: &Offer, id: &ElementId, version: &Version) -> bool {
    let none = Vec::new();
    let names = offer.known.get(version).map_or(&none, |known| &known.names);
    let policy = &workspace.manifest.config.security;
    policy.accepts_version(id, version) || safety.about(id).all(|told| safety.verdict(told, &*offer.scheme, version, names) == Verdict::Safe)
}

/// Later versions that are surely safe: first those made for what the site has, what authors hold back last; within each the
/// smallest step first.
fn candidates(workspace: &Workspace, safety: &Safety, site: &WantedSite, offer: &Offer, id: &ElementId, from: &Version) -> Vec<Version> {
    let early = offer.scheme.is_prerelease(from);
    let mut found: Vec<(u8, Version)> = Vec::new();
    for (version, yanked) in offer.versions.iter().rev() {
        let later = offer.scheme.compare(version, from).is_gt();
        if !later || yanked.is_some() || (offer.scheme.is_prerelease(version) && !early) || !is_safe(workspace, safety, offer, id, version) {
            continue;
        }
        let rank = offer.known.get(version).map_or(0, |known| {
            let unsuited = known.recommends.iter().any(|(target, requirement)| {
                let Some((pin, locked)) = workspace.lock.entry(&site.name, target) else { return false };
                let scheme = workspace.scheme_at(&site.name, target, Some(locked));
                scheme.and_then(|scheme| scheme.requirement(requirement)).is_ok_and(|matcher| !matcher.matches(&pin.version))
            });
            u8::from(unsuited) + 2 * u8::from(known.reserve)
        });
        found.push((rank, version.clone()));
    }
    // Stable: within a rank they stay from the smallest step on.
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, version)| version).collect()
}
