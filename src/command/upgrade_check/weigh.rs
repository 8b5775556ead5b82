//! Which versions fit another core: everything at once where that goes, else each element for itself, then those together.

use indexmap::IndexMap;

use crate::builtin::client::{Resolved, fit};
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, GitPin, Lock, Requirement, Source, Version, WantedElement, WantedSite};
use crate::roles::{PlanDepth, UpdateChoice};

/// Whom the requirement on the core comes from, in explanations.
pub(super) const WHO: &str = "`--core`";

/// What the solver says of each element.
pub(super) struct Weighed {
    /// The core, then what the manifest has, then what else they need.
    pub(super) elements: IndexMap<ElementId, Weight>,
    /// The site as it could be, without what stands in the way.
    pub(super) site: WantedSite,
    /// Its lock.
    pub(super) lock: Lock,
    /// Its resolution.
    pub(super) after: Vec<Resolved>,
    /// Why elements that fit the core do not fit each other.
    pub(super) together: Vec<String>,
    /// Whether they do not, and no one element can be named for it.
    pub(super) stuck: bool,
    /// The lock that `update` would make of the site, for what could be newer.
    pub(super) newest: Option<Lock>,
}

/// What the solver says of one.
pub(super) enum Weight {
    /// This version fits.
    Fits(Version),
    /// This one would, but for the manifest.
    Pinned { version: Version, why: Vec<String> },
    /// None does.
    Waiting(Vec<String>),
    /// Some do, but not beside the others.
    Conflict { version: Option<Version>, why: Vec<String> },
    /// Nobody could be asked.
    Unknown(String),
}

/// A lock, or what stands in the way of one.
type Outcome = std::result::Result<Lock, Obstacle>;

enum Obstacle {
    /// The versions exclude each other, or there are none.
    Versions(Vec<String>),
    /// Somebody could not be asked.
    Silence(String),
}

