//! The stock's object database: imported archives, composed trees, and every source's objects through alternates.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ObjectType, Oid};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, Graft, ObjectId, TreeChange, TreeFile};
use crate::roles::{TreeItem, TreeItemKind, Trees};
use crate::sys::fs::{sync_filesystem, write_atomic};

use super::alternates::{create, is_read_only, object_folders, restore_shell};
use super::pack::hash_object;
use super::pool::{Lease, PlainError, Pool};
use super::tree::{self, Item};

/// `objects.git`. Shared by threads; cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sources: PathBuf,
    pool: Pool,
    /// The object folders that handles know of.
    alternates: Mutex<Vec<String>>,
    /// The tree that was listed last, with its files: a plan and the apply that follows, and sites that are alike, ask for the same.
    listed: Mutex<Option<(ObjectId, Vec<TreeFile>)>>,
    /// See [`Objects::lend`].
    shelf: super::lent::Shelf,
}

/// One name of a tree to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The bare name.
    pub name: String,
    /// What it stands for.
    pub kind: NewEntryKind,
    /// The blob or tree.
    pub id: ObjectId,
}

/// What a name of a tree to be written stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewEntryKind {
    /// A file or a link.
    File(FileMode),
    /// A folder.
    Folder,
}

impl Objects {
    /// Opens or makes the bare repository at `directory`, with `sources` (a folder of bare repositories) as alternates.
    /// Writes nothing where all is there already.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn open(directory: &Path, sources: &Path) -> Result<Self> {
        if !directory.join("HEAD").exists() {
            if directory.join("objects").is_dir() {
                restore_shell(directory)?;
            } else {
                create(directory)?;
            }
        }
        let objects = Self {
            inner: Arc::new(Inner {
                sources: sources.to_owned(),
                pool: Pool::new(directory),
                alternates: Mutex::new(vec![String::from("unread")]),
                listed: Mutex::default(),
                shelf: super::lent::Shelf::default(),
            }),
        };
        objects.refresh()?;
        Ok(objects)
    }

    /// Makes a database that cannot be opened one that can, with all that it holds; says whether it had to. Only under the exclusive
    /// lock of the stock.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn restore_shell(&self) -> Result<bool> {
        let restored = restore_shell(self.directory())?;
        if restored {
            self.renew();
        }
        Ok(restored)
    }

    /// The bare repository's folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.inner.pool.directory()
    }

    /// The folder of the sources.
    pub(super) fn sources(&self) -> &Path {
        &self.inner.sources
    }

    /// Takes sources that came since into the alternates.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn refresh(&self) -> Result<()> {
        self.refreshed().map(|_| ())
    }

    /// As [`Self::refresh`]; says whether there was anything new.
    fn refreshed(&self) -> Result<bool> {
        let mut known = self.inner.alternates.lock().unwrap_or_else(PoisonError::into_inner);
        let now = object_folders(&self.inner.sources)?;
        if *known == now {
            return Ok(false);
        }
        let path = self.directory().join("objects/info/alternates");
        let written = match fs_err::read(&path) {
            // One that is damaged is written anew.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let mut extra = Vec::new();
        if !written.lines().eq(now.iter().map(String::as_str)) {
            let mut text = now.join("\n");
            text.push('\n');
            if let Err(error) = write_atomic(&path, text.as_bytes()) {
                // Whoever may only read the stock can use it all the same: the handles are told instead of the file.
                let missing: Vec<PathBuf> = now.iter().filter(|line| !written.lines().any(|known| known == *line)).map(PathBuf::from).collect();
                if missing.is_empty() || !is_read_only(&error) {
                    return Err(error);
                }
                extra = missing;
            }
        }
        self.inner.pool.renew(extra);
        *known = now;
        Ok(true)
    }

    /// Makes handles given out from now on look at the disk anew, after packs went.
    pub fn renew(&self) {
        self.inner.pool.renew_as_it_is();
    }

    /// Whether an object is here.
    #[must_use]
    pub fn has(&self, id: ObjectId) -> bool {
        id == ObjectId::EMPTY_TREE || self.exists(id) || (self.refreshed().unwrap_or(false) && self.exists(id))
    }

    fn exists(&self, id: ObjectId) -> bool {
        let Ok(lease) = self.lease() else { return false };
        let (Ok(oid), Ok(odb)) = (oid(id), lease.odb()) else { return false };
        odb.exists(oid)
    }

    /// Writes a blob.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<ObjectId> {
        self.write(ObjectType::Blob, bytes)
    }

    /// Writes a blob of exactly `size` bytes from a stream, without holding it in memory.
    ///
    /// # Errors
    /// `Git`, `Io`, also when the stream is longer or shorter.
    pub fn write_blob_from(&self, reader: &mut dyn Read, size: u64) -> Result<ObjectId> {
        let lease = self.lease()?;
        let odb = lease.odb().map_err(could_not_write)?;
        let length = usize::try_from(size).map_err(|error| Error::new(ErrorKind::Unsupported, "a file is too large for this machine").caused_by(error))?;
        let mut writer = odb.writer(length, ObjectType::Blob).map_err(could_not_write)?;
        let mut buffer = vec![0; 128 * 1024];
        let mut left = size;
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::new(ErrorKind::Io, "could not read a file on its way into the stock").caused_by(error)),
            };
            left = left.checked_sub(count as u64).ok_or_else(|| Error::new(ErrorKind::Io, "a file grew while it was read"))?;
            writer.write_all(&buffer[..count]).map_err(|error| Error::io("write an object into", self.directory(), error))?;
        }
        if left > 0 {
            return Err(Error::new(ErrorKind::Io, "a file shrank while it was read"));
        }
        writer.finalize().map(from_oid).map_err(could_not_write)
    }

    /// Writes a tree; sorts the entries as git wants them.
    ///
    /// # Errors
    /// `Git`, `Io`, `Invalid` for a name that git refuses.
    pub fn write_tree(&self, entries: Vec<NewEntry>) -> Result<ObjectId> {
        self.write(ObjectType::Tree, &tree::serialise(entries)?)
    }

    fn write(&self, kind: ObjectType, bytes: &[u8]) -> Result<ObjectId> {
        let lease = self.lease()?;
        let odb = lease.odb().map_err(could_not_write)?;
        super::loose::write_object(self.directory(), &odb, kind, bytes)
    }

    /// Grafts trees onto each other into one tree. Blobs are not touched. A graft's tree is the element as it is to stand at
    /// its path: `placement.subdir` was applied when the graft was made.
    ///
    /// # Errors
    /// `Invalid` when two grafts meet at one path, or one would replace a file of another: the message names both elements.
    pub fn compose(&self, grafts: &[Graft]) -> Result<ObjectId> {
        super::compose::compose(self, grafts)
    }

    /// The tree at `path` below `tree` (`""` and `.` are the tree itself); `None` when there is none.
    ///
    /// # Errors
    /// `Git`.
    pub fn subtree(&self, tree: ObjectId, path: &str) -> Result<Option<ObjectId>> {
        Ok(match self.find(tree, path)? {
            Some(Item::Folder(id)) => Some(id),
            _ => None,
        })
    }

    /// Every file below a tree, sorted by path bytes.
    ///
    /// # Errors
    /// `Git`; `Invalid` for a hostile name; `Unsupported` for a gitlink, naming the path.
    pub fn files(&self, tree: ObjectId) -> Result<Vec<TreeFile>> {
        if let Some((last, files)) = &*self.inner.listed.lock().unwrap_or_else(PoisonError::into_inner)
            && *last == tree
        {
            return Ok(files.clone());
        }
        let files = super::walk::files(self, tree)?;
        *self.inner.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some((tree, files.clone()));
        Ok(files)
    }

    /// Refuses a tree that cannot be installed: see [`Self::files`], and git-LFS pointers, told by the sizes of blobs. To be
    /// asked once, when an element comes into the stock: it looks at the header of every blob.
    ///
    /// # Errors
    /// As [`Self::files`]; `Unsupported` for a git-LFS pointer, naming the path.
    pub fn check_installable(&self, tree: ObjectId) -> Result<Vec<TreeFile>> {
        super::walk::check_installable(self, tree)
    }

    /// Where two trees differ, sorted by path bytes; equal subtrees are not read. No renames.
    ///
    /// # Errors
    /// `Git`.
    pub fn diff(&self, old: ObjectId, new: ObjectId) -> Result<Vec<TreeChange>> {
        super::diff::diff(self, old, new)
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// `Git`.
    pub fn blob(&self, id: ObjectId) -> Result<Vec<u8>> {
        self.with_object(id, ObjectType::Blob, |bytes| Ok(bytes.to_vec()))
    }

    /// A reader of many blobs for one thread, without copying them.
    ///
    /// # Errors
    /// `Git`.
    pub fn blob_reader(&self) -> Result<BlobReader<'_>> {
        Ok(BlobReader { objects: self, lease: self.lease()? })
    }

    /// A blob's length.
    ///
    /// # Errors
    /// `Git`.
    pub fn blob_size(&self, id: ObjectId) -> Result<u64> {
        let oid = oid(id)?;
        let lease = self.lease_with(id)?;
        let (size, kind) = lease.odb().and_then(|odb| odb.read_header(oid)).map_err(|error| missing(id, ObjectType::Blob, error))?;
        if kind != ObjectType::Blob {
            return Err(Error::new(ErrorKind::Git, format!("object `{}` is no file", id.short())));
        }
        Ok(size as u64)
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(&self) -> Result<()> {
        sync_filesystem(self.directory())
    }

    pub(super) fn lease(&self) -> Result<Lease<'_>> {
        self.inner.pool.lease()
    }

    /// Lends an object's bytes; looks for new sources when it is not found.
    pub(super) fn with_object<T>(&self, id: ObjectId, kind: ObjectType, use_it: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        if id == ObjectId::EMPTY_TREE && kind == ObjectType::Tree {
            return use_it(&[]);
        }
        let lent = self.shelf().read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(lent) = lent
            && let Some(bytes) = lent.bytes(id)?
        {
            return use_it(&bytes);
        }
        let lease = self.lease_with(id)?;
        let odb = lease.odb().map_err(|error| missing(id, kind, error))?;
        let object = read(&odb, id, kind)?;
        use_it(object.data())
    }

    pub(super) fn shelf(&self) -> &super::lent::Shelf {
        &self.inner.shelf
    }

    /// A handle that knows of `id`, if it is here at all: looks for new sources when it is not found.
    pub(super) fn lease_with(&self, id: ObjectId) -> Result<Lease<'_>> {
        let lease = self.lease()?;
        let oid = oid(id)?;
        if lease.odb().is_ok_and(|odb| odb.exists(oid)) || !self.refreshed()? {
            return Ok(lease);
        }
        self.lease()
    }

    /// What stands at `path` below `tree`.
    pub(super) fn find(&self, tree: ObjectId, path: &str) -> Result<Option<Item>> {
        let mut item = Item::Folder(tree);
        let mut walked = String::new();
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let Item::Folder(folder) = item else { return Ok(None) };
            let found = self.with_object(folder, ObjectType::Tree, |bytes| {
                Ok(tree::parse(bytes, folder, &walked)?.into_iter().find(|named| named.name == part).map(|named| named.item))
            })?;
            match found {
                Some(next) => item = next,
                None => return Ok(None),
            }
            if !walked.is_empty() {
                walked.push('/');
            }
            walked.push_str(part);
        }
        Ok(Some(item))
    }
}

