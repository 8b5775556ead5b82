//! `sync`: the sites made as wanted. `install` and `uninstall` are `add` and `remove` with this after them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::plan::{SAVED, SavedPlan};
use super::{Workspace, add, hooks, plan, remove};
use crate::builtin::client::{enough_stays, read_lock};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{Action, Change, Digest, FileCounts, IfLocalChanges, IfRemoved, IfVersionMismatch, LinkMode, Plan, SitePlan, WantedSite};
use crate::roles::{ApplyReport, ApplyRequest, PlanDepth, UpdateChoice};
use crate::site::Presence;
use crate::sys::{fs, places};

/// What `sync` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Carry out this saved plan.
    pub plan: Option<PathBuf>,
    /// Go on with a held site, and take the hold away.
    pub release: bool,
    /// Fill paths that do not exist also under `--all`.
    pub create: bool,
    /// How many removals are fine.
    pub max_removals: Option<usize>,
    /// `TYPE/NAME` whose data may be destroyed.
    pub purge: Vec<String>,
    /// The canary.
    pub first: Option<String>,
    /// How many sites may fail before the rest is left.
    pub max_fail: Option<usize>,
    /// Overrides the sites' link mode.
    pub link_mode: Option<LinkMode>,
    /// Overrides `if-local-changes`.
    pub if_local_changes: Option<IfLocalChanges>,
    /// Overrides `if-version-mismatch`.
    pub if_version_mismatch: Option<IfVersionMismatch>,
    /// Overrides `if-removed`.
    pub if_removed: Option<IfRemoved>,
    /// The application's data were put back by hand: they are no longer too new for older code.
    pub data_restored: bool,
    /// What the generation's message says.
    pub reason: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/sync/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SiteReport>,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Report {
    /// Whether a site failed by damage to what the stock holds.
    #[must_use]
    pub fn met_damage(&self) -> bool {
        self.sites.iter().any(SiteReport::met_damage)
    }

    /// This report with what a second try made of the sites that met damage.
    #[must_use]
    pub fn then(self, second: Self) -> Self {
        let mut first: Vec<SiteReport> = self.sites.into_iter().filter(|site| site.state == SiteResult::Synced).collect();
        let sites = second.sites.into_iter().map(|site| match first.iter().position(|done| done.name == site.name) {
            Some(at) if site.state == SiteResult::Unchanged => first.swap_remove(at),
            _ => site,
        });
        Self { sites: sites.collect(), ..second }
    }
}

/// What became of one site.
#[derive(Debug, Clone, Serialize)]
pub struct SiteReport {
    /// Its name.
    pub name: String,
    /// In one word.
    pub state: SiteResult,
    /// The generation now in place; of a site that failed only where its files were changed all the same.
    pub generation: Option<u64>,
    /// Element by element.
    pub changes: Vec<Change>,
    /// What was done to its files.
    pub files: FileCounts,
    /// How many elements it is made of.
    pub elements: usize,
    /// Files put aside.
    pub saved: Vec<String>,
    /// Warnings, and why it was skipped.
    pub notes: Vec<String>,
    /// Why it is held, if it is.
    pub held: Option<String>,
    /// Why it failed, in one line.
    pub error: Option<String>,
    /// Why it failed, whole.
    #[serde(skip)]
    pub failure: Option<Arc<Error>>,
}

impl SiteReport {
    fn met_damage(&self) -> bool {
        self.failure.as_ref().is_some_and(|error| error.is_by_damage())
    }
}

/// A site's result in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteResult {
    /// It is now as wanted.
    Synced,
    /// It was as wanted.
    Unchanged,
    /// It was left as it is: held, elsewhere, or after others failed.
    Skipped,
    /// It is as it was.
    Failed,
    /// A rehearsal: it would change.
    Planned,
}

/// Asks whether a plan is to be carried out. Called only where somebody is there to answer.
pub type Confirm<'a> = &'a dyn Fn(&plan::Report) -> Result<bool>;

/// Plans and applies.
///
/// # Errors
/// What made planning fail; `Refused` when the answer was no. What happened to single sites is in the report.
pub fn run(workspace: &Workspace, options: &Options, confirm: Confirm<'_>) -> Result<Report> {
    let sites = workspace.chosen(true)?;
    let _held = workspace.hold_stock()?;
    if let Some(file) = &options.plan {
        let made = load(workspace, &sites, file)?;
        return carry_out(workspace, &workspace.manifest, made, options, confirm, "sync of a saved plan");
    }
    all_there(workspace, &sites, options)?;
    let made = workspace.plan(&sites, depth(workspace), UpdateChoice::Keep)?;
    carry_out(workspace, &workspace.manifest, made, options, confirm, "sync")
}

