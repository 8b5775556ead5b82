//! An element that lies on this machine: a folder or an archive, and what its code says of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::parse_package;
use crate::model::{Download, ElementId, ElementInfo, ObjectId, Version};
use crate::roles::{Context, InfoRequest, Installer, Level, Trees};
use crate::sys::archive::{self, Limits};
use crate::sys::fs::{self, PathKind};
use crate::sys::stockroom::Stockroom;

/// The version of a folder that neither manifest, name nor code gives one: it is locked by its path alone.
const NO_VERSION: &str = "0.0.0";
/// Archives beyond this many bytes are not looked into before they are wanted.
const CHEAP: u64 = 64 << 20;
const PACKAGE_FILE: &str = "greffon.toml";

/// An element at a path. Serves both the repository `folder` and elements whose manifest entry says `path = …`.
#[derive(Debug, Clone)]
pub struct PathElement {
    /// Which element.
    pub id: ElementId,
    /// Where it lies; absolute.
    pub path: PathBuf,
    /// Its version, where the manifest or its name says so; it wins over what the code says.
    pub version: Option<Version>,
    /// Reads versions from code that has no `[package]`.
    pub installer: Arc<dyn Installer>,
    /// Where archives are imported to be read.
    pub stockroom: Stockroom,
}

impl PathElement {
    /// Its metadata. Looks into archives too (into large ones not); what was read of an archive is kept in the stock as long as
    /// the file does not change.
    ///
    /// # Errors
    /// `NotFound` when nothing is there, `Archive` for one that cannot be read and has no version, `Invalid` when its code says that it is another element.
    pub fn info(&self, cx: &Context) -> Result<ElementInfo> {
        let said = match kind(&self.id, &self.path)? {
            PathKind::Folder => self.folder(cx)?,
            PathKind::File { size, .. } if size > CHEAP => None,
            PathKind::File { size, modified } => self.archive(cx, size, modified)?,
            PathKind::Other => return Err(no_element(&self.id, &self.path)),
        };
        Ok(finish(&self.id, &self.path, self.version.as_ref(), said))
    }

    fn folder(&self, cx: &Context) -> Result<Option<ElementInfo>> {
        refuse_bare(&self.id, &self.path)?;
        if let Some(info) = package_in(&self.id, &self.path)? {
            return Ok(Some(info));
        }
        let tree = archive::import_directory(cx, &self.path, self.stockroom.objects(), &Limits::default())?.tree;
        self.installer.info(cx, &self.request(tree))
    }

    fn request(&self, tree: ObjectId) -> InfoRequest {
        InfoRequest { id: self.id.clone(), tree, reference: None }
    }

    fn archive(&self, cx: &Context, size: u64, modified: i128) -> Result<Option<ElementInfo>> {
        let key = format!("{}\n{}\n{:?}\n{}", self.path.display(), self.id, self.installer, env!("CARGO_PKG_VERSION"));
        let file = self.stockroom.info().join("path").join(format!("{}.json", hex::encode(&Sha256::digest(key.as_bytes())[..16])));
        let kept = fs::read(&file, 16 << 20).ok().flatten().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        if let Some(kept) = kept
            && (kept.size, kept.modified) == (size, modified.to_string())
        {
            return Ok(kept.info);
        }
        let tree = match archive::import(cx, &self.path, None, self.stockroom.objects(), &Limits::default()) {
            Ok(imported) => imported.tree,
            Err(error) if error.kind() == ErrorKind::Archive && self.version.is_some() => {
                // It stays a version: whoever chooses it is told why it cannot be had.
                cx.log(Level::Detail, format!("{}: `{}` could not be looked into: {error}", self.id, self.path.display()));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let info = match self.stockroom.objects().read(tree, PACKAGE_FILE)? {
            Some(bytes) => package(&self.id, &self.path.join(PACKAGE_FILE), bytes)?,
            None => None,
        };
        let info = match info {
            Some(info) => Some(info),
            None => self.installer.info(cx, &self.request(tree))?,
        };
        let kept = Kept { size, modified: modified.to_string(), info };
        if let (Some(folder), Ok(text)) = (file.parent(), serde_json::to_vec(&kept)) {
            fs::create_folder(folder)?;
            fs::write_atomic(&file, &text)?;
        }
        Ok(kept.info)
    }
}

/// What was read of an archive, and which state of the file it was read of.
#[derive(Serialize, Deserialize)]
struct Kept {
    size: u64,
    modified: String,
    info: Option<ElementInfo>,
}

/// What is known of an element at a path without an installer: a folder's `[package]`, else its version as given.
///
/// # Errors
/// As [`PathElement::info`].
pub fn folder_info(_: &Context, id: &ElementId, path: &Path, version: Option<&Version>) -> Result<ElementInfo> {
    let said = if kind(id, path)? == PathKind::Folder { package_in(id, path)? } else { None };
    Ok(finish(id, path, version, said))
}

/// What a bare git repository holds is no element's code.
fn refuse_bare(id: &ElementId, path: &Path) -> Result<()> {
    let is = |name: &str, wanted: fn(&PathKind) -> bool| Ok::<_, Error>(fs::kind(&path.join(name))?.is_some_and(|kind| wanted(&kind)));
    let folder = |kind: &PathKind| *kind == PathKind::Folder;
    if !(is("HEAD", |kind| matches!(kind, PathKind::File { .. }))? && is("objects", folder)? && is("refs", folder)?) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{id} is to be taken from `{}`, which is a bare git repository: its files are git's own", path.display()))
        .hint("say `git = …` in place of `path = …` (`--git` in place of `--path`)"))
}

fn kind(id: &ElementId, path: &Path) -> Result<PathKind> {
    fs::kind(path)?.ok_or_else(|| no_element(id, path))
}

fn no_element(id: &ElementId, path: &Path) -> Error {
    Error::new(ErrorKind::NotFound, format!("{id} is to be at `{}`, where there is no folder and no archive", path.display()))
        .hint("check its `path`, which is relative to the manifest")
}

fn package_in(id: &ElementId, folder: &Path) -> Result<Option<ElementInfo>> {
    let file = folder.join(PACKAGE_FILE);
    match fs::read(&file, 1 << 20)? {
        Some(bytes) => package(id, &file, bytes),
        None => Ok(None),
    }
}

fn package(id: &ElementId, file: &Path, bytes: Vec<u8>) -> Result<Option<ElementInfo>> {
    let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Manifest, format!("`{}` is not UTF-8", file.display())))?;
    let Some(package) = parse_package(file, &text)? else { return Ok(None) };
    if package.info.id != *id {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` says that it is {}, not {id}", file.display(), package.info.id))
            .hint(format!("ask for it as `{}`", package.info.id)));
    }
    Ok(Some(package.info))
}

fn finish(id: &ElementId, path: &Path, version: Option<&Version>, said: Option<ElementInfo>) -> ElementInfo {
    let mut info = match (version, said) {
        (Some(version), Some(said)) => ElementInfo { version: version.clone(), ..said },
        (None, Some(said)) => said,
        (Some(version), None) => ElementInfo::bare(id.clone(), version.clone()),
        (None, None) => ElementInfo::bare(id.clone(), Version::new(NO_VERSION)),
    };
    info.id = id.clone();
    info.download = Some(Download::Path { path: path.to_string_lossy().into_owned(), sha256: None, subdir: None });
    info
}
