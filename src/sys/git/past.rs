//! The past of a remote repository, for looking for a tree in it: the commits and folders of all branches and tags, without the
//! files, in a throw-away folder. Asked of the git program: libgit2 cannot leave files out.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use git2::{ObjectType, Oid, Repository};

use super::checkout::{commits_with, leading_ref};
use super::fetch::oid;
use super::pool::PlainError;
use super::program;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};
use crate::roles::{Context, Level};
use crate::sys::redact;

/// How long it may take to come, and how large it may be.
const TIME: Duration = Duration::from_secs(90);
const BYTES: u64 = 256 << 20;
/// Folders inside each other.
const DEPTH: usize = 128;

/// What came of a past. It goes with its folder.
#[derive(Debug)]
pub struct Past {
    folder: tempfile::TempDir,
    url: String,
}

impl Source {
    /// Brings the past of a repository that is not on this machine. `scratch`: where it may lie. `None`: there is no git program.
    ///
    /// # Errors
    /// `Offline`; `Undecided` when it takes too long or is too large; whatever git fails with.
    pub fn past(&self, cx: &Context, scratch: tempfile::TempDir) -> Result<Option<Past>> {
        if !program::is_installed() {
            return Ok(None);
        }
        let past = Past { folder: scratch, url: redact(self.url()) };
        cx.log(Level::Detail, format!("fetching the history of `{}`, without its files", past.url));
        let config = past.make()?;
        let before = crate::sys::fs::read(&config, 1 << 20)?.unwrap_or_default();
        self.ask_program(|git| git.fetch_past(cx, past.folder.path(), TIME, BYTES))?;
        // The program notes that files may be asked for later. Nobody will, and libgit2 opens no such repository.
        crate::sys::fs::write_atomic(&config, &before)?;
        Ok(Some(past))
    }
}

impl Past {
    fn make(&self) -> Result<std::path::PathBuf> {
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("greffon-none");
        Repository::init_opts(self.folder.path(), &options).map_err(|error| self.fault(error))?;
        Ok(self.folder.path().join("config"))
    }

    fn fault(&self, error: git2::Error) -> Error {
        Error::new(ErrorKind::Git, format!("could not look through the history of `{}`", self.url)).caused_by(PlainError::from(error))
    }

    /// The commits whose folder `prefix` (empty: all of it) is nearest to these files, the nearest and newest first, at most
    /// `most`. Only those are looked at whose `marker` in it is just this file; a commit that has them all stands alone.
    ///
    /// # Errors
    /// `Git`, `Interrupted`.
    pub fn nearest(&self, cx: &Context, prefix: &str, marker: (&str, ObjectId), files: &BTreeMap<String, Entry>, most: usize) -> Result<Vec<ObjectId>> {
        let inside = if prefix.is_empty() { marker.0.to_owned() } else { format!("{prefix}/{}", marker.0) };
        let commits = commits_with(self.folder.path(), &inside, marker.1)?;
        let found = Repository::open_bare(self.folder.path()).map_err(|error| self.fault(error))?;
        let mut known: HashMap<Oid, usize> = HashMap::new();
        let mut near: Vec<(usize, ObjectId)> = Vec::new();
        for commit in commits {
            cx.check()?;
            let Some(tree) = folder_of(&found, commit, prefix) else { continue };
            let differs = match known.get(&tree) {
                // The newest of those that have the same files is enough.
                Some(_) => continue,
                None => differing(&found, tree, files).map_err(|error| self.fault(error))?,
            };
            known.insert(tree, differs);
            if differs == 0 {
                return Ok(vec![commit]);
            }
            near.push((differs, commit));
        }
        near.sort_by_key(|(differs, _)| *differs);
        near.truncate(most);
        Ok(near.into_iter().map(|(_, commit)| commit).collect())
    }

    /// The branch or tag that leads to a commit.
    ///
    /// # Errors
    /// `Git`.
    pub fn leading(&self, commit: ObjectId) -> Result<Option<String>> {
        leading_ref(self.folder.path(), commit)
    }
}

fn folder_of(found: &Repository, commit: ObjectId, prefix: &str) -> Option<Oid> {
    let tree = found.find_commit(oid(commit)).and_then(|commit| commit.tree()).ok()?;
    if prefix.is_empty() {
        return Some(tree.id());
    }
    tree.get_path(Path::new(prefix)).ok().filter(|entry| entry.kind() == Some(ObjectType::Tree)).map(|entry| entry.id())
}

/// How many files are not the same on both sides.
fn differing(found: &Repository, tree: Oid, files: &BTreeMap<String, Entry>) -> std::result::Result<usize, git2::Error> {
    let (mut same, mut others) = (0, 0);
    let mut folders = vec![(tree, String::new(), 0)];
    while let Some((id, above, depth)) = folders.pop() {
        for entry in &found.find_tree(id)? {
            let Ok(name) = entry.name() else {
                others += 1;
                continue;
            };
            let path = format!("{above}{name}");
            match entry.kind() {
                Some(ObjectType::Tree) if depth < DEPTH => folders.push((entry.id(), format!("{path}/"), depth + 1)),
                Some(ObjectType::Blob) if files.get(&path).is_some_and(|there| is(&entry, there)) => same += 1,
                Some(ObjectType::Blob) => others += 1,
                _ => {}
            }
        }
    }
    // A file that differs is missed on one side and too much on the other; either way the least sum is the nearest.
    Ok(others + files.len() - same)
}

fn is(entry: &git2::TreeEntry<'_>, there: &Entry) -> bool {
    let mode = match entry.filemode() {
        0o120_000 => FileMode::Symlink,
        0o100_755 => FileMode::Executable,
        _ => FileMode::Regular,
    };
    entry.id() == oid(there.id) && mode == there.mode
}
