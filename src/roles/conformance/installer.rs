//! Checks of [`Installer`].

use std::fmt;
use std::path::Path;

use super::{Finding, Suite, Tried, Verdict, fails, same, works};
use crate::error::ErrorKind;
use crate::model::{Graft, ObjectId, Payload, Placement, Version};
use crate::roles::{Context, InfoRequest, Installer, IsInstalledRequest, PlaceRequest, PrepareRequest};

/// The sentences that are checked.
pub const CONTRACT: &[&str] = &[INSIDE, PURE, OWNERS, PREPARES];

const INSIDE: &str = "The path is relative and stays inside the site; two elements never get one path.";
const PURE: &str = "Depends on the request alone: the same request gives the same placement.";
const OWNERS: &str = "Owners (elements that others are nested in) are placed before what they own; their grafts are in the view.";
const PREPARES: &str = "Works inside the given directory alone, and deterministically.";
const TYPES: &str = "A type that this application does not know is an error of kind `NotFound` that names those it knows.";
const INFO: &str = "`info` says what the code says of itself, `None` when it says nothing, and malformed code is an error.";
const INSTALLED: &str = "`is_installed` tells an element that stands at its place from one that does not.";

/// What the caller knows.
#[derive(Debug, Default)]
pub struct Fixture<'a> {
    /// Elements that stand in one site together, owners first; the suite fills in their views.
    pub places: Vec<PlaceRequest>,
    /// An element of a type that does not exist.
    pub unknown_type: Option<PlaceRequest>,
    /// Trees, and the version that each states.
    pub infos: Vec<(InfoRequest, Option<Version>)>,
    /// A tree that says something malformed.
    pub malformed: Option<InfoRequest>,
    /// Two directories of equal content to prepare.
    pub prepare: Option<Preparation<'a>>,
    /// An element that stands in a site, and one that does not.
    pub installed: Option<(IsInstalledRequest, IsInstalledRequest)>,
}

/// What preparing is watched by.
pub struct Preparation<'a> {
    /// A copy of the content.
    pub first: PrepareRequest,
    /// Another copy of it.
    pub second: PrepareRequest,
    /// A fingerprint of everything in a folder.
    pub fingerprint: &'a dyn Fn(&Path) -> String,
    /// A folder around the two whose other content must stay as it is; its fingerprint leaves the two directories out.
    pub outside: &'a dyn Fn() -> String,
}

impl fmt::Debug for Preparation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preparation").field("first", &self.first).field("second", &self.second).finish_non_exhaustive()
    }
}

