//! Repositories of this machine: read as data, object by object. Nothing of their configuration is obeyed and nothing they hold
//! is run, so that it does not matter whose they are (known cases: CVE-2022-24765, CVE-2024-32004).

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Odb, OdbLookupFlags, Oid, Repository};
use sha1::{Digest as _, Sha1};

use super::fetch::{gone, id_of, oid, open};
use super::loose::is_torn;
use super::pool::PlainError;
use super::url::is_ref;
use super::{RemoteRef, borrow};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::{Context, Event, Level, Unit};

/// A repository at a path: bare, a work tree, or a linked work tree.
pub(super) fn repository(path: &Path) -> Result<Repository> {
    let git = path.join(".git");
    let found = if git.is_dir() { Repository::open_bare(&git) } else { Repository::open_bare(path) };
    found.or_else(|_| Repository::open(path)).map_err(|error| {
        if fs_err::symlink_metadata(path).is_err() {
            return Error::new(ErrorKind::NotFound, format!("there is no git repository at `{}`: there is no such folder", path.display()))
                .hint("is the path right? a relative one starts at the manifest's folder");
        }
        Error::new(ErrorKind::NotFound, format!("there is no git repository at `{}`", path.display()))
            .hint("name a bare repository or a work tree; a folder that is neither is taken by `path`")
            .caused_by(PlainError::from(error))
    })
}

/// Where a repository keeps its objects.
pub(super) fn objects_of(repository: &Repository) -> PathBuf {
    repository.commondir().join("objects")
}

/// Branches, tags and HEAD. `before`: as they were the last time; a ref that stands at the commit that it led to then is not read
/// again where that commit is `here`.
pub(super) fn refs(path: &Path, before: &[RemoteRef], here: impl Fn(ObjectId) -> bool) -> Result<Vec<RemoteRef>> {
    let before: HashMap<&str, ObjectId> = before.iter().map(|known| (known.name.as_str(), known.commit)).collect();
    let failed = |error| Error::new(ErrorKind::Git, format!("could not read the refs of `{}`", path.display())).caused_by(PlainError::from(error));
    let repository = repository(path)?;
    let objects = objects_of(&repository);
    let mut refs = Vec::new();
    if let Ok(head) = repository.head()
        && head.target().is_none_or(|target| !is_torn(&objects, target))
        && let Ok(head) = head.peel_to_commit()
    {
        refs.push(RemoteRef { name: "HEAD".to_owned(), commit: id_of(head.id()) });
    }
    for reference in repository.references().map_err(failed)? {
        // One broken ref must not hide the others.
        let Ok(reference) = reference else { continue };
        let Ok(name) = reference.name() else { continue };
        if !(name.starts_with("refs/heads/") || name.starts_with("refs/tags/")) || !is_ref(name) {
            continue;
        }
        if let Some(target) = reference.target().map(id_of)
            && before.get(name) == Some(&target)
            && here(target)
        {
            refs.push(RemoteRef { name: name.to_owned(), commit: target });
            continue;
        }
        let torn = reference.target().is_some_and(|target| is_torn(&objects, target));
        let peeled = if torn { Err(git2::Error::from_str("torn")) } else { reference.peel(ObjectType::Any) };
        match (peeled, reference.target()) {
            (Ok(found), _)
                if found.kind() != Some(ObjectType::Tag) || !is_torn(&objects, found.as_tag().map_or(git2::Oid::ZERO_SHA1, git2::Tag::target_id)) =>
            {
                if let Ok(commit) = found.peel_to_commit() {
                    refs.push(RemoteRef { name: name.to_owned(), commit: id_of(commit.id()) });
                }
            }
            // What it leads to is gone: whoever fetches it is told.
            (_, Some(target)) => refs.push(RemoteRef { name: name.to_owned(), commit: id_of(target) }),
            (_, None) => {}
        }
    }
    // `HEAD` sorts before every `refs/…`.
    refs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(refs)
}

/// Copies commits with their trees and files, and without their history, into a source.
pub(super) fn copy(cx: &Context, path: &Path, directory: &Path, commits: &[ObjectId]) -> Result<()> {
    let failed = |error| Error::new(ErrorKind::Git, format!("could not read the repository `{}`", path.display())).caused_by(PlainError::from(error));
    let (from, to) = (repository(path)?, open(directory)?);
    let (theirs, ours) = (from.odb().map_err(failed)?, to.odb().map_err(failed)?);
    let mut missing = Missing { theirs: &theirs, ours: &ours, ids: Vec::new(), seen: HashSet::new(), folder: objects_of(&from) };
    let mut boundary = Vec::new();
    for commit in commits {
        cx.check()?;
        if is_torn(&missing.folder, oid(*commit)) {
            return Err(failed(torn(oid(*commit))));
        }
        let Ok(found) = from.find_commit(oid(*commit)) else { return Err(gone(&path.display().to_string(), &[*commit])) };
        missing.add(found.id());
        missing.add_tree(&from, found.tree_id()).map_err(failed)?;
        if found.parent_count() > 0 {
            boundary.push(*commit);
        }
    }
    super::notes::add_boundary(directory, &boundary)?;
    let mut ids = std::mem::take(&mut missing.ids);
    if ids.len() >= borrow::WORTH_IT && borrow::packs(&from, directory) {
        let now = open(directory)?;
        let now = now.odb().map_err(failed)?;
        ids.retain(|id| !now.exists(*id));
        cx.log(Level::Detail, format!("the packs of `{}` are linked into the stock, {} objects are copied", path.display(), ids.len()));
    }
    if ids.is_empty() {
        return Ok(());
    }
    let task = format!("fetch {}", path.display());
    cx.emit(Event::Started { task: task.clone(), total: Some(ids.len() as u64), unit: Unit::Items });
    let result = write_pack(cx, (&theirs, &missing.folder), &ours, &ids, &task, failed);
    cx.emit(Event::Finished { task });
    result
}

