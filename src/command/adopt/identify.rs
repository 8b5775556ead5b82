//! Which element at which commit stands at a place, with which local changes.

use super::candidates::{Candidate, Origin, configured, led_to, named, of_history, of_past, of_refs};
use super::disk::{Difference, Disk, Place};
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementInfo, Entry, GitPin, Graft, LockedElement, ObjectId, Payload, Pin, Requirement, Source, Version, WantedElement, WantedSite};
use crate::roles::{InfoRequest, OwnerView, PlaceRequest, Surveyed};
use crate::sys::archive::{self, Limits};
use crate::sys::fs;
use crate::sys::git::Checkout;

/// What was found out about one element.
#[derive(Debug, Clone)]
pub(super) struct Identified {
    pub(super) seen: Surveyed,
    /// The manifest's entry: where it comes from.
    pub(super) source: Source,
    pub(super) requirement: Requirement,
    pub(super) version: Version,
    pub(super) locked: LockedElement,
    /// Its tree with local changes, and its place.
    pub(super) graft: Graft,
    /// The local changes.
    pub(super) patch: Option<Vec<u8>>,
    /// The files that they change.
    pub(super) changed: Vec<String>,
    /// The manifest and the lock say just this already.
    pub(super) kept: bool,
    /// What was left alone at its place.
    pub(super) notes: Vec<String>,
}

/// What an element is compared with, and how.
pub(super) struct Finder<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) disk: &'a Disk<'a>,
    /// The site as the manifest has it.
    pub(super) wanted: Option<&'a WantedSite>,
    pub(super) view: OwnerView,
}

/// A patch, and the files that it changes.
type Local = (Option<Vec<u8>>, Vec<String>);

/// A candidate that was laid over the place.
struct Fit {
    candidate: Candidate,
    graft: Graft,
    difference: Difference,
}

