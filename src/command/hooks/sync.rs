//! Hooks around a sync or a rollback.

use std::sync::Arc;

use super::event::Happening;
use super::run::{Hooks, any, goes_with_its_data, happened};
use super::{Moment, data, said};
use crate::command::sync::Options;
use crate::command::{Workspace, bring};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{Change, EXTENSIONS, ElementId, Entry, FileMode, ObjectId, Plan, SitePlan, WantedSite};
use crate::roles::{ApplyReport, Level, PlanDepth, PlanRequest};
use crate::site::{Pending, Presence, Site};

/// The moments before and after a site changes.
const BEFORE: [Moment; 3] = [Moment::BeforeSync, Moment::BeforeRemove, Moment::BeforeInstall];
const AFTER: [Moment; 3] = [Moment::AfterRemove, Moment::AfterInstall, Moment::AfterSync];

/// Makes sure that every file can be read that stands otherwise in a site than in a tree.
///
/// # Errors
/// `Git`, `Io`, `Interrupted`.
pub fn can_be_read(workspace: &Workspace, site: &Site, tree: ObjectId) -> Result<()> {
    let cx = &workspace.machine.cx;
    if site.presence()? == Presence::Elsewhere {
        return Ok(());
    }
    let wanted: Vec<Entry> = site.changes(cx, tree)?.into_iter().filter_map(|change| change.new).collect();
    let room = &workspace.machine.stockroom;
    room.files().ensure(cx, room.objects(), &wanted)?;
    for link in wanted.iter().filter(|entry| entry.mode == FileMode::Symlink) {
        room.objects().blob(link.id)?;
    }
    Ok(())
}

/// The hooks of every site of a run.
#[derive(Debug)]
pub struct Around<'a> {
    workspace: &'a Workspace,
    reason: String,
    sites: Vec<(&'a WantedSite, Hooks<'a>)>,
}

impl<'a> Around<'a> {
    /// Loads the hooks of these sites; those without any cost nothing.
    ///
    /// # Errors
    /// As [`Hooks::load`].
    pub fn load(workspace: &'a Workspace, manifest: &'a Manifest, names: &[&str], reason: &str) -> Result<Self> {
        let mut sites = Vec::new();
        // Hooks that wait and were since taken out of the manifest are told and let go.
        let waits = |site: &WantedSite| workspace.site(site).and_then(|site| site.pending()).is_ok_and(|pending| pending.is_some());
        for site in manifest.sites.iter().filter(|site| names.contains(&site.name.as_str()) && (any(manifest, &site.name) || waits(site))) {
            sites.push((site, Hooks::load(workspace, manifest, site)?));
        }
        Ok(Self { workspace, reason: reason.to_owned(), sites })
    }

    /// Unpacks what the sites that have hooks will need: what cannot be read stops the run before a hook changes anything.
    ///
    /// # Errors
    /// `Git`, `Io`, `Interrupted`.
    pub fn readable(&self, plans: &[SitePlan], options: &Options) -> Result<()> {
        for (site, _) in &self.sites {
            let tree = changing(plans, site, options).and_then(|plan| plan.tree);
            if let Some(tree) = tree {
                can_be_read(self.workspace, &self.workspace.site(site)?, tree)?;
            }
        }
        Ok(())
    }