/// The objects that are there and not here.
struct Missing<'a> {
    theirs: &'a Odb<'a>,
    ours: &'a Odb<'a>,
    ids: Vec<Oid>,
    seen: HashSet<Oid>,
    /// Where they keep their objects.
    folder: PathBuf,
}

fn torn(id: Oid) -> git2::Error {
    git2::Error::from_str(&format!("object {id} is damaged"))
}

impl Missing<'_> {
    fn add(&mut self, id: Oid) {
        // Whoever writes here holds the source's lock: what is not there now does not come by looking at its folders again.
        if self.seen.insert(id) && !self.ours.exists_ext(id, OdbLookupFlags::NO_REFRESH) {
            self.ids.push(id);
        }
    }

    fn add_tree(&mut self, from: &Repository, id: Oid) -> std::result::Result<(), git2::Error> {
        let mut trees = vec![id];
        while let Some(id) = trees.pop() {
            if self.seen.contains(&id) {
                continue;
            }
            self.add(id);
            if is_torn(&self.folder, id) {
                return Err(torn(id));
            }
            for entry in &from.find_tree(id)? {
                match entry.kind() {
                    Some(ObjectType::Tree) => trees.push(entry.id()),
                    Some(ObjectType::Blob) => {
                        // Read later; asked for now, so that a repository that is not whole is known before a byte is written.
                        if !self.seen.contains(&entry.id()) && !self.theirs.exists(entry.id()) {
                            return Err(git2::Error::from_str(&format!("object {} is missing", entry.id())));
                        }
                        self.add(entry.id());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Writes the objects as one pack (gitformat-pack, version 2, no deltas), which libgit2 checks and indexes.
fn write_pack(
    cx: &Context,
    (theirs, folder): (&Odb<'_>, &Path),
    ours: &Odb<'_>,
    ids: &[Oid],
    task: &str,
    failed: impl Fn(git2::Error) -> Error + Copy,
) -> Result<()> {
    let broken = |error: std::io::Error| Error::new(ErrorKind::Git, "could not write a pack").caused_by(error);
    let count = u32::try_from(ids.len()).map_err(|_| Error::new(ErrorKind::Unsupported, "a repository of more than four thousand million objects"))?;
    let mut pack = ours.packwriter().map_err(failed)?;
    let mut hash = Sha1::new();
    let mut write = |bytes: &[u8]| {
        hash.update(bytes);
        pack.write_all(bytes).map_err(broken)
    };
    write(b"PACK\0\0\0\x02")?;
    write(&count.to_be_bytes())?;
    for (at, id) in ids.iter().enumerate() {
        if at % 64 == 0 {
            cx.check()?;
            cx.emit(Event::Advanced { task: task.to_owned(), done: at as u64, total: Some(u64::from(count)) });
        }
        if is_torn(folder, *id) {
            return Err(failed(torn(*id)));
        }
        let object = theirs.read(*id).map_err(failed)?;
        let mut entry = entry_head(object.kind(), object.len());
        let mut encoder = ZlibEncoder::new(&mut entry, Compression::fast());
        encoder.write_all(object.data()).and_then(|()| encoder.finish().map(drop)).map_err(broken)?;
        write(&entry)?;
    }
    let trailer = hash.finalize();
    pack.write_all(&trailer).map_err(broken)?;
    pack.commit().map_err(failed)?;
    Ok(())
}

/// Kind and length: three bits of kind, then four and seven bits of length at a time, the lowest first.
fn entry_head(kind: ObjectType, length: usize) -> Vec<u8> {
    let kind: u8 = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Tag => 4,
        _ => 3,
    };
    let mut head = Vec::with_capacity(length / 2 + 16);
    let mut byte = kind << 4 | (length & 15) as u8;
    let mut rest = length >> 4;
    while rest > 0 {
        head.push(byte | 0x80);
        byte = (rest & 127) as u8;
        rest >>= 7;
    }
    head.push(byte);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_heads_as_git_writes_them() {
        assert_eq!(entry_head(ObjectType::Blob, 0), [0x30]);
        assert_eq!(entry_head(ObjectType::Blob, 15), [0x3f]);
        assert_eq!(entry_head(ObjectType::Tree, 16), [0xa0, 0x01]);
        assert_eq!(entry_head(ObjectType::Commit, 2048), [0x90, 0x80, 0x01]);
    }
}
