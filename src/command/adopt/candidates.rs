//! What an element of an adopted tree could be: commits of its repository, asked for by tags and branches, by its own `.git`, and
//! by the history of a repository on this machine.

use std::path::Path;

use super::disk::Place;
use crate::builtin::client::source_of;
use crate::builtin::downloader::with_submodules;
use crate::builtin::repository::GitElement;
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Download, ElementId, GitPin, LockedElement, ObjectId, Version};
use crate::roles::{Level, RefVersions, Surveyed, Versions, VersionsRequest};
use crate::sys::git::{Checkout, Source, Want, commits_with, having, leading_ref};

/// Beyond this many refs those of a core are chosen by their names: each is a large download.
const MANY: usize = 64;
/// How many commits of a remote history are fetched to be compared.
const NEAR: usize = 3;

/// One thing that it could be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    /// The whole tree, before the installer says which folder of it is the element.
    pub(super) tree: ObjectId,
    /// Where it is from, as the lock would have it.
    pub(super) locked: LockedElement,
    /// Whether a checkout stands at it.
    pub(super) own: bool,
}

/// A repository that may hold an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) subdir: Option<String>,
    pub(super) submodules: bool,
    /// The configured repository that says so.
    pub(super) repository: Option<String>,
}

impl Origin {
    pub(super) fn plain(url: impl Into<String>) -> Self {
        Self { url: url.into(), subdir: None, submodules: false, repository: None }
    }

    fn locked(&self, reference: Option<String>, commit: ObjectId, tree: ObjectId) -> LockedElement {
        LockedElement {
            repository: self.repository.clone(),
            git: Some(source_of(&self.url)),
            reference,
            commit: Some(commit),
            subdir: self.subdir.clone(),
            submodules: self.submodules,
            tree: Some(tree),
            ..LockedElement::default()
        }
    }
}

/// What the configured repositories say of an element: where its git repository is.
pub(super) fn configured(workspace: &Workspace, id: &ElementId) -> Result<Option<Origin>> {
    for repository in &workspace.roles.repositories {
        // What stands at all its tags is not needed to know where it is.
        if let Some(home) = repository.home(&workspace.machine.cx, id)? {
            return Ok(Some(Origin { url: home.git, subdir: home.subdir, submodules: home.submodules, repository: Some(repository.name().to_owned()) }));
        }
        let Versions::Known(entries) = repository.versions(&workspace.machine.cx, &VersionsRequest { id: id.clone() })? else { continue };
        for entry in entries {
            let info = match entry.info {
                Some(info) => Some(info),
                None => repository.element_info(&workspace.machine.cx, &crate::roles::ElementInfoRequest { id: id.clone(), version: entry.version.clone() })?,
            };
            if let Some(Download::Git { git, subdir, submodules, .. }) = info.and_then(|info| info.download) {
                return Ok(Some(Origin { url: git, subdir, submodules, repository: Some(repository.name().to_owned()) }));
            }
        }
        return Ok(None);
    }
    Ok(None)
}

