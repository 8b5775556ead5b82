//! What the stock writes down of an entry, and under which name.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ElementInfo, ObjectId, Payload};
use crate::roles::{StockKey, StoredElement};
use crate::sys::stockroom::RecordName;

const SCHEMA: &str = "greffon/stock-entry/";
const VERSION: u32 = 1;

/// The origin of what was put in by hand.
pub(super) const BY_HAND: &str = "stock";

/// One entry of `info/entries/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    schema: String,
    pub(super) key: StockKey,
    pub(super) info: ElementInfo,
    pub(super) tree: ObjectId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<ObjectId>,
    /// The archive it came from, kept under this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) archive: Option<Digest>,
}

impl Record {
    pub(super) fn new(key: StockKey, info: ElementInfo, tree: ObjectId, commit: Option<ObjectId>, archive: Option<Digest>) -> Self {
        Self { schema: format!("{SCHEMA}{VERSION}"), key, info, tree, commit, archive }
    }

    pub(super) fn name(&self) -> RecordName {
        name(&self.key)
    }

    pub(super) fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::new(ErrorKind::Internal, "could not write down an entry of the stock").caused_by(error))
    }

    /// Reads a record; `None` when it is damaged or does not stand under its name.
    ///
    /// # Errors
    /// `Newer`.
    pub(super) fn read(text: &str, at: &RecordName) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let Ok(head) = serde_json::from_str::<Head>(text) else { return Ok(None) };
        match head.schema.strip_prefix(SCHEMA).and_then(|number| number.parse::<u32>().ok()) {
            Some(number) if number > VERSION => {
                return Err(Error::new(ErrorKind::Newer, "an entry of the stock was written by a newer greffon").hint("use that greffon, or another stock"));
            }
            Some(_) => {}
            None => return Ok(None),
        }
        Ok(serde_json::from_str::<Self>(text).ok().filter(|record| record.name() == *at))
    }

    pub(super) fn stored(&self) -> StoredElement {
        StoredElement { key: self.key.clone(), info: self.info.clone(), payload: Payload::Tree { tree: self.tree, commit: self.commit } }
    }

    /// In words, for reports.
    pub(super) fn shown(&self) -> String {
        let from = if self.key.origin == BY_HAND { String::from("put in by hand") } else { crate::sys::redact(&self.key.origin) };
        format!("{} {} ({from})", self.key.id, self.key.version)
    }
}

/// How the folders of what was put in by hand begin: those are found among all others without a look into them.
pub(super) const HAND: &str = "hand-";

/// The folder of all entries that differ in their digest alone.
pub(super) fn group(key: &StockKey) -> String {
    let mark = if key.origin == BY_HAND { HAND } else { "" };
    format!("{mark}{}", hash(&[&key.origin, key.id.kind(), key.id.name(), key.version.as_str()]))
}

pub(super) fn name(key: &StockKey) -> RecordName {
    RecordName { group: group(key), name: hash(&[&key.digest]) }
}

/// Each part with its length, so that no two lists of parts run together.
fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..20])
}
