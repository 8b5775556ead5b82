//! `plan`: what a sync would do; `--out` keeps it for `sync --plan`, `--with` asks what if.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hooks::{self, Hooks};
use super::lock::LockChange;
use super::security::{self, Findings};
use super::{Workspace, parse_element};
use crate::builtin::safety::Freshness;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ElementId, IfLocalChanges, Plan, SitePlan, WantedSite};
use crate::registry::{Extensions, Library, Used};
use crate::roles::{PlanDepth, UpdateChoice};
use crate::sys::{fs, places};

/// What `plan` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Keep the plan in this file.
    pub out: Option<PathBuf>,
    /// `TYPE/NAME@REQUIREMENT`: as if the manifest said so.
    pub with: Vec<String>,
    /// Status 3 when there is something to do.
    pub exit_code: bool,
}

/// What would be done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/plan/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SitePlan>,
    /// Whether the lockfile would change.
    pub lock_changed: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What is known to be unsafe of what the sites would be made of.
    #[serde(flatten)]
    pub findings: Findings,
    /// What each script and extension may do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Used>,
    /// Extensions at other versions than the lockfile has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extension_changes: Vec<LockChange>,
    /// The native libraries that it loads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<Library>,
    /// Whether the caller asked for status 3, and there is something to do.
    #[serde(skip)]
    pub pending: bool,
}

/// A plan in a file: carried out as it stands, or refused when anything it was made from has changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedPlan {
    /// `greffon/saved-plan/1`.
    pub schema: String,
    /// The manifest's digest.
    pub manifest: Digest,
    /// The digest of the lockfile as it stood; `None`: there was none.
    pub lock_before: Option<Digest>,
    /// The lockfile's text that belongs to it.
    pub lock: String,
    /// The plans.
    pub sites: Vec<SitePlan>,
    /// The generation in place at each site.
    pub generations: Vec<Option<u64>>,
}

/// The schema of a saved plan.
pub const SAVED: &str = "greffon/saved-plan/1";

/// Plans; with `--dry-run` or `--offline` nothing is fetched.
///
/// # Errors
/// As [`crate::roles::Client::plan`].
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let sites = workspace.chosen(false)?;
    let plan = make(workspace, &sites, &options.with)?;
    if let Some(out) = &options.out {
        if !options.with.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "`--out` keeps what the manifest says, and `--with` is not in it"));
        }
        save(workspace, &plan, &sites, out)?;
    }
    let (findings, failures) = security::of_plan(workspace, &plan, Freshness::KeptOrFirst)?;
    let data = data_notes(workspace, &sites, &plan)?;
    let refused: Vec<Vec<String>> = plan.sites.iter().map(|site| security::refusals(&findings, site)).collect();
    let mut report = report(plan, options.exit_code);
    report.findings = findings;
    report.warnings.extend(failures);
    for ((site, note), refused) in report.sites.iter_mut().zip(data).zip(refused) {
        let policy = sites.iter().find(|wanted| wanted.name == site.name).map(|wanted| wanted.policy.if_local_changes);
        let edited = policy.and_then(|policy| by_hand(&site.by_hand, policy));
        site.notes.extend(note.into_iter().chain(refused).chain(edited));
    }
    report.extensions.clone_from(&workspace.surveyed);
    report.extension_changes.clone_from(&workspace.brought);
    report.libraries = Extensions::libraries(&workspace.manifest);
    for site in &mut report.sites {
        site.hooks = Hooks::titles(&workspace.manifest, &site.name, &site.changes);
    }
    Ok(report)
}

/// What the data of each site would be too new for.
fn data_notes(workspace: &Workspace, sites: &[&WantedSite], plan: &Plan) -> Result<Vec<Option<String>>> {
    let one = |plan: &SitePlan| {
        let Some(wanted) = sites.iter().find(|site| site.name == plan.name && !plan.is_empty() && plan.tree.is_some()) else { return Ok(None) };
        let (downgrades, _) = hooks::downgrades(workspace, &workspace.site(wanted)?, &plan.grafts)?;
        Ok((!downgrades.is_empty()).then(|| format!("the application's data are too new for it: {}", hooks::told(&downgrades))))
    };
    plan.sites.iter().map(one).collect()
}

