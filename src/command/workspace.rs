//! A manifest, opened: its lock, its roles, its sites.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::LockChange;
use super::{Globals, Machine, bring};
use crate::builtin::client::{Parts, Schemes, lock_text, read_lock};
use crate::builtin::environment::Env;
use crate::builtin::installer::WithExtensions;
use crate::builtin::repository::GitElement;
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Config, Manifest, UseKind, UseSpec, gitattributes};
use crate::model::{Digest, EXTENSIONS, ElementId, ElementInfo, GitPin, Lock, Plan, Source, WantedSite};
use crate::registry::{Extensions, Registry, Used, brought_along, default_spec, placed};
use crate::roles::{Client, ContextBuilder, Dialogues, Downloader, Installer, PlanDepth, PlanRequest, Repository, Stock, UpdateChoice};
use crate::site::{Generation, Site};
use crate::sys::stockroom::StockLock;
use crate::sys::{fs, places};
use crate::version::SchemeBook;

/// The five roles, as the configuration chose them.
#[derive(Debug, Clone)]
pub struct Roles {
    /// The client.
    pub client: Arc<dyn Client>,
    /// The stock.
    pub stock: Arc<dyn Stock>,
    /// In order of priority.
    pub repositories: Vec<Arc<dyn Repository>>,
    /// The downloader.
    pub downloader: Arc<dyn Downloader>,
    /// The installer.
    pub installer: Arc<dyn Installer>,
}

/// Everything a command needs.
#[derive(Debug)]
pub struct Workspace {
    /// The flags.
    pub globals: Globals,
    /// `greffon.toml`.
    pub manifest: Manifest,
    /// `greffon.lock`; empty when there is none.
    pub lock: Lock,
    /// The lockfile's text as it stands; `None` when there is none.
    pub lock_text: Option<String>,
    /// Whether the lockfile holds conflict markers.
    pub lock_conflicted: bool,
    /// Machine and user.
    pub machine: Machine,
    /// The roles.
    pub roles: Roles,
    /// What built-in constructors were given.
    pub env: Env,
    /// What the standard client is made of.
    pub parts: Parts,
    /// How versions are read.
    pub schemes: Schemes,
    /// Scripts and extensions.
    pub extensions: Arc<Extensions>,
    /// What the manifest names of them, and what each may do.
    pub surveyed: Vec<Used>,
    /// What the manifest's extensions changed in the lock, before anything else was looked at.
    pub brought: Vec<LockChange>,
}

/// The folder a command starts from.
pub(super) fn start_folder(globals: &Globals) -> Result<PathBuf> {
    match &globals.directory {
        Some(folder) => places::absolute(folder),
        None => places::working_directory(),
    }
}

impl Workspace {
    /// Finds the manifest, reads it and its lock, and makes the roles.
    ///
    /// # Errors
    /// Whatever is wrong with any of them.
    pub fn open(globals: &Globals, surroundings: ContextBuilder) -> Result<Self> {
        let path = Manifest::find(&start_folder(globals)?)?;
        Self::of(globals, surroundings, Manifest::load(&path)?)
    }

