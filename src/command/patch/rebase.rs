//! `patch rebase`: a series of patches brought to another version. What cannot be merged lies in a folder, with markers, until
//! somebody has decided; nothing else is written before the last patch is settled.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::list::title;
use super::{entry, resolved, written};
use crate::builtin::client::{Part, Resolved, unpatched};
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, ObjectId, Requirement, WantedSite};
use crate::roles::{PlanDepth, UpdateChoice};
use crate::sys::fs;
use crate::sys::git::{LARGEST_PATCH, Patched};

/// The file in the folder that says where the work stands.
const STATE: &str = ".greffon-rebase.json";
const SCHEMA: &str = "greffon/patch-rebase-state/1";

/// What `patch rebase` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The element.
    pub name: String,
    /// The version to bring the patches to; `None`: the locked one.
    pub to: Option<String>,
    /// The folder for what conflicts; `None`: `rebase-NAME` beside the manifest.
    pub folder: Option<PathBuf>,
    /// Go on: what lies in the folder is right now.
    pub go_on: bool,
    /// Forget it: the patches stay as they are.
    pub abort: bool,
}

/// How far it came.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/patch-rebase/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// The version that they are brought to.
    pub version: String,
    /// In one word.
    pub state: Progress,
    /// Where what conflicts lies.
    pub folder: Option<String>,
    /// The patch that it stopped at.
    pub patch: Option<String>,
    /// What somebody must decide, file by file.
    pub conflicts: Vec<Conflict>,
    /// Patches that were written anew.
    pub written: Vec<String>,
    /// Patches that the version has already.
    pub contained: Vec<String>,
}

/// How far it came, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Every patch applies to that version now.
    Done,
    /// Every patch applied as it was.
    Nothing,
    /// Somebody must decide.
    Conflicts,
    /// It was forgotten.
    Aborted,
}

/// One file that somebody must look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Conflict {
    /// Its path in the folder.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Where the work stands.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    schema: String,
    element: ElementId,
    site: String,
    version: String,
    /// The patch that conflicts, as the manifest writes it, and the tree that it is to be applied to.
    patch: String,
    tree: ObjectId,
    /// The files that lie in the folder, or were taken away there.
    files: Vec<String>,
    conflicts: Vec<Conflict>,
    /// Patches that are settled already: as the manifest writes them, and their new text in hex.
    done: Vec<(String, String)>,
}

/// The work on one element.
struct Work<'a> {
    workspace: &'a Workspace,
    wanted: &'a WantedSite,
    id: ElementId,
    version: String,
    folder: PathBuf,
    done: Vec<(String, Vec<u8>)>,
    contained: Vec<String>,
}

/// Begins, goes on, or forgets it.
///
/// # Errors
/// `NotFound` for an element without patches, or nothing to go on with; `Invalid` while markers stand in a file.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let id = workspace.known_element(&options.name)?;
    let _held = workspace.hold_stock()?;
    let folder = match &options.folder {
        Some(folder) => crate::sys::places::absolute(folder)?,
        None => workspace.base().join(format!("rebase-{}", id.name())),
    };
    let begun = fs::read(&folder.join(STATE), LARGEST_PATCH)?;
    if options.go_on || options.abort {
        let bytes = begun.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("no rebase of {id} is under way in `{}`", folder.display()))
                .hint(format!("`greffon patch rebase {id}` begins one"))
        })?;
        let state = read_state(&folder, &bytes)?;
        if options.abort {
            let report = report(&state.element, &state.version, Progress::Aborted, workspace);
            if !workspace.globals.dry_run {
                fs::remove_tree(&folder)?;
            }
            return Ok(report);
        }
        return go_on(workspace, folder, state);
    }
    if begun.is_some() {
        return Err(Error::new(ErrorKind::Usage, format!("a rebase of {id} is under way in `{}`", folder.display()))
            .hint(format!("`greffon patch rebase {id} --continue` once its files are right, or `--abort`")));
    }
    if fs::names(&folder)?.is_some_and(|names| !names.is_empty()) {
        return Err(Error::new(ErrorKind::Usage, format!("`{}` is not empty", folder.display())).hint("name another folder with `--in DIR`"));
    }
    let has = |wanted: &WantedSite| Ok(wanted.elements.get(&id).is_some_and(|element| !element.patches.is_empty()));
    let wanted = match workspace.chosen(false)?.as_slice() {
        // One that stands for all: they share the entry and the locked version.
        [first, rest @ ..] if rest.iter().all(|site| same(workspace, first, site, &id)) => first,
        _ => workspace.one_site(has, &format!("has patches for {id}"))?,
    };
    if !has(wanted)? {
        return Err(Error::new(ErrorKind::NotFound, format!("{id} has no patches")).hint("`greffon patch list` shows those that there are"));
    }
    let one = target(workspace, wanted, &id, options.to.as_deref())?;
    let part = super::create::installed(workspace, wanted, &id)?;
    let part = part.as_ref().map_or(Part::Ask, |(_, graft)| Part::As(&graft.placement));
    let others: Vec<Resolved> = wanted.elements.keys().filter_map(|id| resolved(&workspace.lock, &wanted.name, id).ok()).collect();
    let tree = unpatched(&workspace.machine.cx, &workspace.parts, &others, &one, part, true)?
        .ok_or_else(|| Error::new(ErrorKind::Offline, format!("{id} {} is not in stock", one.pin.version)).hint("run it where there is a network"))?;
    let version = one.pin.version.to_string();
    Work { workspace, wanted, id, version, folder, done: Vec::new(), contained: Vec::new() }.advance(tree, 0)
}

