//! `upgrade-check`: what another core would mean for each element of each site. A report over the solver and over a rehearsal of
//! the plan: `weigh` asks which versions fit, `look` at what they are, and `mod` puts both together.

mod look;
mod weigh;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Workspace, parse_element};
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Demands, ElementId, PathMove, PlanFaultKind, Requirement, Version, WantedSite};

use look::Looked;
use weigh::{Weighed, Weight};

/// What `upgrade-check` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Requirements on the core, each a check of its own; empty: the newest there is.
    pub cores: Vec<String>,
    /// Status 3 unless every site could be upgraded.
    pub exit_code: bool,
}

/// What another core would mean.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/upgrade-check/1`.
    pub schema: &'static str,
    /// One a core and site.
    pub checks: Vec<Check>,
    /// Whether the caller asked for status 3, and something stands in the way.
    #[serde(skip)]
    pub pending: bool,
}

/// One site, and one core for it.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The site.
    pub site: String,
    /// What was asked for: `5.1`.
    pub asked: String,
    /// The core's element; `None`: the site has none.
    pub core: Option<ElementId>,
    /// The version that it has locked.
    pub from: Option<String>,
    /// The version that it would get.
    pub to: Option<String>,
    /// In one word.
    pub state: State,
    /// What the new core asks of the machine.
    pub demands: Option<Demands>,
    /// What the present one asks, for comparison.
    pub now: Option<Demands>,
    /// The core's own obstacle: one that is too old to go there at once.
    pub steps_over: Option<String>,
    /// Element by element, as the manifest has them, then what they need.
    pub elements: Vec<Checked>,
    /// The elements that no other stands in the way of: without them the rest could go.
    pub alone: Vec<ElementId>,
    /// Elements that the present core brings along, that the new one does not, and that nothing at the site replaces.
    pub no_longer_brought: Vec<ElementId>,
    /// What would go along to other folders.
    pub moves: Vec<PathMove>,
    /// What else is to be known or done.
    pub notes: Vec<String>,
}

/// Whether a site could be upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing stands in the way.
    Ready,
    /// Something does.
    Blocked,
    /// Somebody could not be asked, or bytes are not in stock.
    Undecided,
    /// It has no core.
    Skipped,
}

/// One element under another core.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// The version that the site has.
    pub now: Option<String>,
    /// In one word.
    pub verdict: Verdict,
    /// The version that it would get, or would get if its pin went.
    pub version: Option<String>,
    /// A newer version that fits too, which `update` would take.
    pub newer: Option<String>,
    /// Whether the upgrade cannot be made with it as it is.
    pub blocks: bool,
    /// Why, and what its author says.
    pub why: Vec<String>,
    /// Its patches, each tried at the version that it would get.
    pub patches: Vec<PatchTried>,
}

/// What another core means for an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The version that is locked fits.
    Fits,
    /// Another version fits.
    Update,
    /// Another version fits, and the manifest keeps it from being taken.
    Pinned,
    /// No version that exists fits.
    Waiting,
    /// Versions fit, but not beside the other elements.
    Conflict,
    /// The new core brings it along itself.
    PartOfCore,
    /// The new core has no place for it.
    Removed,
    /// What is to be installed would be refused by the application.
    Refused,
    /// Who has it could not be asked.
    Unknown,
}

/// A patch at the version that its element would get.
#[derive(Debug, Clone, Serialize)]
pub struct PatchTried {
    /// As seen from the manifest's folder.
    pub path: PathBuf,
    /// Whether it applies; `None`: it could not be tried.
    pub applies: Option<bool>,
    /// Why not, or why it is not needed any more.
    pub why: Option<String>,
}

/// Checks every chosen site against every core.
///
/// # Errors
/// `NotFound` for a core version that nobody has, with the nearest; `Usage` where no site has a core; `Interrupted`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let sites = workspace.chosen(false)?;
    let newest = vec!["*".to_owned()];
    let cores = if options.cores.is_empty() { &newest } else { &options.cores };
    if !sites.iter().any(|site| core_of(site).is_some()) {
        return Err(Error::new(ErrorKind::Usage, "no chosen site has a core, so there is none to upgrade")
            .hint("the core is the element of the type `core`: `greffon add core/NAME`"));
    }
    let _held = workspace.hold_stock()?;
    let mut checks = Vec::new();
    for asked in cores {
        for wanted in &sites {
            workspace.machine.cx.check()?;
            checks.push(check(workspace, wanted, asked)?);
        }
    }
    let pending = options.exit_code && checks.iter().any(|check| matches!(check.state, State::Blocked | State::Undecided));
    Ok(Report { schema: "greffon/upgrade-check/1", checks, pending })
}

fn core_of(site: &WantedSite) -> Option<&ElementId> {
    site.elements.keys().find(|id| id.kind() == "core")
}

