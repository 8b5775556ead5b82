//! Resolutions as lock entries, and lock entries as download information.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::resolved::Resolved;
use crate::model::{Download, ElementId, ElementInfo, Lock, LockedElement, Pin};

/// A url as it may be written down: without user and password. Paths stay as they are.
#[must_use]
pub fn source_of(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() && (!parsed.username().is_empty() || parsed.password().is_some()) && parsed.scheme().starts_with("http") => {
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}

/// The entry of a chosen candidate. `repository`: who delivered it; `None` for a source of the element's own.
pub(super) fn lock_entry(info: &ElementInfo, repository: Option<&str>, scheme: Option<String>, base: &Path) -> LockedElement {
    let mut locked = LockedElement {
        repository: repository.map(str::to_owned),
        scheme,
        dependencies: info.dependencies.clone(),
        conflicts: info.conflicts.clone(),
        optional: info.optional.clone(),
        yanked: info.yanked.clone(),
        ..LockedElement::default()
    };
    match &info.download {
        Some(Download::Git { git, rev, commit, subdir, submodules }) => {
            locked.git = Some(source_of(git));
            locked.reference = Some(rev.clone());
            locked.commit = *commit;
            locked.subdir.clone_from(subdir);
            locked.submodules = *submodules;
        }
        Some(Download::Url { url, sha256, md5, dialogue, .. }) => {
            locked.md5.clone_from(md5);
            locked.dialogue.clone_from(dialogue);
            locked.url = Some(source_of(url));
            locked.sha256 = *sha256;
        }
        Some(Download::Path { path, sha256, subdir }) => {
            locked.path = Some(relative_to(base, Path::new(path)));
            locked.sha256 = *sha256;
            locked.subdir.clone_from(subdir);
        }
        None => {}
    }
    locked
}

/// How to get a locked element's bytes again; `None` when it names no source.
pub(super) fn download_of(locked: &LockedElement, base: &Path) -> Option<Download> {
    if let Some(git) = &locked.git {
        let rev = locked.reference.clone().or_else(|| locked.commit.map(|commit| commit.to_string()))?;
        return Some(Download::Git { git: git.clone(), rev, commit: locked.commit, subdir: locked.subdir.clone(), submodules: locked.submodules });
    }
    if let Some(url) = &locked.url {
        return Some(Download::Url {
            url: url.clone(),
            sha256: locked.sha256,
            md5: locked.md5.clone(),
            size: None,
            dialogue: locked.dialogue.clone(),
            price: None,
        });
    }
    let path = locked.path.as_ref()?;
    Some(Download::Path { path: base.join(path).to_string_lossy().into_owned(), sha256: locked.sha256, subdir: locked.subdir.clone() })
}

/// The lock of these resolutions. What an earlier lock knows of the same bytes (tree, digest, receipt) is kept.
#[must_use]
pub fn assemble(sites: &mut [(String, Vec<Resolved>)], earlier: &Lock) -> Lock {
    let mut lock = Lock { extensions: earlier.extensions.clone(), ..Lock::default() };
    let mut uses: BTreeMap<ElementId, Vec<(String, Pin)>> = BTreeMap::new();
    for (site, resolution) in sites.iter_mut() {
        for one in resolution.iter_mut() {
            one.pin.discriminator.clear();
            if let Some(before) = known_bytes(earlier, one) {
                one.locked.tree = one.locked.tree.or(before.tree);
                one.locked.sha256 = one.locked.sha256.or(before.sha256);
                one.locked.receipt = one.locked.receipt.take().or_else(|| before.receipt.clone());
            }
            // Two sites may use different bytes under one version text: the later ones carry a mark.
            while let Some(other) = lock.elements.get(&one.key())
                && !same_bytes(other, &one.locked)
            {
                one.pin.discriminator = mark(&one.locked, one.pin.discriminator.len());
            }
            lock.elements.entry(one.key()).or_insert_with(|| one.locked.clone());
            uses.entry(one.id.clone()).or_default().push((site.clone(), one.pin.clone()));
        }
    }
    for (id, uses) in uses {
        let pins: BTreeSet<&Pin> = uses.iter().map(|(_, pin)| pin).collect();
        if pins.len() < 2 {
            continue;
        }
        let shared = default_pin(&id, &uses, earlier);
        for (site, pin) in uses {
            if pin != shared {
                lock.sites.entry(site).or_default().insert(id.clone(), pin);
            }
        }
        lock.shared.insert(id, shared);
    }
    lock
}

/// The entry that serves by default: the earlier lock's default while somebody uses it, else the one most sites use, the first site's in doubt.
fn default_pin(id: &ElementId, uses: &[(String, Pin)], earlier: &Lock) -> Pin {
    if let Some(pin) = earlier.shared.get(id)
        && uses.iter().any(|(_, used)| used == pin)
    {
        return pin.clone();
    }
    let count = |pin: &Pin| uses.iter().filter(|(_, used)| used == pin).count();
    let most = uses.iter().map(|(_, pin)| count(pin)).max().unwrap_or(0);
    uses.iter().map(|(_, pin)| pin).find(|pin| count(pin) == most).cloned().unwrap_or_else(|| uses[0].1.clone())
}

/// The entry of an earlier lock that is of the same bytes.
fn known_bytes<'a>(earlier: &'a Lock, one: &Resolved) -> Option<&'a LockedElement> {
    earlier.entries(&one.id).find(|(pin, before)| pin.version == one.pin.version && same_bytes(before, &one.locked)).map(|(_, before)| before)
}

fn same_bytes(a: &LockedElement, b: &LockedElement) -> bool {
    let agree = |x: &Option<crate::model::Digest>, y: &Option<crate::model::Digest>| x.is_none() || y.is_none() || x == y;
    a.git == b.git
        && a.commit == b.commit
        && a.subdir == b.subdir
        && a.submodules == b.submodules
        && a.url == b.url
        && a.path == b.path
        && agree(&a.sha256, &b.sha256)
}

fn mark(locked: &LockedElement, taken: usize) -> String {
    let full = locked
        .commit
        .map(|commit| commit.to_string())
        .or_else(|| locked.sha256.map(|digest| digest.hex()))
        .unwrap_or_else(|| crate::model::Digest::of(format!("{:?}{:?}{:?}", locked.git, locked.url, locked.path).as_bytes()).hex());
    full.chars().take(taken.max(6) + 1).collect()
}

/// `path` as seen from `base`, where both are absolute and share a beginning; else as it is.
#[must_use]
pub fn relative_to(base: &Path, path: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (base.components().collect(), path.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // Nothing but the root in common: an absolute path is clearer.
    if shared <= 1 {
        return path.to_string_lossy().into_owned();
    }
    let mut relative: PathBuf = from[shared..].iter().map(|_| Component::ParentDir).collect();
    relative.extend(&to[shared..]);
    if relative.as_os_str().is_empty() { ".".to_owned() } else { relative.to_string_lossy().into_owned() }
}
