//! `patch`: edits made in a site that are to stay, as files beside the manifest that are applied again at every version.
//! `create` makes one of what was edited, `list` and `drop` keep the series, `rebase` brings it to another version.

pub mod create;
pub mod list;
pub mod rebase;
pub mod take;

use std::path::{Path, PathBuf};

use super::Workspace;
use crate::builtin::client::{Part, Resolved, patched, unpatched};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, Lock, ObjectId, WantedElement, WantedSite};

/// A path as the manifest writes it: relative where it lies beside the manifest.
fn written(base: &Path, path: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

/// The element's entry, which patches stand in.
fn entry<'a>(wanted: &'a WantedSite, id: &ElementId) -> Result<&'a WantedElement> {
    wanted.elements.get(id).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("greffon.toml does not name {id} for site `{}`: something else needs it", wanted.name))
            .hint(format!("`greffon add {id}` gives it an entry, which patches can stand in"))
    })
}

/// An element of a lock, as a site uses it.
fn resolved(lock: &Lock, site: &str, id: &ElementId) -> Result<Resolved> {
    let (pin, locked) =
        lock.entry(site, id).ok_or_else(|| Error::new(ErrorKind::Lock, format!("greffon.lock has no {id} for site `{site}`")).hint("run `greffon lock`"))?;
    Ok(Resolved { id: id.clone(), pin: pin.clone(), locked: locked.clone() })
}

/// A tree with a series of patches on it.
fn with_series(workspace: &Workspace, mut tree: ObjectId, patches: &[PathBuf], one: &Resolved) -> Result<ObjectId> {
    for patch in patches {
        tree = patched(workspace.machine.stockroom.objects(), tree, patch, (&one.id, &one.pin.version))?.on(tree);
    }
    Ok(tree)
}

/// Sees to it that every patch applies to the versions of a lock that is about to be written: else a site would be promised what
/// cannot be made. What is not in stock is fetched, for patched elements alone; offline and in a rehearsal it is passed over.
///
/// # Errors
/// `Invalid` for a patch that does not apply, with the part that does not.
pub(super) fn check(workspace: &Workspace, sites: &[WantedSite], lock: &Lock) -> Result<()> {
    let mut tried: Vec<(Resolved, Vec<PathBuf>)> = Vec::new();
    let mut failures = Vec::new();
    for wanted in sites {
        for element in wanted.elements.values().filter(|element| !element.patches.is_empty()) {
            let Ok(one) = resolved(lock, &wanted.name, &element.id) else { continue };
            if tried.iter().any(|(other, patches)| *other == one && *patches == element.patches) {
                continue;
            }
            if let Err(error) = applies(workspace, wanted, lock, &one, &element.patches) {
                failures.push(crate::diagnostic::at_origin(error, &element.origin, element.id.name(), ""));
            }
            tried.push((one, element.patches.clone()));
        }
    }
    Error::all(failures).map_or(Ok(()), Err)
}

fn applies(workspace: &Workspace, wanted: &WantedSite, lock: &Lock, one: &Resolved, patches: &[PathBuf]) -> Result<()> {
    let others: Vec<Resolved> = wanted.elements.keys().filter_map(|id| resolved(lock, &wanted.name, id).ok()).collect();
    let tree = match unpatched(&workspace.machine.cx, &workspace.parts, &others, one, Part::Ask, !workspace.globals.dry_run) {
        Ok(Some(tree)) => tree,
        Ok(None) => return Ok(()),
        // Where it goes is only known beside others; a sync will see.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    with_series(workspace, tree, patches, one).map(drop)
}

impl Workspace {
    /// The site that the words of a patch command mean: the one that is named, the only one, or the only one that `fits`.
    fn one_site<'a>(&'a self, fits: impl Fn(&WantedSite) -> Result<bool>, what: &str) -> Result<&'a WantedSite> {
        let mut found = Vec::new();
        for wanted in self.chosen(false)? {
            if fits(wanted)? {
                found.push(wanted);
            }
        }
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Error::new(ErrorKind::NotFound, format!("no chosen site {what}"))),
            several => {
                let names: Vec<&str> = several.iter().map(|site| site.name.as_str()).collect();
                Err(Error::new(ErrorKind::Usage, format!("{} sites {what}: which one?", several.len()))
                    .hint(format!("say `--site NAME` ({})", names.join(", "))))
            }
        }
    }
}