    /// Runs what comes before: nothing of any site is written when one of them says no. Then what will come after is recorded as
    /// pending for the generation to be, so that a kill in between loses no hook.
    ///
    /// # Errors
    /// `Refused`, a veto; `Io`.
    pub fn before_sync(&self, plans: &[SitePlan], options: &Options) -> Result<()> {
        let cx = &self.workspace.machine.cx;
        let mut begun: Vec<(&Hooks<'_>, Happening)> = Vec::new();
        for (site, hooks) in &self.sites {
            let Some(plan) = changing(plans, site, options) else { continue };
            let place = self.workspace.site(site)?;
            if place.presence()? == Presence::Elsewhere {
                continue;
            }
            let current = place.current()?;
            let downgrades = if options.data_restored { Vec::new() } else { data::downgrades(self.workspace, &place, &plan.grafts)?.0 };
            let happening = Happening {
                changes: plan.changes.clone(),
                after: plan.grafts.clone(),
                from: current.as_ref().map(|current| current.number),
                before: current.map(|current| current.grafts).unwrap_or_default(),
                reason: self.reason.clone(),
                downgrades,
                pending: waits(&place)?,
                ..Happening::default()
            };
            begun.push((hooks, happening));
            let (hooks, happening) = &begun[begun.len() - 1];
            if let Err(error) = hooks.before(cx, &BEFORE, happening) {
                // Every site that was made ready for a change that does not come.
                for (hooks, happening) in &begun {
                    hooks.on_failure(cx, happening, &error);
                }
                return Err(error);
            }
        }
        for (hooks, happening) in &begun {
            let purged: Vec<ElementId> = happening.changes.iter().filter(|change| goes_with_its_data(change)).map(|change| change.id.clone()).collect();
            if purged.is_empty() {
                continue;
            }
            if let Err(error) = hooks.purge(cx, happening) {
                for (hooks, happening) in &begun {
                    hooks.on_failure(cx, happening, &error);
                }
                return Err(error);
            }
            if let Some((site, _)) = self.sites.iter().find(|(site, _)| site.name == hooks.site_name()) {
                data::destroyed(cx, &self.workspace.site(site)?, &purged)?;
            }
        }
        for (site, hooks) in &self.sites {
            let Some(plan) = changing(plans, site, options) else { continue };
            self.expect(site, hooks.waiting(&AFTER, &plan.changes), &plan.changes, None, |earlier| earlier)?;
        }
        Ok(())
    }

    /// Records hooks for the generation to be.
    fn expect(
        &self,
        wanted: &WantedSite,
        waiting: Vec<String>,
        changes: &[Change],
        back_to: Option<u64>,
        left: impl Fn(Vec<String>) -> Vec<String>,
    ) -> Result<()> {
        let site = self.workspace.site(wanted)?;
        let current = site.current()?;
        if current.is_none() && site.presence()? != Presence::Absent {
            return Ok(());
        }
        let earlier = left_over(&site)?;
        let mut expected = Pending {
            generation: current.map_or(0, |current| current.number) + 1,
            hooks: left(earlier.as_ref().map(|pending| pending.hooks.clone()).unwrap_or_default()),
            changes: earlier.as_ref().map(|pending| pending.changes.clone()).unwrap_or_default(),
            back_to,
            reason: Some(self.reason.clone()),
            ..Pending::default()
        };
        add(&mut expected, waiting, changes);
        if expected.hooks.is_empty() {
            return Ok(());
        }
        expected.earlier = earlier.map(Box::new);
        site.set_pending(&self.workspace.machine.cx, Some(&expected))
    }

    /// Runs what comes after, and what is still pending from before; a failure becomes the site's.
    ///
    /// # Errors
    /// `Io`.
    pub fn after_sync(&self, plans: &[SitePlan], report: &mut ApplyReport) -> Result<()> {
        for (site, hooks) in &self.sites {
            let Some(outcome) = report.sites.iter_mut().find(|outcome| outcome.name == site.name) else { continue };
            let changed = plans.iter().find(|plan| plan.name == site.name && !plan.is_empty());
            if outcome.skipped.is_some() {
                // One that was rolled back is left alone, but for what its rollback left undone.
                let place = self.workspace.site(site)?;
                let waits = place.held()?.is_some() && !waits(&place)?.is_empty();
                if waits && let Err(error) = self.finish(site, hooks, &AFTER, None, false) {
                    outcome.error = Some(Arc::new(error));
                } else if changed.is_some_and(|plan| plan.held.is_none()) && place.presence()? != Presence::Elsewhere {
                    // Made ready for a change that does not come.
                    self.settle(site)?;
                    let why = Error::new(ErrorKind::Refused, outcome.skipped.clone().unwrap_or_default());
                    hooks.on_failure(&self.workspace.machine.cx, &Happening { reason: self.reason.clone(), ..Happening::default() }, &why);
                }
                continue;
            }
            let failure = match &outcome.error {
                Some(error) => {
                    self.settle(site)?;
                    Some(Arc::clone(error))
                }
                None => {
                    let changes = changed.map(|plan| plan.changes.clone());
                    self.finish(site, hooks, &AFTER, changes.as_deref(), false).err().map(Arc::new)
                }
            };
            if let Some(error) = failure {
                let happening = Happening {
                    changes: changed.map(|plan| plan.changes.clone()).unwrap_or_default(),
                    generation: outcome.generation,
                    reason: self.reason.clone(),
                    applied: outcome.error.is_none(),
                    pending: waits(&self.workspace.site(site)?)?,
                    ..Happening::default()
                };
                hooks.on_failure(&self.workspace.machine.cx, &happening, &error);
                outcome.error = Some(error);
            }
        }
        Ok(())
    }

    /// What was expected of a generation that never came is no longer pending.
    fn settle(&self, wanted: &WantedSite) -> Result<()> {
        let site = self.workspace.site(wanted)?;
        site.set_pending(&self.workspace.machine.cx, left_over(&site)?.as_ref())
    }

    /// Runs the after-hooks: those of these changes, and those that were pending for the generation in place.
    fn finish(&self, wanted: &WantedSite, hooks: &Hooks<'_>, moments: &[Moment], changes: Option<&[Change]>, data_restored: bool) -> Result<()> {
        let site = self.workspace.site(wanted)?;
        let Some(current) = site.current()? else { return Ok(()) };
        let mut pending = Pending { generation: current.number, ..Pending::default() };
        // What an earlier generation left undone still is.
        if let Some(earlier) = left_over(&site)? {
            if earlier.generation == current.number {
                (pending.attempt, pending.back_to) = (earlier.attempt, earlier.back_to);
            }
            (pending.hooks, pending.changes, pending.reason) = (earlier.hooks, earlier.changes, earlier.reason);
        }
        if let Some(changes) = changes {
            add(&mut pending, hooks.waiting(moments, changes), changes);
            pending.reason = Some(self.reason.clone());
        }
        if pending.hooks.is_empty() {
            return site.set_pending(&self.workspace.machine.cx, None);
        }
        let mut happening = happened(&site, pending.reason.as_deref().unwrap_or(&self.reason))?;
        happening.back_to = pending.back_to;
        if !data_restored {
            happening.downgrades = data::downgrades(self.workspace, &site, &current.grafts)?.0;
        }
        if let Some(changes) = changes {
            happening.changes = changes.to_vec();
        }
        // The files are back: what the generation that was left still wanted done is for the next sync, and stands in nobody's way.
        let mut later = Vec::new();
        if moments == [Moment::AfterRollback] {
            let own = hooks.titles_of(Moment::AfterRollback);
            (pending.hooks, later) = pending.hooks.into_iter().partition(|title| own.contains(title));
            for title in &later {
                self.workspace.machine.cx.log(Level::Warning, format!("{}: `{title}` was not done and stays pending; the next sync runs it", wanted.name));
            }
        }
        let went_back = pending.back_to.is_some();
        hooks.after(&self.workspace.machine.cx, &site, pending, &later, &happening).map_err(|error| self.ways_on(error, &site, wanted, &happening, went_back))
    }

    /// How to go on from a hook that failed, and how to go back where that is to be had.
    fn ways_on(&self, error: Error, site: &Site, wanted: &WantedSite, happening: &Happening, went_back: bool) -> Error {
        let again = format!("mend the cause and run `greffon sync --site {0}` again", wanted.name);
        let Some(from) = happening.from.filter(|_| !went_back) else { return error.hint(again) };
        let back = format!("greffon rollback --site {}", wanted.name);
        match data::downgrades(self.workspace, site, &happening.before) {
            Ok((downgrades, true)) if !downgrades.is_empty() => error.hint(again).hint(format!(
                "to go back, the data of generation {from} must be put back too ({}): `{back}` where a hook restores them, `{back} --data-restored` once that was done by hand",
                data::told(&downgrades)
            )),
            _ => error.hint(format!("{again}, or go back with `{back}`")),
        }
    }

    /// Before a rollback of the one site: a veto leaves everything as it is.
    ///
    /// # Errors
    /// `Refused`, a veto.
    pub fn before_rollback(&self, happening: &Happening) -> Result<()> {
        let cx = &self.workspace.machine.cx;
        for (site, hooks) in &self.sites {
            let happening = Happening { pending: waits(&self.workspace.site(site)?)?, ..happening.clone() };
            if let Err(error) = hooks.before(cx, &[Moment::BeforeRollback], &happening) {
                hooks.on_failure(cx, &happening, &error);
                return Err(error);
            }
            let waiting = hooks.waiting(&[Moment::AfterRollback], &happening.changes);
            self.expect(site, waiting, &happening.changes, happening.generation, |earlier| hooks.left_after_rollback(earlier))?;
        }
        Ok(())
    }

    /// When a rollback failed before it changed a file.
    ///
    /// # Errors
    /// `Io`.
    pub fn rollback_failed(&self, error: &Error) -> Result<()> {
        for (site, hooks) in &self.sites {
            self.settle(site)?;
            let pending = waits(&self.workspace.site(site)?)?;
            hooks.on_failure(&self.workspace.machine.cx, &Happening { reason: self.reason.clone(), pending, ..Happening::default() }, error);
        }
        Ok(())
    }

    /// After it.
    ///
    /// # Errors
    /// The hook that failed.
    pub fn after_rollback(&self, changes: &[Change], data_restored: bool) -> Result<()> {
        for (site, hooks) in &self.sites {
            self.finish(site, hooks, &[Moment::AfterRollback], Some(changes), data_restored)?;
        }
        Ok(())
    }

    /// Whether a hook has a say before a rollback.
    #[must_use]
    pub fn looks_before_rollback(&self) -> bool {
        self.sites.iter().any(|(_, hooks)| hooks.has(Moment::BeforeRollback))
    }

    /// Tells `on-failure` hooks of what ended the run.
    pub fn failed(&self, error: &Error) {
        for (site, hooks) in &self.sites {
            let pending = self.workspace.site(site).and_then(|site| waits(&site)).unwrap_or_default();
            hooks.on_failure(&self.workspace.machine.cx, &Happening { reason: self.reason.clone(), pending, ..Happening::default() }, error);
        }
    }
}

/// The plan of a site that a run will change.
fn changing<'p>(plans: &'p [SitePlan], site: &WantedSite, options: &Options) -> Option<&'p SitePlan> {
    plans.iter().find(|plan| plan.name == site.name && !plan.is_empty() && (plan.held.is_none() || options.release))
}

