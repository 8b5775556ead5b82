//! Plans carried out: the canary first, then so many sites at a time, until too many failed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use super::Standard;
use super::pins::{pin_generation, pin_of, pin_recorded};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Action, FileCounts, Lock, SitePlan, WantedSite};
use crate::roles::{ApplyReport, ApplyRequest, Context, SiteOutcome};
use crate::site::{Applied, ApplyTree, Presence, Site};
use crate::sys::pool;

impl Standard {
    pub(super) fn apply_all(&self, cx: &Context, request: &ApplyRequest) -> Result<ApplyReport> {
        // Keeps a stock that is being tidied from taking away what is about to be placed.
        let _shared = self.parts.stockroom.lock_shared(cx)?;
        let failed = AtomicUsize::new(0);
        let one = |plan: &SitePlan| {
            if failed.load(Ordering::SeqCst) >= request.max_fail.max(1) {
                return skipped(plan, "left as it is, because another site failed");
            }
            let outcome = self.apply_one(cx, request, plan);
            if outcome.error.is_some() {
                failed.fetch_add(1, Ordering::SeqCst);
            }
            outcome
        };
        let (canary, rest): (Vec<&SitePlan>, Vec<&SitePlan>) = request.sites.iter().partition(|plan| request.first.as_ref() == Some(&plan.name));
        let mut outcomes: Vec<SiteOutcome> = canary.into_iter().map(one).collect();
        // One site goes first so that the others learn from it: where it did not go, they do not either.
        match outcomes.iter().find(|outcome| outcome.error.is_some() || outcome.skipped.is_some()) {
            Some(canary) => {
                let how = if canary.error.is_some() { "failed" } else { "was left alone" };
                let why = format!("left as it is, because `{}`, which was to go first, {how}", canary.name);
                outcomes.extend(rest.iter().map(|plan| skipped(plan, &why)));
            }
            None => outcomes.extend(pool::each(request.jobs, &rest, |plan| one(plan))),
        }
        let mut report = ApplyReport::default();
        for plan in &request.sites {
            report.sites.extend(outcomes.iter().find(|outcome| outcome.name == plan.name).cloned());
        }
        Ok(report)
    }

    fn apply_one(&self, cx: &Context, request: &ApplyRequest, plan: &SitePlan) -> SiteOutcome {
        let Some(wanted) = request.wanted.iter().find(|site| site.name == plan.name) else {
            return skipped(plan, "not in the manifest");
        };
        match self.try_apply(cx, request, plan, wanted) {
            Ok(Ok(applied)) => SiteOutcome {
                name: plan.name.clone(),
                generation: Some(applied.generation),
                files: applied.files,
                saved: applied.saved,
                notes: applied.notes,
                error: None,
                skipped: None,
            },
            Ok(Err(why)) => skipped(plan, &why),
            Err(error) => SiteOutcome { error: Some(Arc::new(error)), skipped: None, ..skipped(plan, "") },
        }
    }

