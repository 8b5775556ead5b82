//! `greffon.toml`, read and checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::config::{Config, UseKind, UseSpec, config};
use super::paths::base_of;
use super::read::{At, FromToml, MAX_BYTES, Reader};
use super::shapes::{ConfigShape, ManifestShape};
use super::sites::{extensions, sites};
use super::user::UserConfig;
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::model::WantedSite;
use crate::sys::fs;

/// The file's name.
const NAME: &str = "greffon.toml";

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
    /// The extensions that it wants, as if they were a site of their own.
    pub extension_site: Option<WantedSite>,
    /// `[hooks]`, as written (the issue on extensions runs them).
    pub hooks: serde_json::Value,
    /// `[sites.NAME.hooks]`, as written, by site.
    pub site_hooks: IndexMap<String, serde_json::Value>,
    /// Where hooks are first said, the shared ones before those of sites.
    pub hooks_place: Option<Excerpt>,
    /// Where each site's `path` is said, by site.
    pub site_places: IndexMap<String, Excerpt>,
    /// `[extensions]`, as written.
    pub extensions: serde_json::Value,
    /// The sites for which nobody said a link mode; see [`Self::with_user`].
    link_mode_unsaid: BTreeSet<String>,
}

impl Manifest {
    /// Reads and checks a manifest; all errors found are in the one returned.
    ///
    /// # Errors
    /// `NotFound`, `Manifest`, `Newer`.
    pub fn load(path: &Path) -> Result<Self> {
        match fs::read_text(path, MAX_BYTES)? {
            Some(text) => Self::parse(path, text),
            None => Err(Error::new(ErrorKind::NotFound, format!("there is no `{}`", path.display())).hint("`greffon init` writes one")),
        }
    }

    /// As [`Self::load`], of a text that stands (or will stand) at `path`.
    ///
    /// # Errors
    /// `Manifest`, `Newer`.
    pub fn parse(path: &Path, text: String) -> Result<Self> {
        let mut reader = Reader::new(path, &text, ErrorKind::Manifest);
        let Some(tree) = reader.tree() else {
            reader.finish()?;
            return Err(Error::new(ErrorKind::Internal, format!("`{}` could not be read", path.display())));
        };
        // Before anything else: what a newer greffon understands need not make sense to this one.
        if let Some(value) = tree.get("requires-greffon")
            && let Some(text) = value.get_ref().as_str()
        {
            requires(&mut reader, &At { value: text.to_owned(), span: value.span() })?;
        }
        let end = text.len();
        let root = toml::Spanned::new(0..end, toml::de::DeValue::Table(tree));
        let shape = ManifestShape::from_toml(&root, &mut reader).unwrap_or_default();
        let base = base_of(path);
        let config = config(&mut reader, &base, shape.config.as_ref().unwrap_or(&ConfigShape::default()));
        let repositories: Vec<&str> = config.repositories.iter().filter_map(|repository: &UseSpec| repository.name.as_deref()).collect();
        let mut sites = sites(&mut reader, &base, &shape, config.link_mode, &repositories);
        let foreign: Vec<(String, String)> = config
            .repositories
            .iter()
            .filter(|repository| repository.kind != UseKind::Builtin)
            .filter_map(|repository| Some((repository.name.clone()?, format!("{}:{}", word(repository.kind), repository.target))))
            .collect();
        let extension_site = extensions(&mut reader, &base, &mut sites, &foreign);
        reader.finish()?;

        let said: BTreeSet<&str> =
            shape.sites.iter().flat_map(|sites| &sites.0).filter(|entry| entry.value.link_mode.is_some()).map(|entry| entry.key.value.as_str()).collect();
        let link_mode_unsaid = match config.link_mode {
            Some(_) => BTreeSet::new(),
            None => sites.iter().filter(|site| !said.contains(site.name.as_str())).map(|site| site.name.clone()).collect(),
        };
        let site_hooks = shape
            .sites
            .iter()
            .flat_map(|sites| &sites.0)
            .filter_map(|entry| Some((entry.key.value.clone(), entry.value.hooks.as_ref()?.json.clone())))
            .collect();
        let all_hooks = shape.hooks.iter().chain(shape.sites.iter().flat_map(|sites| &sites.0).filter_map(|entry| entry.value.hooks.as_ref()));
        let hooks_place =
            all_hooks.map(|hooks| hooks.span.clone()).next().map(|span| Excerpt { path: path.to_path_buf(), text: text.clone(), span, label: String::new() });
        let site_places = shape
            .sites
            .iter()
            .flat_map(|sites| &sites.0)
            .filter_map(|entry| Some((entry.key.value.clone(), entry.value.path.as_ref()?.span.clone())))
            .map(|(name, span)| (name, Excerpt { path: path.to_path_buf(), text: text.clone(), span, label: String::new() }))
            .collect();
        let nothing = || serde_json::Value::Object(serde_json::Map::new());
        let hooks = shape.hooks.map_or_else(nothing, |hooks| hooks.json);
        let extensions = shape.extensions.map_or_else(nothing, |extensions| extensions.json);
        Ok(Self { path: path.to_path_buf(), config, sites, extension_site, hooks, site_hooks, hooks_place, site_places, extensions, link_mode_unsaid, text })
    }

