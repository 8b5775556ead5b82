//! Which folder of a tree is the plugin: the one whose `version.php` says so, whatever it is called.

use std::collections::VecDeque;

use super::component::Component;
use super::version_php::{self, PluginVersion};
use crate::error::Result;
use crate::model::ObjectId;
use crate::roles::{TreeItemKind, Trees};

/// How deep a plugin may lie in a repository: `public/admin/tool/x` has three folders above it.
const DEPTH: usize = 5;
/// Beyond this many folders a repository is not searched.
const FOLDERS: usize = 4_000;

/// A plugin in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its folder; empty where it is the whole tree.
    pub(super) folder: String,
    /// What its `version.php` says.
    pub(super) version: PluginVersion,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// The plugin.
    Here(Box<Found>),
    /// Others, by the components that they say they are; nearest the top first.
    Others(Vec<(String, String)>),
}

/// Finds a component's folder: the top first, then where a tree of plugins would have it, then every folder, the nearest
/// to the top first. A `version.php` at the top that names no component (old plugins) counts as the one that was asked for.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn plugin(trees: &dyn Trees, tree: ObjectId, component: &str) -> Result<Search> {
    let mut others = Vec::new();
    let mut look = |folder: &str, at_top: bool| -> Result<Option<Found>> {
        let path = if folder.is_empty() { "version.php".to_owned() } else { format!("{folder}/version.php") };
        let Some(bytes) = trees.read(tree, &path)? else { return Ok(None) };
        let version = version_php::plugin(&bytes);
        match version.component.as_deref() {
            Some(said) if said == component => Ok(Some(Found { folder: folder.to_owned(), version })),
            None if at_top && version.version.is_some() => Ok(Some(Found { folder: folder.to_owned(), version })),
            Some(said) => {
                others.push((said.to_owned(), folder.to_owned()));
                Ok(None)
            }
            None => Ok(None),
        }
    };
    if let Some(found) = look("", true)? {
        return Ok(Search::Here(Box::new(found)));
    }
    if let Ok(Component { kind, name }) = Component::read(component) {
        for folder in [format!("{kind}/{name}"), name, component.to_owned()] {
            if let Some(found) = look(&folder, false)? {
                return Ok(Search::Here(Box::new(found)));
            }
        }
    }
    let mut waiting = VecDeque::from([(tree, String::new(), 0)]);
    let mut seen = 0;
    while let Some((folder, path, depth)) = waiting.pop_front() {
        seen += 1;
        if seen > FOLDERS {
            break;
        }
        for item in trees.list(folder, "")?.unwrap_or_default() {
            let TreeItemKind::Folder(inner) = item.what else { continue };
            let inner_path = if path.is_empty() { item.name.clone() } else { format!("{path}/{}", item.name) };
            if let Some(found) = look(&inner_path, false)? {
                return Ok(Search::Here(Box::new(found)));
            }
            // What other tools brought is no plugin of this repository.
            if depth + 1 < DEPTH && !matches!(item.name.as_str(), "vendor" | "node_modules" | "amd" | "lang" | "pix" | "tests") {
                waiting.push_back((inner, inner_path, depth + 1));
            }
        }
    }
    others.dedup();
    Ok(Search::Others(others))
}

/// The core's folder in a tree: the top, or the one folder that is a Moodle (an archive with more than one top name).
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn core(trees: &dyn Trees, tree: ObjectId) -> Result<Option<(String, ObjectId)>> {
    let is_core = |tree: ObjectId| -> Result<bool> {
        for place in ["version.php", "public/version.php"] {
            if let Some(bytes) = trees.read(tree, place)? {
                let version = version_php::core(&bytes);
                if version.version.is_some() && version.release.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    if is_core(tree)? {
        return Ok(Some((String::new(), tree)));
    }
    for item in trees.list(tree, "")?.unwrap_or_default() {
        if let TreeItemKind::Folder(inner) = item.what
            && is_core(inner)?
        {
            return Ok(Some((item.name, inner)));
        }
    }
    Ok(None)
}
