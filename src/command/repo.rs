//! `repo index|yank|use`: publishing packages as plain files, and using what others publish.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

use super::workspace::start_folder;
use super::{Globals, Workspace};
use crate::builtin::repository::index::{PublishOptions, Published, describe, publish, yank};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{NewRepository, add_repository};
use crate::model::{ElementId, Version};
use crate::roles::{Context, ContextBuilder};
use crate::sys::git::Objects;
use crate::sys::{fs, places};

/// What `repo index` may be told.
#[derive(Debug, Clone, Default)]
pub struct IndexOptions {
    /// The index's folder.
    pub index: PathBuf,
    /// Package folders.
    pub sources: Vec<PathBuf>,
    /// The name the index proposes for itself.
    pub name: Option<String>,
}

/// What was published.
#[derive(Debug, Clone, Serialize)]
pub struct IndexReport {
    /// `greffon/repo-index/1`.
    pub schema: &'static str,
    /// The index's folder.
    pub index: String,
    /// One a source.
    pub packages: Vec<Published>,
}

/// Publishes. Needs neither manifest nor stock.
///
/// # Errors
/// As [`publish`].
pub fn index(globals: &Globals, surroundings: ContextBuilder, options: &IndexOptions) -> Result<IndexReport> {
    let cx = surroundings.build();
    let here = start_folder(globals)?;
    let folder = here.join(&options.index);
    let sources: Vec<PathBuf> = options.sources.iter().map(|source| here.join(source)).collect();
    let scratch = fs::scratch_folder()?;
    let objects = Objects::open(&scratch.path().join("objects.git"), &scratch.path().join("sources"))?;
    let settings = PublishOptions { name: options.name.clone(), published: None, dry_run: globals.dry_run };
    let packages = publish(&cx, &folder, &sources, &settings, &objects)?;
    Ok(IndexReport { schema: "greffon/repo-index/1", index: folder.display().to_string(), packages })
}

/// What `repo yank` may be told.
#[derive(Debug, Clone, Default)]
pub struct YankOptions {
    /// The index's folder.
    pub index: PathBuf,
    /// `TYPE/NAME@VERSION`.
    pub element: String,
    /// Why; `None`: offer it again.
    pub reason: Option<String>,
}

/// What was withdrawn.
#[derive(Debug, Clone, Serialize)]
pub struct YankReport {
    /// `greffon/repo-yank/1`.
    pub schema: &'static str,
    /// Which element.
    pub element: ElementId,
    /// Which version.
    pub version: Version,
    /// Why; `None`: it is offered again.
    pub yanked: Option<String>,
}

/// Withdraws a version, or offers it again.
///
/// # Errors
/// As [`yank`].
pub fn withdraw(globals: &Globals, surroundings: ContextBuilder, options: &YankOptions) -> Result<YankReport> {
    let cx: Context = surroundings.build();
    let usage = || Error::new(ErrorKind::Usage, format!("`{}` is not TYPE/NAME@VERSION", options.element.escape_debug()));
    let (name, version) = ElementId::split_version(&options.element);
    let (element, version): (ElementId, Version) = (name.parse()?, Version::new(version.ok_or_else(usage)?));
    if !globals.dry_run {
        yank(&cx, &start_folder(globals)?.join(&options.index), &element, &version, options.reason.as_deref())?;
    }
    Ok(YankReport { schema: "greffon/repo-yank/1", element, version, yanked: options.reason.clone() })
}

/// What `repo use` may be told.
#[derive(Debug, Clone, Default)]
pub struct UseOptions {
    /// A url or a folder.
    pub url: String,
    /// Its name in the manifest.
    pub name: Option<String>,
}

/// What an index proposes, and what was written.
#[derive(Debug, Clone, Serialize)]
pub struct UseReport {
    /// `greffon/repo-use/1`.
    pub schema: &'static str,
    /// Its name in the manifest.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Type → path, as it proposes.
    pub types: IndexMap<String, String>,
    /// How many elements it lists.
    pub elements: Option<usize>,
    /// Types whose path the manifest did not know and now does.
    pub added_types: Vec<String>,
    /// Whether the manifest was written.
    pub written: bool,
}

/// Shows what an index proposes, and writes it into the manifest.
///
/// # Errors
/// As [`describe`]; `Invalid` when a repository of that name is there already.
pub fn adopt(workspace: &Workspace, options: &UseOptions) -> Result<UseReport> {
    let found = describe(&workspace.machine.cx, &options.url, &start_folder(&workspace.globals)?, &workspace.env)?;
    let name = options.name.clone().or(found.name).unwrap_or_else(|| "index".to_owned());
    if workspace.roles.repositories.iter().any(|known| known.name() == name) {
        return Err(Error::new(ErrorKind::Invalid, format!("the manifest has a repository `{name}` already")).hint("choose another name with `--name`"));
    }
    let known = workspace.roles.installer.types();
    let types: IndexMap<String, String> = found.types.iter().filter_map(|(kind, proposal)| Some((kind.clone(), proposal.path.clone()?))).collect();
    let new_types: IndexMap<String, (String, Option<String>)> = found
        .types
        .iter()
        .filter(|(kind, _)| !known.is_empty() && !known.contains(kind))
        .filter_map(|(kind, proposal)| Some((kind.clone(), (proposal.path.clone()?, proposal.scheme.clone()))))
        .collect();
    let url = if found.url.contains("://") {
        found.url
    } else {
        crate::builtin::client::relative_to(&workspace.base(), &places::absolute(std::path::Path::new(&found.url))?)
    };
    let text = add_repository(
        &workspace.manifest.path,
        &workspace.manifest.text,
        &NewRepository { name: name.clone(), r#use: "builtin:index".into(), url: url.clone(), types: new_types.clone() },
    )?;
    crate::manifest::Manifest::parse(&workspace.manifest.path, text.clone())?;
    let written = !workspace.globals.dry_run;
    if written {
        workspace.write_manifest(&text)?;
    }
    Ok(UseReport { schema: "greffon/repo-use/1", name, url, types, elements: found.elements, added_types: new_types.keys().cloned().collect(), written })
}
