//! What there is of an element: every version that its source offers, read by its scheme.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Workspace;
use crate::builtin::safety::names_of;
use crate::error::Result;
use crate::manifest::UseKind;
use crate::model::{EXTENSIONS, ElementId, ElementInfo, Requirement, Source, Version, WantedElement, WantedSite};
use crate::roles::{VersionEntry, Versions, VersionsRequest};
use crate::version::Scheme;

/// A version, and why it was withdrawn.
type Offered = (Version, Option<String>);

/// What there is of an element at a site.
pub(super) struct Offer {
    /// How its versions are read.
    pub(super) scheme: Arc<dyn Scheme>,
    /// Newest first; why it was withdrawn, where that is known.
    pub(super) versions: Vec<Offered>,
    /// What else is known of those whose metadata was at hand.
    pub(super) known: HashMap<Version, Known>,
    /// Who offers them: `repository ours`.
    pub(super) from: String,
}

/// What is known of a version.
#[derive(Default)]
pub(super) struct Known {
    /// What it is called for people.
    pub(super) names: Vec<String>,
    /// What it was made for.
    pub(super) recommends: IndexMap<ElementId, Requirement>,
    /// Whether its author holds it back.
    pub(super) reserve: bool,
}

impl Known {
    fn of(info: &ElementInfo) -> Self {
        Self { names: names_of(info), recommends: info.recommends.clone(), reserve: info.reserve.is_some() }
    }
}

/// What the repositories have of an element.
#[derive(Default)]
struct There {
    versions: Vec<Offered>,
    known: HashMap<Version, Known>,
    told: Option<String>,
    from: Vec<String>,
}

impl There {
    fn add(&mut self, entries: Vec<VersionEntry>) {
        for entry in entries {
            self.told = self.told.take().or_else(|| entry.info.as_ref().and_then(|info| info.scheme.clone()));
            if !self.versions.iter().any(|(version, _)| *version == entry.version) {
                self.known.extend(entry.info.as_ref().map(|info| (entry.version.clone(), Known::of(info))));
                self.versions.push((entry.version, entry.info.and_then(|info| info.yanked)));
            }
        }
    }
}

impl Workspace {
    /// Everything that a site could have of an element, whatever its requirements are.
    pub(super) fn offer(&self, site: &WantedSite, id: &ElementId) -> Result<Offer> {
        let wanted = site.elements.get(id);
        let there = match wanted.map(|wanted| &wanted.source) {
            Some(Source::Git { git, .. }) => {
                let mut there = There { from: vec![crate::sys::redact(git)], ..There::default() };
                there.add(self.own_versions(id)?.into_iter().map(|info| VersionEntry { version: info.version.clone(), info: Some(info) }).collect());
                there
            }
            Some(Source::Path { .. } | Source::Url { .. } | Source::Dialogue { .. }) => There { from: vec!["its source".to_owned()], ..There::default() },
            None | Some(Source::Repositories { .. }) => self.in_repositories(id, wanted)?,
        };
        let There { mut versions, known, told, from } = there;
        let from = if from.is_empty() { "no repository".to_owned() } else { from.join(", ") };
        let locked = self.lock.entry(&site.name, id);
        let told = told.or_else(|| locked.and_then(|(_, locked)| locked.scheme.clone()));
        let scheme = self.schemes.of(id, wanted, told.as_deref())?;
        if let Some((pin, locked)) = locked
            && !versions.iter().any(|(version, _)| *version == pin.version)
        {
            versions.push((pin.version.clone(), locked.yanked.clone()));
        }
        versions.retain(|(version, _)| scheme.check(version).is_ok());
        versions.sort_by(|a, b| scheme.compare(&b.0, &a.0));
        Ok(Offer { scheme, versions, known, from })
    }

