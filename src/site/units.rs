//! From single files to the fewest steps: a whole new folder at once, an element's folder exchanged whole where it holds only its
//! own files, everything else file by file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::draft::{Draft, Work};
use super::index::Index;
use super::journal::Step;
use super::owners::{join, plain, split, within};
use super::scan::{Scan, State, declared_folders};
use super::wanted::Wanted;
use crate::model::{Entry, Graft};
use crate::sys::fs::witness::Witness;

/// A folder of the stage and what is to be put directly in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StageFolder {
    /// The folder of the site whose mode and owner it takes over.
    pub(super) like: Option<String>,
    pub(super) items: Vec<Item>,
}

/// A file to be staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its name in the stage's folder.
    pub(super) name: String,
    /// Where it is to be in the site.
    pub(super) path: String,
    pub(super) from: From,
    /// Whose it is to be; `None`: as its folder's.
    pub(super) owner: Option<(u32, u32)>,
}

/// Where a staged file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    Stock(Entry),
    Bytes(Entry, Vec<u8>),
    /// A second name of the file in the site, where the system allows it, else a copy from the stock.
    Live(Entry, Option<Witness>),
    /// A second name of a file that was changed by hand and stays.
    Kept,
    /// A second name of a file that greffon never installed; where that cannot be had, the file is moved after the exchange.
    Foreign,
}

/// Steps in their order, and the stage that they need.
#[derive(Debug, Default)]
pub(super) struct Units {
    pub(super) steps: Vec<Step>,
    /// By path in the stage.
    pub(super) folders: BTreeMap<String, StageFolder>,
    /// Folders that are ours no more.
    pub(super) tidy: Vec<String>,
}

/// How many single files share a folder of the stage, so that several threads can fill it.
const SHARED: usize = 256;

pub(super) struct Unifier<'a> {
    pub(super) index: &'a Index,
    pub(super) scan: &'a Scan,
    pub(super) wanted: &'a Wanted,
    pub(super) draft: &'a Draft,
    /// Whether the file system can exchange names.
    pub(super) exchange: bool,
}

