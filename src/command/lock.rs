//! `lock`: the lockfile made to fit the manifest, with the least change.

use serde::Serialize;

use super::Workspace;
use super::security::Bump;
use super::workspace::no_site;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, Lock, LockKey, Pin};
use crate::roles::{PlanDepth, UpdateChoice};

/// What `lock` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only say whether the lock fits: status 3 when it does not.
    pub check: bool,
    /// Elements whose locked tags may stand at other commits by now.
    pub accept_moved: Vec<String>,
    /// `--site A --like B`: lock A's elements at B's versions where its requirements allow.
    pub like: Option<String>,
}

/// What became of the lockfile; also the report of `update`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/lock/1`.
    pub schema: &'static str,
    /// Whether the file was (or, with `--check` and `--dry-run`, would be) written.
    pub changed: bool,
    /// How many entries it has.
    pub elements: usize,
    /// What differs from before.
    pub changes: Vec<LockChange>,
    /// Requirements that `update --to` changed in the manifest.
    pub requirements: Vec<RequirementChange>,
    /// What `update --security` made of what is unsafe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<Bump>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One entry that came, went or moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockChange {
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// The versions before; empty: it is new.
    pub from: Vec<String>,
    /// The versions after; empty: it is gone.
    pub to: Vec<String>,
    /// Versions that stay and have other bytes now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<ContentChange>,
}

/// A version that stays, at another commit or with another digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContentChange {
    /// The version.
    pub version: String,
    /// The commit or digest before.
    pub from: String,
    /// The one after.
    pub to: String,
}

/// One requirement that was changed in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementChange {
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// Resolves, and writes the lockfile where it no longer fits.
///
/// # Errors
/// `Pending` with `--check` when it does not fit; `Conflict`; whatever the repositories fail with.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let mut workspace_lock = workspace.lock.clone();
    if let Some(like) = &options.like {
        imitate(workspace, &mut workspace_lock, like)?;
    }
    let mut request = workspace.request(&[], PlanDepth::Resolve, UpdateChoice::Keep);
    request.lock = workspace_lock;
    request.accept_moved = workspace.known_elements(&options.accept_moved)?;
    if options.check {
        request.locked = false;
        request.frozen = false;
    }
    let plan = workspace.or_offer(super::hooks::resolving(workspace, &workspace.manifest, &request), &workspace.manifest)?;
    finish(workspace, plan, options.check)
}

/// Writes the plan's lock, unless this is a rehearsal, and tells what changed.
pub(super) fn finish(workspace: &Workspace, mut plan: crate::model::Plan, check: bool) -> Result<Report> {
    plan.lock.extensions = workspace.extensions.hashes();
    let mut changes = compare(&workspace.lock, &plan.lock);
    for brought in &workspace.brought {
        if !changes.iter().any(|change| (&change.r#type, &change.name) == (&brought.r#type, &brought.name)) {
            changes.push(brought.clone());
        }
    }
    let differs = workspace.lock_text.as_deref() != Some(&*workspace.text_of(&plan.lock));
    if check && differs {
        let mut error = Error::new(ErrorKind::Pending, "greffon.lock does not fit greffon.toml").hint("run `greffon lock`");
        for change in &changes {
            if change.from != change.to {
                error = error.note(format!("{}/{}: {} → {}", change.r#type, change.name, shown(&change.from), shown(&change.to)));
            }
            for one in &change.content {
                error = error.note(format!("{}/{} {}: {} → {}", change.r#type, change.name, one.version, one.from, one.to));
            }
        }
        return Err(error);
    }
    super::patch::check(workspace, &workspace.manifest.sites, &plan.lock)?;
    if differs && !check && !workspace.globals.dry_run {
        workspace.write_lock(&plan.lock)?;
    }
    Ok(Report {
        schema: "greffon/lock/1",
        changed: differs,
        elements: plan.lock.elements.len(),
        changes,
        requirements: Vec::new(),
        security: Vec::new(),
        warnings: plan.warnings,
    })
}

fn shown(versions: &[String]) -> String {
    if versions.is_empty() { "nothing".to_owned() } else { versions.join(", ") }
}

/// What differs between two locks, element by element.
#[must_use]
pub fn compare(before: &Lock, after: &Lock) -> Vec<LockChange> {
    let mut ids: Vec<_> = before.elements.keys().chain(after.elements.keys()).map(|key| key.id.clone()).collect();
    ids.sort();
    ids.dedup();
    let versions = |lock: &Lock, id| lock.entries(id).map(|(pin, _)| pin.to_string()).collect::<Vec<_>>();
    ids.iter()
        .map(|id| LockChange {
            r#type: id.kind().to_owned(),
            name: id.name().to_owned(),
            from: versions(before, id),
            to: versions(after, id),
            content: content(before, after, id),
        })
        .filter(|change| change.from != change.to || !change.content.is_empty())
        .collect()
}

/// The entries of an element that both locks have, with other bytes. A digest that was not known before is no change.
fn content(before: &Lock, after: &Lock, id: &ElementId) -> Vec<ContentChange> {
    let both = |pin: &Pin| before.entries(id).find(|(known, _)| *known == pin).map(|(_, locked)| locked);
    let differing = after.entries(id).filter_map(|(pin, now)| {
        let then = both(pin)?;
        let commits = then.commit.zip(now.commit).map(|(then, now)| (then.to_string(), now.to_string()));
        let digests = then.sha256.zip(now.sha256).map(|(then, now)| (then.hex(), now.hex()));
        let (from, to) = commits.or(digests).filter(|(from, to)| from != to)?;
        Some(ContentChange { version: pin.to_string(), from, to })
    });
    differing.collect()
}

/// Points a site's elements at another site's entries; what its requirements do not allow is resolved anew.
fn imitate(workspace: &Workspace, lock: &mut Lock, like: &str) -> Result<()> {
    let sites = workspace.chosen(true)?;
    let [site] = sites.as_slice() else {
        return Err(Error::new(ErrorKind::Usage, "`--like` needs one `--site`"));
    };
    if !workspace.manifest.sites.iter().any(|other| other.name == like) {
        return Err(no_site(like, &workspace.manifest.sites));
    }
    let ids: Vec<_> = lock.elements.keys().map(|key: &LockKey| key.id.clone()).collect();
    for id in ids {
        if let Some((pin, _)) = lock.entry(like, &id) {
            let pin = pin.clone();
            lock.sites.entry(site.name.clone()).or_default().insert(id, pin);
        }
    }
    Ok(())
}
