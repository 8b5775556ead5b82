//! The files that a tree wants in a site: all of it, but what belongs to the site's owner.

use super::index::Index;
use super::owners::{Owners, within};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, Graft, ObjectId};
use crate::sys::fs::beneath::check_relative;
use crate::sys::git::Objects;

/// What a site is to hold.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) grafts: Vec<Graft>,
    pub(super) owners: Owners,
    /// Sorted by path.
    pub(super) files: Vec<(String, Entry)>,
}

impl Wanted {
    /// Lists the tree's files; where an index of another tree is at hand, only what differs is read.
    pub(super) fn list(objects: &Objects, index: &Index, tree: ObjectId, grafts: &[Graft], inside: Option<&str>) -> Result<Self> {
        let owners = Owners::new(grafts);
        let plainly = !owners.protect_anything() && !Owners::new(&index.grafts).protect_anything();
        let files = match index.tree {
            Some(old) if plainly => changed(objects, index, old, tree).or_else(|_| all(objects, tree))?,
            _ => all(objects, tree)?,
        };
        let files: Vec<(String, Entry)> = files.into_iter().filter(|(path, _)| !owners.protected(path)).collect();
        for (path, _) in &files {
            check_relative(path)?;
            if inside.is_some_and(|inside| within(path, inside)) {
                return Err(Error::new(ErrorKind::Invalid, format!("the tree holds `{path}`, where the site's state is"))
                    .hint("set `state` of the site to another folder"));
            }
        }
        Ok(Self { grafts: grafts.to_vec(), owners, files })
    }
}

fn all(objects: &Objects, tree: ObjectId) -> Result<Vec<(String, Entry)>> {
    Ok(objects.files(tree)?.into_iter().map(|file| (file.path, file.entry)).collect())
}

fn changed(objects: &Objects, index: &Index, old: ObjectId, new: ObjectId) -> Result<Vec<(String, Entry)>> {
    let changes = if old == new { Vec::new() } else { objects.diff(old, new)? };
    let mut changes = changes.into_iter().peekable();
    let mut files = Vec::with_capacity(index.files.len() + 64);
    for (path, at) in index.paths() {
        while let Some(change) = changes.next_if(|change| change.path.as_bytes() < path.as_bytes()) {
            files.extend(change.new.map(|entry| (change.path, entry)));
        }
        match changes.next_if(|change| change.path == path) {
            Some(change) => files.extend(change.new.map(|entry| (path, entry))),
            None => files.push((path, index.files[at].entry)),
        }
    }
    files.extend(changes.filter_map(|change| change.new.map(|entry| (change.path, entry))));
    Ok(files)
}
