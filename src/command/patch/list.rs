//! `patch list`: the patches of the sites' elements, and whether they apply.

use serde::Serialize;

use super::{resolved, written};
use crate::builtin::client::{Part, Resolved, unpatched};
use crate::command::Workspace;
use crate::error::Result;
use crate::model::{ObjectId, WantedElement, WantedSite};
use crate::sys::fs;
use crate::sys::git::{LARGEST_PATCH, Patched};

/// The patches of the chosen sites.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/patch-list/1`.
    pub schema: &'static str,
    /// One a site and patch, in the order they apply.
    pub patches: Vec<Line>,
}

/// One patch at one site.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The site.
    pub site: String,
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// The version that it is for, by the lock; `None`: not locked.
    pub version: Option<String>,
    /// The file, as the manifest writes it.
    pub patch: String,
    /// Its first line.
    pub title: Option<String>,
    /// In one word.
    pub state: PatchState,
    /// Why it does not apply.
    pub why: Option<String>,
}

/// A patch's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchState {
    /// It changes the locked version.
    Applies,
    /// The locked version has it already.
    Contained,
    /// It does not apply to the locked version.
    Fails,
    /// The file is not there.
    Missing,
    /// The locked version is not in stock.
    Unknown,
}

/// Lists. Fetches nothing; the stock is given the trees that were tried.
///
/// # Errors
/// When the stock cannot be read.
pub fn run(workspace: &Workspace, name: Option<&str>) -> Result<Report> {
    let only = name.map(|name| workspace.known_element(name)).transpose()?;
    let mut patches = Vec::new();
    for wanted in workspace.chosen(false)? {
        for element in wanted.elements.values().filter(|element| !element.patches.is_empty() && only.as_ref().is_none_or(|id| *id == element.id)) {
            lines(workspace, wanted, element, &mut patches)?;
        }
    }
    Ok(Report { schema: "greffon/patch-list/1", patches })
}

fn lines(workspace: &Workspace, wanted: &WantedSite, element: &WantedElement, lines: &mut Vec<Line>) -> Result<()> {
    let one = resolved(&workspace.lock, &wanted.name, &element.id).ok();
    let mut tree = match &one {
        Some(one) => start(workspace, wanted, one)?,
        None => None,
    };
    for path in &element.patches {
        let bytes = fs::read(path, LARGEST_PATCH)?;
        let (state, why) = match (&bytes, tree) {
            (None, _) => (PatchState::Missing, None),
            (_, None) => (PatchState::Unknown, None),
            (Some(bytes), Some(on)) => match workspace.machine.stockroom.objects().apply_patch_bytes(on, bytes, path) {
                Ok(Patched::To(next)) => {
                    tree = Some(next);
                    (PatchState::Applies, None)
                }
                Ok(Patched::Contained) => (PatchState::Contained, None),
                Err(error) => {
                    tree = None;
                    (PatchState::Fails, Some(error.message().to_owned()))
                }
            },
        };
        lines.push(Line {
            site: wanted.name.clone(),
            r#type: element.id.kind().to_owned(),
            name: element.id.name().to_owned(),
            version: one.as_ref().map(|one| one.pin.version.to_string()),
            patch: written(&workspace.base(), path),
            title: bytes.as_deref().and_then(title),
            state,
            why,
        });
    }
    Ok(())
}

/// The element's tree, where it is in stock and has a place.
pub(super) fn start(workspace: &Workspace, wanted: &WantedSite, one: &Resolved) -> Result<Option<ObjectId>> {
    let others: Vec<Resolved> = wanted.elements.keys().filter_map(|id| resolved(&workspace.lock, &wanted.name, id).ok()).collect();
    match super::create::installed(workspace, wanted, &one.id)? {
        Some((_, graft)) => unpatched(&workspace.machine.cx, &workspace.parts, &others, one, Part::As(&graft.placement), false),
        None => Ok(unpatched(&workspace.machine.cx, &workspace.parts, &others, one, Part::Ask, false).unwrap_or_default()),
    }
}

/// What stands behind `Subject:`.
pub(super) fn title(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).into_owned();
    let line = text.lines().take_while(|line| !line.starts_with("diff ")).find_map(|line| line.strip_prefix("Subject: "))?;
    Some(line.trim_start_matches("[PATCH] ").to_owned())
}
