//! `add`: elements into manifest and lock; `install` is this and a sync.

use serde::Serialize;

use super::edited::Edited;
use super::lock::{LockChange, compare};
use super::{Workspace, parse_element};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, NewElement, add_elements};
use crate::model::{Digest, ElementId, GitPin, Lock, Origin, Requirement, Source, Version, WantedSite};
use crate::registry::BROUGHT_ALONG;
use crate::roles::{PlanDepth, UpdateChoice};
use crate::sys::places;

/// What `add` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `TYPE/NAME[@REQUIREMENT]`, or bare names.
    pub elements: Vec<String>,
    /// `--git URL`.
    pub git: Option<String>,
    /// `--tag`.
    pub tag: Option<String>,
    /// `--branch`.
    pub branch: Option<String>,
    /// `--rev`.
    pub rev: Option<String>,
    /// `--subdir`.
    pub subdir: Option<String>,
    /// `--path`.
    pub path: Option<String>,
    /// `--url`.
    pub url: Option<String>,
    /// `--sha256`.
    pub sha256: Option<String>,
    /// `--version`, for what comes from a url or a path.
    pub version: Option<String>,
    /// `--repository NAME`.
    pub repository: Option<String>,
    /// `--group NAME`.
    pub group: Option<String>,
}

/// What `add` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/add/1`.
    pub schema: &'static str,
    /// What was written into the manifest: element and requirement.
    pub added: Vec<Added>,
    /// What changed in the lock.
    pub changes: Vec<LockChange>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One element that was added.
#[derive(Debug, Clone, Serialize)]
pub struct Added {
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// The requirement in the manifest.
    pub requirement: String,
    /// The version that was locked.
    pub version: String,
    /// The newest there is, where the requirement prefers another (3m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The command that takes the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes_newest: Option<String>,
}

/// Resolves with the new elements, then writes manifest and lock; neither is touched when that fails.
///
/// # Errors
/// As [`prepare`]; `Io`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let edited = prepare(workspace, options)?;
    if !workspace.globals.dry_run {
        super::patch::check(workspace, &edited.manifest.sites, &edited.lock)?;
        workspace.write(Some(&edited.manifest.text), Some(&edited.lock))?;
    }
    Ok(edited.report)
}