fn check(workspace: &Workspace, wanted: &WantedSite, asked: &str) -> Result<Check> {
    let (core, mut requirement) = match asked.split_once('@') {
        Some(_) => {
            let argument = parse_element(asked)?;
            let id = workspace.known_element(&argument.name)?;
            (wanted.elements.contains_key(&id).then_some(id), argument.requirement.unwrap_or_else(Requirement::any))
        }
        None => (core_of(wanted).cloned(), Requirement::new(asked)),
    };
    let mut check = Check {
        site: wanted.name.clone(),
        asked: requirement.to_string(),
        core: core.clone(),
        from: None,
        to: None,
        state: State::Skipped,
        demands: None,
        now: None,
        steps_over: None,
        elements: Vec::new(),
        alone: Vec::new(),
        no_longer_brought: Vec::new(),
        moves: Vec::new(),
        notes: Vec::new(),
    };
    let Some(core) = core else { return Ok(check) };
    let now = present(workspace, wanted)?;
    check.from = now.get(&core).map(ToString::to_string);
    let Some(target) = weigh::core_alone(workspace, wanted, &core, &requirement)? else {
        return Err(no_such_core(workspace, wanted, &core, &requirement)?);
    };
    check.to = Some(target.to_string());
    // The newest is meant, whatever is locked: from here on that very version.
    if requirement == Requirement::any() {
        requirement = Requirement::new(format!("={target}"));
        check.asked = requirement.to_string();
    }
    let weighed = weigh::weigh(workspace, wanted, &core, &requirement)?;
    let looked = look::look(workspace, wanted, &core, &weighed)?;
    check.elements = elements(workspace, wanted, &core, &now, &weighed, &looked);
    check.alone = check.elements.iter().filter(|one| one.blocks && one.verdict != Verdict::Conflict).map(id_of).collect::<Result<_>>()?;
    if let (Some(before), Some(after)) = (&looked.before, &looked.demands) {
        let there = |id: &&ElementId| !weighed.after.iter().any(|one| one.id == **id);
        check.no_longer_brought = before.brings.difference(&after.brings).filter(there).cloned().collect();
    }
    check.steps_over = steps_over(workspace, wanted, &core, &check, looked.demands.as_ref())?;
    let undecided = looked.incomplete.is_some() || check.elements.iter().any(|one| one.verdict == Verdict::Unknown);
    check.notes.extend(weighed.together.iter().cloned());
    check.notes.extend(looked.notes);
    check.notes.extend(looked.incomplete);
    check.state = match () {
        () if check.steps_over.is_some() || weighed.stuck || check.elements.iter().any(|one| one.blocks) => State::Blocked,
        () if undecided => State::Undecided,
        () => State::Ready,
    };
    (check.demands, check.now, check.moves) = (looked.demands, looked.before, looked.moves);
    Ok(check)
}

