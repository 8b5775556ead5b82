//! `list` and `why`: what the lock says of the sites.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Workspace;
use crate::builtin::client::{Resolved, fit};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, Origin, Requirement, WantedElement, WantedSite};

/// What the chosen sites are made of.
#[derive(Debug, Clone, Serialize)]
pub struct ListReport {
    /// `greffon/list/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SiteList>,
}

/// What one site is made of.
#[derive(Debug, Clone, Serialize)]
pub struct SiteList {
    /// Its name.
    pub name: String,
    /// Roots in manifest order, then what they need.
    pub elements: Vec<ListedElement>,
}

/// One element of a site.
#[derive(Debug, Clone, Serialize)]
pub struct ListedElement {
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// The locked version.
    pub version: String,
    /// What the manifest asks; `None`: something else needs it.
    pub requirement: Option<String>,
    /// The version in place; `None`: not installed.
    pub installed: Option<String>,
    /// The repository, url or path it comes from.
    pub source: String,
    /// What it needs.
    pub dependencies: Vec<ElementId>,
}

impl Workspace {
    /// A site's elements as the lock has them.
    ///
    /// # Errors
    /// `Lock` when it does not fit the manifest.
    pub fn resolution(&self, site: &WantedSite) -> Result<Vec<Resolved>> {
        fit(site, &self.lock, &self.schemes)?
            .map_err(|misfit| Error::new(ErrorKind::Lock, format!("greffon.lock does not fit greffon.toml: {}", misfit.why)).hint("run `greffon lock`"))
    }
}

/// Lists.
///
/// # Errors
/// `Lock` when the lock does not fit the manifest.
pub fn run(workspace: &Workspace) -> Result<ListReport> {
    let mut sites = Vec::new();
    for wanted in workspace.chosen_and_extensions()? {
        // An extension is in the stock, and there when it is locked.
        let nowhere = workspace.manifest.extension_site.as_ref().is_some_and(|site| site.name == wanted.name);
        let current = if nowhere { None } else { workspace.site(wanted)?.current()? };
        let mut installed: BTreeMap<ElementId, String> =
            current.iter().flat_map(|generation| &generation.grafts).map(|graft| (graft.id.clone(), graft.version.to_string())).collect();
        let resolution = workspace.resolution(wanted)?;
        if nowhere {
            installed.extend(resolution.iter().map(|one| (one.id.clone(), one.pin.version.to_string())));
        }
        let elements = resolution.iter().map(|one| listed(wanted, one, &installed)).collect();
        sites.push(SiteList { name: wanted.name.clone(), elements });
    }
    Ok(ListReport { schema: "greffon/list/1", sites })
}

fn listed(wanted: &WantedSite, one: &Resolved, installed: &BTreeMap<ElementId, String>) -> ListedElement {
    let locked = &one.locked;
    let source = locked
        .repository
        .clone()
        .or_else(|| locked.git.as_deref().or(locked.url.as_deref()).map(crate::sys::redact))
        .or_else(|| locked.path.clone())
        .unwrap_or_else(|| "stock".to_owned());
    ListedElement {
        r#type: one.id.kind().to_owned(),
        name: one.id.name().to_owned(),
        version: one.pin.version.to_string(),
        requirement: wanted.elements.get(&one.id).map(WantedElement::asks),
        installed: installed.get(&one.id).cloned(),
        source,
        dependencies: locked.dependencies.keys().cloned().collect(),
    }
}

/// Who needs an element, and why.
#[derive(Debug, Clone, Serialize)]
pub struct WhyReport {
    /// `greffon/why/1`.
    pub schema: &'static str,
    /// The element.
    pub element: ElementId,
    /// One a site that has it.
    pub sites: Vec<SiteWhy>,
}

/// Why one site has it.
#[derive(Debug, Clone, Serialize)]
pub struct SiteWhy {
    /// The site.
    pub name: String,
    /// The version.
    pub version: String,
    /// Chains from the manifest to the element, shortest first; each step is the element and what it asks of the next.
    pub chains: Vec<Vec<Step>>,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `greffon.toml:12`, or an element with its version.
    pub who: String,
    /// What it asks.
    pub asks: String,
}

/// Says why an element is there.
///
/// # Errors
/// `NotFound` for an element that no chosen site has.
pub fn why(workspace: &Workspace, name: &str) -> Result<WhyReport> {
    let element = workspace.known_element(name)?;
    let mut sites = Vec::new();
    for wanted in workspace.chosen_and_extensions()? {
        let resolution = workspace.resolution(wanted)?;
        let Some(found) = resolution.iter().find(|one| one.id == element) else { continue };
        let mut chains = Vec::new();
        climb(wanted, &resolution, &element, &mut vec![element.clone()], &[], &mut chains);
        chains.sort_by_key(Vec::len);
        chains.truncate(10);
        sites.push(SiteWhy { name: wanted.name.clone(), version: found.pin.version.to_string(), chains });
    }
    if sites.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("no chosen site has {element}")));
    }
    Ok(WhyReport { schema: "greffon/why/1", element, sites })
}

/// `greffon.toml:12`.
pub(super) fn said_at(origin: &Origin) -> String {
    let file = origin.file.file_name().map_or_else(|| "greffon.toml".to_owned(), |name| name.to_string_lossy().into_owned());
    format!("{file}:{}", origin.line)
}

/// What an element of a site needs, the optional groups that are on among it.
pub(super) fn needs<'a>(wanted: &'a WantedSite, one: &'a Resolved) -> impl Iterator<Item = (&'a ElementId, &'a Requirement)> {
    let groups = wanted.elements.get(&one.id).map(|element| element.optional.as_slice()).unwrap_or_default();
    one.locked.dependencies.iter().chain(groups.iter().filter_map(|group| one.locked.optional.get(group)).flatten())
}

/// Follows who needs whom upwards until the manifest asks; `path` keeps cycles from being followed twice.
fn climb(wanted: &WantedSite, resolution: &[Resolved], element: &ElementId, path: &mut Vec<ElementId>, below: &[Step], chains: &mut Vec<Vec<Step>>) {
    if chains.len() > 100 {
        return;
    }
    if let Some(root) = wanted.elements.get(element) {
        let mut chain = vec![Step { who: said_at(&root.origin), asks: format!("{element} {}", root.asks()) }];
        chain.extend_from_slice(below);
        chains.push(chain);
    }
    for one in resolution {
        let Some((_, requirement)) = needs(wanted, one).find(|(id, _)| *id == element) else { continue };
        if path.contains(&one.id) {
            continue;
        }
        let mut steps = vec![Step { who: format!("{} {}", one.id, one.pin.version), asks: format!("{element} {requirement}") }];
        steps.extend_from_slice(below);
        path.push(one.id.clone());
        climb(wanted, resolution, &one.id, path, &steps, chains);
        path.pop();
    }
}