/// The commits that tags and branches lead to; a checkout's own commit alone, where the repository gives it.
/// `marker`: a file of the element and what stands there. Of a repository on this machine only the commits that have just this file
/// are looked at, where there are some.
pub(super) fn of_refs(
    workspace: &Workspace,
    seen: &Surveyed,
    origin: &Origin,
    checkout: Option<&Checkout>,
    marker: Option<(&str, ObjectId)>,
) -> Result<Vec<Candidate>> {
    let cx = &workspace.machine.cx;
    let source = workspace.machine.sources.open(&origin.url, None)?;
    let mut refused = None;
    if let Some(pushed) = checkout.and_then(|checkout| checkout.pushed) {
        let reference = checkout.and_then(|checkout| checkout.branch.as_ref()).map(|branch| format!("refs/heads/{branch}"));
        match source.fetch(cx, &[Want { reference: reference.clone(), commit: pushed }]).and_then(|()| source.tree(pushed, origin.subdir.as_deref())) {
            Ok(tree) => return Ok(vec![candidate(workspace, origin, &source, reference, (pushed, tree), true)?]),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => refused = Some(error),
        }
    }
    let installer = &workspace.roles.installer;
    let kind = seen.id.kind();
    let mut refs = source.refs(cx)?;
    refs.retain(|found| found.name.starts_with("refs/heads/") || found.name.starts_with("refs/tags/"));
    if refs.len() > MANY && installer.ref_versions(kind) == RefVersions::Names {
        let branch = seen.version.as_ref().and_then(|version| version.as_str().rsplit_once('.')).map(|(branch, _)| Version::new(format!("{branch}+")));
        refs.retain(|found| {
            let said = installer.version_of_ref(kind, &found.name);
            said.is_some() && (said == seen.version || said == branch)
        });
    }
    // Of a tag and a branch at one commit the tag is told.
    refs.sort_by(|a, b| (!a.name.starts_with("refs/tags/"), &b.name).cmp(&(!b.name.starts_with("refs/tags/"), &a.name)));
    let mut candidates: Vec<(String, ObjectId)> = Vec::new();
    for found in refs {
        if !candidates.iter().any(|(_, commit)| *commit == found.commit) {
            candidates.push((found.name, found.commit));
        }
    }
    if let Some((path, blob)) = marker
        && Path::new(&origin.url).is_absolute()
    {
        let commits: Vec<ObjectId> = candidates.iter().map(|(_, commit)| *commit).collect();
        let having = having(Path::new(&origin.url), &commits, &inside(origin, path), blob)?;
        if !having.is_empty() {
            candidates.retain(|(_, commit)| having.contains(commit));
        }
    }
    let wants: Vec<Want> = candidates.iter().map(|(name, commit)| Want { reference: Some(name.clone()), commit: *commit }).collect();
    for (want, error) in source.fetch_most(cx, &wants)? {
        cx.log(Level::Warning, format!("{}: `{}` is left out: {error}", seen.id, want.reference.unwrap_or_default()));
        candidates.retain(|(_, commit)| *commit != want.commit);
    }
    let mut found = Vec::with_capacity(candidates.len());
    for (name, commit) in candidates {
        if let Ok(tree) = source.tree(commit, origin.subdir.as_deref()) {
            found.push(candidate(workspace, origin, &source, Some(name), (commit, tree), false)?);
        }
    }
    match refused {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// What a commit could be; where it has submodules, with them.
fn candidate(
    workspace: &Workspace,
    origin: &Origin,
    source: &Source,
    reference: Option<String>,
    (commit, tree): (ObjectId, ObjectId),
    own: bool,
) -> Result<Candidate> {
    let cx = &workspace.machine.cx;
    workspace.machine.stockroom.objects().refresh()?;
    let root = source.tree(commit, None)?;
    let whole = match with_submodules(&workspace.env, cx, &origin.url, root, origin.subdir.as_deref().unwrap_or_default(), tree) {
        Ok(whole) => whole,
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            cx.log(Level::Warning, format!("the submodules of `{}` could not be fetched: {error}", crate::sys::redact(&origin.url)));
            None
        }
    };
    let tree = whole.unwrap_or(tree);
    let mut locked = origin.locked(reference, commit, tree);
    locked.submodules |= whole.is_some();
    Ok(Candidate { tree, locked, own })
}

/// A file of an element, from the top of its repository.
fn inside(origin: &Origin, marker: &str) -> String {
    origin.subdir.as_ref().map_or_else(|| marker.to_owned(), |subdir| format!("{}/{marker}", subdir.trim_matches('/')))
}

/// Commits of a repository on this machine that no tag or branch points at, and whose marker is the same file.
pub(super) fn of_history(workspace: &Workspace, origin: &Origin, marker: &str, blob: ObjectId) -> Result<Vec<Candidate>> {
    let path = Path::new(&origin.url);
    if !path.is_absolute() {
        return Ok(Vec::new());
    }
    let commits = commits_with(path, &inside(origin, marker), blob)?;
    let source = workspace.machine.sources.open(&origin.url, None)?;
    let wants: Vec<Want> = commits.iter().map(|commit| Want { reference: None, commit: *commit }).collect();
    source.fetch(&workspace.machine.cx, &wants)?;
    let mut found = Vec::with_capacity(commits.len());
    for commit in commits {
        let tree = source.tree(commit, origin.subdir.as_deref())?;
        found.push(candidate(workspace, origin, &source, None, (commit, tree), false)?);
    }
    Ok(found)
}

/// Commits of a repository elsewhere that no tag or branch points at and that are nearest to the files of a place, which `marker` is
/// one of. Its history is fetched for that, without files; what keeps it from being looked through is told, and nothing is found.
pub(super) fn of_past(workspace: &Workspace, seen: &Surveyed, origin: &Origin, place: &Place, (folder, marker): (&str, &str)) -> Result<Vec<Candidate>> {
    let cx = &workspace.machine.cx;
    let elsewhere = !Path::new(&origin.url).is_absolute();
    let Some((entry, _)) = place.files.get(marker).filter(|_| elsewhere && !cx.offline()) else { return Ok(Vec::new()) };
    // The history of a core is a large download.
    if workspace.roles.installer.ref_versions(seen.id.kind()) == RefVersions::Names {
        return Ok(Vec::new());
    }
    let shown = crate::sys::redact(&origin.url);
    cx.log(Level::Info, format!("{}: no tag or branch of `{shown}` is just what stands there; looking through its history", seen.id));
    let source = workspace.machine.sources.open(&origin.url, None)?;
    let files = place.files.iter().map(|(path, (entry, _))| (path.clone(), *entry)).collect();
    let look = || -> Result<Vec<(ObjectId, Option<String>)>> {
        let Some(past) = source.past(cx, workspace.machine.stockroom.scratch()?)? else {
            cx.log(Level::Warning, format!("{}: the history of `{shown}` was not looked through: that needs the git program", seen.id));
            return Ok(Vec::new());
        };
        let near = past.nearest(cx, folder, (marker, entry.id), &files, NEAR)?;
        let mut led = Vec::with_capacity(near.len());
        for commit in near {
            led.push((commit, past.leading(commit)?));
        }
        if !led.is_empty() {
            let wants: Vec<Want> = led.iter().map(|(commit, reference)| Want { reference: reference.clone(), commit: *commit }).collect();
            source.fetch(cx, &wants)?;
        }
        Ok(led)
    };
    let led = match look() {
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            cx.log(Level::Warning, format!("{}: the history of `{shown}` was not looked through: {error}", seen.id));
            return Ok(Vec::new());
        }
        Ok(led) => led,
    };
    let mut found = Vec::with_capacity(led.len());
    for (commit, reference) in led {
        let tree = source.tree(commit, origin.subdir.as_deref())?;
        found.push(candidate(workspace, origin, &source, reference, (commit, tree), false)?);
    }
    Ok(found)
}

