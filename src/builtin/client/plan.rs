//! The difference between what is wanted and what stands there.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use super::fetch::Available;
use super::observe::{Observed, fingerprint};
use super::resolved::Resolved;
use super::shop::Deals;
use super::{GraftedSite, Standard};
use crate::error::Result;
use crate::model::{Action, Change, ElementId, FileCounts, Graft, Origin, Plan, SitePlan, TreeChange, WantedSite};
use crate::roles::{Context, PlanDepth, PlanRequest};
use crate::site::Presence;

impl Standard {
    pub(super) fn make_plan(&self, cx: &Context, request: &PlanRequest) -> Result<Plan> {
        let mut resolution = self.resolve(cx, request)?;
        let mut plans = Vec::new();
        if request.depth > PlanDepth::Resolve {
            let chosen: Vec<(usize, &WantedSite)> =
                request.wanted.iter().enumerate().filter(|(_, site)| request.only.is_empty() || request.only.contains(&site.name)).collect();
            let mut looked = Vec::with_capacity(chosen.len());
            for (index, wanted) in &chosen {
                looked.push(self.look_at(cx, wanted, &resolution.sites[*index].1)?);
            }
            let missing: Vec<(&WantedSite, &[Available])> = chosen.iter().zip(&looked).map(|((_, site), one)| (*site, one.available.as_slice())).collect();
            let origins = origins(request);
            let agreed = self.agree(cx, &missing, &origins, request.depth >= PlanDepth::Fetch)?;
            let lacking: Vec<Vec<ElementId>> = looked.iter().map(Looked::lacking).collect();
            if request.depth >= PlanDepth::Fetch {
                self.fetch_for(cx, &mut looked, &mut resolution, &origins, &agreed.deals)?;
            }
            for (((_, wanted), looked), lacking) in chosen.iter().zip(looked).zip(lacking) {
                let mut plan = self.site_plan(cx, wanted, looked, request.rehearsal)?;
                plan.notes.extend(agreed.notes.iter().filter(|(id, _)| lacking.contains(id)).map(|(id, line)| format!("{id}: {line}")));
                plans.push(plan);
            }
        }
        let lock_changed = resolution.lock != request.lock;
        Ok(Plan { lock: resolution.lock, lock_changed, sites: plans, warnings: resolution.warnings })
    }

    /// What stands at a site, and what of its resolution is in stock. A site made of exactly this is not looked into further.
    fn look_at(&self, cx: &Context, wanted: &WantedSite, resolution: &[Resolved]) -> Result<Looked> {
        let observed = self.observe(wanted)?;
        let fingerprint = fingerprint(&self.parts.installer_key, wanted, resolution)?;
        if observed.is_made_of(fingerprint.as_deref()) {
            let available = resolution.iter().map(|one| Available { resolved: one.clone(), tree: one.locked.tree }).collect();
            let map = resolution.iter().map(map_entry).collect();
            return Ok(Looked { observed, map, available, settled: true });
        }
        let (map, available) = self.look(cx, resolution)?;
        Ok(Looked { observed, map, available, settled: false })
    }

