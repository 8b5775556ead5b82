//! The file that a stock goes in from one machine to another: which members it has, and in which order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ObjectId};

const SCHEMA: &str = "greffon/exported-stock/";
const VERSION: u32 = 1;

/// The first member: what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) schema: String,
    /// How many members of each sort follow.
    pub(super) members: BTreeMap<String, usize>,
    /// How many bytes the files, trees and archives have together; `None`: it was written before that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    /// What was put in by hand, by lock key: its digest in the stock.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) by_hand: BTreeMap<String, String>,
    /// What lies at paths beside the manifest, by lock key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) paths: BTreeMap<String, AtPath>,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AtPath {
    /// A folder.
    Folder(ObjectId),
    /// A file.
    File(Digest),
}

/// The sorts of members, in the order they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Head,
    Lock,
    Commit,
    Proof,
    Tree,
    Blob,
    Archive,
}

impl Sort {
    /// Those that there are several of.
    pub(super) const MANY: [Self; 5] = [Self::Commit, Self::Proof, Self::Tree, Self::Blob, Self::Archive];

    /// The folder of its members, or the name of the only one.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Head => "greffon-stock.json",
            Self::Lock => "greffon.lock",
            Self::Commit => "commits",
            Self::Proof => "proofs",
            Self::Tree => "trees",
            Self::Blob => "blobs",
            Self::Archive => "archives",
        }
    }

    /// A member's sort, and what stands behind the slash.
    pub(super) fn of(name: &str) -> Option<(Self, &str)> {
        match name.split_once('/') {
            Some((folder, id)) => Self::MANY.into_iter().find(|sort| sort.word() == folder).map(|sort| (sort, id)),
            None => [Self::Head, Self::Lock].into_iter().find(|sort| sort.word() == name).map(|sort| (sort, "")),
        }
    }
}

impl Head {
    pub(super) fn new() -> Self {
        Self { schema: format!("{SCHEMA}{VERSION}"), ..Self::default() }
    }

    pub(super) fn text(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|error| Error::new(ErrorKind::Internal, "could not describe the stock").caused_by(error))
    }

    /// # Errors
    /// `Newer`; `Archive` for what describes no stock.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Label {
            schema: String,
        }
        let none = || Error::new(ErrorKind::Archive, "it is not a stock that `greffon stock export` wrote");
        let label: Label = serde_json::from_slice(bytes).map_err(|error| none().caused_by(error))?;
        match label.schema.strip_prefix(SCHEMA).and_then(|number| number.parse::<u32>().ok()) {
            Some(VERSION) => serde_json::from_slice(bytes).map_err(|error| none().caused_by(error)),
            Some(number) if number > VERSION => Err(Error::new(ErrorKind::Newer, "it was written by a newer greffon").hint("use that greffon here too")),
            _ => Err(none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_known_by_their_names_alone() {
        assert_eq!(Sort::of("greffon.lock"), Some((Sort::Lock, "")));
        assert_eq!(Sort::of("blobs/12"), Some((Sort::Blob, "12")));
        for name in ["", "blobs", "../greffon.lock", "/greffon.lock", "greffon.lock/x", "blob/12", "greffon-stock.json/"] {
            assert_eq!(Sort::of(name), None, "{name}");
        }
        assert_eq!(Sort::of("blobs/../x"), Some((Sort::Blob, "../x")), "which is no id");
    }

    #[test]
    fn a_head_of_another_version_is_told() {
        let head = Head::new();
        assert_eq!(Head::read(&head.text().expect("written")).expect("read"), head);
        let newer = br#"{"schema":"greffon/exported-stock/2","whatever":1}"#;
        assert_eq!(Head::read(newer).expect_err("newer").kind(), ErrorKind::Newer);
        for text in ["", "[]", r#"{"schema":"greffon/stock/1"}"#, r#"{"schema":"greffon/exported-stock/0"}"#, r#"{"schema":"greffon/exported-stock/1","x":1}"#]
        {
            assert_eq!(Head::read(text.as_bytes()).expect_err("none").kind(), ErrorKind::Archive, "{text}");
        }
    }
}
