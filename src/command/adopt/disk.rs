//! What stands at an element's place, and how it differs from a tree of a repository.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, Graft, ObjectId};
use crate::site::{Site, Standings, is_protected};
use crate::sys::fs::check_name;
use crate::sys::git::{Objects, Sink as _};

/// Files beside those of a plugin are its local changes up to this many, and this many bytes; more of them are left alone.
const ADDED_FILES: usize = 100;
const ADDED_BYTES: u64 = 2 << 20;

/// The tree that is adopted.
pub(super) struct Disk<'a> {
    pub(super) site: &'a Site,
    pub(super) standings: &'a Standings,
}

/// The files at an element's place, by their path below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Below the site; empty for the site itself.
    pub(super) at: String,
    pub(super) files: BTreeMap<String, (Entry, u64)>,
    /// Links that lead out of it, and names that git cannot hold: they are left alone.
    pub(super) left: Vec<String>,
    /// Folders in it that look like elements: the element's own where its tree has them, else not its matter.
    pub(super) nested: Vec<String>,
}

/// How a place differs from a tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Difference {
    pub(super) edits: Vec<(String, Option<Entry>)>,
    /// How many of the tree's files are not as it has them.
    pub(super) touched: usize,
    /// How many files the tree has.
    pub(super) total: usize,
    /// How many additions were left alone, because they are too many.
    pub(super) passed: usize,
}

impl Difference {
    /// Whether it is the same thing at all.
    pub(super) fn is_near(&self) -> bool {
        self.touched * 2 <= self.total
    }
}

impl Disk<'_> {
    /// The files at a path, without those of `others`. `nested`: other folders that look like elements.
    pub(super) fn place(&self, path: &str, others: &[&str], nested: &[&str]) -> Result<Place> {
        let at = if path == "." { "" } else { path };
        let others: BTreeSet<&str> = others.iter().copied().filter(|other| *other != path && below(other, at)).collect();
        let inside = |other: &&&str| **other != at && **other != "." && below(other, at);
        let nested = nested.iter().filter(inside).map(|other| if at.is_empty() { (*other).to_owned() } else { other[at.len() + 1..].to_owned() }).collect();
        let mut place = Place { at: at.to_owned(), nested, ..Place::default() };
        let start = self.standings.files.partition_point(|file| !at.is_empty() && file.path.as_str() < at);
        for file in &self.standings.files[start..] {
            if !below(&file.path, at) {
                if !at.is_empty() && file.path.as_str() > format!("{at}0").as_str() {
                    break;
                }
                continue;
            }
            // A link in an element's place is no element.
            if (!at.is_empty() && file.path == at) || others.iter().any(|other| below(&file.path, other)) {
                continue;
            }
            let name = if at.is_empty() { file.path.as_str() } else { &file.path[at.len() + 1..] };
            let fine = name.split('/').all(|part| check_name(part.as_bytes()).is_ok());
            if !fine || (file.entry.mode == FileMode::Symlink && self.leads_out(&file.path, name)?) {
                place.left.push(file.path.clone());
                continue;
            }
            place.files.insert(name.to_owned(), (file.entry, file.size));
        }
        Ok(place)
    }

    fn leads_out(&self, path: &str, name: &str) -> Result<bool> {
        let target = self.site.contents(path)?.unwrap_or_default();
        let Ok(target) = String::from_utf8(target) else { return Ok(true) };
        let mut depth = name.matches('/').count() as isize;
        for part in target.split('/') {
            match part {
                "" if target.starts_with('/') => return Ok(true),
                "" | "." => {}
                ".." => depth -= 1,
                _ => depth += 1,
            }
            if depth < 0 {
                return Ok(true);
            }
        }
        Ok(target.is_empty())
    }

    /// How a place differs from a tree that would be grafted there.
    pub(super) fn compare(&self, objects: &Objects, place: &Place, graft: &Graft) -> Result<Difference> {
        let files = objects.files(graft.tree)?;
        let mut found = Difference { total: files.len(), ..Difference::default() };
        let protects = !graft.placement.protect.is_empty();
        let mut names = BTreeSet::new();
        for file in &files {
            names.insert(file.path.as_str());
            let there = place.files.get(&file.path).map(|(entry, _)| *entry);
            if there == Some(file.entry) {
                continue;
            }
            let whole = if place.at.is_empty() { file.path.clone() } else { format!("{}/{}", place.at, file.path) };
            if protects && is_protected(graft, &whole) {
                continue;
            }
            self.check_readable(&whole)?;
            found.edits.push((file.path.clone(), there));
            found.touched += 1;
        }
        let has = |folder: &str| names.range(format!("{folder}/").as_str()..).next().is_some_and(|path| below(path, folder));
        let foreign: BTreeSet<&str> = place.nested.iter().map(String::as_str).filter(|folder| !has(folder)).collect();
        let of_others = |path: &str| path.match_indices('/').any(|(end, _)| foreign.contains(&path[..end]));
        // What lies directly in the site's folder, or in folders of its own there, belongs to the site's owner.
        let owners = |path: &str| place.at.is_empty() && path.split_once('/').is_none_or(|(top, _)| !has(top));
        let added = place.files.iter().filter(|(path, _)| !names.contains(path.as_str()) && !owners(path) && !of_others(path));
        let added: Vec<(&String, &(Entry, u64))> = added.collect();
        if added.len() > ADDED_FILES || added.iter().map(|(_, (_, size))| size).sum::<u64>() > ADDED_BYTES {
            found.passed = added.len();
        } else {
            found.edits.extend(added.into_iter().map(|(path, (entry, _))| (path.clone(), Some(*entry))));
        }
        Ok(found)
    }

    /// What cannot be read is not taken for missing.
    fn check_readable(&self, path: &str) -> Result<()> {
        match self.standings.unreadable.iter().find(|(unreadable, _)| unreadable.is_empty() || below(path, unreadable)) {
            Some((unreadable, why)) => {
                Err(Error::new(ErrorKind::Io, format!("`{unreadable}` of the site cannot be read, so what it is cannot be told: {why}"))
                    .hint("run greffon as the user who owns the site's files"))
            }
            None => Ok(()),
        }
    }

    /// Puts files of a place into the stock.
    pub(super) fn keep(&self, objects: &Objects, place: &Place, paths: &[(String, Entry)]) -> Result<()> {
        let missing: Vec<&(String, Entry)> = paths.iter().filter(|(_, entry)| !objects.has(entry.id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut pack = objects.pack_writer()?;
        for (path, entry) in missing {
            let whole = if place.at.is_empty() { path.clone() } else { format!("{}/{path}", place.at) };
            let bytes = self.site.contents(&whole)?.unwrap_or_default();
            if pack.blob(&bytes)? != entry.id {
                return Err(Error::new(ErrorKind::Busy, format!("`{whole}` changed while it was read")).hint("run the command again"));
            }
        }
        pack.finish()
    }

    /// A place as a tree of its own.
    pub(super) fn import(&self, objects: &Objects, place: &Place) -> Result<ObjectId> {
        let files: Vec<(String, Entry)> = place.files.iter().map(|(path, (entry, _))| (path.clone(), *entry)).collect();
        self.keep(objects, place, &files)?;
        let edits: Vec<(String, Option<Entry>)> = files.into_iter().map(|(path, entry)| (path, Some(entry))).collect();
        objects.edited(ObjectId::EMPTY_TREE, &edits)
    }
}

/// Whether a path is a folder or lies below it; everything lies below the empty one.
pub(super) fn below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
