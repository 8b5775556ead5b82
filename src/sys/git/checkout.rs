//! What a work tree's own `.git` says: where it came from, what it stands at, and what only it holds. Nothing is run.

use std::path::{Path, PathBuf};

use git2::{Repository, Sort};

use super::fetch::{id_of, oid};
use super::local::{objects_of, repository};
use super::loose::is_torn;
use super::pool::PlainError;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;

/// Remote refs beyond this many are not compared with.
const REFS: usize = 2_000;
/// How far back a history is searched.
const HISTORY: usize = 200_000;
/// How many commits of a history are given.
const FOUND: usize = 200;

/// A checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    /// Whether `.git` is a file: a submodule or a linked work tree.
    pub linked: bool,
    /// The url of `origin`, or of the only remote.
    pub remote: Option<String>,
    /// Where it stands.
    pub head: Option<ObjectId>,
    /// The remote's branch that it follows.
    pub branch: Option<String>,
    /// The newest commit of its line that the remote has too, as far as was fetched.
    pub pushed: Option<ObjectId>,
    /// How many commits of its line the remote does not have.
    pub unpushed: usize,
    /// How many stashes it keeps.
    pub stashes: usize,
}

/// Reads the `.git` of a folder.
///
/// # Errors
/// `NotFound` where it cannot be read as a repository.
pub fn checkout(folder: &Path) -> Result<Checkout> {
    let linked = folder.join(".git").is_file();
    let found = repository(folder)?;
    let mut checkout = Checkout { linked, ..Checkout::default() };
    let failed = |error| Error::new(ErrorKind::Git, format!("could not read the repository in `{}`", folder.display())).caused_by(PlainError::from(error));
    let config = found.config().and_then(|mut config| config.snapshot()).map_err(failed)?;
    let text = |key: String| config.get_string(&key).ok().filter(|text| !text.is_empty());
    let names: Vec<String> = found.remotes().map_err(failed)?.iter().filter_map(|name| name.ok().flatten().map(str::to_owned)).collect();
    let remote = if names.iter().any(|name| name == "origin") || names.len() != 1 { "origin".to_owned() } else { names[0].clone() };
    checkout.remote = text(format!("remote.{remote}.url")).map(|url| absolute(folder, url));
    checkout.stashes = stashes(&found);
    let Ok(head) = found.head() else { return Ok(checkout) };
    if head.target().is_some_and(|target| is_torn(&objects_of(&found), target)) {
        return Ok(checkout);
    }
    let Ok(commit) = head.peel_to_commit() else { return Ok(checkout) };
    checkout.head = Some(id_of(commit.id()));
    if head.is_branch() {
        let branch = head.shorthand().unwrap_or_default().to_owned();
        let merge = text(format!("branch.{branch}.merge")).filter(|_| text(format!("branch.{branch}.remote")).as_deref() == Some(remote.as_str()));
        let followed = merge.and_then(|merge| merge.strip_prefix("refs/heads/").map(str::to_owned));
        let same = || found.find_reference(&format!("refs/remotes/{remote}/{branch}")).is_ok().then(|| branch.clone());
        checkout.branch = followed.or_else(same);
    }
    let theirs = format!("refs/remotes/{remote}/*");
    let known: Vec<git2::Oid> =
        found.references_glob(&theirs).map_err(failed)?.take(REFS).filter_map(|reference| Some(reference.ok()?.peel_to_commit().ok()?.id())).collect();
    let mut walk = found.revwalk().map_err(failed)?;
    walk.push(commit.id()).map_err(failed)?;
    for id in &known {
        walk.hide(*id).map_err(failed)?;
    }
    checkout.unpushed = walk.take(HISTORY).flatten().count();
    checkout.pushed = if checkout.unpushed == 0 {
        checkout.head
    } else {
        let bases = known.iter().filter_map(|id| found.merge_base(commit.id(), *id).ok());
        bases.min_by_key(|base| found.graph_ahead_behind(commit.id(), *base).map_or(usize::MAX, |(ahead, _)| ahead)).map(id_of)
    };
    Ok(checkout)
}

