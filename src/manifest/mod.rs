//! The files that people see: manifest, lockfile, user configuration, package files (DESIGN section 5).

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::error::Result;
use crate::model::{ElementId, LinkMode, Lock, Requirement, Source, WantedSite};

/// `greffon.toml`, read and checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// `[config]`.
    pub config: Config,
    /// Every site with its elements; `without`, groups and replacements applied.
    pub sites: Vec<WantedSite>,
    /// `[hooks]`, as written (the issue on extensions runs them).
    pub hooks: serde_json::Value,
    /// `[extensions]`, as written.
    pub extensions: serde_json::Value,
}

/// `[config]`: which implementation serves each role.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The client.
    pub client: Option<UseSpec>,
    /// The stock.
    pub stock: Option<UseSpec>,
    /// The downloader.
    pub downloader: Option<UseSpec>,
    /// The installer.
    pub installer: Option<UseSpec>,
    /// The repositories, in order of priority.
    pub repositories: Vec<UseSpec>,
    /// Type → scheme.
    pub schemes: IndexMap<String, String>,
    /// Url prefix → url prefix.
    pub mirrors: IndexMap<String, String>,
    /// Name → where the secret comes from.
    pub secrets: IndexMap<String, SecretSource>,
    /// `[config.git] transport = "cli"`.
    pub git_transport: Option<String>,
}

/// `use = "builtin:NAME"` with the implementation's own options, and where it was said.
#[derive(Debug, Clone)]
pub struct UseSpec {
    /// `builtin`, `script`, `native` or `extension`.
    pub kind: UseKind,
    /// What stands after the colon.
    pub target: String,
    /// `name =`, for repositories.
    pub name: Option<String>,
    /// Every further key, as JSON.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Where it was said: an excerpt for errors.
    pub place: Option<crate::error::Excerpt>,
    /// The folder that relative paths in the options start from.
    pub base: PathBuf,
}

/// What stands before the colon of a `use`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseKind {
    /// Ships in greffon.
    Builtin,
    /// A Rhai script.
    Script,
    /// A native library.
    Native,
    /// An extension, by name.
    Extension,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that only its owner can read.
    File(PathBuf),
    /// The first line of a program's output.
    Command(Vec<String>),
}

impl Manifest {
    /// Reads and checks a manifest; all errors found are in the one returned.
    ///
    /// # Errors
    /// `NotFound`, `Manifest`, `Newer`.
    pub fn load(path: &Path) -> Result<Self> {
        let _ = path;
        unimplemented!()
    }

    /// As [`Self::load`], of a text that stands (or will stand) at `path`.
    ///
    /// # Errors
    /// `Manifest`, `Newer`.
    pub fn parse(path: &Path, text: String) -> Result<Self> {
        let _ = (path, text);
        unimplemented!()
    }

    /// Looks for `greffon.toml` in `start` and the folders above it.
    ///
    /// # Errors
    /// `NotFound` with the hint `greffon init`.
    pub fn find(start: &Path) -> Result<PathBuf> {
        let _ = start;
        unimplemented!()
    }
}

/// What `add` writes for an element.
#[derive(Debug, Clone)]
pub struct NewElement {
    /// Which.
    pub id: ElementId,
    /// Which versions.
    pub requirement: Option<Requirement>,
    /// Where from; repositories write the short form.
    pub source: Source,
    /// `group =`.
    pub group: Option<String>,
}

/// A manifest's text with elements added (or their entries replaced), everything else byte for byte as it was.
///
/// # Errors
/// `Manifest` when the text is no TOML.
pub fn add_elements(path: &Path, text: &str, elements: &[NewElement], site: Option<&str>) -> Result<String> {
    let _ = (path, text, elements, site);
    unimplemented!()
}

/// A manifest's text without these elements; those that are not there are named in the error.
///
/// # Errors
/// `NotFound`, with the nearest names.
pub fn remove_elements(path: &Path, text: &str, ids: &[ElementId], site: Option<&str>) -> Result<String> {
    let _ = (path, text, ids, site);
    unimplemented!()
}

/// What belongs to a machine or a person: `/etc/greffon/config.toml`, then `$XDG_CONFIG_HOME/greffon/config.toml`, then `GREFFON_*`.
#[derive(Debug, Clone, Default)]
pub struct UserConfig {
    /// The stock's folder.
    pub stock: Option<PathBuf>,
    /// Downloads and sites at a time.
    pub jobs: Option<usize>,
    /// A proxy for everything.
    pub proxy: Option<String>,
    /// Further certificates.
    pub ca_bundle: Option<PathBuf>,
    /// Url prefix → url prefix.
    pub mirrors: IndexMap<String, String>,
    /// Name → where the secret comes from.
    pub secrets: IndexMap<String, SecretSource>,
    /// `git.transport`.
    pub git_transport: Option<String>,
    /// The link mode where neither manifest nor flag says one.
    pub link_mode: Option<LinkMode>,
}

impl UserConfig {
    /// Reads all of them; later ones win key by key.
    ///
    /// # Errors
    /// `Manifest` with the place.
    pub fn load() -> Result<Self> {
        unimplemented!()
    }
}

/// Reads a lockfile's text: order and duplicate lines are tolerated, and conflict markers too (`true`: there were some, the
/// lock holds what both sides agree on).
///
/// # Errors
/// `Lock` with the place; `Newer`.
pub fn parse_lock(path: &Path, text: &str) -> Result<(Lock, bool)> {
    let _ = (path, text);
    unimplemented!()
}

/// The lockfile's text: sorted, one element a line, ending in a newline.
#[must_use]
pub fn write_lock(lock: &Lock) -> String {
    let _ = lock;
    unimplemented!()
}

/// `[package]` of a package's own `greffon.toml`; `None` when the file has no such table.
///
/// # Errors
/// `Manifest` with the place.
pub fn parse_package(path: &Path, text: &str) -> Result<Option<Package>> {
    let _ = (path, text);
    unimplemented!()
}

/// What an author writes of a package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its metadata; `download` is empty.
    pub info: crate::model::ElementInfo,
    /// Which files belong to it, as gitignore-like patterns; empty: all.
    pub include: Vec<String>,
}
