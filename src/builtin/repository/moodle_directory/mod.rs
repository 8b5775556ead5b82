//! `builtin:moodle-directory`: Moodle's own directory of plugins, as `pluglist.php` and `pluginfo.php` tell it, with downloads
//! from its Marketplace.

mod answers;
mod catalogue;
mod loose;

use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use self::answers::{Addresses, Offered, PlugInfo, offered};
use self::catalogue::{Catalogue, Shelf, no_list};
use super::{is_component, named, search};
use crate::builtin::environment::{AuthOption, Env};
use crate::builtin::memo::Memo;
use crate::builtin::options;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::manifest::UseSpec;
use crate::model::{Age, Download, ElementId, ElementInfo, Requirement, Version};
use crate::roles::{Context, ElementInfoRequest, Level, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};
use crate::sys::redact;

/// What `use = "builtin:moodle-directory"` names.
pub const NAME: &str = "moodle-directory";

/// The type of its elements.
const PLUGINS: &str = "plugins";
/// One answer about one plugin.
const INFO_LIMIT: u64 = 4 << 20;
/// Moodle's own directory.
const DIRECTORY: &str = "https://download.moodle.org/api/1.3/";
/// Moodle's own Marketplace.
const MARKETPLACE: &str = "https://marketplace.moodle.com/api/";
/// The branches of Moodle that a plugin which is not in the list is asked for.
const BRANCHES: [&str; 7] = ["5.3", "5.2", "5.1", "5.0", "4.5", "4.4", "4.1"];

/// The options.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryOptions {
    /// Where `pluglist.php` and `pluginfo.php` stand.
    pub url: String,
    /// The Marketplace's API: `auth` serves below it, and nowhere else.
    pub marketplace: String,
    /// The secret that holds the Marketplace's token.
    pub auth: Option<AuthOption>,
    /// How old the list may grow before it is asked for again.
    pub max_age: String,
    /// The branches of Moodle that plugins which are not in the list are asked for; empty: none.
    pub branches: Vec<String>,
    /// The name of the core's element.
    pub core: String,
    /// Whether its versions are added to those of earlier repositories.
    pub merge: bool,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self {
            url: DIRECTORY.to_owned(),
            marketplace: MARKETPLACE.to_owned(),
            auth: None,
            max_age: "24h".to_owned(),
            branches: BRANCHES.map(str::to_owned).to_vec(),
            core: "moodle".to_owned(),
            merge: false,
        }
    }
}

/// The directory.
#[derive(Debug)]
pub struct DirectoryRepository {
    name: String,
    base: Url,
    catalogue: Catalogue,
    branches: Vec<String>,
    core: ElementId,
    merge: bool,
    env: Env,
    shelf: Memo<(), Arc<Shelf>>,
    answers: Memo<ElementId, Option<Arc<Vec<ElementInfo>>>>,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let read: DirectoryOptions = options::read(spec)?;
    let base = address(spec, "url", &read.url)?;
    let marketplace = address(spec, "marketplace", &read.marketplace)?;
    let max_age: Age = read.max_age.parse().map_err(|why: String| options::wrong(spec, "max-age", &why))?;
    let core = ElementId::new("core", read.core.as_str()).map_err(|error| options::wrong(spec, "core", error.message()))?;
    for branch in &read.branches {
        if !branch.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || !branch.contains('.') {
            return Err(options::wrong(spec, "branches", &format!("`{}` is no branch of Moodle", branch.escape_debug()))
                .hint("for instance `branches = [\"5.1\", \"4.5\"]`"));
        }
    }
    match &read.auth {
        Some(auth) => {
            env.credentials.add(marketplace.as_str(), auth.clone());
            env.credentials.advise(marketplace.as_str(), "the Marketplace does not take this token for this plugin: it may have run out, or the plugin was not bought with that account");
        }
        None => env.credentials.advise(
            marketplace.as_str(),
            "the Marketplace gives this plugin only to who is logged in: make a token there (Account → Security), name it under `[config.secrets]`, and say `auth = \"NAME\"` at this repository",
        ),
    }
    let list = base.join("pluglist.php").map_err(|error| options::wrong(spec, "url", &error.to_string()))?;
    let catalogue = Catalogue { url: list.into(), folder: env.stockroom.info().join("moodle-directory"), max_age, addresses: Addresses { marketplace } };
    Ok(Arc::new(DirectoryRepository {
        name: named(spec, Some(base.as_str())),
        base,
        catalogue,
        branches: read.branches,
        core,
        merge: read.merge,
        env: env.clone(),
        shelf: Memo::default(),
        answers: Memo::default(),
    }))
}

/// A web address whose path ends in `/`.
fn address(spec: &UseSpec, key: &str, text: &str) -> Result<Url> {
    let wrong = |why: &str| options::wrong(spec, key, &format!("`{}` is no web address: {why}", redact(text).escape_debug()));
    let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a user or a password").hint("name a secret with `auth = \"NAME\"`"));
    }
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