/// What waits for the generation in place, or one before it; what was only expected of one that never came does not.
fn left_over(site: &Site) -> Result<Option<Pending>> {
    let current = site.current()?.map(|current| current.number);
    Ok(site.pending()?.and_then(|pending| pending.left_over(current)))
}

/// The titles of that.
fn waits(site: &Site) -> Result<Vec<String>> {
    Ok(left_over(site)?.map(|pending| pending.hooks).unwrap_or_default())
}

/// Has further hooks wait, and tells them of changes; of what happened to an element more than once the last counts.
fn add(pending: &mut Pending, further: Vec<String>, changes: &[Change]) {
    pending.changes.retain(|title, _| pending.hooks.contains(title));
    for title in further {
        let told = pending.changes.entry(title.clone()).or_default();
        told.retain(|earlier| !changes.iter().any(|change| change.id == earlier.id));
        told.extend_from_slice(changes);
        if !pending.hooks.contains(&title) {
            pending.hooks.push(title);
        }
    }
}

/// A plan with the hooks around resolving and fetching; without such hooks it is the client's plan alone. What can destroy data is
/// marked.
///
/// # Errors
/// As [`crate::roles::Client::plan`]; `Refused`, a veto.
pub fn resolving(workspace: &Workspace, manifest: &Manifest, request: &PlanRequest) -> Result<Plan> {
    let _held = workspace.hold_stock()?;
    // Extensions are chosen apart from the sites, by greffon's own client.
    let extensions = bring::resolved(workspace, manifest, request)?;
    let own = PlanRequest { update: bring::of_sites(&request.update), lock: bring::without(&request.lock), ..request.clone() };
    let mut plan = around(workspace, manifest, &own)?;
    if let Some(extensions) = extensions {
        let before = workspace.lock.elements.iter().filter(|(key, _)| key.id.kind() == EXTENSIONS);
        plan.lock_changed |= !workspace.brought.is_empty() || !before.eq(&extensions.elements);
        plan.lock.elements.extend(extensions.elements);
    }
    Ok(plan)
}

