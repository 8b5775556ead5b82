//! Looking at a site's files: every recorded file is compared with its witness, every folder of ours is listed for what nobody
//! recorded. A file is read only where its witness does not settle it; a folder is listed only where its own does not: whoever adds
//! a name to a folder, removes or replaces one changes the folder's times.

use std::collections::HashMap;

use super::content::{self, Found};
use super::crew;
use super::index::{Index, Record};
use super::owners::{Owners, join, plain};
use crate::error::Result;
use crate::model::Entry;
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::{Kind, Witness, now};
use crate::sys::stockroom::BlobFiles;

/// What became of a recorded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is as recorded. With a witness where the next look needs not read it.
    Clean(Option<Witness>),
    /// It is gone.
    Missing,
    /// It is a file or link with other content or another executable bit.
    Modified(Entry),
    /// A folder, a device or the like stands in its place.
    Other(Kind),
}

/// What stands where greffon looks, and was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Extra {
    pub(super) path: String,
    /// Whether it is a folder; what is in it was not looked at.
    pub(super) folder: bool,
    /// Whether it belongs to the site's owner by a pattern.
    pub(super) protected: bool,
    /// Whether it stands where a folder of ours should be.
    pub(super) in_the_way: bool,
}

/// Stands for a name that is not UTF-8.
pub(super) const UNREADABLE: &str = "\u{fffd}";

/// So many folders without a witness are no reason to write the index.
const FEW: usize = 64;

/// What a look at a site showed.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    /// For each of the index's files.
    pub(super) files: Vec<State>,
    /// Sorted by path.
    pub(super) extras: Vec<Extra>,
    /// Declared folders that are not there.
    pub(super) missing_folders: Vec<String>,
    /// For each of the index's folders: its witness, where it held nothing but what the index has. Empty: nobody looked.
    pub(super) folders: Vec<Option<Witness>>,
    /// Whether witnesses are known now that the index did not have, and that are worth writing it for.
    pub(super) learned: bool,
}

impl Scan {
    /// Whether every recorded file is as recorded.
    pub(super) fn is_clean(&self) -> bool {
        self.missing_folders.is_empty() && self.files.iter().all(|state| matches!(state, State::Clean(_)))
    }

    /// Whether nothing of any element was changed, and nothing added to one: what lies directly in the site's folder is its owner's.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_clean() && self.extras.iter().all(|extra| extra.protected || !extra.path.contains('/'))
    }
}

/// What a look at one folder showed, before anything is read.
struct Listed {
    files: Vec<Look>,
    extras: Vec<Extra>,
    /// See [`Scan::folders`].
    witness: Option<Witness>,
}

#[derive(Clone, Copy)]
enum Look {
    Same(Witness),
    /// The stock knows what stands there: see [`BlobFiles::is_known`].
    Known(Witness),
    Missing,
    Other(Kind),
    /// Only reading tells.
    Unsure,
}

/// Looks at every file and folder of the index.
///
/// `ignore` is a path below the root that is not part of the site (its state, where it lies inside). With `verify` every file is read.
pub(super) fn scan(cx: &Context, files: &BlobFiles, root: &Dir, index: &Index, owners: &Owners, ignore: Option<&str>, verify: bool) -> Result<Scan> {
    let mut inside: HashMap<&str, Vec<&str>> = HashMap::with_capacity(index.folders.len());
    for folder in &index.folders {
        if !folder.path.is_empty() {
            let (above, name) = super::owners::split(&folder.path);
            inside.entry(above).or_default().push(name);
        }
    }
    let declared: Vec<String> = declared_folders(&index.grafts);
    let places: Vec<usize> = (0..index.folders.len()).collect();
    let look = Looker { files, root, index, owners, ignore, inside: &inside, declared: &declared, verify };
    let listed = crew::each(cx, &places, 48, |at| look.list(*at))?;

    let mut scan = Scan { files: Vec::with_capacity(index.files.len()), ..Scan::default() };
    let mut unsure = Vec::new();
    let mut new_folders = 0;
    for (at, listed) in listed.into_iter().enumerate() {
        scan.extras.extend(listed.extras);
        new_folders += usize::from(listed.witness.is_some() && index.folders[at].witness.is_none());
        scan.folders.push(listed.witness);
        for (offset, look) in listed.files.into_iter().enumerate() {
            let place = index.folders[at].files.start + offset;
            scan.files.push(match look {
                Look::Same(witness) => State::Clean(Some(witness)),
                Look::Known(witness) => {
                    scan.learned = true;
                    State::Clean(Some(witness))
                }
                Look::Missing => State::Missing,
                Look::Other(kind) => State::Other(kind),
                Look::Unsure => {
                    unsure.push((at, place));
                    State::Missing
                }
            });
        }
    }
    for ((_, place), state) in unsure.iter().zip(crew::each(cx, &unsure, 16, |(folder, place)| look.read(*folder, *place))?) {
        scan.learned |= matches!(state, State::Clean(Some(_)));
        scan.files[*place] = state;
    }
    // A few folders may be listed again each time: that costs less than writing the index.
    scan.learned |= new_folders > FEW.max(index.folders.len() / 4);
    for path in &declared {
        if root.sub(path)?.is_none() {
            scan.missing_folders.push(path.clone());
        }
    }
    scan.extras.sort();
    Ok(scan)
}

