//! Publishing into an index that is a folder: archives first, then the elements' files, `names.json` last, each whole or not
//! at all. Published bytes never change.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::format::{ConfigFile, DownloadFile, ElementFile, NamedElement, NamesFile, SCHEMA, TypeProposal, VersionFile, check_schema, parse};
use super::pack::{Packed, file_version, pack};
use super::{FILE_LIMIT, NAMES_LIMIT};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ElementId, Version};
use crate::roles::{Context, Level};
use crate::sys::archive::{self, Limits};
use crate::sys::fs::{self, FileLock};
use crate::sys::git::Objects;
use crate::version::scheme;

/// How to publish.
#[derive(Debug, Clone, Default)]
pub struct PublishOptions {
    /// What the index is called; only used when it is made.
    pub name: Option<String>,
    /// When (RFC 3339 or a date); `None`: today.
    pub published: Option<String>,
    /// Pack and check, and write nothing.
    pub dry_run: bool,
}

/// One package that [`publish`] was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// Its archive, relative to the index.
    pub file: String,
    /// The archive's digest.
    pub sha256: Digest,
    /// The archive's length in bytes.
    pub size: u64,
    /// Whether it was new; one that was there already with the same content is left alone.
    pub new: bool,
}

/// Packs folders and adds them to the index at `folder`, which is made where it is not there. Everything is packed and checked
/// before anything is written. `objects` is where trees are made (a scratch database will do).
///
/// # Errors
/// `Manifest` for a folder that is no package, `Digest` for a version that was published with other content, `Invalid` for an
/// index that cannot be read; `Io`.
pub fn publish(cx: &Context, folder: &Path, sources: &[PathBuf], options: &PublishOptions, objects: &Objects) -> Result<Vec<Published>> {
    let date = options.published.clone().unwrap_or_else(|| jiff::Zoned::now().date().to_string());
    let mut packages: Vec<Packed> = Vec::new();
    for source in sources {
        let packed = pack(cx, source, objects)?;
        let same = |other: &Packed| (&other.package.info.id, &other.package.info.version) == (&packed.package.info.id, &packed.package.info.version);
        if packages.iter().any(same) {
            let text = format!("{} {} is given twice", packed.package.info.id, packed.package.info.version);
            return Err(Error::new(ErrorKind::Invalid, text).hint("leave one of its folders out"));
        }
        packages.push(packed);
    }
    let _alone = if options.dry_run { None } else { Some(alone(cx, folder)?) };
    let mut index = Index::open(folder, options.name.as_deref())?;
    let mut report: Vec<Published> = Vec::new();
    let mut archives: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for packed in packages {
        let (published, bytes) = index.add(cx, packed, &date, objects)?;
        archives.extend(bytes.map(|bytes| (folder.join(&published.file), bytes)));
        report.push(published);
    }
    if options.dry_run {
        return Ok(report);
    }
    for (path, bytes) in archives {
        if let Some(parent) = path.parent() {
            fs::create_folder(parent)?;
        }
        fs::write_atomic(&path, &bytes)?;
    }
    index.write()?;
    Ok(report)
}

/// Withdraws a version, with a reason, or takes the withdrawal back (`why` is `None`). The archive stays: locked sites use it.
///
/// # Errors
/// `NotFound` for an element or version that the index does not hold.
pub fn yank(cx: &Context, folder: &Path, id: &ElementId, version: &Version, why: Option<&str>) -> Result<()> {
    if fs::kind(&folder.join("config.json"))?.is_none() {
        return Err(Error::new(ErrorKind::NotFound, format!("`{}` is no index: it has no `config.json`", folder.display())));
    }
    let _alone = alone(cx, folder)?;
    let mut index = Index::open(folder, None)?;
    let file = index.element(id)?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("the index `{}` holds no {id}", folder.display())))?;
    let known: Vec<String> = file.versions.iter().map(|entry| format!("`{}`", entry.version)).collect();
    let entry = file.versions.iter_mut().find(|entry| entry.version == *version).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the index `{}` holds no {id} {version}", folder.display())).hint(format!("it holds {}", known.join(", ")))
    })?;
    entry.yanked = why.map(|why| if why.trim().is_empty() { "withdrawn".to_owned() } else { why.trim().to_owned() });
    cx.log(Level::Detail, format!("{id} {version}: {}", if why.is_some() { "withdrawn" } else { "offered again" }));
    index.write()
}

