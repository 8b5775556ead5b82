//! Hooks around a sync or a rollback.

use std::sync::Arc;

use super::event::Happening;
use super::run::{Hooks, any, happened};
use super::{Moment, said};
use crate::command::{Workspace, bring};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::model::{Change, EXTENSIONS, Plan, SitePlan, WantedSite};
use crate::roles::{ApplyReport, Level, PlanDepth, PlanRequest};
use crate::site::Pending;

/// The moments before and after a site changes.
const BEFORE: [Moment; 3] = [Moment::BeforeSync, Moment::BeforeRemove, Moment::BeforeInstall];
const AFTER: [Moment; 3] = [Moment::AfterRemove, Moment::AfterInstall, Moment::AfterSync];

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

    /// Runs what comes before: nothing of any site is written when one of them says no. Then what will come after is recorded as
    /// pending for the generation to be, so that a kill in between loses no hook.
    ///
    /// # Errors
    /// `Refused`, a veto; `Io`.
    pub fn before_sync(&self, plans: &[SitePlan]) -> Result<()> {
        let cx = &self.workspace.machine.cx;
        for (site, hooks) in &self.sites {
            let Some(plan) = plans.iter().find(|plan| plan.name == site.name && !plan.is_empty() && plan.held.is_none()) else { continue };
            let current = self.workspace.site(site)?.current()?;
            let happening = Happening {
                changes: plan.changes.clone(),
                after: plan.grafts.clone(),
                from: current.as_ref().map(|current| current.number),
                before: current.map(|current| current.grafts).unwrap_or_default(),
                generation: None,
                reason: self.reason.clone(),
            };
            if let Err(error) = hooks.before(cx, &BEFORE, &happening) {
                hooks.on_failure(cx, &happening, &error);
                return Err(error);
            }
        }
        for (site, hooks) in &self.sites {
            let Some(plan) = plans.iter().find(|plan| plan.name == site.name && !plan.is_empty() && plan.held.is_none()) else { continue };
            self.expect(site, hooks.waiting(&AFTER, &plan.changes))?;
        }
        Ok(())
    }

    /// Records hooks for the generation to be. A site that has none yet has nothing to lose before it.
    fn expect(&self, wanted: &WantedSite, waiting: Vec<String>) -> Result<()> {
        let site = self.workspace.site(wanted)?;
        let Some(current) = site.current()? else { return Ok(()) };
        let earlier = site.pending()?.filter(|pending| pending.generation <= current.number);
        let mut hooks = earlier.map(|pending| pending.hooks).unwrap_or_default();
        add(&mut hooks, waiting);
        if hooks.is_empty() {
            return Ok(());
        }
        site.set_pending(&self.workspace.machine.cx, Some(&Pending { generation: current.number + 1, hooks, attempt: 0 }))
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
                continue;
            }
            let failure = match &outcome.error {
                Some(error) => {
                    self.settle(site)?;
                    Some(Arc::clone(error))
                }
                None => {
                    let changes = changed.map(|plan| plan.changes.clone());
                    self.finish(site, hooks, &AFTER, changes.as_deref()).err().map(Arc::new)
                }
            };
            if let Some(error) = failure {
                let happening = Happening {
                    changes: changed.map(|plan| plan.changes.clone()).unwrap_or_default(),
                    generation: outcome.generation,
                    reason: self.reason.clone(),
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
        let current = site.current()?.map(|current| current.number);
        match site.pending()? {
            Some(pending) if current.is_none_or(|current| pending.generation > current) => site.set_pending(&self.workspace.machine.cx, None),
            _ => Ok(()),
        }
    }

    /// Runs the after-hooks: those of these changes, and those that were pending for the generation in place.
    fn finish(&self, wanted: &WantedSite, hooks: &Hooks<'_>, moments: &[Moment], changes: Option<&[Change]>) -> Result<()> {
        let site = self.workspace.site(wanted)?;
        let Some(current) = site.current()? else { return Ok(()) };
        let mut pending = Pending { generation: current.number, hooks: Vec::new(), attempt: 0 };
        // What an earlier generation left undone still is.
        if let Some(earlier) = site.pending()?.filter(|pending| pending.generation <= current.number) {
            pending.attempt = if earlier.generation == current.number { earlier.attempt } else { 0 };
            pending.hooks = earlier.hooks;
        }
        if let Some(changes) = changes {
            add(&mut pending.hooks, hooks.waiting(moments, changes));
        }
        if pending.hooks.is_empty() {
            return site.set_pending(&self.workspace.machine.cx, None);
        }
        let mut happening = happened(&site, &self.reason)?;
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
        hooks.after(&self.workspace.machine.cx, &site, pending, &later, &happening)
    }

    /// Before a rollback of the one site: a veto leaves everything as it is.
    ///
    /// # Errors
    /// `Refused`, a veto.
    pub fn before_rollback(&self, happening: &Happening) -> Result<()> {
        for (site, hooks) in &self.sites {
            hooks.before(&self.workspace.machine.cx, &[Moment::BeforeRollback], happening)?;
            self.expect(site, hooks.waiting(&[Moment::AfterRollback], &happening.changes))?;
        }
        Ok(())
    }

    /// After it.
    ///
    /// # Errors
    /// The hook that failed.
    pub fn after_rollback(&self, changes: &[Change]) -> Result<()> {
        for (site, hooks) in &self.sites {
            self.finish(site, hooks, &[Moment::AfterRollback], Some(changes))?;
        }
        Ok(())
    }

    /// Tells `on-failure` hooks of what ended the run.
    pub fn failed(&self, error: &Error) {
        for (_, hooks) in &self.sites {
            hooks.on_failure(&self.workspace.machine.cx, &Happening { reason: self.reason.clone(), ..Happening::default() }, error);
        }
    }
}

fn add(hooks: &mut Vec<String>, further: Vec<String>) {
    for title in further {
        if !hooks.contains(&title) {
            hooks.push(title);
        }
    }
}

/// A plan with the hooks around resolving and fetching; without such hooks it is the client's plan alone. What can destroy data is
/// marked.
///
/// # Errors
/// As [`crate::roles::Client::plan`]; `Refused`, a veto.
pub fn resolving(workspace: &Workspace, manifest: &Manifest, request: &PlanRequest) -> Result<Plan> {
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