/// The version that the core itself would have; `None`: there is none that fits.
pub(super) fn core_alone(workspace: &Workspace, wanted: &WantedSite, core: &ElementId, asked: &Requirement) -> Result<Option<Version>> {
    let site = with_core(wanted, core, asked, |_| false);
    // What is locked is no reason to stay: what is asked for is what could be.
    let choice = if asked == &Requirement::any() { UpdateChoice::These(vec![(core.clone(), None)]) } else { UpdateChoice::Keep };
    let mut request = workspace.request(&[], PlanDepth::Resolve, choice);
    (request.wanted, request.locked, request.frozen) = (vec![site], false, false);
    match workspace.roles.client.plan(&workspace.machine.cx, &request) {
        Ok(plan) => Ok(plan.lock.entry(&wanted.name, core).map(|(pin, _)| pin.version.clone())),
        Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Version) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Weighs every element of a site.
pub(super) fn weigh(workspace: &Workspace, wanted: &WantedSite, core: &ElementId, asked: &Requirement) -> Result<Weighed> {
    let whole = with_core(wanted, core, asked, |_| true);
    if let Ok(lock) = solve(workspace, &whole)? {
        return weighed(workspace, whole, lock, IndexMap::new(), Vec::new());
    }
    let mut weights: IndexMap<ElementId, Weight> = IndexMap::new();
    for id in wanted.elements.keys().filter(|id| *id != core) {
        workspace.machine.cx.check()?;
        weights.insert(id.clone(), alone(workspace, wanted, core, asked, id)?);
    }
    let fits = |weights: &IndexMap<ElementId, Weight>, id: &ElementId| matches!(weights.get(id), Some(Weight::Fits(_)));
    let rest = with_core(wanted, core, asked, |id| fits(&weights, id));
    let notes = match solve(workspace, &rest)? {
        Ok(lock) => return weighed(workspace, rest, lock, weights, Vec::new()),
        Err(Obstacle::Versions(notes)) => notes,
        Err(Obstacle::Silence(why)) => vec![why],
    };
    // Each of these fits the core, and yet they do not go together: whose absence would end it?
    let mut without = None;
    let ids: Vec<ElementId> = weights.keys().filter(|id| fits(&weights, id)).cloned().collect();
    for id in &ids {
        workspace.machine.cx.check()?;
        let fewer = with_core(wanted, core, asked, |other| other != id && ids.contains(other));
        let lock = match solve(workspace, &fewer)? {
            Ok(lock) => lock,
            Err(_) if is_pinned(&wanted.elements[id]) => {
                let mut freed = with_core(wanted, core, asked, |other| ids.contains(other));
                freed.ask(id, Requirement::any(), WHO);
                if solve(workspace, &freed)?.is_err() {
                    continue;
                }
                Lock::default()
            }
            Err(_) => continue,
        };
        let version = match weights.get(id) {
            Some(Weight::Fits(version)) => Some(version.clone()),
            _ => None,
        };
        weights.insert(id.clone(), Weight::Conflict { version, why: notes.clone() });
        without = without.or((!lock.elements.is_empty()).then_some((fewer, lock)));
    }
    match without {
        Some((site, lock)) => {
            // All of them are left out of what is looked at, where that goes.
            let none = with_core(wanted, core, asked, |id| fits(&weights, id));
            let (site, lock) = match solve(workspace, &none)? {
                Ok(lock) => (none, lock),
                Err(_) => (site, lock),
            };
            weighed(workspace, site, lock, weights, notes)
        }
        None => {
            let only = with_core(wanted, core, asked, |_| false);
            let Ok(lock) = solve(workspace, &only)? else {
                return Err(Error::new(ErrorKind::Internal, "the core that was found a moment ago is gone"));
            };
            Ok(Weighed { stuck: true, ..weighed(workspace, only, lock, weights, notes)? })
        }
    }
}

/// The site with another core, and those of its other elements that `keep` says.
fn with_core(wanted: &WantedSite, core: &ElementId, asked: &Requirement, keep: impl Fn(&ElementId) -> bool) -> WantedSite {
    let mut site = wanted.clone();
    site.elements.retain(|id, _| id == core || keep(id));
    site.ask(core, asked.clone(), WHO);
    site
}

fn solve(workspace: &Workspace, site: &WantedSite) -> Result<Outcome> {
    let mut request = workspace.request(&[], PlanDepth::Resolve, UpdateChoice::Keep);
    (request.wanted, request.locked, request.frozen) = (vec![site.clone()], false, false);
    match workspace.roles.client.plan(&workspace.machine.cx, &request) {
        Ok(plan) => Ok(Ok(plan.lock)),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => Ok(Err(match error.kind() {
            ErrorKind::Conflict => Obstacle::Versions(error.notes().to_vec()),
            // What has a cause is somebody's failure to answer, not an answer.
            ErrorKind::NotFound | ErrorKind::Version if std::error::Error::source(&error).is_none() => Obstacle::Versions(vec![error.message().to_owned()]),
            _ => Obstacle::Silence(told(&error)),
        })),
    }
}

/// A failure with its causes, in one line.
pub(super) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// One element and the core, nothing else but what it needs.
fn alone(workspace: &Workspace, wanted: &WantedSite, core: &ElementId, asked: &Requirement, id: &ElementId) -> Result<Weight> {
    let mut site = with_core(wanted, core, asked, |other| other == id);
    let version = |lock: &Lock| lock.entry(&wanted.name, id).map(|(pin, _)| pin.version.clone());
    let reasons = loop {
        match solve(workspace, &site)? {
            Ok(lock) => return Ok(version(&lock).map_or_else(|| Weight::Unknown("it got no version".to_owned()), Weight::Fits)),
            Err(Obstacle::Silence(why)) => return Ok(Weight::Unknown(why)),
            // What it needs may have a source of its own in the manifest: any version from there would do.
            Err(Obstacle::Versions(notes)) if !bring(wanted, &mut site, &notes) => break notes,
            Err(Obstacle::Versions(_)) => {}
        }
    };
    let Some(element) = wanted.elements.get(id).filter(|element| is_pinned(element)) else { return Ok(Weight::Waiting(plain(reasons))) };
    let mut free = site;
    free.ask(id, Requirement::any(), WHO);
    Ok(match solve(workspace, &free)? {
        Ok(lock) => match version(&lock) {
            Some(version) => Weight::Pinned { version, why: vec![format!("{} asks for {}", crate::command::list::said_at(&element.origin), element.asks())] },
            None => Weight::Waiting(plain(reasons)),
        },
        Err(_) => Weight::Waiting(plain(reasons)),
    })
}

/// Adds the elements of the manifest that an explanation names to a site, whatever their version. Whether there were any.
fn bring(wanted: &WantedSite, site: &mut WantedSite, notes: &[String]) -> bool {
    let separates = |c: char| c.is_whitespace() || matches!(c, ',' | '`' | ':' | ';' | '(' | ')');
    let named = |id: &ElementId| notes.iter().any(|note| note.split(separates).any(|word| word == id.to_string()));
    let missing: Vec<&ElementId> = wanted.elements.keys().filter(|id| !site.elements.contains_key(*id) && named(id)).collect();
    for id in &missing {
        site.elements.insert((*id).clone(), wanted.elements[*id].clone());
        site.ask(id, Requirement::any(), WHO);
    }
    !missing.is_empty()
}

/// Whether the manifest leaves it less than all there is.
fn is_pinned(element: &WantedElement) -> bool {
    match &element.source {
        Source::Git { pin, .. } => *pin != GitPin::Version || element.requirement != Requirement::any(),
        Source::Repositories { .. } => element.requirement != Requirement::any(),
        Source::Path { .. } | Source::Url { .. } | Source::Dialogue { .. } => false,
    }
}

/// The steps of an explanation but for what was asked.
fn plain(notes: Vec<String>) -> Vec<String> {
    notes.into_iter().filter(|note| !note.starts_with(WHO)).collect()
}

fn weighed(workspace: &Workspace, site: WantedSite, lock: Lock, mut weights: IndexMap<ElementId, Weight>, together: Vec<String>) -> Result<Weighed> {
    let after = fit(&site, &lock, &workspace.schemes)?
        .map_err(|misfit| Error::new(ErrorKind::Internal, format!("a lock does not fit what it was made for: {}", misfit.why)))?;
    let mut elements: IndexMap<ElementId, Weight> = IndexMap::new();
    let chosen = |id: &ElementId| after.iter().find(|one| one.id == *id).map(|one| one.pin.version.clone());
    for id in site.elements.keys().chain(weights.keys()) {
        if let Some(version) = chosen(id)
            && matches!(weights.get(id), None | Some(Weight::Fits(_)))
        {
            elements.insert(id.clone(), Weight::Fits(version));
        }
    }
    for (id, weight) in weights.drain(..) {
        elements.entry(id).or_insert(weight);
    }
    for one in &after {
        elements.entry(one.id.clone()).or_insert_with(|| Weight::Fits(one.pin.version.clone()));
    }
    elements.sort_by(|a, _, b, _| (a.kind() != "core", a).cmp(&(b.kind() != "core", b)));
    let mut request = workspace.request(&[], PlanDepth::Resolve, UpdateChoice::All);
    (request.wanted, request.locked, request.frozen) = (vec![site.clone()], false, false);
    let newest = workspace.roles.client.plan(&workspace.machine.cx, &request).ok().map(|plan| plan.lock);
    Ok(Weighed { elements, site, lock, after, together, stuck: false, newest })
}
