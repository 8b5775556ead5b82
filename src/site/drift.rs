//! Drift: how the files of a site differ from the record, told file by file or as the changes that would put them right.

use super::index::Index;
use super::owners::join;
use super::scan::{Scan, State};
use super::wanted::Wanted;
use crate::model::{FileCounts, FileMode, FileState, FileStatus, TreeChange};
use crate::sys::fs::witness::Kind;

/// What would have to change for the site to be as wanted.
pub(super) fn changes(index: &Index, scan: &Scan, wanted: &Wanted) -> Vec<TreeChange> {
    let recorded = index.paths();
    let mut recorded = recorded.iter().peekable();
    let mut changes = Vec::new();
    let found = |at: usize| match scan.files[at] {
        State::Clean(_) => Some(index.files[at].entry),
        State::Modified(entry) => Some(entry),
        State::Missing | State::Other(_) => None,
    };
    for (path, new) in &wanted.files {
        while let Some((old, at)) = recorded.next_if(|(old, _)| old.as_bytes() < path.as_bytes()) {
            changes.extend(found(*at).filter(|_| !wanted.owners.protected(old)).map(|entry| TreeChange { path: old.clone(), old: Some(entry), new: None }));
        }
        let old = recorded.next_if(|(old, _)| old == path).and_then(|(_, at)| found(*at));
        if old != Some(*new) {
            changes.push(TreeChange { path: path.clone(), old, new: Some(*new) });
        }
    }
    for (old, at) in recorded {
        changes.extend(found(*at).filter(|_| !wanted.owners.protected(old)).map(|entry| TreeChange { path: old.clone(), old: Some(entry), new: None }));
    }
    changes
}

/// The recorded files that were changed by hand and would be written over or removed.
pub(super) fn by_hand(index: &Index, scan: &Scan, wanted: &Wanted) -> Vec<String> {
    let new = |path: &str| wanted.files.binary_search_by(|(other, _)| other.as_bytes().cmp(path.as_bytes())).ok().map(|at| wanted.files[at].1);
    let mut paths = Vec::new();
    for folder in &index.folders {
        for at in folder.files.clone().filter(|at| matches!(scan.files[*at], State::Modified(_) | State::Other(_))) {
            let path = join(&folder.path, &index.files[at].name);
            let in_the_way = match (scan.files[at], new(&path)) {
                (State::Modified(found), Some(new)) => found != new,
                (State::Modified(_), None) => !wanted.owners.protected(&path),
                (_, new) => new.is_some(),
            };
            paths.extend(in_the_way.then_some(path));
        }
    }
    paths.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    paths
}

/// Every file that is not as recorded, and what stands in elements unrecorded; sorted by path.
pub(super) fn files(index: &Index, scan: &Scan) -> Vec<FileStatus> {
    let mut files = Vec::new();
    for folder in &index.folders {
        for at in folder.files.clone() {
            let link = index.files[at].entry.mode == FileMode::Symlink;
            let state = match scan.files[at] {
                State::Clean(_) => continue,
                State::Missing => FileState::Missing,
                State::Modified(found) if (found.mode == FileMode::Symlink) != link => FileState::TypeChanged,
                State::Modified(_) => FileState::Modified,
                State::Other(_) => FileState::TypeChanged,
            };
            files.push(FileStatus { path: join(&folder.path, &index.files[at].name), state });
        }
    }
    files.extend(scan.missing_folders.iter().map(|path| FileStatus { path: format!("{path}/"), state: FileState::Missing }));
    files.extend(scan.extras.iter().filter(|extra| extra.in_the_way).map(|extra| FileStatus { path: extra.path.clone(), state: FileState::TypeChanged }));
    files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    files
}

/// The kind that a name has, for a path in a message: folders end in a slash.
pub(super) fn shown(path: &str, kind: Kind) -> String {
    if kind == Kind::Directory { format!("{path}/") } else { path.to_owned() }
}

/// The counts of a list of changes.
impl std::iter::FromIterator<TreeChange> for FileCounts {
    fn from_iter<T: IntoIterator<Item = TreeChange>>(changes: T) -> Self {
        changes.into_iter().fold(Self::default(), |mut counts, change| {
            match (change.old, change.new) {
                (None, _) => counts.add += 1,
                (Some(_), Some(_)) => counts.change += 1,
                (Some(_), None) => counts.remove += 1,
            }
            counts
        })
    }
}
