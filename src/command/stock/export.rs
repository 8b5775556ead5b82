//! `stock export`: what a lock needs, in one file for a machine without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::parcel::{AtPath, Head, Sort};
use crate::builtin::client::{Bytes, Resolved, bytes_of, download_again, lock_text, place_in_stock, tree_in_stock};
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result, ResultExt as _};
use crate::model::{Digest, Lock, Payload};
use crate::roles::{PlanDepth, UpdateChoice};
use crate::sys::fs::{self, PathKind};
use crate::sys::git::{Cargo, Carried};
use crate::sys::parcel::ParcelWriter;
use crate::sys::places;

/// What `stock export` wrote.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/stock-export/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// The file.
    pub file: String,
    /// Its length; `None` in a rehearsal.
    pub size: Option<u64>,
    /// Its digest; `None` in a rehearsal.
    pub sha256: Option<Digest>,
    /// The sites whose elements are in it.
    pub sites: Vec<String>,
    /// The elements.
    pub elements: Vec<Line>,
}

/// One element of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its type.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `git`, `archive`, `path` or `by-hand`.
    pub kind: &'static str,
}

/// What goes into the file.
#[derive(Default)]
struct Load {
    head: Head,
    lock: Lock,
    cargo: Cargo,
    archives: BTreeMap<Digest, PathBuf>,
    lines: Vec<Line>,
}

/// Writes what the chosen sites' locked elements need into one file. What is not in stock is fetched first, as `fetch` does.
///
/// # Errors
/// As `fetch`; `Offline` for what is not in stock; `Io`.
pub fn run(workspace: &Workspace, file: &Path) -> Result<Report> {
    let to = places::absolute(file)?;
    check(&to)?;
    let sites = workspace.chosen(false)?;
    let _held = workspace.hold_stock()?;
    let dry_run = workspace.globals.dry_run;
    let depth = if dry_run { PlanDepth::Peek } else { PlanDepth::Compose };
    let plan = workspace.plan(&sites, depth, UpdateChoice::Keep)?;
    if !dry_run {
        workspace.write_lock(&plan.lock)?;
    }
    let mut chosen: BTreeSet<crate::model::LockKey> = BTreeSet::new();
    for (site, id) in plan.sites.iter().flat_map(|site| site.download_map.iter().map(move |entry| (&site.name, &entry.id))) {
        chosen.extend(plan.lock.entry(site, id).map(|(pin, _)| crate::model::LockKey { id: id.clone(), pin: pin.clone() }));
    }
    let scratch = workspace.machine.stockroom.scratch()?;
    let mut load = Load { head: Head::new(), ..Load::default() };
    for key in chosen {
        workspace.machine.cx.check()?;
        let Some(locked) = plan.lock.elements.get(&key) else { continue };
        let one = Resolved { id: key.id.clone(), pin: key.pin.clone(), locked: locked.clone() };
        load.take(workspace, &one, scratch.path()).while_doing(|| format!("{} {} cannot be exported", one.id, one.pin))?;
        load.lock.elements.insert(key, locked.clone());
    }
    let mut report = Report {
        schema: "greffon/stock-export/1",
        dry_run,
        file: to.display().to_string(),
        size: None,
        sha256: None,
        sites: sites.iter().map(|site| site.name.clone()).collect(),
        elements: std::mem::take(&mut load.lines),
    };
    if !dry_run {
        report.size = Some(load.write(workspace, &to)?);
        report.sha256 = Some(fs::digest(&workspace.machine.cx, &to)?.0);
    }
    Ok(report)
}

/// Whether a file can be written there; told before anything is fetched.
fn check(to: &Path) -> Result<()> {
    if matches!(fs::kind(to)?, Some(PathKind::Folder | PathKind::Other)) {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no file, and a stock is exported into one", to.display())));
    }
    match to.parent().map(fs::kind).transpose()?.flatten() {
        Some(PathKind::Folder) => Ok(()),
        _ => Err(Error::new(ErrorKind::NotFound, format!("there is no folder to write `{}` in", to.display())).hint("make it first, or name another path")),
    }
}

