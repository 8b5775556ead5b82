//! The stat cache: what was put where, and what the file system said of it then. It is a cache: lost or damaged it is made again
//! from the history, and every file is read once.
//!
//! On disk: `GRFINDEX`, version, generation, tree, grafts as JSON, then folder by folder its files, then `END!`; numbers are
//! little-endian. One read loads it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::owners::{join, split};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, Graft, ObjectId};
use crate::sys::fs::beneath::{Dir, check_relative};
use crate::sys::fs::durable;
use crate::sys::fs::witness::Witness;

const MAGIC: &[u8; 8] = b"GRFINDEX";
const END: &[u8; 4] = b"END!";
const VERSION: u32 = 2;

/// Every file that greffon answers for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Index {
    /// The generation it belongs to; 0: none.
    pub(super) generation: u64,
    /// The composed tree.
    pub(super) tree: Option<ObjectId>,
    /// What the tree is made of.
    pub(super) grafts: Vec<Graft>,
    /// Sorted by path; the root (`""`) is first. Every folder above a file is here.
    pub(super) folders: Vec<Folder>,
    /// Folder by folder, each folder's sorted by name.
    pub(super) files: Vec<Record>,
}

/// A folder and which of the files are directly in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) files: Range<usize>,
    /// What the file system said of it when it held its files and folders and nothing else; `None`: it must be listed to know.
    pub(super) witness: Option<Witness>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: String,
    /// What the generation says it is.
    pub(super) entry: Entry,
    /// What the file system said when it was that; `None`: it must be read to know.
    pub(super) witness: Option<Witness>,
}

impl Index {
    /// An index of these files, in any order.
    pub(super) fn new(generation: u64, tree: ObjectId, grafts: Vec<Graft>, files: impl IntoIterator<Item = (String, Entry, Option<Witness>)>) -> Self {
        let mut folders: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        folders.insert(String::new(), Vec::new());
        let mut last: Option<(String, Vec<Record>)> = None;
        for (path, entry, witness) in files {
            let (folder, name) = split(&path);
            let record = Record { name: name.to_owned(), entry, witness };
            match &mut last {
                Some((path, records)) if path == folder => records.push(record),
                _ => {
                    if let Some((path, records)) = last.take() {
                        folders.entry(path).or_default().extend(records);
                    }
                    last = Some((folder.to_owned(), vec![record]));
                }
            }
        }
        if let Some((path, records)) = last {
            folders.entry(path).or_default().extend(records);
        }
        let above: Vec<String> = folders.keys().flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned())).collect();
        for path in above {
            folders.entry(path).or_default();
        }
        let mut index = Self { generation, tree: Some(tree), grafts, ..Self::default() };
        for (path, mut records) in folders {
            records.sort_by(|a, b| a.name.cmp(&b.name));
            let start = index.files.len();
            index.files.append(&mut records);
            index.folders.push(Folder { path, files: start..index.files.len(), witness: None });
        }
        index
    }

    /// The path of every file with its place in `files`, sorted by path.
    pub(super) fn paths(&self) -> Vec<(String, usize)> {
        let mut paths: Vec<(String, usize)> =
            self.folders.iter().flat_map(|folder| folder.files.clone().map(|at| (join(&folder.path, &self.files[at].name), at))).collect();
        paths.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        paths
    }

    /// The place of a folder in `folders`.
    pub(super) fn folder(&self, path: &str) -> Option<usize> {
        self.folders.binary_search_by(|folder| folder.path.as_str().cmp(path)).ok()
    }

    /// The place of a file in `files`.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let (folder, name) = split(path);
        let folder = &self.folders[self.folder(folder)?];
        let found = self.files[folder.files.clone()].binary_search_by(|record| record.name.as_str().cmp(name)).ok()?;
        Some(folder.files.start + found)
    }

    /// As bytes.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(1024 + self.files.len() * 110);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(self.tree.unwrap_or(ObjectId::EMPTY_TREE).as_bytes());
        let grafts =
            serde_json::to_vec(&self.grafts).map_err(|error| Error::new(ErrorKind::Internal, "the grafts cannot be written as JSON").caused_by(error))?;
        put_text(&mut bytes, &grafts);
        bytes.extend_from_slice(&(self.folders.len() as u32).to_le_bytes());
        for folder in &self.folders {
            put_text(&mut bytes, folder.path.as_bytes());
            bytes.push(u8::from(folder.witness.is_some()));
            if let Some(witness) = &folder.witness {
                put_witness(&mut bytes, witness);
            }
            bytes.extend_from_slice(&(folder.files.len() as u32).to_le_bytes());
            for file in &self.files[folder.files.clone()] {
                put_text(&mut bytes, file.name.as_bytes());
                let mode = match file.entry.mode {
                    FileMode::Regular => 0,
                    FileMode::Executable => 1,
                    FileMode::Symlink => 2,
                };
                bytes.push(mode | if file.witness.is_some() { 4 } else { 0 });
                bytes.extend_from_slice(file.entry.id.as_bytes());
                if let Some(witness) = &file.witness {
                    put_witness(&mut bytes, witness);
                }
            }
        }
        bytes.extend_from_slice(END);
        Ok(bytes)
    }

    /// From bytes; `None` when they are no whole index of this version. Paths are checked: a damaged index leads nowhere else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take(8)? != MAGIC || reader.u32()? != VERSION {
            return None;
        }
        let mut index = Self { generation: reader.u64()?, tree: Some(reader.id()?), ..Self::default() };
        index.grafts = serde_json::from_slice(reader.text()?).ok()?;
        let count = reader.u32()? as usize;
        index.folders.reserve(count.min(bytes.len() / 8));
        index.files.reserve(bytes.len() / 110);
        for _ in 0..count {
            let path = std::str::from_utf8(reader.text()?).ok()?.to_owned();
            let sorted = index.folders.last().is_none_or(|last: &Folder| last.path < path);
            if !sorted || (path.is_empty() != index.folders.is_empty()) || (!path.is_empty() && check_relative(&path).is_err()) {
                return None;
            }
            let witness = match reader.take(1)? {
                [0] => None,
                [1] => Some(reader.witness()?),
                _ => return None,
            };
            let start = index.files.len();
            for _ in 0..reader.u32()? {
                let name = std::str::from_utf8(reader.text()?).ok()?.to_owned();
                let unsorted = index.files.len() > start && index.files[index.files.len() - 1].name >= name;
                if unsorted || name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
                    return None;
                }
                let flags = reader.take(1)?[0];
                let mode = match flags & 3 {
                    0 => FileMode::Regular,
                    1 => FileMode::Executable,
                    2 => FileMode::Symlink,
                    _ => return None,
                };
                let entry = Entry { id: reader.id()?, mode };
                let witness = if flags & 4 == 0 { None } else { Some(reader.witness()?) };
                index.files.push(Record { name, entry, witness });
            }
            index.folders.push(Folder { path, files: start..index.files.len(), witness });
        }
        (reader.0 == END).then_some(index)
    }

    /// Reads the state's index.
    pub(super) fn load(state: &Dir, name: &str) -> Result<Option<Self>> {
        Ok(state.read(name)?.and_then(|bytes| Self::decode(&bytes)))
    }

    /// Writes the state's index; not synced, for it can be made again.
    pub(super) fn store(&self, state: &Dir, name: &str) -> Result<()> {
        durable::replace_cache(state, name, &self.encode()?)
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text);
}