/// The folders that placements declare, sorted.
pub(super) fn declared_folders(grafts: &[crate::model::Graft]) -> Vec<String> {
    let mut folders: Vec<String> = grafts
        .iter()
        .flat_map(|graft| graft.placement.empty_dirs.iter().map(|folder| join(plain(&graft.placement.path), plain(folder))))
        .filter(|path| crate::sys::fs::beneath::check_relative(path).is_ok())
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

struct Looker<'a> {
    files: &'a BlobFiles,
    root: &'a Dir,
    index: &'a Index,
    owners: &'a Owners,
    ignore: Option<&'a str>,
    inside: &'a HashMap<&'a str, Vec<&'a str>>,
    declared: &'a [String],
    verify: bool,
}

impl Looker<'_> {
    fn list(&self, at: usize) -> Result<Listed> {
        let folder = &self.index.folders[at];
        let records = &self.index.files[folder.files.clone()];
        let mut listed = Listed { files: vec![Look::Missing; records.len()], extras: Vec::new(), witness: None };
        if let (Some(recorded), false) = (&folder.witness, self.verify)
            && self.root.witness(if folder.path.is_empty() { "." } else { &folder.path })?.is_some_and(|found| found.unchanged_since(recorded))
        {
            listed.witness = folder.witness;
            self.look_by_path(&folder.path, records, &mut listed.files)?;
            return Ok(listed);
        }
        let moment = now();
        let opened = if folder.path.is_empty() { Dir::open(self.root.path())? } else { self.root.sub(&folder.path)? };
        let Some(dir) = opened else { return Ok(listed) };
        let witness = dir.own_witness()?;
        let subfolders = self.inside.get(folder.path.as_str()).map_or(&[][..], Vec::as_slice);
        let mut expected = 0;
        let mut others = false;
        dir.each(|name, kind| {
            let Some(name) = name else {
                others = true;
                // It cannot be one of ours; that something is there must be known all the same.
                let path = join(&folder.path, UNREADABLE);
                listed.extras.push(Extra { path, folder: kind == Kind::Directory, protected: false, in_the_way: false });
                return Ok(());
            };
            if let Ok(found) = records.binary_search_by(|record| record.name.as_str().cmp(name)) {
                listed.files[found] = self.look(&dir, name, &records[found])?;
                expected += 1;
                return Ok(());
            }
            let ours = subfolders.binary_search(&name).is_ok();
            if ours && kind == Kind::Directory {
                expected += 1;
                return Ok(());
            }
            others = true;
            let path = join(&folder.path, name);
            if self.ignore == Some(path.as_str()) || (kind == Kind::Directory && self.leads_to_declared(&path)) {
                return Ok(());
            }
            let protected = !ours && self.owners.protected(&path);
            listed.extras.push(Extra { path, folder: kind == Kind::Directory, protected, in_the_way: ours });
            Ok(())
        })?;
        let whole = !others && expected == records.len() + subfolders.len();
        listed.witness = Some(witness).filter(|witness| whole && witness.settled_before(moment));
        Ok(listed)
    }

    /// Looks at the files of a folder that holds them and its folders and nothing else, without opening it. Its path leads where it
    /// did: every folder on the way is in the index too and is looked at by itself.
    fn look_by_path(&self, folder: &str, records: &[Record], looks: &mut [Look]) -> Result<()> {
        let mut path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let start = path.len();
        for (record, look) in records.iter().zip(looks) {
            path.push_str(&record.name);
            *look = self.look(self.root, &path, record)?;
            path.truncate(start);
        }
        Ok(())
    }

    fn leads_to_declared(&self, path: &str) -> bool {
        self.declared.iter().any(|declared| super::owners::within(declared, path))
    }

    fn look(&self, dir: &Dir, name: &str, record: &Record) -> Result<Look> {
        let Some(witness) = dir.witness(name)? else { return Ok(Look::Missing) };
        Ok(match (witness.kind(), &record.witness) {
            (Kind::File | Kind::Symlink, Some(recorded)) if !self.verify && witness.unchanged_since(recorded) => Look::Same(witness),
            // A name of its inode came or went elsewhere: nothing else of it may differ from what was recorded here.
            (Kind::File, Some(recorded)) if !self.verify && witness.same_content(recorded) && self.files.is_known(&record.entry, &witness) => {
                Look::Known(witness)
            }
            (Kind::File | Kind::Symlink, _) => Look::Unsure,
            (kind, _) => Look::Other(kind),
        })
    }

    fn read(&self, folder: usize, place: usize) -> Result<State> {
        let (folder, record) = (&self.index.folders[folder], &self.index.files[place]);
        let Some(dir) = self.root.sub(&folder.path)? else { return Ok(State::Missing) };
        let moment = now();
        Ok(match content::read(&dir, &record.name)? {
            Found::Nothing => State::Missing,
            Found::Other(kind) => State::Other(kind),
            Found::File(entry, witness) if entry == record.entry => {
                let witness = witness.filter(|witness| witness.settled_before(moment));
                if let Some(witness) = witness.filter(|witness| witness.links > 1)
                    && self.files.is_linked_to(&entry, witness.inode, witness.device)?
                {
                    // Other sites have the same file.
                    self.files.know([(entry, witness)]);
                }
                State::Clean(witness)
            }
            Found::File(entry, _) => State::Modified(entry),
        })
    }
}
