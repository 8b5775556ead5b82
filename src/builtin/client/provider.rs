//! Answers the solver's questions for one site: an element's own source, else the repositories in order, and what was put
//! into the stock by hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Standard;
use super::brought::Brought;
use super::exact::{Exact, exactly};
use super::judge::Judge;
use super::kept::Kept;
use super::locking::source_of;
use super::near::nearest_known;
use super::own_source::{at_manifest, no_version, own_name};
use crate::builtin::memo::Memo;
use crate::builtin::repository::{GitElement, PathElement};
use crate::builtin::safety::Freshness;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Download, ElementId, ElementInfo, GitPin, Lock, Source, Version, WantedElement, WantedSite};
use crate::roles::{Context, ElementInfoRequest, Versions, VersionsRequest};
use crate::solve::{Known, Problem, Provider, Question, Reply};
use crate::sys::pool;

/// So many questions to files of this machine take as long as it takes to start a thread several times over.
const WORTH_A_THREAD: usize = 64;

/// What every site of one run shares: the repositories' answers.
#[derive(Debug, Default)]
pub(super) struct Asked {
    owned: Mutex<HashMap<Asking, Option<Arc<Owned>>>>,
    /// The lock as it stood.
    pub(super) lock: Lock,
    held: Mutex<Vec<String>>,
    /// What git sources of elements' own offer, by element, source and scheme.
    own: Memo<(ElementId, String), Arc<Vec<ElementInfo>>>,
    judge: Judge,
    /// Elements whose tags may have moved.
    pub(super) accept_moved: Vec<ElementId>,
}

impl Asked {
    pub(super) fn new(lock: Lock, accept_moved: Vec<ElementId>) -> Self {
        Self { lock, accept_moved, ..Self::default() }
    }

    /// Notes what stays as it is, and why.
    pub(super) fn hold(&self, why: String) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.contains(&why) {
            held.push(why);
        }
    }

    /// What stays as it is, and why.
    pub(super) fn held(&self) -> Vec<String> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A name, and the only repository asked about it, where there is one.
type Asking = (Option<String>, ElementId);

/// What the repositories know of a name.
#[derive(Debug)]
struct Owned {
    /// The repository that owns the name, also where it has no version of it.
    owner: From,
    versions: Vec<(Version, Option<Arc<ElementInfo>>, From)>,
}

/// Who delivered a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    /// The repository of this position.
    Repository(usize),
    /// What was put into the stock by hand.
    Stock,
    /// The element's own source in the manifest.
    Own,
    /// The core brings it along, it is believed: no repository knows it.
    Core,
}

/// One site's provider.
pub(super) struct SiteProvider<'a> {
    client: &'a Standard,
    site: &'a WantedSite,
    asked: &'a Asked,
    /// What the core is known to bring along.
    pub(super) brought: &'a Brought,
    exact: HashMap<ElementId, Version>,
    shortened: AtomicBool,
    /// `None`: everybody is asked of dependencies, however exact.
    needs: Option<Exact>,
    /// What the lock holds on to.
    kept: Arc<Kept>,
    origins: Mutex<HashMap<(ElementId, Version), From>>,
}

impl<'a> SiteProvider<'a> {
    pub(super) fn new(client: &'a Standard, site: &'a WantedSite, (asked, brought): (&'a Asked, &'a Brought), problem: &Problem, kept: Kept) -> Self {
        let exact = problem.roots.iter().filter_map(|root| Some((root.id.clone(), exact_version(client, site, root)?))).collect();
        let (kept, needs) = (Arc::new(kept), Some(Exact::default()));
        Self { client, site, asked, brought, exact, shortened: AtomicBool::new(false), needs, kept, origins: Mutex::default() }
    }

