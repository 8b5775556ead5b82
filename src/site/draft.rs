//! What has to be done to which file: the record, the disk and the wish laid side by side, before anything is written.

use std::collections::{BTreeSet, HashMap};

use super::content;
use super::index::Index;
use super::local::{Answer, LocalChange};
use super::owners::{plain, split, within};
use super::relink::Relink;
use super::scan::{Scan, State};
use super::wanted::Wanted;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileCounts, IfLocalChanges};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::{Kind, Witness};
use crate::sys::git::Objects;

/// One file to be put, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) path: String,
    /// What it is to be; `None`: it goes.
    pub(super) new: Option<Entry>,
    /// Its bytes, where they are not a blob of the stock.
    pub(super) bytes: Option<Vec<u8>>,
    /// What may be dropped when it is displaced; anything else is put aside.
    pub(super) old: Option<Entry>,
    /// Whether something stands there.
    pub(super) present: bool,
    /// Whose that is.
    pub(super) owner: Option<(u32, u32)>,
    /// The topmost folder above it that is not there.
    pub(super) absent: Option<String>,
}

/// All that has to be done.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// Sorted by path.
    pub(super) works: Vec<Work>,
    /// The files of the next generation; with witnesses where they stay as they are.
    pub(super) files: Vec<(String, Entry, Option<Witness>)>,
    pub(super) counts: FileCounts,
    pub(super) notes: Vec<String>,
    /// Paths whose removal must come first, because a folder takes their place.
    pub(super) first: BTreeSet<String>,
    /// Folders of ours that a file takes the place of.
    pub(super) clear: BTreeSet<String>,
    /// Paths that keep an element's folder from being exchanged whole: what greffon does not answer for. Sorted.
    pub(super) hindrances: Vec<String>,
}

/// What a merge came to.
enum Merged {
    /// The file stays as it was changed by hand.
    Stays,
    To(Work),
    Conflict,
}

/// Where a folder of the site is.
#[derive(Clone)]
enum Spot {
    There(Dir),
    Absent(String),
    Blocked(String),
}

pub(super) struct Drafting<'a> {
    pub(super) cx: &'a Context,
    pub(super) site: &'a str,
    pub(super) objects: &'a Objects,
    pub(super) root: Option<&'a Dir>,
    pub(super) index: &'a Index,
    pub(super) scan: &'a Scan,
    pub(super) wanted: &'a Wanted,
    pub(super) answers: &'a [(String, IfLocalChanges)],
    /// What files that stay as they are must be, where that is asked for.
    pub(super) relink: Option<Relink<'a>>,
}

