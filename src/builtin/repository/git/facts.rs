//! What the code at a commit says of itself, kept in the stock so that a second run reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, ElementInfo, ObjectId};
use crate::roles::Installer;
use crate::sys::fs;
use crate::sys::stockroom::Stockroom;

/// Grows when what is read from code, or how, changes.
const SCHEMA: u32 = 2;
const LIMIT: u64 = 64 << 20;

/// What the code at one commit says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fact {
    /// It states its version and whatever else.
    Info(Box<ElementInfo>),
    /// It says nothing of itself.
    Silent,
    /// It has no folder where the element should be.
    Absent,
    /// What it says cannot be used, and why.
    Faulty(String),
    /// It cannot be had, and why; `since` seconds of the epoch. Asked for again before long.
    Torn { why: String, since: u64 },
}

/// For how many seconds nobody asks again for what a repository could not give.
const TORN: u64 = 3600;

/// The facts of one element at one url, as read by one installer.
#[derive(Debug)]
pub(super) struct Facts {
    file: PathBuf,
    known: BTreeMap<String, Fact>,
    changed: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    schema: u32,
    facts: BTreeMap<String, Fact>,
}

impl Facts {
    /// What is kept; `patient`: also of what could not be had a while ago. A file that cannot be read is as good as none: it is a cache.
    pub(super) fn load(stockroom: &Stockroom, url: &str, subdir: Option<&str>, id: &ElementId, installer: &dyn Installer, patient: bool) -> Self {
        // The installer's options decide what it reads, and its debug form shows them.
        let key = format!("{url}\n{}\n{id}\n{installer:?}\n{}", subdir.unwrap_or_default(), env!("CARGO_PKG_VERSION"));
        let name = hex::encode(&Sha256::digest(key.as_bytes())[..16]);
        let file = stockroom.info().join("git").join(format!("{name}.json"));
        let stored = fs::read(&file, LIMIT).ok().flatten().and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
        let mut known = stored.filter(|stored| stored.schema == SCHEMA).map(|stored| stored.facts).unwrap_or_default();
        let now = seconds();
        known.retain(|_, fact| !matches!(fact, Fact::Torn { since, .. } if !patient || *since > now || now - *since >= TORN));
        Self { file, known, changed: false }
    }

    /// Notes that a repository could not give this one.
    pub(super) fn torn(&mut self, commit: ObjectId, reference: &str, why: String) {
        self.insert(commit, reference, Fact::Torn { why, since: seconds() });
    }

    pub(super) fn get(&self, commit: ObjectId, reference: &str) -> Option<&Fact> {
        self.known.get(&key(commit, reference))
    }

    pub(super) fn insert(&mut self, commit: ObjectId, reference: &str, fact: Fact) {
        self.known.insert(key(commit, reference), fact);
        self.changed = true;
    }

    /// Writes what is new, without commits that the remote no longer offers.
    pub(super) fn save(mut self, offered: &BTreeSet<ObjectId>) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.known.retain(|key, _| key.split(' ').next().and_then(|commit| commit.parse().ok()).is_some_and(|commit| offered.contains(&commit)));
        if let Some(folder) = self.file.parent() {
            fs::create_folder(folder)?;
        }
        let text = serde_json::to_vec(&Stored { schema: SCHEMA, facts: self.known })
            .map_err(|error| Error::new(ErrorKind::Internal, "could not write what was read from git").caused_by(error))?;
        fs::write_atomic(&self.file, &text)
    }
}

/// The name of the ref belongs to the key: an installer may read a version from it.
fn key(commit: ObjectId, reference: &str) -> String {
    format!("{commit} {reference}")
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
