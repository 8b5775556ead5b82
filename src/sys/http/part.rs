//! The unfinished file of a download, `NAME.part`, and what it is a part of, `NAME.part.json`.

use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err::{File, OpenOptions};
use reqwest::header::{ETAG, LAST_MODIFIED};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ask::Answered;
use super::download::{append_to, hash_of};
use super::retry::sleep;
use crate::error::{Error, Result};
use crate::roles::Context;

/// What a server names a state of a file by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Validator {
    Etag(String),
    LastModified(String),
}

impl Validator {
    /// A strong ETag, else the date; a weak ETag may stand for different bytes and serves nothing here (RFC 9110, 13.1.5).
    pub(super) fn of(answer: &Answered) -> Option<Self> {
        let etag = answer.header(&ETAG).filter(|etag| etag.starts_with('"'));
        etag.map(Self::Etag).or_else(|| answer.header(&LAST_MODIFIED).map(Self::LastModified))
    }
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Etag(text) | Self::LastModified(text) => text,
        }
    }
}

/// What lies beside an unfinished file. The url stands here as a hash: it may hold a token.
#[derive(Serialize, Deserialize)]
struct Origin {
    url: String,
    validator: Validator,
}

/// An unfinished file, held by a lock as long as this lives.
pub(super) struct Part {
    path: PathBuf,
    beside: PathBuf,
    file: File,
    length: u64,
    validator: Option<Validator>,
    url: String,
}

impl Part {
    /// Opens what an earlier call left, or a new one. Waits for another process that writes it.
    pub(super) fn open(cx: &Context, to: &Path, url: &str) -> Result<Self> {
        let mut path = to.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut beside = path.clone().into_os_string();
        beside.push(".json");
        let beside = PathBuf::from(beside);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, error))?;
        }
        let file = lock(cx, &path)?;
        let length = file.metadata().map_err(|error| Error::io("look at", &path, error))?.len();
        let url = hex::encode(Sha256::digest(url.as_bytes()));
        let origin = fs_err::read(&beside).ok().and_then(|bytes| serde_json::from_slice::<Origin>(&bytes).ok());
        let validator = origin.filter(|origin| origin.url == url).map(|origin| origin.validator);
        let mut part = Self { path, beside, file, length, validator, url };
        if part.validator.is_none() {
            part.restart()?;
        }
        Ok(part)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }
    pub(super) fn validator(&self) -> Option<&Validator> {
        self.validator.as_ref()
    }

    /// Forgets everything received so far.
    pub(super) fn restart(&mut self) -> Result<()> {
        let _ = fs_err::remove_file(&self.beside);
        self.file.set_len(0).map_err(|error| Error::io("shorten", &self.path, error))?;
        self.length = 0;
        self.validator = None;
        Ok(())
    }

    /// Writes down what is about to be received, before its first byte.
    pub(super) fn remember(&mut self, validator: Option<Validator>) -> Result<()> {
        if validator.is_none() || validator == self.validator {
            return Ok(());
        }
        self.validator = validator;
        if let Some(validator) = self.validator.clone() {
            let origin = Origin { url: self.url.clone(), validator };
            let bytes = serde_json::to_vec(&origin).unwrap_or_default();
            fs_err::write(&self.beside, bytes).map_err(|error| Error::io("write", &self.beside, error))?;
        }
        Ok(())
    }

    /// The hash of what is there, and the file ready for more.
    pub(super) fn hashed(&mut self) -> Result<Sha256> {
        let hasher = hash_of(&mut self.file, &self.path, self.length)?;
        self.file.seek(SeekFrom::Start(self.length)).map_err(|error| Error::io("write", &self.path, error))?;
        Ok(hasher)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        append_to(&mut self.file, &self.path, bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives the finished file its name, durably.
    pub(super) fn finish(self, to: &Path) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::io("write", &self.path, error))?;
        fs_err::rename(&self.path, to).map_err(|error| Error::io("finish the download", to, error))?;
        let _ = fs_err::remove_file(&self.beside);
        Ok(())
    }
}

/// Opens and locks the file that has this name when the lock is had: a finished download takes its file away under another name.
fn lock(cx: &Context, path: &Path) -> Result<File> {
    use std::os::unix::fs::MetadataExt as _;
    let failed = |error| Error::io("write", path, error);
    loop {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                sleep(cx, Duration::from_millis(50))?;
                continue;
            }
            Err(error) => return Err(failed(error.into())),
        }
        let own = file.metadata().map_err(failed)?.ino();
        if fs_err::metadata(path).is_ok_and(|named| named.ino() == own) {
            return Ok(file);
        }
    }
}
