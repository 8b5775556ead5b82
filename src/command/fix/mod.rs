//! `fix`: the ways out of the last conflict, and one of them made in the manifest.

mod offer;

use serde::Serialize;

use super::Workspace;
use super::lock::{LockChange, compare};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::FixChange;
use crate::roles::{PlanDepth, UpdateChoice};
use crate::sys::git::text_diff;

use offer::{Offered, edit};

/// What `fix` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The number of the fix to make; `None`: they are listed.
    pub number: Option<usize>,
}

/// The fixes, or what one of them did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/fix/1`.
    pub schema: &'static str,
    /// The conflict, in one line; `None`: there is none.
    pub conflict: Option<String>,
    /// What the command that failed would have written into the manifest, as a diff; the fixes come on top of it.
    pub pending: Option<String>,
    /// The ways out.
    pub fixes: Vec<NumberedFix>,
    /// The one that was made.
    pub applied: Option<usize>,
    /// The change of the manifest, as a diff; empty when fixes are only listed.
    pub diff: String,
    /// What changed in the lock.
    pub changes: Vec<LockChange>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One way out.
#[derive(Debug, Clone, Serialize)]
pub struct NumberedFix {
    /// What `greffon fix` calls it.
    pub number: usize,
    /// The site whose conflict it ends.
    pub site: String,
    /// In words.
    pub text: String,
    /// In data.
    pub changes: Vec<FixChange>,
}

/// Lists the fixes, or makes one.
///
/// # Errors
/// `Usage` for a number that was not shown; `Invalid` when manifest or lock changed since they were shown, or nothing was shown;
/// `Conflict` when the fix no longer helps. Nothing is written then.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    match options.number {
        None => list(workspace),
        Some(number) => apply(workspace, number),
    }
}

fn report(offered: &Offered, workspace: &Workspace) -> Report {
    let fixes = offered.fixes.iter().enumerate();
    Report {
        schema: "greffon/fix/1",
        conflict: Some(offered.conflict.clone()),
        pending: offered.edited.as_ref().map(|edited| text_diff("greffon.toml", &workspace.manifest.text, edited)),
        fixes: fixes.map(|(at, fix)| NumberedFix { number: at + 1, site: fix.site.clone(), text: fix.text.clone(), changes: fix.changes.clone() }).collect(),
        applied: None,
        diff: String::new(),
        changes: Vec::new(),
        warnings: Vec::new(),
    }
}

fn nothing() -> Report {
    let fixes = Vec::new();
    Report { schema: "greffon/fix/1", conflict: None, pending: None, fixes, applied: None, diff: String::new(), changes: Vec::new(), warnings: Vec::new() }
}

/// What was shown last, while nothing has changed since; else what shows when the manifest is resolved again.
fn list(workspace: &Workspace) -> Result<Report> {
    if let Some(offered) = workspace.offered()?.filter(|offered| offered.stale(workspace).is_none()) {
        return Ok(report(&offered, workspace));
    }
    match workspace.plan(&[], PlanDepth::Resolve, UpdateChoice::Keep) {
        Ok(_) => Ok(nothing()),
        Err(error) if error.fixes().is_empty() => Err(error),
        Err(error) => Ok(report(&Offered::of(workspace, &workspace.manifest.text, &error), workspace)),
    }
}

fn apply(workspace: &Workspace, number: usize) -> Result<Report> {
    if workspace.globals.locked || workspace.globals.frozen {
        return Err(Error::new(ErrorKind::Usage, "a fix changes the lock, which --locked and --frozen forbid"));
    }
    let Some(offered) = workspace.offered()? else {
        return Err(Error::new(ErrorKind::Invalid, "no fixes were shown for this manifest").hint("`greffon fix` shows those that there are"));
    };
    if let Some(file) = offered.stale(workspace) {
        return Err(Error::new(ErrorKind::Invalid, format!("{file} has changed since the fixes were shown; nothing was written"))
            .hint("`greffon fix` shows those that hold now"));
    }
    let Some(fix) = number.checked_sub(1).and_then(|at| offered.fixes.get(at)) else {
        let shown = offered.fixes.len();
        return Err(Error::new(ErrorKind::Usage, format!("there is no fix {number}: {shown} {} shown", if shown == 1 { "was" } else { "were" }))
            .hint("`greffon fix` lists them"));
    };
    let base = offered.edited.as_ref().unwrap_or(&workspace.manifest.text);
    let several = workspace.manifest.sites.len() > 1;
    let manifest = Manifest::parse(&workspace.manifest.path, edit(&workspace.manifest.path, base, several, fix)?)?;
    let mut done = report(&offered, workspace);
    done.applied = Some(number);
    done.diff = text_diff("greffon.toml", &workspace.manifest.text, &manifest.text);
    let mut request = workspace.request(&[], PlanDepth::Resolve, UpdateChoice::Keep);
    request.wanted.clone_from(&manifest.sites);
    match workspace.roles.client.plan(&workspace.machine.cx, &request) {
        Ok(plan) => {
            done.changes = compare(&workspace.lock, &plan.lock);
            done.warnings = plan.warnings;
            if !workspace.globals.dry_run {
                workspace.write_manifest(&manifest.text)?;
                workspace.write_lock(&plan.lock)?;
            }
        }
        Err(error) => {
            // a conflict of another site is no reason to leave this one as it is
            let own = manifest.sites.iter().filter(|site| site.name == fix.site).cloned().collect();
            if !several || workspace.resolves(own).is_err() {
                return Err(error.wrap(format!("fix {number} no longer helps; nothing was written")).hint("`greffon fix` shows what does"));
            }
            if !workspace.globals.dry_run {
                workspace.write_manifest(&manifest.text)?;
            }
            done.warnings.push(format!("greffon.lock is as it was: {} (`greffon lock` says why)", error.message()));
        }
    }
    Ok(done)
}