    /// As [`Self::open`], of a manifest that need not stand on disk like this yet.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(globals: &Globals, surroundings: ContextBuilder, manifest: Manifest) -> Result<Self> {
        let base = folder_of(&manifest);
        let machine = Machine::open(globals, surroundings, Some(&manifest.config), &base)?;
        let completed = |manifest: Manifest| {
            let mut manifest = manifest.with_user(&machine.user);
            manifest.config.repositories.extend(brought_along(&manifest, &base));
            manifest
        };
        let manifest = completed(manifest);
        manifest.check_ground()?;
        let lock_path = base.join("greffon.lock");
        let lock_text = fs::read_text(&lock_path, 64 << 20)?;
        let (mut lock, lock_conflicted) = match &lock_text {
            Some(text) => read_lock(&lock_path, text, &base)?,
            None => (Lock::default(), false),
        };
        let extras = bring::bring(globals, &manifest, &machine, &mut lock, &base)?;
        let mut extensions = Extensions::new(&manifest, lock.extensions.clone(), machine.cx.clone()).with_elements(extras.fetched);
        let surveyed = extensions.survey(&manifest, &super::hooks::mentioned(&manifest))?;
        let extensions = Arc::new(extensions);
        let (env, parts, roles) = make_roles(globals, &manifest, &machine, &base, &extensions)?;
        let manifest = if extensions.wrote() { completed(Manifest::load(&manifest.path)?) } else { manifest };
        let schemes = Schemes::new(env.schemes.clone(), Arc::clone(&roles.installer));
        Ok(Self {
            globals: globals.clone(),
            manifest,
            lock,
            lock_text,
            lock_conflicted,
            machine,
            roles,
            env,
            parts,
            schemes,
            extensions,
            surveyed,
            brought: extras.changes,
        })
    }

    /// The manifest's folder.
    #[must_use]
    pub fn base(&self) -> PathBuf {
        folder_of(&self.manifest)
    }

    /// The sites a command is about. `writing`: one of several must be chosen by name or `--all`.
    ///
    /// # Errors
    /// `Usage` for a name that no site has, or when a choice is needed.
    pub fn chosen(&self, writing: bool) -> Result<Vec<&WantedSite>> {
        let sites = &self.manifest.sites;
        if self.globals.sites.is_empty() {
            if writing && sites.len() > 1 && !self.globals.all {
                let names: Vec<&str> = sites.iter().map(|site| site.name.as_str()).collect();
                return Err(Error::new(ErrorKind::Usage, format!("the manifest has {} sites, and this command writes: which one?", sites.len()))
                    .hint(format!("say `--site NAME` ({}) or `--all`", names.join(", "))));
            }
            return Ok(sites.iter().collect());
        }
        let mut chosen = Vec::new();
        for name in &self.globals.sites {
            let Some(site) = sites.iter().find(|site| site.name == *name) else {
                return Err(no_site(name, sites));
            };
            if !chosen.iter().any(|known: &&WantedSite| known.name == site.name) {
                chosen.push(site);
            }
        }
        Ok(chosen)
    }

    /// The one site that a command is about; `what` it does, for the error.
    ///
    /// # Errors
    /// `Usage` when several are chosen, or none by name where there are several.
    pub fn chosen_one(&self, what: &str) -> Result<&WantedSite> {
        match self.chosen(false)?.as_slice() {
            [one] => Ok(*one),
            several => {
                let names: Vec<&str> = several.iter().map(|site| site.name.as_str()).collect();
                Err(Error::new(ErrorKind::Usage, format!("{what} one site: which one?")).hint(format!("say `--site NAME` ({})", names.join(", "))))
            }
        }
    }

    /// What the git source of an element's own offers, pinned or not; nothing for other sources.
    ///
    /// # Errors
    /// As [`GitElement::infos`].
    pub fn own_versions(&self, id: &ElementId) -> Result<Vec<ElementInfo>> {
        let wanted = self.manifest.everything().find_map(|site| site.elements.get(id));
        let Some(Source::Git { git, subdir, submodules, .. }) = wanted.map(|wanted| &wanted.source) else { return Ok(Vec::new()) };
        let element = GitElement {
            id: id.clone(),
            source: self.machine.sources.open(git, None)?,
            subdir: subdir.clone(),
            submodules: *submodules,
            pin: GitPin::Version,
            scheme: self.schemes.of(id, wanted, None)?,
            installer: if id.kind() == EXTENSIONS { Arc::new(WithExtensions(Arc::clone(&self.roles.installer))) } else { Arc::clone(&self.roles.installer) },
            stockroom: self.machine.stockroom.clone(),
        };
        element.infos(&self.machine.cx)
    }

    /// Keeps a stock that is being tidied from taking away what a plan has found or fetched, until it is placed and pinned.
    ///
    /// # Errors
    /// `Io`, `Interrupted`.
    pub fn hold_stock(&self) -> Result<StockLock> {
        self.machine.stockroom.lock_shared(&self.machine.cx)
    }

    /// A site, located.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn site(&self, wanted: &WantedSite) -> Result<Site> {
        Site::open(wanted, &self.machine.stockroom).map_err(|error| self.manifest.at_site(error, &wanted.name))
    }

    /// A request for a plan of these sites as the manifest wants them.
    #[must_use]
    pub fn request(&self, only: &[&WantedSite], depth: PlanDepth, update: UpdateChoice) -> PlanRequest {
        PlanRequest {
            wanted: self.manifest.sites.clone(),
            only: only.iter().map(|site| site.name.clone()).collect(),
            lock: bring::without(&Lock { extensions: self.extensions.hashes(), ..self.lock.clone() }),
            update,
            locked: self.globals.locked,
            frozen: self.globals.frozen,
            accept_moved: Vec::new(),
            depth,
            rehearsal: false,
        }
    }

    /// Plans as the manifest wants.
    ///
    /// # Errors
    /// As [`Client::plan`].
    pub fn plan(&self, only: &[&WantedSite], depth: PlanDepth, update: UpdateChoice) -> Result<Plan> {
        let outcome = super::hooks::resolving(self, &self.manifest, &self.request(only, depth, update));
        self.or_offer(outcome, &self.manifest)
    }

    /// The lockfile's text of a lock.
    #[must_use]
    pub fn text_of(&self, lock: &Lock) -> String {
        lock_text(&self.whole(&self.manifest, lock), &self.base(), &self.manifest.text)
    }

    /// A lock with what it says of extensions: those of the manifest where it says nothing itself.
    fn whole(&self, manifest: &Manifest, lock: &Lock) -> Lock {
        let mut lock = Lock { extensions: self.extensions.hashes(), ..lock.clone() };
        let said = lock.elements.keys().any(|key| key.id.kind() == EXTENSIONS);
        if manifest.extension_site.is_some() && !said {
            lock.elements.extend(self.lock.elements.iter().filter(|(key, _)| key.id.kind() == EXTENSIONS).map(|(key, locked)| (key.clone(), locked.clone())));
        }
        lock
    }

    /// The lockfile's text for a manifest that may be edited: extensions at other versions are fetched, so that their hashes are known.
    fn text_for(&self, manifest: Option<&str>, lock: &Lock) -> Result<String> {
        let edited = manifest.map(|text| Manifest::parse(&self.manifest.path, text.to_owned())).transpose()?;
        let manifest = edited.as_ref().unwrap_or(&self.manifest);
        let mut lock = self.whole(manifest, lock);
        let of = |lock: &Lock| {
            lock.elements
                .iter()
                .filter(|(key, _)| key.id.kind() == EXTENSIONS)
                .map(|(key, one)| (key.clone(), one.commit, one.sha256, one.tree))
                .collect::<Vec<_>>()
        };
        if of(&lock) != of(&self.lock) {
            for key in self.lock.elements.keys().filter(|key| key.id.kind() == EXTENSIONS) {
                lock.extensions.remove(key.id.name());
            }
            let (elements, hashes) = bring::hashes(&self.globals, manifest, &self.machine, &lock, &self.base())?;
            lock.elements = elements;
            lock.extensions.extend(hashes);
        }
        Ok(lock_text(&lock, &self.base(), &manifest.text))
    }

    /// Every chosen site, and the extensions where no site is chosen by name.
    ///
    /// # Errors
    /// As [`Self::chosen`].
    pub fn chosen_and_extensions(&self) -> Result<Vec<&WantedSite>> {
        let mut chosen = self.chosen(false)?;
        if self.globals.sites.is_empty() {
            chosen.extend(&self.manifest.extension_site);
        }
        Ok(chosen)
    }

    /// The lock that a generation was made with.
    ///
    /// # Errors
    /// `Lock` for a record that cannot be read.
    pub fn lock_of(&self, generation: &Generation) -> Result<Lock> {
        Ok(read_lock(Path::new("greffon.lock"), &generation.lock, &self.base())?.0)
    }

    /// Writes the lockfile, where it differs; says whether it did. The first one brings its line in `.gitattributes` along.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_lock(&self, lock: &Lock) -> Result<bool> {
        self.write(None, Some(lock))
    }

    /// Writes the manifest's text.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_manifest(&self, text: &str) -> Result<()> {
        self.write(Some(text), None).map(drop)
    }

    /// Writes manifest and lockfile, each where it differs; says whether the lockfile did. Both or neither: of several that change
    /// them at once each writes what fits what it read, or nothing.
    ///
    /// # Errors
    /// `Busy` when somebody wrote one of them since it was read; `Io`.
    pub fn write(&self, manifest: Option<&str>, lock: Option<&Lock>) -> Result<bool> {
        let base = self.base();
        let path = base.join("greffon.lock");
        let manifest = manifest.filter(|text| *text != self.manifest.text);
        let lock = lock.map(|lock| self.text_for(manifest, lock)).transpose()?.filter(|text| self.lock_text.as_ref() != Some(text));
        if manifest.is_none() && lock.is_none() {
            return Ok(false);
        }
        let _alone = match fs::FileLock::exclusive(&self.machine.cx, &base, "this manifest") {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            // Some network file systems cannot: then what stands there is compared without.
            held => held.ok(),
        };
        if manifest.is_some() && fs::read_text(&self.manifest.path, 16 << 20)?.as_ref() != Some(&self.manifest.text) {
            return Err(changed_meanwhile("greffon.toml"));
        }
        let now = fs::read_text(&path, 64 << 20)?;
        let lock = lock.filter(|text| now.as_ref() != Some(text));
        if lock.is_some() && now != self.lock_text {
            return Err(changed_meanwhile("greffon.lock"));
        }
        if let Some(text) = manifest {
            fs::write_through(&self.manifest.path, text.as_bytes())?;
        }
        let Some(text) = lock else { return Ok(false) };
        if self.lock_text.is_none() {
            write_gitattributes(&base)?;
        }
        fs::write_through(&path, text.as_bytes())?;
        Ok(true)
    }
}

