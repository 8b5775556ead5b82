//! Does the lock still fit the manifest? When it does, nobody is asked anything.

use std::collections::HashMap;

use super::Schemes;
use super::locking::source_of;
use super::resolved::Resolved;
use crate::diagnostic::at_origin;
use crate::error::Result;
use crate::model::{ElementId, GitPin, Lock, LockedElement, Origin, Requirement, Source, WantedElement, WantedSite};

/// Why a lock does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Which element.
    pub id: ElementId,
    /// In words, beginning with the element.
    pub why: String,
    /// The manifest's line, where there is one.
    pub origin: Option<Origin>,
}

/// The site's resolution as the lock has it: roots in manifest order, then dependencies as they are met. `Err` inside: why it does not fit.
///
/// # Errors
/// `Version` when a requirement or scheme cannot be read.
pub fn fit(site: &WantedSite, lock: &Lock, schemes: &Schemes) -> Result<std::result::Result<Vec<Resolved>, Misfit>> {
    let mut resolved: Vec<Resolved> = Vec::new();
    let mut known: HashMap<ElementId, usize> = HashMap::new();
    for (id, wanted) in &site.elements {
        match lock.entry(&site.name, id) {
            None => return Ok(Err(misfit(id, "is not locked", Some(wanted)))),
            Some((pin, locked)) => {
                if let Some(why) = other_source(wanted, locked) {
                    return Ok(Err(misfit(id, &why, Some(wanted))));
                }
                known.insert(id.clone(), resolved.len());
                resolved.push(Resolved { id: id.clone(), pin: pin.clone(), locked: locked.clone() });
            }
        }
    }
    for (id, wanted) in &site.elements {
        let unmet = unmet(id, &wanted.requirement, &resolved[known[id]], Some(wanted), schemes);
        if let Some(why) = unmet.map_err(|error| at_origin(error, &wanted.origin, id.name(), ""))? {
            return Ok(Err(misfit(id, &why, Some(wanted))));
        }
    }
    let mut next = 0;
    while next < resolved.len() {
        let Resolved { id, locked, .. } = resolved[next].clone();
        let groups = site.elements.get(&id).map(|wanted| wanted.optional.as_slice()).unwrap_or_default();
        let optional = groups.iter().filter_map(|group| locked.optional.get(group)).flatten();
        for (target, requirement) in locked.dependencies.iter().chain(optional) {
            let index = match known.get(target) {
                Some(&index) => index,
                None => match lock.entry(&site.name, target) {
                    None => return Ok(Err(misfit(target, &format!("is not locked, and {id} needs it"), site.elements.get(&id)))),
                    Some((pin, locked)) => {
                        known.insert(target.clone(), resolved.len());
                        resolved.push(Resolved { id: target.clone(), pin: pin.clone(), locked: locked.clone() });
                        resolved.len() - 1
                    }
                },
            };
            if let Some(why) = unmet(target, requirement, &resolved[index], site.elements.get(target), schemes)? {
                return Ok(Err(misfit(target, &format!("{why} of {id}"), site.elements.get(&id))));
            }
        }
        next += 1;
    }
    for one in &resolved {
        for (target, requirement) in &one.locked.conflicts {
            if let Some(&index) = known.get(target)
                && unmet(target, requirement, &resolved[index], site.elements.get(target), schemes)?.is_none()
            {
                return Ok(Err(misfit(&one.id, &format!("excludes {target} {}", resolved[index].pin.version), site.elements.get(&one.id))));
            }
        }
    }
    Ok(Ok(resolved))
}

fn misfit(id: &ElementId, why: &str, wanted: Option<&WantedElement>) -> Misfit {
    Misfit { id: id.clone(), why: format!("{id} {why}"), origin: wanted.map(|wanted| wanted.origin.clone()).filter(|origin| origin.line > 0) }
}

fn unmet(id: &ElementId, requirement: &Requirement, found: &Resolved, wanted: Option<&WantedElement>, schemes: &Schemes) -> Result<Option<String>> {
    if requirement.as_str() == "*" {
        return Ok(None);
    }
    let scheme = schemes.of(id, wanted, found.locked.scheme.as_deref())?;
    let fits = scheme.requirement(requirement)?.matches(&found.pin.version);
    Ok((!fits).then(|| format!("is locked at {}, outside the requirement {requirement}", found.pin.version)))
}

/// Why a locked entry does not come from where the manifest says; `None`: it does.
pub(super) fn other_source(wanted: &WantedElement, locked: &LockedElement) -> Option<String> {
    match &wanted.source {
        Source::Repositories { only } => match (&locked.repository, only) {
            (None, _) => Some("is locked from a source of its own, and the manifest names none".to_owned()),
            (Some(repository), Some(only)) if repository != only => Some(format!("is locked from the repository {repository}, not {only}")),
            _ => None,
        },
        Source::Git { git, pin, subdir, submodules } => {
            if locked.repository.is_some() || locked.git.as_deref() != Some(&*source_of(git)) {
                return Some(format!("is not locked from {}", source_of(git)));
            }
            if locked.subdir != *subdir || locked.submodules != *submodules {
                return Some("is locked with another subdir or submodules".to_owned());
            }
            let reference = locked.reference.as_deref().unwrap_or_default();
            let commit = locked.commit.map(|commit| commit.to_string()).unwrap_or_default();
            match pin {
                GitPin::Version => None,
                GitPin::Tag(tag) => (reference != format!("refs/tags/{tag}")).then(|| format!("is not locked at the tag {tag}")),
                GitPin::Branch(branch) => (reference != format!("refs/heads/{branch}")).then(|| format!("is not locked at the branch {branch}")),
                GitPin::Rev(rev) => (!commit.starts_with(rev.as_str()) && reference != rev).then(|| format!("is not locked at {rev}")),
            }
        }
        Source::Path { .. } => (locked.path.is_none() || locked.repository.is_some()).then(|| "is not locked from its path".to_owned()),
        Source::Url { url, sha256, .. } => {
            if locked.repository.is_some() || locked.url.as_deref() != Some(&*source_of(url)) {
                return Some(format!("is not locked from {}", source_of(url)));
            }
            (sha256.is_some() && *sha256 != locked.sha256).then(|| "is locked with another sha256".to_owned())
        }
        Source::Dialogue { options } => {
            let same =
                locked.repository.is_none() && locked.url.as_ref() == Some(&super::shop::address(options)) && locked.dialogue == super::shop::name(options);
            (!same).then(|| "is not locked from its dialogue".to_owned())
        }
    }
}
