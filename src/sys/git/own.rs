//! What each bare repository of the stock holds itself, alternates left aside: read from its pack indexes and loose files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::sys::fs::{remove_tree, sync_filesystem};

use super::alternates::source_folders;
use super::objects::{Objects, missing, oid, read};
use super::pack::hash_object;
use super::pool::PlainError;
use super::tree::{self, Item};

/// One object and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnObject {
    /// Its id.
    pub id: ObjectId,
    /// The bytes that it takes up on disk.
    pub size: u64,
    /// Which of [`OwnObjects::packs`] holds it; `None`: it is a file of its own.
    pub pack: Option<usize>,
}

/// One bare repository.
#[derive(Debug, Clone, Default)]
pub struct OwnObjects {
    /// The repository's folder.
    pub folder: PathBuf,
    /// Its packs, without extension.
    pub packs: Vec<PathBuf>,
    /// Its objects; one that is packed twice stands here twice.
    pub objects: Vec<OwnObject>,
    /// Packs whose index cannot be read, without extension: what is in them nobody knows.
    pub unreadable: Vec<PathBuf>,
}

impl OwnObjects {
    fn of(folder: &Path) -> Result<Self> {
        let mut own = Self { folder: folder.to_owned(), ..Self::default() };
        let root = folder.join("objects");
        for name in names(&root)? {
            if name == "pack" {
                for file in names(&root.join("pack"))? {
                    if let Some(stem) = file.strip_suffix(".idx") {
                        own.read_index(root.join("pack").join(stem))?;
                    } else if let Some(stem) = file.strip_suffix(".pack")
                        && !root.join("pack").join(format!("{stem}.idx")).exists()
                    {
                        own.unreadable.push(root.join("pack").join(stem));
                    }
                }
            } else if name.len() == 2 {
                for file in names(&root.join(&name))? {
                    let path = root.join(&name).join(&file);
                    if let (Ok(id), Ok(metadata)) = (format!("{name}{file}").parse(), fs_err::symlink_metadata(path)) {
                        own.objects.push(OwnObject { id, size: metadata.len(), pack: None });
                    }
                }
            }
        }
        Ok(own)
    }

    /// One that cannot be read is noted as such.
    fn read_index(&mut self, stem: PathBuf) -> Result<()> {
        let path = stem.with_extension("idx");
        let bytes = fs_err::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let length = match fs_err::metadata(stem.with_extension("pack")) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(Error::io("look at", &stem, error)),
        };
        let Some(places) = places(&bytes).filter(|_| length > 0) else {
            self.unreadable.push(stem);
            return Ok(());
        };
        let pack = self.packs.len();
        self.packs.push(stem);
        for (index, (offset, id)) in places.iter().enumerate() {
            let end = places.get(index + 1).map_or(length.saturating_sub(20), |(next, _)| *next);
            self.objects.push(OwnObject { id: *id, size: end.saturating_sub(*offset), pack: Some(pack) });
        }
        Ok(())
    }

    /// The ids alone.
    #[must_use]
    pub fn ids(&self) -> HashSet<ObjectId> {
        self.objects.iter().map(|object| object.id).collect()
    }

    /// Reads and hashes every object; gives those that are damaged.
    ///
    /// # Errors
    /// `Git` when the repository cannot be opened; `Interrupted`.
    pub fn damaged(&self, cx: &crate::roles::Context) -> Result<Vec<OwnObject>> {
        let repository = Repository::open_bare(&self.folder).map_err(|error| fault(&self.folder, error))?;
        let odb = repository.odb().map_err(|error| fault(&self.folder, error))?;
        let folder = self.folder.join("objects");
        let mut found = Vec::new();
        for (index, object) in self.objects.iter().enumerate() {
            if index % 256 == 0 {
                cx.check()?;
            }
            let oid = oid(object.id)?;
            let sound = !super::loose::is_torn(&folder, oid) && odb.read(oid).is_ok_and(|read| hash_object(read.kind().str(), read.data()) == object.id);
            if !sound {
                found.push(*object);
            }
        }
        Ok(found)
    }
}

