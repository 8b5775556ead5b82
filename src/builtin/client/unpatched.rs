//! An element's tree before its patches: what patches are made against, tried on and brought to.

use std::collections::HashMap;

use super::fetch::Available;
use super::{Parts, Resolved, Standard};
use crate::error::Result;
use crate::model::{Graft, ObjectId, Payload, Placement};
use crate::roles::{Context, OwnerView, PlaceRequest};

/// Where the folder inside a payload that is the element is known from.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// As it was placed before.
    As(&'a Placement),
    /// The installer is asked; `NotFound` where it can place the element only beside others.
    Ask,
}

/// The tree of a resolved element as patches meet it; fetched where it is not in stock. `None`: it may not be fetched (offline, or
/// `may_fetch` is not).
///
/// # Errors
/// As fetching; `NotFound` where the installer has no place for it.
pub fn unpatched(cx: &Context, parts: &Parts, resolution: &[Resolved], one: &Resolved, part: Part<'_>, may_fetch: bool) -> Result<Option<ObjectId>> {
    let client = Standard::new(parts.clone());
    let Some(tree) = tree_of(cx, &client, one, may_fetch)? else { return Ok(None) };
    let placement = match part {
        Part::As(placement) => placement.clone(),
        Part::Ask => {
            let mut view = OwnerView::default();
            if let Some(core) = resolution.iter().find(|other| other.id.kind() == "core" && other.id != one.id) {
                // Where a plugin's own part of a repository lies may be for the core to say.
                let Some(tree) = tree_of(cx, &client, core, may_fetch)? else { return Ok(None) };
                let placement = place(cx, parts, core, tree, &view)?;
                let core = Graft { id: core.id.clone(), version: core.pin.version.clone(), tree, placement };
                view.placed.push(core.clone());
                view.core = Some(core);
            }
            place(cx, parts, one, tree, &view)?
        }
    };
    match &placement.subdir {
        Some(subdir) => parts.stockroom.objects().subtree(tree, subdir),
        None => Ok(Some(tree)),
    }
}

fn tree_of(cx: &Context, client: &Standard, one: &Resolved, may_fetch: bool) -> Result<Option<ObjectId>> {
    let (_, mut available) = client.look(cx, std::slice::from_ref(one))?;
    // What is sold is fetched where somebody consents to it, not here.
    let may_fetch = may_fetch && one.locked.dialogue.is_none() && !cx.offline();
    if available.iter().all(|one: &Available| one.tree.is_none()) && may_fetch {
        client.fetch(cx, &mut available, &HashMap::new(), &HashMap::new())?;
        client.parts.stockroom.objects().refresh()?;
    }
    Ok(available.into_iter().next().and_then(|one| one.tree))
}

fn place(cx: &Context, parts: &Parts, one: &Resolved, tree: ObjectId, view: &OwnerView) -> Result<Placement> {
    let payload = Payload::Tree { tree, commit: one.locked.commit };
    parts.installer.place(cx, &PlaceRequest { id: one.id.clone(), version: one.pin.version.clone(), payload, view: view.clone() })
}
