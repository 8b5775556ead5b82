//! Status: a site told element by element. Nothing is written.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::drift;
use super::index::Index;
use super::journal::Journal;
use super::owners::{Owners, plain, split, within};
use super::scan::{Extra, Scan, State, scan};
use super::stand::{Ground, Stand};
use super::{Presence, Site, generations, misplaced};
use crate::error::Result;
use crate::model::{ElementState, ElementStatus, FileState, FileStatus, Graft, SiteState, SiteStatus};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::Kind;

impl Site {
    /// How the files compare with the generation in place. Writes nothing. `verify`: every byte is read; else the stat cache serves.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn status(&self, cx: &Context, verify: bool) -> Result<SiteStatus> {
        self.examine(cx, verify).map(|(status, _)| status)
    }

    /// As [`Self::status`], with what stands in the places of elements that are modified.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn examine(&self, cx: &Context, verify: bool) -> Result<(SiteStatus, Vec<Stand>)> {
        let mut status = SiteStatus {
            name: self.name.clone(),
            state: SiteState::Never,
            generation: None,
            elements: Vec::new(),
            unmanaged: Vec::new(),
            held: None,
            pending: Vec::new(),
        };
        if self.is_elsewhere() {
            status.state = SiteState::Elsewhere;
            return Ok((status, Vec::new()));
        }
        let Some(state) = self.places.open_state()? else { return Ok((status, Vec::new())) };
        let current = super::generations::head(&state)?.map(|(number, _)| number);
        let waiting = super::pending::read(&state)?.and_then(|waiting| waiting.left_over(current));
        let pending = Journal::is_there(&state)? || waiting.is_some();
        status.pending = waiting.map(|waiting| waiting.hooks).unwrap_or_default();
        let index = self.load_index(&state)?;
        if index.generation == 0 {
            if pending {
                status.state = SiteState::Pending;
            }
            return Ok((status, Vec::new()));
        }
        let owners = Owners::new(&index.grafts);
        let root = Dir::open(&self.places.root)?;
        let scan = match &root {
            Some(root) => scan(cx, self.stockroom.files(), root, &index, &owners, self.places.inside.as_deref(), verify)?,
            None => Scan { files: vec![State::Missing; index.files.len()], ..Scan::default() },
        };
        status.generation = Some(index.generation);
        status.held = generations::hold(&state)?.map(|hold| hold.reason);
        let homes = homes(&index.grafts);
        // What lies directly in the site's folder is its owner's (`config.php`, uploads): the core only shares that folder.
        // So is the `.git` of a work tree that was adopted.
        let owners_own = |extra: &Extra| {
            let (folder, name) = split(&extra.path);
            folder.is_empty() || name == ".git" || (extra.folder && homes.contains(folder))
        };
        // Where no element lives at the root, what lies there is no concern of greffon's.
        let at_root = index.grafts.iter().any(|graft| split(plain(&graft.placement.path)).0.is_empty());
        let concerns = |extra: &&Extra| !extra.protected && !extra.in_the_way && (at_root || !split(&extra.path).0.is_empty());
        let (unmanaged, extras): (Vec<&Extra>, Vec<&Extra>) = scan.extras.iter().filter(concerns).partition(|extra| owners_own(extra));
        status.unmanaged = unmanaged.into_iter().map(|extra| extra.path.clone()).collect();
        let ground = Arc::new(Ground { root, owners, ignore: self.places.inside.clone() });
        let stands = settle(&mut status, &ground, &index, &scan, extras)?;
        let drifted = status.elements.iter().any(|element| element.state != ElementState::Clean);
        status.state = if pending {
            SiteState::Pending
        } else if status.held.is_some() {
            // What drifted of it stands with the elements.
            SiteState::Held
        } else if drifted {
            SiteState::Drift
        } else {
            SiteState::Clean
        };
        Ok((status, stands))
    }

    /// What stands at the path.
    ///
    /// # Errors
    /// `Io`.
    pub fn presence(&self) -> Result<Presence> {
        if self.is_elsewhere() {
            return Ok(Presence::Elsewhere);
        }
        if let Some(state) = self.places.open_state()?
            && (Journal::is_there(&state)? || generations::head(&state)?.is_some())
        {
            return Ok(Presence::Known);
        }
        let Some(root) = Dir::open(&self.places.root)? else { return Ok(Presence::Absent) };
        let mut empty = true;
        root.each(|name, _| {
            empty &= name.is_some() && name == self.places.inside.as_deref();
            Ok(())
        })?;
        Ok(if empty || self.own_folder { Presence::Absent } else { Presence::Foreign })
    }
}

