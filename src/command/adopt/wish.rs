//! What was found, as manifest and lock say it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::identify::Identified;
use crate::builtin::client::{Resolved, assemble, fit};
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, NewElement, add_elements, add_site, remove_elements, set_patches};
use crate::model::{ElementId, Lock, ObjectId, Pin, Source, WantedSite};
use crate::sys::fs;

/// Manifest and lock with the site in them; nothing is written yet.
pub(super) struct Wish {
    pub(super) text: String,
    pub(super) lock: Lock,
    /// Patch files to be written, relative to the manifest.
    pub(super) patches: Vec<(String, Vec<u8>)>,
    /// Where the patch of an element is.
    pub(super) patch_of: BTreeMap<ElementId, String>,
}

/// Writes down what was found. `new`: the site is not in the manifest yet, and stands there.
pub(super) fn wish(
    workspace: &Workspace,
    name: &str,
    new: Option<&Path>,
    found: &mut [Identified],
    core: Option<ObjectId>,
    notes: &mut Vec<String>,
) -> Result<Wish> {
    let path = &workspace.manifest.path;
    let mut text = workspace.manifest.text.clone();
    if let Some(site) = new {
        text = add_site(path, &text, name, site)?;
    }
    let first = Manifest::parse(path, text.clone())?;
    let site = site_of(&first, name)?;
    let alone = first.sites.len() == 1;
    let own = (!alone).then_some(name);
    let (mut patches, mut patch_of) = (Vec::new(), BTreeMap::new());
    for one in found.iter() {
        let id = &one.seen.id;
        let there = site.elements.get(id);
        let same = one.kept
            || there
                .is_some_and(|there| there.source == one.source && there.patches.is_empty() && one.patch.is_none() && fits(workspace, one, &there.requirement));
        if same {
            continue;
        }
        // What only the lock has is another element's need, and is told by it.
        if there.is_none()
            && one.patch.is_none()
            && one.locked.repository.is_some()
            && workspace.lock.entries(id).any(|(_, locked)| *locked == one.locked)
            && needed(found, id)
        {
            continue;
        }
        let requirement = match &one.source {
            Source::Path { .. } => None,
            Source::Git { pin, .. } if *pin != crate::model::GitPin::Version => None,
            _ => Some(one.requirement.clone()),
        };
        let element = NewElement { id: id.clone(), requirement, source: one.source.clone(), group: None };
        // An entry that says more than the new one (patches) is replaced whole.
        if there.is_some() && alone {
            text = remove_elements(path, &text, std::slice::from_ref(id), None)?;
        }
        text = add_elements(path, &text, &[element], own)?;
        if let Some(patch) = &one.patch {
            let file = free_name(workspace, id, name, patch)?;
            text = set_patches(path, &text, id, std::slice::from_ref(&file), own)?;
            patch_of.insert(id.clone(), file.clone());
            patches.push((file, patch.clone()));
        }
    }
    let strange: Vec<ElementId> = site.elements.keys().filter(|id| !found.iter().any(|one| one.seen.id == **id)).cloned().collect();
    if !strange.is_empty() {
        if site.own_folder {
            return Err(Error::new(ErrorKind::Invalid, format!("greffon.toml wants {} for this folder, which does not hold it", strange[0]))
                .hint(format!("`greffon remove {}` first; it can be installed afterwards", strange[0])));
        }
        text = remove_elements(path, &text, &strange, Some(name))?;
    }
    let manifest = Manifest::parse(path, text.clone())?;
    let site = site_of(&manifest, name)?;
    let lock = locked(workspace, &manifest, site, found, core, notes)?;
    Ok(Wish { text, lock, patches, patch_of })
}

/// The site of that name.
pub(super) fn site_of<'m>(manifest: &'m Manifest, name: &str) -> Result<&'m WantedSite> {
    manifest.sites.iter().find(|site| site.name == name).ok_or_else(|| Error::new(ErrorKind::Internal, format!("the site `{name}` is not in the new manifest")))
}

