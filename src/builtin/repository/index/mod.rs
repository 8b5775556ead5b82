//! `builtin:index`: plain files, in a folder or behind any web server (DESIGN section 5).

mod describe;
mod format;
mod include;
mod location;
mod pack;
mod publish;

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

pub use describe::{IndexDescription, describe};
pub use format::TypeProposal;
pub use publish::{PublishOptions, Published, publish, yank};

use self::format::{AdvisoriesFile, ConfigFile, ElementFile, NamesFile, check_schema, parse};
use self::location::{Location, Reader};
use super::{named, search};
use crate::builtin::environment::{AuthOption, Env};
use crate::builtin::memo::Memo;
use crate::builtin::options;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::manifest::UseSpec;
use crate::model::{Advisories, Advisory, ElementId, ElementInfo};
use crate::roles::{AdvisoriesRequest, Context, ElementInfoRequest, Level, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};

/// What `use = "builtin:index"` names.
pub const NAME: &str = "index";

/// How many bytes `config.json` and one element's file may have.
const FILE_LIMIT: u64 = 32 << 20;
/// How many bytes `names.json` may have.
const NAMES_LIMIT: u64 = 256 << 20;

/// The options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct IndexOptions {
    /// A url, or a folder relative to the manifest.
    pub url: Option<String>,
    /// The credential for it and for archives below it.
    pub auth: Option<AuthOption>,
    /// Whether its versions are added to those of earlier repositories.
    pub merge: bool,
}

/// An index.
#[derive(Debug)]
pub struct IndexRepository {
    name: String,
    files: IndexFiles,
    merge: bool,
    answers: Memo<ElementId, Option<Arc<Vec<ElementInfo>>>>,
    /// By whether it was asked without the network.
    advisories: Memo<bool, Arc<Told>>,
}

/// The advisories of an index, and when they were heard; `None`: it carries none.
type Told = Option<(Vec<Advisory>, Option<i64>)>;

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let read: IndexOptions = options::read(spec)?;
    let url = options::required(spec, "url", read.url, "\"https://plugins.example.org/\"")?;
    let location = Location::parse(&url, &spec.base).map_err(|error| options::at(spec, "url", error))?;
    if let (Location::Web(base), Some(auth)) = (&location, &read.auth) {
        env.credentials.add(base.as_str(), auth.clone());
    }
    let name = named(spec, Some(&url));
    Ok(Arc::new(IndexRepository {
        name,
        files: IndexFiles::new(location, env, read.auth),
        merge: read.merge,
        answers: Memo::default(),
        advisories: Memo::default(),
    }))
}

