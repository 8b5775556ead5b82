//! What a hook is told, as data.

use serde_json::{Value, json};

use super::{Downgrade, Moment};
use crate::model::{Action, Change, Graft, WantedSite};

/// What happens to a site, for its hooks.
#[derive(Debug, Clone, Default)]
pub struct Happening {
    /// Element by element.
    pub changes: Vec<Change>,
    /// Where the elements go, as they are afterwards.
    pub after: Vec<Graft>,
    /// Where they were.
    pub before: Vec<Graft>,
    /// The generation that is, or will be, in place.
    pub generation: Option<u64>,
    /// The generation that was in place.
    pub from: Option<u64>,
    /// What the run says of itself.
    pub reason: String,
    /// What the site's data are too new for afterwards.
    pub downgrades: Vec<Downgrade>,
    /// Hooks that wait from before.
    pub pending: Vec<String>,
    /// The generation that a rollback went back to.
    pub back_to: Option<u64>,
    /// Whether the files were changed before the run failed.
    pub applied: bool,
}

/// `{moment, site: {name, path}, changes, elements, generation, from, back_to, reason, downgrades, pending, applied}`; `elements` is all that the site
/// is made of then, `{id, type, name, version, path, tree}`; for a moment of one element its `element` too.
pub(super) fn event(moment: Moment, site: &WantedSite, happening: &Happening, change: Option<&Change>) -> Value {
    let changes: Vec<Value> = happening.changes.iter().map(|change| told(site, happening, change)).collect();
    let whole = |graft: &Graft| {
        json!({
            "id": graft.id, "type": graft.id.kind(), "name": graft.id.name(), "version": graft.version, "path": graft.placement.path, "tree": graft.tree,
        })
    };
    let elements: Vec<Value> = happening.after.iter().map(whole).collect();
    let mut event = json!({
        "moment": moment.key(),
        "site": { "name": site.name, "path": site.path },
        "changes": changes,
        "elements": elements,
        "generation": happening.generation,
        "from": happening.from,
        "back_to": happening.back_to,
        "reason": happening.reason,
        "downgrades": happening.downgrades,
        "pending": happening.pending,
        "applied": happening.applied,
    });
    if let Some(change) = change {
        event["element"] = told(site, happening, change);
    }
    event
}

/// One element: `{id, type, name, action, from, to, path, destructive}`; `path` is relative to the site, of a removed one where it was; `destructive`: its data goes with it.
fn told(_: &WantedSite, happening: &Happening, change: &Change) -> Value {
    let of = |grafts: &[Graft]| grafts.iter().find(|graft| graft.id == change.id).map(|graft| graft.placement.path.clone());
    let path = if change.action == Action::Remove { of(&happening.before) } else { of(&happening.after) };
    json!({
        "id": change.id,
        "type": change.id.kind(),
        "name": change.id.name(),
        "action": change.action,
        "from": change.from,
        "to": change.to,
        "path": path,
        "destructive": change.destructive,
    })
}
