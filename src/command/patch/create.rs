//! `patch create`: what was edited by hand in a site, as a patch beside the manifest.

use std::path::Path;

use serde::Serialize;

use super::{entry, resolved, with_series, written};
use crate::builtin::client::{Part, Resolved, unpatched};
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::add_patch;
use crate::model::{ElementId, FileMode, Graft, ObjectId, WantedSite};
use crate::roles::Trees;
use crate::site::Generation;
use crate::sys::fs;

/// What `patch create` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The element.
    pub name: String,
    /// Only these files or folders of it.
    pub files: Vec<String>,
    /// What the patch is for.
    pub message: Option<String>,
}

/// The patch that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/patch-create/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// The site whose edits they are.
    pub site: String,
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// The version that was edited.
    pub version: String,
    /// The patch, relative to the manifest.
    pub patch: String,
    /// Its text.
    pub text: String,
    /// File by file.
    pub files: Vec<PatchedFile>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// One file that a patch changes.
#[derive(Debug, Clone, Serialize)]
pub struct PatchedFile {
    /// Relative to the element.
    pub path: String,
    /// `added`, `changed` or `deleted`.
    pub state: &'static str,
}

/// Makes a patch of the edits, and names it in the manifest after those that are there.
///
/// # Errors
/// `NotFound` when nothing was edited; `Usage` when several sites have edits; `Unsupported` for an element whose source is edited
/// itself, or whose installer changes it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let id = workspace.known_element(&options.name)?;
    let _held = workspace.hold_stock()?;
    let cx = &workspace.machine.cx;
    let edited = |wanted: &WantedSite| -> Result<bool> {
        let Some((_, graft)) = installed(workspace, wanted, &id)? else { return Ok(false) };
        Ok(!workspace.site(wanted)?.edits(cx, &id, &named(wanted, &graft, &options.files))?.is_empty())
    };
    let wanted = workspace.one_site(edited, &format!("has edits in {id}"))?;
    let Some((current, graft)) = installed(workspace, wanted, &id)? else {
        return Err(Error::new(ErrorKind::NotFound, format!("{id} is not in site `{}`", wanted.name)));
    };
    let element = entry(wanted, &id)?;
    let one = resolved(&workspace.lock_of(&current)?, &wanted.name, &id)?;
    if one.locked.is_live() {
        return Err(Error::new(ErrorKind::Unsupported, format!("{id} comes from a folder of your own: `{}`", one.locked.path.as_deref().unwrap_or_default()))
            .hint("make the change there, then `greffon sync`; `if-local-changes = \"save\"` keeps what was edited in the site"));
    }
    if graft.placement.prepare {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the installer changes the files of {id} before they are put in place: no patch can be made of them"),
        )
        .hint("make the change in a copy of the source, and name that with `path =` or `git =`"));
    }
    let tree = unpatched(cx, &workspace.parts, &[], &one, Part::As(&graft.placement), true)?.ok_or_else(|| {
        Error::new(ErrorKind::Offline, format!("{id} {} is no longer in stock, and a patch is made against it", one.pin.version))
            .hint("run it where there is a network")
    })?;
    let before = with_series(workspace, tree, &element.patches, &one)?;
    let objects = workspace.machine.stockroom.objects();
    let edits = workspace.site(wanted)?.edits(cx, &id, &named(wanted, &graft, &options.files))?;
    let files: Vec<PatchedFile> = edits.iter().map(|edit| told(objects, before, &edit.path, edit.file.as_ref())).collect::<Result<Vec<_>>>()?;
    let after = objects.with_files(before, edits.into_iter().map(|edit| (edit.path, edit.file)))?;
    if before == after {
        return Err(Error::new(ErrorKind::NotFound, format!("the edits in {id} at site `{}` are in its patches already", wanted.name))
            .hint("`greffon sync` records them"));
    }
    let title = options
        .message
        .clone()
        .unwrap_or_else(|| format!("Change {} of {}", files.iter().map(|file| file.path.as_str()).take(3).collect::<Vec<_>>().join(", "), id.name()));
    let bytes = objects.make_patch(before, after, &title)?;
    let base = workspace.base();
    let relative = format!("patches/{}/{}", id.name(), file_name(workspace, &id, options.message.as_deref())?);
    let text = add_patch(&workspace.manifest.path, &workspace.manifest.text, &id, &relative, &wanted.name)?;
    let mut notes = Vec::new();
    let others =
        workspace.manifest.sites.iter().filter(|site| site.name != wanted.name && site.elements.get(&id).is_some_and(|other| other.origin == element.origin));
    let others: Vec<&str> = others.map(|site| site.name.as_str()).collect();
    if !others.is_empty() {
        notes.push(format!("the entry is shared: the next sync patches {} too", others.join(", ")));
    }
    notes.extend(at_the_lock(workspace, wanted, &one, &graft, &bytes)?);
    if !workspace.globals.dry_run {
        let path = base.join(&relative);
        if let Some(folder) = path.parent() {
            fs::create_folder(folder)?;
        }
        fs::write_atomic(&path, &bytes)?;
        workspace.write_manifest(&text)?;
    }
    Ok(Report {
        schema: "greffon/patch-create/1",
        dry_run: workspace.globals.dry_run,
        site: wanted.name.clone(),
        r#type: id.kind().to_owned(),
        name: id.name().to_owned(),
        version: one.pin.version.to_string(),
        patch: relative,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        files,
        notes,
    })
}

