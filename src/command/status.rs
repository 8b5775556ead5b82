//! `status` (by the stat cache) and `verify` (every byte).

use serde::Serialize;

use super::Workspace;
use super::security::{self, Findings};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementState, FileState, SiteStatus};

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
    /// What is known to be unsafe of what stands there, as it was heard last.
    #[serde(flatten)]
    pub findings: Findings,
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
        let (mut status, stands) = site.examine(&workspace.machine.cx, options.verify)?;
        for other in workspace.other_versions(&site, wanted, &stands)? {
            for element in status.elements.iter_mut().filter(|element| element.id == other.recorded.id) {
                element.state = ElementState::OtherVersion;
                element.found = Some(other.found.to_string());
                // They are the other version's; what is neither's is told.
                let strangers = other.fit.as_ref().map(|fit| fit.others.as_slice()).unwrap_or_default();
                element.files.retain(|file| file.state == FileState::Extra && strangers.iter().any(|path| path == file.path.trim_end_matches('/')));
            }
        }
        sites.push(status);
    }
    let pending = options.exit_code && sites.iter().any(SiteStatus::differs);
    let findings = if options.verify { Findings::default() } else { security::of_status(workspace, &sites)? };
    Ok(Report { schema: "greffon/status/1", sites, findings, pending })
}

/// The error that stands for "there is something to do" (exit status 3).
#[must_use]
pub fn pending_error(what: &str) -> Error {
    Error::new(ErrorKind::Pending, what.to_owned())
}
