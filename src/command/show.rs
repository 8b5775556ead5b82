//! `show` and `search`: what the repositories know.

use serde::Serialize;

use super::{Workspace, parse_element};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{EXTENSIONS, ElementId, ElementInfo, Requirement, Source, Version, WantedSite};
use crate::roles::{ElementInfoRequest, SearchHit, SearchRequest, Versions, VersionsRequest};

/// What is known of one element.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/show/1`.
    pub schema: &'static str,
    /// The element.
    pub element: ElementId,
    /// The repository that owns its name.
    pub repository: String,
    /// Others that know it, and are not asked.
    pub also_in: Vec<String>,
    /// Every version, newest first.
    pub versions: Vec<VersionLine>,
    /// The metadata of the chosen version, else of the newest.
    pub info: Option<ElementInfo>,
    /// Site and locked version.
    pub locked: Vec<(String, String)>,
}

/// One version.
#[derive(Debug, Clone, Serialize)]
pub struct VersionLine {
    /// As its author wrote it.
    pub version: Version,
    /// When.
    pub published: Option<String>,
    /// Why it was withdrawn.
    pub yanked: Option<String>,
}

/// Shows one element, `NAME[@VERSION]`.
///
/// # Errors
/// `NotFound` when nobody knows it.
pub fn run(workspace: &Workspace, text: &str) -> Result<Report> {
    let argument = parse_element(text)?;
    let id = workspace.any_element(&argument.name)?;
    let cx = &workspace.machine.cx;
    let asked = || workspace.manifest.everything().filter_map(|site| site.elements.get(&id));
    let own =
        |site: &&WantedSite| (id.kind() == EXTENSIONS) == workspace.manifest.extension_site.as_ref().is_some_and(|extensions| extensions.name == site.name);
    let locked: Vec<(String, String)> = workspace
        .manifest
        .everything()
        .filter(own)
        .filter_map(|site| Some((site.name.clone(), workspace.lock.entry(&site.name, &id)?.0.to_string())))
        .collect();
    if !locked.is_empty() && asked().any(|wanted| !matches!(wanted.source, Source::Repositories { .. })) {
        return of_lock(workspace, id, locked, argument.requirement.as_ref());
    }
    let only = asked().find_map(|wanted| if let Source::Repositories { only: Some(only) } = &wanted.source { Some(only.as_str()) } else { None });
    let mut owner = None;
    let mut also_in = Vec::new();
    for repository in workspace.roles.repositories.iter().filter(|repository| only.is_none_or(|only| repository.name() == only)) {
        if let Versions::Known(entries) = repository.versions(cx, &VersionsRequest { id: id.clone() })? {
            if owner.is_none() {
                owner = Some((repository, entries));
            } else {
                also_in.push(repository.name().to_owned());
            }
        }
    }
    let Some((repository, mut entries)) = owner else {
        if !locked.is_empty() {
            return of_lock(workspace, id, locked, argument.requirement.as_ref());
        }
        let near: Vec<String> = crate::builtin::client::nearest_known(&workspace.roles.repositories, &id).iter().map(|id| format!("`{id}`")).collect();
        let hint = if near.is_empty() { "`greffon search TEXT` looks for names".to_owned() } else { format!("did you mean {}?", near.join(" or ")) };
        return Err(Error::new(ErrorKind::NotFound, format!("no repository knows {id}")).hint(hint));
    };
    let told = entries.iter().find_map(|entry| entry.info.as_ref().and_then(|info| info.scheme.clone()));
    let wanted = workspace.manifest.everything().find_map(|site| site.elements.get(&id));
    let scheme = workspace.schemes.of(&id, wanted, told.as_deref())?;
    entries.sort_by(|a, b| scheme.compare(&b.version, &a.version));
    let chosen = match &argument.requirement {
        Some(requirement) => {
            let matcher = scheme.requirement(requirement)?;
            entries.iter().find(|entry| entry.version.as_str() == requirement.as_str()).or_else(|| entries.iter().find(|entry| matcher.matches(&entry.version)))
        }
        None => entries.iter().find(|entry| entry.info.as_ref().is_none_or(|info| info.yanked.is_none())).or_else(|| entries.first()),
    };
    let info = match chosen {
        Some(entry) => repository.element_info(cx, &ElementInfoRequest { id: id.clone(), version: entry.version.clone() })?,
        None => None,
    };
    if let (Some(requirement), None) = (&argument.requirement, &info) {
        let known: Vec<&str> = entries.iter().take(5).map(|entry| entry.version.as_str()).collect();
        return Err(Error::new(ErrorKind::NotFound, format!("{id} has no version {requirement}")).hint(format!("newest: {}", known.join(", "))));
    }
    let versions = entries
        .iter()
        .map(|entry| VersionLine {
            version: entry.version.clone(),
            published: entry.info.as_ref().and_then(|info| info.published.clone()),
            yanked: entry.info.as_ref().and_then(|info| info.yanked.clone()),
        })
        .collect();
    Ok(Report { schema: "greffon/show/1", element: id, repository: repository.name().to_owned(), also_in, versions, info, locked })
}

