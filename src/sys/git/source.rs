//! Remote git repositories, mirrored into one bare repository each, at depth one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use git2::Repository;

use super::alternates::{is_group_shared, share};
use super::fetch::{self, id_of, oid};
use super::pool::{Lease, PlainError, Pool};
use super::program::Git;
use super::refs::{Advert, recall, remember};
use super::transport::Remote;
use super::url::{self, Address, is_ref};
use super::{local, notes, objects};
use crate::error::{Error, ErrorKind, Result, ResultExt as _};
use crate::model::ObjectId;
use crate::roles::{Context, Level};
use crate::sys::http::{Auth, Http, offline};
use crate::sys::redact;

/// Which program speaks git's protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TransportChoice {
    /// libgit2 for http(s) and paths, the git program for ssh and for what libgit2 cannot ask.
    #[default]
    Auto,
    /// Always the git program (`git.transport = "cli"`).
    Cli,
}

/// How often a source is made again that somebody removes meanwhile.
const ATTEMPTS: usize = 5;

/// Every git source of a stock. Cheap to clone; clones share what remotes said.
#[derive(Debug, Clone)]
pub struct Sources(Arc<Stock>);

struct Stock {
    root: PathBuf,
    http: Http,
    transport: TransportChoice,
    open: Mutex<HashMap<String, Arc<Shared>>>,
}

impl std::fmt::Debug for Stock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stock").field("root", &self.root).finish_non_exhaustive()
    }
}

/// One git source: a url and its bare repository. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    stock: Arc<Stock>,
    shared: Arc<Shared>,
    auth: Option<Auth>,
}

/// What all handles of one source share.
struct Shared {
    address: Address,
    /// The address as text, without credentials.
    url: String,
    directory: PathBuf,
    pool: Pool,
    /// What the remote said to this process; the lock makes concurrent callers wait for one question.
    told: Mutex<Option<Told>>,
    /// It was heard to end an answer early of itself: from now on it is taken at its word.
    falters: AtomicBool,
}

#[derive(Clone)]
struct Told {
    refs: Vec<RemoteRef>,
    advert: Option<Arc<Advert>>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

/// A ref that a remote offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// The full name: `refs/tags/…`, `refs/heads/…`, or `HEAD`.
    pub name: String,
    /// What it points at, annotated tags peeled.
    pub commit: ObjectId,
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The ref that leads there, by its full name, where one is known.
    pub reference: Option<String>,
    /// The commit.
    pub commit: ObjectId,
}

impl Sources {
    /// The sources below `root` (the stock's `sources/`). Does no I/O.
    #[must_use]
    pub fn new(root: &Path, http: Http, transport: TransportChoice) -> Self {
        Self(Arc::new(Stock { root: root.to_owned(), http, transport, open: Mutex::default() }))
    }

    /// The source of a url or local path. Does no network I/O. A login in the url serves when `auth` is `None`.
    ///
    /// # Errors
    /// `Invalid` for a url whose protocol is not allowed (https, http, ssh, file, a path) or that looks like an option.
    pub fn open(&self, url: &str, auth: Option<Auth>) -> Result<Source> {
        let (address, own) = url::read(url)?;
        let id = address.id();
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = open.entry(id.clone()).or_insert_with(|| {
            let directory = self.0.root.join(format!("{id}.git"));
            Arc::new(Shared { url: address.text(), address, pool: Pool::new(&directory), directory, told: Mutex::default(), falters: AtomicBool::default() })
        });
        Ok(Source { stock: Arc::clone(&self.0), shared: Arc::clone(shared), auth: auth.or(own) })
    }
}

impl Sources {
    /// Lets go of every open file: what was put aside must not be read on under the name of what comes in its place.
    pub fn let_go(&self) {
        for shared in self.0.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            shared.pool.renew_as_it_is();
        }
    }
}