    /// As this one, but every repository is asked, also for what names one version that is in stock. `None`: nothing was left out.
    pub(super) fn unabridged(&self) -> Option<Self> {
        let shortened = self.shortened.load(Ordering::Relaxed) || self.needs.as_ref().is_some_and(Exact::is_used);
        shortened.then(|| Self {
            client: self.client,
            site: self.site,
            asked: self.asked,
            brought: self.brought,
            exact: HashMap::new(),
            shortened: AtomicBool::new(false),
            needs: None,
            kept: Arc::clone(&self.kept),
            origins: Mutex::default(),
        })
    }

    /// What the run shares.
    pub(super) fn asked(&self) -> &Asked {
        self.asked
    }

    /// What the lock holds on to.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Whether what the stock answered of dependencies was all that was asked for.
    pub(super) fn held(&self) -> bool {
        self.needs.as_ref().is_none_or(Exact::held)
    }

    /// The repository that a chosen candidate came from; `None`: the element's own source.
    pub(super) fn origin(&self, id: &ElementId, version: &Version) -> Option<String> {
        self.repository(self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(&(id.clone(), version.clone()))?)
    }

    fn repository(&self, from: &From) -> Option<String> {
        match from {
            From::Repository(index) => Some(self.client.parts.repositories[*index].name().to_owned()),
            From::Stock => Some(self.client.parts.stock.name().to_owned()),
            From::Own | From::Core => None,
        }
    }

    /// Whether a chosen candidate is believed to be part of the core.
    pub(super) fn is_shipped(&self, id: &ElementId, version: &Version) -> bool {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(&(id.clone(), version.clone())) == Some(&From::Core)
    }

    /// What nobody knows may be part of the core: whether it is can be told once the core is chosen.
    fn shipped(&self, cx: &Context, id: &ElementId) -> Result<Option<Known>> {
        if !self.site.elements.keys().any(|wanted| wanted.kind() == "core") {
            return Ok(None);
        }
        let Some(version) = self.client.parts.installer.shipped(cx, id, None)? else { return Ok(None) };
        let version = self.brought.version(id).unwrap_or(version);
        let info = ElementInfo::bare(id.clone(), version.clone());
        self.known(cx, id, None, vec![(version, Some(Arc::new(info)), From::Core)], "the core".to_owned(), Freshness::Kept).map(Some)
    }

    fn element(&self, cx: &Context, id: &ElementId) -> Result<Option<Known>> {
        let wanted = self.site.elements.get(id);
        match wanted.map(|wanted| (wanted, &wanted.source)) {
            None => match self.ask_repositories(cx, id, None)? {
                Some(known) => Ok(Some(known)),
                None => self.shipped(cx, id),
            },
            Some((_, Source::Repositories { .. })) => self.ask_repositories(cx, id, wanted),
            Some((wanted, source)) => {
                let infos = self.ask_own_source(cx, wanted, source).map_err(|error| at_manifest(error, wanted))?;
                Ok(Some(self.known(
                    cx,
                    id,
                    Some(wanted),
                    infos.into_iter().map(|info| (info.version.clone(), Some(Arc::new(info)), From::Own)).collect(),
                    own_name(source),
                    Freshness::Fresh,
                )?))
            }
        }
    }

    /// `how`: how fresh the advisories must be, where the versions came without a question to anybody.
    fn known(
        &self,
        cx: &Context,
        id: &ElementId,
        wanted: Option<&WantedElement>,
        mut versions: Vec<Found<From>>,
        from: String,
        how: Freshness,
    ) -> Result<Known> {
        self.kept.lay(self.client, cx, id, &mut versions, |from| self.repository(from))?;
        let told = versions.iter().find_map(|(_, info, _)| info.as_ref().and_then(|info| info.scheme.clone()));
        let scheme = self.client.schemes.of(id, wanted, told.as_deref())?;
        let mut list: Vec<_> = versions.iter_mut().filter(|(_, _, from)| *from != From::Core).map(|(version, info, _)| (&*version, info)).collect();
        self.asked.judge.judge(self.client, cx, id, &*scheme, how, is_aged(wanted), &mut list);
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        for (version, info, from) in &versions {
            origins.insert((id.clone(), version.clone()), from.clone());
            if let (Some(needs), Some(info)) = (&self.needs, info) {
                needs.hear(info);
            }
        }
        Ok(Known { scheme, versions: versions.into_iter().map(|(version, info, _)| (version, info)).collect(), from })
    }

