//! `builtin:camp`: the open index of Moodle plugins, a git repository that says where each plugin's own git repository is, which
//! releases it vouches for, and what is unsafe. Versions and what they fit are read from the plugins' own code.

mod index;
mod record;

use std::sync::Arc;

use serde::Deserialize;

use self::index::Index;
use self::record::Plugin;
use super::{GitElement, is_component, named, search};
use crate::builtin::environment::{AuthOption, Env, git_address, is_remote_git};
use crate::builtin::memo::Memo;
use crate::builtin::{options, safety};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::manifest::UseSpec;
use crate::model::{Advisories, Advisory, Download, ElementId, ElementInfo, GitPin, ReleaseName, Version};
use crate::roles::{AdvisoriesRequest, Context, ElementInfoRequest, Level, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};
use crate::sys::redact;
use crate::version::{Verdict, verdict};

/// What `use = "builtin:camp"` names.
pub const NAME: &str = "camp";

/// The type of its elements.
const PLUGINS: &str = "plugins";
/// The index itself.
const INDEX: &str = "https://github.com/camp-registry/camp-index.git";

/// The options.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CampOptions {
    /// The index's git repository: a url, or a path relative to the manifest.
    pub url: String,
    /// Its branch; the default one where none is named.
    pub branch: Option<String>,
    /// The credential for the index; plugins' repositories have their own (netrc, `GREFFON_TOKEN_<HOST>`).
    pub auth: Option<AuthOption>,
    /// Whether its versions are added to those of earlier repositories.
    pub merge: bool,
}

impl Default for CampOptions {
    fn default() -> Self {
        Self { url: INDEX.to_owned(), branch: None, auth: None, merge: false }
    }
}

/// The index.
#[derive(Debug)]
pub struct CampRepository {
    name: String,
    url: String,
    branch: Option<String>,
    auth: Option<AuthOption>,
    merge: bool,
    env: Env,
    /// By whether it was asked without the network: what is heard then is no answer for who may ask.
    index: Memo<bool, Arc<Index>>,
    told: Memo<bool, Arc<Vec<(String, Advisory)>>>,
    answers: Memo<ElementId, Option<Arc<Vec<ElementInfo>>>>,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let read: CampOptions = options::read(spec)?;
    if read.url.trim().is_empty() {
        return Err(options::wrong(spec, "url", "`url` is empty").hint(format!("the index itself is `{INDEX}`")));
    }
    let url = git_address(&spec.base, &read.url);
    // An address that cannot be one is told where it stands.
    env.sources.open(&url, None).map_err(|error| options::at(spec, "url", error))?;
    let name = named(spec, Some(&url));
    Ok(Arc::new(CampRepository {
        name,
        url,
        branch: read.branch,
        auth: read.auth,
        merge: read.merge,
        env: env.clone(),
        index: Memo::default(),
        told: Memo::default(),
        answers: Memo::default(),
    }))
}

impl CampRepository {
    fn index(&self, cx: &Context) -> Result<Arc<Index>> {
        self.index.get(&cx.offline(), || {
            let auth = self.auth.as_ref().map(|auth| auth.resolve(cx)).transpose()?;
            let source = self.env.sources.open(&self.url, auth)?;
            let kept = self.env.stockroom.info().join("camp");
            let index = Index::open(cx, source, self.branch.as_deref(), kept).while_doing(|| format!("repository `{}` could not be read", self.name))?;
            Ok(Arc::new(index))
        })
    }

    fn told(&self, cx: &Context) -> Result<Arc<Vec<(String, Advisory)>>> {
        self.told.get(&cx.offline(), || {
            let index = self.index(cx)?;
            let mut all = index.advisories(cx)?;
            let mut seen = std::collections::HashSet::new();
            all.retain(|(_, advisory)| seen.insert((advisory.id.clone(), advisory.element.clone())));
            Ok(Arc::new(all))
        })
    }

    fn answer(&self, cx: &Context, id: &ElementId) -> Result<Option<Arc<Vec<ElementInfo>>>> {
        if id.kind() != PLUGINS || !is_component(id.name()) {
            return Ok(None);
        }
        self.answers.get(id, || {
            let Some(plugin) = self.index(cx)?.plugin(id.name())? else { return Ok(None) };
            let mut infos = self.offered(cx, id, &plugin)?;
            let told = self.told(cx)?;
            let scheme = self.env.scheme(id.kind())?;
            for info in &mut infos {
                info.summary = plugin.summary.clone().or(info.summary.take());
                vouch(info, &plugin);
                let names = safety::names_of(info);
                let revokes = told.iter().map(|(_, advisory)| advisory).find(|advisory| {
                    let own = advisory.revoke && advisory.element == *id;
                    own && verdict(advisory, &*scheme, &info.version, names.iter().map(String::as_str)) == Verdict::Affected
                });
                if let Some(advisory) = revokes {
                    info.yanked = Some(safety::reason(advisory));
                }
            }
            Ok(Some(Arc::new(infos)))
        })
    }

