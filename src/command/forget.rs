//! `forget`: greffon lets go of a site; its files stay.

use serde::Serialize;

use super::Workspace;
use crate::error::Result;

/// What `forget` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/forget/1`.
    pub schema: &'static str,
    /// The site.
    pub name: String,
    /// The state that was removed; `None`: there was none.
    pub state: Option<String>,
}

/// Removes a site's state and its pins; the files of the site stay as they are.
///
/// # Errors
/// `Usage` for a name that no site has; as [`crate::site::Site::forget`].
pub fn run(workspace: &Workspace, name: &str) -> Result<Report> {
    let wanted = workspace.manifest.sites.iter().find(|site| site.name == name).ok_or_else(|| super::workspace::no_site(name, &workspace.manifest.sites))?;
    let site = workspace.site(wanted)?;
    let state = site.state();
    if workspace.globals.dry_run {
        let known = site.id()?.is_some();
        return Ok(Report { schema: "greffon/forget/1", name: name.to_owned(), state: known.then(|| state.display().to_string()) });
    }
    let id = site.forget(&workspace.machine.cx)?;
    if let Some(id) = &id {
        workspace.roles.stock.unpin(&workspace.machine.cx, id, None)?;
    }
    Ok(Report { schema: "greffon/forget/1", name: name.to_owned(), state: id.map(|_| state.display().to_string()) })
}
