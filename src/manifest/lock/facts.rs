//! What single lines of a lockfile say, and what they amount to together.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ElementId, Lock, LockKey, LockedElement, Pin};

/// What one line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fact {
    /// `"type/name@version" = { … }`
    Element(LockKey, Box<LockedElement>),
    /// `"type/name" = "version"`
    Shared(ElementId, Pin),
    /// `site."type/name" = "version"`
    Site(String, ElementId, Pin),
    /// `name = { hash = "…" }`
    Extension(String, String),
}

impl Fact {
    /// What the line is about: lines about different things never contradict each other.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::Element(key, _) => Subject::Element(key.id.clone()),
            Self::Shared(id, _) | Self::Site(_, id, _) => Subject::Element(id.clone()),
            Self::Extension(name, _) => Subject::Extension(name.clone()),
        }
    }
}

/// What lines are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Element(ElementId),
    Extension(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Element(id) => id.fmt(f),
            Self::Extension(name) => write!(f, "extensions/{name}"),
        }
    }
}

/// Puts facts together. What contradicts itself is left out and named in `conflicts`.
pub(super) fn put_together(facts: impl IntoIterator<Item = Fact>, conflicts: &mut BTreeSet<Subject>) -> Lock {
    let mut lock = Lock::default();
    for fact in facts {
        let subject = fact.subject();
        let agrees = match fact {
            Fact::Element(key, element) => put(&mut lock.elements, key, *element),
            Fact::Shared(id, pin) => put(&mut lock.shared, id, pin),
            Fact::Site(site, id, pin) => put(lock.sites.entry(site).or_default(), id, pin),
            Fact::Extension(name, hash) => put(&mut lock.extensions, name, hash),
        };
        if !agrees {
            conflicts.insert(subject);
        }
    }
    let ids: BTreeSet<ElementId> = lock.elements.keys().map(|key| key.id.clone()).chain(pins(&lock).map(|(id, _)| id.clone())).collect();
    for id in ids {
        if !settled(&lock, &id) {
            conflicts.insert(Subject::Element(id));
        }
    }
    for subject in conflicts.iter() {
        match subject {
            Subject::Element(id) => forget(&mut lock, id),
            Subject::Extension(name) => {
                lock.extensions.remove(name);
            }
        }
    }
    lock.sites.retain(|_, pins| !pins.is_empty());
    lock
}

/// Adds an entry; false when another value is there already.
fn put<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, V>, key: K, value: V) -> bool {
    match map.entry(key) {
        std::collections::btree_map::Entry::Vacant(vacant) => {
            vacant.insert(value);
            true
        }
        std::collections::btree_map::Entry::Occupied(there) => *there.get() == value,
    }
}

fn pins(lock: &Lock) -> impl Iterator<Item = (&ElementId, &Pin)> {
    lock.shared.iter().chain(lock.sites.values().flatten())
}

/// Whether it is plain which entry of an element serves where: every pin leads to an entry; several entries have a shared one,
/// and somebody uses each. The union of two branches that moved the same element is not settled.
fn settled(lock: &Lock, id: &ElementId) -> bool {
    let entries: BTreeSet<&Pin> = lock.entries(id).map(|(pin, _)| pin).collect();
    let used: BTreeSet<&Pin> = pins(lock).filter(|(pinned, _)| *pinned == id).map(|(_, pin)| pin).collect();
    used.is_subset(&entries) && (entries.len() < 2 || (lock.shared.contains_key(id) && used == entries))
}

fn forget(lock: &mut Lock, id: &ElementId) {
    lock.elements.retain(|key, _| key.id != *id);
    lock.shared.remove(id);
    for pins in lock.sites.values_mut() {
        pins.remove(id);
    }
}

/// The lock as it is written: where several versions are locked and none is named as the shared one, the one that
/// [`Lock::entry`] gives is named; entries that nobody uses go.
pub(super) fn tidy(lock: &Lock) -> Lock {
    let mut tidy = lock.clone();
    let ids: BTreeSet<&ElementId> = lock.elements.keys().map(|key| &key.id).collect();
    for id in ids {
        let entries: Vec<&Pin> = lock.entries(id).map(|(pin, _)| pin).collect();
        if let ([_, .., last], false) = (entries.as_slice(), tidy.shared.contains_key(id)) {
            tidy.shared.insert(id.clone(), (*last).clone());
        }
        if entries.len() > 1 {
            let used: BTreeSet<Pin> = pins(&tidy).filter(|(pinned, _)| *pinned == id).map(|(_, pin)| pin.clone()).collect();
            tidy.elements.retain(|key, _| key.id != *id || used.contains(&key.pin));
        }
    }
    let entries: BTreeSet<LockKey> = tidy.elements.keys().cloned().collect();
    let leads = |id: &ElementId, pin: &Pin| entries.contains(&LockKey { id: id.clone(), pin: pin.clone() });
    tidy.shared.retain(|id, pin| leads(id, pin));
    for pins in tidy.sites.values_mut() {
        pins.retain(|id, pin| leads(id, pin));
    }
    tidy.sites.retain(|_, pins| !pins.is_empty());
    tidy
}