/// Whether these bytes are the file of an element in an index: for tests that try very many of them (`scripts/torture fuzz`).
#[doc(hidden)]
#[must_use]
pub fn element_file_is_understood(bytes: &[u8]) -> bool {
    let _ = (parse::<ConfigFile>(bytes, "config.json"), parse::<NamesFile>(bytes, "names.json"));
    let Ok(location) = Location::parse("https://plugins.example.org/", Path::new("/")) else { return false };
    let Ok(file) = parse::<ElementFile>(bytes, "element.json") else { return false };
    let Ok(id) = format!("{}/{}", file.r#type, file.name).parse::<ElementId>() else { return false };
    file.infos(&id, &location, None).is_ok()
}

/// The files of an index, each read once.
#[derive(Debug)]
struct IndexFiles {
    location: Location,
    reader: Reader,
    config: Memo<(), Arc<ConfigFile>>,
}

impl IndexFiles {
    fn new(location: Location, env: &Env, auth: Option<AuthOption>) -> Self {
        let reader = Reader { http: env.http.clone(), kept: env.stockroom.info().join("http"), auth };
        Self { location, reader, config: Memo::default() }
    }

    /// `config.json`. It must be there: only so can a file that is missing be told from an address that is wrong.
    fn config(&self, cx: &Context) -> Result<Arc<ConfigFile>> {
        self.config.get(&(), || {
            let shown = self.location.shown(&["config.json"]);
            let bytes = self.location.read(cx, &self.reader, &["config.json"], FILE_LIMIT)?;
            let bytes = bytes.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("there is no index at `{}`: it has no `config.json`", self.location.shown(&[])))
                    .hint("check the address; `greffon repo index DIR SOURCE…` makes an index")
            })?;
            let config: ConfigFile = parse(&bytes, &shown)?;
            check_schema(&config.schema, &shown)?;
            Ok(Arc::new(config))
        })
    }

    /// Every version of an element; `None`: the index does not know it.
    fn element(&self, cx: &Context, id: &ElementId) -> Result<Option<Vec<ElementInfo>>> {
        let config = self.config(cx)?;
        let file = format!("{}.json", id.name());
        // A name may hold `/`; `ElementId` has seen to it that no part of it leads elsewhere.
        let parts: Vec<&str> = ["elements", id.kind()].into_iter().chain(file.split('/')).collect();
        let Some(bytes) = self.location.read(cx, &self.reader, &parts, FILE_LIMIT)? else { return Ok(None) };
        let shown = self.location.shown(&parts);
        let element: ElementFile = parse(&bytes, &shown)?;
        let scheme = config.types.get(id.kind()).and_then(|proposal| proposal.scheme.as_deref());
        let infos = element.infos(id, &self.location, scheme);
        infos.map(Some).map_err(|error| Error::new(error.kind(), format!("`{shown}` cannot be used: {error}")))
    }

    /// `advisories.json`; `None`: the index carries none, or nothing of it was ever heard and nobody may be asked.
    fn advisories(&self, cx: &Context) -> Result<Told> {
        const FILE: [&str; 1] = ["advisories.json"];
        let bytes = match self.location.read(cx, &self.reader, &FILE, NAMES_LIMIT) {
            Err(error) if error.kind() == ErrorKind::Offline => return Ok(None),
            read => read?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let shown = self.location.shown(&FILE);
        let file: AdvisoriesFile = parse(&bytes, &shown)?;
        check_schema(&file.schema, &shown)?;
        let mut list: Vec<Advisory> = file.advisories.iter().filter_map(format::AdvisoryFile::advisory).collect();
        let mut seen = std::collections::HashSet::new();
        list.retain(|advisory| seen.insert((advisory.id.clone(), advisory.element.clone())));
        Ok(Some((list, self.location.heard(&self.reader, &FILE))))
    }

    /// `names.json`; `None`: the index has none.
    fn names(&self, cx: &Context) -> Result<Option<NamesFile>> {
        let shown = self.location.shown(&["names.json"]);
        let Some(bytes) = self.location.read(cx, &self.reader, &["names.json"], NAMES_LIMIT)? else { return Ok(None) };
        let names: NamesFile = parse(&bytes, &shown)?;
        check_schema(&names.schema, &shown)?;
        Ok(Some(names))
    }
}

impl IndexRepository {
    fn answer(&self, cx: &Context, id: &ElementId) -> Result<Option<Arc<Vec<ElementInfo>>>> {
        self.answers.get(id, || {
            let infos = self.files.element(cx, id).while_doing(|| format!("repository `{}` could not be asked for {id}", self.name))?;
            Ok(infos.map(Arc::new))
        })
    }
}

impl Repository for IndexRepository {
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

    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        self.files.config(cx)?;
        let Some(names) = self.files.names(cx)? else {
            cx.log(Level::Detail, format!("repository `{}` has no `names.json` to search in", self.name));
            return Ok(Vec::new());
        };
        // A name that could not be asked for is no find.
        let hits = names.elements.into_iter().filter_map(|element| {
            let id = ElementId::new(element.r#type, element.name).ok()?;
            Some(SearchHit { id, summary: element.summary, version: element.version })
        });
        Ok(search::best(hits, &request.text, request.limit))
    }

    fn advisories(&self, cx: &Context, request: &AdvisoriesRequest) -> Result<Advisories> {
        let told = self.advisories.get(&cx.offline(), || Ok(Arc::new(self.files.advisories(cx)?)));
        let told = told.while_doing(|| format!("repository `{}` could not be asked for advisories", self.name))?;
        let Some((list, heard)) = &*told else { return Ok(Advisories::default()) };
        let list = list.iter().filter(|advisory| request.ids.contains(&advisory.element)).cloned().collect();
        Ok(Advisories { list, releases: Vec::new(), heard: *heard })
    }

    fn merge(&self) -> bool {
        self.merge
    }

    fn at_hand(&self) -> bool {
        matches!(self.files.location, Location::Folder(_))
    }
}

/// The index in a folder or at a url, for tools.
fn files_at(text: &str, base: &Path, env: &Env) -> Result<IndexFiles> {
    Ok(IndexFiles::new(Location::parse(text, base)?, env, None))
}
