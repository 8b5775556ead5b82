//! Elements that are not where they belong, but whole in another folder of the site: somebody renamed or moved them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::index::Index;
use super::owners::{Owners, join, plain, split, within};
use super::scan::{Scan, State};
use super::stand::{Ground, Stand, below};
use crate::error::Result;
use crate::model::{Entry, Graft, Placement};
use crate::sys::fs::witness::Kind;

/// So many folders are looked through, not more.
const FOLDERS: usize = 20_000;

/// By the graft's number: where its element is.
pub(super) type Found = BTreeMap<usize, String>;

/// Looks for `gone`, elements of which no file stands in its place, in the folders that nobody recorded; and for elements that
/// stand in each other's places.
pub(super) fn find(ground: &Arc<Ground>, index: &Index, scan: &Scan, gone: &[usize], stands: &[(usize, Stand)]) -> Result<Found> {
    let mut found = Found::new();
    // Whatever holds all others cannot be elsewhere in it.
    let has_place = |at: &usize| !plain(&index.grafts[*at].placement.path).is_empty();
    let lost: Vec<(usize, BTreeMap<String, Entry>)> = gone
        .iter()
        .chain(stands.iter().map(|(at, _)| at))
        .filter(|at| has_place(at))
        .map(|at| (*at, recorded(index, &ground.owners, *at)))
        .filter(|(_, files)| !files.is_empty())
        .collect();
    for (at, entries) in &lost {
        for (other, stand) in stands.iter().filter(|(other, _)| other != at && has_place(other)) {
            if stand.holds(entries)? {
                found.insert(*at, plain(&index.grafts[*other].placement.path).to_owned());
            }
        }
    }
    if !lost.iter().any(|(at, _)| gone.contains(at)) {
        return Ok(found);
    }
    let mut waiting: Vec<String> = scan.extras.iter().filter(|extra| extra.folder && !extra.protected).map(|extra| extra.path.clone()).collect();
    let mut looked = 0;
    while let Some(folder) = waiting.pop().filter(|_| looked < FOLDERS) {
        looked += 1;
        if folder.ends_with(super::scan::UNREADABLE) || split(&folder).1 == ".git" {
            continue;
        }
        let Some(dir) = ground.root.as_ref().map(|root| root.sub(&folder)).transpose()?.flatten() else { continue };
        dir.each(|name, kind| {
            if let (Some(name), Kind::Directory) = (name, kind) {
                waiting.push(join(&folder, name));
            }
            Ok(())
        })?;
        for (at, entries) in lost.iter().filter(|(at, _)| gone.contains(at)) {
            if !found.contains_key(at) && stands_in(ground, &index.grafts, *at, entries, &folder)? {
                found.insert(*at, folder.clone());
            }
        }
    }
    Ok(found)
}

/// What was recorded of an element, by path in it; without what belongs to the site's owner.
fn recorded(index: &Index, owners: &Owners, at: usize) -> BTreeMap<String, Entry> {
    let home = plain(&index.grafts[at].placement.path);
    let mut files = BTreeMap::new();
    for folder in index.folders.iter().filter(|folder| within(&folder.path, home) && owners.of(&folder.path) == Some(at)) {
        for place in folder.files.clone() {
            let path = join(&folder.path, &index.files[place].name);
            files.insert(below(&path, home).to_owned(), index.files[place].entry);
        }
    }
    files
}

/// Whether a folder holds these files of an element and no others, but for what is nested in it or belongs to the site's owner. The
/// names are compared first, so that hardly a file is read in vain.
fn stands_in(ground: &Ground, grafts: &[Graft], at: usize, entries: &BTreeMap<String, Entry>, folder: &str) -> Result<bool> {
    let Some((first, _)) = entries.first_key_value() else { return Ok(false) };
    let whole = join(folder, first);
    let (above, name) = split(&whole);
    let there = ground.root.as_ref().map(|root| root.sub(above)).transpose()?.flatten();
    if there.map(|dir| dir.witness(name)).transpose()?.flatten().is_none() {
        return Ok(false);
    }
    let Some(mut files) = ground.files(folder, folder)? else { return Ok(false) };
    let home = plain(&grafts[at].placement.path);
    let moved = |graft: &Graft| {
        let path = plain(&graft.placement.path);
        let placement = Placement { path: join(folder, below(path, home)).trim_end_matches('/').to_owned(), ..graft.placement.clone() };
        within(path, home).then(|| Graft { placement, ..graft.clone() })
    };
    let there: Vec<Graft> = grafts.iter().filter_map(moved).collect();
    let (owners, own) = (Owners::new(&there), there.iter().position(|graft| graft.id == grafts[at].id));
    files.retain(|file| {
        let path = join(folder, file);
        owners.of(&path) == own && !owners.protected(&path)
    });
    files.sort();
    if !files.iter().eq(entries.keys()) {
        return Ok(false);
    }
    for (path, entry) in entries {
        if ground.entry(&join(folder, path))? != Some(*entry) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Elements of which not one file stands where it was recorded.
pub(super) fn gone(index: &Index, scan: &Scan, owners: &Owners) -> Vec<usize> {
    let mut standing = vec![(0_usize, false); index.grafts.len()];
    for folder in index.folders.iter().filter(|folder| !folder.files.is_empty()) {
        let Some(owner) = owners.of(&folder.path).filter(|owner| within(&folder.path, plain(&index.grafts[*owner].placement.path))) else { continue };
        for at in folder.files.clone() {
            standing[owner].0 += 1;
            standing[owner].1 |= !matches!(scan.files[at], State::Missing);
        }
    }
    (0..index.grafts.len()).filter(|at| standing[*at].0 > 0 && !standing[*at].1).collect()
}