/// See [`Objects::blob_reader`].
#[derive(Debug)]
pub struct BlobReader<'objects> {
    objects: &'objects Objects,
    lease: Lease<'objects>,
}

impl BlobReader<'_> {
    /// Lends a blob's bytes, hashed on the way.
    ///
    /// # Errors
    /// `Git` when it is not here or damaged, and whatever `use_it` fails with.
    pub fn read<T>(&mut self, id: ObjectId, use_it: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let fault = |error| missing(id, ObjectType::Blob, error);
        if !self.lease.odb().map_err(fault)?.exists(oid(id)?) {
            self.lease = self.objects.lease_with(id)?;
        }
        let odb = self.lease.odb().map_err(fault)?;
        let object = read(&odb, id, ObjectType::Blob)?;
        use_it(object.data())
    }
}

impl Trees for Objects {
    fn read(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        match self.find(tree, path)? {
            Some(Item::File(Entry { id, mode: FileMode::Regular | FileMode::Executable })) => self.blob(id).map(Some),
            _ => Ok(None),
        }
    }

    fn list(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<TreeItem>>> {
        let Some(folder) = self.subtree(tree, path)? else { return Ok(None) };
        self.with_object(folder, ObjectType::Tree, |bytes| items(bytes, folder, path).map(Some))
    }
}

/// What stands in a tree's bytes.
pub(super) fn items(bytes: &[u8], id: ObjectId, path: &str) -> Result<Vec<TreeItem>> {
    let items = tree::parse(bytes, id, path)?.into_iter().map(|named| TreeItem {
        name: named.name.to_owned(),
        what: match named.item {
            Item::Folder(id) => TreeItemKind::Folder(id),
            Item::File(entry) => TreeItemKind::File(entry),
            Item::Gitlink(id) => TreeItemKind::Gitlink(id),
        },
    });
    Ok(items.collect())
}

pub(super) fn oid(id: ObjectId) -> Result<Oid> {
    Oid::from_bytes(id.as_bytes()).map_err(|error| Error::new(ErrorKind::Internal, format!("`{id}` is no object id")).caused_by(PlainError::from(error)))
}

/// An object's bytes, of the kind that is wanted, and hashed: see [`super::pool`].
pub(super) fn read<'odb>(odb: &'odb git2::Odb<'_>, id: ObjectId, kind: ObjectType) -> Result<git2::OdbObject<'odb>> {
    let object = odb.read(oid(id)?).map_err(|error| missing(id, kind, error))?;
    if object.kind() != kind {
        return Err(Error::new(ErrorKind::Git, format!("object `{}` is no {}", id.short(), word(kind))));
    }
    if hash_object(kind.str(), object.data()) != id {
        return Err(Error::new(ErrorKind::Git, format!("{} `{}` of the stock is damaged: its bytes do not hash to its name", word(kind), id.short()))
            .by_damage(true)
            .hint("`greffon stock verify` puts damaged entries aside; then `greffon fetch` gets them again"));
    }
    Ok(object)
}

pub(super) fn from_oid(oid: Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&oid.as_bytes()[..20]);
    ObjectId::from_bytes(bytes)
}

fn could_not_write(error: git2::Error) -> Error {
    Error::new(ErrorKind::Git, "could not write into the stock's object database").caused_by(PlainError::from(error))
}

pub(super) fn missing(id: ObjectId, kind: ObjectType, error: git2::Error) -> Error {
    if error.code() == git2::ErrorCode::NotFound {
        return Error::new(ErrorKind::Git, format!("the stock does not hold {} `{}`", word(kind), id.short()))
            .by_damage(true)
            .hint("`greffon stock verify` looks what else is missing and fetches it again");
    }
    Error::new(ErrorKind::Git, format!("could not read {} `{}` from the stock", word(kind), id.short()))
        .by_damage(true)
        .hint("`greffon stock verify` puts damaged entries aside; then `greffon fetch` gets them again")
        .caused_by(PlainError::from(error))
}

fn word(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::Blob => "file",
        ObjectType::Tree => "tree",
        ObjectType::Commit => "commit",
        _ => "object",
    }
}