/// The folders, deeper than the root, in which elements stand side by side.
pub(super) fn homes(grafts: &[Graft]) -> BTreeSet<&str> {
    grafts.iter().map(|graft| split(plain(&graft.placement.path)).0).filter(|home| !home.is_empty()).collect()
}

/// Tells the elements one by one, those that are not where they belong included.
fn settle(status: &mut SiteStatus, ground: &Arc<Ground>, index: &Index, scan: &Scan, mut extras: Vec<&Extra>) -> Result<Vec<Stand>> {
    status.elements = elements(index, scan, &ground.owners, &extras);
    let mut stands = Vec::new();
    for at in (0..index.grafts.len()).filter(|at| status.elements[*at].state == ElementState::Modified) {
        let inside: Vec<&Extra> = extras.iter().copied().filter(|extra| ground.owners.of(&extra.path) == Some(at)).collect();
        stands.push((at, Stand::new(ground, index, scan, at, &inside)?));
    }
    let found = misplaced::find(ground, index, scan, &misplaced::gone(index, scan, &ground.owners), &stands)?;
    if !found.is_empty() {
        // What is told as a misplaced element is neither unmanaged nor somebody's extra.
        let places: BTreeSet<&str> = found.values().map(String::as_str).collect();
        status.unmanaged.retain(|path| !places.contains(path.as_str()));
        extras.retain(|extra| !places.contains(extra.path.as_str()));
        status.elements = elements(index, scan, &ground.owners, &extras);
        for (at, place) in &found {
            let element = &mut status.elements[*at];
            (element.state, element.found) = (ElementState::Misplaced, Some(place.clone()));
            element.files.clear();
        }
    }
    Ok(stands.into_iter().filter(|(at, _)| status.elements[*at].state == ElementState::Modified).map(|(_, stand)| stand).collect())
}

fn elements(index: &Index, scan: &Scan, owners: &Owners, extras: &[&Extra]) -> Vec<ElementStatus> {
    let mut files: Vec<Vec<FileStatus>> = vec![Vec::new(); index.grafts.len()];
    for file in drift::files(index, scan) {
        if let Some(owner) = owners.of(file.path.trim_end_matches('/')) {
            files[owner].push(file);
        }
    }
    for extra in extras {
        if let Some(owner) = owners.of(&extra.path) {
            let kind = if extra.folder { Kind::Directory } else { Kind::File };
            files[owner].push(FileStatus { path: drift::shown(&extra.path, kind), state: FileState::Extra });
        }
    }
    let recorded = if files.iter().all(Vec::is_empty) { HashMap::new() } else { recorded(index, owners) };
    index
        .grafts
        .iter()
        .zip(files)
        .enumerate()
        .map(|(at, (graft, mut files))| {
            files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
            let missing = files.iter().filter(|file| file.state == FileState::Missing && !file.path.ends_with('/')).count();
            let state = if files.is_empty() {
                ElementState::Clean
            } else if missing > 0 && missing == files.len() && Some(&missing) == recorded.get(&at) {
                files.clear();
                ElementState::Missing
            } else {
                ElementState::Modified
            };
            ElementStatus { id: graft.id.clone(), version: graft.version.clone(), state, found: None, files }
        })
        .collect()
}

/// How many files each element has.
fn recorded(index: &Index, owners: &Owners) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    for folder in &index.folders {
        if folder.files.is_empty() {
            continue;
        }
        // An element begins at a folder, so all files of one folder belong to the same.
        if let Some(owner) = owners.of(&folder.path).filter(|owner| within(&folder.path, plain(&index.grafts[*owner].placement.path))) {
            *counts.entry(owner).or_insert(0) += folder.files.len();
        }
    }
    counts
}
