//! `why --not`: why a site does not have a version, and what would have to give way for it.

use serde::Serialize;

use super::lock::{LockChange, compare};
use super::versions::Offer;
use super::{Workspace, parse_element};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, GitPin, Lock, Requirement, Source, Version, WantedElement, WantedSite};
use crate::roles::{PlanDepth, UpdateChoice};

/// Why the chosen sites do not have a version of an element.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/why-not/1`.
    pub schema: &'static str,
    /// The element.
    pub element: ElementId,
    /// The version; the newest, where none was named.
    pub version: String,
    /// One a site.
    pub sites: Vec<SiteWhyNot>,
}

/// Why one site does not have it.
#[derive(Debug, Clone, Serialize)]
pub struct SiteWhyNot {
    /// The site.
    pub name: String,
    /// The version that it has locked.
    pub locked: Option<String>,
    /// In one word.
    pub verdict: Verdict,
    /// Why not, a step a line; for what is possible, what is in the way of it nevertheless.
    pub reasons: Vec<String>,
    /// What else would change in the lock, where the version is possible and is not what `update` takes.
    pub changes: Vec<LockChange>,
}

/// Whether a version could be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is the one that is locked.
    Locked,
    /// There is no such version.
    Missing,
    /// Something forbids it.
    Forbidden,
    /// Nothing forbids it, and `update` would take it.
    Next,
    /// Nothing forbids it, and another is preferred.
    Possible,
    /// Nothing forbids it, and nothing at the site asks for the element.
    Unasked,
}

/// Says why not, for `NAME[@VERSION]`.
///
/// # Errors
/// `NotFound` when nobody knows the element; whatever the repositories fail with.
pub fn run(workspace: &Workspace, text: &str) -> Result<Report> {
    let argument = parse_element(text)?;
    let id = workspace.any_element(&argument.name)?;
    let mut asked = argument.requirement.as_ref().map(|text| text.as_str().trim_start_matches('=').trim().to_owned());
    let mut sites = Vec::new();
    for wanted in workspace.chosen(false)? {
        let offer = workspace.offer(wanted, &id)?;
        let version = match &asked {
            Some(asked) => asked.clone(),
            None => offer.newest().map(ToString::to_string).ok_or_else(|| Error::new(ErrorKind::NotFound, offer.told(&id)))?,
        };
        asked.get_or_insert(version.clone());
        sites.push(site(workspace, wanted, &id, &version, &offer)?);
    }
    Ok(Report { schema: "greffon/why-not/1", element: id, version: asked.unwrap_or_default(), sites })
}

fn site(workspace: &Workspace, wanted: &WantedSite, id: &ElementId, text: &str, offer: &Offer) -> Result<SiteWhyNot> {
    let locked = workspace.lock.entry(&wanted.name, id).map(|(pin, _)| pin.version.to_string());
    let told = |verdict, reasons| SiteWhyNot { name: wanted.name.clone(), locked: locked.clone(), verdict, reasons, changes: Vec::new() };
    let Some((version, _)) = offer.find(text) else {
        return Ok(told(Verdict::Missing, vec![format!("there is no {id} {text}"), offer.told(id)]));
    };
    if locked.as_deref() == Some(version.as_str()) {
        return Ok(told(Verdict::Locked, Vec::new()));
    }
    let mut reasons = said_by_manifest(wanted, id, version, offer)?;
    let possible = match workspace.taking(wanted, id, version)? {
        Ok(lock) => lock,
        Err(notes) => {
            reasons.extend(notes);
            return Ok(told(Verdict::Forbidden, reasons));
        }
    };
    if !reasons.is_empty() {
        return Ok(SiteWhyNot { changes: others(workspace, &possible, id), ..told(Verdict::Forbidden, reasons) });
    }
    let mut request = workspace.request(&[], PlanDepth::Resolve, UpdateChoice::These(vec![(id.clone(), None)]));
    request.wanted = vec![wanted.clone()];
    let next = workspace.roles.client.plan(&workspace.machine.cx, &request)?.lock;
    let next = next.entry(&wanted.name, id).map(|(pin, _)| pin.version.clone());
    if next.as_ref() == Some(version) {
        return Ok(told(Verdict::Next, Vec::new()));
    }
    let Some(next) = next else {
        return Ok(told(Verdict::Unasked, vec![format!("nothing at site {} asks for {id}", wanted.name)]));
    };
    let prefers =
        |root: &WantedElement| Ok::<_, Error>(offer.scheme.requirement(&root.requirement)?).map(|matcher| matcher.class(&next) < matcher.class(version));
    let preferred = match wanted.elements.get(id) {
        Some(root) if prefers(root)? => format!("{} asks for {id} {}, which prefers {next}", super::list::said_at(&root.origin), root.requirement),
        _ if offer.scheme.compare(&next, version).is_gt() => format!("{next} fits too, and is newer"),
        _ => offer.hesitation(workspace, wanted, version)?.unwrap_or_else(|| format!("{next} goes better with what is asked for and locked")),
    };
    Ok(SiteWhyNot { changes: others(workspace, &possible, id), ..told(Verdict::Possible, vec![preferred]) })
}

/// What the manifest itself says against a version.
fn said_by_manifest(wanted: &WantedSite, id: &ElementId, version: &Version, offer: &Offer) -> Result<Vec<String>> {
    let Some(root) = wanted.elements.get(id) else { return Ok(Vec::new()) };
    let line = super::list::said_at(&root.origin);
    let mut reasons = Vec::new();
    if let Source::Git { pin, .. } = &root.source {
        match pin {
            GitPin::Version => {}
            GitPin::Tag(name) => reasons.push(format!("{line} pins {id} to the tag {name}")),
            GitPin::Branch(name) => reasons.push(format!("{line} pins {id} to the branch {name}")),
            GitPin::Rev(name) => reasons.push(format!("{line} pins {id} to the commit {name}")),
        }
    }
    if !offer.scheme.requirement(&root.requirement)?.matches(version) {
        reasons.push(if offer.scheme.is_prerelease(version) {
            format!("{line} asks for {id} {}, and {version} is a pre-release: those are taken only where they are named", root.requirement)
        } else {
            format!("{line} asks for {id} {}", root.requirement)
        });
    }
    Ok(reasons)
}

/// What changes in the lock beside the element itself.
fn others(workspace: &Workspace, lock: &Lock, id: &ElementId) -> Vec<LockChange> {
    let mut changes = compare(&workspace.lock, lock);
    changes.retain(|change| (change.r#type != id.kind() || change.name != id.name()) && !change.to.is_empty());
    changes
}

impl Workspace {
    /// The lock with which a site has this very version, whatever the manifest says of the element; `Err` inside: what forbids it.
    pub(super) fn taking(&self, wanted: &WantedSite, id: &ElementId, version: &Version) -> Result<std::result::Result<Lock, Vec<String>>> {
        let mut site = wanted.clone();
        site.ask(id, Requirement::new(format!("={version}")), "`--not`");
        let mut request = self.request(&[], PlanDepth::Resolve, UpdateChoice::Keep);
        request.wanted = vec![site];
        match self.roles.client.plan(&self.machine.cx, &request) {
            Ok(plan) => Ok(Ok(plan.lock)),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let notes = error.notes().iter().filter(|note| !note.starts_with("`--not` asks for")).cloned().collect();
                Ok(Err(notes))
            }
            Err(error) => Err(error),
        }
    }
}
