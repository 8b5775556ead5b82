//! `convert`: what a site is made of, for other tools: a composer.json, or a bill of materials as CycloneDX has it. Asks nobody;
//! the lock says it all, and the stock adds licences where it holds the code.

mod composer;
mod cyclonedx;
mod iri;
mod licence;
mod purl;

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value as Json;

use super::Workspace;
use crate::builtin::client::{Resolved, fit};
use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseKind;
use crate::model::WantedSite;
use crate::sys::{fs, places};

/// What the site is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A composer.json with every element at its locked commit or archive.
    Composer,
    /// A CycloneDX document.
    Cyclonedx,
}

/// What `convert` may be told.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the site is written as.
    pub form: Form,
    /// CycloneDX's version: `1.5` or `1.6`.
    pub spec: String,
    /// The file to write; `None`: the document is the output.
    pub output: Option<PathBuf>,
}

/// What `convert` made.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/convert/1`.
    pub schema: &'static str,
    /// The site.
    pub site: String,
    /// What it is written as.
    pub form: Form,
    /// The document.
    pub document: Json,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How many elements it has.
    pub elements: usize,
    /// What the form cannot say, element by element.
    pub left: Vec<Unsaid>,
}

/// What the form cannot say of an element.
#[derive(Debug, Clone, Serialize)]
pub struct Unsaid {
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// The manifest's line, where one names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What, and why.
    pub reason: String,
}

/// A site with its resolution.
struct Subject<'a> {
    workspace: &'a Workspace,
    site: &'a WantedSite,
    elements: Vec<Resolved>,
    left: Vec<Unsaid>,
}

impl Subject<'_> {
    /// Whether the plugins are Moodle's, whose packages Composer knows by their names and types.
    fn is_moodle(&self) -> bool {
        self.workspace.manifest.config.installer.as_ref().is_some_and(|spec| spec.kind == UseKind::Builtin && spec.target == "moodle")
    }

    fn leave(&mut self, one: &Resolved, reason: impl Into<String>) {
        let line = self.site.elements.get(&one.id).map(|wanted| wanted.origin.line).filter(|line| *line > 0);
        self.left.push(Unsaid { r#type: one.id.kind().to_owned(), name: one.id.name().to_owned(), line, reason: reason.into() });
    }
}

/// Writes a site in another tool's words.
///
/// # Errors
/// `Usage` where one of several sites must be named; `Lock` where the lockfile does not fit; `Invalid` for an output file that
/// holds something else; `Io`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let chosen = workspace.chosen(false)?;
    let [site] = chosen.as_slice() else {
        let names: Vec<&str> = chosen.iter().map(|site| site.name.as_str()).collect();
        return Err(Error::new(ErrorKind::Usage, format!("the manifest has {} sites, and a document is of one: which?", names.len()))
            .hint(format!("say `--site NAME` ({})", names.join(", "))));
    };
    let elements = match fit(site, &workspace.lock, &workspace.schemes)? {
        Ok(elements) => elements,
        Err(misfit) => {
            let error = Error::new(ErrorKind::Lock, format!("greffon.lock does not fit greffon.toml: {}", misfit.why)).hint("`greffon lock` first");
            return Err(match &misfit.origin {
                Some(origin) => at_origin(error, origin, misfit.id.name(), ""),
                None => error,
            });
        }
    };
    let mut subject = Subject { workspace, site, elements, left: Vec::new() };
    let document = match options.form {
        Form::Composer => composer::document(&mut subject),
        Form::Cyclonedx => cyclonedx::document(&mut subject, &options.spec)?,
    };
    let output = match &options.output {
        Some(path) => Some(write(workspace, path, &document)?),
        None => None,
    };
    let Subject { elements, left, .. } = subject;
    Ok(Report { schema: "greffon/convert/1", site: site.name.clone(), form: options.form, document, output, elements: elements.len(), left })
}

/// The document as a file has it.
///
/// # Errors
/// `Internal`.
pub fn text(document: &Json) -> Result<String> {
    let text =
        serde_json::to_string_pretty(document).map_err(|error| Error::new(ErrorKind::Internal, "could not write the document as JSON").caused_by(error))?;
    Ok(text + "\n")
}

fn write(workspace: &Workspace, path: &std::path::Path, document: &Json) -> Result<String> {
    let shown = path.display().to_string();
    let path = places::absolute(path)?;
    let text = text(document)?;
    match fs::kind(&path)? {
        None => {}
        Some(fs::PathKind::File { .. }) => {
            let there = fs::read_text(&path, 64 << 20)?;
            // What an earlier run wrote is written over; somebody's own work is not.
            let own = there.as_deref().is_some_and(|there| there == text || there.contains("\"greffon"));
            if !own && !workspace.globals.yes {
                return Err(Error::new(ErrorKind::Invalid, format!("`{shown}` is there already, and greffon did not write it"))
                    .hint("name another file, or `-y` to write over it"));
            }
        }
        Some(_) => return Err(Error::new(ErrorKind::Invalid, format!("`{shown}` is no file")).hint("name a file in it")),
    }
    if !workspace.globals.dry_run {
        fs::write_atomic(&path, text.as_bytes())?;
    }
    Ok(shown)
}