/// Keeps other publishers out: what one of them read must still stand when it writes.
fn alone(cx: &Context, folder: &Path) -> Result<FileLock> {
    fs::create_folder(folder)?;
    FileLock::exclusive(cx, &folder.join(".lock"), "the index")
}

/// An index that is being changed: what was read of it, and what is to be written.
struct Index {
    folder: PathBuf,
    config: ConfigFile,
    names: NamesFile,
    touched: IndexMap<ElementId, ElementFile>,
}

impl Index {
    fn open(folder: &Path, name: Option<&str>) -> Result<Self> {
        let read = |name: &str, limit| -> Result<Option<(Vec<u8>, String)>> {
            let path = folder.join(name);
            Ok(fs::read(&path, limit)?.map(|bytes| (bytes, path.display().to_string())))
        };
        let config = if let Some((bytes, shown)) = read("config.json", FILE_LIMIT)? {
            let config: ConfigFile = parse(&bytes, &shown)?;
            check_schema(&config.schema, &shown)?;
            config
        } else {
            let own = folder.file_name().map(|name| name.to_string_lossy().into_owned());
            ConfigFile { schema: SCHEMA.to_owned(), name: name.map(str::to_owned).or(own), types: IndexMap::new() }
        };
        let names = match read("names.json", NAMES_LIMIT)? {
            Some((bytes, shown)) => {
                let names: NamesFile = parse(&bytes, &shown)?;
                check_schema(&names.schema, &shown)?;
                names
            }
            None => NamesFile { schema: SCHEMA.to_owned(), elements: Vec::new() },
        };
        Ok(Self { folder: folder.to_owned(), config, names, touched: IndexMap::new() })
    }

    fn element_path(&self, id: &ElementId) -> PathBuf {
        self.folder.join("elements").join(id.kind()).join(format!("{}.json", id.name()))
    }