/// Under `--all` no site is made unasked; that is told before anything is fetched, unless so many failures are fine.
fn all_there(workspace: &Workspace, sites: &[&WantedSite], options: &Options) -> Result<()> {
    if may_create(workspace, options) || workspace.globals.dry_run {
        return Ok(());
    }
    let mut missing = Vec::new();
    for wanted in sites {
        if workspace.site(wanted)?.presence()? == Presence::Absent {
            missing.push(*wanted);
        }
    }
    if missing.len() < options.max_fail.unwrap_or(1).max(1) {
        return Ok(());
    }
    let paths = missing.iter().map(|site| format!("`{}` is not at `{}`", site.name, site.path.display())).collect::<Vec<_>>();
    let what = if let [one] = paths.as_slice() { format!("site {one} yet") } else { format!("{} sites are not there yet", paths.len()) };
    let error = Error::new(ErrorKind::Site, format!("{what}, and `--all` makes none unasked; nothing was fetched"))
        .hint(format!("say `--create` to make {}, or name the sites with `--site`", if paths.len() == 1 { "it" } else { "them" }));
    Err(if paths.len() == 1 { error } else { paths.into_iter().fold(error, Error::note) })
}

/// Whether paths that do not exist may be made: where the site is named, or the only one, or that is said.
fn may_create(workspace: &Workspace, options: &Options) -> bool {
    options.create || !workspace.globals.all || workspace.manifest.sites.len() == 1
}

/// `install`: the elements into manifest and lock, then a sync.
///
/// # Errors
/// As [`add::run`] and [`run`]. Manifest and lock are written only once everything is fetched.
pub fn install(workspace: &Workspace, elements: &add::Options, options: &Options, confirm: Confirm<'_>) -> Result<(add::Report, Report)> {
    let sites = workspace.chosen(true)?;
    let _held = workspace.hold_stock()?;
    all_there(workspace, &sites, options)?;
    let edited = add::prepare(workspace, elements)?;
    let made = plan_edited(workspace, &edited.manifest, &edited.lock, &sites)?;
    let reason = format!("install {}", elements.elements.join(" "));
    let report = carry_out(workspace, &edited.manifest, made, options, confirm, &reason)?;
    Ok((edited.report, report))
}

/// `uninstall`: the elements out of manifest and lock, then a sync.
///
/// # Errors
/// As [`remove::run`] and [`run`].
pub fn uninstall(workspace: &Workspace, elements: &remove::Options, options: &Options, confirm: Confirm<'_>) -> Result<(remove::Report, Report)> {
    let sites = workspace.chosen(true)?;
    let _held = workspace.hold_stock()?;
    let edited = remove::prepare(workspace, elements)?;
    let made = plan_edited(workspace, &edited.manifest, &edited.lock, &sites)?;
    let reason = format!("uninstall {}", elements.elements.join(" "));
    let named = Options { max_removals: options.max_removals.or(Some(edited.report.removed.len() + edited.report.changes.len())), ..options.clone() };
    let report = carry_out(workspace, &edited.manifest, made, &named, confirm, &reason)?;
    Ok((edited.report, report))
}

fn plan_edited(workspace: &Workspace, manifest: &Manifest, lock: &crate::model::Lock, sites: &[&WantedSite]) -> Result<Plan> {
    let mut request = workspace.request(sites, depth(workspace), UpdateChoice::Keep);
    request.wanted.clone_from(&manifest.sites);
    request.lock = lock.clone();
    hooks::resolving(workspace, manifest, &request)
}

fn depth(workspace: &Workspace) -> PlanDepth {
    if workspace.globals.dry_run { PlanDepth::Peek } else { PlanDepth::Compose }
}

