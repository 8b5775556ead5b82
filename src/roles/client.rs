//! The client role: coordinates the other four. It decides; it never writes: the lockfile, the journal and the record are
//! greffon's own and not swappable.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::error::Result;
use crate::model::{ElementId, FileCounts, IfLocalChanges, Lock, Plan, Policy, Requirement, SitePlan, WantedSite};

/// Makes plans, and has them carried out.
pub trait Client: Debug + Send + Sync {
    /// What it takes to make the sites as wanted.
    ///
    /// # Behaviour
    /// - The download map is complete, recursively, before the first byte of an element is downloaded.
    /// - Nothing of a site changes. With [`PlanDepth::Resolve`] nothing is downloaded either.
    /// - The same wishes, lock and repositories give the same plan, whatever the stock holds.
    ///
    /// # Errors
    /// `Conflict` with an explanation when the wishes exclude each other; whatever the other roles fail with.
    fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<Plan>;

    /// Carries a plan out, site by site.
    ///
    /// # Behaviour
    /// - Every download ends before the first file of a site changes.
    /// - A site's files are wholly the wanted ones or wholly the earlier ones when it returns.
    ///
    /// # Errors
    /// Only when nothing was tried; what happened to each site is in the report.
    fn apply(&self, cx: &Context, request: &ApplyRequest) -> Result<ApplyReport>;
}

/// How far a plan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanDepth {
    /// Versions only: what `lock` needs.
    Resolve,
    /// Versions, and trees as far as the stock has them: `--dry-run`, `status`.
    Peek,
    /// Everything fetched into the stock: what `fetch` needs.
    Fetch,
    /// Everything fetched and composed: `plan`, `sync`.
    Compose,
}

/// Asks for a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanRequest {
    /// Every site of the manifest: the lock serves all of them.
    pub wanted: Vec<WantedSite>,
    /// The names of those to plan for; the others are only resolved.
    pub only: Vec<String>,
    /// The lock as it stands.
    #[serde(skip)]
    pub lock: Lock,
    /// Which locked versions may move.
    pub update: UpdateChoice,
    /// `--locked`: a lock that does not fit is an error.
    pub locked: bool,
    /// `--frozen`: the lock is used as it stands, nobody is asked.
    pub frozen: bool,
    /// Elements whose locked tags may stand at other commits by now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_moved: Vec<ElementId>,
    /// How far to go.
    pub depth: PlanDepth,
    /// Not to be carried out: what cannot be placed, patched or run is told in the plan ([`SitePlan::faults`]) and left out of it.
    #[serde(default)]
    pub rehearsal: bool,
}

/// Which locked versions may move.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateChoice {
    /// None, but where the manifest no longer fits.
    #[default]
    Keep,
    /// All.
    All,
    /// These, to the given requirement where there is one; what they need may move with them.
    These(Vec<(ElementId, Option<Requirement>)>),
}

/// Asks to carry a plan out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApplyRequest {
    /// The sites to change, as planned; each with a composed tree.
    pub sites: Vec<SitePlan>,
    /// Their wishes, for paths, link modes and policies.
    pub wanted: Vec<WantedSite>,
    /// The lock to record with each generation.
    #[serde(skip)]
    pub lock: Lock,
    /// The manifest's text, to be recorded with each generation.
    pub manifest: String,
    /// Answers that override the manifest's.
    pub policy: Option<Policy>,
    /// Goes on with a held site, and takes the hold away.
    pub release: bool,
    /// Whether files that stay as they are get the sites' link modes as well.
    #[serde(default)]
    pub relink: bool,
    /// How many removals are fine.
    pub max_removals: Option<usize>,
    /// Elements whose data may be destroyed.
    pub purge: Vec<ElementId>,
    /// Whether a site path that does not exist may be made.
    pub create: bool,
    /// By site: how files that were changed by hand below a path are answered for, whatever the policy says.
    #[serde(default)]
    pub answers: BTreeMap<String, Vec<(String, IfLocalChanges)>>,
    /// How many sites at a time.
    pub jobs: usize,
    /// The site to do alone and first.
    pub first: Option<String>,
    /// How many sites may fail before the rest is left as it is.
    pub max_fail: usize,
    /// What the generation's message says first.
    pub reason: String,
}

/// What became of each site.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ApplyReport {
    /// In the order asked.
    pub sites: Vec<SiteOutcome>,
}

/// What became of one site.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SiteOutcome {
    /// Its name.
    pub name: String,
    /// The generation now in place; `None` when none is.
    pub generation: Option<u64>,
    /// What was done to its files.
    pub files: FileCounts,
    /// Files put aside, relative to the site.
    pub saved: Vec<String>,
    /// Warnings of this site.
    pub notes: Vec<String>,
    /// Why it failed; `None`: it did not.
    #[serde(skip)]
    pub error: Option<std::sync::Arc<crate::error::Error>>,
    /// Whether it was left out after others failed, or is held or elsewhere.
    pub skipped: Option<String>,
}

impl dyn Client + '_ {
    /// Sugar: plans `type/name@requirement` beside what the sites want already.
    ///
    /// # Errors
    /// As [`Client::plan`].
    pub fn install(&self, cx: &Context, mut request: PlanRequest, id: &ElementId, requirement: Requirement) -> Result<Plan> {
        for site in &mut request.wanted {
            if request.only.is_empty() || request.only.contains(&site.name) {
                site.add(id.clone(), requirement.clone());
            }
        }
        self.plan(cx, &request)
    }
}