impl Finder<'_> {
    /// What manifest and lock have of it, where that is what stands there.
    pub(super) fn known(&self, seen: &Surveyed, place: &Place) -> Result<Option<Identified>> {
        let wanted = self.wanted.and_then(|site| site.elements.get(&seen.id));
        let own = self.wanted.and_then(|site| self.workspace.lock.entry(&site.name, &seen.id));
        let entries: Vec<(Pin, LockedElement)> =
            own.into_iter().chain(self.workspace.lock.entries(&seen.id)).map(|(pin, locked)| (pin.clone(), locked.clone())).collect();
        for (pin, locked) in entries {
            let Some(tree) = self.locked_tree(&locked)? else { continue };
            let Some(mut graft) = self.graft(seen, &pin.version, tree, locked.commit)? else { continue };
            let patches = wanted.map(|wanted| wanted.patches.as_slice()).unwrap_or_default();
            let patched = patches
                .iter()
                .try_fold(graft.tree, |tree, patch| self.workspace.machine.stockroom.objects().apply_patch(tree, patch).map(|patched| patched.on(tree)));
            let Ok(patched) = patched else { continue };
            graft.tree = patched;
            let difference = self.disk.compare(self.workspace.machine.stockroom.objects(), place, &graft)?;
            let Some(element) = wanted.cloned().or_else(|| from_lock(seen, &locked)) else { continue };
            if difference.edits.is_empty() {
                return Ok(Some(Identified {
                    seen: seen.clone(),
                    source: element.source,
                    requirement: element.requirement,
                    version: pin.version,
                    locked,
                    graft,
                    patch: None,
                    changed: Vec::new(),
                    kept: wanted.is_some(),
                    notes: passed(place, &difference),
                }));
            }
        }
        Ok(None)
    }

    /// The tree of a lock entry; `None`: it is neither in stock nor to be had.
    fn locked_tree(&self, locked: &LockedElement) -> Result<Option<ObjectId>> {
        let (machine, objects) = (&self.workspace.machine, self.workspace.machine.stockroom.objects());
        if let Some(path) = &locked.path {
            let folder = self.workspace.base().join(path);
            return match fs::kind(&folder)? {
                Some(fs::PathKind::Folder) => Ok(archive::import_directory(&machine.cx, &folder, objects, &Limits::default()).ok().map(|found| found.tree)),
                _ => Ok(None),
            };
        }
        if let Some(tree) = locked.tree.filter(|tree| objects.has(*tree)) {
            return Ok(Some(tree));
        }
        let (Some(git), Some(commit)) = (&locked.git, locked.commit) else { return Ok(None) };
        let source = machine.sources.open(git, None)?;
        let want = crate::sys::git::Want { reference: locked.reference.clone().filter(|name| name.starts_with("refs/")), commit };
        match source.fetch(&machine.cx, &[want]) {
            Ok(()) => source.tree(commit, locked.subdir.as_deref()).map(Some),
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Where a repository may be: as it was told, as the manifest has it, as its own `.git` says, as the repositories know it.
    pub(super) fn origin(&self, seen: &Surveyed, told: Option<&String>, checkout: Option<&Checkout>) -> Result<Option<Origin>> {
        if let Some(url) = told {
            return Ok(Some(Origin::plain(url)));
        }
        if let Some(Source::Git { git, subdir, submodules, .. }) = self.wanted.and_then(|site| site.elements.get(&seen.id)).map(|element| &element.source) {
            return Ok(Some(Origin { url: git.clone(), subdir: subdir.clone(), submodules: *submodules, repository: None }));
        }
        if let Some(url) = checkout.and_then(|checkout| checkout.remote.as_ref()) {
            return Ok(Some(Origin::plain(url)));
        }
        configured(self.workspace, &seen.id)
    }

    /// The commit that stands there or is nearest to it; `None`: nothing there is near.
    pub(super) fn identify(&self, seen: &Surveyed, place: &Place, origin: &Origin, checkout: Option<&Checkout>) -> Result<Option<Identified>> {
        let marker = seen.marker.as_ref().and_then(|marker| Some((marker.as_str(), place.files.get(marker)?.0.id)));
        let candidates = of_refs(self.workspace, seen, origin, checkout, marker)?;
        self.workspace.machine.stockroom.objects().refresh()?;
        let mut best = self.nearest(seen, place, candidates)?;
        let settled = best.as_ref().is_some_and(|best| best.difference.edits.is_empty() || best.candidate.own);
        if !settled
            && let Some(marker) = &seen.marker
            && let Some((entry, _)) = place.files.get(marker)
        {
            let folder = best.as_ref().and_then(|best| best.graft.placement.subdir.clone()).unwrap_or_default();
            let inside = if folder.is_empty() { marker.clone() } else { format!("{folder}/{marker}") };
            let mut older = of_history(self.workspace, origin, &inside, entry.id)?;
            if older.is_empty() {
                let folder = origin.subdir.iter().map(|subdir| subdir.trim_matches('/').to_owned()).chain([folder]).filter(|part| !part.is_empty());
                let folder = folder.collect::<Vec<_>>().join("/");
                older = of_past(self.workspace, seen, origin, place, (&folder, marker))?;
            }
            self.workspace.machine.stockroom.objects().refresh()?;
            let found = self.nearest(seen, place, older)?;
            best = match (best, found) {
                (Some(best), Some(found)) if found.difference.edits.len() < best.difference.edits.len() => Some(found),
                (None, found) => found,
                (best, _) => best,
            };
        }
        match best.filter(|best| best.difference.is_near()) {
            Some(mut fit) => {
                led_to(&mut fit.candidate, origin)?;
                self.described(seen, place, origin, checkout, fit)
            }
            None => Ok(None),
        }
    }

    fn nearest(&self, seen: &Surveyed, place: &Place, candidates: Vec<Candidate>) -> Result<Option<Fit>> {
        let objects = self.workspace.machine.stockroom.objects();
        let marker = seen.marker.as_ref().and_then(|marker| Some((marker, place.files.get(marker)?.0)));
        let mut fits: Vec<(bool, Candidate, Graft)> = Vec::new();
        for candidate in candidates {
            let version = seen.version.clone().unwrap_or_else(|| Version::new("0"));
            let Some(graft) = self.graft(seen, &version, candidate.tree, candidate.locked.commit)? else { continue };
            let same = match &marker {
                Some((marker, entry)) => self.entry(graft.tree, marker)? == Some(*entry),
                None => true,
            };
            fits.push((same, candidate, graft));
        }
        let some = fits.iter().any(|(same, ..)| *same);
        let mut best: Option<Fit> = None;
        for (_, candidate, graft) in fits.into_iter().filter(|(same, ..)| *same || !some) {
            self.workspace.machine.cx.check()?;
            let difference = match self.disk.compare(objects, place, &graft) {
                Ok(difference) => difference,
                // An unreadable file of the site is told; a tree that cannot be listed is no candidate.
                Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Interrupted) => return Err(error),
                Err(_) => continue,
            };
            if best.as_ref().is_none_or(|best| difference.edits.len() < best.difference.edits.len()) {
                let exact = difference.edits.is_empty();
                best = Some(Fit { candidate, graft, difference });
                if exact {
                    break;
                }
            }
        }
        Ok(best)
    }

    fn entry(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>> {
        use crate::roles::{TreeItemKind, Trees as _};
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let items = self.workspace.machine.stockroom.objects().list(tree, folder)?.unwrap_or_default();
        Ok(items.into_iter().find(|item| item.name == name).and_then(|item| match item.what {
            TreeItemKind::File(entry) => Some(entry),
            _ => None,
        }))
    }

    /// The tree at the place where the installer puts it; `None` where that is elsewhere, or it is another element.
    fn graft(&self, seen: &Surveyed, version: &Version, tree: ObjectId, commit: Option<ObjectId>) -> Result<Option<Graft>> {
        let objects = self.workspace.machine.stockroom.objects();
        let request = PlaceRequest { id: seen.id.clone(), version: version.clone(), payload: Payload::Tree { tree, commit }, view: self.view.clone() };
        let Ok(placement) = self.workspace.roles.installer.place(&self.workspace.machine.cx, &request) else { return Ok(None) };
        if placement.path != seen.path || placement.prepare {
            return Ok(None);
        }
        let tree = match &placement.subdir {
            Some(subdir) => objects.subtree(tree, subdir)?,
            None => Some(tree),
        };
        Ok(tree.map(|tree| Graft { id: seen.id.clone(), version: version.clone(), tree, placement }))
    }

    fn described(&self, seen: &Surveyed, place: &Place, origin: &Origin, checkout: Option<&Checkout>, fit: Fit) -> Result<Option<Identified>> {
        let Fit { candidate, mut graft, difference } = fit;
        let Candidate { tree, mut locked, own } = candidate;
        let short = locked
            .reference
            .as_deref()
            .map(|name| name.rsplit_once("refs/heads/").or_else(|| name.rsplit_once("refs/tags/")).map_or(name, |(_, name)| name).to_owned());
        let request = InfoRequest { id: seen.id.clone(), tree, reference: short.clone() };
        let mut info = self.workspace.roles.installer.info(&self.workspace.machine.cx, &request).unwrap_or_default();
        if info.is_none()
            && let Some(commit) = locked.commit
        {
            info = named(self.workspace, &seen.id, origin, commit)?;
        }
        let branch = locked.reference.as_deref().and_then(|name| name.strip_prefix("refs/heads/"));
        let followed = checkout.filter(|_| own).and_then(|checkout| checkout.branch.clone());
        let pin = match (&info, followed, branch) {
            (_, Some(branch), _) => GitPin::Branch(branch),
            (None, None, Some(branch)) => GitPin::Branch(branch.to_owned()),
            (None, None, None) => GitPin::Rev(locked.commit.map(|commit| commit.to_string()).unwrap_or_default()),
            (Some(info), None, Some(branch)) if seen.id.kind() == "core" && !is_release(&info.version) => GitPin::Branch(branch.to_owned()),
            _ => GitPin::Version,
        };
        let info = info.unwrap_or_else(|| ElementInfo::bare(seen.id.clone(), Version::new(short.unwrap_or_else(|| "0.0.0".to_owned()))));
        graft.version = info.version.clone();
        locked.dependencies.clone_from(&info.dependencies);
        locked.conflicts.clone_from(&info.conflicts);
        locked.optional.clone_from(&info.optional);
        let pinned = pin != GitPin::Version;
        let source = match &origin.repository {
            Some(_) => Source::Repositories { only: None },
            None => Source::Git { git: origin.url.clone(), pin, subdir: origin.subdir.clone(), submodules: locked.submodules },
        };
        let requirement = if pinned { Requirement::any() } else { requirement(seen, &info.version) };
        let mut notes = passed(place, &difference);
        let (patch, changed) = match self.patch(place, &mut graft, &difference)? {
            Ok(patch) => patch,
            Err(why) => {
                notes.push(why);
                return Ok(None);
            }
        };
        Ok(Some(Identified { seen: seen.clone(), source, requirement, version: info.version, locked, graft, patch, changed, kept: false, notes }))
    }

    /// The local changes as a patch that is certain to make them; the graft then has them.
    fn patch(&self, place: &Place, graft: &mut Graft, difference: &Difference) -> Result<std::result::Result<Local, String>> {
        if difference.edits.is_empty() {
            return Ok(Ok((None, Vec::new())));
        }
        let objects = self.workspace.machine.stockroom.objects();
        let files: Vec<(String, Entry)> = difference.edits.iter().filter_map(|(path, entry)| Some((path.clone(), (*entry)?))).collect();
        self.disk.keep(objects, place, &files)?;
        let changed = objects.edited(graft.tree, &difference.edits)?;
        let patch = match objects.make_patch(graft.tree, changed, &format!("Local changes of {}", graft.id.name())) {
            Err(error) if error.kind() == ErrorKind::Internal => return Ok(Err(format!("{}: its local changes cannot be written as a patch", graft.id))),
            patch => patch?,
        };
        graft.tree = changed;
        Ok(Ok((Some(patch), difference.edits.iter().map(|(path, _)| path.clone()).collect())))
    }

    /// The element as a copy beside the manifest.
    pub(super) fn vendored(&self, seen: &Surveyed, place: &Place) -> Result<Identified> {
        let tree = self.disk.import(self.workspace.machine.stockroom.objects(), place)?;
        let version = seen.version.clone().unwrap_or_else(|| Version::new("0.0.0"));
        let graft = self
            .graft(seen, &version, tree, None)?
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{} stands at `{}`, where the installer would not put it", seen.id, seen.path)))?;
        let request = InfoRequest { id: seen.id.clone(), tree, reference: None };
        let info = self.workspace.roles.installer.info(&self.workspace.machine.cx, &request).ok().flatten();
        let info = info.unwrap_or_else(|| ElementInfo::bare(seen.id.clone(), version));
        let folder = self.workspace.base().join("vendored").join(seen.id.kind()).join(seen.id.name());
        let locked = LockedElement {
            path: Some(crate::builtin::client::relative_to(&self.workspace.base(), &folder)),
            dependencies: info.dependencies.clone(),
            conflicts: info.conflicts.clone(),
            ..LockedElement::default()
        };
        Ok(Identified {
            seen: seen.clone(),
            source: Source::Path { path: folder, version: None },
            requirement: Requirement::any(),
            version: info.version.clone(),
            locked,
            graft: Graft { version: info.version, ..graft },
            patch: None,
            changed: Vec::new(),
            kept: false,
            notes: passed(place, &Difference::default()),
        })
    }
}

/// An element that only the lock has: another one needs it.
fn from_lock(seen: &Surveyed, locked: &LockedElement) -> Option<WantedElement> {
    let plain = WantedElement::from_repositories(seen.id.clone(), Requirement::any());
    match (&locked.repository, &locked.git) {
        (Some(_), _) => Some(plain),
        (None, Some(git)) => {
            let source = Source::Git { git: git.clone(), pin: GitPin::Version, subdir: locked.subdir.clone(), submodules: locked.submodules };
            Some(WantedElement { source, ..plain })
        }
        _ => None,
    }
}

fn passed(place: &Place, difference: &Difference) -> Vec<String> {
    let links = place.left.iter().map(|path| format!("`{path}` is left alone: it leads out, or git cannot hold its name"));
    let many = (difference.passed > 0).then(|| format!("{} files in `{}` are not the plugin's and are left alone", difference.passed, place.at));
    links.chain(many).collect()
}

fn is_release(version: &Version) -> bool {
    version.as_str().contains('.') && version.as_str().split('.').all(|part| part.len() < 4)
}

/// A core stays in its branch, everything else is free to move.
fn requirement(seen: &Surveyed, version: &Version) -> Requirement {
    match version.as_str().split('.').collect::<Vec<_>>().as_slice() {
        [major, minor, _] if seen.id.kind() == "core" && is_release(version) => Requirement::new(format!("{major}.{minor}")),
        _ => Requirement::any(),
    }
}
