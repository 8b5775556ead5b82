//! One pack for one import: everything of it appears at once, by the rename of its index, or nothing does.
//!
//! Objects are written whole (no deltas) in the order they come; `greffon stock gc` packs tighter. The formats are those of
//! git's `gitformat-pack` documentation: pack version 2, index version 2.

use std::collections::HashSet;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use flate2::{Compression, Crc, write::ZlibEncoder};
use sha1::{Digest as _, Sha1};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::sys::fs::{move_into_place, sync_directory};

use super::objects::{NewEntry, Objects};
use super::tree;

/// Where an import's objects go.
pub trait Sink {
    /// Takes a blob.
    ///
    /// # Errors
    /// `Io`.
    fn blob(&mut self, bytes: &[u8]) -> Result<ObjectId>;
    /// Takes a blob of exactly `size` bytes.
    ///
    /// # Errors
    /// `Io`, also when the stream is longer or shorter.
    fn blob_from(&mut self, reader: &mut dyn Read, size: u64) -> Result<ObjectId>;
    /// Takes a tree.
    ///
    /// # Errors
    /// `Io`; `Invalid` for a name that git refuses.
    fn tree(&mut self, entries: Vec<NewEntry>) -> Result<ObjectId>;
}

/// Only says what the ids would be.
#[derive(Debug, Default)]
pub struct Hasher;

impl Sink for Hasher {
    fn blob(&mut self, bytes: &[u8]) -> Result<ObjectId> {
        Ok(hash_object("blob", bytes))
    }
    fn blob_from(&mut self, reader: &mut dyn Read, size: u64) -> Result<ObjectId> {
        let mut hash = start_hash("blob", size);
        pump(reader, size, |bytes| {
            hash.update(bytes);
            Ok(())
        })?;
        Ok(finish_hash(hash))
    }
    fn tree(&mut self, entries: Vec<NewEntry>) -> Result<ObjectId> {
        Ok(hash_object("tree", &tree::serialise(entries)?))
    }
}

/// A pack being written.
#[derive(Debug)]
pub struct PackWriter {
    folder: PathBuf,
    file: Counted,
    known: HashSet<ObjectId>,
    index: Vec<(ObjectId, u32, u64)>,
}

/// Counts bytes and keeps the checksum of the entry under way.
#[derive(Debug)]
struct Counted {
    file: BufWriter<tempfile::NamedTempFile>,
    position: u64,
    crc: Crc,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.crc.update(&bytes[..count]);
        self.position += count as u64;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Counted {
    fn rewind_to(&mut self, offset: u64) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.as_file().set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        self.position = offset;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tree = 2,
    Blob = 3,
}

impl Objects {
    /// Begins a pack; nothing of it is seen before [`PackWriter::finish`].
    ///
    /// # Errors
    /// `Io`.
    pub fn pack_writer(&self) -> Result<PackWriter> {
        let folder = self.directory().join("objects/pack");
        // git's own name for it: `git gc` and `git prune` tidy up what a killed process leaves.
        let file = tempfile::Builder::new().prefix("tmp_pack_").tempfile_in(&folder).map_err(|error| Error::io("write into", &folder, error))?;
        let mut file = Counted { file: BufWriter::with_capacity(256 * 1024, file), position: 0, crc: Crc::new() };
        file.write_all(b"PACK\0\0\0\x02\0\0\0\0").map_err(|error| Error::io("write into", &folder, error))?;
        Ok(PackWriter { folder, file, known: HashSet::new(), index: Vec::new() })
    }
}

impl Sink for PackWriter {
    fn blob(&mut self, bytes: &[u8]) -> Result<ObjectId> {
        self.whole(Kind::Blob, "blob", bytes)
    }

    fn blob_from(&mut self, reader: &mut dyn Read, size: u64) -> Result<ObjectId> {
        let mut hash = start_hash("blob", size);
        let offset = self.begin(Kind::Blob, size)?;
        let mut encoder = ZlibEncoder::new(&mut self.file, Compression::fast());
        pump(reader, size, |bytes| {
            hash.update(bytes);
            encoder.write_all(bytes)
        })?;
        encoder.finish().map_err(|error| Error::io("write into", &self.folder, error))?;
        let id = finish_hash(hash);
        // Its id is known only now. A pack must hold an object once, so a second one is taken back.
        if self.known.insert(id) {
            self.index.push((id, self.file.crc.sum(), offset));
        } else {
            self.file.rewind_to(offset).map_err(|error| Error::io("write into", &self.folder, error))?;
        }
        Ok(id)
    }