fn same(workspace: &Workspace, a: &WantedSite, b: &WantedSite, id: &ElementId) -> bool {
    let of =
        |site: &WantedSite| (site.elements.get(id).map(|element| element.patches.clone()), workspace.lock.entry(&site.name, id).map(|(pin, _)| pin.clone()));
    of(a) == of(b)
}

/// The locked version, or the one that is named, as `update --to` would lock it.
fn target(workspace: &Workspace, wanted: &WantedSite, id: &ElementId, to: Option<&str>) -> Result<Resolved> {
    let locked = resolved(&workspace.lock, &wanted.name, id);
    let Some(to) = to else { return locked };
    if let Ok(one) = &locked
        && one.pin.version.as_str() == to
    {
        return locked;
    }
    let mut request = workspace.request(&[wanted], PlanDepth::Resolve, UpdateChoice::These(vec![(id.clone(), None)]));
    request.locked = false;
    request.frozen = false;
    for site in request.wanted.iter_mut().filter(|site| site.name == wanted.name) {
        if let Some(element) = site.elements.get_mut(id) {
            element.requirement = Requirement::new(format!("={to}"));
        }
    }
    let plan = workspace.roles.client.plan(&workspace.machine.cx, &request)?;
    resolved(&plan.lock, &wanted.name, id)
}

fn go_on(workspace: &Workspace, folder: PathBuf, state: State) -> Result<Report> {
    let objects = workspace.machine.stockroom.objects();
    let wanted =
        workspace.manifest.sites.iter().find(|site| site.name == state.site).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("site `{}` is no longer in greffon.toml", state.site)).hint("`--abort`, then begin again")
        })?;
    let series = &entry(wanted, &state.element)?.patches;
    let base = workspace.base();
    let number = series.iter().position(|path| written(&base, path) == state.patch).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("`{}` is no longer among the patches of {}", state.patch, state.element)).hint("`--abort`, then begin again")
    })?;
    if !objects.has(state.tree) {
        return Err(Error::new(ErrorKind::Git, "the stock no longer holds what the rebase began with").hint("`--abort`, then begin again"));
    }
    let gathered: Vec<(String, fs::LaidOut)> = fs::gather(&folder)?.into_iter().filter(|(path, _)| path != STATE).collect();
    let strange: Vec<&String> = gathered.iter().map(|(path, _)| path).filter(|path| !state.files.contains(path)).collect();
    if !strange.is_empty() {
        let error = Error::new(ErrorKind::Invalid, format!("`{}` holds what `{}` is not about", folder.display(), state.patch));
        return Err(strange
            .into_iter()
            .fold(error, |error, path| error.note(path.clone()))
            .hint("take it away (an editor may have left it); what is to be changed besides is a patch of its own: `greffon patch create`"));
    }
    let undecided: Vec<String> = gathered.iter().filter_map(|(path, file)| Some(format!("{path}, line {}", marker(&file.1)?))).collect();
    if !undecided.is_empty() {
        let error = Error::new(ErrorKind::Invalid, format!("conflict markers still stand in `{}`", folder.display()));
        return Err(undecided.into_iter().fold(error, Error::note).hint("decide what is right there, take the markers away, and say `--continue` again"));
    }
    let mut files: Vec<(String, Option<fs::LaidOut>)> = gathered.into_iter().map(|(path, file)| (path, Some(file))).collect();
    let gone: Vec<_> = state.files.iter().filter(|path| !files.iter().any(|(other, _)| other == *path)).map(|path| (path.clone(), None)).collect();
    files.extend(gone);
    let mut work = Work { workspace, wanted, id: state.element, version: state.version, folder, done: Vec::new(), contained: Vec::new() };
    for (patch, text) in state.done {
        let bytes = hex::decode(text)
            .map_err(|error| Error::new(ErrorKind::Invalid, format!("`{}` is damaged", work.folder.join(STATE).display())).caused_by(error))?;
        work.done.push((patch, bytes));
    }
    let after = objects.with_files(state.tree, files)?;
    work.settle(&series[number], state.tree, after)?;
    work.advance(after, number + 1)
}

