//! Extensions that are elements: resolved first and alone, through what ships in greffon, unpacked in the stock, never grafted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::{LockChange, compare};
use super::{Globals, Machine, Workspace};
use crate::builtin::client::{Brought, Parts, Standard};
use crate::builtin::environment::{Credentials, Env};
use crate::builtin::installer::WithExtensions;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, UseKind, UseSpec};
use crate::model::{Digest, EXTENSIONS, Lock, LockKey, LockedElement, ObjectId};
use crate::registry::{Fetched, Registry, default_spec, placed};
use crate::roles::{Client, Context, Dialogue, Dialogues, Installer, PinRequest, PlanDepth, PlanRequest, Stock, UpdateChoice};
use crate::script::Source;
use crate::sys::fs;
use crate::sys::git::Pin;
use crate::sys::stockroom::{ExtensionHold, Stockroom};
use crate::version::SchemeBook;

/// An extension has no more files, and none larger.
const MOST: usize = 400;
const LARGEST: u64 = 16 << 20;

/// What was brought.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// Each extension, unpacked.
    pub(super) fetched: Vec<Fetched>,
    /// What changed in the lock's extensions.
    pub(super) changes: Vec<LockChange>,
}

/// Nobody sells what must be there before anybody can be asked.
#[derive(Debug)]
struct Nobody;

impl Dialogues for Nobody {
    fn open(&self, _: &serde_json::Value) -> Result<Arc<dyn Dialogue>> {
        Err(Error::new(ErrorKind::Unsupported, "an extension cannot be bought by a dialogue: dialogues are extensions"))
    }
}

/// Makes the extensions that the manifest wants available, and the lock hold them.
///
/// # Errors
/// What cannot be resolved or fetched; `Extension` for what is none.
pub(super) fn bring(globals: &Globals, manifest: &Manifest, machine: &Machine, lock: &mut Lock, base: &Path) -> Result<Extras> {
    let Some(site) = &manifest.extension_site else {
        lock.elements.retain(|key, _| key.id.kind() != EXTENSIONS);
        return Ok(Extras::default());
    };
    let of_extensions = |lock: &Lock| {
        let elements = lock.elements.iter().filter(|(key, _)| key.id.kind() == EXTENSIONS).map(|(key, locked)| (key.clone(), locked.clone()));
        Lock { elements: elements.collect(), ..Lock::default() }
    };
    let before = of_extensions(lock);
    let (client, stock) = client(globals, manifest, machine, base)?;
    let request = PlanRequest {
        wanted: vec![site.clone()],
        only: Vec::new(),
        lock: before.clone(),
        update: UpdateChoice::Keep,
        locked: globals.locked,
        frozen: globals.frozen,
        depth: PlanDepth::Resolve,
        rehearsal: false,
        accept_moved: Vec::new(),
    };
    let foreign = manifest.config.repositories.iter().any(|spec| spec.kind != UseKind::Builtin);
    let (after, brought) = client.bring(&machine.cx, &request).map_err(|error| {
        let error = error.note("extensions are fetched first, before anything else of the manifest can be used");
        if foreign && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) {
            return error
                .note("through built-in repositories only: one that is a script, a library or an extension itself is not asked")
                .hint("say where it comes from: `{ git = \"…\" }`, `{ url = \"…\" }` or `{ path = \"…\" }`");
        }
        error
    })?;
    if let Some(other) = brought.iter().find(|one| one.id.kind() != EXTENSIONS) {
        return Err(Error::new(ErrorKind::Extension, format!("an extension needs {}, which is none", other.id))
            .hint("extensions are there before any site: they can need other extensions only"));
    }
    let mut fetched = Vec::with_capacity(brought.len());
    for one in &brought {
        let (folder, hold) = unpack(&machine.cx, &machine.stockroom, one)?;
        fetched.push(Fetched { name: one.id.name().to_owned(), version: one.version.to_string(), folder, from: one.from.clone(), hold });
    }
    pin(&machine.cx, &machine.stockroom, &*stock, &manifest.path, &brought);
    lock.elements.retain(|key, _| key.id.kind() != EXTENSIONS);
    lock.elements.extend(after.elements.clone());
    Ok(Extras { fetched, changes: compare(&before, &after) })
}

/// A lock without its extensions: they are no business of the client that makes sites.
pub(super) fn without(lock: &Lock) -> Lock {
    let mut lock = lock.clone();
    lock.elements.retain(|key, _| key.id.kind() != EXTENSIONS);
    lock
}

