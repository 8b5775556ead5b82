//! `builtin:git`: git repositories whose tags and branches are versions.

mod element;
mod facts;
mod here;
pub(crate) mod refs;

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

pub use element::GitElement;

use super::named;
use crate::builtin::environment::{AuthOption, Env, git_address};
use crate::builtin::memo::Memo;
use crate::builtin::options;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::model::{ElementId, ElementInfo, GitPin};
use crate::roles::{Context, ElementInfoRequest, Home, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};
use crate::sys::git::Source;

/// What `use = "builtin:git"` names.
pub const NAME: &str = "git";

/// The options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GitOptions {
    /// `"plugins/x" = URL`, or `{ git, subdir, submodules }`.
    pub elements: IndexMap<String, Value>,
    /// A pattern with `{name}` (and `{type}`) for elements that `elements` does not name; what the server does not have is unknown.
    pub url: Option<String>,
    /// The types that `url` serves; all when it is left out.
    pub types: Option<Vec<String>>,
    /// The credential for all of them.
    pub auth: Option<AuthOption>,
    /// Whether its versions are added to those of earlier repositories.
    pub merge: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Place {
    git: Option<String>,
    subdir: Option<String>,
    submodules: bool,
}

/// A set of git repositories.
#[derive(Debug)]
pub struct GitRepository {
    name: String,
    places: IndexMap<ElementId, Place>,
    pattern: Option<String>,
    types: Option<Vec<String>>,
    auth: Option<AuthOption>,
    merge: bool,
    env: Env,
    answers: Memo<ElementId, Option<Arc<Vec<ElementInfo>>>>,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let read: GitOptions = options::read(spec)?;
    let places = places(spec, &read.elements)?;
    let pattern = match read.url {
        Some(url) if !url.contains("{name}") => {
            return Err(options::wrong(spec, "url", &format!("`url = \"{}\"` has no `{{name}}`", url.escape_debug()))
                .hint("for one repository write `elements = { \"TYPE/NAME\" = \"URL\" }`"));
        }
        other => other.map(|url| git_address(&spec.base, &url)),
    };
    if pattern.is_none() && places.is_empty() {
        return Err(options::wrong(spec, "", "`builtin:git` needs `elements` or `url`")
            .hint("for instance `elements = { \"plugins/x\" = \"https://git.example.org/x.git\" }`"));
    }
    if let Some(auth) = &read.auth {
        for place in places.values() {
            env.credentials.add(place.git.as_deref().unwrap_or_default(), auth.clone());
        }
        if let Some(fixed) = pattern.as_deref().and_then(|pattern| pattern.split('{').next()).and_then(|fixed| fixed.rfind('/').map(|end| &fixed[..=end])) {
            env.credentials.add(fixed, auth.clone());
        }
    }
    let name = named(spec, pattern.as_deref());
    let env = env.clone();
    Ok(Arc::new(GitRepository { name, places, pattern, types: read.types, auth: read.auth, merge: read.merge, env, answers: Memo::default() }))
}

fn places(spec: &UseSpec, elements: &IndexMap<String, Value>) -> Result<IndexMap<ElementId, Place>> {
    let mut places = IndexMap::new();
    for (key, value) in elements {
        let path = format!("elements.{key}");
        let id: ElementId = key.parse().map_err(|error: Error| options::wrong(spec, key, &error.to_string()))?;
        let mut place: Place = match value {
            Value::String(url) => Place { git: Some(url.clone()), ..Place::default() },
            table => options::nested(spec, &path, table)?,
        };
        let git =
            place.git.ok_or_else(|| options::wrong(spec, key, &format!("`{path}` has no `git`")).hint("say where its repository is: `git = \"https://…\"`"))?;
        place.git = Some(git_address(&spec.base, &git));
        places.insert(id, place);
    }
    Ok(places)
}

impl GitRepository {
    /// Where an element is, and whether somebody said so (else it is a guess by pattern, and may not exist).
    fn place(&self, id: &ElementId) -> Option<(Place, bool)> {
        if let Some(place) = self.places.get(id) {
            return Some((place.clone(), true));
        }
        let serves = self.types.as_ref().is_none_or(|types| types.iter().any(|kind| kind == id.kind()));
        // Only names that need no quoting in a url: anything else could lead elsewhere.
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/+-".contains(&byte));
        let pattern = self.pattern.as_ref().filter(|_| serves && plain(id.kind()) && plain(id.name()))?;
        let git = pattern.replace("{name}", id.name()).replace("{type}", id.kind());
        Some((Place { git: Some(git), ..Place::default() }, false))
    }

    /// An element's repository, and whether it has any branch or tag; `None`: there is none by the pattern.
    fn source(&self, cx: &Context, id: &ElementId, place: &Place, said: bool) -> Result<Option<(Source, bool)>> {
        let url = place.git.as_deref().unwrap_or_default();
        let auth = self.auth.as_ref().map(|auth| auth.resolve(cx)).transpose()?;
        let source = self.env.sources.open(url, auth)?;
        match source.refs(cx) {
            Ok(refs) => Ok(Some((source, refs.iter().any(|found| found.name.starts_with("refs/"))))),
            Err(error) if error.kind() == ErrorKind::NotFound && !said => Ok(None),
            Err(error) if error.kind() == ErrorKind::Denied && !said => {
                Err(error.hint("some servers answer so for a repository that does not exist; name those that do with `elements`"))
            }
            Err(error) => Err(error.wrap(format!("repository `{}` could not be asked for the versions of {id}", self.name))),
        }
    }

    fn answer(&self, cx: &Context, id: &ElementId) -> Result<Option<Arc<Vec<ElementInfo>>>> {
        let Some((place, said)) = self.place(id) else { return Ok(None) };
        self.answers.get(id, || {
            let source = match self.source(cx, id, &place, said)? {
                Some((source, true)) => source,
                Some((_, false)) => return Ok(Some(Arc::default())),
                None => return Ok(None),
            };
            let element = GitElement {
                id: id.clone(),
                source,
                subdir: place.subdir,
                submodules: place.submodules,
                pin: GitPin::Version,
                scheme: self.env.scheme(id.kind())?,
                installer: Arc::clone(&self.env.installer),
                stockroom: self.env.stockroom.clone(),
            };
            Ok(Some(Arc::new(element.infos(cx)?)))
        })
    }
}

impl Repository for GitRepository {
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
        let hits = self.places.keys().map(|id| SearchHit { id: id.clone(), summary: None, version: None });
        Ok(super::search::best(hits, &request.text, request.limit))
    }

    fn home(&self, cx: &Context, id: &ElementId) -> Result<Option<Home>> {
        let Some((place, said)) = self.place(id) else { return Ok(None) };
        let there = self.source(cx, id, &place, said)?.is_some_and(|(_, any)| any);
        Ok(there.then(|| Home { git: place.git.unwrap_or_default(), subdir: place.subdir, submodules: place.submodules }))
    }

    fn merge(&self) -> bool {
        self.merge
    }
}
