//! The standard client: the pipeline, a file a stage.
//!
//! `observe` what stands there → `resolve` versions into a lock → `fetch` what the stock lacks → `graft` trees onto each
//! other → `plan` the difference → `apply` it → `record` what was done. Each stage takes what the one before it gives.

mod apply;
mod bring;
mod brought;
mod bytes;
mod commit;
mod exact;
mod fetch;
mod fit;
mod graft;
mod judge;
mod kept;
mod locking;
mod moved;
mod near;
mod observe;
mod own_source;
mod pins;
mod plan;
mod portable;
mod provider;
mod record;
mod remembered;
mod resolve;
mod resolved;
mod schemes;
mod shop;
mod unpatched;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;

pub use apply::enough_stays;
pub use bring::Brought;
pub use bytes::{Bytes, bytes_of, download_again, place_in_stock, store_request, tree_in_stock};
pub use fit::{Misfit, fit};
pub use graft::{GraftedSite, patched};
pub use locking::{assemble, relative_to, source_of};
pub use near::nearest_known;
pub use pins::{pin_generation, pin_of, pin_recorded, pin_what_is_there};
pub use portable::{lock_text, read_lock};
pub use record::{RecordTexts, record_texts};
pub use resolved::Resolved;
pub use schemes::Schemes;
pub use unpatched::{Part, unpatched};

use super::options;
use crate::error::Result;
use crate::manifest::UseSpec;
use crate::model::{MaxPrice, Plan, SecurityPolicy};
use crate::roles::{ApplyReport, ApplyRequest, Client, Context, Dialogues, Downloader, Installer, PlanRequest, Repository, Stock};
use crate::sys::git::Sources;
use crate::sys::stockroom::Stockroom;
use crate::version::SchemeBook;

/// `builtin:standard`.
#[derive(Debug)]
pub struct Standard {
    parts: Parts,
    schemes: Schemes,
    /// Sites that planning found to be as wanted, with the generation in place: applying need not look a second time.
    settled: Mutex<BTreeMap<String, u64>>,
    time_limit: Duration,
}

/// How long one site's search may take (DESIGN section 4).
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The options of `client = { use = "builtin:standard", … }`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct StandardOptions {
    /// How many seconds one site's search may take; 30 by default.
    solve_seconds: Option<f64>,
}

/// Makes the standard client of its options and of the other roles.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, parts: Parts) -> Result<Arc<dyn Client>> {
    let read: StandardOptions = options::read(spec)?;
    let time_limit = match read.solve_seconds {
        None => TIME_LIMIT,
        Some(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Duration::from_secs_f64(seconds),
        Some(_) => return Err(options::wrong(spec, "solve-seconds", "`solve-seconds` is a number of seconds above 0, and no more than a day's")),
    };
    Ok(Arc::new(Standard { time_limit, ..Standard::new(parts) }))
}

/// What the standard client works with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// In order of priority.
    pub repositories: Vec<Arc<dyn Repository>>,
    /// What distinguishes each repository's configuration: a name alone means different things in different manifests.
    pub repository_keys: Vec<String>,
    /// The stock role.
    pub stock: Arc<dyn Stock>,
    /// The downloader role.
    pub downloader: Arc<dyn Downloader>,
    /// The installer role.
    pub installer: Arc<dyn Installer>,
    /// The stock's folder, where trees are composed.
    pub stockroom: Stockroom,
    /// Git sources that elements name themselves.
    pub sources: Sources,
    /// `[config.schemes]`, and the schemes that extensions bring.
    pub schemes: SchemeBook,
    /// The manifest's folder: local paths are locked relative to it.
    pub base: PathBuf,
    /// What distinguishes this installer's configuration, for knowing whether a recorded tree still is the wanted one.
    pub installer_key: String,
    /// Who talks with shops.
    pub dialogues: Arc<dyn Dialogues>,
    /// How careful the manifest is.
    pub security: SecurityPolicy,
    /// What may be spent unasked.
    pub max_price: Option<MaxPrice>,
    /// Downloads at a time.
    pub jobs: usize,
}

impl Standard {
    /// The client over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let schemes = Schemes::new(parts.schemes.clone(), Arc::clone(&parts.installer));
        Self { parts, schemes, settled: Mutex::default(), time_limit: TIME_LIMIT }
    }

    /// How versions of elements are read here.
    #[must_use]
    pub fn schemes(&self) -> &Schemes {
        &self.schemes
    }
}

impl Client for Standard {
    fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<Plan> {
        self.make_plan(cx, request)
    }

    fn apply(&self, cx: &Context, request: &ApplyRequest) -> Result<ApplyReport> {
        self.apply_all(cx, request)
    }
}