    fn note_settled(&self, site: &str, generation: Option<u64>) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        match generation {
            Some(generation) => settled.insert(site.to_owned(), generation),
            None => settled.remove(site),
        };
    }

    fn fetch_for(
        &self,
        cx: &Context,
        looked: &mut [Looked],
        resolution: &mut super::resolve::Resolution,
        origins: &HashMap<ElementId, Origin>,
        deals: &Deals,
    ) -> Result<()> {
        let mut all: Vec<Available> = looked.iter().flat_map(|one| one.available.iter().cloned()).collect();
        if all.iter().any(|one| one.tree.is_none()) {
            self.fetch(cx, &mut all, origins, deals)?;
            self.parts.stockroom.objects().refresh()?;
        }
        let mut all = all.into_iter();
        for one in looked.iter_mut().flat_map(|one| one.available.iter_mut()) {
            if let Some(fetched) = all.next() {
                *one = fetched;
            }
        }
        // What the first fetch of an archive taught (its digest, its tree) belongs to the lock from now on.
        for one in looked.iter().flat_map(|one| &one.available) {
            if let Some(locked) = resolution.lock.elements.get_mut(&one.resolved.key()) {
                locked.sha256 = locked.sha256.or(one.resolved.locked.sha256);
                locked.tree = locked.tree.or(one.tree.filter(|_| !locked.is_live()));
                locked.receipt = locked.receipt.take().or_else(|| one.resolved.locked.receipt.clone());
            }
        }
        Ok(())
    }

    fn site_plan(&self, cx: &Context, wanted: &WantedSite, looked: Looked, rehearsal: bool) -> Result<SitePlan> {
        let Looked { observed, map, available, settled } = looked;
        let mut faults = Vec::new();
        let held = observed.held.as_ref().map(|hold| hold.reason.clone());
        let grafted = match (&observed.current, settled) {
            (Some(current), true) => Some(GraftedSite { tree: current.tree, grafts: current.grafts.clone(), contained: Vec::new() }),
            _ => self.graft(cx, wanted, &available, rehearsal.then_some(&mut faults))?,
        };
        let mut plan = SitePlan {
            name: wanted.name.clone(),
            path: wanted.path.clone(),
            tree: None,
            held,
            changes: Vec::new(),
            download_map: map,
            files: None,
            hooks: Vec::new(),
            moves: Vec::new(),
            by_hand: Vec::new(),
            notes: Vec::new(),
            faults,
            contained: Vec::new(),
            grafts: Vec::new(),
            undisturbed: false,
        };
        let before = observed.current.as_ref().map(|current| current.grafts.as_slice()).unwrap_or_default();
        match grafted {
            None => plan.changes = version_changes(before, &available),
            Some(grafted) => {
                let files = match observed.presence {
                    Presence::Elsewhere => Vec::new(),
                    _ => {
                        let compared = observed.site.compare(cx, grafted.tree)?;
                        let same =
                            observed.current.as_ref().is_some_and(|current| Some(current.number) == compared.settled && current.grafts == grafted.grafts);
                        self.note_settled(&wanted.name, compared.settled.filter(|_| same));
                        plan.undisturbed = compared.undisturbed;
                        plan.by_hand = compared.by_hand;
                        compared.changes
                    }
                };
                if observed.presence == Presence::Known {
                    let along = observed.site.along(cx, grafted.tree, &grafted.grafts)?;
                    (plan.moves, plan.notes) = (along.moves, along.notes);
                }
                plan.changes = changes(before, &grafted.grafts, &files, &available);
                plan.files = Some(count(&files));
                plan.tree = Some(grafted.tree);
                plan.grafts = grafted.grafts;
                plan.contained = grafted.contained;
            }
        }
        Ok(plan)
    }
}

/// Where the manifest asks for what.
fn origins(request: &PlanRequest) -> HashMap<ElementId, Origin> {
    let asked = request.wanted.iter().rev().flat_map(|site| site.elements.values());
    asked.map(|element| (element.id.clone(), element.origin.clone())).collect()
}

/// A site before its plan.
struct Looked {
    observed: Observed,
    map: Vec<crate::model::DownloadMapEntry>,
    available: Vec<Available>,
    settled: bool,
}

impl Looked {
    /// What is not in stock.
    fn lacking(&self) -> Vec<ElementId> {
        self.available.iter().filter(|one| one.tree.is_none()).map(|one| one.resolved.id.clone()).collect()
    }
}

fn map_entry(one: &Resolved) -> crate::model::DownloadMapEntry {
    crate::model::DownloadMapEntry { id: one.id.clone(), version: one.pin.version.clone(), from_stock: true, download: None }
}