/// The generation in place, and the element in it.
pub(super) fn installed(workspace: &Workspace, wanted: &WantedSite, id: &ElementId) -> Result<Option<(Generation, Graft)>> {
    let site = workspace.site(wanted)?;
    if site.presence()? != crate::site::Presence::Known {
        return Ok(None);
    }
    let Some(current) = site.current()? else { return Ok(None) };
    let graft = current.grafts.iter().find(|graft| graft.id == *id).cloned();
    Ok(graft.map(|graft| (current, graft)))
}

/// Names of files as people write them (below the element, the site, or in full) as paths below the element.
fn named(wanted: &WantedSite, graft: &Graft, files: &[String]) -> Vec<String> {
    let top = graft.placement.path.as_str();
    let below = |file: &String| {
        let file = file.trim_end_matches('/').trim_start_matches("./");
        let in_site = Path::new(file).strip_prefix(&wanted.path).ok().and_then(Path::to_str).unwrap_or(file);
        let inside = if top == "." { Some(in_site) } else { in_site.strip_prefix(top).and_then(|rest| rest.strip_prefix('/')) };
        inside.unwrap_or(in_site).to_owned()
    };
    files.iter().map(below).collect()
}

fn told(objects: &dyn Trees, before: ObjectId, path: &str, file: Option<&(FileMode, Vec<u8>)>) -> Result<PatchedFile> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let there = objects.list(before, folder)?.unwrap_or_default().iter().any(|item| item.name == name);
    let state = match (there, file) {
        (false, _) => "added",
        (true, None) => "deleted",
        (true, Some(_)) => "changed",
    };
    Ok(PatchedFile { path: path.to_owned(), state })
}

/// `0003-what-it-is-for.patch`, the next free number of the element's.
fn file_name(workspace: &Workspace, id: &ElementId, message: Option<&str>) -> Result<String> {
    let base = workspace.base();
    let mut taken = fs::names(&base.join("patches").join(id.name()))?.unwrap_or_default();
    let named = workspace.manifest.sites.iter().filter_map(|site| site.elements.get(id)).flat_map(|element| &element.patches);
    taken.extend(named.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())));
    let number = |name: &String| name.bytes().take_while(u8::is_ascii_digit).count();
    let last = taken.iter().filter_map(|name| name[..number(name)].parse::<u32>().ok()).max().unwrap_or(0);
    let words: Vec<String> =
        message.unwrap_or("edit").split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).take(6).map(str::to_ascii_lowercase).collect();
    let slug = if words.is_empty() { "edit".to_owned() } else { words.join("-") };
    Ok(format!("{:04}-{}.patch", last + 1, slug.chars().take(60).collect::<String>()))
}

/// What is to be known where the lock is at another version than the site.
fn at_the_lock(workspace: &Workspace, wanted: &WantedSite, one: &Resolved, graft: &Graft, bytes: &[u8]) -> Result<Option<String>> {
    let Ok(locked) = resolved(&workspace.lock, &wanted.name, &one.id) else { return Ok(None) };
    if locked.locked.tree == one.locked.tree {
        return Ok(None);
    }
    let element = entry(wanted, &one.id)?;
    let tree = unpatched(&workspace.machine.cx, &workspace.parts, &[], &locked, Part::As(&graft.placement), false)?;
    let Some(tree) = tree else { return Ok(None) };
    let objects = workspace.machine.stockroom.objects();
    let version = &locked.pin.version;
    let applies = with_series(workspace, tree, &element.patches, &locked)
        .and_then(|tree| objects.apply_patch_bytes(tree, bytes, Path::new(&written(&workspace.base(), Path::new("the new patch")))));
    Ok(applies.is_err().then(|| format!("greffon.lock is at {version} already, where this does not apply: `greffon patch rebase {}` brings it there", one.id)))
}
