//! `remove`: elements out of manifest and lock; `uninstall` is this and a sync.

use serde::Serialize;

use super::add::{resolve, single_site};
use super::edited::Edited;
use super::lock::{LockChange, compare};
use super::{Workspace, parse_element};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::remove_elements;
use crate::model::ElementId;

/// What `remove` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `TYPE/NAME`, or bare names.
    pub elements: Vec<String>,
}

/// What `remove` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/remove/1`.
    pub schema: &'static str,
    /// What was taken out of the manifest.
    pub removed: Vec<ElementId>,
    /// What changed in the lock.
    pub changes: Vec<LockChange>,
    /// What stays, because something else needs it.
    pub still_needed: Vec<ElementId>,
}

/// Takes elements out of the manifest, and out of the lock what nothing needs any more.
///
/// # Errors
/// As [`prepare`]; `Io`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let edited = prepare(workspace, options)?;
    if !workspace.globals.dry_run {
        workspace.write(Some(&edited.manifest.text), Some(&edited.lock))?;
    }
    Ok(edited.report)
}

/// The manifest without the elements, resolved.
///
/// # Errors
/// `NotFound` with the nearest names; `Conflict`.
pub fn prepare(workspace: &Workspace, options: &Options) -> Result<Edited<Report>> {
    if workspace.globals.locked || workspace.globals.frozen {
        return Err(Error::new(ErrorKind::Usage, "this changes the lock, which --locked and --frozen forbid"));
    }
    let mut ids = Vec::with_capacity(options.elements.len());
    for name in &options.elements {
        ids.push(workspace.known_element(&parse_element(name)?.name)?);
    }
    let site = single_site(workspace)?;
    let needed =
        |error: Error| ids.iter().filter(|id| only_needed(workspace, id)).fold(error, |error, id| error.hint(format!("`greffon why {id}` says what needs it")));
    let text = remove_elements(&workspace.manifest.path, &workspace.manifest.text, &ids, site.as_deref()).map_err(needed)?;
    let (manifest, plan) = resolve(workspace, text)?;
    let still_needed = ids.iter().filter(|id| plan.lock.entries(id).next().is_some()).cloned().collect();
    let report = Report { schema: "greffon/remove/1", removed: ids, changes: compare(&workspace.lock, &plan.lock), still_needed };
    Ok(Edited { manifest, lock: plan.lock, report })
}

/// Whether an element is there although no site asks for it.
fn only_needed(workspace: &Workspace, id: &ElementId) -> bool {
    workspace.lock.entries(id).next().is_some() && !workspace.manifest.sites.iter().any(|site| site.elements.contains_key(id))
}