impl Load {
    fn take(&mut self, workspace: &Workspace, one: &Resolved, scratch: &Path) -> Result<()> {
        let base = workspace.base();
        let unfetched = || Error::new(ErrorKind::Lock, "greffon.lock does not say its bytes yet").hint("run `greffon fetch`");
        let bytes = match bytes_of(&one.locked, &base) {
            Some(bytes) => bytes,
            None if workspace.globals.dry_run => return Ok(()),
            None => return Err(unfetched()),
        };
        let kind = match bytes {
            Bytes::Commit { .. } => "git",
            Bytes::Archive { .. } => "archive",
            Bytes::Live { .. } => "path",
            Bytes::ByHand => "by-hand",
        };
        self.lines.push(Line { r#type: one.id.kind().to_owned(), name: one.id.name().to_owned(), version: one.pin.version.to_string(), kind });
        if workspace.globals.dry_run {
            return Ok(());
        }
        let cx = &workspace.machine.cx;
        let objects = workspace.machine.stockroom.objects();
        match bytes {
            Bytes::Commit { commit, subdir } => {
                let tree = tree_in_stock(cx, &workspace.parts, one)?;
                objects.load(tree, &mut self.cargo)?;
                if !objects.load_proof(commit, subdir.as_deref(), tree, &mut self.cargo)? {
                    // The stock keeps what it takes from others without the commit that it came with.
                    download_again(cx, &workspace.parts, one, &folder_in(scratch, self.lines.len())?).map_err(|error| {
                        error
                            .wrap(format!("its commit {commit} is not in stock, and without it nobody could prove what its files are"))
                            .hint("a stock that took it in by `stock import` keeps the files alone: pass that file on, or export where it was fetched")
                    })?;
                    objects.refresh()?;
                    if !objects.load_proof(commit, subdir.as_deref(), tree, &mut self.cargo)? {
                        return Err(Error::new(ErrorKind::NotFound, format!("its commit {commit} is no longer in stock")));
                    }
                }
            }
            Bytes::Archive { digest, .. } => {
                let path = self.archive(workspace, one, digest, scratch)?;
                self.archives.insert(digest, path);
            }
            Bytes::Live { path, .. } => {
                let what = if matches!(fs::kind(&path)?, Some(PathKind::File { .. })) {
                    let digest = fs::digest(cx, &path)?.0;
                    self.archives.insert(digest, path);
                    AtPath::File(digest)
                } else {
                    let tree = tree_in_stock(cx, &workspace.parts, one)?;
                    objects.load(tree, &mut self.cargo)?;
                    AtPath::Folder(tree)
                };
                self.head.paths.insert(one.key().to_string(), what);
            }
            Bytes::ByHand => {
                let tree = tree_in_stock(cx, &workspace.parts, one)?;
                let key = place_in_stock(one, &base).ok_or_else(unfetched)?;
                let stored = workspace.roles.stock.open(cx, &key)?.ok_or_else(unfetched)?;
                match stored.key.digest.parse::<Digest>() {
                    Ok(digest) => {
                        let path = self.archive(workspace, one, digest, scratch)?;
                        self.archives.insert(digest, path);
                    }
                    Err(_) => objects.load(tree, &mut self.cargo)?,
                }
                self.head.by_hand.insert(one.key().to_string(), stored.key.digest);
            }
        }
        Ok(())
    }

    /// The archive, from the stock or once more from its source; its bytes are checked.
    fn archive(&self, workspace: &Workspace, one: &Resolved, digest: Digest, scratch: &Path) -> Result<PathBuf> {
        let cx = &workspace.machine.cx;
        let kept = workspace.machine.stockroom.archives().join(digest.hex());
        if fs::kind(&kept)?.is_some() && fs::digest(cx, &kept)?.0 == digest {
            return Ok(kept);
        }
        let install = download_again(cx, &workspace.parts, one, &folder_in(scratch, self.lines.len())?)
            .map_err(|error| error.wrap("its archive is no longer in stock, or damaged there").hint("`greffon stock verify` finds damage"))?;
        match install.payload {
            Payload::Archive { path, .. } if fs::digest(cx, &path)?.0 == digest => Ok(path),
            _ => Err(Error::new(ErrorKind::Digest, "its source gives other bytes now than those that are locked")),
        }
    }

    /// How much the files, trees and archives are together.
    fn bytes(&self, workspace: &Workspace) -> Result<u64> {
        let objects = workspace.machine.stockroom.objects();
        let mut bytes = 0;
        for id in &self.cargo.trees {
            bytes += objects.carried(Carried::Tree, *id)?.len() as u64;
        }
        for id in &self.cargo.blobs {
            bytes += objects.blob_size(*id)?;
        }
        for path in self.archives.values() {
            if let Some(PathKind::File { size, .. }) = fs::kind(path)? {
                bytes += size;
            }
        }
        Ok(bytes)
    }

    fn write(mut self, workspace: &Workspace, to: &Path) -> Result<u64> {
        self.cargo.proofs.retain(|id| !self.cargo.trees.contains(id));
        let Cargo { commits, proofs, trees, blobs } = &self.cargo;
        for (sort, count) in [
            (Sort::Commit, commits.len()),
            (Sort::Proof, proofs.len()),
            (Sort::Tree, trees.len()),
            (Sort::Blob, blobs.len()),
            (Sort::Archive, self.archives.len()),
        ] {
            self.head.members.insert(sort.word().to_owned(), count);
        }
        self.head.bytes = Some(self.bytes(workspace)?);
        let Cargo { commits, proofs, trees, blobs } = &self.cargo;
        let mut parcel = ParcelWriter::create(to)?;
        parcel.member(Sort::Head.word(), &self.head.text()?)?;
        parcel.member(Sort::Lock.word(), lock_text(&self.lock, &workspace.base(), "").as_bytes())?;
        let objects = workspace.machine.stockroom.objects();
        for (sort, what, ids) in [
            (Sort::Commit, Carried::Commit, commits),
            (Sort::Proof, Carried::Tree, proofs),
            (Sort::Tree, Carried::Tree, trees),
            (Sort::Blob, Carried::Blob, blobs),
        ] {
            for id in ids {
                workspace.machine.cx.check()?;
                parcel.member(&format!("{}/{id}", sort.word()), &objects.carried(what, *id)?)?;
            }
        }
        for (digest, path) in &self.archives {
            parcel.file(&format!("{}/{}", Sort::Archive.word(), digest.hex()), path)?;
        }
        parcel.finish()
    }
}

fn folder_in(scratch: &Path, number: usize) -> Result<PathBuf> {
    let folder = scratch.join(number.to_string());
    fs::create_folder(&folder)?;
    Ok(folder)
}