fn put_witness(bytes: &mut Vec<u8>, witness: &Witness) {
    bytes.extend_from_slice(&witness.size.to_le_bytes());
    bytes.extend_from_slice(&witness.mtime.to_le_bytes());
    bytes.extend_from_slice(&witness.ctime.to_le_bytes());
    bytes.extend_from_slice(&witness.inode.to_le_bytes());
    bytes.extend_from_slice(&witness.device.to_le_bytes());
    bytes.extend_from_slice(&witness.mode.to_le_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
    fn i64(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
    fn id(&mut self) -> Option<ObjectId> {
        Some(ObjectId::from_bytes(self.take(20)?.try_into().ok()?))
    }
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }
    fn witness(&mut self) -> Option<Witness> {
        Some(Witness {
            size: self.u64()?,
            mtime: self.i64()?,
            ctime: self.i64()?,
            inode: self.u64()?,
            device: self.u64()?,
            mode: self.u32()?,
            ..Witness::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Index {
        let entry = |byte| Entry { id: ObjectId::from_bytes([byte; 20]), mode: FileMode::Regular };
        let witness = Witness { size: 3, mtime: 5, ctime: 6, inode: 7, device: 8, mode: 0o100_644, ..Witness::default() };
        Index::new(
            4,
            ObjectId::EMPTY_TREE,
            Vec::new(),
            [
                ("a/b/x".to_owned(), entry(1), Some(witness)),
                ("a/b.c".to_owned(), entry(2), None),
                ("z".to_owned(), entry(3), None),
                ("a/c".to_owned(), entry(4), None),
            ],
        )
    }

    #[test]
    fn it_comes_back_as_it_went() {
        let index = sample();
        assert_eq!(index.folders.iter().map(|folder| folder.path.as_str()).collect::<Vec<_>>(), ["", "a", "a/b"]);
        assert_eq!(index.paths().iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a/b.c", "a/b/x", "a/c", "z"]);
        assert_eq!(index.find("a/b/x").map(|at| index.files[at].entry.id), Some(ObjectId::from_bytes([1; 20])));
        assert_eq!(index.find("a/none"), None);
        let mut index = index;
        index.folders[1].witness = Some(Witness { mtime: 9, ctime: 9, inode: 4, device: 8, mode: 0o040_755, ..Witness::default() });
        let bytes = index.encode().expect("encoded");
        assert_eq!(Index::decode(&bytes), Some(index));
        let nothing = Index::default().encode().expect("encoded");
        assert!(Index::decode(&nothing).is_some_and(|index| index.generation == 0 && index.files.is_empty()), "the record before the first run");
        for end in 0..bytes.len() {
            assert_eq!(Index::decode(&bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_harmless() {
        let bytes = sample().encode().expect("encoded");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                if let Some(index) = Index::decode(&damaged) {
                    assert!(index.folders.iter().all(|folder| folder.path.is_empty() || check_relative(&folder.path).is_ok()));
                    assert!(index.files.iter().all(|file| check_relative(&file.name).is_ok()));
                }
            }
        }
    }
}