/// How many stashes the log of `refs/stash` names. Read as text: libgit2 makes an empty log where there is none.
fn stashes(found: &Repository) -> usize {
    let log = fs_err::read(found.commondir().join("logs/refs/stash")).unwrap_or_default();
    log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
}

/// A remote that is a relative path starts at the checkout.
fn absolute(folder: &Path, url: String) -> String {
    let relative = url.starts_with("./") || url.starts_with("../");
    if !relative {
        return url;
    }
    let mut path = PathBuf::from(folder);
    for part in Path::new(&url).components() {
        match part {
            std::path::Component::ParentDir => drop(path.pop()),
            std::path::Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    path.to_string_lossy().into_owned()
}

/// Commits of a repository on this machine whose file at `path` is this blob, the newest first.
///
/// # Errors
/// `NotFound`, `Git`.
pub fn commits_with(folder: &Path, path: &str, blob: ObjectId) -> Result<Vec<ObjectId>> {
    let failed = |error| Error::new(ErrorKind::Git, format!("could not read the history of `{}`", folder.display())).caused_by(PlainError::from(error));
    let found = repository(folder)?;
    let mut walk = found.revwalk().map_err(failed)?;
    walk.set_sorting(Sort::TIME).map_err(failed)?;
    let _ = walk.push_head();
    for pattern in ["refs/heads/*", "refs/tags/*"] {
        let _ = walk.push_glob(pattern);
    }
    let has = |found: &Repository, id: git2::Oid| -> bool {
        let tree = found.find_commit(id).and_then(|commit| commit.tree());
        tree.and_then(|tree| tree.get_path(Path::new(path))).is_ok_and(|entry| entry.id() == oid(blob))
    };
    Ok(walk.take(HISTORY).filter_map(std::result::Result::ok).filter(|id| has(&found, *id)).take(FOUND).map(id_of).collect())
}

/// Those of some commits of a repository on this machine whose file at `path` is this blob. Nothing is copied to find out.
///
/// # Errors
/// `NotFound`.
pub fn having(folder: &Path, commits: &[ObjectId], path: &str, blob: ObjectId) -> Result<Vec<ObjectId>> {
    let found = repository(folder)?;
    let objects = objects_of(&found);
    let has = |id: &ObjectId| {
        if is_torn(&objects, oid(*id)) {
            return false;
        }
        let tree = found.find_commit(oid(*id)).ok().filter(|commit| !is_torn(&objects, commit.tree_id()));
        let tree = tree.ok_or_else(|| git2::Error::from_str("torn")).and_then(|commit| commit.tree());
        tree.and_then(|tree| tree.get_path(Path::new(path))).is_ok_and(|entry| entry.id() == oid(blob))
    };
    Ok(commits.iter().copied().filter(has).collect())
}

/// The branch, by its full name, of a repository on this machine that leads to a commit, or the tag that stands at it.
///
/// # Errors
/// `NotFound`.
pub fn leading_ref(folder: &Path, commit: ObjectId) -> Result<Option<String>> {
    let found = repository(folder)?;
    let leads = |name: &str| {
        let tip = found.find_reference(name).and_then(|reference| reference.peel_to_commit());
        // A tag that stands elsewhere is another version; it would look as if it had been moved.
        let goes_on = !name.starts_with("refs/tags/");
        tip.is_ok_and(|tip| tip.id() == oid(commit) || (goes_on && found.graph_descendant_of(tip.id(), oid(commit)).unwrap_or(false)))
    };
    let head = found.head().ok().and_then(|head| head.name().ok().map(str::to_owned)).filter(|name| name.starts_with("refs/heads/"));
    if let Some(head) = head.filter(|name| leads(name)) {
        return Ok(Some(head));
    }
    for pattern in ["refs/heads/*", "refs/tags/*"] {
        let Ok(references) = found.references_glob(pattern) else { continue };
        for reference in references.flatten() {
            if let Ok(name) = reference.name()
                && leads(name)
            {
                return Ok(Some(name.to_owned()));
            }
        }
    }
    Ok(None)
}