    /// An element's file, to be changed; `None`: there is none.
    fn element(&mut self, id: &ElementId) -> Result<Option<&mut ElementFile>> {
        if !self.touched.contains_key(id) {
            let path = self.element_path(id);
            let Some(bytes) = fs::read(&path, FILE_LIMIT)? else { return Ok(None) };
            let shown = path.display().to_string();
            let file: ElementFile = parse(&bytes, &shown)?;
            if file.r#type != id.kind() || file.name != id.name() {
                return Err(Error::new(ErrorKind::Invalid, format!("`{shown}` says that it is `{}/{}`", file.r#type.escape_debug(), file.name.escape_debug())));
            }
            self.touched.insert(id.clone(), file);
        }
        Ok(self.touched.get_mut(id))
    }

    /// Adds a package; gives the bytes of its archive where they are to be written.
    fn add(&mut self, cx: &Context, packed: Packed, date: &str, objects: &Objects) -> Result<(Published, Option<Vec<u8>>)> {
        let info = packed.package.info;
        let (id, version) = (info.id.clone(), info.version.clone());
        let digest = Digest::from_bytes(Sha256::digest(&packed.bytes).into());
        let size = packed.bytes.len() as u64;
        let file = format!("files/{id}-{}.tar.gz", file_version(version.as_str()));
        let proposed = self.config.types.get(id.kind()).and_then(|proposal| proposal.scheme.clone());
        if !self.config.types.contains_key(id.kind()) {
            let proposal = TypeProposal { path: Some(format!("{}/{{name}}", id.kind())), scheme: info.scheme.clone() };
            self.config.types.insert(id.kind().to_owned(), proposal);
        }
        let folder = self.folder.clone();
        if let Some(element) = self.element(&id)?
            && let Some(entry) = element.versions.iter().find(|entry| entry.version == version)
        {
            let download = entry.download.clone().unwrap_or_default();
            let same = download.sha256 == Some(digest) || same_content(cx, &folder, &download, packed.tree, objects)?;
            if !same {
                return Err(Error::new(ErrorKind::Digest, format!("{id} {version} was published already, with other content"))
                    .hint("published bytes never change: raise the version, and `greffon repo yank` the old one if it is bad"));
            }
            let file = download.url.unwrap_or(file);
            let sha256 = download.sha256.unwrap_or(digest);
            let known = Published { id, version, file: file.clone(), sha256, size: download.size.unwrap_or(size), new: false };
            // An archive that was lost is written again, where the bytes are still the same.
            let lost = sha256 == digest && fs::kind(&folder.join(&file))?.is_none();
            return Ok((known, lost.then_some(packed.bytes)));
        }
        let file = free_name(cx, &folder, file, digest)?;
        let entry = VersionFile {
            version: version.clone(),
            dependencies: info.dependencies,
            conflicts: info.conflicts,
            optional: info.optional,
            yanked: None,
            published: Some(date.to_owned()),
            download: Some(DownloadFile { url: Some(file.clone()), sha256: Some(digest), size: Some(size), ..DownloadFile::default() }),
        };
        let own_scheme = info.scheme.filter(|own| proposed.as_ref().is_some_and(|proposed| proposed != own));
        if self.element(&id)?.is_none() {
            let fresh = ElementFile { r#type: id.kind().to_owned(), name: id.name().to_owned(), summary: None, scheme: own_scheme, versions: Vec::new() };
            self.touched.insert(id.clone(), fresh);
        }
        if let Some(element) = self.touched.get_mut(&id) {
            element.summary = info.summary.or_else(|| element.summary.take());
            element.versions.push(entry);
        }
        let published = Published { id, version, file, sha256: digest, size, new: true };
        Ok((published, Some(packed.bytes)))
    }

    /// Writes what was touched: `config.json`, the elements' files, `names.json` last.
    fn write(mut self) -> Result<()> {
        fs::create_folder(&self.folder)?;
        write_json(&self.folder.join("config.json"), &self.config)?;
        for (id, file) in &self.touched {
            let path = self.element_path(id);
            if let Some(parent) = path.parent() {
                fs::create_folder(parent)?;
            }
            write_json(&path, file)?;
        }
        for (id, file) in &self.touched {
            let kind = self.config.types.get(id.kind()).and_then(|proposal| proposal.scheme.as_deref());
            let named = NamedElement {
                r#type: id.kind().to_owned(),
                name: id.name().to_owned(),
                summary: file.summary.clone(),
                version: newest(file, file.scheme.as_deref().or(kind).unwrap_or("3m"))?,
            };
            self.names.elements.retain(|other| (other.r#type.as_str(), other.name.as_str()) != (id.kind(), id.name()));
            self.names.elements.push(named);
        }
        self.names.elements.sort_by(|a, b| (&a.r#type, &a.name).cmp(&(&b.r#type, &b.name)));
        write_json(&self.folder.join("names.json"), &self.names)
    }
}

/// The archive's name; another one where other bytes lie there already, which are never written over.
fn free_name(cx: &Context, folder: &Path, file: String, digest: Digest) -> Result<String> {
    let path = folder.join(&file);
    if fs::kind(&path)?.is_none() || fs::digest(cx, &path)?.0 == digest {
        return Ok(file);
    }
    Ok(format!("{}-{}.tar.gz", file.trim_end_matches(".tar.gz"), &digest.hex()[..12]))
}

/// Whether a published archive makes the same tree: another release of a compressor packs the same files differently.
fn same_content(cx: &Context, folder: &Path, download: &DownloadFile, tree: crate::model::ObjectId, objects: &Objects) -> Result<bool> {
    let Some(file) = download.url.as_ref().filter(|url| !url.contains("://")) else { return Ok(false) };
    let path = folder.join(file);
    if fs::kind(&path)?.is_none() {
        return Ok(false);
    }
    Ok(archive::import(cx, &path, None, objects, &Limits::default())?.tree == tree)
}

/// The newest version that is not withdrawn.
fn newest(file: &ElementFile, name: &str) -> Result<Option<Version>> {
    let scheme = scheme(name)?;
    let offered = file.versions.iter().filter(|entry| entry.yanked.is_none()).map(|entry| &entry.version);
    Ok(offered.max_by(|a, b| scheme.is_prerelease(b).cmp(&scheme.is_prerelease(a)).then_with(|| scheme.compare(a, b))).cloned())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| Error::new(ErrorKind::Internal, format!("could not write `{}`", path.display())).caused_by(error))?;
    text.push(b'\n');
    fs::write_atomic(path, &text)
}