impl DirectoryRepository {
    fn shelf(&self, cx: &Context) -> Result<Arc<Shelf>> {
        self.shelf.get(&(), || {
            self.catalogue.open(cx, &self.env.http).map(Arc::new).while_doing(|| format!("repository `{}` could not be asked what there is", self.name))
        })
    }

    fn answer(&self, cx: &Context, id: &ElementId) -> Result<Option<Arc<Vec<ElementInfo>>>> {
        if id.kind() != PLUGINS || !is_component(id.name()) {
            return Ok(None);
        }
        self.answers.get(id, || {
            let shelf = self.shelf(cx)?;
            let (name, list) = match shelf.find(id.name())? {
                Some((line, list)) => (line.name.clone(), list),
                None => match self.ask_alone(cx, id)? {
                    Some(found) => found,
                    None => return Ok(None),
                },
            };
            Ok(Some(Arc::new(list.iter().map(|one| self.info(id, name.as_deref(), one)).collect())))
        })
    }

    /// A plugin that the list does not have, asked for by its name: the list is not always whole.
    fn ask_alone(&self, cx: &Context, id: &ElementId) -> Result<Option<(Option<String>, Vec<Offered>)>> {
        let (mut name, mut releases) = (None, Vec::new());
        for (index, branch) in self.branches.iter().enumerate() {
            let Some(single) = self.ask_for(cx, id, branch)? else {
                if index == 0 {
                    return Ok(None);
                }
                continue;
            };
            name = name.or(single.name.get().map(str::to_owned));
            releases.extend(single.version.0);
        }
        if self.branches.is_empty() {
            return Ok(None);
        }
        Ok(Some((name, offered(&releases, &self.catalogue.addresses, id.name()).0)))
    }

    /// The best version for a branch of Moodle; `None`: the directory does not know the plugin.
    fn ask_for(&self, cx: &Context, id: &ElementId, branch: &str) -> Result<Option<answers::Single>> {
        let mut url = self.base.join("pluginfo.php").map_err(|_| Error::new(ErrorKind::Internal, "an address lost its base"))?;
        url.query_pairs_mut().append_pair("plugin", id.name()).append_pair("format", "json").append_pair("minversion", "0").append_pair("branch", branch);
        let kept = self.env.stockroom.info().join("http");
        let body = match self.env.http.get_kept(cx, url.as_str(), None, &kept, INFO_LIMIT) {
            // The list is kept, and it does not have the name: that is what is known without the network.
            Err(error) if error.kind() == ErrorKind::Offline => return Ok(None),
            asked => asked.while_doing(|| format!("repository `{}` could not be asked for {id}", self.name))?,
        };
        let Some(body) = body else { return Ok(None) };
        let shown = redact(url.as_str());
        let read: PlugInfo = serde_json::from_slice(&body).map_err(|fault| no_list(&shown, &body, None, &fault))?;
        let status = read.status.get().unwrap_or("nothing");
        match read.pluginfo.0 {
            Some(single) if status == "OK" && single.component.get() == Some(id.name()) => Ok(Some(single)),
            Some(single) if status == "OK" => {
                let other = single.component.get().unwrap_or_default();
                Err(Error::new(ErrorKind::Invalid, format!("`{shown}` answered about `{}`", other.escape_debug())))
            }
            _ => Err(Error::new(ErrorKind::Invalid, format!("`{shown}` answered `{}` and nothing about the plugin", status.escape_debug()))),
        }
    }

    fn info(&self, id: &ElementId, name: Option<&str>, one: &Offered) -> ElementInfo {
        let mut info = ElementInfo::bare(id.clone(), Version::new(one.version.as_str()));
        info.summary = name.map(str::to_owned);
        info.release.clone_from(&one.release);
        // What is older than the oldest that its maintainer names is not tried; which of the others suits best is a preference.
        if let Some(oldest) = one.requires.as_ref().or(one.supports.first()) {
            info.dependencies.insert(self.core.clone(), Requirement::new(format!(">={oldest}")));
        }
        if !one.supports.is_empty() {
            let branches: Vec<String> = one.supports.iter().map(|branch| format!("{branch}.*")).collect();
            info.recommends.insert(self.core.clone(), Requirement::new(branches.join(" || ")));
        }
        info.reserve = one.maturity.as_ref().map(|word| format!("its author calls it {word}"));
        info.published = one.created.and_then(|seconds| jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()).map(|time| time.to_string());
        info.download = Some(Download::Url { url: one.url.clone(), sha256: None, md5: one.md5.clone(), size: None, dialogue: None, price: None });
        info
    }
}

impl Repository for DirectoryRepository {
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
        let shelf = self.shelf(cx)?;
        let hits = shelf.lines().filter_map(|(name, line)| {
            let id = ElementId::new(PLUGINS, name).ok()?;
            Some(SearchHit { id, summary: line.name.clone(), version: line.newest.as_deref().map(Version::new) })
        });
        let hits = search::best(hits, &request.text, request.limit);
        cx.log(Level::Debug, format!("repository `{}` found {} of that", self.name, hits.len()));
        Ok(hits)
    }

    fn merge(&self) -> bool {
        self.merge
    }
}