/// What an index of version 2 lists, by the places in the pack: an object's size is the way to the next one. `None`: it is damaged.
fn places(bytes: &[u8]) -> Option<Vec<(u64, ObjectId)>> {
    let word = |at: usize| bytes.get(at..at + 4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    if word(0) != Some(0xff74_4f63) || word(4) != Some(2) {
        return None;
    }
    let count = word(8 + 255 * 4)? as usize;
    let (ids, offsets) = (8 + 1024, count.checked_mul(24)?.checked_add(8 + 1024)?);
    let large = offsets.checked_add(count.checked_mul(4)?)?;
    if bytes.len() < large {
        return None;
    }
    let mut places: Vec<(u64, ObjectId)> = Vec::with_capacity(count);
    for index in 0..count {
        let mut id = [0; 20];
        id.copy_from_slice(bytes.get(ids + index * 20..ids + index * 20 + 20)?);
        let offset = word(offsets + index * 4)?;
        let offset = if offset & 0x8000_0000 == 0 {
            u64::from(offset)
        } else {
            let at = large.checked_add((offset & 0x7fff_ffff) as usize * 8)?;
            u64::from(word(at)?) << 32 | u64::from(word(at + 4)?)
        };
        places.push((offset, ObjectId::from_bytes(id)));
    }
    places.sort_unstable();
    Some(places)
}

impl Objects {
    /// What `objects.git` holds itself.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn own(&self) -> Result<OwnObjects> {
        OwnObjects::of(self.directory())
    }

    /// What each source holds.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn of_sources(&self) -> Result<Vec<OwnObjects>> {
        source_folders(self.sources())?.iter().map(|folder| OwnObjects::of(folder)).collect()
    }

    /// Adds a tree and everything below it to `seen`, which must hold with each tree all that is below it. Gives what was new.
    ///
    /// # Errors
    /// `Git` when something of it is missing or damaged; `seen` is as it was then.
    pub fn reach(&self, tree: ObjectId, seen: &mut HashSet<ObjectId>) -> Result<Vec<ObjectId>> {
        let mut new = Vec::new();
        let mut open = vec![tree];
        let lease = self.lease_with(tree)?;
        let odb = lease.odb().map_err(|error| missing(tree, ObjectType::Tree, error))?;
        let result = loop {
            let Some(id) = open.pop() else { break Ok(()) };
            if id == ObjectId::EMPTY_TREE || !seen.insert(id) {
                continue;
            }
            new.push(id);
            let step = read(&odb, id, ObjectType::Tree).and_then(|object| {
                for named in tree::parse(object.data(), id, "")? {
                    match named.item {
                        Item::Folder(inner) => open.push(inner),
                        Item::File(entry) if seen.insert(entry.id) => new.push(entry.id),
                        Item::File(_) | Item::Gitlink(_) => {}
                    }
                }
                Ok(())
            });
            if let Err(error) = step {
                break Err(error);
            }
        };
        match result {
            Ok(()) => Ok(new),
            Err(error) => {
                for id in new {
                    seen.remove(&id);
                }
                Err(error)
            }
        }
    }

    /// Whether a tree and everything below it is here.
    ///
    /// # Errors
    /// `Git` when the database cannot be opened.
    pub fn has_all(&self, tree: ObjectId) -> Result<bool> {
        let mut below = HashSet::new();
        if self.reach(tree, &mut below).is_err() {
            return Ok(false);
        }
        let lease = self.lease_with(tree)?;
        let odb = lease.odb().map_err(|error| missing(tree, ObjectType::Tree, error))?;
        for id in below {
            if !odb.exists(oid(id)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds what pins point at themselves to `keep`; not those of the site `but`.
    ///
    /// # Errors
    /// `Git`.
    pub fn keep_pins(&self, but: Option<&str>, keep: &mut HashSet<ObjectId>) -> Result<()> {
        keep.extend(self.pin_holders(but)?);
        Ok(())
    }

    /// Drops every own object that is not in `keep`, and packs the others into one. Only under the exclusive lock of the stock.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn retain(&self, own: &OwnObjects, keep: &HashSet<ObjectId>) -> Result<()> {
        let fault = |error| fault(self.directory(), error);
        let folder = self.directory().join("objects/pack");
        let new = {
            let lease = self.lease()?;
            let mut builder = lease.packbuilder().map_err(fault)?;
            builder.set_threads(0);
            let mut some = false;
            for object in own.objects.iter().filter(|object| keep.contains(&object.id)) {
                builder.insert_object(oid(object.id)?, None).map_err(fault)?;
                some = true;
            }
            if some {
                builder.write(&folder, 0o444).map_err(fault)?;
                let name = builder.name().map_err(fault)?.unwrap_or_default().to_owned();
                Some(folder.join(format!("pack-{name}")))
            } else {
                None
            }
        };
        // What was written must be safe before what it was read from goes.
        sync_filesystem(&folder)?;
        self.renew();
        for pack in own.packs.iter().filter(|pack| Some(*pack) != new.as_ref()) {
            for extension in ["idx", "pack", "rev", "bitmap", "mtimes"] {
                remove_file(&pack.with_extension(extension))?;
            }
        }
        for object in own.objects.iter().filter(|object| object.pack.is_none()) {
            let name = object.id.to_string();
            remove_file(&self.directory().join("objects").join(&name[..2]).join(&name[2..]))?;
        }
        Ok(())
    }

    /// Takes damaged objects of `objects.git` out of use: their packs and files go to `aside`, everything else of those packs is
    /// written anew. Only under the exclusive lock of the stock.
    ///
    /// # Errors
    /// `Git`, `Io`.
    pub fn put_damaged_aside(&self, own: &OwnObjects, damaged: &[OwnObject], aside: &Path) -> Result<()> {
        let bad: HashSet<ObjectId> = damaged.iter().map(|object| object.id).collect();
        let packs: HashSet<usize> = damaged.iter().filter_map(|object| object.pack).collect();
        let mut writer = self.pack_writer()?;
        {
            let lease = self.lease()?;
            let odb = lease.odb().map_err(|error| fault(self.directory(), error))?;
            for object in own.objects.iter().filter(|object| object.pack.is_some_and(|pack| packs.contains(&pack)) && !bad.contains(&object.id)) {
                // Damaged ones were listed; what cannot be read now is one of them.
                let Ok(good) = odb.read(oid(object.id)?) else { continue };
                writer.object(good.kind(), good.data())?;
            }
        }
        writer.finish()?;
        self.renew();
        let moved = |from: &Path| match fs_err::rename(from, aside.join(from.file_name().unwrap_or_default())) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("put aside", from, error)),
            _ => Ok(()),
        };
        for pack in packs.into_iter().map(|pack| &own.packs[pack]).chain(&own.unreadable) {
            for extension in ["idx", "pack"] {
                moved(&pack.with_extension(extension))?;
            }
        }
        for object in damaged.iter().filter(|object| object.pack.is_none()) {
            let name = object.id.to_string();
            moved(&self.directory().join("objects").join(&name[..2]).join(&name[2..]))?;
        }
        Ok(())
    }

    /// Removes a source. Only under the exclusive lock of the stock.
    ///
    /// # Errors
    /// `Io`, `Git`.
    pub fn remove_source(&self, source: &OwnObjects) -> Result<()> {
        // Under another name it is no source any more, however far the removal comes.
        let going = source.folder.with_extension("gone");
        fs_err::rename(&source.folder, &going).map_err(|error| Error::io("remove", &source.folder, error))?;
        self.refresh()?;
        remove_tree(&going)
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    Ok(crate::sys::fs::names(folder)?.unwrap_or_default())
}

fn remove_file(path: &Path) -> Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

fn fault(folder: &Path, error: git2::Error) -> Error {
    Error::new(ErrorKind::Git, format!("could not tidy up the object database `{}`", folder.display())).caused_by(PlainError::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_loose_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects::open(&folder.path().join("objects.git"), &folder.path().join("sources")).expect("opened");
        let id = objects.write_blob(b"one").expect("written");
        let own = objects.own().expect("listed");
        assert_eq!(own.ids(), HashSet::from([id]));
    }
}