    fn ask_own_source(&self, cx: &Context, wanted: &WantedElement, source: &Source) -> Result<Vec<ElementInfo>> {
        let id = &wanted.id;
        match source {
            Source::Git { git, pin, subdir, submodules } => {
                let scheme = self.client.schemes.of(id, Some(wanted), None)?;
                let element = GitElement {
                    source: self.client.parts.sources.open(git, None)?,
                    id: id.clone(),
                    subdir: subdir.clone(),
                    submodules: *submodules,
                    pin: pin.clone(),
                    scheme,
                    installer: Arc::clone(&self.client.parts.installer),
                    stockroom: self.client.parts.stockroom.clone(),
                };
                let key = (id.clone(), format!("{source:?} {:?}", element.scheme));
                let infos = self.asked.own.get(&key, || element.infos(cx).map(Arc::new))?.to_vec();
                if infos.is_empty() && *pin == GitPin::Version {
                    return Err(no_version(cx, &element));
                }
                Ok(infos)
            }
            Source::Path { path, version } => {
                let parts = &self.client.parts;
                let element = PathElement {
                    id: id.clone(),
                    path: path.clone(),
                    version: version.clone(),
                    installer: Arc::clone(&parts.installer),
                    stockroom: parts.stockroom.clone(),
                };
                Ok(vec![element.info(cx)?])
            }
            Source::Url { url, version, sha256 } => {
                let version = version.clone().ok_or_else(|| {
                    Error::new(ErrorKind::Manifest, format!("{id} comes from a url, and the manifest does not say which version that is"))
                        .hint("add `version = \"…\"` beside `url`")
                })?;
                let mut info = ElementInfo::bare(id.clone(), version);
                info.download = Some(Download::Url { url: source_of(url), sha256: *sha256, md5: None, size: None, dialogue: None, price: None });
                Ok(vec![info])
            }
            Source::Dialogue { options } => self.client.offered(cx, self.site, wanted, options, self.asked),
            Source::Repositories { .. } => Ok(Vec::new()),
        }
    }

    fn ask_repositories(&self, cx: &Context, id: &ElementId, wanted: Option<&WantedElement>) -> Result<Option<Known>> {
        let only = match wanted.map(|wanted| &wanted.source) {
            Some(Source::Repositories { only }) => only.clone(),
            _ => None,
        };
        // Founding contract: an exact version that is in stock is taken from there without a question to any repository.
        if let Some(version) = self.exact.get(id)
            && let Some(info) = self.in_stock(cx, id, version, only.as_deref())?
        {
            let (info, from) = info;
            self.shortened.store(true, Ordering::Relaxed);
            return Ok(Some(self.known(cx, id, wanted, vec![(version.clone(), Some(Arc::new(info)), from)], "the stock".to_owned(), Freshness::Kept)?));
        }
        if wanted.is_none()
            && let Some(known) = self.exact_dependency(cx, id)?
        {
            return Ok(Some(known));
        }
        let owned = self.owned(cx, id, only.as_deref())?;
        let Some(owned) = owned else { return Ok(None) };
        let names: Vec<String> = {
            let mut names: Vec<String> = owned.versions.iter().map(|(_, _, from)| self.name_of(from)).collect();
            if names.is_empty() {
                names.push(self.name_of(&owned.owner));
            }
            names.dedup();
            names.truncate(3);
            names
        };
        Ok(Some(self.known(cx, id, wanted, owned.versions.clone(), names.join(", "), Freshness::Fresh)?))
    }

    fn name_of(&self, from: &From) -> String {
        match from {
            From::Repository(index) => format!("repository {}", self.client.parts.repositories[*index].name()),
            From::Stock => "the stock".to_owned(),
            From::Own => "its own source".to_owned(),
            From::Core => "the core".to_owned(),
        }
    }