/// The ref that leads to the commit of a candidate, where it is not known yet.
pub(super) fn led_to(candidate: &mut Candidate, origin: &Origin) -> Result<()> {
    if candidate.locked.reference.is_none()
        && let Some(commit) = candidate.locked.commit
        && Path::new(&origin.url).is_absolute()
    {
        candidate.locked.reference = leading_ref(Path::new(&origin.url), commit)?;
    }
    Ok(())
}

/// The version that the names of refs give a commit whose code says none.
pub(super) fn named(workspace: &Workspace, id: &ElementId, origin: &Origin, commit: ObjectId) -> Result<Option<crate::model::ElementInfo>> {
    let element = GitElement {
        id: id.clone(),
        source: workspace.machine.sources.open(&origin.url, None)?,
        subdir: origin.subdir.clone(),
        submodules: origin.submodules,
        pin: GitPin::Version,
        scheme: workspace.schemes.of(id, None, None)?,
        installer: std::sync::Arc::clone(&workspace.roles.installer),
        stockroom: workspace.machine.stockroom.clone(),
    };
    let infos = element.infos(&workspace.machine.cx)?;
    Ok(infos.into_iter().find(|info| matches!(&info.download, Some(Download::Git { commit: Some(found), .. }) if *found == commit)))
}

/// An address that the user wrote: a path starts at the working directory.
pub(super) fn address(text: &str) -> Result<String> {
    let remote = text.contains("://") || (text.contains('@') && text.contains(':'));
    if remote {
        return Ok(text.to_owned());
    }
    let path = crate::sys::places::absolute(Path::new(text))?;
    if !crate::sys::fs::kind(&path)?.is_some_and(|kind| kind == crate::sys::fs::PathKind::Folder) {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no repository `{}`", path.display())).hint("name a folder or a url"));
    }
    Ok(path.to_string_lossy().into_owned())
}