/// The manifest with the elements, resolved.
///
/// # Errors
/// `Usage`; `NotFound` with the nearest names; `Conflict`.
pub fn prepare(workspace: &Workspace, options: &Options) -> Result<Edited<Report>> {
    if workspace.globals.locked || workspace.globals.frozen {
        return Err(Error::new(ErrorKind::Usage, "this changes the lock, which --locked and --frozen forbid"));
    }
    let mut elements = Vec::with_capacity(options.elements.len());
    for text in &options.elements {
        let argument = parse_element(text)?;
        let source = source(workspace, options)?;
        let from_repositories = matches!(source, Source::Repositories { .. });
        let id = if from_repositories {
            workspace.any_element(&argument.name)?
        } else {
            match argument.name.parse::<ElementId>() {
                Ok(id) => workspace.of_known_type(id)?,
                Err(_) => workspace.any_element(&argument.name)?,
            }
        };
        if elements.iter().any(|known: &NewElement| known.id == id) {
            return Err(Error::new(ErrorKind::Usage, format!("{id} is named twice")));
        }
        elements.push(NewElement { id, requirement: argument.requirement, source, group: options.group.clone() });
    }
    if elements.len() > 1 && (options.url.is_some() || options.path.is_some()) {
        return Err(Error::new(ErrorKind::Usage, "one url or path is one element: add them one by one"));
    }
    let site = single_site(workspace)?;
    // First as asked, so that the version is known; then with the requirement that the scheme writes for it.
    let text = add_elements(&workspace.manifest.path, &workspace.manifest.text, &elements, site.as_deref())?;
    // What is added is free to be what the requirement prefers, also where another version of it is locked.
    let free = elements.iter().map(|element| (element.id.clone(), None)).collect();
    let (manifest, plan) = resolve_with(workspace, text, UpdateChoice::These(free)).map_err(|error| unknown_here(workspace, &elements, error))?;
    let mut newest: Vec<(ElementId, Version, String)> = Vec::new();
    for element in &mut elements {
        if element.requirement.is_none() && may_default(&element.source) {
            let version = locked_version(&manifest, &plan.lock, &element.id)?;
            let wanted = manifest.everything().find_map(|site| site.elements.get(&element.id));
            let told = plan.lock.entries(&element.id).next().and_then(|(_, locked)| locked.scheme.clone());
            let scheme = workspace.schemes.of(&element.id, wanted, told.as_deref())?;
            let requirement = scheme.default_requirement(&version);
            if requirement != Requirement::any() {
                newest.push((element.id.clone(), version, scheme.name().to_owned()));
            }
            element.requirement = Some(requirement);
        }
    }
    let (manifest, plan) = if newest.is_empty() {
        (manifest, plan)
    } else {
        let text = add_elements(&workspace.manifest.path, &workspace.manifest.text, &elements, site.as_deref())?;
        // What the requirement prefers is locked, which need not be the newest (3m): else the next `update` would go back.
        let free = elements.iter().map(|element| (element.id.clone(), None)).collect();
        resolve_with(workspace, text, UpdateChoice::These(free))?
    };
    let mut added = Vec::with_capacity(elements.len());
    for element in &elements {
        let version = locked_version(&manifest, &plan.lock, &element.id).map(|version| version.to_string()).unwrap_or_default();
        let passed_over = newest.iter().find(|(id, newest, _)| *id == element.id && newest.as_str() != version);
        added.push(Added {
            r#type: element.id.kind().to_owned(),
            name: element.id.name().to_owned(),
            requirement: element.requirement.as_ref().map_or("*", Requirement::as_str).to_owned(),
            version,
            newest: passed_over.map(|(_, newest, _)| newest.to_string()),
            takes_newest: passed_over.map(|(id, newest, scheme)| {
                let git = options.git.as_ref().map(|git| format!(" --git {}", crate::sys::redact(git))).unwrap_or_default();
                format!("greffon add {id}@{}{git}", newest_of(newest, scheme))
            }),
        });
    }
    let report = Report { schema: "greffon/add/1", added, changes: compare(&workspace.lock, &plan.lock), warnings: plan.warnings };
    Ok(Edited { manifest, lock: plan.lock, report })
}

/// Reads a manifest's new text and resolves it, new elements at their newest, the others as they are.
pub(super) fn resolve(workspace: &Workspace, text: String) -> Result<(Manifest, crate::model::Plan)> {
    resolve_with(workspace, text, UpdateChoice::Keep)
}

fn resolve_with(workspace: &Workspace, text: String, update: UpdateChoice) -> Result<(Manifest, crate::model::Plan)> {
    let manifest = Manifest::parse(&workspace.manifest.path, text)?;
    let mut request = workspace.request(&[], PlanDepth::Resolve, update);
    request.wanted = placed_as_on_disk(&workspace.manifest, &manifest);
    let plan = workspace.or_offer(super::hooks::resolving(workspace, &manifest, &request), &manifest)?;
    Ok((manifest, plan))
}

/// The sites of a manifest that is not written yet. Errors show the file as it is, so that is where its elements are said;
/// what is new is said nowhere so far.
pub(super) fn placed_as_on_disk(disk: &Manifest, edited: &Manifest) -> Vec<WantedSite> {
    let mut sites = edited.sites.clone();
    for site in &mut sites {
        as_on_disk(disk.sites.iter().find(|before| before.name == site.name), site);
    }
    sites
}

/// The elements of a site, each said where the file on disk says it.
pub(super) fn as_on_disk(before: Option<&WantedSite>, site: &mut WantedSite) {
    for (id, element) in &mut site.elements {
        let said = before.and_then(|before| before.elements.get(id)).map(|element| element.origin.clone());
        element.origin = said.unwrap_or_else(|| Origin { file: "this command".into(), ..Origin::default() });
    }
}

