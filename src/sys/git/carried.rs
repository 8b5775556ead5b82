//! Trees that are carried to another machine: the objects that go along, what proves that they are what a commit says, and the
//! examination of both where they arrive.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Read;

use git2::ObjectType;

use super::Objects;
use super::pack::{PackWriter, Sink as _, hash_object};
use super::tree::{self, Item};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::{TreeItemKind, Trees as _};
use crate::sys::fs::move_into_place;

/// How deep submodules may stand in submodules.
const DEPTH: usize = 64;

/// The objects that go along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cargo {
    /// Commits, which say what their trees are.
    pub commits: BTreeSet<ObjectId>,
    /// Trees between a commit and what was taken of it.
    pub proofs: BTreeSet<ObjectId>,
    /// Trees.
    pub trees: BTreeSet<ObjectId>,
    /// Files.
    pub blobs: BTreeSet<ObjectId>,
}

/// What an object is, in git's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// A commit.
    Commit,
    /// A tree.
    Tree,
    /// A file's bytes.
    Blob,
}

impl Objects {
    /// Adds a tree and everything below it.
    ///
    /// # Errors
    /// `Git` for what is not here.
    pub fn load(&self, tree: ObjectId, cargo: &mut Cargo) -> Result<()> {
        let mut open = vec![tree];
        while let Some(id) = open.pop() {
            if id == ObjectId::EMPTY_TREE || !cargo.trees.insert(id) {
                continue;
            }
            self.with_object(id, ObjectType::Tree, |bytes| {
                for named in tree::parse(bytes, id, "")? {
                    match named.item {
                        Item::Folder(inner) => open.push(inner),
                        Item::File(entry) => {
                            cargo.blobs.insert(entry.id);
                        }
                        Item::Gitlink(_) => return Err(Error::new(ErrorKind::Unsupported, format!("`{}` is a submodule that was not fetched", named.name))),
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Adds what proves that a tree is the folder `subdir` of a commit, submodules filled in. `false`: a commit is not here.
    ///
    /// # Errors
    /// `Git`; `Digest` where it is not so.
    pub fn load_proof(&self, commit: ObjectId, subdir: Option<&str>, tree: ObjectId, cargo: &mut Cargo) -> Result<bool> {
        let mut walk = Walk { commits: &|id| self.root_of(id), items: &|id| self.list(id, ""), seen: Vec::new(), used: Vec::new() };
        let proved = walk.prove(commit, subdir, tree)?;
        cargo.commits.extend(walk.used);
        cargo.proofs.extend(walk.seen);
        Ok(proved)
    }

    /// The tree of a commit that is here.
    fn root_of(&self, commit: ObjectId) -> Result<Option<ObjectId>> {
        if !self.has(commit) {
            return Ok(None);
        }
        self.with_object(commit, ObjectType::Commit, |bytes| tree_line(bytes, commit).map(Some))
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// `Git`.
    pub fn carried(&self, what: Carried, id: ObjectId) -> Result<Vec<u8>> {
        let kind = match what {
            Carried::Commit => ObjectType::Commit,
            Carried::Tree => ObjectType::Tree,
            Carried::Blob => ObjectType::Blob,
        };
        self.with_object(id, kind, |bytes| Ok(bytes.to_vec()))
    }

    /// Begins to take in what arrives, in a database of its own.
    ///
    /// # Errors
    /// `Io`.
    pub fn arrivals(&self) -> Result<Arrivals> {
        Ok(Arrivals { pack: self.pack_writer()?, proofs: Proofs { objects: self.clone(), commits: HashMap::new(), trees: HashMap::new() } })
    }

    /// Takes over the packs of another database of the same file system.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn take_packs(&self, from: &Self) -> Result<()> {
        let folder = self.directory().join("objects/pack");
        for pack in from.own()?.packs {
            let Some(name) = pack.file_name() else { continue };
            let place = folder.join(name);
            if place.with_extension("idx").exists() {
                continue;
            }
            for extension in ["pack", "idx"] {
                move_into_place(&pack.with_extension(extension), &place.with_extension(extension))?;
            }
        }
        self.sync()
    }
}

/// Objects on their way in. Each must be what its name says.
#[derive(Debug)]
pub struct Arrivals {
    pack: PackWriter,
    proofs: Proofs,
}

impl Arrivals {
    /// Takes a commit; it is kept nowhere.
    ///
    /// # Errors
    /// `Digest`; `Git`.
    pub fn commit(&mut self, id: ObjectId, bytes: &[u8]) -> Result<()> {
        same(hash_object("commit", bytes), id)?;
        self.proofs.commits.insert(id, tree_line(bytes, id)?);
        Ok(())
    }

    /// Takes a tree that only proves; it is kept nowhere.
    ///
    /// # Errors
    /// `Digest`.
    pub fn proof(&mut self, id: ObjectId, bytes: Vec<u8>) -> Result<()> {
        same(hash_object("tree", &bytes), id)?;
        self.proofs.trees.insert(id, bytes);
        Ok(())
    }

    /// Takes a tree.
    ///
    /// # Errors
    /// `Digest`; `Git`, `Invalid` for one that may not be installed; `Io`.
    pub fn tree(&mut self, id: ObjectId, bytes: &[u8]) -> Result<()> {
        same(hash_object("tree", bytes), id)?;
        tree::parse(bytes, id, "")?;
        self.pack.object(ObjectType::Tree, bytes)
    }

    /// Takes a file.
    ///
    /// # Errors
    /// `Digest`; `Io`.
    pub fn blob(&mut self, id: ObjectId, size: u64, reader: &mut dyn Read) -> Result<()> {
        same(self.pack.blob_from(reader, size)?, id)
    }

    /// All of them came.
    ///
    /// # Errors
    /// `Io`.
    pub fn close(self) -> Result<Proofs> {
        self.pack.finish()?;
        Ok(self.proofs)
    }
}

/// What came along to prove what trees are.
#[derive(Debug)]
pub struct Proofs {
    objects: Objects,
    commits: HashMap<ObjectId, ObjectId>,
    trees: HashMap<ObjectId, Vec<u8>>,
}

impl Proofs {
    /// Makes sure that a tree is the folder `subdir` of a commit, submodules filled in.
    ///
    /// # Errors
    /// `Digest`.
    pub fn prove(&self, commit: ObjectId, subdir: Option<&str>, tree: ObjectId) -> Result<()> {
        let items = |id: ObjectId| match self.trees.get(&id) {
            Some(bytes) => Ok(Some(super::objects::items(bytes, id, "")?)),
            None => self.objects.list(id, ""),
        };
        let mut walk = Walk { commits: &|id| Ok(self.commits.get(&id).copied()), items: &items, seen: Vec::new(), used: Vec::new() };
        if walk.prove(commit, subdir, tree)? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Digest, format!("the commit `{}` did not come along: its files are unproved", commit.short())))
    }

    /// Makes sure that these trees are here whole, and that nothing else is.
    ///
    /// # Errors
    /// `Git` for what is missing; `Invalid` for what nothing names.
    pub fn whole(&self, roots: &[ObjectId]) -> Result<()> {
        let mut needed = HashSet::new();
        for root in roots {
            self.objects.reach(*root, &mut needed)?;
        }
        let here = self.objects.own()?.ids();
        if let Some(lacking) = needed.iter().find(|id| !here.contains(id)) {
            return Err(Error::new(ErrorKind::Git, format!("the object `{}` did not come along", lacking.short())));
        }
        match here.iter().find(|id| !needed.contains(id)) {
            Some(stray) => Err(Error::new(ErrorKind::Invalid, format!("it holds the object `{}`, which belongs to nothing in it", stray.short()))),
            None => Ok(()),
        }
    }
}

/// From a commit to what was taken of it.
struct Walk<'a> {
    /// A commit's tree; `None`: it is not here.
    commits: &'a dyn Fn(ObjectId) -> Result<Option<ObjectId>>,
    /// What lies in a tree.
    items: &'a dyn Fn(ObjectId) -> Result<Option<Vec<crate::roles::TreeItem>>>,
    /// Trees that were read and are no part of what was taken.
    seen: Vec<ObjectId>,
    /// Commits that were read.
    used: Vec<ObjectId>,
}

impl Walk<'_> {
    fn prove(&mut self, commit: ObjectId, subdir: Option<&str>, tree: ObjectId) -> Result<bool> {
        let Some(mut at) = self.commit(commit)? else { return Ok(false) };
        for part in subdir.unwrap_or_default().split('/').filter(|part| !part.is_empty() && *part != ".") {
            let folder = self.items(at)?.into_iter().find(|item| item.name == part);
            self.seen.push(at);
            match folder.map(|item| item.what) {
                Some(TreeItemKind::Folder(id)) => at = id,
                _ => return Err(Error::new(ErrorKind::Digest, format!("the commit `{}` has no folder `{}`", commit.short(), subdir.unwrap_or_default()))),
            }
        }
        self.follow(at, tree, 0)
    }

    fn commit(&mut self, id: ObjectId) -> Result<Option<ObjectId>> {
        let tree = (self.commits)(id)?;
        self.used.extend(tree.map(|_| id));
        Ok(tree)
    }

    fn items(&self, id: ObjectId) -> Result<Vec<crate::roles::TreeItem>> {
        (self.items)(id)?.ok_or_else(|| Error::new(ErrorKind::Git, format!("the tree `{}` did not come along", id.short())))
    }

    /// Whether `made` is `said` with the trees of commits in the places of gitlinks.
    fn follow(&mut self, said: ObjectId, made: ObjectId, depth: usize) -> Result<bool> {
        let other = || Error::new(ErrorKind::Digest, format!("the tree `{}` is not what its commit says", made.short()));
        if said == made {
            return Ok(true);
        }
        if depth > DEPTH {
            return Err(other());
        }
        let (before, after) = (self.items(said)?, self.items(made)?);
        self.seen.push(said);
        if before.len() != after.len() {
            return Err(other());
        }
        // Where a folder takes a gitlink's place it may sort differently.
        for item in before {
            let there = after.iter().find(|other| other.name == item.name).map(|other| other.what);
            let proved = match (item.what, there) {
                (TreeItemKind::File(one), Some(TreeItemKind::File(two))) if one == two => true,
                (TreeItemKind::Folder(one), Some(TreeItemKind::Folder(two))) => self.follow(one, two, depth + 1)?,
                (TreeItemKind::Gitlink(commit), Some(TreeItemKind::Folder(two))) => match self.commit(commit)? {
                    Some(tree) => self.follow(tree, two, depth + 1)?,
                    None => false,
                },
                _ => return Err(other()),
            };
            if !proved {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn same(found: ObjectId, name: ObjectId) -> Result<()> {
    if found == name {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Digest, format!("the object `{}` is not what its name says: its bytes are `{}`", name.short(), found.short())))
}

fn tree_line(bytes: &[u8], commit: ObjectId) -> Result<ObjectId> {
    let line = bytes.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"tree "));
    let id = line.and_then(|line| std::str::from_utf8(line).ok()).and_then(|text| text.parse().ok());
    id.ok_or_else(|| Error::new(ErrorKind::Git, format!("the commit `{}` is damaged", commit.short())))
}
