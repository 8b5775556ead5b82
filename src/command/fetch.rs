//! `fetch`: everything the sites need into the stock; no site is touched.

use serde::Serialize;

use super::Workspace;
use crate::error::Result;
use crate::model::DownloadMapEntry;
use crate::roles::{PlanDepth, UpdateChoice};

/// What `fetch` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/fetch/1`.
    pub schema: &'static str,
    /// How many elements were in stock already.
    pub from_stock: usize,
    /// What was (or, with `--dry-run`, would be) fetched.
    pub fetched: Vec<DownloadMapEntry>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Fetches.
///
/// # Errors
/// As [`crate::roles::Client::plan`].
pub fn run(workspace: &Workspace) -> Result<Report> {
    let sites = workspace.chosen(false)?;
    let depth = if workspace.globals.dry_run { PlanDepth::Peek } else { PlanDepth::Compose };
    let _held = workspace.hold_stock()?;
    let plan = workspace.plan(&sites, depth, UpdateChoice::Keep)?;
    if !workspace.globals.dry_run {
        super::patch::check(workspace, &workspace.manifest.sites, &plan.lock)?;
        workspace.write_lock(&plan.lock)?;
    }
    let mut fetched: Vec<DownloadMapEntry> = Vec::new();
    let mut known: Vec<(String, String)> = Vec::new();
    for entry in plan.sites.iter().flat_map(|site| &site.download_map) {
        let key = (entry.id.to_string(), entry.version.to_string());
        if known.contains(&key) {
            continue;
        }
        known.push(key);
        if !entry.from_stock {
            fetched.push(entry.clone());
        }
    }
    Ok(Report { schema: "greffon/fetch/1", from_stock: known.len() - fetched.len(), fetched, warnings: plan.warnings })
}