    /// What the plugin's own repository holds.
    fn offered(&self, cx: &Context, id: &ElementId, plugin: &Plugin) -> Result<Vec<ElementInfo>> {
        // An index on the web must not point at files of this machine.
        let local = |url: &str| !is_remote_git(url) || url.starts_with("file:");
        let absolute = plugin.source.starts_with('/') || plugin.source.starts_with("file:");
        if local(&plugin.source) && !(local(&self.url) && absolute) {
            let text =
                format!("repository `{}` says that {id} is at `{}`, which is no address of a git repository elsewhere", self.name, redact(&plugin.source));
            return Err(Error::new(ErrorKind::Invalid, text).hint("tell the index's keepers; a `git =` of its own in the manifest does without the index"));
        }
        let source = self.env.sources.open(&plugin.source, None).while_doing(|| format!("repository `{}` says where {id} is", self.name))?;
        let refs = source.refs(cx).map_err(|error| {
            let error = error.wrap(format!("repository `{}` says that {id} is at `{}`, which cannot be read", self.name, redact(&plugin.source)));
            error.hint(format!("where it is elsewhere by now: `greffon add {id} --git URL`"))
        })?;
        if !refs.iter().any(|found| found.name.starts_with("refs/")) {
            cx.log(Level::Detail, format!("{id}: `{}` is empty", redact(&plugin.source)));
            return Ok(Vec::new());
        }
        let element = GitElement {
            id: id.clone(),
            source,
            subdir: plugin.subdir.clone(),
            submodules: false,
            pin: GitPin::Version,
            scheme: self.env.scheme(id.kind())?,
            installer: Arc::clone(&self.env.installer),
            stockroom: self.env.stockroom.clone(),
        };
        element.infos(cx)
    }
}

fn tag_of(info: &ElementInfo) -> Option<String> {
    match &info.download {
        Some(Download::Git { rev, .. }) => rev.strip_prefix("refs/tags/").map(str::to_owned),
        _ => None,
    }
}

/// Adds what the index says of a version; where its tag no longer stands at the listed commit, the version is not offered.
fn vouch(info: &mut ElementInfo, plugin: &Plugin) {
    if let Some(why) = &plugin.withdrawn {
        info.yanked = Some(why.clone());
    }
    let Some(listed) = plugin.releases.iter().find(|listed| listed.build.as_deref() == Some(info.version.as_str())) else { return };
    info.release = listed.name.clone().or(info.release.take());
    info.published = listed.published.clone().or(info.published.take());
    let tag = tag_of(info);
    let Some(Download::Git { commit: Some(found), .. }) = &info.download else { return };
    if let (Some(tag), Some(expected)) = (tag.filter(|tag| listed.tag.as_ref() == Some(tag)), listed.commit)
        && expected != *found
    {
        info.yanked = Some(format!("its tag `{tag}` was moved: the index lists the commit {expected}, and it stands at {found}"));
    }
}

impl Repository for CampRepository {
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
        let index = self.index(cx)?;
        // Names alone need no file of the index to be read.
        let summaries = if request.text.trim().is_empty() { std::collections::BTreeMap::new() } else { index.summaries(cx)? };
        let hits =
            index.names().filter_map(|name| Some(SearchHit { id: ElementId::new(PLUGINS, name).ok()?, summary: summaries.get(name).cloned(), version: None }));
        Ok(search::best(hits, &request.text, request.limit))
    }

    fn advisories(&self, cx: &Context, request: &AdvisoriesRequest) -> Result<Advisories> {
        let index = match self.index(cx) {
            // Nothing of it was ever heard.
            Err(error) if error.kind() == ErrorKind::Offline => return Ok(Advisories::default()),
            index => index?,
        };
        let list: Vec<Advisory> =
            self.told(cx)?.iter().map(|(_, advisory)| advisory).filter(|advisory| request.ids.contains(&advisory.element)).cloned().collect();
        let mut releases = Vec::new();
        for id in request.ids.iter().filter(|id| list.iter().any(|advisory| advisory.element == **id)) {
            // What is wrong with a plugin's own file does not make its advisories wrong.
            let Ok(Some(plugin)) = index.plugin(id.name()) else { continue };
            releases.extend(
                plugin
                    .releases
                    .into_iter()
                    .filter_map(|listed| Some(ReleaseName { element: id.clone(), version: Version::new(listed.build?), name: listed.name? })),
            );
        }
        Ok(Advisories { list, releases, heard: index.heard() })
    }

    fn warns(&self) -> bool {
        true
    }

    fn merge(&self) -> bool {
        self.merge
    }
}
