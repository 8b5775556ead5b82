//! `recover`: finishes or undoes what was cut off.

use serde::Serialize;

use super::Workspace;
use crate::builtin::client::pin_recorded;
use crate::error::Result;
use crate::site::{Presence, Recovered};

/// What `recover` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/recover/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SiteReport>,
}

/// What became of one site.
#[derive(Debug, Clone, Serialize)]
pub struct SiteReport {
    /// Its name.
    pub name: String,
    /// `nothing`, `forward` or `back`; in a rehearsal `needed` where there is something to finish or undo.
    pub recovered: &'static str,
    /// The generation now in place.
    pub generation: Option<u64>,
}

/// Finishes or undoes an interrupted apply of every chosen site.
///
/// # Errors
/// As [`crate::site::Site::recover`].
pub fn run(workspace: &Workspace) -> Result<Report> {
    let mut sites = Vec::new();
    for wanted in workspace.chosen(true)? {
        let site = workspace.site(wanted)?;
        if site.presence()? == Presence::Elsewhere {
            continue;
        }
        if workspace.globals.dry_run {
            let recovered = if site.is_interrupted()? { "needed" } else { "nothing" };
            sites.push(SiteReport { name: wanted.name.clone(), recovered, generation: site.current()?.map(|generation| generation.number) });
            continue;
        }
        let recovered = match site.recover(&workspace.machine.cx)? {
            Recovered::Nothing => "nothing",
            Recovered::Forward(_) => "forward",
            Recovered::Back => "back",
        };
        // Only then may the stock be tidied without taking what these generations are made of.
        pin_recorded(&workspace.machine.cx, &*workspace.roles.stock, workspace.machine.stockroom.objects(), &site)?;
        sites.push(SiteReport { name: wanted.name.clone(), recovered, generation: site.current()?.map(|generation| generation.number) });
    }
    Ok(Report { schema: "greffon/recover/1", sites })
}
