//! A dialogue: the part of a downloader that talks with a shop before a download.
//!
//! `quote → consent → authorize → fetch → receipt → release`. The client quotes and obtains the consent, the downloader authorizes,
//! fetches and takes the receipt, and the client gives a seat back when its element leaves a site.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ElementId, ElementInfo, Price, Version};

/// Talks with one shop about one product, under one licence.
pub trait Dialogue: Debug + Send + Sync {
    /// What is offered, at which price, under which terms. Spends nothing, takes no seat.
    ///
    /// # Errors
    /// `Denied` for a licence or a token that does not serve, with the cause in words; `NotFound`, `Network`.
    fn quote(&self, cx: &Context, request: &QuoteRequest) -> Result<Quote>;

    /// Buys what was agreed on, takes the site's seat, and says where the bytes are.
    ///
    /// # Behaviour
    /// - Nothing is spent beyond `agreed`.
    /// - Called again with the same key, nothing is spent and no seat is taken a second time.
    ///
    /// # Errors
    /// As [`Self::quote`]; `Refused` when it would cost more than was agreed on.
    fn authorize(&self, cx: &Context, request: &AuthorizeRequest) -> Result<Permit>;

    /// Brings the bytes itself, below `target_dir`; `None`: greffon is to fetch the permit's url.
    ///
    /// # Errors
    /// As [`super::Downloader::download`].
    fn fetch(&self, cx: &Context, request: &FetchRequest) -> Result<Option<PathBuf>>;

    /// What to keep in the lockfile of it: order, seats, expiry; never a key or a url.
    ///
    /// # Errors
    /// Whatever the shop fails with.
    fn receipt(&self, cx: &Context, request: &ReceiptRequest) -> Result<Option<String>>;

    /// Gives a site's seat back; `false`: this shop knows no seats.
    ///
    /// # Errors
    /// As [`Self::quote`].
    fn release(&self, cx: &Context, request: &ReleaseRequest) -> Result<bool>;
}

/// Finds dialogues by what the manifest says of them (`use` and their options).
pub trait Dialogues: Debug + Send + Sync {
    /// The dialogue.
    ///
    /// # Errors
    /// `NotFound` for one that is not there; whatever is wrong with it.
    fn open(&self, options: &Value) -> Result<Arc<dyn Dialogue>>;
}

/// There are none: for tools that know no manifest.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDialogues;

impl Dialogues for NoDialogues {
    fn open(&self, options: &Value) -> Result<Arc<dyn Dialogue>> {
        let name = options.get("use").and_then(Value::as_str).unwrap_or("a dialogue");
        Err(Error::new(ErrorKind::Unsupported, format!("nobody is here to talk with the shop of `{}`", name.escape_debug()))
            .hint("run this where the manifest is that names it"))
    }
}

/// A question for an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version; `None`: whatever there is.
    #[serde(default)]
    pub version: Option<Version>,
    /// For which sites, as the shop knows them.
    #[serde(default)]
    pub identities: Vec<String>,
}

/// An offer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quote {
    /// What can be had.
    pub versions: Vec<ElementInfo>,
    /// What it costs, over what was paid already.
    pub price: Option<Price>,
    /// Under which terms, on one line.
    pub terms: Option<String>,
    /// The licence's seats.
    pub seats: Option<Seats>,
    /// Until when the licence is good, as the shop writes it.
    pub expires: Option<String>,
}

/// How many sites a licence is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// How many have it.
    pub used: u64,
    /// How many may; `None`: any number.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// A request for permission to download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// For which site, as the shop knows it.
    pub identity: String,
    /// What may be spent; `None`: nothing.
    #[serde(default)]
    pub agreed: Option<Price>,
    /// The same for the same purchase, however often it is tried.
    pub key: String,
}

/// Permission to download. Holds secrets: it is never written down.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Permit {
    /// Where the bytes are. A secret.
    pub url: Option<String>,
    /// A bearer token for that url's origin. A secret.
    pub bearer: Option<String>,
    /// The name of a secret that is such a token, in its place.
    pub auth: Option<String>,
    /// How many bytes there are.
    pub size: Option<u64>,
    /// Their digest.
    pub sha256: Option<Digest>,
    /// What the shop calls the order.
    pub order: Option<String>,
    /// What was spent by this call.
    pub spent: Option<Price>,
    /// The seats, after this call.
    pub seats: Option<Seats>,
    /// Until when the licence is good.
    pub expires: Option<String>,
}

impl Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permit(…)")
    }
}

/// A request to bring the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// What [`Dialogue::authorize`] gave.
    pub permit: Permit,
    /// Where files go.
    pub target_dir: PathBuf,
}

/// A request for a receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// For which sites.
    pub identities: Vec<String>,
    /// What [`Dialogue::authorize`] gave.
    pub permit: Permit,
    /// The digest of what came.
    pub sha256: Digest,
}

/// A seat to be given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseRequest {
    /// Which element.
    pub id: ElementId,
    /// The version that was installed.
    pub version: Version,
    /// Which site's seat.
    pub identity: String,
    /// The receipt, as the lockfile has it.
    #[serde(default)]
    pub receipt: Option<String>,
}

/// For a download that is sold: with whom to talk, for whom, and what may be spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deal {
    /// `use` and the dialogue's options, as the manifest has them. Names of secrets, no values.
    pub dialogue: Value,
    /// The sites it is for, as the shop knows them.
    pub identities: Vec<String>,
    /// What may be spent.
    #[serde(default)]
    pub agreed: Option<Price>,
}

impl Deal {
    /// The same for the same purchase, however often, by whomever and for whichever sites it is tried.
    #[must_use]
    pub fn key(&self, id: &ElementId, version: &Version) -> String {
        let mut dialogue = self.dialogue.clone();
        if let Some(table) = dialogue.as_object_mut() {
            table.retain(|key, _| !matches!(key.as_str(), "allow" | "identity"));
            table.sort_keys();
        }
        Digest::of(format!("{dialogue}\n{id}\n{version}").as_bytes()).hex()
    }
}
