//! Trees grafted onto each other: places asked of the installer, patches applied, one tree composed. No blob is copied.

use std::collections::VecDeque;
use std::path::Path;

use super::fetch::Available;
use super::{Parts, Standard};
use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::model::{ElementId, Graft, ObjectId, Payload, Placement, PlanFault, PlanFaultKind, Version, WantedSite};
use crate::roles::{Context, Level, OwnerView, PlaceRequest, PrepareRequest};
use crate::sys::archive::{self, Limits};
use crate::sys::git::{Objects, Patched};

/// A site's tree, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraftedSite {
    /// The composed tree.
    pub tree: ObjectId,
    /// In the order they were placed: the core first.
    pub grafts: Vec<Graft>,
    /// The patches that were left out, in words.
    pub contained: Vec<String>,
}

/// What is told of a site while it is composed.
struct Told<'a> {
    /// Of a rehearsal: what stands in the way, which ends everything else.
    faults: Option<&'a mut Vec<PlanFault>>,
    /// The patches that were left out.
    contained: &'a mut Vec<String>,
}

impl Standard {
    /// Composes a site. `None` where the tree of an element is not in stock. With `faults` it is a rehearsal: they are collected,
    /// and what they are about is left out.
    pub(super) fn graft(
        &self,
        cx: &Context,
        wanted: &WantedSite,
        elements: &[Available],
        mut faults: Option<&mut Vec<PlanFault>>,
    ) -> Result<Option<GraftedSite>> {
        let mut view = OwnerView::default();
        let mut grafts: Vec<Graft> = Vec::with_capacity(elements.len());
        // The core first: where the others go may depend on it. Then owners before what they own, as the installer says by asking again.
        let mut waiting: Vec<&Available> = elements.iter().collect();
        waiting.sort_by_key(|one| one.resolved.id.kind() != "core");
        let mut waiting: VecDeque<&Available> = waiting.into();
        let mut contained = Vec::new();
        let mut refused = 0;
        while let Some(one) = waiting.pop_front() {
            cx.check()?;
            let Some(tree) = one.tree else { return Ok(None) };
            let origin = wanted.elements.get(&one.resolved.id).map(|element| element.origin.clone()).unwrap_or_default();
            let graft = match self.place(cx, wanted, one, tree, &view, &mut Told { faults: faults.as_deref_mut(), contained: &mut contained }) {
                Ok(graft) => graft,
                // Its place may be known once its owner has one; when nobody else found a place meanwhile, it has none.
                Err(error) if error.kind() == ErrorKind::NotFound && refused < waiting.len() => {
                    refused += 1;
                    waiting.push_back(one);
                    continue;
                }
                Err(error) => match &mut faults {
                    Some(faults) if error.kind() != ErrorKind::Interrupted => {
                        let kind = if error.kind() == ErrorKind::NotFound { PlanFaultKind::NoPlace } else { PlanFaultKind::Misplaced };
                        faults.push(PlanFault { kind, id: Some(one.resolved.id.clone()), patch: None, why: innermost(&error) });
                        continue;
                    }
                    _ => return Err(at_origin(error, &origin, one.resolved.id.name(), "")),
                },
            };
            refused = 0;
            if graft.id.kind() == "core" && view.core.is_none() {
                view.core = Some(graft.clone());
            }
            view.placed.push(graft.clone());
            grafts.push(graft);
        }
        if let Some(faults) = &mut faults {
            self.leave_out_what_collides(&mut grafts, faults)?;
            view.placed.clone_from(&grafts);
        }
        self.review(cx, wanted, &view, faults)?;
        let tree = self.parts.stockroom.objects().compose(&grafts).while_doing(|| format!("could not compose site `{}`", wanted.name))?;
        Ok(Some(GraftedSite { tree, grafts, contained }))
    }

