//! `extension list`: what is configured and what is installed, and what each may do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::builtin::client::read_lock;
use crate::command::workspace::start_folder;
use crate::command::{Globals, Machine, hooks};
use crate::error::Result;
use crate::manifest::Manifest;
use crate::model::Lock;
use crate::registry::{Extensions, Library, Standing, Used};
use crate::roles::ContextBuilder;
use crate::roles::wire::Role;
use crate::script::{Grants, Source};
use crate::sys::{fs, places};

/// What there is.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `greffon/extension-list/1`.
    pub schema: &'static str,
    /// Whether this user trusts the manifest on this machine; `None`: there is no manifest here.
    pub trusted: Option<bool>,
    /// What the manifest uses, then what else is installed.
    pub extensions: Vec<Listed>,
    /// Extensions that are elements and not all in the stock yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfetched: Vec<String>,
    /// Native libraries that the manifest uses.
    pub libraries: Vec<Library>,
}

/// One extension.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it serves as.
    pub role: Option<Role>,
    /// Its version.
    pub version: Option<String>,
    /// One line of its author's.
    pub summary: Option<String>,
    /// Whether the manifest uses it.
    pub used: bool,
    /// Where it is from: `script`, `manifest` (beside it), `element`, `user`, `machine`.
    pub source: &'static str,
    /// Where it lies.
    pub path: PathBuf,
    /// The digest of its files.
    pub hash: String,
    /// How it stands with this user's trust; `None`: nothing uses it here.
    pub trust: Option<Standing>,
    /// What it may do.
    pub allow: Grants,
    /// What it asks for and may not.
    pub missing: Grants,
    /// What is wrong with it, where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Lists; runs and fetches nothing.
///
/// # Errors
/// A manifest or a configuration that cannot be read.
pub fn run(globals: &Globals, surroundings: ContextBuilder) -> Result<Report> {
    let start = start_folder(globals)?;
    let mut report = Report { schema: "greffon/extension-list/1", trusted: None, extensions: Vec::new(), unfetched: Vec::new(), libraries: Vec::new() };
    let mut base = start.clone();
    if let Ok(path) = Manifest::find(&start) {
        let manifest = Manifest::load(&path)?;
        base = path.parent().map(Path::to_owned).unwrap_or_default();
        let machine = Machine::open(globals, surroundings, Some(&manifest.config), &base)?;
        let manifest = manifest.with_user(&machine.user);
        let lock_path = base.join("greffon.lock");
        let mut lock = match fs::read_text(&lock_path, 64 << 20)? {
            Some(text) => read_lock(&lock_path, &text, &base)?.0,
            None => Lock::default(),
        };
        // What is not in the stock is not fetched for a list.
        let quiet = Machine { cx: machine.cx.without_network(), ..machine.clone() };
        let extras = crate::command::bring::bring(globals, &manifest, &quiet, &mut lock, &base);
        if let (Err(_), Some(site)) = (&extras, &manifest.extension_site) {
            report.unfetched = site.elements.keys().map(ToString::to_string).collect();
        }
        let fetched = extras.map(|extras| extras.fetched).unwrap_or_default();
        let mut extensions = Extensions::new(&manifest, lock.extensions, machine.cx.clone()).with_elements(fetched);
        for used in extensions.survey(&manifest, &hooks::mentioned(&manifest))? {
            report.extensions.push(listed(used, &base));
        }
        report.libraries = Extensions::libraries(&manifest);
        report.trusted = Some(extensions.is_trusted()?);
    }
    let seen: BTreeSet<PathBuf> = report.extensions.iter().filter_map(|one| one.path.parent().map(Path::to_owned)).collect();
    let mut places = vec![(base.join("extensions"), "manifest")];
    places.extend(places::extension_folders().into_iter().zip(["user", "machine"]));
    for (place, source) in places {
        for name in fs::names(&place)?.unwrap_or_default() {
            let folder = place.join(&name);
            let real = fs::ground::real_path(&folder).unwrap_or_else(|_| folder.clone());
            if Source::is_extension(&folder) && !seen.contains(&real) {
                report.extensions.push(installed(&name, &folder, source));
            }
        }
    }
    Ok(report)
}

fn listed(used: Used, base: &Path) -> Listed {
    let real = fs::ground::real_path(base).unwrap_or_else(|_| base.to_owned());
    let folders = places::extension_folders();
    let source = match &used.element {
        Some(_) => "element",
        None if used.bare => "script",
        None if used.path.starts_with(&real) => "manifest",
        None if folders.first().is_some_and(|folder| used.path.starts_with(folder)) => "user",
        None => "machine",
    };
    Listed {
        name: used.name,
        role: Some(used.role),
        version: used.version,
        summary: used.summary,
        used: true,
        source,
        path: used.path,
        hash: used.hash,
        trust: Some(used.trust),
        allow: used.allow,
        missing: used.missing,
        error: None,
    }
}

fn installed(name: &str, folder: &Path, source: &'static str) -> Listed {
    let mut listed = Listed {
        name: name.to_owned(),
        role: None,
        version: None,
        summary: None,
        used: false,
        source,
        path: folder.to_owned(),
        hash: String::new(),
        trust: None,
        allow: Grants::default(),
        missing: Grants::default(),
        error: None,
    };
    match Source::read(folder) {
        Ok(read) => {
            listed.role = read.role;
            listed.version = read.version;
            listed.summary = read.summary;
            listed.hash = read.hash.to_string();
            listed.missing = read.needs;
        }
        Err(error) => listed.error = Some(error.message().to_owned()),
    }
    listed
}
