//! A source's own notes: where its history ends, which commits are whole, and who may write it.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use fs_err::{File, OpenOptions};
use git2::{ObjectType, Oid, Repository};
use rustix::fs::FlockOperation;

use super::fetch::{id_of, oid};
use super::objects;
use super::pool::PlainError;
use super::refs::write_beside;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::{Context, Level};

/// Where the commits stand that are here whole: `refs/greffon/<commit>`.
const WHOLE: &str = "refs/greffon";

/// Adds commits whose parents are not here to git's list of them.
pub(super) fn add_boundary(directory: &Path, commits: &[ObjectId]) -> Result<()> {
    if commits.is_empty() {
        return Ok(());
    }
    let path = directory.join("shallow");
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    let mut lines: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let before = lines.len();
    lines.extend(commits.iter().map(ToString::to_string));
    if lines.len() == before {
        return Ok(());
    }
    let lines: Vec<String> = lines.into_iter().collect();
    write_beside(directory, &path, format!("{}\n", lines.join("\n")).as_bytes())
}

/// Whether a commit was noted as whole.
pub(super) fn is_noted(directory: &Path, repository: &Repository, commit: ObjectId) -> bool {
    let name = format!("{WHOLE}/{commit}");
    // The plain file first: it is the form that we write. Other tools may have packed it.
    directory.join(&name).is_file() || repository.refname_to_id(&name).is_ok()
}

/// As [`is_noted`], where the repository may be past opening.
pub(super) fn is_noted_by_name(directory: &Path, commit: ObjectId) -> bool {
    directory.join(WHOLE).join(commit.to_string()).is_file()
}

/// Whether a source holds any commit whole.
#[must_use]
pub fn has_whole_commits(directory: &Path) -> bool {
    fs_err::read_dir(directory.join(WHOLE)).is_ok_and(|mut listing| listing.next().is_some())
}

/// Notes a commit as whole, which also keeps other tools from dropping it. Written last, when everything else is durable.
pub(super) fn note(directory: &Path, commit: ObjectId) -> Result<()> {
    let folder = directory.join(WHOLE);
    fs_err::create_dir_all(&folder).map_err(|error| Error::io("make", &folder, error))?;
    write_beside(directory, &folder.join(commit.to_string()), format!("{commit}\n").as_bytes())
}

/// Drops the notes of commits that are no longer here (a damaged disk, a foreign hand): libgit2 would stumble over them.
pub(super) fn drop_broken(repository: &Repository) {
    let Ok(notes) = repository.references_glob(&format!("{WHOLE}/*")) else { return };
    for mut note in notes.flatten() {
        if note.target().is_none_or(|commit| repository.find_commit(commit).is_err()) {
            // What cannot be removed is found again by the fetch, which then says what is wrong.
            let _ = note.delete();
        }
    }
}

/// Checks that a commit and everything below its tree is here. Trees in `seen` were checked before.
pub(super) fn check_whole(cx: &Context, repository: &Repository, commit: ObjectId, seen: &mut HashSet<Oid>) -> Result<()> {
    let broken = |error| Error::new(ErrorKind::Git, format!("commit {} did not arrive whole", commit.short())).caused_by(PlainError::from(error));
    let odb = repository.odb().map_err(broken)?;
    // What was linked instead of fetched was hashed by nobody yet; see `borrow`.
    objects::read(&odb, commit, ObjectType::Commit)?;
    let mut trees = vec![repository.find_commit(oid(commit)).map_err(broken)?.tree_id()];
    let mut gone_wrong = HashSet::new();
    let result = walk(cx, repository, &odb, &mut trees, seen, &mut gone_wrong, &broken);
    if result.is_err() {
        // Another commit that has this tree is as torn.
        seen.retain(|id| !gone_wrong.contains(id));
    }
    result
}

fn walk(
    cx: &Context,
    repository: &Repository,
    odb: &git2::Odb<'_>,
    trees: &mut Vec<Oid>,
    seen: &mut HashSet<Oid>,
    passed: &mut HashSet<Oid>,
    broken: &dyn Fn(git2::Error) -> Error,
) -> Result<()> {
    while let Some(id) = trees.pop() {
        if !seen.insert(id) {
            continue;
        }
        passed.insert(id);
        objects::read(odb, id_of(id), ObjectType::Tree)?;
        if seen.len().is_multiple_of(1024) {
            cx.check()?;
        }
        for entry in &repository.find_tree(id).map_err(broken)? {
            match entry.kind() {
                Some(ObjectType::Tree) => trees.push(entry.id()),
                Some(ObjectType::Blob) if seen.insert(entry.id()) => {
                    passed.insert(entry.id());
                    if !odb.exists(entry.id()) {
                        return Err(broken(git2::Error::from_str(&format!("object {} is missing", entry.id()))));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Makes the packs that came durable, before anything says that they are there.
pub(super) fn sync_packs(directory: &Path, since: &HashSet<std::ffi::OsString>) -> Result<()> {
    let folder = directory.join("objects/pack");
    let failed = |error| Error::io("write", &folder, error);
    for entry in fs_err::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !since.contains(&entry.file_name()) {
            File::open(entry.path()).and_then(|file| file.sync_data()).map_err(|error| Error::io("write", &entry.path(), error))?;
        }
    }
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// The files of a source's pack folder.
pub(super) fn packs(directory: &Path) -> HashSet<std::ffi::OsString> {
    let listing = fs_err::read_dir(directory.join("objects/pack"));
    listing.map(|listing| listing.flatten().map(|entry| entry.file_name()).collect()).unwrap_or_default()
}

/// Waits until no other thread or process writes this source; the kernel frees the lock of one that dies.
pub(super) fn lock(cx: &Context, directory: &Path, shown: &str) -> Result<File> {
    let path = directory.join("greffon-lock");
    let failed = |error| Error::io("lock", &path, error);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    let begun = Instant::now();
    let mut told = false;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error.into())),
        }
        cx.check()?;
        if !told && begun.elapsed() >= Duration::from_secs(1) {
            told = true;
            cx.log(Level::Info, format!("waiting for another fetch of `{shown}`"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
