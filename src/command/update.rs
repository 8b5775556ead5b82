//! `update`: newer versions into the lockfile.

use super::lock::{self, Report};
use super::{Workspace, parse_element};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Requirement;
use crate::roles::{PlanDepth, UpdateChoice};

/// What `update` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which elements; none: all.
    pub names: Vec<String>,
    /// The version to go to.
    pub to: Option<String>,
}

/// Resolves with some or all locked versions free to move, and writes the lockfile.
///
/// # Errors
/// `Usage` for `--to` without one name; `NotFound` for a name that no site has; `Conflict`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    if workspace.globals.locked || workspace.globals.frozen {
        return Err(Error::new(ErrorKind::Usage, "`update` changes the lock, which --locked and --frozen forbid"));
    }
    let choice = if options.names.is_empty() {
        if options.to.is_some() {
            return Err(Error::new(ErrorKind::Usage, "`--to` needs the name of one element").hint("greffon update NAME --to VERSION"));
        }
        UpdateChoice::All
    } else {
        if options.to.is_some() && options.names.len() > 1 {
            return Err(Error::new(ErrorKind::Usage, "`--to` needs the name of one element"));
        }
        let mut these = Vec::with_capacity(options.names.len());
        for name in &options.names {
            let argument = parse_element(name)?;
            let to = options.to.as_ref().map(|version| Requirement::new(format!("={version}"))).or(argument.requirement);
            these.push((workspace.known_element(&argument.name)?, to));
        }
        UpdateChoice::These(these)
    };
    let plan = workspace.plan(&[], PlanDepth::Resolve, choice)?;
    lock::finish(workspace, plan, false)
}