/// The elements of a lock, its extensions as they were fetched, and the hashes of those by name.
///
/// # Errors
/// As [`bring`].
pub(super) fn hashes(
    globals: &Globals,
    manifest: &Manifest,
    machine: &Machine,
    lock: &Lock,
    base: &Path,
) -> Result<(BTreeMap<LockKey, LockedElement>, BTreeMap<String, String>)> {
    let mut lock = lock.clone();
    let extras = bring(globals, manifest, machine, &mut lock, base)?;
    let hashes = extras.fetched.iter().map(|one| Ok((one.name.clone(), Source::read(&one.folder)?.hash.to_string()))).collect::<Result<_>>()?;
    Ok((lock.elements, hashes))
}

/// What of an update is the sites'.
pub(super) fn of_sites(update: &UpdateChoice) -> UpdateChoice {
    match update {
        UpdateChoice::These(list) => {
            let own: Vec<_> = list.iter().filter(|(id, _)| id.kind() != EXTENSIONS).cloned().collect();
            if own.is_empty() { UpdateChoice::Keep } else { UpdateChoice::These(own) }
        }
        other => other.clone(),
    }
}

/// Versions of extensions for a request that is made for all of the manifest: what the lock of its plan holds of them.
///
/// # Errors
/// As planning.
pub(super) fn resolved(workspace: &Workspace, manifest: &Manifest, request: &PlanRequest) -> Result<Option<Lock>> {
    let Some(site) = &manifest.extension_site else { return Ok(None) };
    let update = match &request.update {
        _ if !request.only.is_empty() => UpdateChoice::Keep,
        UpdateChoice::These(list) => {
            let own: Vec<_> = list.iter().filter(|(id, _)| id.kind() == EXTENSIONS).cloned().collect();
            if own.is_empty() { UpdateChoice::Keep } else { UpdateChoice::These(own) }
        }
        other => other.clone(),
    };
    let mut lock = Lock { extensions: std::collections::BTreeMap::new(), ..workspace.lock.clone() };
    lock.elements.retain(|key, _| key.id.kind() == EXTENSIONS);
    if update == UpdateChoice::Keep && manifest.text == workspace.manifest.text {
        return Ok(Some(lock));
    }
    let mut wanted = site.clone();
    if let Some(disk) = &workspace.manifest.extension_site {
        super::add::as_on_disk(Some(disk), &mut wanted);
    } else {
        super::add::as_on_disk(None, &mut wanted);
    }
    let (client, _) = client(&workspace.globals, manifest, &workspace.machine, &workspace.base())?;
    let request = PlanRequest { wanted: vec![wanted], only: Vec::new(), lock, update, depth: PlanDepth::Resolve, ..request.clone() };
    Ok(Some(client.plan(&workspace.machine.cx, &request)?.lock))
}

/// greffon's own client over greffon's own roles: what the manifest configures of them, where that is built in.
fn client(globals: &Globals, manifest: &Manifest, machine: &Machine, base: &Path) -> Result<(Standard, Arc<dyn Stock>)> {
    let registry = Registry::builtin();
    let config = &manifest.config;
    let builtin =
        |chosen: &Option<UseSpec>, default: &str| chosen.clone().filter(|spec| spec.kind == UseKind::Builtin).unwrap_or_else(|| default_spec(default));
    let tree = default_spec("tree");
    let installer: Arc<dyn Installer> = Arc::new(WithExtensions(registry.installers.find(&tree)?(&tree)?));
    let plain = config.schemes.iter().filter(|(_, name)| !name.contains(':')).map(|(kind, name)| (kind.clone(), name.clone()));
    let schemes = SchemeBook::new(plain.collect());
    let env = Env {
        http: machine.http.clone(),
        sources: machine.sources.clone(),
        stockroom: machine.stockroom.clone(),
        installer: Arc::clone(&installer),
        schemes: schemes.clone(),
        credentials: Credentials::default(),
        dialogues: Arc::new(Nobody),
    };
    let mut repositories = Vec::new();
    let mut keys = Vec::new();
    for spec in config.repositories.iter().filter(|spec| spec.kind == UseKind::Builtin) {
        repositories.push(placed(registry.repositories.find(spec)?(spec, &env)?, spec.place.clone()));
        keys.push(super::workspace::key_of(spec));
    }
    let stock_spec = builtin(&config.stock, "store");
    let stock = registry.stocks.find(&stock_spec)?(&stock_spec, &env)?;
    let downloader_spec = builtin(&config.downloader, "standard");
    let downloader = registry.downloaders.find(&downloader_spec)?(&downloader_spec, &env)?;
    let parts = Parts {
        repositories,
        repository_keys: keys,
        stock: Arc::clone(&stock),
        downloader,
        installer,
        stockroom: machine.stockroom.clone(),
        sources: machine.sources.clone(),
        schemes,
        base: base.to_owned(),
        installer_key: String::new(),
        dialogues: Arc::new(Nobody),
        max_price: None,
        security: config.security.clone(),
        jobs: globals.jobs.or(machine.user.jobs).unwrap_or(8),
    };
    Ok((Standard::new(parts), stock))
}