impl Source {
    /// The url, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }
    /// Whether it lies on this machine: its objects were taken as they are, and nobody hashed them on the way.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.shared.address.is_local()
    }
    /// The bare repository.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.shared.directory.clone()
    }

    /// Branches, tags and HEAD, asked of the remote once a process; offline, as they were told last.
    ///
    /// # Errors
    /// `Network`, `Denied`, `Git`, `NotFound` (no repository there), `Offline` (never asked before), naming host and path.
    pub fn refs(&self, cx: &Context) -> Result<Vec<RemoteRef>> {
        let mut told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = &*told {
            return Ok(told.refs.clone());
        }
        if cx.offline() && !self.shared.address.is_local() {
            let known = recall(&self.shared.directory)?;
            return known.ok_or_else(|| offline(&redact(&self.shared.url)).note("its refs were never asked for, so that none are known"));
        }
        let fresh = self.ask(cx)?;
        self.keep(&fresh.refs)?;
        let refs = fresh.refs.clone();
        *told = Some(fresh);
        Ok(refs)
    }

    /// Keeps what the remote said. Who tidies the stock may take the folder away before anything was fetched into it.
    fn keep(&self, refs: &[RemoteRef]) -> Result<()> {
        let mut attempts = 0;
        loop {
            self.make()?;
            attempts += 1;
            match remember(&self.shared.directory, refs) {
                Err(_) if attempts < ATTEMPTS && !self.shared.directory.join("HEAD").exists() => {}
                other => return other,
            }
        }
    }

    /// As the remote told them last, whenever that was; nobody is asked, and nothing is written.
    ///
    /// # Errors
    /// `Io`, `Newer`.
    pub fn told_last(&self) -> Result<Vec<RemoteRef>> {
        Ok(recall(&self.shared.directory)?.unwrap_or_default())
    }

    /// As the remote told them to this process; `None`: it was not asked.
    #[must_use]
    pub fn told(&self) -> Option<Vec<RemoteRef>> {
        self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|told| told.refs.clone())
    }

    /// When the remote last told its refs, in seconds since 1970; `None`: it never did, or it lies on this machine.
    #[must_use]
    pub fn heard(&self) -> Option<i64> {
        if self.shared.address.is_local() { None } else { super::refs::heard(&self.shared.directory) }
    }

    fn ask(&self, cx: &Context) -> Result<Told> {
        let remote = self.remote();
        match (&self.shared.address, self.stock.transport) {
            (Address::Path(path), TransportChoice::Auto) => {
                let directory = &self.shared.directory;
                let before = recall(directory).ok().flatten().unwrap_or_default();
                Ok(Told { refs: local::refs(path, &before, |commit| notes::is_noted_by_name(directory, commit))?, advert: None })
            }
            (Address::Http(_), TransportChoice::Auto) => {
                let advert = remote.advert(cx)?;
                Ok(Told { refs: advert.refs.clone(), advert: Some(Arc::new(advert)) })
            }
            _ => Ok(Told { refs: self.retry(cx, |git| git.refs(cx))?, advert: None }),
        }
    }

    /// Runs the git program, again when the network failed it.
    fn retry<T>(&self, cx: &Context, mut run: impl FnMut(&Git<'_>) -> Result<T>) -> Result<T> {
        let remote = self.remote();
        let git = Git { address: &self.shared.address, remote: matches!(self.shared.address, Address::Http(_)).then_some(&remote) };
        self.stock.http.timing().run(cx, || Ok(run(&git)?))
    }

    /// Runs the git program on this source.
    pub(super) fn ask_program<T>(&self, run: impl FnOnce(&Git<'_>) -> Result<T>) -> Result<T> {
        let remote = self.remote();
        run(&Git { address: &self.shared.address, remote: matches!(self.shared.address, Address::Http(_)).then_some(&remote) })
    }

    fn remote(&self) -> Remote {
        Remote { http: self.stock.http.clone(), url: self.shared.url.clone(), auth: self.auth.clone() }
    }

    /// Whether the commit and all its files are here.
    #[must_use]
    pub fn has(&self, commit: ObjectId) -> bool {
        let Ok(repository) = self.shared.pool.lease() else { return false };
        // The note is written when everything was seen to be there; that the objects still are is looked at where it costs nothing.
        notes::is_noted(&self.shared.directory, &repository, commit) && repository.find_commit(oid(commit)).and_then(|commit| commit.tree()).is_ok()
    }

    /// Refuses where a commit was here whole and can no longer be read: fetched over what is damaged it would not come anew.
    fn check_undamaged(&self, wants: &[Want]) -> Result<()> {
        let Ok(repository) = self.shared.pool.lease() else { return Ok(()) };
        for want in wants.iter().filter(|want| notes::is_noted(&self.shared.directory, &repository, want.commit)) {
            let odb = repository.odb().map_err(|error| self.not_here(want.commit, error))?;
            if !odb.exists(oid(want.commit)) {
                continue;
            }
            objects::read(&odb, want.commit, git2::ObjectType::Commit)?;
            let tree = repository.find_commit(oid(want.commit)).map(|commit| commit.tree_id()).map_err(|error| self.not_here(want.commit, error))?;
            objects::read(&odb, id_of(tree), git2::ObjectType::Tree)?;
        }
        Ok(())
    }

    /// Fetches what is not here yet, at depth one, and checks it whole.
    ///
    /// # Errors
    /// As [`Self::refs`]; `NotFound` when the server no longer has a commit.
    pub fn fetch(&self, cx: &Context, wants: &[Want]) -> Result<()> {
        for want in wants {
            if let Some(name) = want.reference.as_deref().filter(|name| !is_ref(name)) {
                return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not the full name of a git ref", name.escape_debug())));
            }
        }
        let missing = |wants: &[Want]| -> Vec<Want> { wants.iter().filter(|want| !self.has(want.commit)).cloned().collect() };
        let first = missing(wants);
        if first.is_empty() {
            return Ok(());
        }
        self.check_undamaged(&first)?;
        cx.check()?;
        if cx.offline() && !self.shared.address.is_local() {
            let commits: Vec<_> = first.iter().map(|want| want.commit).collect();
            return Err(offline(&redact(&self.shared.url)).note(format!("commit {} is not in the stock", fetch::listed(&commits))));
        }
        let shown = redact(&self.shared.url);
        self.make()?;
        let _lock = notes::lock(cx, &self.shared.directory, &shown)?;
        // Somebody else may have fetched it while we waited.
        let wants = missing(&first);
        if wants.is_empty() {
            return Ok(());
        }
        fetch::sweep(&self.shared.directory);
        let before = notes::packs(&self.shared.directory);
        notes::drop_broken(&fetch::open(&self.shared.directory)?);
        let brought = self.bring(cx, &wants, &shown);
        // Also when it failed: what came whole all the same is not asked for again.
        let accepted = self.accept(cx, &wants, &before);
        brought.and(accepted).map_err(|error| self.moved(cx, error, &wants))
    }

    /// A commit that is no longer there, with the tags that once led to it and stand elsewhere by now.
    fn moved(&self, cx: &Context, error: Error, wants: &[Want]) -> Error {
        if error.kind() != ErrorKind::NotFound {
            return error;
        }
        let refs = self.refs(cx).unwrap_or_default();
        let told = wants.iter().filter_map(|want| {
            let tag = want.reference.as_deref()?.strip_prefix("refs/tags/")?;
            let now = refs.iter().find(|offered| Some(offered.name.as_str()) == want.reference.as_deref() && offered.commit != want.commit)?;
            Some(format!("the tag `{tag}` was moved: it led to {}, and stands at {} now", want.commit, now.commit))
        });
        told.collect::<Vec<_>>().into_iter().fold(error, Error::note)
    }

    fn bring(&self, cx: &Context, wants: &[Want], shown: &str) -> Result<()> {
        let directory = &self.shared.directory;
        let commits: Vec<ObjectId> = wants.iter().map(|want| want.commit).collect();
        match (&self.shared.address, self.stock.transport) {
            (Address::Path(path), TransportChoice::Auto) => local::copy(cx, path, directory, &commits),
            (Address::Http(_), TransportChoice::Auto) => {
                let told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|told| told.advert.clone());
                let remote = self.remote();
                let git = Git { address: &self.shared.address, remote: Some(&remote) };
                fetch::by_libgit2(cx, &fetch::Into { directory, shown, falters: &self.shared.falters }, &remote, told, &git, wants)
            }
            _ => self.by_program(cx, wants, shown),
        }
    }

    fn by_program(&self, cx: &Context, wants: &[Want], shown: &str) -> Result<()> {
        let directory = &self.shared.directory;
        cx.log(Level::Detail, format!("fetching {} commits of `{shown}` by the git program", wants.len()));
        let commits: Vec<ObjectId> = wants.iter().map(|want| want.commit).collect();
        let refused = match self.retry(cx, |git| git.fetch_commits(cx, directory, &commits)) {
            Err(error) if error.kind() == ErrorKind::NotFound => error,
            other => return other,
        };
        // An old server that gives no commits by id: by the refs that show them, as far as any do.
        let refs = self.refs(cx)?;
        let mut names: Vec<String> = wants.iter().filter_map(|want| fetch::leading(&refs, want)).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Err(fetch::gone(&self.shared.url, &commits).caused_by(refused));
        }
        self.retry(cx, |git| git.fetch(cx, directory, &names))
    }

    /// Checks what came, makes it durable, and only then notes it as being here.
    fn accept(&self, cx: &Context, wants: &[Want], before: &HashSet<std::ffi::OsString>) -> Result<()> {
        let directory = &self.shared.directory;
        let repository = fetch::open(directory)?;
        let (mut seen, mut absent, mut whole, mut torn) = (HashSet::new(), Vec::new(), Vec::new(), None);
        for want in wants {
            if repository.find_commit(oid(want.commit)).is_err() {
                absent.push(want.commit);
                continue;
            }
            match notes::check_whole(cx, &repository, want.commit, &mut seen) {
                Ok(()) => whole.push(want.commit),
                // What came torn is not what the stock held.
                Err(error) if error.kind() == ErrorKind::Git => torn = torn.or(Some(error.by_damage(false))),
                Err(error) => return Err(error),
            }
        }
        notes::sync_packs(directory, before)?;
        for commit in whole {
            notes::note(directory, commit)?;
        }
        match torn {
            Some(error) => Err(error).while_doing(|| format!("could not fetch `{}`", redact(&self.shared.url))),
            None if absent.is_empty() => Ok(()),
            None => Err(fetch::gone(&self.shared.url, &absent)),
        }
    }

    /// Makes the bare repository where there is none: beside, then renamed, so that there is never half of one.
    fn make(&self) -> Result<()> {
        let (root, directory) = (&self.stock.root, &self.shared.directory);
        if directory.join("HEAD").exists() {
            return Ok(());
        }
        fs_err::create_dir_all(root).map_err(|error| Error::io("make", root, error))?;
        let beside = tempfile::Builder::new().prefix(".new-").tempdir_in(root).map_err(|error| Error::io("make a folder in", root, error))?;
        let place = beside.path().join("source");
        let group = is_group_shared(root);
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("main");
        if group {
            options.mode(git2::RepositoryInitMode::SHARED_GROUP);
        }
        let fault = |error| Error::new(ErrorKind::Git, format!("could not make the git source `{}`", directory.display())).caused_by(PlainError::from(error));
        drop(Repository::init_opts(&place, &options).map_err(fault)?);
        fs_err::write(place.join("description"), format!("{}\n", redact(&self.shared.url))).map_err(|error| Error::io("write", &place, error))?;
        if group {
            share(&place)?;
        }
        super::loose::sync_fresh(&place)?;
        match fs_err::rename(&place, directory) {
            // Another process was quicker.
            Err(_) if directory.join("HEAD").exists() => Ok(()),
            other => other.map_err(|error| Error::io("make", directory, error)),
        }
    }

    /// The tree of a commit that is here, or of the folder `subdir` in it.
    ///
    /// # Errors
    /// `Git` when it is not here; `NotFound` when there is no such folder.
    pub fn tree(&self, commit: ObjectId, subdir: Option<&str>) -> Result<ObjectId> {
        let repository = self.lease(commit)?;
        let odb = repository.odb().map_err(|error| self.not_here(commit, error))?;
        if odb.exists(oid(commit)) {
            // libgit2 believes whatever it can read.
            objects::read(&odb, commit, git2::ObjectType::Commit)?;
        }
        let tree = repository.find_commit(oid(commit)).and_then(|commit| commit.tree()).map_err(|error| self.not_here(commit, error))?;
        let subdir = subdir.map(|subdir| subdir.trim_matches('/')).filter(|subdir| !subdir.is_empty() && *subdir != ".");
        let Some(subdir) = subdir else { return Ok(id_of(tree.id())) };
        let found = tree.get_path(Path::new(subdir)).ok().filter(|entry| entry.kind() == Some(git2::ObjectType::Tree));
        found.map(|entry| id_of(entry.id())).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no folder `{}` in commit {} of `{}`", subdir.escape_debug(), commit.short(), redact(&self.shared.url)),
            )
        })
    }

    /// When a commit that is here was made, as its committer says (RFC 3339).
    #[must_use]
    pub fn time(&self, commit: ObjectId) -> Option<String> {
        let repository = self.lease(commit).ok()?;
        let seconds = repository.find_commit(oid(commit)).ok()?.time().seconds();
        jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
    }

    /// A file of a tree that is here; `None`: no such file.
    ///
    /// # Errors
    /// `Git` when the tree is not here.
    pub fn read(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        let repository = self.lease(tree)?;
        let root = repository.find_tree(oid(tree)).map_err(|error| self.not_here(tree, error))?;
        let Ok(entry) = root.get_path(Path::new(path)) else { return Ok(None) };
        if entry.kind() != Some(git2::ObjectType::Blob) {
            return Ok(None);
        }
        let id = id_of(entry.id());
        let odb = repository.odb().map_err(|error| self.not_here(id, error))?;
        Ok(Some(objects::read(&odb, id, git2::ObjectType::Blob)?.data().to_vec()))
    }

    /// The names at the top of a tree that is here, sorted as git does.
    ///
    /// # Errors
    /// `Git` when the tree is not here.
    pub fn names(&self, tree: ObjectId) -> Result<Vec<String>> {
        let repository = self.lease(tree)?;
        let root = repository.find_tree(oid(tree)).map_err(|error| self.not_here(tree, error))?;
        Ok(root.iter().filter_map(|entry| entry.name().ok().map(str::to_owned)).collect())
    }

    fn lease(&self, wanted: ObjectId) -> Result<Lease<'_>> {
        if !self.shared.directory.join("HEAD").exists() {
            return Err(self.not_here(wanted, git2::Error::from_str("nothing was ever fetched from there")).by_damage(false));
        }
        self.shared.pool.lease()
    }

    fn not_here(&self, id: ObjectId, error: git2::Error) -> Error {
        Error::new(ErrorKind::Git, format!("object {} of `{}` is not in the stock", id.short(), redact(&self.shared.url)))
            .by_damage(error.code() != git2::ErrorCode::NotFound || notes::is_noted_by_name(&self.shared.directory, id))
            .caused_by(PlainError::from(error))
            .hint("`greffon fetch` brings it")
    }
}
