//! `build`: the bare tree of a site, into a folder or a tar: no state, no hooks, the same bytes anywhere.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::{Level, PlanDepth, UpdateChoice};
use crate::sys::fs::{self, PathKind};
use crate::sys::places;

/// What `build` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A folder that is not there yet (or empty), or a file ending in `.tar`.
    pub to: PathBuf,
}

/// What `build` made.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/build/1`.
    pub schema: &'static str,
    /// The site whose tree it is.
    pub site: String,
    /// The composed tree's id.
    pub tree: String,
    /// Where it was written.
    pub path: String,
}

/// Composes one site and writes its tree.
///
/// # Errors
/// `Usage` when several sites are chosen; `Refused` for what an advisory revokes; as [`crate::site::build`].
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let wanted = workspace.chosen_one("`build` writes the tree of")?;
    let to = places::absolute(&options.to)?;
    check(&to)?;
    let _held = workspace.hold_stock()?;
    // A rehearsal fetches nothing.
    let depth = if workspace.globals.dry_run { PlanDepth::Peek } else { PlanDepth::Compose };
    let plan = workspace.plan(&[wanted], depth, UpdateChoice::Keep)?;
    let warnings = super::security::admit_whole(workspace, &plan)?;
    for warning in plan.warnings.iter().chain(&warnings) {
        workspace.machine.cx.log(Level::Warning, warning.clone());
    }
    let built = plan.sites.first().ok_or_else(|| Error::new(ErrorKind::Internal, "the plan has no site"))?;
    let tree = built
        .tree
        .ok_or_else(|| Error::new(ErrorKind::Offline, "the tree needs elements that are not in stock").hint("run `greffon fetch` where there is a network"))?;
    if !workspace.globals.dry_run {
        crate::site::build(&workspace.machine.cx, &workspace.machine.stockroom, tree, &built.grafts, &to)?;
    }
    Ok(Report { schema: "greffon/build/1", site: wanted.name.clone(), tree: tree.to_string(), path: to.display().to_string() })
}

/// Whether something can be built there; told before anything is fetched.
fn check(to: &Path) -> Result<()> {
    let tar = to.extension().is_some_and(|extension| extension == "tar");
    let name = shown(to).to_ascii_lowercase();
    if let Some(form) = [".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2", ".zip"].into_iter().find(|form| name.ends_with(form)) {
        return Err(Error::new(ErrorKind::Usage, format!("`build` writes a folder or a `.tar`, and no `{form}`"))
            .hint("write a `.tar` and pack it afterwards: its bytes are always the same"));
    }
    let wrong = match fs::kind(to)? {
        Some(PathKind::Folder) if tar => "is a folder, and a `.tar` is a file",
        Some(PathKind::File { .. }) if !tar => "is a file, and a tree is built into a folder",
        Some(PathKind::Other) => "is neither a file nor a folder",
        _ => {
            let above = to.parent().filter(|above| tar && !matches!(fs::kind(above), Ok(Some(PathKind::Folder))));
            return above.map_or(Ok(()), |above| {
                Err(Error::new(ErrorKind::NotFound, format!("there is no folder `{}` to write `{}` in", above.display(), shown(to)))
                    .hint("make it first, or name another path"))
            });
        }
    };
    Err(Error::new(ErrorKind::Invalid, format!("`{}` {wrong}", to.display())).hint("name a folder that does not exist yet, or a file that ends in `.tar`"))
}

fn shown(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