impl Drafting<'_> {
    /// Compares, and answers local changes by `policy`.
    ///
    /// # Errors
    /// `LocalChanges`, `Site` for files in the way that greffon never installed, `Refused`.
    pub(super) fn draft(&self, policy: IfLocalChanges) -> Result<Draft> {
        let mut draft = Draft::default();
        let mut local = Vec::new();
        let mut spots = HashMap::new();
        let mut foreign = Vec::new();
        let (mut restored, mut relinks) = (0, 0);
        let recorded = self.index.paths();
        let mut recorded = recorded.iter().peekable();
        let mut wanted = self.wanted.files.iter().peekable();
        loop {
            let order = match (recorded.peek(), wanted.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((old, _)), Some((new, _))) => old.as_bytes().cmp(new.as_bytes()),
            };
            let old = if order.is_le() { recorded.next() } else { None };
            let new = if order.is_ge() { wanted.next().map(|(path, entry)| (path, *entry)) } else { None };
            match (old, new) {
                (Some((path, at)), new) => {
                    let record = self.index.files[*at].entry;
                    match (self.scan.files[*at], new.map(|(_, entry)| entry)) {
                        // It was handed over to the site's owner.
                        (_, None) if self.wanted.owners.protected(path) => {}
                        (State::Clean(witness), Some(new)) if record == new => {
                            let relinked = self.relink.as_ref().map(|relink| relink.asks(self.root, path, new, witness)).transpose()?.unwrap_or(false);
                            draft.files.push((path.clone(), new, witness.filter(|_| !relinked)));
                            if relinked {
                                relinks += 1;
                                draft
                                    .works
                                    .push(Work { owner: witness.map(|witness| (witness.uid, witness.gid)), ..Work::over(path, Some(new), Some(record)) });
                            }
                        }
                        (State::Clean(witness), new) => {
                            draft.files.extend(new.map(|new| (path.clone(), new, None)));
                            draft.works.push(Work { owner: witness.map(|witness| (witness.uid, witness.gid)), ..Work::over(path, new, Some(record)) });
                        }
                        (State::Modified(found), Some(new)) if found == new => draft.files.push((path.clone(), new, None)),
                        (State::Missing, Some(new)) => {
                            restored += 1;
                            self.add(path, new, &mut spots, &mut draft, &mut foreign)?;
                        }
                        (State::Missing | State::Other(_), None) => {}
                        (State::Modified(found), new) => local.push(LocalChange { path: path.clone(), record, found: Some(found), new }),
                        (State::Other(_), Some(new)) => local.push(LocalChange { path: path.clone(), record, found: None, new: Some(new) }),
                    }
                }
                (None, Some((path, new))) => self.add(path, new, &mut spots, &mut draft, &mut foreign)?,
                (None, None) => {}
            }
        }
        let (kept, local): (Vec<_>, Vec<_>) = local.into_iter().partition(|change: &LocalChange| self.answered(&change.path, IfLocalChanges::Keep));
        let (saved, mut local): (Vec<_>, Vec<_>) = local.into_iter().partition(|change| self.answered(&change.path, IfLocalChanges::Save));
        let answer = super::local::answer(self.cx, self.site, policy, &local)?;
        self.leave_missing(&mut draft, answer);
        draft.notes.extend(self.relink.as_ref().filter(|_| relinks > 0).map(|relink| relink.note(relinks)));
        if restored > 0 && answer != Answer::Keep {
            draft.notes.push(if restored == 1 { "1 missing file was put back".to_owned() } else { format!("{restored} missing files were put back") });
        }
        self.settle(Answer::Keep, &kept, &mut draft)?;
        self.settle(Answer::Save, &saved, &mut draft)?;
        self.settle(answer, &local, &mut draft)?;
        local.extend(kept.into_iter().chain(saved));
        self.blockers(answer, &mut foreign, &mut draft);
        self.put_aside(&mut draft);
        let (aside, mut foreign): (Vec<String>, Vec<String>) =
            foreign.into_iter().partition(|path| answer == Answer::Save || self.answered(path, IfLocalChanges::Save));
        draft.works.extend(aside.into_iter().map(|path| {
            let new = self.wanted.files.binary_search_by(|(other, _)| other.as_bytes().cmp(path.as_bytes())).ok().map(|at| self.wanted.files[at].1);
            Work::over(&path, new, None)
        }));
        if !foreign.is_empty() {
            return Err(in_the_way(self.site, &mut foreign));
        }
        draft.works.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        for work in &draft.works {
            match (work.present, work.new.is_some()) {
                (false, _) => draft.counts.add += 1,
                (true, true) => draft.counts.change += 1,
                (true, false) => draft.counts.remove += 1,
            }
        }
        draft.hindrances.extend(self.scan.extras.iter().map(|extra| extra.path.clone()));
        draft.hindrances.extend(local.into_iter().map(|change| change.path));
        // A folder with something mounted in it cannot be moved.
        draft.hindrances.extend(self.root.map(|root| crate::sys::fs::ground::mounts_below(root.path())).unwrap_or_default());
        draft.hindrances.sort();
        Ok(draft)
    }

    /// A file that greffon has not put there yet.
    fn add(&self, path: &str, new: Entry, spots: &mut HashMap<String, Spot>, draft: &mut Draft, foreign: &mut Vec<String>) -> Result<()> {
        draft.files.push((path.to_owned(), new, None));
        let (folder, name) = split(path);
        let absent = match self.spot(folder, spots)? {
            Spot::Absent(top) => Some(top),
            Spot::Blocked(at) => {
                draft.first.insert(at.clone());
                Some(at)
            }
            Spot::There(dir) => match dir.witness(name)? {
                None => None,
                Some(found) if found.kind() == Kind::Directory && self.is_ours_alone(path) => {
                    draft.clear.insert(path.to_owned());
                    None
                }
                Some(found) => {
                    let same =
                        self.index.generation > 0 && matches!(found.kind(), Kind::File | Kind::Symlink) && content::read(&dir, name)?.entry() == Some(new);
                    if !same {
                        foreign.push(path.to_owned());
                    }
                    return Ok(());
                }
            },
        };
        draft.works.push(Work { present: false, absent, ..Work::over(path, Some(new), None) });
        Ok(())
    }

    fn spot(&self, folder: &str, spots: &mut HashMap<String, Spot>) -> Result<Spot> {
        if let Some(spot) = spots.get(folder) {
            return Ok(spot.clone());
        }
        let spot = if folder.is_empty() {
            self.root.map_or_else(|| Spot::Absent(String::new()), |root| Spot::There(root.clone()))
        } else {
            let (above, name) = split(folder);
            match self.spot(above, spots)? {
                Spot::There(dir) => match dir.witness(name)? {
                    None => Spot::Absent(folder.to_owned()),
                    Some(found) if found.kind() == Kind::Directory => dir.sub(name)?.map_or_else(|| Spot::Absent(folder.to_owned()), Spot::There),
                    Some(_) => Spot::Blocked(folder.to_owned()),
                },
                other => other,
            }
        };
        spots.insert(folder.to_owned(), spot.clone());
        Ok(spot)
    }

    /// Whether a folder holds nothing but recorded, unchanged files (which all go, for a file takes its place).
    fn is_ours_alone(&self, path: &str) -> bool {
        self.index.folder(path).is_some()
            && !self.scan.extras.iter().any(|extra| within(&extra.path, path))
            && self
                .index
                .folders
                .iter()
                .filter(|folder| within(&folder.path, path))
                .all(|folder| folder.files.clone().all(|at| matches!(self.scan.files[at], State::Clean(_) | State::Missing)))
    }

    /// Files that stand where folders must be: ours go first, others are in the way.
    fn blockers(&self, answer: Answer, foreign: &mut Vec<String>, draft: &mut Draft) {
        for path in &draft.first {
            if draft.works.iter().any(|work| work.path == *path && work.new.is_none()) {
                continue;
            }
            if answer == Answer::Save && self.index.find(path).is_none() {
                draft.works.push(Work::over(path, None, None));
            } else {
                foreign.push(path.clone());
            }
        }
    }

    /// `keep` also keeps what was deleted.
    fn leave_missing(&self, draft: &mut Draft, answer: Answer) {
        let kept = |path: &str| answer == Answer::Keep || self.answered(path, IfLocalChanges::Keep);
        let missing = |path: &str| self.index.find(path).is_some_and(|at| self.scan.files[at] == State::Missing);
        draft.works.retain(|work| !(kept(&work.path) && missing(&work.path)));
    }

    /// Whether what was changed below the folder of a path has this answer of its own.
    fn answered(&self, path: &str, answer: IfLocalChanges) -> bool {
        self.answers.iter().any(|(folder, own)| {
            // The folder that holds all others is answered for as far as no other element stands in it.
            let whole = plain(folder).is_empty();
            *own == answer && if whole { self.is_roots(path) } else { within(path, plain(folder)) }
        })
    }

    fn is_roots(&self, path: &str) -> bool {
        let owner = self.wanted.owners.of(path).map(|owner| &self.wanted.grafts[owner]);
        owner.is_some_and(|graft| plain(&graft.placement.path).is_empty())
    }

    /// What nobody recorded and an answer puts aside by its own name, where nothing wanted takes its place.
    fn put_aside(&self, draft: &mut Draft) {
        for extra in self.scan.extras.iter().filter(|extra| !extra.protected && !extra.in_the_way) {
            let named = self.answers.iter().any(|(path, answer)| *answer == IfLocalChanges::Save && *path == extra.path);
            let at = self.wanted.files.partition_point(|(path, _)| path.as_bytes() < extra.path.as_bytes());
            let taken = self.wanted.files[at..].iter().take_while(|(path, _)| path.starts_with(&extra.path)).any(|(path, _)| within(path, &extra.path));
            if named && !taken {
                draft.works.push(Work::over(&extra.path, None, None));
            }
        }
    }

    fn settle(&self, answer: Answer, local: &[LocalChange], draft: &mut Draft) -> Result<()> {
        let mut conflicts = Vec::new();
        for change in local {
            let work = Work::over(&change.path, change.new, None);
            match (answer, change.new) {
                (Answer::Keep, Some(new)) => draft.files.push((change.path.clone(), new, None)),
                (Answer::Keep, None) => draft.notes.push(format!("`{}` was changed by hand and stays, although its element no longer has it", change.path)),
                (Answer::Save, new) => {
                    draft.files.extend(new.map(|new| (change.path.clone(), new, None)));
                    draft.works.push(Work { old: Some(change.record), ..work });
                }
                (Answer::Overwrite, new) => {
                    draft.files.extend(new.map(|new| (change.path.clone(), new, None)));
                    draft.works.push(Work { old: change.found, ..work });
                }
                (Answer::Merge, new) => match self.merge(change)? {
                    Merged::Conflict => conflicts.push(change.path.as_str()),
                    merged => {
                        draft.files.extend(new.map(|new| (change.path.clone(), new, None)));
                        if let Merged::To(work) = merged {
                            draft.works.push(work);
                        }
                    }
                },
            }
        }
        if conflicts.is_empty() {
            return Ok(());
        }
        let mut error = Error::new(
            ErrorKind::LocalChanges,
            format!("{} of site `{}` cannot be merged with the new version; nothing was written", super::local::files(conflicts.len()), self.site),
        );
        for path in conflicts.iter().take(super::local::SHOWN) {
            error = error.note(format!("conflict in {path}"));
        }
        Err(error.hint("settle it by hand, or let `if-local-changes` be `save` or `keep`"))
    }

    fn merge(&self, change: &LocalChange) -> Result<Merged> {
        use crate::model::FileMode::Symlink;
        let (Some(found), Some(new)) = (change.found, change.new) else { return Ok(Merged::Conflict) };
        if change.record == new {
            return Ok(Merged::Stays);
        }
        let mode = if found.mode == change.record.mode { new.mode } else { found.mode };
        if [found.mode, new.mode, change.record.mode].contains(&Symlink) {
            return Ok(Merged::Conflict);
        }
        let (folder, name) = split(&change.path);
        let dir = self.root.map(|root| root.sub(folder)).transpose()?.flatten();
        let Some(ours) = dir.map(|dir| dir.read(name)).transpose()?.flatten() else { return Ok(Merged::Conflict) };
        if content::blob_id(&ours) != found.id {
            return Ok(Merged::Conflict);
        }
        let bytes = if found.id == change.record.id {
            self.objects.blob(new.id)?
        } else if new.id == change.record.id {
            ours
        } else {
            let merged = crate::sys::git::history::merge_file(&change.path, &self.objects.blob(change.record.id)?, &ours, &self.objects.blob(new.id)?)?;
            let Some(merged) = merged else { return Ok(Merged::Conflict) };
            merged
        };
        let entry = Entry { id: content::blob_id(&bytes), mode };
        if entry == found {
            return Ok(Merged::Stays);
        }
        Ok(Merged::To(Work { bytes: Some(bytes), ..Work::over(&change.path, Some(entry), Some(found)) }))
    }
}

impl Work {
    fn over(path: &str, new: Option<Entry>, old: Option<Entry>) -> Self {
        Self { path: path.to_owned(), new, bytes: None, old, present: true, owner: None, absent: None }
    }
}

impl Draft {
    /// Whether the files need no change.
    pub(super) fn is_empty(&self) -> bool {
        self.works.is_empty()
    }

    /// Whether something greffon does not answer for is in a folder.
    pub(super) fn hindered(&self, folder: &str) -> bool {
        let start = self.hindrances.partition_point(|path| path.as_str() < folder);
        self.hindrances[start..].iter().take_while(|path| path.starts_with(folder)).any(|path| within(path, folder))
    }
}

fn in_the_way(site: &str, foreign: &mut Vec<String>) -> Error {
    foreign.sort();
    foreign.dedup();
    let mut error = Error::new(
        ErrorKind::Site,
        format!("{} in site `{site}` that greffon never installed would be overwritten; nothing was written", super::local::files(foreign.len())),
    );
    for path in foreign.iter().take(super::local::SHOWN) {
        error = error.note(format!("in the way: {path}"));
    }
    error.hint("move them away, or let `if-local-changes` be `save`")
}
