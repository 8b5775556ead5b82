//! What stands in the place of an element whose files are not as recorded: held against trees that it could be, and read as a
//! tree of its own. Nothing is written, and a file is read only where the answer hangs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::Site;
use super::content;
use super::index::Index;
use super::owners::{Owners, join, plain, split, within};
use super::scan::{Extra, Scan, State};
use crate::error::Result;
use crate::model::{Entry, Graft, ObjectId};
use crate::roles::{TreeItemKind, Trees as _};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::check_name;
use crate::sys::fs::witness::Kind;
use crate::sys::git::{Loan, Objects};

/// Of a folder that nobody recorded, no more files than this are looked at: it is somebody's data.
const MANY: usize = 20_000;
/// No tree has folders so deep inside each other.
const DEPTH: usize = 128;

/// What stands in an element's place.
#[derive(Debug)]
pub struct Stand {
    /// What was recorded there.
    pub graft: Graft,
    ground: Arc<Ground>,
    at: usize,
    /// By path in the element: what stands at recorded paths now; `None`: no file and no link.
    recorded: BTreeMap<String, Option<Entry>>,
    /// Recorded paths that are not as recorded.
    changed: BTreeSet<String>,
    strays: Vec<Stray>,
    /// What was read of paths that nobody recorded.
    seen: Mutex<BTreeMap<String, Option<Entry>>>,
}

/// The site around.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) root: Option<Dir>,
    pub(super) owners: Owners,
    pub(super) ignore: Option<String>,
}

/// Something in an element that nobody recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stray {
    /// In the site.
    path: String,
    /// Every file of it, by path in the element; `None`: too much, or nothing that a tree could hold.
    files: Option<Vec<String>>,
}

/// How a tree fits what stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fit {
    /// Files and folders that nobody recorded and the tree has, by their paths in the site.
    pub brought: Vec<String>,
    /// Those that it has not either.
    pub others: Vec<String>,
    /// How many recorded files still stand there that the tree has not.
    pub left_over: usize,
}

impl Ground {
    /// What stands at a path of the site.
    pub(super) fn entry(&self, path: &str) -> Result<Option<Entry>> {
        let (folder, name) = split(path);
        let Some(dir) = self.root.as_ref().map(|root| root.sub(folder)).transpose()?.flatten() else { return Ok(None) };
        Ok(content::read(&dir, name)?.entry())
    }

    /// Every file below a folder of the site, by path below `strip`; `None` where there are too many, or something no tree holds.
    /// A `.git` and what is protected are passed over.
    pub(super) fn files(&self, folder: &str, strip: &str) -> Result<Option<Vec<String>>> {
        let mut files = Vec::new();
        let whole = self.walk(folder, strip, 0, &mut files)?;
        Ok(whole.then_some(files))
    }

    fn walk(&self, folder: &str, strip: &str, depth: usize, files: &mut Vec<String>) -> Result<bool> {
        let Some(dir) = self.root.as_ref().map(|root| root.sub(folder)).transpose()?.flatten() else { return Ok(true) };
        let mut whole = depth <= DEPTH;
        let mut folders = Vec::new();
        dir.each(|name, kind| {
            let Some(name) = name.filter(|name| *name == ".git" || check_name(name.as_bytes()).is_ok()) else {
                whole = false;
                return Ok(());
            };
            let path = join(folder, name);
            if name == ".git" || self.ignore.as_deref() == Some(path.as_str()) || self.owners.protected(&path) {
                return Ok(());
            }
            match kind {
                Kind::Directory => folders.push(path),
                Kind::File | Kind::Symlink => files.push(below(&path, strip).to_owned()),
                Kind::Other => whole = false,
            }
            Ok(())
        })?;
        for path in folders {
            whole = whole && files.len() <= MANY && self.walk(&path, strip, depth + 1, files)?;
        }
        Ok(whole && files.len() <= MANY)
    }
}

/// A path as it is below a folder.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> &'a str {
    path.get(folder.len()..).unwrap_or_default().trim_start_matches('/')
}

impl Stand {
    /// What stands in the place of the graft number `at`. `extras`: what the scan found of unrecorded things in it.
    pub(super) fn new(ground: &Arc<Ground>, index: &Index, scan: &Scan, at: usize, extras: &[&Extra]) -> Result<Self> {
        let graft = index.grafts[at].clone();
        let home = plain(&graft.placement.path).to_owned();
        let (mut recorded, mut changed) = (BTreeMap::new(), BTreeSet::new());
        for folder in index.folders.iter().filter(|folder| within(&folder.path, &home) && !folder.files.is_empty()) {
            if ground.owners.of(&folder.path) != Some(at) {
                continue;
            }
            for place in folder.files.clone() {
                let path = below(&join(&folder.path, &index.files[place].name), &home).to_owned();
                let found = match scan.files[place] {
                    State::Clean(_) => Some(index.files[place].entry),
                    State::Modified(found) => Some(found),
                    State::Missing | State::Other(_) => None,
                };
                if found != Some(index.files[place].entry) {
                    changed.insert(path.clone());
                }
                recorded.insert(path, found);
            }
        }
        let mut strays = Vec::new();
        for extra in extras.iter().filter(|extra| !extra.in_the_way && split(&extra.path).1 != ".git") {
            let files = if extra.folder {
                ground.files(&extra.path, &home)?
            } else {
                let name = below(&extra.path, &home);
                check_name(split(name).1.as_bytes()).is_ok().then(|| vec![name.to_owned()])
            };
            strays.push(Stray { path: extra.path.clone(), files });
        }
        Ok(Self { graft, ground: Arc::clone(ground), at, recorded, changed, strays, seen: Mutex::default() })
    }

