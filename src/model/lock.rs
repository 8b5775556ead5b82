//! The lockfile's content: which version of which element, from where, with which bytes. It grants nothing.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Digest, ElementId, ObjectId, Requirement, Version};

/// Every site's resolution.
///
/// An element that is locked at one version only is used so by every site that needs it. Where several versions are locked,
/// `shared` says which one serves by default and `sites` says who differs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// One resolution an entry, sorted by key.
    pub elements: BTreeMap<LockKey, LockedElement>,
    /// For elements with several entries: the default one.
    pub shared: BTreeMap<ElementId, Pin>,
    /// By site: the entries that differ from the default.
    pub sites: BTreeMap<String, BTreeMap<ElementId, Pin>>,
    /// Extension name → hash.
    pub extensions: BTreeMap<String, String>,
}

/// Which of an element's locked entries is meant: its version, and a discriminator where two sites use different bytes
/// under one version text (`4.5.6!a1b2c3d`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin {
    /// The version as its author wrote it.
    pub version: Version,
    /// Seven hex digits of the commit or the digest; empty where the version is enough.
    pub discriminator: String,
}

/// `type/name@version`, the key of a line of the lockfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockKey {
    /// Which element.
    pub id: ElementId,
    /// Which of its entries.
    pub pin: Pin,
}

/// Where the bytes of a locked version come from and what they must be. No secret and no short-lived url is part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedElement {
    /// The configured repository that answered for it; `None` for a source of the element's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// The ref that led to the commit, so that a server that gives no commits by id can be asked for it.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<ObjectId>,
    /// The folder inside the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// Whether gitlinks are fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub submodules: bool,
    /// The archive's url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A local path, as the manifest wrote it (relative to the manifest where it was so).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The digest of the archive's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Its MD5, where its repository states nothing better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// The git tree of the element's content. For git sources known at once; for archives from the first fetch on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<ObjectId>,
    /// The version scheme it was read by, where it is not the default of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// What it needs.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub dependencies: IndexMap<ElementId, Requirement>,
    /// What it excludes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub conflicts: IndexMap<ElementId, Requirement>,
    /// Its optional groups.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub optional: IndexMap<String, IndexMap<ElementId, Requirement>>,
    /// Why it was withdrawn, as known when it was locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// The dialogue that leads to the bytes: `extension:NAME`, `script:PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialogue: Option<String>,
    /// What a dialogue left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

impl LockedElement {
    /// Whether it is whatever lies at a path of this machine when it is looked at: a folder, or an archive that no repository
    /// answers for. An archive whose digest is locked is not.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.path.is_some() && self.sha256.is_none()
    }
}

impl Lock {
    /// The entry that serves `id` at `site`, with its pin; `None` when the element is not locked.
    #[must_use]
    pub fn entry(&self, site: &str, id: &ElementId) -> Option<(&Pin, &LockedElement)> {
        let own = self.sites.get(site).and_then(|pins| pins.get(id)).or_else(|| self.shared.get(id));
        if let Some(pin) = own {
            return self.elements.get_key_value(&LockKey { id: id.clone(), pin: pin.clone() }).map(|(key, element)| (&key.pin, element));
        }
        self.elements.range(Self::first_key(id)..).take_while(|(key, _)| key.id == *id).last().map(|(key, element)| (&key.pin, element))
    }

    /// Every entry of `id`, by version text.
    pub fn entries<'a, 'b>(&'a self, id: &'b ElementId) -> impl Iterator<Item = (&'a Pin, &'a LockedElement)> + use<'a, 'b> {
        self.elements.range(Self::first_key(id)..).take_while(move |(key, _)| key.id == *id).map(|(key, element)| (&key.pin, element))
    }

    fn first_key(id: &ElementId) -> LockKey {
        LockKey { id: id.clone(), pin: Pin { version: Version::new(""), discriminator: String::new() } }
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.version.as_str())?;
        if !self.discriminator.is_empty() {
            write!(f, "!{}", self.discriminator)?;
        }
        Ok(())
    }
}

impl std::fmt::Display for LockKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.id, self.pin)
    }
}