impl Unifier<'_> {
    pub(super) fn units(&self) -> Units {
        let mut units = Units::default();
        let mut count = 0;
        let swaps = self.swaps();
        let mut done: BTreeSet<&str> = BTreeSet::new();

        let removal = |work: &Work, units: &mut Units, count: &mut usize| {
            let stage = format!("r{}/{count}", *count / SHARED);
            *count += 1;
            units.folders.entry(split(&stage).0.to_owned()).or_default();
            units.steps.push(Step::Remove { path: work.path.clone(), stage, old: work.old });
        };
        for work in self.draft.works.iter().filter(|work| work.new.is_none()) {
            if self.draft.first.contains(&work.path) || self.draft.clear.iter().any(|folder| within(&work.path, folder)) {
                removal(work, &mut units, &mut count);
                done.insert(&work.path);
            }
        }
        for folder in self.draft.clear.iter().flat_map(|clear| self.index.folders.iter().rev().filter(move |folder| within(&folder.path, clear))) {
            units.steps.push(Step::RemoveFolder { path: folder.path.clone() });
        }
        for (number, path) in swaps.iter().enumerate() {
            let stage = format!("s{number}");
            self.stage_swap(path, &stage, &mut units);
            let Some(tell) = self.tell(path) else { continue };
            units.steps.push(Step::Swap { path: path.clone(), stage, tell });
            done.extend(self.works_in(path).map(|work| work.path.as_str()));
        }
        let mut tops: HashMap<&str, String> = HashMap::new();
        for work in self.draft.works.iter().filter(|work| !done.contains(work.path.as_str())) {
            let Some(entry) = work.new else { continue };
            let mut item = Item {
                name: String::new(),
                path: work.path.clone(),
                owner: work.owner,
                from: work.bytes.clone().map_or(From::Stock(entry), |bytes| From::Bytes(entry, bytes)),
            };
            if let Some(top) = &work.absent {
                let number = tops.len();
                let stage = tops.entry(top).or_insert_with(|| {
                    let stage = format!("d{number}");
                    units.steps.push(Step::Folder { path: top.clone(), stage: stage.clone(), over: false });
                    stage
                });
                let below = work.path[top.len()..].trim_start_matches('/');
                let (folder, name) = split(below);
                name.clone_into(&mut item.name);
                let folder = if folder.is_empty() { stage.clone() } else { join(stage, folder) };
                place_below(&mut units.folders, stage, &folder).items.push(item);
                continue;
            }
            let folder = format!("f{}", count / SHARED);
            item.name = count.to_string();
            count += 1;
            let stage = join(&folder, &item.name);
            units.folders.entry(folder).or_default().items.push(item);
            units.steps.push(if work.present {
                Step::Change { path: work.path.clone(), stage, new: entry, old: work.old }
            } else {
                Step::Add { path: work.path.clone(), stage, new: entry }
            });
        }
        for work in self.draft.works.iter().filter(|work| work.new.is_none() && !done.contains(work.path.as_str())) {
            removal(work, &mut units, &mut count);
        }
        let mut new_folders = BTreeSet::new();
        for path in declared_folders(&self.wanted.grafts) {
            if self.scan.missing_folders.contains(&path) || self.index.generation == 0 || !declared_folders(&self.index.grafts).contains(&path) {
                units.steps.push(Step::MakeFolder { path: path.clone() });
            }
            new_folders.insert(path);
        }
        units.tidy = self.tidy(&new_folders);
        units
    }

    /// Elements whose folder is exchanged whole, a folder in a folder left out.
    fn swaps(&self) -> Vec<String> {
        if !self.exchange {
            return Vec::new();
        }
        let before: BTreeSet<&str> = self.index.grafts.iter().map(|graft| plain(&graft.placement.path)).collect();
        self.wanted
            .grafts
            .iter()
            .map(|graft| plain(&graft.placement.path))
            .filter(|path| !path.is_empty() && before.contains(path) && self.may_swap(path))
            .map(str::to_owned)
            .collect()
    }

    /// The works in a folder; they are sorted.
    fn works_in<'b>(&'b self, folder: &'b str) -> impl Iterator<Item = &'b Work> {
        let start = self.draft.works.partition_point(|work| work.path.as_bytes() < folder.as_bytes());
        self.draft.works[start..].iter().take_while(move |work| work.path.starts_with(folder)).filter(move |work| within(&work.path, folder))
    }

    fn may_swap(&self, path: &str) -> bool {
        let lonely = |grafts: &[Graft]| grafts.iter().filter(|graft| within(plain(&graft.placement.path), path)).count() == 1;
        let declares = |grafts: &[Graft]| declared_folders(grafts).iter().any(|folder| within(folder, path));
        let works: Vec<&Work> = self.works_in(path).collect();
        works.len() >= 2
            && works.iter().all(|work| work.bytes.is_none() && work.absent.as_ref().is_none_or(|top| top != path && within(top, path)))
            && works.iter().any(|work| work.present)
            && lonely(&self.wanted.grafts)
            && lonely(&self.index.grafts)
            && !declares(&self.wanted.grafts)
            && !declares(&self.index.grafts)
            && !self.draft.hindered(path)
            && !self.draft.first.iter().chain(&self.draft.clear).any(|other| within(other, path) || within(path, other))
            && self.tell(path).is_some()
    }

    /// The staged folder holds every file of the element; what stays the same keeps its inode by a second name.
    fn stage_swap(&self, path: &str, stage: &str, units: &mut Units) {
        let changed: BTreeSet<&str> = self.draft.works.iter().map(|work| work.path.as_str()).collect();
        let start = self.wanted.files.partition_point(|(file, _)| file.as_bytes() < path.as_bytes());
        let files = self.wanted.files[start..].iter().take_while(|(file, _)| file.starts_with(path)).filter(|(file, _)| within(file, path));
        for (file, entry) in files {
            let below = file[path.len()..].trim_start_matches('/');
            let (folder, name) = split(below);
            let live = self.index.find(file).and_then(|at| match self.scan.files[at] {
                State::Clean(witness) => Some(witness),
                _ => None,
            });
            let from = match live {
                Some(witness) if !changed.contains(file.as_str()) => From::Live(*entry, witness),
                _ => From::Stock(*entry),
            };
            let owner = live.flatten().map(|witness| (witness.uid, witness.gid));
            let staged = if folder.is_empty() { stage.to_owned() } else { join(stage, folder) };
            let target = place_below(&mut units.folders, stage, &staged);
            target.items.push(Item { name: name.to_owned(), path: file.clone(), from, owner });
        }
        for (staged, target) in units.folders.iter_mut().filter(|(staged, _)| within(staged, stage)) {
            let below = staged[stage.len()..].trim_start_matches('/');
            let live = if below.is_empty() { path.to_owned() } else { join(path, below) };
            target.like = self.index.folder(&live).map(|_| live);
        }
    }

    /// A file that tells the new folder from the old one.
    pub(super) fn tell(&self, path: &str) -> Option<(String, Option<Entry>)> {
        self.works_in(path).find(|work| work.old != work.new).map(|work| (work.path[path.len()..].trim_start_matches('/').to_owned(), work.new))
    }

    /// Folders that held files of ours and will not, deepest first.
    fn tidy(&self, declared: &BTreeSet<String>) -> Vec<String> {
        let mut wanted: BTreeSet<&str> = declared.iter().map(String::as_str).collect();
        wanted.extend(self.wanted.files.iter().map(|(path, _)| split(path).0));
        let above: Vec<&str> = wanted.iter().flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at])).collect();
        wanted.extend(above);
        let old = declared_folders(&self.index.grafts);
        let mut tidy: Vec<String> = self
            .index
            .folders
            .iter()
            .map(|folder| folder.path.as_str())
            .chain(old.iter().map(String::as_str))
            .filter(|path| !path.is_empty() && !wanted.contains(path))
            .map(str::to_owned)
            .collect();
        tidy.sort_by(|a, b| b.cmp(a));
        tidy.dedup();
        tidy
    }
}

/// The stage's folder at a path, and every folder between it and the unit's top.
pub(super) fn place_below<'a>(folders: &'a mut BTreeMap<String, StageFolder>, top: &str, path: &str) -> &'a mut StageFolder {
    if !folders.contains_key(path) {
        for (at, _) in path.match_indices('/').filter(|(at, _)| *at >= top.len()) {
            if !folders.contains_key(&path[..at]) {
                folders.insert(path[..at].to_owned(), StageFolder::default());
            }
        }
    }
    folders.entry(path.to_owned()).or_default()
}
