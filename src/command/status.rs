//! `status` (by the stat cache) and `verify` (every byte).

use serde::Serialize;

use super::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementState, SiteStatus};

/// What `status` and `verify` may be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Read every byte.
    pub verify: bool,
    /// Status 3 when a site is not clean.
    pub exit_code: bool,
}

/// The state of the chosen sites.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/status/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SiteStatus>,
    /// Whether the caller asked for status 3, and there is something to tell.
    #[serde(skip)]
    pub pending: bool,
}

/// Looks, and writes nothing.
///
/// # Errors
/// As [`crate::site::Site::status`]; for `verify`, `Site` is not an error: differences are in the report.
pub fn run(workspace: &Workspace, options: Options) -> Result<Report> {
    let mut sites = Vec::new();
    for wanted in workspace.chosen(false)? {
        let site = workspace.site(wanted)?;
        let mut status = site.status(&workspace.machine.cx, options.verify)?;
        if status.elements.iter().any(|element| element.state == ElementState::Modified)
            && let Some(current) = site.current()?
        {
            for (graft, found) in workspace.found_versions(&status, wanted, &current)? {
                for element in status.elements.iter_mut().filter(|element| element.id == graft.id) {
                    element.state = ElementState::OtherVersion;
                    element.found = Some(found.to_string());
                }
            }
        }
        sites.push(status);
    }
    let pending = options.exit_code && sites.iter().any(SiteStatus::differs);
    Ok(Report { schema: "greffon/status/1", sites, pending })
}

/// The error that stands for "there is something to do" (exit status 3).
#[must_use]
pub fn pending_error(what: &str) -> Error {
    Error::new(ErrorKind::Pending, what.to_owned())
}
