//! `builtin:folder`: archives and trees named `name-version` in a folder of this machine, in a subfolder a type or of one type.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::path::PathElement;
use super::{named, search};
use crate::builtin::environment::{Env, absolute};
use crate::builtin::memo::Memo;
use crate::builtin::options;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::model::{ElementId, ElementInfo, Version};
use crate::roles::{Context, ElementInfoRequest, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};
use crate::sys::fs::{self, PathKind};
use crate::version::Scheme;

/// What `use = "builtin:folder"` names.
pub const NAME: &str = "folder";

/// How archives end.
const ENDINGS: [&str; 8] = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst"];

/// The options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FolderOptions {
    /// The folder, relative to the manifest.
    pub path: Option<String>,
    /// The one type of everything in it; without it there is a subfolder for each type.
    pub r#type: Option<String>,
    /// Whether its versions are added to those of earlier repositories.
    pub merge: bool,
}

/// A folder of archives and trees.
#[derive(Debug)]
pub struct FolderRepository {
    name: String,
    path: PathBuf,
    kind: Option<String>,
    merge: bool,
    env: Env,
    listings: Memo<String, Arc<Vec<Item>>>,
    answers: Memo<ElementId, Option<Arc<Vec<ElementInfo>>>>,
}

/// One archive or tree of the folder.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    version: Option<Version>,
    path: PathBuf,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let read: FolderOptions = options::read(spec)?;
    let path = options::required(spec, "path", read.path, "\"packages\"")?;
    let path = absolute(&spec.base, &path);
    let name = named(spec, Some(&path.to_string_lossy()));
    let env = env.clone();
    Ok(Arc::new(FolderRepository { name, path, kind: read.r#type, merge: read.merge, env, listings: Memo::default(), answers: Memo::default() }))
}

impl FolderRepository {
    /// Everything of a type; empty where it has no subfolder.
    fn listing(&self, kind: &str) -> Result<Arc<Vec<Item>>> {
        self.listings.get(&kind.to_owned(), || {
            if fs::kind(&self.path)? != Some(PathKind::Folder) {
                return Err(Error::new(ErrorKind::NotFound, format!("repository `{}`: there is no folder `{}`", self.name, self.path.display()))
                    .hint("check its `path`, which is relative to the manifest"));
            }
            let folder = match &self.kind {
                Some(own) if own == kind => self.path.clone(),
                Some(_) => return Ok(Arc::default()),
                None => self.path.join(kind),
            };
            let scheme = self.env.scheme(kind)?;
            let mut items = Vec::new();
            for name in fs::names(&folder)?.unwrap_or_default() {
                let path = folder.join(&name);
                let is_folder = fs::kind(&path)? == Some(PathKind::Folder);
                items.extend(read_name(&name, is_folder, &*scheme).map(|(name, version)| Item { name, version, path }));
            }
            Ok(Arc::new(items))
        })
    }

    fn answer(&self, cx: &Context, id: &ElementId) -> Result<Option<Arc<Vec<ElementInfo>>>> {
        self.answers.get(id, || {
            let mut infos: Vec<ElementInfo> = Vec::new();
            let listing = self.listing(id.kind())?;
            for item in listing.iter().filter(|item| item.name == id.name()) {
                cx.check()?;
                let element = PathElement {
                    id: id.clone(),
                    path: item.path.clone(),
                    version: item.version.clone(),
                    installer: Arc::clone(&self.env.installer),
                    stockroom: self.env.stockroom.clone(),
                };
                let info = element.info(cx)?;
                if let Some(other) = infos.iter().find(|other| other.version == info.version) {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!("repository `{}` holds {id} {} twice: {} and {}", self.name, info.version, shown(other), shown(&info)),
                    )
                    .hint("keep one of the two"));
                }
                infos.push(info);
            }
            Ok((!infos.is_empty()).then(|| Arc::new(infos)))
        })
    }
}

fn shown(info: &ElementInfo) -> String {
    match &info.download {
        Some(crate::model::Download::Path { path, .. }) => format!("`{path}`"),
        _ => String::new(),
    }
}

/// The element's name and version as a file's name says them: cut at the first `-` after which a version follows. A folder
/// without a version is an element whose code states it.
fn read_name(file: &str, is_folder: bool, scheme: &dyn Scheme) -> Option<(String, Option<Version>)> {
    if file.starts_with('.') {
        return None;
    }
    let stem = if is_folder { file } else { ENDINGS.iter().find_map(|ending| file.strip_suffix(ending))? };
    let cut = stem.match_indices('-').find_map(|(at, _)| {
        let rest = &stem[at + 1..];
        let bare = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        let version = Version::new(bare);
        let reads = at > 0 && bare.starts_with(|first: char| first.is_ascii_digit()) && scheme.check(&version).is_ok();
        reads.then(|| (stem[..at].to_owned(), Some(version)))
    });
    cut.or_else(|| is_folder.then(|| (stem.to_owned(), None)))
}

impl Repository for FolderRepository {
    fn name(&self) -> &str {
        &self.name
    }

    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        Ok(Versions::of(self.answer(cx, &request.id)?.as_ref().map(|infos| infos.as_slice())))
    }

    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        let infos = self.answer(cx, &request.id)?;
        Ok(infos.and_then(|infos| infos.iter().find(|info| info.version == request.version).cloned()))
    }

    fn search(&self, _: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        let kinds = match &self.kind {
            Some(kind) => vec![kind.clone()],
            None => fs::names(&self.path)?.unwrap_or_default(),
        };
        let mut hits: Vec<SearchHit> = Vec::new();
        for kind in kinds {
            let scheme = self.env.scheme(&kind)?;
            for item in self.listing(&kind)?.iter() {
                let Ok(id) = ElementId::new(kind.as_str(), item.name.as_str()) else { continue };
                match hits.iter_mut().find(|hit| hit.id == id) {
                    Some(hit) => {
                        let newer = match (&hit.version, &item.version) {
                            (Some(old), Some(new)) => scheme.compare(new, old).is_gt(),
                            (old, _) => old.is_none(),
                        };
                        if newer {
                            hit.version.clone_from(&item.version);
                        }
                    }
                    None => hits.push(SearchHit { id, summary: None, version: item.version.clone() }),
                }
            }
        }
        Ok(search::best(hits.into_iter(), &request.text, request.limit))
    }

    fn merge(&self) -> bool {
        self.merge
    }
}