fn carry_out(workspace: &Workspace, manifest: &Manifest, mut made: Plan, options: &Options, confirm: Confirm<'_>, reason: &str) -> Result<Report> {
    let names: Vec<&str> = made.sites.iter().map(|site| site.name.as_str()).collect();
    let around = hooks::Around::load(workspace, manifest, &names, reason)?;
    // Whatever of the flags is wrong is told before anything is written.
    let purge = options.purge.iter().map(|name| super::removed::meant(workspace, &made, name)).collect::<Result<Vec<_>>>()?;
    if let Some(first) = &options.first
        && !made.sites.iter().any(|site| site.name == *first)
    {
        return Err(Error::new(ErrorKind::Usage, format!("`--first {}` is none of the chosen sites", first.escape_debug())));
    }
    super::security::admit(workspace, &mut made)?;
    let mut wanted = manifest.sites.clone();
    for site in &mut wanted {
        if let Some(mode) = options.link_mode {
            site.link_mode = mode;
        }
        if let Some(answer) = options.if_local_changes {
            site.policy.if_local_changes = answer;
        }
        if let Some(answer) = options.if_version_mismatch {
            (site.policy.if_version_mismatch, site.policy.version_mismatch_said) = (answer, true);
        }
        if let Some(answer) = options.if_removed {
            site.policy.if_removed = answer;
        }
    }
    if workspace.globals.dry_run {
        let policy = |name: &str| wanted.iter().find(|site| site.name == name).map_or(IfLocalChanges::Abort, |site| site.policy.if_local_changes);
        let sites = made.sites.iter().map(|plan| planned(plan, policy(&plan.name), options.release)).collect();
        return Ok(Report { schema: "greffon/sync/1", sites, dry_run: true, warnings: made.warnings });
    }
    // Hooks that run before a removal may destroy what cannot be had back: everything that would stop the sync stops it first.
    for plan in made.sites.iter().filter(|plan| plan.held.is_none() || options.release) {
        enough_stays(plan, options.max_removals)?;
    }
    let purge = super::removed::settle(workspace, manifest, &wanted, &mut made, options, purge)?;
    let answers = super::mismatch::settle(workspace, &wanted, &mut made, options.release)?;
    let recorded_as = super::overtaken::settle(workspace, &wanted, &mut made, &answers, options.release)?;
    let warnings = made.warnings.clone();
    if needs_consent(&made)
        && workspace.machine.cx.prompter().is_present()
        && (!workspace.globals.yes || destructive(&made))
        && !confirm(&plan::report(made.clone(), false))?
    {
        return Err(Error::new(ErrorKind::Refused, "nothing was done").hint("answer yes, or say `-y`"));
    }
    around.readable(&made.sites, options)?;
    around.before_sync(&made.sites, options)?;
    workspace.write(Some(&manifest.text), Some(&made.lock))?;
    let request = ApplyRequest {
        sites: made.sites.clone(),
        wanted,
        lock: recorded_as,
        manifest: manifest.text.clone(),
        policy: None,
        release: options.release,
        relink: options.link_mode.is_some(),
        max_removals: options.max_removals,
        purge,
        answers,
        create: may_create(workspace, options),
        jobs: workspace.globals.jobs.or(workspace.machine.user.jobs).unwrap_or(2),
        first: options.first.clone(),
        max_fail: options.max_fail.unwrap_or(1),
        reason: options.reason.clone().unwrap_or_else(|| reason.to_owned()),
    };
    let mut applied = workspace.roles.client.apply(&workspace.machine.cx, &request).inspect_err(|error| around.failed(error))?;
    around.after_sync(&made.sites, &mut applied)?;
    prune(workspace, manifest, &applied)?;
    Ok(Report { schema: "greffon/sync/1", sites: results(workspace, manifest, &request.wanted, &made.sites, applied), dry_run: false, warnings })
}

/// A plan that removes, changes the core or can destroy data is shown and asked about.
fn needs_consent(made: &Plan) -> bool {
    made.sites.iter().flat_map(|site| &site.changes).any(|change| {
        change.destructive || change.action == Action::Remove || (change.id.kind() == "core" && matches!(change.action, Action::Update | Action::Move))
    })
}

fn destructive(made: &Plan) -> bool {
    made.sites.iter().flat_map(|site| &site.changes).any(|change| change.destructive)
}

fn planned(site: &SitePlan, policy: IfLocalChanges, release: bool) -> SiteReport {
    let held = site.held.as_ref().filter(|_| !release);
    let state = match held {
        Some(_) => SiteResult::Skipped,
        None if site.is_empty() => SiteResult::Unchanged,
        None => SiteResult::Planned,
    };
    let mut notes: Vec<String> = held.iter().map(|why| format!("held: {why}")).collect();
    notes.extend(site.notes.iter().chain(&site.contained).cloned());
    notes.extend(plan::by_hand(&site.by_hand, policy));
    SiteReport {
        name: site.name.clone(),
        state,
        generation: None,
        changes: site.changes.clone(),
        files: site.files.unwrap_or_default(),
        elements: site.download_map.len(),
        saved: Vec::new(),
        notes,
        held: site.held.clone(),
        error: None,
        failure: None,
    }
}

/// What there is of a site that this run left as it is.
fn in_place(workspace: &Workspace, wanted: Option<&WantedSite>) -> Option<u64> {
    let site = workspace.site(wanted?).ok()?;
    if site.presence().ok()? == Presence::Elsewhere { None } else { site.current().ok()?.map(|generation| generation.number) }
}

