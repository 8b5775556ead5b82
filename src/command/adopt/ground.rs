//! Where the tree stands, and which manifest takes it in.

use std::path::{Path, PathBuf};

use super::Options;
use super::candidates::address;
use super::wish::by_path;
use crate::command::init::template;
use crate::command::workspace::start_folder;
use crate::command::{Globals, Workspace};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, NewRepository, add_repository, add_site};
use crate::model::WantedSite;
use crate::sys::{fs, places};

/// The site as it will be called.
pub(super) struct Ground {
    pub(super) wanted: WantedSite,
    /// Whether the manifest does not have it yet.
    pub(super) new: bool,
}

/// The tree's real path.
pub(super) fn tree(options: &Options) -> Result<PathBuf> {
    let given = places::absolute(&options.path)?;
    match fs::kind(&given)? {
        Some(fs::PathKind::Folder) => {}
        Some(_) => return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no folder", given.display()))),
        None => {
            return Err(
                Error::new(ErrorKind::NotFound, format!("there is no folder `{}`", given.display())).hint("a site that is not there is made by `greffon sync`")
            );
        }
    }
    let path = fs::ground::real_path(&given)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name == ".greffon" || name.starts_with(".greffon-") || path.parent().is_none() {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` cannot be a site", path.display())).hint("name the folder of the application's code"));
    }
    Ok(path)
}

/// The manifest that is there, with what the options add to it, and its text on disk; or one that is made.
pub(super) fn manifest(globals: &Globals, options: &Options, path: &Path) -> Result<(Manifest, Option<String>)> {
    let start = start_folder(globals)?;
    let (file, mut text, on_disk) = match Manifest::find(&start) {
        Ok(file) => {
            let manifest = Manifest::load(&file)?;
            (file, manifest.text.clone(), Some(manifest.text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let base = fs::ground::real_path(&start)?;
            if base.starts_with(path) {
                return Err(Error::new(ErrorKind::Usage, "a manifest that is made would lie in the site itself").hint(format!(
                    "keep it beside: `greffon -C {} adopt {}`",
                    path.parent().unwrap_or(path).display(),
                    path.display()
                )));
            }
            let app = match &options.app {
                Some(app) => app.clone(),
                None if looks_like_moodle(path)? => "moodle".to_owned(),
                None => "tree".to_owned(),
            };
            (base.join("greffon.toml"), template(&app)?, None)
        }
        Err(error) => return Err(error),
    };
    for (name, url) in &options.repositories {
        let url = if url.contains("{name}") { url.clone() } else { format!("{}/{{name}}", url.trim_end_matches('/')) };
        let url = if url.contains("://") || url.contains('@') { url } else { places::absolute(Path::new(&url))?.to_string_lossy().into_owned() };
        text = add_repository(&file, &text, &NewRepository { name: name.clone(), r#use: "builtin:git".to_owned(), url, types: indexmap::IndexMap::new() })?;
    }
    Ok((Manifest::parse(&file, text)?, on_disk))
}

fn looks_like_moodle(path: &Path) -> Result<bool> {
    for place in ["lib/components.json", "public/lib/components.json", "lib/classes/component.php"] {
        if fs::kind(&path.join(place))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The site at a path in the manifest, or a new one.
pub(super) fn look(workspace: &Workspace, options: &Options, path: &Path) -> Result<Ground> {
    let stock = fs::ground::real_path(workspace.machine.stockroom.objects().directory().parent().unwrap_or(path))?;
    if path.starts_with(&stock) || stock.starts_with(path) {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` and the stock `{}` lie in each other", path.display(), stock.display()))
            .hint("the stock is greffon's own; `--stock DIR` names another"));
    }
    let manifest = &workspace.manifest;
    if let Some(site) = by_path(manifest, path)? {
        if let Some(name) = options.name.as_ref().filter(|name| **name != site.name) {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("`{}` is the site `{}` in the manifest, not `{}`", path.display(), site.name, name.escape_debug()),
            ));
        }
        return Ok(Ground { wanted: site.clone(), new: false });
    }
    for site in manifest.sites.iter().filter(|site| !site.own_folder) {
        let there = fs::ground::real_path(&site.path)?;
        if there.starts_with(path) || path.starts_with(&there) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` and the site `{}` at `{}` lie in each other", path.display(), site.name, there.display()),
            ));
        }
    }
    let name = match &options.name {
        Some(name) => name.clone(),
        None => {
            let folder = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name: String = folder.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect();
            let name = name.trim_matches('-').to_owned();
            if name.is_empty() { "site".to_owned() } else { name }
        }
    };
    if let Some(own) = manifest.sites.iter().find(|site| site.own_folder)
        && crate::site::Site::open(own, &workspace.machine.stockroom)?.current()?.is_some()
    {
        return Err(Error::new(ErrorKind::Invalid, "the manifest's own folder is a site of it, and would no longer be one")
            .hint("write a `[sites.NAME]` for it first, or adopt into another manifest"));
    }
    if let Some(taken) = manifest.sites.iter().find(|site| site.name == name && !site.own_folder) {
        return Err(Error::new(ErrorKind::Usage, format!("there is a site `{name}` already, at `{}`", taken.path.display()))
            .hint("`--name NAME` gives this one another name"));
    }
    let text = add_site(&manifest.path, &manifest.text, &name, path)?;
    let parsed = Manifest::parse(&manifest.path, text)?.with_user(&workspace.machine.user);
    let wanted = super::wish::site_of(&parsed, &name)?.clone();
    Ok(Ground { wanted, new: true })
}

/// The urls of options, made absolute.
///
/// # Errors
/// `NotFound` for a path where nothing is.
pub(super) fn addresses(options: &Options) -> Result<Options> {
    let mut options = options.clone();
    for (_, url) in &mut options.git {
        *url = address(url)?;
    }
    Ok(options)
}

/// Whether this is the manifest that stands on disk.
pub(super) fn holds(workspace: &Workspace, text: &str) -> Result<bool> {
    Ok(fs::read_text(&workspace.manifest.path, 16 << 20)?.as_deref() == Some(text))
}