    /// Every site, and what stands for the extensions.
    pub fn everything(&self) -> impl Iterator<Item = &WantedSite> {
        self.sites.iter().chain(&self.extension_site)
    }

    /// Looks for `greffon.toml` in `start` and the folders above it.
    ///
    /// # Errors
    /// `NotFound` with the hint `greffon init`.
    pub fn find(start: &Path) -> Result<PathBuf> {
        let whole = std::path::absolute(start).map_err(|fault| Error::io("locate", start, fault))?;
        for folder in whole.ancestors() {
            let path = folder.join(NAME);
            if matches!(fs::kind(&path)?, Some(fs::PathKind::File { .. })) {
                return Ok(path);
            }
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no `{NAME}` in `{}` or above it", whole.display()))
            .hint("`greffon init` writes one; `-C DIR` names another folder"))
    }

    /// A failure of a site with the line that says where it is; one that shows a place already is left as it is.
    #[must_use]
    pub fn at_site(&self, error: Error, site: &str) -> Error {
        match self.site_places.get(site) {
            Some(place) if error.excerpts().is_empty() && matches!(error.kind(), ErrorKind::Site | ErrorKind::Io) => error.at(place.clone()),
            _ => error,
        }
    }

    /// The manifest with what the user's configuration adds: a link mode for sites that have none said; mirrors, secrets and the
    /// git transport, which win over the manifest's of the same name because they belong to this machine.
    #[must_use]
    pub fn with_user(mut self, user: &UserConfig) -> Self {
        if let Some(mode) = user.link_mode {
            for site in &mut self.sites {
                if self.link_mode_unsaid.contains(&site.name) {
                    site.link_mode = mode;
                }
            }
        }
        self.config.mirrors.extend(user.mirrors.clone());
        self.config.secrets.extend(user.secrets.clone());
        if user.git_transport.is_some() {
            self.config.git_transport.clone_from(&user.git_transport);
        }
        self
    }
}

/// What stands before the colon of a `use`.
fn word(kind: UseKind) -> &'static str {
    match kind {
        UseKind::Builtin => "builtin",
        UseKind::Script => "script",
        UseKind::Native => "native",
        UseKind::Extension => "extension",
    }
}

/// Fails at once when this greffon is not the one that the manifest asks for.
fn requires(reader: &mut Reader<'_>, at: &At<String>) -> Result<()> {
    let own = env!("CARGO_PKG_VERSION");
    let Ok(requirement) = semver::VersionReq::parse(&at.value) else {
        let error = reader
            .error(at.span.clone(), "", format!("`{}` is not a requirement on greffon's version", at.value.escape_debug()))
            .hint("for instance `requires-greffon = \">=0.1\"`");
        reader.fault(error);
        return Ok(());
    };
    if semver::Version::parse(own).is_ok_and(|version| requirement.matches(&version)) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Newer, format!("this manifest needs greffon {}, this is {own}", at.value))
        .at(reader.excerpt(at.span.clone(), ""))
        .hint("install a greffon that fits, or ask the manifest's owner"))
}