fn around(workspace: &Workspace, manifest: &Manifest, request: &PlanRequest) -> Result<Plan> {
    let mut plan = planned(workspace, manifest, request)?;
    crate::command::removed::mark(workspace, manifest, &mut plan)?;
    Ok(plan)
}

fn planned(workspace: &Workspace, manifest: &Manifest, request: &PlanRequest) -> Result<Plan> {
    let (cx, client) = (&workspace.machine.cx, &workspace.roles.client);
    let moments = [Moment::BeforeResolve, Moment::AfterResolve, Moment::BeforeFetch, Moment::AfterFetch];
    let asked = |site: &&WantedSite| request.only.is_empty() || request.only.contains(&site.name);
    let mut sites = Vec::new();
    for site in manifest.sites.iter().filter(asked) {
        if said::of_site(manifest, &site.name).iter().any(|said| moments.contains(&said.moment)) {
            sites.push(Hooks::load(workspace, manifest, site)?);
        }
    }
    if sites.is_empty() {
        return client.plan(cx, request);
    }
    let run = |moment: Moment, plan: Option<&Plan>| -> Result<()> {
        for hooks in sites.iter().filter(|hooks| hooks.has(moment)) {
            let changes = plan.and_then(|plan| plan.sites.iter().find(|plan| plan.name == hooks.site_name())).map(|plan| plan.changes.clone());
            hooks.before(cx, &[moment], &Happening { changes: changes.unwrap_or_default(), reason: moment.key().to_owned(), ..Happening::default() })?;
        }
        Ok(())
    };
    run(Moment::BeforeResolve, None)?;
    let fetches = matches!(request.depth, PlanDepth::Fetch | PlanDepth::Compose);
    let resolved = client.plan(cx, &PlanRequest { depth: if fetches { PlanDepth::Peek } else { request.depth }, ..request.clone() })?;
    run(Moment::AfterResolve, Some(&resolved))?;
    if !fetches {
        return Ok(resolved);
    }
    run(Moment::BeforeFetch, Some(&resolved))?;
    let fetched = client.plan(cx, request)?;
    run(Moment::AfterFetch, Some(&fetched))?;
    Ok(fetched)
}
