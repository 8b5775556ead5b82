//! `tree`: who needs whom, as a tree; inverted, who is needed by whom.

use serde::Serialize;

use super::Workspace;
use super::list::needs;
use crate::builtin::client::Resolved;
use crate::error::Result;
use crate::model::{ElementId, WantedSite};

/// What `tree` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// From the needed to those that need it.
    pub invert: bool,
    /// Only below this element.
    pub element: Option<String>,
}

/// The trees of the chosen sites.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/tree/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SiteTree>,
}

/// The trees of one site.
#[derive(Debug, Clone, Serialize)]
pub struct SiteTree {
    /// The site.
    pub name: String,
    /// One a root.
    pub roots: Vec<Node>,
}

/// An element, and what hangs on it.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// The element.
    pub element: ElementId,
    /// Its locked version.
    pub version: String,
    /// What is asked of it from above; `None` at the root.
    pub asked: Option<String>,
    /// Whether it was shown before, with what hangs on it.
    pub repeated: bool,
    /// What hangs on it.
    pub children: Vec<Node>,
}

/// Draws.
///
/// # Errors
/// `Lock` when the lock does not fit the manifest; `NotFound` for an element that no site has.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let element = options.element.as_deref().map(|name| workspace.known_element(name)).transpose()?;
    let mut sites = Vec::new();
    for wanted in workspace.chosen_and_extensions()? {
        let resolution = workspace.resolution(wanted)?;
        let roots: Vec<ElementId> = match &element {
            Some(element) => vec![element.clone()],
            None if options.invert => resolution.iter().filter(|one| needs(wanted, one).next().is_none()).map(|one| one.id.clone()).collect(),
            None => wanted.elements.keys().cloned().collect(),
        };
        let mut seen = Vec::new();
        let roots = roots.iter().filter_map(|id| node(wanted, &resolution, id, None, options.invert, &mut seen)).collect();
        sites.push(SiteTree { name: wanted.name.clone(), roots });
    }
    Ok(Report { schema: "greffon/tree/1", sites })
}

fn node(wanted: &WantedSite, resolution: &[Resolved], id: &ElementId, asked: Option<String>, invert: bool, seen: &mut Vec<ElementId>) -> Option<Node> {
    let one = resolution.iter().find(|one| one.id == *id)?;
    let repeated = seen.contains(id);
    let mut children = Vec::new();
    if !repeated {
        seen.push(id.clone());
        if invert {
            for other in resolution {
                if let Some((_, requirement)) = needs(wanted, other).find(|(target, _)| *target == id) {
                    children.extend(node(wanted, resolution, &other.id, Some(requirement.to_string()), invert, seen));
                }
            }
        } else {
            for (target, requirement) in needs(wanted, one) {
                children.extend(node(wanted, resolution, target, Some(requirement.to_string()), invert, seen));
            }
        }
    }
    let hangs = |other: &Resolved| needs(wanted, other).any(|(target, _)| target == id);
    let repeated = repeated && if invert { resolution.iter().any(hangs) } else { needs(wanted, one).next().is_some() };
    Some(Node { element: id.clone(), version: one.pin.version.to_string(), asked, repeated, children })
}
