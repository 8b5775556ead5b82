//! What is locked stays at its commit: of several commits that hold one version (a tag's, and those between two tags) the one that
//! the lock names, and a version that no tag or branch holds any more, until somebody asks for an update.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Standard;
use super::fit::other_source;
use super::locking::{download_of, source_of};
use super::moved::Moved;
use super::provider::Found;
use super::resolved::{Resolved, info_of};
use crate::builtin::repository::GitElement;
use crate::error::{ErrorKind, Result};
use crate::model::{Download, ElementId, ElementInfo, GitPin, Lock, LockedElement, ObjectId, Pin, Version, WantedSite};
use crate::roles::{Context, Level, RefVersions, UpdateChoice};
use crate::sys::fs::failpoint;
use crate::sys::git::Want;

/// The commits that one site's lock holds on to.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// By element: one entry a version, the site's own before those of other sites.
    entries: HashMap<ElementId, Vec<(Version, LockedElement)>>,
    laid: Mutex<HashMap<(ElementId, Version), LockedElement>>,
    moved: Mutex<Vec<Moved>>,
}

impl Kept {
    /// What a site's lock keeps: git commits, but for what may move and for what the manifest has from elsewhere by now.
    pub(super) fn of(site: &WantedSite, lock: &Lock, update: &UpdateChoice) -> Self {
        let mut kept = Self::default();
        if *update == UpdateChoice::All || failpoint::broken("kept") {
            return kept;
        }
        let free = |id: &ElementId| matches!(update, UpdateChoice::These(these) if these.iter().any(|(free, _)| free == id));
        for id in lock.elements.keys().map(|key| &key.id).filter(|id| !free(id)) {
            if kept.entries.contains_key(id) {
                continue;
            }
            let mut entries: Vec<(Version, LockedElement)> = Vec::new();
            for (pin, locked) in lock.entry(&site.name, id).into_iter().chain(lock.entries(id)) {
                let elsewhere = site.elements.get(id).is_some_and(|wanted| other_source(wanted, locked).is_some());
                if !elsewhere && locked.git.is_some() && locked.commit.is_some() && !entries.iter().any(|(version, _)| *version == pin.version) {
                    entries.push((pin.version.clone(), locked.clone()));
                }
            }
            kept.entries.insert(id.clone(), entries);
        }
        kept
    }

    /// The entry that a chosen version keeps, where that is another commit than its source offers for it.
    pub(super) fn entry(&self, id: &ElementId, version: &Version) -> Option<LockedElement> {
        self.laid.lock().unwrap_or_else(PoisonError::into_inner).get(&(id.clone(), version.clone())).cloned()
    }

    /// A tag of this version that stands elsewhere than it was locked.
    pub(super) fn moved(&self, id: &ElementId, version: &Version) -> Option<Moved> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.iter().find(|moved| moved.id == *id && moved.pin.version == *version).cloned()
    }

    /// Puts what is kept in the place of what the same source offers for the same version, or beside it. `name`: the repository
    /// that delivers a candidate, `None` for the element's own source.
    pub(super) fn lay<F: Clone>(
        &self,
        client: &Standard,
        cx: &Context,
        id: &ElementId,
        versions: &mut Vec<Found<F>>,
        name: impl Fn(&F) -> Option<String>,
    ) -> Result<()> {
        for (version, locked) in self.entries.get(id).into_iter().flatten() {
            let same = |found: &&Found<F>| found.1.as_ref().is_some_and(|info| is_of(info, locked)) && name(&found.2) == locked.repository;
            let Some((_, Some(like), from)) = versions.iter().find(same).cloned() else { continue };
            let at = versions.iter().position(|(known, ..)| known == version);
            let there = at.map(|at| &versions[at]);
            if there.is_some_and(|found| !same(&found)) || there.and_then(|found| found.1.as_deref()).is_some_and(|info| is_just(info, locked)) {
                continue;
            }
            if let Some(now) = tag_now(client, locked, versions) {
                let pin = Pin { version: version.clone(), discriminator: String::new() };
                self.moved.lock().unwrap_or_else(PoisonError::into_inner).push(Moved { id: id.clone(), pin, before: locked.clone(), now });
                continue;
            }
            let offered = there.and_then(|found| found.1.clone());
            let info = info_at(client, cx, id, version, locked, (offered.as_deref(), &like))?;
            let found = (version.clone(), Some(Arc::new(info)), from);
            match at {
                Some(at) => versions[at] = found,
                None => versions.push(found),
            }
            self.laid.lock().unwrap_or_else(PoisonError::into_inner).insert((id.clone(), version.clone()), locked.clone());
        }
        Ok(())
    }
}

