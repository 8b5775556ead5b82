//! `extension check`: what is wrong with an extension, without running it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::plain;
use crate::command::Globals;
use crate::diagnostic::to_json;
use crate::error::{Error, Result};
use crate::roles::wire::Role;
use crate::script::review::{Described, Severity, review};
use crate::script::{Grants, Source};

/// What `extension check` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folders, scripts or names.
    pub extensions: Vec<String>,
    /// What a script that does not say so is to serve as.
    pub role: Option<Role>,
    /// Whether warnings fail too.
    pub strict: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `greffon/extension-check/1`.
    pub schema: &'static str,
    /// One an extension.
    pub extensions: Vec<Checked>,
    /// Whether it fails.
    pub failed: bool,
}

/// One extension.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Its name; the path where it cannot be read.
    pub name: String,
    /// Its folder or script.
    pub path: PathBuf,
    /// What it serves as.
    pub role: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The digest of its files.
    pub hash: Option<String>,
    /// The functions of its main script.
    pub functions: Vec<Described>,
    /// The host modules that it uses.
    pub modules: Vec<String>,
    /// What it asks for.
    pub needs: Grants,
    /// What it uses by its options and does not ask for, an example of each sort.
    pub unasked: Grants,
    /// What was found.
    pub problems: Vec<Problem>,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// What, where, and what to do, in the form of `greffon/error/1`.
    #[serde(flatten)]
    pub told: Value,
    /// The same, for people.
    #[serde(skip)]
    pub error: Error,
}

impl Problem {
    pub(super) fn new(severity: Severity, error: Error) -> Self {
        let mut told = to_json(&error);
        if let Some(map) = told.as_object_mut() {
            map.remove("schema");
        }
        Self { severity, told, error }
    }
}

/// Checks; runs nothing.
///
/// # Errors
/// `NotFound` for a name that leads nowhere; what is wrong with an extension stands in the report.
pub fn run(globals: &Globals, options: &Options) -> Result<Report> {
    let mut extensions = Vec::new();
    for path in super::named(globals, &options.extensions)? {
        extensions.push(if plain::is_library(&path) {
            plain::check_library(&path)?
        } else if super::is_crate(&path)? {
            plain::check(&path)?
        } else {
            check(&path, options.role)?
        });
    }
    let failing = |problem: &Problem| options.strict || problem.severity == Severity::Error;
    let failed = extensions.iter().any(|checked| checked.problems.iter().any(failing));
    Ok(Report { schema: "greffon/extension-check/1", extensions, failed })
}

fn check(path: &Path, role: Option<Role>) -> Result<Checked> {
    let source = match Source::read(path) {
        Ok(source) => source,
        Err(error) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return Ok(Checked {
                name,
                path: path.to_owned(),
                role: None,
                version: None,
                hash: None,
                functions: Vec::new(),
                modules: Vec::new(),
                needs: Grants::default(),
                unasked: Grants::default(),
                problems: vec![Problem::new(Severity::Error, error)],
            });
        }
    };
    let review = review(&source, role)?;
    Ok(Checked {
        path: if source.bare { source.folder.join(&source.main) } else { source.folder.clone() },
        role: review.role.map(|role| role.word().to_owned()),
        functions: review.functions,
        modules: review.modules.into_iter().collect(),
        unasked: review.unasked,
        problems: review.findings.into_iter().map(|finding| Problem::new(finding.severity, finding.error)).collect(),
        name: source.name,
        version: source.version,
        hash: Some(source.hash.to_string()),
        needs: source.needs,
    })
}