/// What becomes of files that were changed by hand, where there are any.
pub(super) fn by_hand(paths: &[String], policy: IfLocalChanges) -> Option<String> {
    let (first, rest) = paths.split_first()?;
    let which = if rest.is_empty() { format!("`{first}` was changed by hand") } else { format!("`{first}` and {} more were changed by hand", rest.len()) };
    Some(match policy {
        IfLocalChanges::Abort => format!("{which}: a sync stops there, unless `--if-local-changes` says `save`, `merge`, `keep` or `overwrite`"),
        IfLocalChanges::Ask => format!("{which}: a sync asks what to do, or stops where nobody can answer"),
        IfLocalChanges::Keep => format!("{which} and would stay so"),
        IfLocalChanges::Save => format!("{which} and would be put aside"),
        IfLocalChanges::Overwrite => format!("{which}: what was changed would be lost"),
        IfLocalChanges::Merge => format!("{which} and would be merged"),
    })
}

/// The report of a plan.
#[must_use]
pub fn report(plan: Plan, exit_code: bool) -> Report {
    let pending = exit_code && (plan.lock_changed || plan.sites.iter().any(|site| !site.is_empty()));
    let sites = plan.sites.into_iter().map(|site| SitePlan { grafts: Vec::new(), ..site }).collect();
    Report {
        schema: "greffon/plan/1",
        sites,
        lock_changed: plan.lock_changed,
        warnings: plan.warnings,
        findings: Findings::default(),
        extensions: Vec::new(),
        extension_changes: Vec::new(),
        libraries: Vec::new(),
        pending,
    }
}

fn make(workspace: &Workspace, sites: &[&WantedSite], with: &[String]) -> Result<Plan> {
    let depth = if workspace.globals.dry_run || workspace.globals.offline { PlanDepth::Peek } else { PlanDepth::Compose };
    let mut request = workspace.request(sites, depth, UpdateChoice::Keep);
    let mut supposed = Vec::new();
    for text in with {
        let argument = parse_element(text)?;
        let id = workspace.any_element(&argument.name)?;
        let requirement = argument
            .requirement
            .ok_or_else(|| Error::new(ErrorKind::Usage, format!("`--with {text}` names no version")).hint(format!("--with {id}@REQUIREMENT")))?;
        supposed.push(id.clone());
        for site in request.wanted.iter_mut().filter(|site| request.only.contains(&site.name)) {
            site.ask(&id, requirement.clone(), "`--with`");
        }
    }
    let outcome = hooks::resolving(workspace, &workspace.manifest, &request);
    if with.is_empty() { workspace.or_offer(outcome, &workspace.manifest) } else { outcome.map_err(|error| what_else(error, &supposed)) }
}

/// Nothing is to be written for a mere supposition: the ways out that leave it standing are told as hints.
fn what_else(error: Error, supposed: &[ElementId]) -> Error {
    let fixes = error.fixes().to_vec();
    let leaves = |fix: &&crate::model::Fix| !fix.changes.iter().any(|change| supposed.contains(change.id()));
    let hints: Vec<String> = fixes.iter().filter(leaves).map(|fix| format!("it would go if you {}", fix.text)).collect();
    hints.into_iter().fold(error.offering(Vec::new()), Error::hint)
}

fn save(workspace: &Workspace, plan: &Plan, sites: &[&WantedSite], out: &Path) -> Result<()> {
    if let Some(site) = plan.sites.iter().find(|site| site.tree.is_none()) {
        return Err(Error::new(ErrorKind::Offline, format!("site `{}` needs elements that are not in stock: this plan could not be carried out", site.name))
            .hint("leave --dry-run and --offline off"));
    }
    let mut generations = Vec::with_capacity(sites.len());
    for wanted in sites {
        generations.push(workspace.site(wanted)?.current()?.map(|generation| generation.number));
    }
    let saved = SavedPlan {
        schema: SAVED.to_owned(),
        manifest: Digest::of(workspace.manifest.text.as_bytes()),
        lock_before: workspace.lock_text.as_deref().map(|text| Digest::of(text.as_bytes())),
        lock: workspace.text_of(&plan.lock),
        sites: plan.sites.clone(),
        generations,
    };
    let text = serde_json::to_string_pretty(&saved).map_err(|error| Error::new(ErrorKind::Internal, "the plan cannot be written as JSON").caused_by(error))?;
    fs::write_atomic(&places::absolute(out)?, text.as_bytes())
}