    fn tree(&mut self, entries: Vec<NewEntry>) -> Result<ObjectId> {
        if entries.is_empty() {
            return Ok(ObjectId::EMPTY_TREE);
        }
        self.whole(Kind::Tree, "tree", &tree::serialise(entries)?)
    }
}

impl PackWriter {
    /// Takes an object as it is; anything but a tree or a blob is passed over, since the stock writes nothing else.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn object(&mut self, kind: git2::ObjectType, bytes: &[u8]) -> Result<()> {
        match kind {
            git2::ObjectType::Blob => self.whole(Kind::Blob, "blob", bytes).map(|_| ()),
            git2::ObjectType::Tree => self.whole(Kind::Tree, "tree", bytes).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn whole(&mut self, kind: Kind, word: &str, bytes: &[u8]) -> Result<ObjectId> {
        let id = hash_object(word, bytes);
        if !self.known.insert(id) {
            return Ok(id);
        }
        let offset = self.begin(kind, bytes.len() as u64)?;
        let mut encoder = ZlibEncoder::new(&mut self.file, Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.finish().map(|_| ())).map_err(|error| Error::io("write into", &self.folder, error))?;
        self.index.push((id, self.file.crc.sum(), offset));
        Ok(id)
    }

    /// Writes an entry's head: its kind and length, seven bits a byte after the first four.
    fn begin(&mut self, kind: Kind, size: u64) -> Result<u64> {
        let offset = self.file.position;
        self.file.crc = Crc::new();
        let mut head = [0_u8; 10];
        head[0] = (kind as u8) << 4 | (size & 15) as u8;
        let (mut rest, mut length) = (size >> 4, 1);
        while rest > 0 {
            head[length - 1] |= 0x80;
            head[length] = (rest & 0x7f) as u8;
            rest >>= 7;
            length += 1;
        }
        self.file.write_all(&head[..length]).map_err(|error| Error::io("write into", &self.folder, error))?;
        Ok(offset)
    }

    /// Makes the pack durable and puts it in place. One whose objects are exactly those of a pack that is there is dropped.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<()> {
        let Self { folder, file, mut index, .. } = self;
        if index.is_empty() {
            return Ok(());
        }
        let fault = |error| Error::io("write a pack into", &folder, error);
        let objects =
            u32::try_from(index.len()).map_err(|error| Error::new(ErrorKind::Unsupported, "an import of more objects than a pack holds").caused_by(error))?;
        let mut pack = file.file.into_inner().map_err(|error| fault(error.into_error()))?;
        let mut close = || -> io::Result<[u8; 20]> {
            pack.seek(SeekFrom::Start(8))?;
            pack.write_all(&objects.to_be_bytes())?;
            pack.seek(SeekFrom::Start(0))?;
            let mut hash = Sha1::new();
            io::copy(&mut BufReader::with_capacity(256 * 1024, pack.as_file_mut()), &mut hash)?;
            let sum: [u8; 20] = hash.finalize().into();
            pack.seek(SeekFrom::End(0))?;
            pack.write_all(&sum)?;
            pack.as_file().sync_all()?;
            Ok(sum)
        };
        let pack_sum = close().map_err(fault)?;
        index.sort_unstable();
        let mut name = Sha1::new();
        for (id, ..) in &index {
            name.update(id.as_bytes());
        }
        let stem = folder.join(format!("pack-{}", hex::encode(name.finalize())));
        if stem.with_extension("idx").exists() {
            return Ok(());
        }
        let bytes = index_bytes(&index, &pack_sum);
        let mut index_file = tempfile::Builder::new().prefix("tmp_idx_").tempfile_in(&folder).map_err(fault)?;
        index_file.write_all(&bytes).and_then(|()| index_file.as_file().sync_all()).map_err(fault)?;
        for (file, extension) in [(pack, "pack"), (index_file, "idx")] {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o444)).map_err(fault)?;
            let path = file.into_temp_path();
            let place = stem.with_extension(extension);
            move_into_place(&path, &place)?;
            // The temporary name is gone already; forgetting it keeps its guard from looking for it.
            let _ = path.keep();
        }
        sync_directory(&folder)
    }
}

fn index_bytes(index: &[(ObjectId, u32, u64)], pack_sum: &[u8; 20]) -> Vec<u8> {
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255_u8 {
        let below = index.partition_point(|(id, ..)| id.as_bytes()[0] <= first);
        bytes.extend_from_slice(&(below as u32).to_be_bytes());
    }
    for (id, ..) in index {
        bytes.extend_from_slice(id.as_bytes());
    }
    for (_, crc, _) in index {
        bytes.extend_from_slice(&crc.to_be_bytes());
    }
    let mut large: Vec<u64> = Vec::new();
    for (_, _, offset) in index {
        let word = u32::try_from(*offset).ok().filter(|offset| *offset < 0x8000_0000).unwrap_or_else(|| {
            large.push(*offset);
            0x8000_0000 | (large.len() - 1) as u32
        });
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    for offset in large {
        bytes.extend_from_slice(&offset.to_be_bytes());
    }
    bytes.extend_from_slice(pack_sum);
    let sum = Sha1::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// Moves exactly `size` bytes.
fn pump(reader: &mut dyn Read, size: u64, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
    let mut buffer = vec![0; 128 * 1024];
    let mut left = size;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) if left == 0 => return Ok(()),
            Ok(0) => return Err(Error::new(ErrorKind::Io, "a file shrank while it was read")),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::new(ErrorKind::Io, "could not read a file on its way into the stock").caused_by(error)),
        };
        left = left.checked_sub(count as u64).ok_or_else(|| Error::new(ErrorKind::Io, "a file grew while it was read"))?;
        take(&buffer[..count]).map_err(|error| Error::new(ErrorKind::Io, "could not write into the stock").caused_by(error))?;
    }
}

fn start_hash(word: &str, size: u64) -> Sha1 {
    let mut hash = Sha1::new();
    hash.update(format!("{word} {size}\0").as_bytes());
    hash
}

fn finish_hash(hash: Sha1) -> ObjectId {
    ObjectId::from_bytes(hash.finalize().into())
}

/// The id that git gives an object.
pub(crate) fn hash_object(word: &str, bytes: &[u8]) -> ObjectId {
    let mut hash = start_hash(word, bytes.len() as u64);
    hash.update(bytes);
    finish_hash(hash)
}