impl Work<'_> {
    /// A patch that has its new form.
    fn settle(&mut self, path: &Path, before: ObjectId, after: ObjectId) -> Result<()> {
        let name = written(&self.workspace.base(), path);
        if before == after {
            self.contained.push(name);
            return Ok(());
        }
        let old = fs::read(path, LARGEST_PATCH)?.unwrap_or_default();
        let title = title(&old).unwrap_or_else(|| format!("Change {}", self.id.name()));
        self.done.push((name, self.workspace.machine.stockroom.objects().make_patch(before, after, &title)?));
        Ok(())
    }

    /// Every patch from this one on; stops where somebody must decide.
    fn advance(mut self, mut tree: ObjectId, from: usize) -> Result<Report> {
        let objects = self.workspace.machine.stockroom.objects();
        let base = self.workspace.base();
        let series = entry(self.wanted, &self.id)?.patches.clone();
        for path in series.iter().skip(from) {
            let bytes = fs::read(path, LARGEST_PATCH)?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no patch `{}`", path.display())))?;
            match objects.apply_patch_bytes(tree, &bytes, path) {
                Ok(Patched::To(next)) => tree = next,
                Ok(Patched::Contained) => self.contained.push(written(&base, path)),
                Err(error) if error.kind() != ErrorKind::Invalid => return Err(error),
                Err(_) => {
                    let name = written(&base, path);
                    let labels = (format!("{} {}", self.id, self.version), name.clone());
                    let merged = objects.merge_patch(tree, &bytes, path, (&labels.0, &labels.1))?;
                    if merged.is_clean() {
                        let after = objects.with_files(tree, merged.files.into_iter().map(|(path, settled)| (path, settled.file)))?;
                        self.settle(path, tree, after)?;
                        tree = after;
                        continue;
                    }
                    return self.stop(name, tree, merged);
                }
            }
        }
        self.end()
    }

    /// Lays out what must be decided.
    fn stop(self, patch: String, tree: ObjectId, merged: crate::sys::git::Merged) -> Result<Report> {
        let conflicts: Vec<Conflict> =
            merged.files.iter().filter_map(|(path, settled)| settled.conflict.clone().map(|why| Conflict { path: path.clone(), why })).collect();
        let state = State {
            schema: SCHEMA.to_owned(),
            element: self.id.clone(),
            site: self.wanted.name.clone(),
            version: self.version.clone(),
            patch: patch.clone(),
            tree,
            files: merged.files.iter().map(|(path, _)| path.clone()).collect(),
            conflicts: conflicts.clone(),
            done: self.done.iter().map(|(patch, bytes)| (patch.clone(), hex::encode(bytes))).collect(),
        };
        let mut report = report(&self.id, &self.version, Progress::Conflicts, self.workspace);
        report.folder = Some(self.folder.display().to_string());
        report.patch = Some(patch);
        report.conflicts = conflicts;
        if self.workspace.globals.dry_run {
            return Ok(report);
        }
        if fs::kind(&self.folder)?.is_some() {
            fs::remove_tree(&self.folder)?;
        }
        fs::create_folder(&self.folder)?;
        for (path, settled) in &merged.files {
            if let Some((mode, bytes)) = &settled.file {
                fs::lay_out(&self.folder, path, *mode, bytes)?;
            }
        }
        let text =
            serde_json::to_vec_pretty(&state).map_err(|error| Error::new(ErrorKind::Internal, "the rebase's state cannot be written").caused_by(error))?;
        fs::write_atomic(&self.folder.join(STATE), &text)?;
        Ok(report)
    }

    /// Writes what is settled, and takes the folder away.
    fn end(self) -> Result<Report> {
        let state = if self.done.is_empty() { Progress::Nothing } else { Progress::Done };
        let mut report = report(&self.id, &self.version, state, self.workspace);
        report.contained = self.contained;
        let base = self.workspace.base();
        for (patch, bytes) in &self.done {
            if !self.workspace.globals.dry_run {
                fs::write_atomic(&base.join(patch), bytes)?;
            }
            report.written.push(patch.clone());
        }
        if !self.workspace.globals.dry_run && fs::kind(&self.folder.join(STATE))?.is_some() {
            fs::remove_tree(&self.folder)?;
        }
        Ok(report)
    }
}

fn report(id: &ElementId, version: &str, state: Progress, workspace: &Workspace) -> Report {
    Report {
        schema: "greffon/patch-rebase/1",
        dry_run: workspace.globals.dry_run,
        r#type: id.kind().to_owned(),
        name: id.name().to_owned(),
        version: version.to_owned(),
        state,
        folder: None,
        patch: None,
        conflicts: Vec::new(),
        written: Vec::new(),
        contained: Vec::new(),
    }
}

fn read_state(folder: &Path, bytes: &[u8]) -> Result<State> {
    let state: State = serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("`{}` is damaged", folder.join(STATE).display())).caused_by(error).hint("`--abort`, then begin again")
    })?;
    if state.schema != SCHEMA {
        return Err(Error::new(ErrorKind::Newer, format!("the rebase in `{}` was begun by another greffon", folder.display())));
    }
    Ok(state)
}

/// The line of the first conflict marker.
fn marker(bytes: &[u8]) -> Option<usize> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.enumerate().find(|(_, line)| line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> ")).map(|(at, _)| at + 1)
}