    /// A dependency that is asked for in exact versions alone, all of them in stock.
    fn exact_dependency(&self, cx: &Context, id: &ElementId) -> Result<Option<Known>> {
        let Some((needs, versions)) = self.needs.as_ref().and_then(|needs| Some((needs, needs.versions(id)?))) else { return Ok(None) };
        let mut found = Vec::with_capacity(versions.len());
        for version in &versions {
            let Some((info, from)) = self.in_stock(cx, id, version, None)? else { return Ok(None) };
            found.push((version.clone(), Some(Arc::new(info)), from));
        }
        needs.answered(id, versions);
        self.known(cx, id, None, found, "the stock".to_owned(), Freshness::Kept).map(Some)
    }

    /// An exact version that the stock holds from an origin of this manifest.
    fn in_stock(&self, cx: &Context, id: &ElementId, version: &Version, only: Option<&str>) -> Result<Option<(ElementInfo, From)>> {
        let request = ElementInfoRequest { id: id.clone(), version: version.clone() };
        let parts = &self.client.parts;
        if only.is_none()
            && let Some(info) = parts.stock.element_info(cx, &request)?
        {
            return Ok(Some((info, From::Stock)));
        }
        for (index, repository) in parts.repositories.iter().enumerate() {
            if only.is_some_and(|only| only != repository.name()) {
                continue;
            }
            if let Some(info) = super::remembered::recall(&self.client.parts, cx, index, id, version)? {
                return Ok(Some((info, From::Repository(index))));
            }
        }
        Ok(None)
    }

    /// What the repositories know: the first in order owns the name, those that merge add to it, and so does the stock.
    fn owned(&self, cx: &Context, id: &ElementId, only: Option<&str>) -> Result<Option<Arc<Owned>>> {
        let key = (only.map(str::to_owned), id.clone());
        if let Some(known) = self.asked.owned.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let mut versions: Vec<(Version, Option<Arc<ElementInfo>>, From)> = Vec::new();
        let mut owner = None;
        let parts = &self.client.parts;
        for (index, repository) in parts.repositories.iter().enumerate() {
            if only.is_some_and(|only| only != repository.name()) || (owner.is_some() && !repository.merge()) {
                continue;
            }
            if let Versions::Known(entries) = repository.versions(cx, &VersionsRequest { id: id.clone() })? {
                owner.get_or_insert(From::Repository(index));
                add(&mut versions, entries.into_iter().map(|entry| (entry.version, entry.info.map(Arc::new))), &From::Repository(index));
            }
        }
        if only.is_none()
            && let Versions::Known(entries) = parts.stock.versions(cx, &VersionsRequest { id: id.clone() })?
        {
            owner.get_or_insert(From::Stock);
            add(&mut versions, entries.into_iter().map(|entry| (entry.version, entry.info.map(Arc::new))), &From::Stock);
        }
        let owned = owner.map(|owner| Arc::new(Owned { owner, versions }));
        self.asked.owned.lock().unwrap_or_else(PoisonError::into_inner).insert(key, owned.clone());
        Ok(owned)
    }

    /// How many to ask at a time. Threads are for waiting: where all is on this machine, one alone has had its answers before
    /// others are started, and only many questions are worth some.
    fn jobs(&self, questions: &[Question]) -> usize {
        let parts = &self.client.parts;
        let own = |id: &ElementId| self.site.elements.get(id).is_some_and(|wanted| !matches!(wanted.source, Source::Repositories { .. } | Source::Url { .. }));
        let waits = questions.iter().any(|(Question::Element(id) | Question::Info(id, _))| own(id));
        if waits || !parts.repositories.iter().all(|repository| repository.at_hand()) {
            return parts.jobs;
        }
        (questions.len() / WORTH_A_THREAD).clamp(1, parts.jobs.max(1))
    }

