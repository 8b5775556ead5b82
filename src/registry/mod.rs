//! Names → constructors for all five roles; the only place that names concrete implementations.

mod extensions;
mod native;
mod over;
mod placed;
mod table;

use std::sync::Arc;

use crate::builtin::client::{self, Parts};
use crate::builtin::environment::Env;
use crate::builtin::{downloader, installer, repository, stock};
use crate::error::Result;
use crate::manifest::{Manifest, UseKind, UseSpec};
use crate::model::{Source, WantedElement};
use crate::roles::{Client, Downloader, Installer, Repository, Stock};
use crate::version::{SCHEMES, Scheme, scheme};

pub use extensions::{Extensions, Fetched, Library, Named, Seen, Standing, Trust, Used};
pub use placed::placed;
pub use table::Table;

/// Makes an installer of its options.
pub type MakeInstaller = fn(&UseSpec) -> Result<Arc<dyn Installer>>;
/// Makes a repository of its options.
pub type MakeRepository = fn(&UseSpec, &Env) -> Result<Arc<dyn Repository>>;
/// Makes a downloader of its options.
pub type MakeDownloader = fn(&UseSpec, &Env) -> Result<Arc<dyn Downloader>>;
/// Makes a stock of its options.
pub type MakeStock = fn(&UseSpec, &Env) -> Result<Arc<dyn Stock>>;
/// Makes a client of its options and of the other four roles.
pub type MakeClient = fn(&UseSpec, Parts) -> Result<Arc<dyn Client>>;

/// Makes a version scheme of its options.
pub type MakeScheme = fn(&UseSpec) -> Result<Arc<dyn Scheme>>;

/// Every implementation that greffon knows, by role and name.
#[derive(Debug)]
pub struct Registry {
    /// `client = "builtin:NAME"`.
    pub clients: Table<MakeClient>,
    /// `stock = "builtin:NAME"`.
    pub stocks: Table<MakeStock>,
    /// `[[config.repositories]] use = "builtin:NAME"`.
    pub repositories: Table<MakeRepository>,
    /// `downloader = "builtin:NAME"`.
    pub downloaders: Table<MakeDownloader>,
    /// `installer = "builtin:NAME"`.
    pub installers: Table<MakeInstaller>,
    /// `[config.schemes]` and `scheme =`, where they name more than a word: `builtin:NAME`, `script:PATH`.
    pub schemes: Table<MakeScheme>,
}

impl Registry {
    /// What ships in greffon.
    #[must_use]
    pub fn builtin() -> Self {
        Self {
            schemes: SCHEMES.into_iter().fold(Table::new("version scheme"), |table, name| table.with(name, (|spec| scheme(&spec.target)) as MakeScheme)),
            clients: Table::new("client").native(native::client as MakeClient).with("standard", client::build as MakeClient),
            stocks: Table::new("stock").native(native::stock as MakeStock).with("store", stock::build as MakeStock),
            repositories: Table::new("repository")
                .native(native::repository as MakeRepository)
                .with("camp", repository::camp::build as MakeRepository)
                .with("folder", repository::folder::build as MakeRepository)
                .with("git", repository::git::build as MakeRepository)
                .with("index", repository::index::build as MakeRepository)
                .with("moodle-directory", repository::moodle_directory::build as MakeRepository)
                .with(repository::moodle_downloads::NAME, repository::moodle_downloads::build as MakeRepository),
            downloaders: Table::new("downloader").native(native::downloader as MakeDownloader).with("standard", downloader::build as MakeDownloader),
            installers: Table::new("installer")
                .native(native::installer as MakeInstaller)
                .with("moodle", installer::moodle::build as MakeInstaller)
                .with("tree", installer::tree::build as MakeInstaller),
        }
    }
}

/// What [`brought_along`] is called.
pub const BROUGHT_ALONG: &str = "moodle.git";

/// The repository that an application brings along, asked after all that the manifest names: Moodle itself, from where everybody
/// gets it, for a core without a source. `None`: the manifest says where its core is from, or has a repository of that name.
#[must_use]
pub fn brought_along(manifest: &Manifest, base: &std::path::Path) -> Option<UseSpec> {
    let config = &manifest.config;
    let installer = config.installer.as_ref().filter(|spec| spec.kind == UseKind::Builtin && spec.target == installer::moodle::NAME)?;
    let own = |wanted: &WantedElement| wanted.id.kind() == "core" && !matches!(wanted.source, Source::Repositories { .. });
    if config.repositories.iter().any(|spec| spec.name.as_deref() == Some(BROUGHT_ALONG)) || manifest.sites.iter().any(|site| site.elements.values().any(own)) {
        return None;
    }
    let core = installer.options.get("core").and_then(serde_json::Value::as_str).unwrap_or("moodle");
    let elements = serde_json::json!({ format!("core/{core}"): installer::moodle::PUBLIC });
    let options = serde_json::Map::from_iter([("elements".to_owned(), elements)]);
    Some(UseSpec { kind: UseKind::Builtin, target: "git".to_owned(), name: Some(BROUGHT_ALONG.to_owned()), options, place: None, base: base.to_owned() })
}

/// The spec that serves where the manifest names none.
#[must_use]
pub fn default_spec(target: &str) -> UseSpec {
    UseSpec { kind: UseKind::Builtin, target: target.to_owned(), name: None, options: serde_json::Map::new(), place: None, base: std::path::PathBuf::new() }
}