/// Runs an installer through its contract.
///
/// # Errors
/// Every sentence that does not hold.
pub fn check(installer: &dyn Installer, cx: &Context, fixture: &Fixture<'_>) -> Verdict {
    let mut suite = Suite::new("installer");
    suite.sentence(INSIDE, || {
        let grafts = place_all(installer, cx, fixture)?;
        for (index, graft) in grafts.iter().enumerate() {
            inside(&graft.placement.path)?;
            let below = graft.placement.subdir.iter().chain(&graft.placement.empty_dirs);
            below.filter(|path| path.as_str() != ".").try_for_each(|path| inside(path))?;
            if let Some(other) = grafts[..index].iter().find(|other| other.placement.path == graft.placement.path) {
                return Err(format!("{} and {} are both placed at `{}`", other.id, graft.id, graft.placement.path));
            }
        }
        Ok(tried(&grafts))
    });
    suite.sentence(PURE, || {
        let first = place_all(installer, cx, fixture)?;
        same("the second placement", &place_all(installer, cx, fixture)?, &first)?;
        for request in &fixture.places {
            // Whatever else was asked in between, and whatever the surroundings.
            let alone = installer.place(&cx.without_network(), request).ok();
            same(&format!("{} placed again alone", request.id), &installer.place(cx, request).ok(), &alone)?;
        }
        Ok(tried(&first))
    });
    suite.sentence(OWNERS, || {
        let grafts = place_all(installer, cx, fixture)?;
        let nested = |owner: &Graft, graft: &Graft| {
            owner.placement.path != graft.placement.path
                && (owner.placement.path == "." || graft.placement.path.starts_with(&format!("{}/", owner.placement.path)))
        };
        let owned = grafts.iter().enumerate().any(|(index, graft)| grafts[..index].iter().any(|owner| nested(owner, graft)));
        for (index, graft) in grafts.iter().enumerate() {
            if let Some(late) = grafts[index + 1..].iter().find(|owner| nested(owner, graft)) {
                return Err(format!("{} is placed inside {}, which comes after it", graft.id, late.id));
            }
        }
        Ok(if owned { Tried::Yes } else { Tried::No })
    });
    suite.sentence(TYPES, || {
        let Some(request) = &fixture.unknown_type else { return Ok(Tried::No) };
        let error = fails("placing an unknown type", ErrorKind::NotFound, installer.place(cx, request))?;
        let known = installer.types();
        match known.iter().find(|kind| !error.message().contains(kind.as_str())) {
            Some(kind) => Err(format!("the error does not name the type `{kind}`: {error}")),
            None => Ok(Tried::Yes),
        }
    });
    suite.sentence(INFO, || info(installer, cx, fixture));
    suite.sentence(PREPARES, || prepares(installer, cx, fixture));
    suite.sentence(INSTALLED, || {
        let Some((there, absent)) = &fixture.installed else { return Ok(Tried::No) };
        same("what is said of an element that stands there", &works("is_installed", installer.is_installed(cx, there))?, &true)?;
        same("what is said of one that does not", &works("is_installed", installer.is_installed(cx, absent))?, &false)?;
        Ok(Tried::Yes)
    });
    suite.finish()
}

fn tried(grafts: &[Graft]) -> Tried {
    if grafts.is_empty() { Tried::No } else { Tried::Yes }
}

/// Places everything in order, each seeing what was placed before.
fn place_all(installer: &dyn Installer, cx: &Context, fixture: &Fixture<'_>) -> Result<Vec<Graft>, String> {
    let mut grafts: Vec<Graft> = Vec::new();
    for request in &fixture.places {
        let mut request = request.clone();
        request.view.core = grafts.iter().find(|graft| graft.id.kind() == "core").cloned();
        request.view.placed.clone_from(&grafts);
        let placement: Placement = works(&format!("placing {}", request.id), installer.place(cx, &request))?;
        let tree = match request.payload {
            Payload::Tree { tree, .. } => tree,
            _ => ObjectId::EMPTY_TREE,
        };
        grafts.push(Graft { id: request.id, version: request.version, tree, placement });
    }
    Ok(grafts)
}

fn inside(path: &str) -> Result<(), String> {
    let fine = path == "." || (!path.contains('\\') && path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git")));
    if fine { Ok(()) } else { Err(format!("`{path}` could leave the site")) }
}

fn info(installer: &dyn Installer, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    for (request, version) in &fixture.infos {
        let said = works(&format!("reading the info of {}", request.id), installer.info(cx, request))?;
        if let Some(said) = &said {
            same("the element that the info is of", &said.id, &request.id)?;
        }
        same(&format!("the version of {}", request.id), &said.map(|said| said.version), version)?;
    }
    if let Some(malformed) = &fixture.malformed
        && let Ok(said) = installer.info(cx, malformed)
    {
        return Err(format!("malformed code was read as {said:?}"));
    }
    Ok(if fixture.infos.is_empty() && fixture.malformed.is_none() { Tried::No } else { Tried::Yes })
}

fn prepares(installer: &dyn Installer, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let Some(prepare) = &fixture.prepare else { return Ok(Tried::No) };
    let outside = (prepare.outside)();
    works("prepare", installer.prepare(cx, &prepare.first))?;
    works("prepare", installer.prepare(cx, &prepare.second))?;
    same("what lies around the directory", &(prepare.outside)(), &outside)?;
    let (first, second) = ((prepare.fingerprint)(&prepare.first.directory), (prepare.fingerprint)(&prepare.second.directory));
    same("the second result", &second, &first)?;
    Ok(Tried::Yes)
}
