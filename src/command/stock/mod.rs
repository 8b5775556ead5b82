//! `stock list|add|gc|verify|export|import`.

pub mod export;
pub mod import;
mod parcel;

use std::path::PathBuf;

use serde::Serialize;

use super::mend::Mended;
use super::{Globals, Machine, Workspace, parse_element};
use crate::builtin::environment::{Credentials, Env};
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Download, ElementId, ElementInfo, Lock, Payload, Version};
use crate::registry::{Registry, default_spec};
use crate::roles::{Context, ContextBuilder, DownloadRequest, Downloader, GcReport, GcRequest, InfoRequest, Installer, Stock, StockKey, StoreRequest};
use crate::sys::places;

/// The stock and what serves beside it: from the manifest where there is one, else from the machine alone.
pub struct Opened {
    pub(super) machine: Machine,
    pub(super) stock: std::sync::Arc<dyn Stock>,
    downloader: std::sync::Arc<dyn Downloader>,
    installer: std::sync::Arc<dyn Installer>,
    /// The manifest's folder, or that which the command started from.
    base: PathBuf,
    /// The lock beside the manifest.
    lock: Lock,
    with_manifest: bool,
    /// What pins extensions that the manifest beside no longer names.
    stale: Option<String>,
}

/// Opens the stock.
///
/// # Errors
/// A manifest that is there and wrong; a stock that cannot be used.
pub fn open(globals: &Globals, surroundings: ContextBuilder) -> Result<Opened> {
    let here = super::workspace::start_folder(globals)?;
    if crate::manifest::Manifest::find(&here).is_ok() {
        let workspace = Workspace::open(globals, surroundings)?;
        let base = workspace.base();
        let stale = workspace.manifest.extension_site.is_none().then(|| super::bring::pinned_by(&workspace.manifest.path));
        let super::Roles { stock, downloader, installer, .. } = workspace.roles;
        return Ok(Opened { machine: workspace.machine, stock, downloader, installer, base, lock: workspace.lock, with_manifest: true, stale });
    }
    let machine = Machine::open(globals, surroundings, None, &here)?;
    let registry = Registry::builtin();
    let spec = default_spec("tree");
    let installer = registry.installers.find(&spec)?(&spec)?;
    let env = Env {
        http: machine.http.clone(),
        sources: machine.sources.clone(),
        stockroom: machine.stockroom.clone(),
        installer: std::sync::Arc::clone(&installer),
        schemes: crate::version::SchemeBook::default(),
        credentials: Credentials::default(),
        dialogues: std::sync::Arc::new(crate::roles::NoDialogues),
    };
    let (stock, downloader) = (default_spec("store"), default_spec("standard"));
    let stock = registry.stocks.find(&stock)?(&stock, &env)?;
    let downloader = registry.downloaders.find(&downloader)?(&downloader, &env)?;
    Ok(Opened { machine, stock, downloader, installer, base: here, lock: Lock::default(), with_manifest: false, stale: None })
}

/// What the stock keeps.
#[derive(Debug, Clone, Serialize)]
pub struct ListReport {
    /// `greffon/stock/1`.
    pub schema: &'static str,
    /// Its folder.
    pub path: String,
    /// Sorted by element, then version.
    pub entries: Vec<StockKey>,
}

/// Lists.
///
/// # Errors
/// As [`Stock::list`].
pub fn list(opened: &Opened) -> Result<ListReport> {
    Ok(ListReport { schema: "greffon/stock/1", path: opened.machine.stockroom.root().display().to_string(), entries: opened.stock.list(&opened.machine.cx)? })
}

/// What `stock add` may be told.
#[derive(Debug, Clone, Default)]
pub struct AddOptions {
    /// `TYPE/NAME@VERSION`; the version may be left to what the code says.
    pub element: String,
    /// An archive or a folder.
    pub path: PathBuf,
}

/// What `stock add` put in.
#[derive(Debug, Clone, Serialize)]
pub struct AddReport {
    /// `greffon/stock-add/1`.
    pub schema: &'static str,
    /// Its identity.
    pub entry: StockKey,
}

/// Puts an archive or a folder into the stock by hand: from then on it is a candidate at every site of this machine.
///
/// # Errors
/// `Usage` without a version that the code does not say either; `Archive`; `Digest` when that version is there with other bytes.
pub fn add(opened: &Opened, options: &AddOptions) -> Result<AddReport> {
    let argument = parse_element(&options.element)?;
    let id: ElementId = argument.name.parse()?;
    let cx = &opened.machine.cx;
    let path = places::absolute(&options.path)?;
    let scratch = opened.machine.stockroom.scratch()?;
    let asked = argument.requirement.as_ref().map(|version| Version::new(version.as_str()));
    let download = Download::Path { path: path.display().to_string(), sha256: None, subdir: None };
    let version = asked.clone().unwrap_or_else(|| Version::new("0"));
    let request = DownloadRequest { id: id.clone(), version, download, target_dir: scratch.path().to_owned(), deal: None };
    let mut install = opened.downloader.download(cx, &request)?;
    let said = said_by_code(opened, cx, &id, &install.payload)?;
    let version = asked.or_else(|| said.as_ref().map(|info| info.version.clone())).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("which version of {id} is `{}`? Its code does not say", path.display()))
            .hint(format!("greffon stock add {id}@VERSION {}", path.display()))
    })?;
    let mut info = said.unwrap_or_else(|| ElementInfo::bare(id.clone(), version.clone()));
    info.id = id;
    info.version = version.clone();
    info.download = None;
    install.version = version;
    let stored = opened.stock.store_element(cx, &StoreRequest { origin: "stock".to_owned(), info, install, expected_tree: None })?;
    Ok(AddReport { schema: "greffon/stock-add/1", entry: stored.key })
}

