//! The stock role: a repository on this machine that can also store.

use serde::{Deserialize, Serialize};

use super::{Context, Repository};
use crate::error::Result;
use crate::model::{ElementId, ElementInfo, InstallInfo, ObjectId, Payload, Version};

/// Keeps what was downloaded, for all sites of this machine.
///
/// As a [`Repository`] it lists what was put in by hand (`stock add`); what it keeps for other origins is found by
/// [`Stock::open`] alone, so that a full stock never changes what a resolution chooses.
pub trait Stock: Repository {
    /// Keeps an element's bytes and metadata under its identity.
    ///
    /// # Behaviour
    /// - Storing what is there already succeeds and changes nothing.
    /// - An entry appears whole or not at all, also after a crash.
    /// - Other bytes under an identity that exists are an error of kind `Digest`.
    /// - An archive that the extraction policy refuses is an error of kind `Archive`, and nothing is kept of it.
    ///
    /// # Errors
    /// As above, and when the disk refuses.
    fn store_element(&self, cx: &Context, request: &StoreRequest) -> Result<StoredElement>;

    /// The payload of what was stored under this identity; `None` when it is not there.
    ///
    /// # Behaviour
    /// - Asks nobody else; works offline.
    /// - What it gives was verified when it was stored; an entry found damaged is put aside and `None` is given.
    ///
    /// # Errors
    /// When the stock cannot be read.
    fn open(&self, cx: &Context, key: &StockKey) -> Result<Option<StoredElement>>;

    /// Everything stored, sorted by id, then version text.
    ///
    /// # Errors
    /// When the stock cannot be read.
    fn list(&self, cx: &Context) -> Result<Vec<StockKey>>;

    /// Protects a composed tree and the element trees it was made of from [`Stock::gc`].
    ///
    /// # Behaviour
    /// - Durable before it returns. The same pin set twice holds the later trees.
    ///
    /// # Errors
    /// When the disk refuses.
    fn pin(&self, cx: &Context, request: &PinRequest) -> Result<()>;

    /// Takes a pin away; one that is not there is no error. `generation` `None`: every pin of the site.
    ///
    /// # Errors
    /// When the disk refuses.
    fn unpin(&self, cx: &Context, site: &str, generation: Option<u64>) -> Result<()>;

    /// Removes what no pin protects, under an exclusive lock.
    ///
    /// # Behaviour
    /// - Nothing that a pin protects goes. With `dry_run` nothing goes at all, and the report says what would.
    ///
    /// # Errors
    /// `Busy` when the stock is in use; when the disk refuses.
    fn gc(&self, cx: &Context, request: &GcRequest) -> Result<GcReport>;

    /// Checks every byte; gives the entries found damaged, which are put aside.
    ///
    /// # Errors
    /// When the stock cannot be read.
    fn verify(&self, cx: &Context) -> Result<Vec<String>>;
}

/// The identity of what the stock keeps: where it came from, what it is, which bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StockKey {
    /// The git url, archive url, absolute path, or `stock` for what was put in by hand.
    pub origin: String,
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// `sha256:…` of an archive, `commit:…` of a git source, `tree:…` of a folder; empty: whatever is there under the rest.
    pub digest: String,
}

/// Asks to keep something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreRequest {
    /// Its origin; see [`StockKey::origin`].
    pub origin: String,
    /// Its metadata.
    pub info: ElementInfo,
    /// Its bytes.
    pub install: InstallInfo,
    /// The tree the bytes must make, where the lockfile says so.
    #[serde(default)]
    pub expected_tree: Option<ObjectId>,
}

/// What the stock keeps of an element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredElement {
    /// Its identity, digest filled in.
    pub key: StockKey,
    /// Its metadata.
    pub info: ElementInfo,
    /// Where its bytes are; the built-in stock always gives [`Payload::Tree`].
    pub payload: Payload,
}

/// Asks to protect trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinRequest {
    /// The site's id (its state's, not its name).
    pub site: String,
    /// The generation's number.
    pub generation: u64,
    /// The composed tree.
    pub tree: ObjectId,
    /// The element trees it was made of.
    pub elements: Vec<ObjectId>,
}

/// Asks to tidy up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcRequest {
    /// Only say what would go.
    pub dry_run: bool,
    /// Keep unpinned entries as long as the whole stays below this many bytes, least recently used first to go.
    pub max_bytes: Option<u64>,
    /// As if this site had no pins; whoever asks takes them away first where it is no rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget: Option<String>,
}

/// What [`Stock::gc`] did or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcReport {
    /// What went, in words.
    pub removed: Vec<String>,
    /// How many bytes that freed.
    pub bytes: u64,
    /// How many entries stay.
    pub kept: usize,
}