    fn try_apply(&self, cx: &Context, request: &ApplyRequest, plan: &SitePlan, wanted: &WantedSite) -> Result<std::result::Result<Applied, String>> {
        cx.check()?;
        let site = Site::open(wanted, &self.parts.stockroom)?;
        if site.presence()? == Presence::Elsewhere {
            return Ok(Err(format!("lives on {}", wanted.host.as_deref().unwrap_or("another host"))));
        }
        if let Some(hold) = site.held()?
            && !request.release
        {
            return Ok(Err(format!("held at generation {}: {}", hold.generation, hold.reason)));
        }
        // Planning has just found every file as it should be: a second look, and a second pin, would say the same.
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner).remove(&plan.name);
        if let Some(generation) = settled
            && plan.is_empty()
            && !request.release
            && !request.relink
            && site.current()?.is_some_and(|current| current.number == generation && Some(current.tree) == plan.tree)
        {
            if let Some(id) = site.id()? {
                self.pin(cx, &id, generation, plan, wanted, &request.lock)?;
            }
            return Ok(Ok(Applied { generation, ..Applied::default() }));
        }
        let tree = plan.tree.ok_or_else(|| {
            Error::new(ErrorKind::Offline, format!("site `{}` needs elements that are not in stock", plan.name))
                .hint("run `greffon fetch` where there is a network")
        })?;
        enough_stays(plan, request.max_removals)?;
        answered(request, plan)?;
        let record = self.record(cx, wanted, &request.lock, plan, &request.reason)?;
        let known = site.id()?;
        let before = site.current()?;
        if let (Some(id), Some(current)) = (&known, &before) {
            pin_generation(cx, &*self.parts.stock, self.parts.stockroom.objects(), id, current)?;
        }
        let mut applied = site.apply_pinned(
            cx,
            &ApplyTree {
                tree,
                grafts: plan.grafts.clone(),
                manifest: request.manifest.clone(),
                lock: record.lock,
                infos: record.infos,
                patches: record.patches,
                message: record.message,
                policy: request.policy.unwrap_or(wanted.policy),
                answers: request.answers.get(&wanted.name).cloned().unwrap_or_default(),
                create: request.create,
                hold: None,
                release: request.release,
                relink: request.relink,
            },
            &|id, generation| self.pin(cx, id, generation, plan, wanted, &request.lock),
        )?;
        match site.id()? {
            // The first run of all, or that of a copy: its earlier generations are pinned for the site that it was copied from.
            id if id.is_none() || id != known => pin_recorded(cx, &*self.parts.stock, self.parts.stockroom.objects(), &site)?,
            Some(id) => self.pin(cx, &id, applied.generation, plan, wanted, &request.lock)?,
            None => {}
        }
        applied.notes.extend(plan.contained.iter().cloned());
        if let Some(before) = &before {
            applied.notes.extend(self.release(cx, request, wanted, plan, before));
        }
        Ok(Ok(applied))
    }

    fn pin(&self, cx: &Context, id: &str, generation: u64, plan: &SitePlan, wanted: &WantedSite, lock: &Lock) -> Result<()> {
        let Some(tree) = plan.tree else { return Ok(()) };
        let locked = plan.grafts.iter().filter_map(|graft| Some(lock.entry(&wanted.name, &graft.id)?.1));
        self.parts.stock.pin(cx, &pin_of(id, generation, (tree, &plan.grafts), locked))
    }
}

/// No data is destroyed that nobody has answered for (DESIGN section 7, point 8).
fn answered(request: &ApplyRequest, plan: &SitePlan) -> Result<()> {
    match plan.changes.iter().find(|change| change.destructive && !request.purge.contains(&change.id)) {
        None => Ok(()),
        Some(change) => Err(Error::new(ErrorKind::Refused, format!("{} is to go from site `{}` with its data, and nobody has said so", change.id, plan.name))
            .hint(format!("`--purge {}` says so; `--if-removed keep-data` keeps the data", change.id))),
    }
}

/// A manifest that lost its lines in a merge must not empty a site (DESIGN section 7, point 8).
///
/// # Errors
/// `Refused` for more removals than a third of the elements, or than were said to be fine.
pub fn enough_stays(plan: &SitePlan, max_removals: Option<usize>) -> Result<()> {
    let removals = plan.changes.iter().filter(|change| change.action == Action::Remove).count();
    let before = plan.changes.iter().filter(|change| matches!(change.action, Action::Remove | Action::Update | Action::Repair | Action::Move)).count();
    let untouched = plan.grafts.len().saturating_sub(plan.changes.iter().filter(|change| change.action != Action::Remove).count());
    let total = before + untouched;
    if removals < 3 || removals * 3 <= total || max_removals.is_some_and(|allowed| removals <= allowed) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, format!("this would remove {removals} of the {total} elements of site `{}`", plan.name))
        .hint(format!("if that is meant, say `--max-removals {removals}`; else look at greffon.toml: were lines lost in a merge?")))
}

fn skipped(plan: &SitePlan, why: &str) -> SiteOutcome {
    SiteOutcome {
        name: plan.name.clone(),
        generation: None,
        files: FileCounts::default(),
        saved: Vec::new(),
        notes: Vec::new(),
        error: None,
        skipped: Some(why.to_owned()),
    }
}