    fn info(&self, cx: &Context, id: &ElementId, version: &Version) -> Result<Option<Arc<ElementInfo>>> {
        let from = self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(&(id.clone(), version.clone())).cloned();
        let request = ElementInfoRequest { id: id.clone(), version: version.clone() };
        let mut info = match from {
            Some(From::Repository(index)) => self.client.parts.repositories[index].element_info(cx, &request)?,
            Some(From::Stock) => self.client.parts.stock.element_info(cx, &request)?,
            Some(From::Own | From::Core) | None => None,
        }
        .map(Arc::new);
        let wanted = self.site.elements.get(id);
        let scheme = self.client.schemes.of(id, wanted, info.as_ref().and_then(|info| info.scheme.as_deref()))?;
        self.asked.judge.judge(self.client, cx, id, &*scheme, Freshness::Fresh, is_aged(wanted), &mut [(version, &mut info)]);
        if let (Some(needs), Some(info)) = (&self.needs, &info) {
            needs.hear(info);
        }
        Ok(info)
    }
}

/// A version, its metadata where it is at hand, and who delivers it.
pub(super) type Found<F> = (Version, Option<Arc<ElementInfo>>, F);

/// Whether the age of an element's versions matters: what a manifest pins is meant, however young.
fn is_aged(wanted: Option<&WantedElement>) -> bool {
    wanted.is_none_or(|wanted| matches!(&wanted.source, Source::Repositories { .. } | Source::Git { pin: GitPin::Version, .. }))
}

fn add(versions: &mut Vec<(Version, Option<Arc<ElementInfo>>, From)>, entries: impl Iterator<Item = (Version, Option<Arc<ElementInfo>>)>, from: &From) {
    for (version, info) in entries {
        if !versions.iter().any(|(known, _, _)| *known == version) {
            versions.push((version, info, from.clone()));
        }
    }
}

/// The one version that a requirement names, where it names one exactly.
fn exact_version(client: &Standard, site: &WantedSite, root: &crate::solve::Root) -> Option<Version> {
    let text = root.requirement.as_str().trim();
    if text.starts_with('=') {
        return exactly(&root.requirement);
    }
    let scheme = client.schemes.of(&root.id, site.elements.get(&root.id), None).ok()?;
    let plain = matches!(scheme.name(), "3m" | "natural" | "date") || (scheme.name() == "moodle" && text.len() >= 10);
    let version = Version::new(text);
    (plain && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') && scheme.check(&version).is_ok()).then_some(version)
}

impl Provider for SiteProvider<'_> {
    fn answer(&self, cx: &Context, questions: &[Question]) -> Result<Vec<Reply>> {
        let jobs = self.jobs(questions);
        pool::each(jobs, questions, |question| match question {
            Question::Element(id) => self.element(cx, id).map(Reply::Element),
            Question::Info(id, version) => self.info(cx, id, version).map(Reply::Info),
        })
        .into_iter()
        .collect()
    }

    fn passed_over(&self, cx: &Context, id: &ElementId) -> Vec<(String, Vec<Version>)> {
        let only = match self.site.elements.get(id).map(|wanted| &wanted.source) {
            Some(Source::Repositories { only }) => only.clone(),
            Some(_) => return Vec::new(),
            None => None,
        };
        let Ok(Some(owned)) = self.owned(cx, id, only.as_deref()) else { return Vec::new() };
        let used = |at: usize| owned.versions.iter().any(|(_, _, from)| matches!(from, From::Repository(index) if *index == at));
        let others = self.client.parts.repositories.iter().enumerate().filter(|(at, _)| !used(*at));
        // one that cannot be asked is not missed in an explanation
        let known = others.filter_map(|(_, repository)| match repository.versions(cx, &VersionsRequest { id: id.clone() }) {
            Ok(Versions::Known(entries)) => Some((repository.name().to_owned(), entries.into_iter().map(|entry| entry.version).collect())),
            _ => None,
        });
        known.collect()
    }

    fn near(&self, id: &ElementId) -> Vec<ElementId> {
        nearest_known(&self.client.parts.repositories, id)
    }
}