/// What the code at the commit says; where it cannot be had, what the lock says.
/// `offered`: what the source has of this version at another commit; `like`: another version of it.
fn info_at(
    client: &Standard,
    cx: &Context,
    id: &ElementId,
    version: &Version,
    locked: &LockedElement,
    (offered, like): (Option<&ElementInfo>, &ElementInfo),
) -> Result<ElementInfo> {
    let read = match read(client, cx, id, locked) {
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            cx.log(Level::Detail, format!("{id} {version}: what is locked cannot be read, so what the lock says of it serves: {error}"));
            None
        }
        Ok(read) => read.filter(|info| info.version == *version),
    };
    let mut info = read.unwrap_or_else(|| {
        let pin = Pin { version: version.clone(), discriminator: String::new() };
        let mut info = info_of(&Resolved { id: id.clone(), pin, locked: locked.clone() }, &client.parts.base);
        if let Some(offered) = offered {
            info.recommends.clone_from(&offered.recommends);
            info.published.clone_from(&offered.published);
            info.release.clone_from(&offered.release);
        }
        info
    });
    info.id = id.clone();
    info.scheme = locked.scheme.clone().or_else(|| like.scheme.clone());
    info.yanked = offered.map_or_else(|| locked.yanked.clone(), |offered| offered.yanked.clone());
    info.download = download_of(locked, &client.parts.base);
    Ok(info)
}

fn read(client: &Standard, cx: &Context, id: &ElementId, locked: &LockedElement) -> Result<Option<ElementInfo>> {
    let (Some(git), Some(commit)) = (&locked.git, locked.commit) else { return Ok(None) };
    let parts = &client.parts;
    // A core is a large download, and nothing but a site's files needs it.
    if parts.installer.ref_versions(id.kind()) == RefVersions::Names {
        return Ok(None);
    }
    let element = GitElement {
        id: id.clone(),
        source: parts.sources.open(git, None)?,
        subdir: locked.subdir.clone(),
        submodules: locked.submodules,
        pin: GitPin::Rev(commit.to_string()),
        scheme: client.schemes.of(id, None, locked.scheme.as_deref())?,
        installer: Arc::clone(&parts.installer),
        stockroom: parts.stockroom.clone(),
    };
    let reference = locked.reference.clone().filter(|name| name.starts_with("refs/"));
    element.at(cx, &Want { reference, commit })
}

/// Whether a candidate is from the source of a lock entry.
fn is_of(info: &ElementInfo, locked: &LockedElement) -> bool {
    match &info.download {
        Some(Download::Git { git, subdir, .. }) => Some(source_of(git)) == locked.git && *subdir == locked.subdir,
        _ => false,
    }
}

/// Whether a candidate has the bytes of a lock entry. Without a commit it is whatever its ref leads to: a tag that is locked is
/// looked at when it is chosen.
fn is_just(info: &ElementInfo, locked: &LockedElement) -> bool {
    match &info.download {
        Some(Download::Git { commit: None, .. }) => locked.reference.as_deref().is_some_and(|name| name.starts_with("refs/tags/")),
        Some(Download::Git { commit, submodules, .. }) => *commit == locked.commit && *submodules == locked.submodules,
        _ => false,
    }
}

/// Where the locked tag stands by now, if that is elsewhere: as the remote told this process, or as a candidate has it.
fn tag_now<F>(client: &Standard, locked: &LockedElement, versions: &[Found<F>]) -> Option<ObjectId> {
    let tag = locked.reference.as_deref().filter(|name| name.starts_with("refs/tags/"))?;
    let told = client.parts.sources.open(locked.git.as_deref()?, None).ok().and_then(|source| source.told()).unwrap_or_default();
    let of_candidate = |info: &ElementInfo| match &info.download {
        Some(Download::Git { rev, commit, .. }) if rev == tag && is_of(info, locked) => *commit,
        _ => None,
    };
    let offered = versions.iter().filter_map(|(_, info, _)| of_candidate(info.as_deref()?));
    told.iter().filter(|offered| offered.name == tag).map(|offered| offered.commit).chain(offered).find(|commit| Some(*commit) != locked.commit)
}