/// What somebody else wrote while this command worked is not written over.
fn changed_meanwhile(file: &str) -> Error {
    Error::new(ErrorKind::Busy, format!("`{file}` was changed while this command worked; it was left as it is now")).hint("run the command again").temporary()
}

/// A name that no site has, with the nearest that one has.
pub(super) fn no_site(name: &str, sites: &[WantedSite]) -> Error {
    let error = Error::new(ErrorKind::Usage, format!("there is no site `{}` in greffon.toml", name.escape_debug()));
    match nearest(name, sites.iter().map(|site| site.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("there are: {}", sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", "))),
    }
}

/// Has git merge lockfiles by union (DESIGN section 5).
pub(super) fn write_gitattributes(base: &Path) -> Result<()> {
    let path = base.join(".gitattributes");
    let existing = fs::read_text(&path, 1 << 20)?;
    match gitattributes(existing.as_deref()) {
        Some(text) => fs::write_atomic(&path, text.as_bytes()),
        None => Ok(()),
    }
}

fn folder_of(manifest: &Manifest) -> PathBuf {
    manifest.path.parent().map(Path::to_owned).unwrap_or_default()
}

fn make_roles(globals: &Globals, manifest: &Manifest, machine: &Machine, base: &Path, extensions: &Arc<Extensions>) -> Result<(Env, Parts, Roles)> {
    let registry = Registry::builtin();
    let Config { client, stock, downloader, installer, repositories, .. } = &manifest.config;
    let schemes = scheme_book(&registry, manifest, base, extensions)?;
    let spec = |chosen: &Option<UseSpec>, default: &str| chosen.clone().unwrap_or_else(|| default_spec(default));
    let installer_spec = spec(installer, "tree");
    let installer = extensions.installer(&registry, &installer_spec)?;
    let env = Env {
        http: machine.http.clone(),
        sources: machine.sources.clone(),
        stockroom: machine.stockroom.clone(),
        installer: Arc::clone(&installer),
        schemes: schemes.clone(),
        credentials: crate::builtin::environment::Credentials::default(),
        dialogues: Arc::clone(extensions) as Arc<dyn Dialogues>,
    };
    let mut made = Vec::with_capacity(repositories.len());
    for spec in repositories {
        made.push(placed(extensions.repository(&registry, spec, &env)?, spec.place.clone()));
    }
    let stock_spec = spec(stock, "store");
    let stock = extensions.stock(&registry, &stock_spec, &env)?;
    let downloader_spec = spec(downloader, "standard");
    let downloader = extensions.downloader(&registry, &downloader_spec, &env)?;
    let client_spec = spec(client, "standard");
    let parts = Parts {
        repositories: made.clone(),
        repository_keys: repositories.iter().map(key_of).collect(),
        stock: Arc::clone(&stock),
        downloader: Arc::clone(&downloader),
        installer: Arc::clone(&installer),
        stockroom: machine.stockroom.clone(),
        sources: machine.sources.clone(),
        schemes,
        base: base.to_owned(),
        // An edited script places otherwise, though the manifest says the same.
        installer_key: format!("{} {:?}", key_of(&installer_spec), extensions.hashes()),
        dialogues: Arc::clone(extensions) as Arc<dyn Dialogues>,
        security: manifest.config.security.clone(),
        max_price: globals.max_price.clone(),
        jobs: globals.jobs.or(machine.user.jobs).unwrap_or(8),
    };
    let client = extensions.client(&registry, &client_spec, parts.clone())?;
    Ok((env, parts, Roles { client, stock, repositories: made, downloader, installer }))
}

/// The schemes of a manifest. What names more than a word (`script:PATH`) is made here, once.
fn scheme_book(registry: &Registry, manifest: &Manifest, base: &Path, extensions: &Extensions) -> Result<SchemeBook> {
    let mut book = SchemeBook::new(manifest.config.schemes.clone());
    let of_elements = manifest.sites.iter().flat_map(|site| site.elements.values()).filter_map(|element| element.scheme.as_ref());
    let written: BTreeSet<&String> = manifest.config.schemes.values().chain(of_elements).collect();
    for text in written {
        let Some((kind, target)) = text.split_once(':') else { continue };
        let kind = match kind {
            "script" => UseKind::Script,
            "native" => UseKind::Native,
            "extension" => UseKind::Extension,
            _ => UseKind::Builtin,
        };
        let spec = UseSpec { kind, base: base.to_owned(), ..default_spec(target) };
        book.add(text, extensions.scheme(registry, text, &spec)?);
    }
    Ok(book)
}

/// What distinguishes one configured implementation from another.
pub(super) fn key_of(spec: &UseSpec) -> String {
    let text = format!("{:?} {} {}", spec.kind, spec.target, serde_json::Value::Object(spec.options.clone()));
    Digest::of(text.as_bytes()).to_string()
}