/// One named site gets an entry of its own; otherwise the shared tables are edited.
pub(super) fn single_site(workspace: &Workspace) -> Result<Option<String>> {
    match workspace.globals.sites.as_slice() {
        [site] if workspace.manifest.sites.len() > 1 => {
            workspace.chosen(true)?;
            Ok(Some(site.clone()))
        }
        [] | [_] => Ok(None),
        _ => Err(Error::new(ErrorKind::Usage, "elements are added to all sites, or to one named by `--site`")),
    }
}

/// Where no repository is configured, a name alone leads nowhere.
fn unknown_here(workspace: &Workspace, elements: &[NewElement], error: Error) -> Error {
    let by_name = elements.iter().any(|element| matches!(element.source, Source::Repositories { .. }));
    if error.kind() == ErrorKind::NotFound && by_name && workspace.roles.repositories.iter().all(|known| known.name() == BROUGHT_ALONG) {
        return error.hint("the manifest names no repository: say where it comes from (`--git`, `--path`, `--url`), or add one with `greffon repo use URL`");
    }
    error
}

/// A requirement that takes this version, and newer ones of its kind.
fn newest_of(version: &Version, scheme: &str) -> String {
    let text = version.as_str();
    match text.trim_start_matches('v').split('.').collect::<Vec<_>>().as_slice() {
        [major, medium, ..] if scheme == "3m" => format!("{major}.{medium}.*"),
        _ => text.to_owned(),
    }
}

fn may_default(source: &Source) -> bool {
    matches!(source, Source::Repositories { .. } | Source::Git { pin: GitPin::Version, .. })
}

fn locked_version(manifest: &Manifest, lock: &Lock, id: &ElementId) -> Result<Version> {
    let uses = |site: &&WantedSite| site.elements.contains_key(id);
    let site = manifest.everything().find(uses);
    site.and_then(|site| lock.entry(&site.name, id))
        .map(|(pin, _)| pin.version.clone())
        .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("no site would use {id}")).hint("its group is not in any site's `groups`"))
}

fn source(workspace: &Workspace, options: &Options) -> Result<Source> {
    let given = [options.git.is_some(), options.path.is_some(), options.url.is_some(), options.repository.is_some()].iter().filter(|given| **given).count();
    if given > 1 {
        return Err(Error::new(ErrorKind::Usage, "`--git`, `--path`, `--url` and `--repository` exclude each other"));
    }
    let version = options.version.as_deref().map(Version::new);
    if let Some(git) = &options.git {
        let pin = match (&options.tag, &options.branch, &options.rev) {
            (None, None, None) => GitPin::Version,
            (Some(tag), None, None) => GitPin::Tag(tag.clone()),
            (None, Some(branch), None) => GitPin::Branch(branch.clone()),
            (None, None, Some(rev)) => GitPin::Rev(rev.clone()),
            _ => return Err(Error::new(ErrorKind::Usage, "`--tag`, `--branch` and `--rev` exclude each other")),
        };
        return Ok(Source::Git { git: git.clone(), pin, subdir: options.subdir.clone(), submodules: false });
    }
    if options.tag.is_some() || options.branch.is_some() || options.rev.is_some() || options.subdir.is_some() {
        let error = Error::new(ErrorKind::Usage, "`--tag`, `--branch`, `--rev` and `--subdir` belong to `--git`");
        return Err(match (&options.path, &options.subdir) {
            (Some(path), Some(subdir)) => error.hint(format!("name the folder itself: `--path {}`", std::path::Path::new(path).join(subdir).display())),
            _ => error.hint("name the repository with `--git URL`"),
        });
    }
    if let Some(path) = &options.path {
        return Ok(Source::Path { path: places::absolute(std::path::Path::new(path))?, version });
    }
    if let Some(url) = &options.url {
        let sha256 = options.sha256.as_deref().map(str::parse::<Digest>).transpose()?;
        return Ok(Source::Url { url: url.clone(), version, sha256 });
    }
    if let Some(repository) = &options.repository
        && !workspace.roles.repositories.iter().any(|known| known.name() == repository)
    {
        return Err(Error::new(ErrorKind::Usage, format!("there is no repository `{}` in `[[config.repositories]]`", repository.escape_debug())));
    }
    Ok(Source::Repositories { only: options.repository.clone() })
}