fn id_of(one: &Checked) -> Result<ElementId> {
    ElementId::new(one.r#type.as_str(), one.name.as_str())
}

/// What the site has: as locked, or where the lock is about other wishes, as installed.
fn present(workspace: &Workspace, wanted: &WantedSite) -> Result<BTreeMap<ElementId, Version>> {
    if let Ok(resolution) = workspace.resolution(wanted) {
        return Ok(resolution.into_iter().map(|one| (one.id, one.pin.version)).collect());
    }
    let current = workspace.site(wanted)?.current()?;
    Ok(current.into_iter().flat_map(|current| current.grafts).map(|graft| (graft.id, graft.version)).collect())
}

/// Every element with its verdict.
fn elements(
    workspace: &Workspace,
    wanted: &WantedSite,
    core: &ElementId,
    present: &BTreeMap<ElementId, Version>,
    weighed: &Weighed,
    looked: &Looked,
) -> Vec<Checked> {
    let mut elements = Vec::new();
    for (id, weight) in &weighed.elements {
        let now = present.get(id);
        let (verdict, version, why) = judged(weight, now);
        let patches = match wanted.elements.get(id) {
            Some(element) => tried(&workspace.base(), &element.patches, id, weighed, looked),
            None => Vec::new(),
        };
        let mut one = Checked {
            r#type: id.kind().to_owned(),
            name: id.name().to_owned(),
            now: now.map(ToString::to_string),
            verdict,
            version: version.map(|version| version.to_string()),
            newer: None,
            blocks: matches!(verdict, Verdict::Pinned | Verdict::Waiting | Verdict::Conflict),
            why,
            patches,
        };
        let newest = weighed.newest.as_ref().and_then(|lock| lock.entry(&wanted.name, id)).map(|(pin, _)| pin.version.to_string());
        one.newer = newest.filter(|newest| matches!(verdict, Verdict::Fits | Verdict::Update) && one.version.as_ref() != Some(newest));
        if id != core {
            seen(&mut one, id, looked);
        }
        one.blocks |= one.patches.iter().any(|patch| patch.applies == Some(false));
        elements.push(one);
    }
    elements
}

fn judged(weight: &Weight, now: Option<&Version>) -> (Verdict, Option<Version>, Vec<String>) {
    match weight {
        Weight::Fits(version) if now == Some(version) => (Verdict::Fits, Some(version.clone()), Vec::new()),
        Weight::Fits(version) => (Verdict::Update, Some(version.clone()), Vec::new()),
        Weight::Pinned { version, why } => (Verdict::Pinned, Some(version.clone()), why.clone()),
        Weight::Waiting(why) => (Verdict::Waiting, None, why.clone()),
        Weight::Conflict { version, why } => (Verdict::Conflict, version.clone(), why.clone()),
        Weight::Unknown(why) => (Verdict::Unknown, None, vec![why.clone()]),
    }
}

/// What the code itself says once it is here goes before what could be known without it.
fn seen(one: &mut Checked, id: &ElementId, looked: &Looked) {
    if let Some(version) = looked.shipped.get(id) {
        (one.verdict, one.blocks) = (Verdict::PartOfCore, true);
        one.why = vec![format!("the new core brings {version} along: take the entry out of greffon.toml")];
        one.version = Some(version.to_string());
        return;
    }
    for fault in looked.faults.iter().filter(|fault| fault.id.as_ref() == Some(id)) {
        match fault.kind {
            PlanFaultKind::NoPlace => (one.verdict, one.blocks, one.version) = (Verdict::Removed, true, None),
            PlanFaultKind::Misplaced | PlanFaultKind::Refused => (one.verdict, one.blocks) = (Verdict::Refused, true),
            PlanFaultKind::Complaint => {}
            PlanFaultKind::Patch | PlanFaultKind::Contained => continue,
        }
        // The line is about it already.
        let about = format!("{id} {} ", one.version.as_deref().unwrap_or_default());
        one.why.push(fault.why.strip_prefix(&about).unwrap_or(&fault.why).to_owned());
    }
    one.why.extend(looked.remarks.get(id).into_iter().flatten().cloned());
}

fn tried(base: &Path, patches: &[PathBuf], id: &ElementId, weighed: &Weighed, looked: &Looked) -> Vec<PatchTried> {
    let was_there = looked.composed && weighed.after.iter().any(|one| one.id == *id);
    let placed = was_there
        && !looked.faults.iter().any(|fault| fault.id.as_ref() == Some(id) && matches!(fault.kind, PlanFaultKind::NoPlace | PlanFaultKind::Misplaced));
    let one = |patch: &PathBuf| {
        let fault = looked.faults.iter().find(|fault| fault.id.as_ref() == Some(id) && fault.patch.as_ref() == Some(patch));
        let path = patch.strip_prefix(base).unwrap_or(patch).to_owned();
        let about = format!("the patch `{}` ", patch.display());
        let fails = fault.is_some_and(|fault| fault.kind == PlanFaultKind::Patch);
        PatchTried { path, applies: placed.then_some(!fails), why: fault.map(|fault| fault.why.replacen(&about, "", 1)) }
    };
    patches.iter().map(one).collect()
}

/// A core that is too old to go there at once: over which version it has to go.
fn steps_over(workspace: &Workspace, wanted: &WantedSite, core: &ElementId, check: &Check, demands: Option<&Demands>) -> Result<Option<String>> {
    let (Some(from), Some(earliest)) = (&check.from, demands.and_then(|demands| demands.earliest.as_ref())) else { return Ok(None) };
    let scheme = workspace.schemes.of(core, wanted.elements.get(core), None)?;
    let from = Version::new(from.as_str());
    if scheme.check(&from).is_err() || scheme.check(earliest).is_err() || scheme.compare(&from, earliest).is_ge() {
        return Ok(None);
    }
    Ok(Some(format!("{core} {from} is too old for it: go to {earliest} or later first")))
}

/// The error for a core that nobody has: what there is near it.
fn no_such_core(workspace: &Workspace, wanted: &WantedSite, core: &ElementId, asked: &Requirement) -> Result<Error> {
    let offer = workspace.offer(wanted, core)?;
    let error = Error::new(ErrorKind::NotFound, format!("there is no {core} that fits `{asked}`")).note(offer.told(core));
    let version = Version::new(asked.as_str());
    let near = if offer.scheme.check(&version).is_ok() {
        let newer = offer.versions.iter().rfind(|(known, _)| offer.scheme.compare(known, &version).is_gt());
        let older = offer.versions.iter().find(|(known, _)| offer.scheme.compare(known, &version).is_lt());
        [older, newer].into_iter().flatten().map(|(version, _)| version.to_string()).collect()
    } else {
        nearest(asked.as_str(), offer.versions.iter().map(|(version, _)| version.as_str())).map(str::to_owned).into_iter().collect::<Vec<_>>()
    };
    Ok(match near.as_slice() {
        [] => error.hint("`greffon show` lists the versions that there are"),
        near => error.hint(format!("the nearest: {}", near.iter().map(|version| format!("`--core {version}`")).collect::<Vec<_>>().join(", "))),
    })
}