fn fits(workspace: &Workspace, one: &Identified, requirement: &crate::model::Requirement) -> bool {
    let scheme = workspace.schemes.of(&one.seen.id, None, None);
    scheme.and_then(|scheme| scheme.requirement(requirement)).is_ok_and(|requirement| requirement.matches(&one.version))
}

fn needed(found: &[Identified], id: &ElementId) -> bool {
    found.iter().any(|other| other.kept && other.locked.dependencies.contains_key(id))
}

/// The name of a patch file: one that is free, or holds just this.
fn free_name(workspace: &Workspace, id: &ElementId, site: &str, patch: &[u8]) -> Result<String> {
    let folder = format!("patches/{}", id.name());
    for number in 1..10_000 {
        let name = match number {
            1 => format!("{folder}/0001-local-changes.patch"),
            2 => format!("{folder}/0001-local-changes-{site}.patch"),
            number => format!("{folder}/0001-local-changes-{site}-{number}.patch"),
        };
        match fs::read(&workspace.base().join(&name), 64 << 20)? {
            None => return Ok(name),
            Some(there) if there == patch => return Ok(name),
            Some(_) => {}
        }
    }
    Err(Error::new(ErrorKind::Invalid, format!("there are too many files in `{folder}`")))
}

/// The lock in which the other sites keep what they have.
fn locked(
    workspace: &Workspace,
    manifest: &Manifest,
    site: &WantedSite,
    found: &mut [Identified],
    core: Option<ObjectId>,
    notes: &mut Vec<String>,
) -> Result<Lock> {
    stays_as_it_stands(workspace, found, core, notes)?;
    let mut sites: Vec<(String, Vec<Resolved>)> = Vec::new();
    for other in manifest.sites.iter().filter(|other| other.name != site.name) {
        if let Ok(resolved) = fit(other, &workspace.lock, &workspace.schemes)? {
            sites.push((other.name.clone(), resolved));
        }
    }
    let own = found.iter().map(|one| Resolved {
        id: one.seen.id.clone(),
        pin: Pin { version: one.version.clone(), discriminator: String::new() },
        locked: one.locked.clone(),
    });
    sites.push((site.name.clone(), own.collect()));
    Ok(assemble(&mut sites, &workspace.lock))
}

/// What elements ask for and this site does not have is told, and no reason to change it.
fn stays_as_it_stands(workspace: &Workspace, found: &mut [Identified], core: Option<ObjectId>, notes: &mut Vec<String>) -> Result<()> {
    let versions: BTreeMap<ElementId, crate::model::Version> = found.iter().map(|one| (one.seen.id.clone(), one.version.clone())).collect();
    for one in found.iter_mut() {
        let mut gone = Vec::new();
        for (target, requirement) in &one.locked.dependencies {
            let scheme = workspace.schemes.of(target, None, None)?;
            let met = match versions.get(target) {
                Some(version) => scheme.requirement(requirement).is_ok_and(|requirement| requirement.matches(version)),
                None => {
                    gone.push(target.clone());
                    if workspace.roles.installer.shipped(&workspace.machine.cx, target, core)?.is_some() {
                        continue;
                    }
                    false
                }
            };
            if !met {
                notes.push(format!("{} {} asks for {target} {requirement}, which this site does not have; it stays as it stands", one.seen.id, one.version));
                gone.push(target.clone());
            }
        }
        one.locked.dependencies.retain(|target, _| !gone.contains(target));
        one.locked.conflicts.retain(|target, _| !versions.contains_key(target));
    }
    Ok(())
}

/// Where a site is in a manifest, by its path.
pub(super) fn by_path<'m>(manifest: &'m Manifest, path: &Path) -> Result<Option<&'m WantedSite>> {
    for site in &manifest.sites {
        let there: PathBuf = fs::ground::real_path(&site.path)?;
        if there == path {
            return Ok(Some(site));
        }
    }
    Ok(None)
}