/// How often another run may take away what was just unpacked.
const TRIES: usize = 5;

/// An extension's folder in the stock, held against tidying. What lies there is compared with the tree before it is used.
fn unpack(cx: &Context, room: &Stockroom, one: &Brought) -> Result<(PathBuf, Option<Arc<ExtensionHold>>)> {
    let folder = room.extension(one.tree);
    let wrong = |what: &str| Error::new(ErrorKind::Extension, format!("{} {} cannot be an extension: {what}", one.id, one.version));
    let files = room.objects().check_installable(one.tree)?;
    if !files.iter().any(|file| file.path == "extension.toml") {
        return Err(wrong("it has no `extension.toml`").hint("is it the right folder? `subdir = \"…\"` names one inside a repository"));
    }
    if files.len() > MOST {
        return Err(wrong(&format!("it has {} files, and {MOST} is the most", files.len())).hint("`subdir = \"…\"` names a folder inside a repository"));
    }
    let mut contents = Vec::with_capacity(files.len());
    for file in &files {
        if room.objects().blob_size(file.entry.id)? > LARGEST {
            return Err(wrong(&format!("`{}` is too large", file.path)));
        }
        contents.push((file.path.as_str(), room.objects().blob(file.entry.id)?));
    }
    for _ in 0..TRIES {
        // Held first: what is whole then stays so.
        let hold = room.hold_extension(one.tree)?;
        if is_whole(&folder, &contents)? {
            return Ok((folder, hold.map(Arc::new)));
        }
        drop(hold);
        write(cx, room, &folder, &contents)?;
    }
    let whole = is_whole(&folder, &contents)?;
    if whole { Ok((folder, None)) } else { Err(Error::new(ErrorKind::Busy, format!("`{}` is taken away while it is used", folder.display())).temporary()) }
}

fn write(cx: &Context, room: &Stockroom, folder: &Path, contents: &[(&str, Vec<u8>)]) -> Result<()> {
    let scratch = room.scratch()?;
    let fresh = scratch.path().join("extension");
    for (path, bytes) in contents {
        cx.check()?;
        fs::beneath::check_relative(path)?;
        let file = fresh.join(path);
        fs::create_folder(file.parent().unwrap_or(&fresh))?;
        fs::write_atomic(&file, bytes)?;
    }
    fs::create_folder(folder.parent().unwrap_or(folder))?;
    fs::remove_tree(folder)?;
    match fs::move_into_place(&fresh, folder) {
        // Another run was faster.
        Err(_) if is_whole(folder, contents)? => Ok(()),
        other => other,
    }
}

fn is_whole(folder: &Path, contents: &[(&str, Vec<u8>)]) -> Result<bool> {
    for (path, bytes) in contents {
        if fs::read(&folder.join(path), LARGEST)?.as_ref() != Some(bytes) {
            return Ok(false);
        }
    }
    Ok(!contents.is_empty())
}

/// What a manifest's extensions are pinned by.
pub(super) fn pinned_by(manifest: &Path) -> String {
    let real = fs::ground::real_path(manifest).unwrap_or_else(|_| manifest.to_owned());
    let id = Digest::of(real.to_string_lossy().as_bytes()).hex();
    format!("extensions-{}", &id[..16])
}

/// Keeps the trees from being tidied away, so that they are there offline. A stock that cannot is no failure: they are fetched again.
fn pin(cx: &Context, room: &Stockroom, stock: &dyn Stock, manifest: &Path, brought: &[Brought]) {
    let elements: Vec<ObjectId> = brought.iter().map(|one| one.tree).collect();
    let Some(tree) = elements.first().copied() else { return };
    let pin = Pin { site: pinned_by(manifest), generation: 1, tree, elements };
    if room.objects().has_pin(&pin).unwrap_or(false) {
        return;
    }
    let Pin { site, generation, tree, elements } = pin;
    if let Err(error) = stock.pin(cx, &PinRequest { site, generation, tree, elements }) {
        cx.log(crate::roles::Level::Detail, format!("the manifest's extensions are not kept in the stock for good: {error}"));
    }
}