    /// What cannot lie beside the core goes, and is told.
    fn leave_out_what_collides(&self, grafts: &mut Vec<Graft>, faults: &mut Vec<PlanFault>) -> Result<()> {
        let objects = self.parts.stockroom.objects();
        if objects.compose(grafts).is_ok() {
            return Ok(());
        }
        let mut kept: Vec<Graft> = Vec::with_capacity(grafts.len());
        for graft in grafts.drain(..) {
            kept.push(graft);
            match objects.compose(&kept) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    let id = kept.pop().map(|graft| graft.id);
                    faults.push(PlanFault { kind: PlanFaultKind::Misplaced, id, patch: None, why: innermost(&error) });
                }
            }
        }
        *grafts = kept;
        Ok(())
    }

    fn review(&self, cx: &Context, wanted: &WantedSite, view: &OwnerView, faults: Option<&mut Vec<PlanFault>>) -> Result<()> {
        let reviewed = self.parts.installer.review(cx, view);
        let Some(faults) = faults else {
            for warning in reviewed.while_doing(|| format!("site `{}` would not work", wanted.name))? {
                cx.log(Level::Warning, format!("{}: {warning}", wanted.name));
            }
            return Ok(());
        };
        let (kind, all) = match reviewed {
            Ok(warnings) => (PlanFaultKind::Complaint, warnings),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => (PlanFaultKind::Refused, std::iter::once(&error).chain(error.others()).map(innermost).collect()),
        };
        // The application's own words begin with whom they are about.
        let whose = |why: &str| view.placed.iter().find(|graft| why.starts_with(&format!("{} {}", graft.id, graft.version))).map(|graft| graft.id.clone());
        faults.extend(all.into_iter().map(|why| PlanFault { kind, id: whose(&why), patch: None, why }));
        Ok(())
    }

    fn place(&self, cx: &Context, wanted: &WantedSite, one: &Available, tree: ObjectId, view: &OwnerView, told: &mut Told<'_>) -> Result<Graft> {
        let id = &one.resolved.id;
        let version = &one.resolved.pin.version;
        let request =
            PlaceRequest { id: id.clone(), version: version.clone(), payload: Payload::Tree { tree, commit: one.resolved.locked.commit }, view: view.clone() };
        let mut placement = self.parts.installer.place(cx, &request).while_doing(|| format!("could not place {id} {version}"))?;
        check_path(id, &placement)?;
        if wanted.own_folder && placement.path == "." {
            own_files(self.parts.stockroom.objects(), tree, &mut placement.protect)?;
        }
        let objects = self.parts.stockroom.objects();
        let mut tree = match &placement.subdir {
            Some(subdir) => {
                objects.subtree(tree, subdir)?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{id} {version} has no folder `{subdir}`")))?
            }
            None => tree,
        };
        for patch in wanted.elements.get(id).map(|element| element.patches.as_slice()).unwrap_or_default() {
            let fault = |kind, why| PlanFault { kind, id: Some(id.clone()), patch: Some(patch.clone()), why };
            match (super::patched(objects, tree, patch, (id, version)), &mut told.faults) {
                (Ok(Patched::To(patched)), _) => tree = patched,
                (Ok(Patched::Contained), Some(faults)) => faults.push(fault(PlanFaultKind::Contained, format!("{id} {version} has what it does already"))),
                (Ok(Patched::Contained), None) => told.contained.push(format!(
                    "{id} {version} has what `{}` does already: the patch is left out; `greffon patch drop --contained` takes it out of greffon.toml",
                    shown(patch, &self.parts.base)
                )),
                (Err(error), Some(faults)) if error.kind() != ErrorKind::Interrupted => faults.push(fault(PlanFaultKind::Patch, innermost(&error))),
                (Err(error), _) => return Err(error),
            }
        }
        if placement.prepare {
            tree = prepare(&self.parts, self, cx, one, tree)?;
        }
        Ok(Graft { id: id.clone(), version: version.clone(), tree, placement })
    }
}

/// One patch on an element's tree.
///
/// # Errors
/// As [`Objects::apply_patch`], with what to do about it.
pub fn patched(objects: &Objects, tree: ObjectId, patch: &Path, (id, version): (&ElementId, &Version)) -> Result<Patched> {
    objects.apply_patch(tree, patch).map_err(|error| {
        let stale = error.kind() == ErrorKind::Invalid;
        let error = error.wrap(format!("could not patch {id} {version}"));
        if stale { error.hint(format!("`greffon patch rebase {id} --to {version}` merges it into that version")) } else { error }
    })
}

/// A path as people write it beside the manifest.
fn shown(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

/// What a failure says itself, without what was being done.
fn innermost(error: &Error) -> String {
    let mut own = error;
    while let Some(cause) = std::error::Error::source(own).and_then(|cause| cause.downcast_ref::<Error>()) {
        own = cause;
    }
    match std::error::Error::source(own) {
        Some(cause) => format!("{}: {cause}", own.message()),
        None => own.message().to_owned(),
    }
}

fn prepare(parts: &Parts, client: &Standard, cx: &Context, one: &Available, tree: ObjectId) -> Result<ObjectId> {
    let scratch = parts.stockroom.scratch()?;
    let directory = scratch.path().join("content");
    crate::site::build(cx, &parts.stockroom, tree, &[], &directory)?;
    let request = PrepareRequest { id: one.resolved.id.clone(), version: one.resolved.pin.version.clone(), directory: directory.clone() };
    client.parts.installer.prepare(cx, &request)?;
    Ok(archive::import_directory(cx, &directory, parts.stockroom.objects(), &Limits::default())?.tree)
}

/// In the manifest's own folder its files lie beside those of the site: they are no drift. What the core brings itself is.
fn own_files(objects: &Objects, tree: ObjectId, protect: &mut Vec<String>) -> Result<()> {
    use crate::roles::Trees;
    let brought = objects.list(tree, "")?.unwrap_or_default();
    for name in ["greffon.toml", "greffon.lock", ".gitattributes", ".gitignore", ".git"] {
        if !brought.iter().any(|item| item.name == name) {
            protect.push(name.to_owned());
        }
    }
    Ok(())
}

/// An installer may be a script: what it says of a place is checked like any input.
fn check_path(id: &ElementId, placement: &Placement) -> Result<()> {
    let inside = placement.path == "."
        || placement.path.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && !part.eq_ignore_ascii_case(".git")
                && !part.contains(['\\', '\0'])
                && !part.chars().any(char::is_control)
        });
    if inside {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("the installer puts {id} at `{}`, which is not inside the site", placement.path.escape_debug()))
        .hint("the path of a type is relative, without `..`; see `installer` in `[config]`"))
}
