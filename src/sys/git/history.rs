//! A site's `history.git`: a bare repository with one commit a generation, readable by plain git. The objects of the site's
//! files stay in the stock, reached through `objects/info/alternates`, until [`History::pack`] copies them in.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use git2::ObjectType;

use super::objects::{self, NewEntry, NewEntryKind, Objects};
use super::{loose, tree};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FileMode, ObjectId};
use crate::sys::fs::{failpoint, sync_filesystem};

/// The opened repository. Not shared by threads: open one where it is needed.
pub struct History {
    repository: git2::Repository,
    directory: PathBuf,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// One commit of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// The tree of the whole site, at `site/`.
    pub site: ObjectId,
    /// Its whole message.
    pub message: String,
    /// When, in seconds since 1970.
    pub time: i64,
}

const BRANCH: &str = "refs/heads/main";
const WHO: (&str, &str) = ("greffon", "greffon@localhost");

fn oid(id: ObjectId) -> git2::Oid {
    git2::Oid::from_bytes(id.as_bytes()).unwrap_or(git2::Oid::ZERO_SHA1)
}

fn object_id(oid: git2::Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&oid.as_bytes()[..20]);
    ObjectId::from_bytes(bytes)
}

impl History {
    /// Opens the repository; `None` when there is none yet.
    ///
    /// # Errors
    /// `Git`.
    pub fn open(directory: &Path) -> Result<Option<Self>> {
        if !directory.join("HEAD").exists() {
            return Ok(None);
        }
        let repository = git2::Repository::open_bare(directory).map_err(|error| fault("open", directory, error))?;
        Ok(Some(Self { repository, directory: directory.to_owned() }))
    }

    /// Opens the repository, made where it is missing, and lets it read the objects of `stock` (a folder of git objects).
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn create(directory: &Path, stock: &Path) -> Result<Self> {
        if !directory.join("HEAD").exists() {
            // Beside its place, then renamed: so that there is never half of one. Whoever makes it holds the site.
            let beside = directory.with_extension("new");
            crate::sys::fs::remove_tree(&beside)?;
            let mut options = git2::RepositoryInitOptions::new();
            options.bare(true).initial_head("main").external_template(false);
            git2::Repository::init_opts(&beside, &options).map_err(|error| fault("make", directory, error))?;
            loose::sync_fresh(&beside)?;
            fs_err::rename(&beside, directory).map_err(|error| Error::io("make", directory, error))?;
        }
        let alternates = directory.join("objects/info/alternates");
        let line = format!("{}\n", stock.display());
        if fs_err::read_to_string(&alternates).ok().as_deref() != Some(&line) {
            fs_err::create_dir_all(directory.join("objects/info"))
                .and_then(|()| fs_err::write(&alternates, &line))
                .map_err(|error| Error::io("write", &alternates, error))?;
        }
        let repository = git2::Repository::open_bare(directory).map_err(|error| fault("open", directory, error))?;
        Ok(Self { repository, directory: directory.to_owned() })
    }

    fn fault(&self, error: git2::Error) -> Error {
        fault("read", &self.directory, error)
    }

    fn describe(&self, commit: &git2::Commit<'_>) -> Result<Commit> {
        let tree = commit.tree().map_err(|error| self.fault(error))?;
        let site = tree.get_name("site").map_or(ObjectId::EMPTY_TREE, |entry| object_id(entry.id()));
        Ok(Commit { id: object_id(commit.id()), site, message: String::from_utf8_lossy(commit.message_bytes()).into_owned(), time: commit.time().seconds() })
    }