fn said_by_code(opened: &Opened, cx: &Context, id: &ElementId, payload: &Payload) -> Result<Option<ElementInfo>> {
    use crate::sys::archive::{self, Limits};
    let objects = opened.machine.stockroom.objects();
    let tree = match payload {
        Payload::Tree { tree, .. } => *tree,
        Payload::Archive { path, subdir } => archive::import(cx, path, subdir.as_deref(), objects, &Limits::default())?.tree,
        Payload::Directory { path } => archive::import_directory(cx, path, objects, &Limits::default())?.tree,
    };
    opened.installer.info(cx, &InfoRequest { id: id.clone(), tree, reference: None })
}

/// What was tidied away.
#[derive(Debug, Clone, Serialize)]
pub struct TidyReport {
    /// `greffon/stock-gc/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// What went.
    #[serde(flatten)]
    pub gc: GcReport,
}

/// Removes what no pin protects. `forget`: first takes away the pins of a site that is gone.
///
/// # Errors
/// As [`Stock::gc`].
pub fn gc(opened: &Opened, globals: &Globals, max_bytes: Option<u64>, forget: Option<&str>) -> Result<TidyReport> {
    if let Some(site) = forget {
        known_site(opened, site)?;
        if !globals.dry_run {
            opened.stock.unpin(&opened.machine.cx, site, None)?;
        }
    }
    // Extensions that the manifest named once are nobody's any more.
    let pinned = |id: &String| opened.machine.stockroom.objects().pins().map(|pins| pins.iter().any(|pin| pin.site == *id));
    let stale = match &opened.stale {
        Some(id) if forget.is_none() && pinned(id)? => {
            if !globals.dry_run {
                opened.stock.unpin(&opened.machine.cx, id, None)?;
            }
            Some(id.as_str())
        }
        _ => None,
    };
    let forget = forget.or(stale);
    let max_bytes = max_bytes.or(opened.machine.user.stock_max_size);
    let request = GcRequest { dry_run: globals.dry_run, max_bytes, forget: forget.map(str::to_owned) };
    let gc = opened.stock.gc(&opened.machine.cx, &request)?;
    Ok(TidyReport { schema: "greffon/stock-gc/1", dry_run: globals.dry_run, gc })
}

/// Whether the stock has pins of a site of this id: a slip of the finger must not pass for a site that was forgotten.
fn known_site(opened: &Opened, id: &str) -> Result<()> {
    let mut known: Vec<String> = opened.machine.stockroom.objects().pins()?.into_iter().map(|pin| pin.site).collect();
    known.dedup();
    if known.iter().any(|site| site == id) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::NotFound, format!("the stock keeps nothing for a site `{}`; nothing was tidied", id.escape_debug()));
    Err(match nearest(id, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("it keeps nothing for any site"),
        None => error.hint(format!("`--forget` takes the id of a site's state (its file `id`); it keeps something for {}", known.join(", "))),
    })
}

/// What was found damaged.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyReport {
    /// `greffon/stock-verify/1`.
    pub schema: &'static str,
    /// Put aside.
    pub damaged: Vec<String>,
    /// What of it was fetched again, and what could not be.
    #[serde(flatten)]
    pub mended: Mended,
}

impl Opened {
    /// The object database.
    pub(super) fn objects(&self) -> &crate::sys::git::Objects {
        self.machine.stockroom.objects()
    }
}

/// Checks every byte, and fetches again what was found damaged and a site of the manifest needs.
///
/// # Errors
/// As [`Stock::verify`]. What cannot be fetched again is in the report.
pub fn verify(opened: Opened, globals: &Globals, surroundings: ContextBuilder) -> Result<VerifyReport> {
    let damaged = opened.stock.verify(&opened.machine.cx)?;
    let mut report = VerifyReport { schema: "greffon/stock-verify/1", damaged, mended: Mended::default() };
    if report.damaged.is_empty() {
        return Ok(report);
    }
    if opened.with_manifest {
        // git's own cache of open packs ends with its last user: nothing of a pack that was put aside may be read for the new one.
        drop(opened);
        report.mended = Workspace::open(globals, surroundings)?.mend()?;
    } else {
        report.mended.missing = super::mend::unmended(&opened)?;
    }
    Ok(report)
}