/// An element with a source of its own: what the lock has of it, and what a git source offers beside that.
fn of_lock(workspace: &Workspace, id: ElementId, locked: Vec<(String, String)>, requirement: Option<&Requirement>) -> Result<Report> {
    let entries: Vec<_> = workspace.lock.entries(&id).collect();
    let info = entries.last().map(|(pin, entry)| {
        let mut info = ElementInfo::bare(id.clone(), pin.version.clone());
        info.dependencies.clone_from(&entry.dependencies);
        info.conflicts.clone_from(&entry.conflicts);
        info
    });
    let source = entries
        .last()
        .and_then(|(_, entry)| entry.git.as_deref().or(entry.url.as_deref()).map(crate::sys::redact).or_else(|| entry.path.clone()))
        .unwrap_or_default();
    let own = workspace.own_versions(&id)?;
    let info = match requirement {
        None => info,
        Some(requirement) => {
            let wanted = workspace.manifest.everything().find_map(|site| site.elements.get(&id));
            let matcher = workspace.schemes.of(&id, wanted, None)?.requirement(requirement)?;
            let fits = |info: &&ElementInfo| info.version.as_str() == requirement.as_str() || matcher.matches(&info.version);
            let found = own.iter().find(fits).cloned().or_else(|| info.filter(|info| fits(&info)));
            let newest = || own.iter().take(5).map(|info| info.version.as_str()).collect::<Vec<_>>().join(", ");
            Some(found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{id} has no version {requirement}")).hint(format!("newest: {}", newest())))?)
        }
    };
    let mut versions: Vec<VersionLine> =
        own.into_iter().map(|info| VersionLine { version: info.version, published: info.published, yanked: info.yanked }).collect();
    if versions.is_empty() {
        versions = entries.iter().map(|(pin, entry)| VersionLine { version: pin.version.clone(), published: None, yanked: entry.yanked.clone() }).collect();
    }
    Ok(Report { schema: "greffon/show/1", element: id, repository: source, also_in: Vec::new(), versions, info, locked })
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct SearchReport {
    /// `greffon/search/1`.
    pub schema: &'static str,
    /// Best first, a repository after the other.
    pub hits: Vec<Found>,
}

/// One thing found.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// Where.
    pub repository: String,
    /// What.
    #[serde(flatten)]
    pub hit: SearchHit,
}

/// Searches every repository.
///
/// # Errors
/// Whatever a repository fails with.
pub fn search(workspace: &Workspace, text: &str, limit: usize) -> Result<SearchReport> {
    let mut hits: Vec<Found> = Vec::new();
    for repository in &workspace.roles.repositories {
        let found = repository.search(&workspace.machine.cx, &SearchRequest { text: text.to_owned(), limit })?;
        hits.extend(found.into_iter().map(|hit| Found { repository: repository.name().to_owned(), hit }));
    }
    hits.truncate(limit);
    Ok(SearchReport { schema: "greffon/search/1", hits })
}