    /// The first repository in order owns a name; those that merge add to it.
    fn in_repositories(&self, id: &ElementId, wanted: Option<&WantedElement>) -> Result<There> {
        let only = match wanted.map(|wanted| &wanted.source) {
            Some(Source::Repositories { only }) => only.as_deref(),
            _ => None,
        };
        let mut there = There::default();
        for repository in &self.roles.repositories {
            // Extensions come through built-in repositories only.
            let foreign = id.kind() == EXTENSIONS
                && self.manifest.config.repositories.iter().any(|spec| spec.kind != UseKind::Builtin && spec.name.as_deref() == Some(repository.name()));
            if foreign || only.is_some_and(|only| only != repository.name()) || (!there.from.is_empty() && !repository.merge()) {
                continue;
            }
            if let Versions::Known(entries) = repository.versions(&self.machine.cx, &VersionsRequest { id: id.clone() })? {
                there.from.push(format!("repository {}", repository.name()));
                there.add(entries);
            }
        }
        // What was put into the stock by hand is on offer at every site, as in the resolution.
        if only.is_none()
            && let Versions::Known(entries) = self.roles.stock.versions(&self.machine.cx, &VersionsRequest { id: id.clone() })?
        {
            there.from.push("the stock".to_owned());
            there.add(entries);
        }
        Ok(there)
    }
}

impl Offer {
    /// Why another version is preferred to this one although nothing forbids it: what it was made for, or its author's word.
    pub(super) fn hesitation(&self, workspace: &Workspace, site: &WantedSite, version: &Version) -> Result<Option<String>> {
        let Some(known) = self.known.get(version) else { return Ok(None) };
        for (target, requirement) in &known.recommends {
            let Some((pin, locked)) = workspace.lock.entry(&site.name, target) else { continue };
            let scheme = workspace.schemes.of(target, site.elements.get(target), locked.scheme.as_deref())?;
            if !scheme.requirement(requirement)?.matches(&pin.version) {
                return Ok(Some(format!("{version} is made for {target} {requirement}, and {} is locked", pin.version)));
            }
        }
        Ok(known.reserve.then(|| format!("{version} is held back by its author: no stable release")))
    }

    /// The newest version that is neither withdrawn nor a pre-release.
    pub(super) fn newest(&self) -> Option<&Version> {
        self.versions.iter().find(|(version, yanked)| yanked.is_none() && !self.scheme.is_prerelease(version)).map(|(version, _)| version)
    }

    /// The version that a text means, however it is written (`1.0`, `v1.0.0`).
    pub(super) fn find(&self, text: &str) -> Option<&(Version, Option<String>)> {
        let asked = Version::new(text);
        let same = |version: &Version| self.scheme.check(&asked).is_ok() && self.scheme.compare(version, &asked).is_eq();
        self.versions.iter().find(|(version, _)| *version == asked).or_else(|| self.versions.iter().find(|(version, _)| same(version)))
    }

    /// Whether some version fits both requirements.
    pub(super) fn agree(&self, a: &Requirement, b: &Requirement) -> Result<bool> {
        let (a, b) = (self.scheme.requirement(a)?, self.scheme.requirement(b)?);
        Ok(self.versions.iter().any(|(version, _)| a.matches(version) && b.matches(version)))
    }

    /// Whether some version fits.
    pub(super) fn any(&self, requirement: &Requirement) -> Result<bool> {
        let matcher = self.scheme.requirement(requirement)?;
        Ok(self.versions.iter().any(|(version, _)| matcher.matches(version)))
    }

    /// `repository ours has 1.0.0 to 2.4.0`, or that there is nothing.
    pub(super) fn told(&self, id: &ElementId) -> String {
        match self.versions.as_slice() {
            [] => format!("{} has no {id}", self.from),
            [(one, _)] => format!("{} has {id} {one} alone", self.from),
            [(newest, _), .., (oldest, _)] => format!("{} has {} versions of {id}, {oldest} to {newest}", self.from, self.versions.len()),
        }
    }
}
