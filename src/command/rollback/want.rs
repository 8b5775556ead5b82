//! `rollback --write`: an earlier generation's versions into manifest and lock.

use std::collections::BTreeSet;

use crate::builtin::client::{Resolved, assemble};
use crate::command::Workspace;
use crate::error::Result;
use crate::manifest::{Manifest, set_requirement};
use crate::model::{ElementId, GitPin, Lock, Requirement, Source, WantedSite};
use crate::site::Generation;

/// Writes them; says what must be written by hand.
pub(super) fn write(workspace: &Workspace, wanted: &WantedSite, target: &Generation) -> Result<Vec<String>> {
    let then = workspace.lock_of(target)?;
    let mut text = workspace.manifest.text.clone();
    let mut notes = Vec::new();
    let only = (workspace.manifest.sites.len() > 1).then_some(wanted.name.as_str());
    for (key, locked) in &then.elements {
        match wanted.elements.get(&key.id) {
            Some(element) if matches!(element.source, Source::Git { ref pin, .. } if *pin != GitPin::Version) => {
                notes.push(format!("{} is pinned by tag, branch or rev in greffon.toml: change it there", key.id));
            }
            Some(element) => {
                let scheme = workspace.schemes.of(&key.id, Some(element), locked.scheme.as_deref())?;
                if !scheme.requirement(&element.requirement)?.matches(&key.pin.version) {
                    text = set_requirement(&workspace.manifest.path, &text, &key.id, &Requirement::new(format!("={}", key.pin.version)), only)?;
                }
            }
            None => {}
        }
    }
    for id in wanted.elements.keys().filter(|id| then.entries(id).next().is_none()) {
        notes.push(format!("{id} is in greffon.toml, and generation {} had none: remove it there", target.number));
    }
    for id in asked_then(workspace, wanted, target).into_iter().filter(|id| !wanted.elements.contains_key(id)) {
        notes.push(format!("{id} is no longer in greffon.toml, and generation {} had it: add it there", target.number));
    }
    workspace.write(Some(&text), Some(&lock(workspace, wanted, &then)))?;
    Ok(notes)
}

/// What the manifest of then asked for itself.
fn asked_then(workspace: &Workspace, wanted: &WantedSite, target: &Generation) -> Vec<ElementId> {
    let then = Manifest::parse(&workspace.manifest.path, target.manifest.clone()).ok();
    let site = then.and_then(|then| then.sites.into_iter().find(|site| site.name == wanted.name));
    site.map(|site| site.elements.into_keys().collect()).unwrap_or_default()
}

/// The lock with this site as it was then and the others as they are.
fn lock(workspace: &Workspace, wanted: &WantedSite, then: &Lock) -> Lock {
    let mut sites = Vec::new();
    for site in &workspace.manifest.sites {
        let resolution = if site.name == wanted.name {
            of_site(wanted, then, &workspace.lock)
        } else {
            // Where another site's part does not fit the manifest, what it uses is not known: it keeps all that it may use.
            workspace.resolution(site).unwrap_or_else(|_| every_entry(&workspace.lock, &site.name))
        };
        sites.push((site.name.clone(), resolution));
    }
    assemble(&mut sites, &workspace.lock)
}

/// What the site asks for and all that needs, at the versions of then; what it had none of then, as it is locked now.
fn of_site(wanted: &WantedSite, then: &Lock, now: &Lock) -> Vec<Resolved> {
    let mut resolution = Vec::new();
    let mut seen: BTreeSet<ElementId> = BTreeSet::new();
    let mut next: Vec<ElementId> = wanted.elements.keys().rev().cloned().collect();
    while let Some(id) = next.pop() {
        let Some((pin, locked)) = then.entries(&id).next().or_else(|| now.entry(&wanted.name, &id)) else { continue };
        if !seen.insert(id.clone()) {
            continue;
        }
        let groups = wanted.elements.get(&id).map(|element| element.optional.as_slice()).unwrap_or_default();
        let optional = groups.iter().filter_map(|group| locked.optional.get(group)).flat_map(|needs| needs.keys());
        next.extend(locked.dependencies.keys().chain(optional).cloned());
        resolution.push(Resolved { id, pin: pin.clone(), locked: locked.clone() });
    }
    resolution
}

fn every_entry(lock: &Lock, site: &str) -> Vec<Resolved> {
    let ids: BTreeSet<&ElementId> = lock.elements.keys().map(|key| &key.id).collect();
    ids.into_iter().filter_map(|id| lock.entry(site, id).map(|(pin, locked)| Resolved { id: id.clone(), pin: pin.clone(), locked: locked.clone() })).collect()
}
