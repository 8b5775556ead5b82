//! `diff A B`: what two generations differ in, elements and files.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Action, Change, TreeChange};
use crate::site::Generation;

/// What `diff` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The earlier generation: a number or a mark.
    pub from: String,
    /// The later one; `None`: the one in place.
    pub to: Option<String>,
}

/// What two generations differ in.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/diff/1`.
    pub schema: &'static str,
    /// The site.
    pub site: String,
    /// The earlier generation.
    pub from: u64,
    /// The later one.
    pub to: u64,
    /// Element by element.
    pub changes: Vec<Change>,
    /// File by file.
    pub files: Vec<TreeChange>,
}

/// Compares.
///
/// # Errors
/// `Usage` when several sites are chosen; `NotFound` for a generation that is not there.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let wanted = workspace.chosen_one("`diff` compares generations of")?;
    let from = workspace.generation(wanted, &options.from)?;
    let to = match &options.to {
        Some(to) => workspace.generation(wanted, to)?,
        None => workspace.site(wanted)?.current()?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("site `{}` has no generation yet", wanted.name)))?,
    };
    let files = workspace.machine.stockroom.objects().diff(from.tree, to.tree)?;
    Ok(Report { schema: "greffon/diff/1", site: wanted.name.clone(), from: from.number, to: to.number, changes: elements(&from, &to), files })
}

/// What differs element by element.
#[must_use]
pub fn elements(from: &Generation, to: &Generation) -> Vec<Change> {
    let before: BTreeMap<_, _> = from.grafts.iter().map(|graft| (&graft.id, graft)).collect();
    let after: BTreeMap<_, _> = to.grafts.iter().map(|graft| (&graft.id, graft)).collect();
    let change = |action, id: &crate::model::ElementId, from: Option<String>, to: Option<String>| Change {
        action,
        id: id.clone(),
        from,
        to,
        destructive: false,
        repository: None,
    };
    let mut changes = Vec::new();
    for (id, graft) in &after {
        match before.get(id) {
            None => changes.push(change(Action::Add, id, None, Some(graft.version.to_string()))),
            Some(was) if was.placement.path != graft.placement.path => {
                changes.push(change(Action::Move, id, Some(was.placement.path.clone()), Some(graft.placement.path.clone())));
            }
            Some(was) if was.tree != graft.tree || was.version != graft.version => {
                changes.push(change(Action::Update, id, Some(was.version.to_string()), Some(graft.version.to_string())));
            }
            Some(_) => {}
        }
    }
    for (id, was) in &before {
        if !after.contains_key(id) {
            changes.push(change(Action::Remove, id, Some(was.version.to_string()), None));
        }
    }
    changes
}
