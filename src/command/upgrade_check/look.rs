//! What the versions that would be installed are: fetched, placed and patched in a rehearsal.

use std::collections::BTreeMap;

use super::weigh::{Weighed, told};
use crate::command::Workspace;
use crate::error::{ErrorKind, Result};
use crate::model::{Demands, ElementId, Graft, ObjectId, PathMove, PlanFault, SitePlan, Version, WantedSite};
use crate::roles::{InfoRequest, PlanDepth, UpdateChoice};

/// What was seen.
#[derive(Default)]
pub(super) struct Looked {
    /// Whether there was a tree to look at.
    pub(super) composed: bool,
    /// What a sync would stop at.
    pub(super) faults: Vec<PlanFault>,
    /// Elements that the new core brings along, and which version.
    pub(super) shipped: BTreeMap<ElementId, Version>,
    /// What their authors say.
    pub(super) remarks: BTreeMap<ElementId, Vec<String>>,
    /// What the new core asks for.
    pub(super) demands: Option<Demands>,
    /// What the present one asks for.
    pub(super) before: Option<Demands>,
    /// What would go along to other folders.
    pub(super) moves: Vec<PathMove>,
    /// What a person would have to do.
    pub(super) notes: Vec<String>,
    /// Why not everything could be looked at.
    pub(super) incomplete: Option<String>,
}

/// Looks.
pub(super) fn look(workspace: &Workspace, wanted: &WantedSite, core: &ElementId, weighed: &Weighed) -> Result<Looked> {
    let mut looked = Looked::default();
    let plan = match rehearse(workspace, weighed) {
        Ok(plan) => plan,
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            looked.incomplete = Some(format!("not everything could be looked at: {}", told(&error)));
            return Ok(looked);
        }
    };
    let Some(plan) = plan.filter(|plan| plan.tree.is_some()) else {
        looked.incomplete = Some("not all of it is in stock: places, patches and what the core asks for are not known".to_owned());
        return Ok(looked);
    };
    looked.composed = true;
    let cx = &workspace.machine.cx;
    let installer = &workspace.roles.installer;
    let tree_of = |grafts: &[Graft]| grafts.iter().find(|graft| graft.id == *core).map(|graft| graft.tree);
    let before = workspace.site(wanted)?.current()?.and_then(|current| tree_of(&current.grafts)).or_else(|| locked_tree(workspace, wanted, core));
    looked.before = match before {
        Some(tree) => installer.demands(cx, tree).unwrap_or_default(),
        None => None,
    };
    if let Some(tree) = tree_of(&plan.grafts) {
        looked.demands = installer.demands(cx, tree)?;
        for id in weighed.elements.keys().filter(|id| *id != core) {
            if let Some(version) = installer.shipped(cx, id, Some(tree))? {
                looked.shipped.insert(id.clone(), version);
            }
        }
    }
    for graft in plan.grafts.iter().filter(|graft| graft.id.kind() != "core") {
        let request = InfoRequest { id: graft.id.clone(), tree: graft.tree, reference: None };
        if let Ok(Some(info)) = installer.info(cx, &request)
            && let Some(reserve) = info.reserve
        {
            looked.remarks.entry(graft.id.clone()).or_default().push(reserve);
        }
    }
    (looked.faults, looked.moves, looked.notes) = (plan.faults, plan.moves, plan.notes);
    let nobodys = looked.faults.iter().filter(|fault| fault.id.is_none()).map(|fault| fault.why.clone());
    looked.notes.extend(nobodys);
    Ok(looked)
}

fn locked_tree(workspace: &Workspace, wanted: &WantedSite, core: &ElementId) -> Option<ObjectId> {
    let tree = workspace.lock.entry(&wanted.name, core)?.1.tree?;
    workspace.machine.stockroom.objects().has(tree).then_some(tree)
}

fn rehearse(workspace: &Workspace, weighed: &Weighed) -> Result<Option<SitePlan>> {
    let depth = if workspace.globals.dry_run || workspace.globals.offline { PlanDepth::Peek } else { PlanDepth::Compose };
    let mut request = workspace.request(&[], depth, UpdateChoice::Keep);
    (request.wanted, request.locked, request.frozen) = (vec![weighed.site.clone()], false, false);
    (request.lock, request.rehearsal) = (weighed.lock.clone(), true);
    Ok(workspace.roles.client.plan(&workspace.machine.cx, &request)?.sites.into_iter().next())
}
