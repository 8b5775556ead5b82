//! `info/entries/` and `archives/`: what the stock knows of its entries, and the archives they came from. Names are hashes, so
//! nothing that somebody else chose ever becomes a path.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::model::Digest;
use crate::roles::Context;
use crate::sys::fs::{digest, move_into_place, names, read_text, write_atomic};

use super::Stockroom;

/// No record is larger than this.
const RECORD: u64 = 16 << 20;

/// Where a record is: a group and a name in it. Both are hex digits; a mark may stand before those of the group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName {
    /// The folder.
    pub group: String,
    /// The file in it.
    pub name: String,
}

impl Stockroom {
    fn records(&self) -> PathBuf {
        self.info().join("entries")
    }

    fn record_path(&self, record: &RecordName) -> PathBuf {
        self.records().join(&record.group).join(format!("{}.json", record.name))
    }

    /// A record's text; `None` when there is none.
    ///
    /// # Errors
    /// `Io`.
    pub fn record(&self, record: &RecordName) -> Result<Option<String>> {
        read_text(&self.record_path(record), RECORD)
    }

    /// The records of a group, the one written last first.
    ///
    /// # Errors
    /// `Io`.
    pub fn records_of(&self, group: &str) -> Result<Vec<RecordName>> {
        let mut found: Vec<(SystemTime, RecordName)> = Vec::new();
        for (name, modified) in listed(&self.records().join(group))? {
            if let Some(name) = name.strip_suffix(".json") {
                found.push((modified, RecordName { group: group.to_owned(), name: name.to_owned() }));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    /// The records whose groups begin so. Where there are none, only one folder is listed.
    ///
    /// # Errors
    /// `Io`.
    pub fn records_under(&self, prefix: &str) -> Result<Vec<RecordName>> {
        let mut found = Vec::new();
        for group in names(&self.records())?.unwrap_or_default().into_iter().filter(|group| group.starts_with(prefix)) {
            for name in names(&self.records().join(&group))?.unwrap_or_default() {
                if let Some(name) = name.strip_suffix(".json") {
                    found.push(RecordName { group: group.clone(), name: name.to_owned() });
                }
            }
        }
        Ok(found)
    }

    /// Every record, and when it was used last.
    ///
    /// # Errors
    /// `Io`.
    pub fn all_records(&self) -> Result<Vec<(RecordName, SystemTime)>> {
        let mut found = Vec::new();
        for (group, _) in listed(&self.records())? {
            for (name, modified) in listed(&self.records().join(&group))? {
                if let Some(name) = name.strip_suffix(".json") {
                    found.push((RecordName { group: group.clone(), name: name.to_owned() }, modified));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Writes a record, durably and whole.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_record(&self, record: &RecordName, text: &str) -> Result<()> {
        let path = self.record_path(record);
        if let Some(folder) = path.parent() {
            for folder in [self.records().as_path(), folder] {
                super::room::make_folder(folder, self.is_shared())?;
            }
        }
        write_atomic(&path, text.as_bytes())
    }

    /// Notes that a record was used now.
    pub fn touch_record(&self, record: &RecordName) {
        // Only the order in which unused entries go hangs on it.
        if let Ok(file) = fs_err::File::open(self.record_path(record)) {
            let _ = file.file().set_modified(SystemTime::now());
        }
    }

    /// Removes a record; one that is not there is no error.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_record(&self, record: &RecordName) -> Result<()> {
        remove(&self.record_path(record))
    }

    /// Takes a damaged record out of use and keeps it for people to look at.
    ///
    /// # Errors
    /// `Io`.
    pub fn put_record_aside(&self, record: &RecordName) -> Result<()> {
        self.put_aside(&self.record_path(record), &format!("entry-{}-{}.json", record.group, record.name))
    }

    /// Moves a file or folder of the stock to `quarantine/`.
    ///
    /// # Errors
    /// `Io`.
    pub fn put_aside(&self, path: &Path, name: &str) -> Result<()> {
        let place = self.quarantine().join(name);
        if place.is_dir() {
            crate::sys::fs::remove_tree(&place)?;
        }
        match fs_err::rename(path, &place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("put aside", path, error)),
            _ => Ok(()),
        }
    }

    fn archive_path(&self, digest: Digest) -> PathBuf {
        self.archives().join(digest.hex())
    }

    /// Takes a copy of an archive, hashed as it is kept; it has no place yet.
    ///
    /// # Errors
    /// `Io`; `Interrupted`.
    pub fn take_archive(&self, cx: &Context, from: &Path) -> Result<TakenArchive> {
        let folder = super::room::scratch(&self.root().join("tmp"))?;
        let path = folder.path().join(from.file_name().unwrap_or(std::ffi::OsStr::new("archive")));
        reflink_copy::reflink_or_copy(from, &path).map_err(|error| Error::io("copy into the stock the archive", from, error))?;
        let (digest, size) = digest(cx, &path)?;
        Ok(TakenArchive { _folder: folder, path, digest, size })
    }

    /// Puts a taken archive in place, durably. One that is there stays, unless it is damaged.
    ///
    /// # Errors
    /// `Io`; `Interrupted`.
    pub fn keep_archive(&self, cx: &Context, archive: &TakenArchive) -> Result<()> {
        let place = self.archive_path(archive.digest);
        if fs_err::symlink_metadata(&place).is_ok_and(|metadata| metadata.len() == archive.size) && self.verify_archive(cx, archive.digest)? {
            return Ok(());
        }
        let fault = |error| Error::io("keep", &archive.path, error);
        let file = fs_err::File::open(&archive.path).map_err(fault)?;
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o444)).map_err(fault)?;
        }
        file.sync_all().map_err(fault)?;
        move_into_place(&archive.path, &place)
    }

    /// Every archive, and its length. Other names are passed over.
    ///
    /// # Errors
    /// `Io`.
    pub fn all_archives(&self) -> Result<Vec<(Digest, u64)>> {
        let mut found = Vec::new();
        for (name, _) in listed(&self.archives())? {
            if let Ok(digest) = name.parse::<Digest>() {
                let path = self.archive_path(digest);
                found.push((digest, fs_err::symlink_metadata(&path).map_err(|error| Error::io("look at", &path, error))?.len()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Hashes an archive; one that is not what its name says goes to `quarantine/`. `false`: it did.
    ///
    /// # Errors
    /// `Io`; `Interrupted`.
    pub fn verify_archive(&self, cx: &Context, archive: Digest) -> Result<bool> {
        let path = self.archive_path(archive);
        let good = digest(cx, &path)?.0 == archive;
        if !good {
            self.put_aside(&path, &format!("archive-{}", archive.hex()))?;
        }
        Ok(good)
    }

    /// Removes an archive; one that is not there is no error.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_archive(&self, archive: Digest) -> Result<()> {
        remove(&self.archive_path(archive))
    }
}

/// An archive that was copied and hashed, and is gone again unless it is kept.
#[derive(Debug)]
pub struct TakenArchive {
    _folder: tempfile::TempDir,
    /// Where it lies for now, under the name that it came with.
    pub path: PathBuf,
    /// What it hashes to.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
}

fn remove(path: &Path) -> Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Names and times in a folder; none where it is missing.
fn listed(folder: &Path) -> Result<Vec<(String, SystemTime)>> {
    let listing = match fs_err::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", folder, error)),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|error| Error::io("list", folder, error))?;
        let Ok(metadata) = entry.metadata() else { continue };
        if let Some(name) = entry.file_name().to_str() {
            found.push((name.to_owned(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
        }
    }
    Ok(found)
}
