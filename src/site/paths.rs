//! Where a site and its state are, and whether the state can be trusted.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::model::WantedSite;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::Kind;
use crate::sys::fs::{durable, ground};

/// The state's layout that this greffon writes.
const SCHEMA: u32 = 1;
/// The name of a state that lies inside its site.
const INSIDE: &str = ".greffon";

/// A site's two places. Nothing is written to find them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    /// The code tree, links resolved.
    pub(super) root: PathBuf,
    /// The state.
    pub(super) state: PathBuf,
    /// The state's path below the root, where it lies inside.
    pub(super) inside: Option<String>,
}

impl Places {
    pub(super) fn find(wanted: &WantedSite) -> Result<Self> {
        let root = ground::real_path(&wanted.path)?;
        let (Some(parent), Some(name)) = (root.parent(), root.file_name().and_then(|name| name.to_str())) else {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` cannot be a site: it has no folder above it, or no UTF-8 name", root.display())));
        };
        let state = if let Some(state) = &wanted.state {
            ground::real_path(state)?
        } else {
            let (beside, within) = (parent.join(format!(".greffon-{name}")), root.join(INSIDE));
            if !exists(&beside) && (exists(&within) || !fits_beside(&root, parent)?) { within } else { beside }
        };
        if root.starts_with(&state) {
            return Err(Error::new(ErrorKind::Invalid, format!("the state `{}` may not hold its own site", state.display())));
        }
        let inside = state.strip_prefix(&root).ok().and_then(Path::to_str).map(str::to_owned);
        Ok(Self { root, state, inside })
    }

    /// The state's folder, checked; `None` when there is none yet.
    pub(super) fn open_state(&self) -> Result<Option<Dir>> {
        let Some(parent) = self.state.parent() else { return Ok(None) };
        let Some(name) = self.state.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let Some(above) = Dir::open(parent)? else { return Ok(None) };
        let Some(witness) = above.witness(name)? else { return Ok(None) };
        if witness.kind() != Kind::Directory {
            return Err(refuse(&self.state, "it is not a folder"));
        }
        if !ground::is_own(&witness) {
            return Err(
                refuse(&self.state, "it belongs to another user").hint("run greffon as the user who made the site, or `greffon forget` it as that user")
            );
        }
        if witness.mode & 0o022 != 0 {
            return Err(refuse(&self.state, "other users may write in it").hint(format!("`chmod 700 {}` after checking what is in it", self.state.display())));
        }
        if self.inside.is_none() {
            self.check_above(&above)?;
        }
        let Some(dir) = above.sub(name)? else { return Err(refuse(&self.state, "it changed while it was opened")) };
        check_schema(&dir)?;
        Ok(Some(dir))
    }

    /// Nobody else may be able to put another folder in the state's place.
    fn check_above(&self, above: &Dir) -> Result<()> {
        if !ground::others_may_write(&above.own_witness()?) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Site,
            format!("the state of `{}` cannot be kept in `{}`: another user may write there", self.root.display(), above.path().display()),
        )
        .hint("run greffon as the user who owns that folder, or set `state` of the site to a folder on the same file system that is yours alone"))
    }

    /// The state's folder, made where it is missing.
    pub(super) fn make_state(&self) -> Result<Dir> {
        if let Some(dir) = self.open_state()? {
            if dir.witness("schema")?.is_none() {
                fill(&dir)?;
            }
            return Ok(dir);
        }
        let parent = self.state.parent().unwrap_or(Path::new("/"));
        ground::make_folders(parent)?;
        let name = self.state.file_name().and_then(|name| name.to_str()).unwrap_or(INSIDE);
        let above = Dir::open(parent)?.ok_or_else(|| refuse(&self.state, "the folder above it went away"))?;
        if self.inside.is_none() {
            self.check_above(&above)?;
        }
        above.make_dir(name, 0o700)?;
        let dir = self.open_state()?.ok_or_else(|| refuse(&self.state, "it went away"))?;
        // The umask may only have taken bits away, but a default ACL can have added some.
        dir.set_mode(0o700)?;
        if self.inside.is_some() {
            deny_web_access(&dir)?;
        }
        fill(&dir)?;
        Ok(dir)
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether the state can lie beside the site: we may write there, and it is one file system.
fn fits_beside(root: &Path, parent: &Path) -> Result<bool> {
    // A parent that is not there yet will be made by us.
    let Some(above) = Dir::open(parent)? else { return Ok(true) };
    let same = match Dir::open(root)? {
        Some(site) => site.own_witness()?.device == above.own_witness()?.device,
        None => true,
    };
    Ok(same && above.may_write())
}

fn refuse(state: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Site, format!("the state `{}` is refused: {why}", state.display()))
}

fn fill(dir: &Dir) -> Result<()> {
    // Before there is a lock to hold: whoever is first on this site may not be alone.
    durable::replace_together(dir, "schema", format!("{SCHEMA}\n").as_bytes())
}

fn check_schema(dir: &Dir) -> Result<()> {
    let Some(bytes) = dir.read("schema")? else { return Ok(()) };
    match String::from_utf8_lossy(&bytes).trim().parse::<u32>() {
        Ok(schema) if schema <= SCHEMA => Ok(()),
        Ok(schema) => Err(Error::new(ErrorKind::Newer, format!("the state `{}` was written by a newer greffon (schema {schema})", dir.path().display()))
            .hint("use that greffon, or a newer one")),
        Err(_) => Err(refuse(dir.path(), "its `schema` file is damaged")),
    }
}

/// A state inside a site lies below a web server's root: common servers are told not to serve it.
fn deny_web_access(dir: &Dir) -> Result<()> {
    let files: [(&str, &str); 3] = [
        (".htaccess", "Require all denied\n"),
        ("index.html", ""),
        ("web.config", "<configuration><system.webServer><authorization><deny users=\"*\" /></authorization></system.webServer></configuration>\n"),
    ];
    for (name, text) in files {
        if dir.witness(name)?.is_none() {
            drop(dir.create(name, text.as_bytes(), 0o600)?);
        }
    }
    Ok(())
}
