//! What is known of unpacked files that have names in sites, too: at which witness their bytes were last those of their id.
//!
//! `link()` and `unlink()` change what the file system says of an inode, so that each site made by hard links would have all others
//! read every file once more. Who links or unlinks notes what is said afterwards, and whoever finds exactly that need not read.
//! It is a cache: without it, or where anything else is said of a file, it is read.

use std::collections::HashMap;
use std::sync::PoisonError;

use rustix::fs::AtFlags;
use sha2::{Digest as _, Sha256};

use super::BlobFiles;
use super::files::Name;
use crate::error::{Error, Result};
use crate::model::{Entry, FileMode, ObjectId};
use crate::roles::Context;
use crate::sys::fs::witness::{Witness, now};
use crate::sys::fs::{FileLock, write_atomic};

const MAGIC: &[u8; 8] = b"GRFLINK1";
/// An id, whether it is executable, and six numbers.
const LINE: usize = 20 + 1 + 6 * 8;
const SUM: usize = 32;
/// No book is larger than this; a larger one is begun anew.
const LARGEST: u64 = 256 << 20;

type Key = (ObjectId, bool);

/// The notes, as far as they were looked at.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// `None`: not read yet.
    kept: Option<HashMap<Key, Witness>>,
    /// What this process found out.
    fresh: HashMap<Key, Witness>,
    /// Unpacked by this process, and not looked at since.
    unpacked: Vec<Entry>,
}

impl Book {
    pub(super) fn unpacked(&mut self, entries: &[Entry]) {
        self.unpacked.extend_from_slice(entries);
    }
}

fn key(entry: &Entry) -> Key {
    (entry.id, entry.mode == FileMode::Executable)
}

impl BlobFiles {
    /// Whether a file of which the file system says this has the bytes of an entry.
    #[must_use]
    pub fn is_known(&self, entry: &Entry, found: &Witness) -> bool {
        let mut book = self.inner.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = book.fresh.get(&key(entry)) {
            return found.unchanged_since(known);
        }
        let kept = book.kept.get_or_insert_with(|| self.read_book());
        kept.get(&key(entry)).is_some_and(|known| found.unchanged_since(known))
    }

    /// Notes that these have the bytes of their entries.
    pub fn know(&self, found: impl IntoIterator<Item = (Entry, Witness)>) {
        let mut book = self.inner.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.fresh.extend(found.into_iter().map(|(entry, witness)| (key(&entry), witness)));
    }

    /// Keeps what was noted, for other processes. A stock that may only be read keeps nothing.
    ///
    /// # Errors
    /// `Interrupted`.
    pub fn keep_notes(&self, cx: &Context) -> Result<()> {
        let unpacked = std::mem::take(&mut self.inner.book.lock().unwrap_or_else(PoisonError::into_inner).unpacked);
        let moment = now();
        let seen = unpacked.into_iter().filter_map(|entry| Some((entry, self.witness(&entry).ok().flatten()?)));
        let settled: Vec<_> = seen.filter(|(_, witness)| witness.settled_before(moment)).collect();
        let mut book = self.inner.book.lock().unwrap_or_else(PoisonError::into_inner);
        for (entry, witness) in settled {
            book.fresh.entry(key(&entry)).or_insert(witness);
        }
        if book.fresh.is_empty() {
            return Ok(());
        }
        let path = &self.inner.notes;
        // One after the other, so that none writes over what another found out.
        let _alone = match FileLock::exclusive(cx, path.parent().unwrap_or(path), "the stock's notes of links") {
            Err(error) if error.kind() == crate::error::ErrorKind::Interrupted => return Err(error),
            held => held.ok(),
        };
        let mut all = self.read_book();
        let few = 1024 + 2 * book.fresh.len();
        all.extend(book.fresh.drain());
        // Those that were tidied away since are not carried on for ever; where most of it is new nobody needs to look.
        if all.len() > few {
            all.retain(|(id, executable), _| {
                let mode = if *executable { FileMode::Executable } else { FileMode::Regular };
                !matches!(self.witness(&Entry { id: *id, mode }), Ok(None))
            });
        }
        let _ = write_atomic(path, &encode(&all));
        book.kept = Some(all);
        Ok(())
    }

    /// What the file system says of an entry's unpacked file; `None` where there is none.
    ///
    /// # Errors
    /// `Io`.
    pub fn witness(&self, entry: &Entry) -> Result<Option<Witness>> {
        match rustix::fs::statat(&self.inner.handle, Name::of(entry).bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(Witness::from(&found))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("look for", &self.path(entry), error.into())),
        }
    }

    fn read_book(&self) -> HashMap<Key, Witness> {
        crate::sys::fs::read(&self.inner.notes, LARGEST).ok().flatten().and_then(|bytes| decode(&bytes)).unwrap_or_default()
    }
}

fn encode(book: &HashMap<Key, Witness>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MAGIC.len() + book.len() * LINE + SUM);
    bytes.extend_from_slice(MAGIC);
    for ((id, executable), witness) in book {
        bytes.extend_from_slice(id.as_bytes());
        bytes.push(u8::from(*executable));
        for number in [witness.size, witness.inode, witness.device, u64::from(witness.mode)] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for time in [witness.mtime, witness.ctime] {
            bytes.extend_from_slice(&time.to_le_bytes());
        }
    }
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// `None`: it is damaged, or somebody else's.
fn decode(bytes: &[u8]) -> Option<HashMap<Key, Witness>> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if Sha256::digest(body)[..] != *sum {
        return None;
    }
    let lines = body.strip_prefix(MAGIC)?.chunks_exact(LINE);
    if !lines.remainder().is_empty() {
        return None;
    }
    let mut book = HashMap::with_capacity(lines.len());
    for line in lines {
        let number = |at: usize| Some(u64::from_le_bytes(line.get(21 + at * 8..29 + at * 8)?.try_into().ok()?));
        let witness = Witness {
            size: number(0)?,
            inode: number(1)?,
            device: number(2)?,
            mode: u32::try_from(number(3)?).ok()?,
            mtime: number(4)?.cast_signed(),
            ctime: number(5)?.cast_signed(),
            ..Witness::default()
        };
        book.insert((ObjectId::from_bytes(line.get(..20)?.try_into().ok()?), line[20] != 0), witness);
    }
    Some(book)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_comes_back_as_it_went_and_a_damaged_one_says_nothing() {
        let witness = |ctime| Witness { size: 3, mtime: -5, ctime, inode: 7, device: 8, mode: 0o100_444, ..Witness::default() };
        let book: HashMap<Key, Witness> = (0..5_u8).map(|byte| ((ObjectId::from_bytes([byte; 20]), byte % 2 == 0), witness(i64::from(byte)))).collect();
        let bytes = encode(&book);
        assert_eq!(decode(&bytes), Some(book));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert_eq!(decode(&damaged), None, "at {at}");
            assert_eq!(decode(&bytes[..at]), None, "cut at {at}");
        }
    }
}