    /// The newest commit.
    ///
    /// # Errors
    /// `Git`.
    pub fn head(&self) -> Result<Option<Commit>> {
        match self.repository.find_reference(BRANCH) {
            Ok(reference) => {
                let commit = reference.peel_to_commit().map_err(|error| self.fault(error))?;
                self.describe(&commit).map(Some)
            }
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Every commit, newest first.
    ///
    /// # Errors
    /// `Git`.
    pub fn commits(&self) -> Result<Vec<Commit>> {
        let mut commits = Vec::new();
        let mut next = self.head()?.map(|head| oid(head.id));
        while let Some(id) = next {
            let commit = self.repository.find_commit(id).map_err(|error| self.fault(error))?;
            commits.push(self.describe(&commit)?);
            next = commit.parent_id(0).ok();
        }
        Ok(commits)
    }

    /// A document of a commit: the file `greffon/NAME` in its tree.
    ///
    /// # Errors
    /// `Git`.
    pub fn document(&self, commit: ObjectId, name: &str) -> Result<Option<Vec<u8>>> {
        let read = || -> std::result::Result<Option<Vec<u8>>, git2::Error> {
            let tree = self.repository.find_commit(oid(commit))?.tree()?;
            let entry = match tree.get_path(Path::new(&format!("greffon/{name}"))) {
                Ok(entry) => entry,
                Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            Ok(Some(self.repository.find_blob(entry.id())?.content().to_vec()))
        };
        read().map_err(|error| self.fault(error))
    }

    /// The files in a folder of a commit's documents, by path in it, sorted.
    ///
    /// # Errors
    /// `Git`.
    pub fn documents_in(&self, commit: ObjectId, folder: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        let mut read = || -> std::result::Result<(), git2::Error> {
            let root = self.repository.find_commit(oid(commit))?.tree()?;
            let tree = match root.get_path(Path::new(&format!("greffon/{folder}"))) {
                Ok(entry) => self.repository.find_tree(entry.id())?,
                Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            let mut blobs = Vec::new();
            tree.walk(git2::TreeWalkMode::PreOrder, |above, entry| {
                if entry.kind() == Some(ObjectType::Blob) {
                    blobs.push((format!("{above}{}", String::from_utf8_lossy(entry.name_bytes())), entry.id()));
                }
                git2::TreeWalkResult::Ok
            })?;
            for (path, id) in blobs {
                found.push((path, self.repository.find_blob(id)?.content().to_vec()));
            }
            Ok(())
        };
        read().map_err(|error| self.fault(error))?;
        Ok(found)
    }

    /// Writes a commit after the newest one, without making it the newest: [`Self::set_head`] does.
    ///
    /// # Errors
    /// `Git`, also when the site's tree is not in the stock.
    pub fn write(&self, site: ObjectId, documents: &[(&str, &[u8])], message: &str, time: i64) -> Result<ObjectId> {
        let parent = self.head()?.map(|head| head.id);
        let odb = self.repository.odb().map_err(|error| self.fault(error))?;
        let object = |kind, bytes: &[u8]| loose::write_object(&self.directory, &odb, kind, bytes);
        let folder = write_folder(&object, documents)?;
        if site == ObjectId::EMPTY_TREE {
            object(ObjectType::Tree, &[])?;
        } else if !odb.exists(oid(site)) {
            let error = Error::new(ErrorKind::Git, format!("could not record a generation in the history `{}`", self.directory.display()));
            return Err(error.caused_by(format!("the stock does not hold tree `{}`", site.short())));
        }
        let entry = |name: &str, id| NewEntry { name: name.to_owned(), kind: NewEntryKind::Folder, id };
        let root = object(ObjectType::Tree, &tree::serialise(vec![entry("site", site), entry("greffon", folder)])?)?;
        self.commit(root, parent, message, time)
    }

    fn commit(&self, root: ObjectId, parent: Option<ObjectId>, message: &str, time: i64) -> Result<ObjectId> {
        let (name, address) = WHO;
        let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
        let text = format!("tree {root}\n{parent}author {name} <{address}> {time} +0000\ncommitter {name} <{address}> {time} +0000\n\n{message}");
        let odb = self.repository.odb().map_err(|error| self.fault(error))?;
        loose::write_object(&self.directory, &odb, ObjectType::Commit, text.as_bytes())
    }

    /// Makes a commit the newest.
    ///
    /// # Errors
    /// `Git`.
    pub fn set_head(&self, commit: ObjectId) -> Result<()> {
        if !failpoint::broken("sync") {
            // Everything that it leads to first: after a power cut it must not stand for a commit of which only the name is left.
            sync_filesystem(&self.directory)?;
        }
        failpoint::changing().map_err(|error| Error::io("write", &self.directory, error))?;
        loose::write_ref(&self.directory, BRANCH, commit, true)
    }

    /// Names that people gave to commits.
    ///
    /// # Errors
    /// `Git`.
    pub fn marks(&self) -> Result<Vec<(String, ObjectId)>> {
        let mut marks = Vec::new();
        for reference in self.repository.references_glob("refs/tags/*").map_err(|error| self.fault(error))? {
            let reference = reference.map_err(|error| self.fault(error))?;
            if let (Ok(name), Some(target)) = (reference.shorthand(), reference.target()) {
                marks.push((name.to_owned(), object_id(target)));
            }
        }
        Ok(marks)
    }

    /// Names a commit; a name that is in use moves.
    ///
    /// # Errors
    /// `Invalid` for a name that git refuses; `Git`.
    pub fn mark(&self, commit: ObjectId, name: &str) -> Result<()> {
        let full = format!("refs/tags/{name}");
        // A name of digits alone would stand in the way of the generation of that number.
        let number = name.bytes().all(|byte| byte.is_ascii_digit());
        if !git2::Reference::is_valid_name(&full) || name.starts_with('-') || number {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` cannot name a generation", name.escape_debug()))
                .hint("use letters, digits, `-`, `_` and `.`, and not digits alone"));
        }
        loose::write_ref(&self.directory, &full, commit, true)
    }

    /// Keeps the given commits alone (oldest first) and gives each the one before as its parent; marks move along, marks of
    /// others go. The branch is set last: cut off before that, the history is the earlier one.
    ///
    /// # Errors
    /// `Git`.
    pub fn keep(&self, commits: &[ObjectId]) -> Result<()> {
        let marks = self.marks()?;
        let mut parent: Option<ObjectId> = None;
        let mut renamed = Vec::new();
        for id in commits {
            let old = self.repository.find_commit(oid(*id)).map_err(|error| fault("prune", &self.directory, error))?;
            let same = old.parent_id(0).ok().map(object_id) == parent;
            let message = String::from_utf8_lossy(old.message_bytes()).into_owned();
            let new = if same { *id } else { self.commit(object_id(old.tree_id()), parent, &message, old.time().seconds())? };
            renamed.push((*id, new));
            parent = Some(new);
        }
        if let Some((_, last)) = renamed.last() {
            self.set_head(*last)?;
        }
        for (name, target) in marks {
            if let Some((_, new)) = renamed.iter().find(|(old, _)| *old == target) {
                self.mark(*new, &name)?;
            } else {
                loose::remove_ref(&self.repository, &self.directory, &format!("refs/tags/{name}"))?;
            }
        }
        Ok(())
    }

    /// Copies every object that the history needs into a pack of its own.
    ///
    /// # Errors
    /// `Git`, also when the stock no longer has one of them.
    pub fn pack(&self) -> Result<()> {
        let write = || -> std::result::Result<(), git2::Error> {
            use std::io::Write as _;
            let mut walk = self.repository.revwalk()?;
            walk.push_glob("refs/*")?;
            let mut builder = self.repository.packbuilder()?;
            builder.insert_walk(&mut walk)?;
            if builder.object_count() == 0 {
                return Ok(());
            }
            let odb = self.repository.odb()?;
            let mut writer = odb.packwriter()?;
            let mut failed = None;
            builder.foreach(|bytes| match writer.write_all(bytes) {
                Ok(()) => true,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            })?;
            if let Some(error) = failed {
                return Err(git2::Error::from_str(&error.to_string()));
            }
            writer.commit().map(drop)
        };
        write().map_err(|error| fault("pack", &self.directory, error))?;
        // From here on it needs the stock no more; that what it has is safe on disk comes first. The next generation that is recorded
        // names the stock again.
        sync_filesystem(&self.directory)?;
        crate::sys::fs::remove_file(&self.directory.join("objects/info/alternates"))
    }

    /// Gives a tree and everything below it to a stock that lost it. `false`: the history does not hold it all itself, and nothing
    /// was given.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn give(&self, tree: ObjectId, to: &Objects) -> Result<bool> {
        let odb = self.repository.odb().map_err(|error| self.fault(error))?;
        let mut pack = to.pack_writer()?;
        let mut seen = HashSet::new();
        let mut open = vec![(tree, ObjectType::Tree)];
        while let Some((id, kind)) = open.pop() {
            if id == ObjectId::EMPTY_TREE || !seen.insert(id) {
                continue;
            }
            let Ok(object) = objects::read(&odb, id, kind) else { return Ok(false) };
            if kind == ObjectType::Tree {
                for named in tree::parse(object.data(), id, "")? {
                    match named.item {
                        tree::Item::Folder(inner) => open.push((inner, ObjectType::Tree)),
                        tree::Item::File(entry) => open.push((entry.id, ObjectType::Blob)),
                        tree::Item::Gitlink(_) => return Ok(false),
                    }
                }
            }
            pack.object(kind, object.data())?;
        }
        pack.finish().map(|()| true)
    }
}

/// Writes documents as a tree; a `/` in a name makes a folder.
fn write_folder(object: &dyn Fn(ObjectType, &[u8]) -> Result<ObjectId>, documents: &[(&str, &[u8])]) -> Result<ObjectId> {
    let mut entries = Vec::with_capacity(documents.len());
    let mut folders: std::collections::BTreeMap<&str, Vec<(&str, &[u8])>> = std::collections::BTreeMap::new();
    for (name, bytes) in documents {
        match name.split_once('/') {
            Some((folder, rest)) => folders.entry(folder).or_default().push((rest, bytes)),
            None => entries.push(NewEntry { name: (*name).to_owned(), kind: NewEntryKind::File(FileMode::Regular), id: object(ObjectType::Blob, bytes)? }),
        }
    }
    for (folder, documents) in folders {
        entries.push(NewEntry { name: folder.to_owned(), kind: NewEntryKind::Folder, id: write_folder(object, &documents)? });
    }
    object(ObjectType::Tree, &tree::serialise(entries)?)
}

fn fault(action: &str, directory: &Path, error: git2::Error) -> Error {
    Error::new(ErrorKind::Git, format!("could not {action} the history `{}`", directory.display())).caused_by(error)
}

/// Merges two changes of one file three ways; `None` when they conflict, or when one of them is not text.
///
/// # Errors
/// `Git`.
pub fn merge_file(path: &str, base: &[u8], ours: &[u8], theirs: &[u8]) -> Result<Option<Vec<u8>>> {
    let binary = |bytes: &[u8]| bytes.iter().take(8000).any(|byte| *byte == 0);
    if binary(base) || binary(ours) || binary(theirs) {
        return Ok(None);
    }
    let mut inputs = [git2::MergeFileInput::new(), git2::MergeFileInput::new(), git2::MergeFileInput::new()];
    for (input, bytes) in inputs.iter_mut().zip([base, ours, theirs]) {
        input.content(bytes);
    }
    let merged = git2::merge_file(&inputs[0], &inputs[1], &inputs[2], None)
        .map_err(|error| Error::new(ErrorKind::Git, format!("could not merge `{path}`")).caused_by(error))?;
    Ok(merged.is_automergeable().then(|| merged.content().to_vec()))
}
