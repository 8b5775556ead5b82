//! What is recorded with a generation: this site's part of the lock, the element infos, a message that says what changed.

use std::path::Path;

use super::Standard;
use super::observe::{Infos, fingerprint};
use super::resolved::{Resolved, info_of};
use crate::error::Result;
use crate::model::{Action, ElementInfo, Lock, SitePlan, WantedSite};
use crate::roles::{Context, ElementInfoRequest, InfoRequest};
use crate::site::KeptPatch;
use crate::sys::git::LARGEST_PATCH;

/// The texts of a generation.
#[derive(Debug, Clone)]
pub struct RecordTexts {
    /// The lockfile that this site alone would have.
    pub lock: String,
    /// What is installed and from what it was made, as JSON.
    pub infos: String,
    /// One line, then a line a change.
    pub message: String,
    /// The patches of what is grafted.
    pub patches: Vec<KeptPatch>,
}

impl Standard {
    pub(super) fn record(&self, cx: &Context, wanted: &WantedSite, lock: &Lock, plan: &SitePlan, reason: &str) -> Result<RecordTexts> {
        texts(&self.parts.installer_key, &self.parts.base, wanted, lock, plan, reason, |one| self.described(cx, one, plan))
    }
}

/// What is recorded with a generation that this plan makes, by the lock alone. `installer_key`, `base`: see [`super::Parts`].
///
/// # Errors
/// `Io` for a patch that cannot be read.
pub fn record_texts(installer_key: &str, base: &Path, wanted: &WantedSite, lock: &Lock, plan: &SitePlan, reason: &str) -> Result<RecordTexts> {
    texts(installer_key, base, wanted, lock, plan, reason, |one| info_of(one, base))
}

fn texts(
    installer_key: &str,
    base: &Path,
    wanted: &WantedSite,
    lock: &Lock,
    plan: &SitePlan,
    reason: &str,
    describe: impl Fn(&Resolved) -> ElementInfo,
) -> Result<RecordTexts> {
    let resolution = resolution_of(wanted, lock, plan);
    let mut own = Lock { extensions: lock.extensions.clone(), ..Lock::default() };
    for one in &resolution {
        own.elements.insert(one.key(), one.locked.clone());
    }
    let infos = Infos {
        schema: "greffon/infos/1".to_owned(),
        fingerprint: fingerprint(installer_key, wanted, &resolution)?,
        elements: resolution.iter().map(describe).collect(),
    };
    Ok(RecordTexts {
        lock: super::lock_text(&own, base, ""),
        infos: serde_json::to_string_pretty(&infos).unwrap_or_default(),
        message: message(plan, reason),
        patches: patches(wanted, plan)?,
    })
}

impl Standard {
    /// The info of an installed element, with what people are told of it: as its repository said it when it was last asked, or as
    /// its code says it. Nobody is asked anew.
    fn described(&self, cx: &Context, one: &Resolved, plan: &SitePlan) -> ElementInfo {
        let mut info = info_of(one, &self.parts.base);
        let quiet = cx.without_network();
        let repository = one.locked.repository.as_ref().and_then(|name| self.parts.repositories.iter().find(|known| known.name() == name));
        let request = ElementInfoRequest { id: one.id.clone(), version: one.pin.version.clone() };
        let told = repository.and_then(|repository| repository.element_info(&quiet, &request).ok().flatten());
        let tree = one.locked.tree.or_else(|| plan.grafts.iter().find(|graft| graft.id == one.id).map(|graft| graft.tree));
        let ask_code = |tree| self.parts.installer.info(&quiet, &InfoRequest { id: one.id.clone(), tree, reference: None }).ok().flatten();
        let said = tree.and_then(ask_code);
        for known in [told, said].into_iter().flatten() {
            info.summary = info.summary.or(known.summary);
            info.published = info.published.or(known.published);
        }
        info
    }
}

/// The text of every patch, in the order they apply.
fn patches(wanted: &WantedSite, plan: &SitePlan) -> Result<Vec<KeptPatch>> {
    let mut patches = Vec::new();
    for graft in &plan.grafts {
        for path in wanted.elements.get(&graft.id).map(|element| element.patches.as_slice()).unwrap_or_default() {
            if let Some(bytes) = crate::sys::fs::read(path, LARGEST_PATCH)? {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                patches.push(KeptPatch { element: graft.id.clone(), name, bytes });
            }
        }
    }
    Ok(patches)
}

/// The lock's entries for what the plan grafts, in the order of the plan's download map: that of the resolution.
fn resolution_of(wanted: &WantedSite, lock: &Lock, plan: &SitePlan) -> Vec<Resolved> {
    plan.download_map
        .iter()
        .filter_map(|entry| {
            let (pin, locked) = lock.entry(&wanted.name, &entry.id)?;
            Some(Resolved { id: entry.id.clone(), pin: pin.clone(), locked: locked.clone() })
        })
        .collect()
}

fn message(plan: &SitePlan, reason: &str) -> String {
    let mut lines = vec![reason.to_owned(), String::new()];
    for change in &plan.changes {
        let (from, to) = (change.from.as_deref().unwrap_or_default(), change.to.as_deref().unwrap_or_default());
        lines.push(match change.action {
            Action::Add => format!("+ {} {to}", change.id),
            Action::Update if from == to => format!("~ {} {to} (other content)", change.id),
            Action::Update => format!("~ {} {from} → {to}", change.id),
            Action::Remove => format!("- {} {from}", change.id),
            Action::Repair => format!("~ {} {to} (repaired)", change.id),
            Action::Move => format!("> {from} → {to}"),
        });
    }
    lines.join("\n").trim_end().to_owned()
}
