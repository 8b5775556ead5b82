//! Every object of an earlier generation, in stock: fetched again as its own manifest and lock say, or refused whole.

use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{ElementId, Graft, ObjectId, WantedSite};
use crate::roles::{PlanDepth, PlanRequest, UpdateChoice};
use crate::site::{Generation, Site};
use crate::sys::fs;
use crate::sys::git::Objects;

/// Makes sure that a generation can be put back whole. Nothing of a site is touched.
///
/// # Errors
/// `NotFound`, `Offline`, or whatever fetching fails with: it cannot.
pub(in crate::command) fn complete(workspace: &Workspace, wanted: &WantedSite, place: &Site, target: &Generation) -> Result<()> {
    let objects = workspace.machine.stockroom.objects();
    if is_whole(objects, target.tree) {
        return Ok(());
    }
    if place.give_back(target.tree)? {
        objects.refresh()?;
        if is_whole(objects, target.tree) {
            return Ok(());
        }
    }
    let what = format!("generation {} of site `{}` cannot be put back, nothing was changed: the stock no longer holds all of it", target.number, wanted.name);
    let anew = fetch_again(workspace, wanted, place, target, None).map_err(|error| {
        error
            .wrap(what.clone())
            .hint(format!("`greffon history --site {}` shows the others; an element that is put back where it came from can be fetched again", wanted.name))
    })?;
    objects.refresh()?;
    if objects.compose(&target.grafts).is_ok_and(|tree| tree == target.tree) && is_whole(objects, target.tree) {
        return Ok(());
    }
    let mut error = Error::new(ErrorKind::NotFound, what);
    let mut changed = false;
    for graft in target.grafts.iter().filter(|graft| !is_whole(objects, graft.tree)) {
        let other = anew.iter().any(|now| now.id == graft.id && now.tree != graft.tree);
        changed |= other;
        let why = if other { "what is there now has other files" } else { "its files in the stock are damaged" };
        error = error.note(format!("{} {}: {why}", graft.id, graft.version));
    }
    Err(error
        .by_damage(!changed)
        .hint("`greffon stock verify` puts damaged entries aside, so that they are fetched again; `greffon history` shows the other generations"))
}

/// What a rehearsal, which fetches nothing, says of a generation that is not whole.
pub(super) fn not_here(error: Error, wanted: &WantedSite, target: &Generation) -> Error {
    error
        .wrap(format!("the stock no longer holds all of generation {} of site `{}`", target.number, wanted.name))
        .hint("without `--dry-run` it is fetched again")
}

/// Whether every tree and every file is there.
pub(in crate::command) fn is_whole(objects: &Objects, tree: ObjectId) -> bool {
    objects.files(tree).is_ok_and(|files| files.iter().all(|file| objects.has(file.entry.id)))
}

/// Brings one element of a generation, where all of them together cannot be had.
///
/// # Errors
/// Whatever fetching fails with.
pub(in crate::command) fn one_of(workspace: &Workspace, wanted: &WantedSite, place: &Site, target: &Generation, id: &ElementId) -> Result<()> {
    fetch_again(workspace, wanted, place, target, Some(id))?;
    workspace.machine.stockroom.objects().refresh()
}

/// Brings everything that the generation was made of, or one element of it; gives what it is made of now.
fn fetch_again(workspace: &Workspace, wanted: &WantedSite, place: &Site, target: &Generation, only: Option<&ElementId>) -> Result<Vec<Graft>> {
    let then = Manifest::parse(&workspace.manifest.path, target.manifest.clone())?;
    let lock = workspace.lock_of(target)?;
    let mut site = then
        .sites
        .into_iter()
        .find(|site| site.name == wanted.name || site.path == wanted.path)
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("its manifest has no site `{}`", wanted.name)))?;
    let scratch = workspace.machine.stockroom.scratch()?;
    // Its patches as they were then: the files may be others by now, or gone.
    let kept = place.patches(target.commit)?;
    for (id, element) in &mut site.elements {
        let of_it: Vec<_> = kept.iter().filter(|patch| patch.element == *id).collect();
        if !of_it.is_empty() {
            element.patches.clear();
        }
        for patch in of_it {
            let path = scratch.path().join(format!("{}-{}-{:04}", id.kind(), id.name(), element.patches.len()));
            fs::write_atomic(&path, &patch.bytes)?;
            element.patches.push(path);
        }
    }
    if let Some(only) = only {
        site.elements.retain(|id, _| id == only);
        if site.elements.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("{only} is only there because others need it")));
        }
    }
    // As if it were made anew elsewhere: what stands at the site says nothing of what the stock holds.
    site.path = scratch.path().join("site");
    site.state = None;
    site.host = None;
    site.name.clone_from(&wanted.name);
    let request = PlanRequest {
        wanted: vec![site],
        only: Vec::new(),
        lock,
        update: UpdateChoice::Keep,
        locked: false,
        frozen: true,
        accept_moved: Vec::new(),
        depth: PlanDepth::Fetch,
        rehearsal: false,
    };
    let plan = workspace.roles.client.plan(&workspace.machine.cx, &request)?;
    Ok(plan.sites.into_iter().flat_map(|site| site.grafts).collect())
}