    fn home(&self) -> &str {
        plain(&self.graft.placement.path)
    }

    /// What stands at a path of the element.
    fn look(&self, path: &str) -> Result<Option<Entry>> {
        if let Some(found) = self.recorded.get(path) {
            return Ok(*found);
        }
        if let Some(found) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(*found);
        }
        let found = self.ground.entry(&join(self.home(), path))?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), found);
        Ok(found)
    }

    /// Whether a tree tells what stands here: every file of it stands here, and every recorded file that was changed or is gone is
    /// so in the tree as well. Files that an older version had may be left, as unpacking over it leaves them.
    ///
    /// # Errors
    /// `Io`; `Git` for a tree that cannot be read.
    pub fn fit(&self, objects: &Objects, tree: ObjectId) -> Result<Option<Fit>> {
        let mut wanted = BTreeSet::new();
        if !self.covers(objects, tree, "", 0, &mut wanted)? {
            return Ok(None);
        }
        if self.changed.iter().any(|path| self.recorded.get(path).is_some_and(Option::is_some) && !wanted.contains(path)) {
            return Ok(None);
        }
        let mut fit = Fit::default();
        for stray in &self.strays {
            let brought = stray.files.as_ref().is_some_and(|files| !files.is_empty() && files.iter().all(|file| wanted.contains(file)));
            if brought { &mut fit.brought } else { &mut fit.others }.push(stray.path.clone());
        }
        if self.changed.is_empty() && fit.brought.is_empty() {
            return Ok(None);
        }
        fit.left_over = self.recorded.iter().filter(|(path, found)| found.is_some() && !wanted.contains(*path)).count();
        Ok(Some(fit))
    }

    fn covers(&self, objects: &Objects, tree: ObjectId, folder: &str, depth: usize, wanted: &mut BTreeSet<String>) -> Result<bool> {
        let Some(items) = objects.list(tree, "")?.filter(|_| depth <= DEPTH) else { return Ok(false) };
        let mut inner = Vec::new();
        for item in items {
            let path = join(folder, &item.name);
            let whole = join(self.home(), &path);
            if self.ground.owners.protected(&whole) {
                continue;
            }
            match item.what {
                TreeItemKind::Folder(id) => inner.push((id, path)),
                // What is nested here is another element's.
                TreeItemKind::File(_) if self.ground.owners.of(&whole) != Some(self.at) => {}
                TreeItemKind::File(entry) if self.look(&path)? == Some(entry) => drop(wanted.insert(path)),
                TreeItemKind::File(_) => return Ok(false),
                TreeItemKind::Gitlink(_) => {}
            }
        }
        for (id, path) in inner {
            if !self.covers(objects, id, &path, depth + 1, wanted)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Every file that stands here and is the element's: by path in it.
    fn files(&self) -> Result<BTreeMap<String, Entry>> {
        let mut files: BTreeMap<String, Entry> = self.recorded.iter().filter_map(|(path, found)| Some((path.clone(), (*found)?))).collect();
        for path in self.strays.iter().filter_map(|stray| stray.files.as_ref()).flatten() {
            if let Some(entry) = self.look(path)? {
                files.insert(path.clone(), entry);
            }
        }
        Ok(files)
    }

    /// Lends what stands here to the stock's readers; nothing is written there.
    ///
    /// # Errors
    /// `Io`, `Invalid`.
    pub fn lend<'a>(&self, site: &Site, objects: &'a Objects) -> Result<Loan<'a>> {
        let (site, home) = (site.clone(), self.home().to_owned());
        objects.lend(&self.files()?, Box::new(move |path| site.contents(&join(&home, path))))
    }

    /// Whether exactly these files stand here.
    pub(super) fn holds(&self, entries: &BTreeMap<String, Entry>) -> Result<bool> {
        let standing = self.recorded.values().filter(|found| found.is_some()).count();
        let strays: Option<usize> = self.strays.iter().map(|stray| stray.files.as_ref().map(Vec::len)).sum();
        Ok(strays.is_some_and(|strays| strays + standing == entries.len()) && self.files()? == *entries)
    }

    /// What nobody recorded in it, by paths in the site.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        self.strays.iter().map(|stray| stray.path.clone()).collect()
    }
}
