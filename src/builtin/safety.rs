//! What is known to be unsafe: the advisories of every repository that carries some, whoever delivers the element.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Advisory, Age, Download, ElementId, ElementInfo, SecurityPolicy, Version};
use crate::roles::{AdvisoriesRequest, Context, Repository};
use crate::version::{Scheme, Verdict, verdict};

/// What was told of some elements.
#[derive(Debug, Clone, Default)]
pub struct Safety {
    told: Vec<Told>,
    names: HashMap<(ElementId, Version), String>,
    /// Who told something, and when.
    pub heard: Vec<Heard>,
}

/// One advisory, and who carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The repository.
    pub repository: String,
    /// What it says.
    pub advisory: Advisory,
}

/// When a repository's advisories were heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// The repository.
    pub repository: String,
    /// When (RFC 3339).
    pub heard: String,
    /// How long ago, in seconds.
    #[serde(rename = "age_seconds")]
    pub age: Age,
}

/// How fresh advisories must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As they were heard last.
    Kept,
    /// As they were heard last; asked for where they never were by a repository that is there to carry them.
    KeptOrFirst,
    /// Asked for.
    Fresh,
}

impl Safety {
    /// What the repositories tell of these elements, but what the policy lets through. Whoever fails is in the second list:
    /// what the others know is told all the same.
    #[must_use]
    pub fn ask(cx: &Context, repositories: &[Arc<dyn Repository>], ids: &[ElementId], policy: &SecurityPolicy, how: Freshness) -> (Self, Vec<Error>) {
        let (mut safety, mut failures) = (Self::default(), Vec::new());
        if ids.is_empty() {
            return (safety, failures);
        }
        let request = AdvisoriesRequest { ids: ids.to_vec() };
        for repository in repositories {
            let answer = match how {
                Freshness::Fresh => repository.advisories(cx, &request),
                Freshness::Kept => repository.advisories(&cx.without_network(), &request),
                Freshness::KeptOrFirst => match repository.advisories(&cx.without_network(), &request) {
                    Ok(kept) if kept.heard.is_none() && repository.warns() && !cx.offline() => repository.advisories(cx, &request),
                    kept => kept,
                },
            };
            match answer {
                Ok(answer) => {
                    safety.names.extend(answer.releases.into_iter().map(|release| ((release.element, release.version), release.name)));
                    safety.heard.extend(answer.heard.and_then(|seconds| Heard::at(repository.name(), seconds)));
                    let accepted = answer.list.into_iter().filter(|advisory| !policy.accepts(&advisory.id));
                    safety.told.extend(accepted.map(|advisory| Told { repository: repository.name().to_owned(), advisory }));
                }
                Err(error) => failures.push(error.wrap(format!("the advisories of repository `{}` could not be asked for", repository.name()))),
            }
        }
        // Two that carry the same index tell the same.
        let mut seen = std::collections::HashSet::new();
        safety.told.retain(|told| seen.insert((told.advisory.id.clone(), told.advisory.element.clone())));
        (safety, failures)
    }

    /// As [`Self::ask`], where not knowing would be as bad as knowing wrongly.
    ///
    /// # Errors
    /// The first failure.
    pub fn ask_surely(cx: &Context, repositories: &[Arc<dyn Repository>], ids: &[ElementId], policy: &SecurityPolicy) -> Result<Self> {
        let (safety, failures) = Self::ask(cx, repositories, ids, policy, Freshness::Fresh);
        Error::all(failures).map_or(Ok(safety), Err)
    }

    /// Whether nothing is unsafe.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Everything that is told of an element.
    pub fn about<'a>(&'a self, id: &'a ElementId) -> impl Iterator<Item = &'a Told> + 'a {
        self.told.iter().filter(move |told| told.advisory.element == *id)
    }

    /// What an advisory says of a version. `names`: what it is called for people, as its code and its tag say.
    #[must_use]
    pub fn verdict(&self, told: &Told, scheme: &dyn Scheme, version: &Version, names: &[String]) -> Verdict {
        let own = self.names.get(&(told.advisory.element.clone(), version.clone()));
        verdict(&told.advisory, scheme, version, own.into_iter().chain(names).map(String::as_str))
    }

    /// What is or may be unsafe of a version.
    pub fn against<'a>(
        &'a self,
        id: &'a ElementId,
        scheme: &'a dyn Scheme,
        version: &'a Version,
        names: &'a [String],
    ) -> impl Iterator<Item = (&'a Told, Verdict)> + 'a {
        self.about(id).map(move |told| (told, self.verdict(told, scheme, version, names))).filter(|(_, verdict)| *verdict != Verdict::Safe)
    }

    /// Why a version must not be installed at all.
    #[must_use]
    pub fn revoked(&self, id: &ElementId, scheme: &dyn Scheme, version: &Version, names: &[String]) -> Option<String> {
        let revokes = self.against(id, scheme, version, names).find(|(told, verdict)| told.advisory.revoke && *verdict == Verdict::Affected);
        revokes.map(|(told, _)| reason(&told.advisory))
    }

    /// Whether a version is the one that an advisory names as safe, or the first after an unsafe one.
    #[must_use]
    pub fn mends(&self, id: &ElementId, scheme: &dyn Scheme, version: &Version, names: &[String], before: Option<(&Version, &[String])>) -> bool {
        self.about(id).any(|told| {
            if self.verdict(told, scheme, version, names) != Verdict::Safe {
                return false;
            }
            let own = self.names.get(&(id.clone(), version.clone()));
            let named = told.advisory.fixed.as_ref().is_some_and(|fixed| {
                version == fixed
                    || own.into_iter().chain(names).any(|name| name.trim_start_matches(['v', 'V']) == fixed.as_str().trim_start_matches(['v', 'V']))
            });
            named || before.is_some_and(|(earlier, names)| self.verdict(told, scheme, earlier, names) == Verdict::Affected)
        })
    }
}

/// `CAMP-2026-0003 revokes it: a hole`.
#[must_use]
pub fn reason(advisory: &Advisory) -> String {
    let title = advisory.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    format!("{} revokes it{title}", advisory.id)
}

/// What a version is called for people, as its code and its tag say, the surer first.
#[must_use]
pub fn names_of(info: &ElementInfo) -> Vec<String> {
    let tag = match &info.download {
        Some(Download::Git { rev, .. }) => rev.strip_prefix("refs/tags/").map(str::to_owned),
        _ => None,
    };
    info.release.iter().cloned().chain(tag).collect()
}

impl Heard {
    fn at(repository: &str, seconds: i64) -> Option<Self> {
        let heard = jiff::Timestamp::from_second(seconds).ok()?.to_string();
        Some(Self { repository: repository.to_owned(), heard, age: Age::since(seconds) })
    }
}

/// The error of a version that must not be newly installed.
#[must_use]
pub fn refused(id: &ElementId, version: &Version, site: &str, why: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("{site}: {id} {version} must not be installed: {why}"))
        .hint("`greffon update --security` moves to what is safe")
        .hint("to take it all the same, name the advisory in `accept` below `[config.security]`")
}