fn count(files: &[TreeChange]) -> FileCounts {
    let mut counts = FileCounts::default();
    for file in files {
        match (file.old, file.new) {
            (None, _) => counts.add += 1,
            (_, None) => counts.remove += 1,
            _ => counts.change += 1,
        }
    }
    counts
}

fn delivered(available: &[Available]) -> BTreeMap<&ElementId, Option<String>> {
    available.iter().map(|one| (&one.resolved.id, one.resolved.locked.repository.clone())).collect()
}

/// What changes element by element, where trees are known.
fn changes(before: &[Graft], after: &[Graft], files: &[TreeChange], available: &[Available]) -> Vec<Change> {
    let old: BTreeMap<&ElementId, &Graft> = before.iter().map(|graft| (&graft.id, graft)).collect();
    let repositories = delivered(available);
    let mut changes = Vec::new();
    for graft in after {
        let change = |action, from: Option<String>, to: Option<String>| Change {
            action,
            id: graft.id.clone(),
            from,
            to,
            destructive: false,
            repository: repositories.get(&graft.id).cloned().flatten(),
        };
        let version = Some(graft.version.to_string());
        match old.get(&graft.id) {
            None => changes.push(change(Action::Add, None, version)),
            Some(was) => {
                if was.placement.path != graft.placement.path {
                    changes.push(change(Action::Move, Some(was.placement.path.clone()), Some(graft.placement.path.clone())));
                }
                if was.version != graft.version || was.tree != graft.tree {
                    changes.push(change(Action::Update, Some(was.version.to_string()), version));
                } else if was.placement.path == graft.placement.path && files.iter().any(|file| owns(&graft.id, &file.path, before, after)) {
                    changes.push(change(Action::Repair, Some(was.version.to_string()), version));
                }
            }
        }
    }
    changes.extend(removals(before, |id| after.iter().any(|graft| graft.id == *id)));
    changes
}

/// What changes element by element, where some tree is not in stock: versions only.
fn version_changes(before: &[Graft], available: &[Available]) -> Vec<Change> {
    let old: BTreeMap<&ElementId, &Graft> = before.iter().map(|graft| (&graft.id, graft)).collect();
    let mut changes = Vec::new();
    for one in available {
        let (id, version) = (&one.resolved.id, &one.resolved.pin.version);
        let was = old.get(id).map(|graft| &graft.version);
        if was != Some(version) {
            changes.push(Change {
                action: if was.is_some() { Action::Update } else { Action::Add },
                id: id.clone(),
                from: was.map(ToString::to_string),
                to: Some(version.to_string()),
                destructive: false,
                repository: one.resolved.locked.repository.clone(),
            });
        }
    }
    changes.extend(removals(before, |id| available.iter().any(|one| one.resolved.id == *id)));
    changes
}

fn removals(before: &[Graft], stays: impl Fn(&ElementId) -> bool) -> Vec<Change> {
    let gone = before.iter().filter(|graft| !stays(&graft.id));
    gone.map(|graft| Change {
        action: Action::Remove,
        id: graft.id.clone(),
        from: Some(graft.version.to_string()),
        to: None,
        destructive: false,
        repository: None,
    })
    .collect()
}

/// Whether a file is this element's before and after: one that another element leaves behind is not its to be put right.
fn owns(id: &ElementId, path: &str, before: &[Graft], after: &[Graft]) -> bool {
    owner(path, after) == Some(id) && owner(path, before) == Some(id)
}

/// The element that a path of the site belongs to: the one placed deepest above it.
pub(super) fn owner<'a>(path: &str, grafts: &'a [Graft]) -> Option<&'a ElementId> {
    let inside = |graft: &&Graft| graft.placement.path == "." || path.strip_prefix(graft.placement.path.as_str()).is_some_and(|rest| rest.starts_with('/'));
    let depth = |graft: &&Graft| if graft.placement.path == "." { 0 } else { graft.placement.path.len() };
    grafts.iter().filter(inside).max_by_key(depth).map(|graft| &graft.id)
}