fn results(workspace: &Workspace, manifest: &Manifest, wanted: &[WantedSite], plans: &[SitePlan], applied: ApplyReport) -> Vec<SiteReport> {
    let mut sites = Vec::with_capacity(plans.len());
    for outcome in applied.sites {
        let plan = plans.iter().find(|plan| plan.name == outcome.name);
        let wanted = wanted.iter().find(|site| site.name == outcome.name);
        let mut changes = plan.map(|plan| plan.changes.clone()).unwrap_or_default();
        // Where edits stay nothing is put right.
        let kept = wanted.is_some_and(|site| site.policy.if_local_changes == IfLocalChanges::Keep) && outcome.error.is_none();
        let before = changes.len();
        changes.retain(|change| !kept || change.action != Action::Repair);
        let stays = changes.len() < before;
        let state = match (&outcome.error, &outcome.skipped) {
            (Some(_), _) => SiteResult::Failed,
            (None, Some(_)) => SiteResult::Skipped,
            (None, None) if (plan.is_some_and(SitePlan::is_empty) || stays && changes.is_empty()) && outcome.files == FileCounts::default() => {
                SiteResult::Unchanged
            }
            (None, None) => SiteResult::Synced,
        };
        let mut notes = outcome.notes;
        notes.extend(outcome.skipped);
        if stays {
            notes.push("what was changed by hand stays as it is; `greffon status` shows it".to_owned());
        }
        // Nobody else has it: the client gave its report away.
        let failure = outcome.error.map(|error| Arc::try_unwrap(error).map_or_else(|shared| shared, |error| Arc::new(manifest.at_site(error, &outcome.name))));
        sites.push(SiteReport {
            name: outcome.name,
            state,
            generation: outcome.generation.or_else(|| if state == SiteResult::Skipped { in_place(workspace, wanted) } else { None }),
            changes,
            files: outcome.files,
            elements: plan.map_or(0, |plan| plan.download_map.len()),
            saved: outcome.saved,
            notes,
            held: plan.and_then(|plan| plan.held.clone()),
            error: failure.as_ref().map(|error| error.message().to_owned()),
            failure,
        });
    }
    sites
}

/// `keep = N`: older generations go, and their pins with them.
fn prune(workspace: &Workspace, manifest: &Manifest, applied: &ApplyReport) -> Result<()> {
    for outcome in applied.sites.iter().filter(|outcome| outcome.error.is_none() && outcome.skipped.is_none()) {
        let Some(wanted) = manifest.sites.iter().find(|site| site.name == outcome.name) else { continue };
        let Some(keep) = wanted.keep else { continue };
        let site = workspace.site(wanted)?;
        let dropped = site.prune(&workspace.machine.cx, keep)?;
        if let Some(id) = site.id()? {
            for number in dropped {
                workspace.roles.stock.unpin(&workspace.machine.cx, &id, Some(number))?;
            }
        }
    }
    Ok(())
}

/// Reads a saved plan, and refuses one that no longer belongs to what stands here.
fn load(workspace: &Workspace, sites: &[&WantedSite], file: &std::path::Path) -> Result<Plan> {
    let path = places::absolute(file)?;
    let text = fs::read_text(&path, 256 << 20)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no plan `{}`", path.display())).hint("`greffon plan --out FILE` makes one"))?;
    let saved: SavedPlan = serde_json::from_str(&text).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("`{}` is not a saved plan", path.display())).caused_by(error).hint("make one with `greffon plan --out FILE`")
    })?;
    if saved.schema != SAVED {
        return Err(Error::new(ErrorKind::Newer, format!("`{}` was written by another greffon (schema `{}`)", path.display(), saved.schema.escape_debug())));
    }
    let stale = |what: &str| {
        Error::new(ErrorKind::Invalid, format!("the plan no longer holds: {what} since it was made")).hint("make a new one with `greffon plan --out FILE`")
    };
    if saved.manifest != Digest::of(workspace.manifest.text.as_bytes()) {
        return Err(stale("greffon.toml has changed"));
    }
    let (lock, _) = read_lock(&path, &saved.lock, &workspace.base())?;
    // As it stood, or as the plan itself would leave it but for what a first fetch teaches (trees, digests).
    let untouched = saved.lock_before == workspace.lock_text.as_deref().map(|text| Digest::of(text.as_bytes()));
    let locked = &workspace.lock;
    let reached = locked.elements.keys().eq(lock.elements.keys()) && locked.shared == lock.shared && locked.sites == lock.sites;
    if !untouched && !reached {
        return Err(stale("greffon.lock has changed"));
    }
    let mut plans = Vec::new();
    for (plan, generation) in saved.sites.into_iter().zip(saved.generations) {
        let Some(wanted) = sites.iter().find(|site| site.name == plan.name) else { continue };
        if workspace.site(wanted)?.current()?.map(|current| current.number) != generation {
            return Err(stale(&format!("site `{}` has changed", plan.name)));
        }
        plans.push(plan);
    }
    if plans.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "the plan is about none of the chosen sites"));
    }
    Ok(Plan { lock_changed: workspace.lock != lock, lock, sites: plans, warnings: Vec::new() })
}
