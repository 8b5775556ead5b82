//! Everything the solver has been told so far: elements, their candidates newest first, and what each candidate needs.
//!
//! Names, requirements and candidates are small numbers here. A name that nothing is known of yet has a placeholder
//! candidate that fits everything, so that a search over what is known asks for what it would need next.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexSet;

use crate::error::Error;
use crate::model::{ElementId, ElementInfo, Requirement, Version};
use crate::version::{Readings, Scheme};

use super::fit::Fit;
use super::{Known, Question, Reply};

/// An element, by the order in which it was met.
pub(super) type Name = u32;
/// A candidate of an element: its place among them, newest first.
pub(super) type Cand = u32;
/// A requirement on an element.
pub(super) type ReqId = u32;
/// A candidate of any element, or a placeholder.
pub(super) type Solvable = u32;

/// What is known of an element.
#[derive(Debug)]
pub(super) enum State {
    /// Nobody was asked yet.
    Unasked,
    /// Nobody knows it.
    Unknown,
    /// It exists.
    Known(Element),
}

/// An element that exists.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) scheme: Arc<dyn Scheme>,
    pub(super) from: String,
    pub(super) candidates: Vec<Candidate>,
    /// What the scheme read of so many versions, and where each candidate is among them.
    readings: Readings,
    read: usize,
    places: Vec<usize>,
    first: Solvable,
    /// How many of its infos were asked for one by one.
    asked: usize,
}

/// One version of an element.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) version: Version,
    info: Info,
    needs: Option<Arc<Needs>>,
}

#[derive(Debug, Clone)]
enum Info {
    Unasked,
    Missing,
    Here(Arc<ElementInfo>),
}

/// What a candidate asks of others.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) dependencies: Vec<(Name, ReqId)>,
    pub(super) conflicts: Vec<(Name, ReqId)>,
    pub(super) recommends: Vec<(Name, ReqId)>,
    /// Whether every other version is preferred.
    pub(super) reserve: bool,
    /// Why it cannot be chosen at all.
    pub(super) unusable: Option<Unusable>,
}

/// Why a candidate is out of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Withdrawn, and not locked.
    Yanked(String),
    /// Held back by this machine, and not locked.
    Withheld(String),
    /// Listed, but its metadata is not there.
    Missing,
    /// It asks for something that its target's scheme cannot read.
    Unreadable(String),
    /// It needs another version of itself, or excludes itself.
    Contradiction,
    /// It lacks an optional group that is on.
    NoGroup(String),
}

/// A requirement on an element, and which of its candidates fit.
#[derive(Debug)]
pub(super) struct Req {
    pub(super) name: Name,
    pub(super) text: Requirement,
    state: Reading,
}

#[derive(Debug, Clone)]
enum Reading {
    Pending,
    Failed(Arc<Error>),
    Read(Arc<Fit>),
}

#[derive(Debug)]
struct Slot {
    state: State,
    placeholder: Solvable,
    /// The optional groups that are on.
    groups: Vec<String>,
    locked: Option<Version>,
    /// Versions to try first where a new one is needed.
    favoured: Vec<Version>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Memory {
    ids: IndexSet<ElementId>,
    slots: Vec<Slot>,
    reqs: Vec<Req>,
    req_ids: HashMap<(Name, Requirement), ReqId>,
    solvables: Vec<(Name, Option<Cand>)>,
    open: BTreeSet<Question>,
}

impl Memory {
    /// The number of an element; new ones get the next.
    pub(super) fn name(&mut self, id: &ElementId) -> Name {
        if let Some(name) = self.ids.get_index_of(id) {
            return name as Name;
        }
        let (name, _) = self.ids.insert_full(id.clone());
        let placeholder = self.solvables.len() as Solvable;
        self.solvables.push((name as Name, None));
        self.slots.push(Slot { state: State::Unasked, placeholder, groups: Vec::new(), locked: None, favoured: Vec::new() });
        name as Name
    }

    /// The number of a requirement; new ones get the next.
    pub(super) fn req(&mut self, name: Name, text: &Requirement) -> ReqId {
        if let Some(id) = self.req_ids.get(&(name, text.clone())) {
            return *id;
        }
        let id = self.reqs.len() as ReqId;
        self.reqs.push(Req { name, text: text.clone(), state: Reading::Pending });
        self.req_ids.insert((name, text.clone()), id);
        id
    }

    pub(super) fn set_groups(&mut self, name: Name, groups: &[String]) {
        self.slots[name as usize].groups = groups.to_vec();
    }

    pub(super) fn set_locked(&mut self, name: Name, version: &Version) {
        self.slots[name as usize].locked = Some(version.clone());
    }

    pub(super) fn set_favoured(&mut self, name: Name, versions: &[Version]) {
        self.slots[name as usize].favoured = versions.to_vec();
    }

    pub(super) fn id(&self, name: Name) -> &ElementId {
        &self.ids[name as usize]
    }

    pub(super) fn requirement(&self, req: ReqId) -> &Req {
        &self.reqs[req as usize]
    }

    pub(super) fn state(&self, name: Name) -> &State {
        &self.slots[name as usize].state
    }

    pub(super) fn element(&self, name: Name) -> Option<&Element> {
        match &self.slots[name as usize].state {
            State::Known(element) => Some(element),
            _ => None,
        }
    }

    pub(super) fn candidates(&self, name: Name) -> &[Candidate] {
        self.element(name).map_or(&[], |element| &element.candidates)
    }

    pub(super) fn version(&self, name: Name, candidate: Cand) -> Option<&Version> {
        self.candidates(name).get(candidate as usize).map(|candidate| &candidate.version)
    }

    pub(super) fn info(&self, name: Name, candidate: Cand) -> Option<&Arc<ElementInfo>> {
        match &self.candidates(name).get(candidate as usize)?.info {
            Info::Here(info) => Some(info),
            _ => None,
        }
    }

    /// The locked candidate, where it still exists.
    pub(super) fn locked(&self, name: Name) -> Option<Cand> {
        let version = self.slots[name as usize].locked.as_ref()?;
        self.candidates(name).iter().position(|candidate| candidate.version == *version).map(|at| at as Cand)
    }

    /// The candidates to try before the others: the locked one, then those locked elsewhere, newest first.
    pub(super) fn favoured(&self, name: Name) -> Vec<Cand> {
        let slot = &self.slots[name as usize];
        if slot.locked.is_none() && slot.favoured.is_empty() {
            return Vec::new();
        }
        let locked = self.locked(name);
        let elsewhere = self.candidates(name).iter().enumerate().filter(|(_, candidate)| slot.favoured.contains(&candidate.version)).map(|(at, _)| at as Cand);
        locked.into_iter().chain(elsewhere.filter(|at| Some(*at) != locked)).collect()
    }

    pub(super) fn solvable(&self, name: Name, candidate: Cand) -> Solvable {
        self.element(name).map_or(self.slots[name as usize].placeholder, |element| element.first + candidate)
    }

    pub(super) fn placeholder(&self, name: Name) -> Solvable {
        self.slots[name as usize].placeholder
    }

    /// Whose candidate this is, and which; `None`: the placeholder.
    pub(super) fn resolve(&self, solvable: Solvable) -> (Name, Option<Cand>) {
        self.solvables[solvable as usize]
    }

    /// The candidates that fit; `None` where the element is not known yet. A requirement that cannot be read, or on an
    /// element that nobody knows, fits nothing.
    pub(super) fn fit(&mut self, req: ReqId) -> Option<Arc<Fit>> {
        if let Reading::Read(fit) = &self.reqs[req as usize].state {
            return Some(fit.clone());
        }
        self.read(req);
        match &self.reqs[req as usize].state {
            Reading::Pending => None,
            Reading::Failed(_) => Some(Arc::default()),
            Reading::Read(fit) => Some(fit.clone()),
        }
    }

    /// Why a requirement cannot be read.
    pub(super) fn failure(&mut self, req: ReqId) -> Option<Arc<Error>> {
        self.read(req);
        match &self.reqs[req as usize].state {
            Reading::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }

    fn read(&mut self, req: ReqId) {
        let Req { name, text, state } = &self.reqs[req as usize];
        if !matches!(state, Reading::Pending) {
            return;
        }
        let state = match &self.slots[*name as usize].state {
            State::Unasked => Reading::Pending,
            State::Unknown => Reading::Read(Arc::default()),
            State::Known(element) => match element.scheme.requirement(text) {
                Ok(matcher) => {
                    let candidates = element.candidates.iter().map(|candidate| &candidate.version).zip(element.places.iter().copied());
                    Reading::Read(Arc::new(Fit::of(&*matcher, &element.readings, element.read, candidates)))
                }
                Err(error) => Reading::Failed(Arc::new(error)),
            },
        };
        self.reqs[req as usize].state = state;
    }

    /// What a candidate needs; `None` (and an open question) where its metadata is not here yet.
    pub(super) fn needs(&mut self, name: Name, candidate: Cand) -> Option<Arc<Needs>> {
        let entry = self.candidates(name).get(candidate as usize)?;
        if let Some(needs) = &entry.needs {
            return Some(needs.clone());
        }
        let needs = match entry.info.clone() {
            Info::Unasked => {
                self.ask_info(name, candidate);
                return None;
            }
            Info::Missing => Needs { unusable: Some(Unusable::Missing), ..Needs::default() },
            Info::Here(info) => self.read_info(name, candidate, &info),
        };
        let needs = Arc::new(needs);
        if let State::Known(element) = &mut self.slots[name as usize].state {
            element.candidates[candidate as usize].needs = Some(needs.clone());
        }
        Some(needs)
    }

    /// As [`Self::needs`], without a question where that is not known.
    pub(super) fn needs_if_known(&mut self, name: Name, candidate: Cand) -> Option<Arc<Needs>> {
        let entry = self.candidates(name).get(candidate as usize)?;
        if matches!(entry.info, Info::Unasked) { None } else { self.needs(name, candidate) }
    }

    fn read_info(&mut self, name: Name, candidate: Cand, info: &ElementInfo) -> Needs {
        let mut needs = Needs { reserve: info.reserve.is_some(), ..Needs::default() };
        for (id, text) in &info.recommends {
            let target = self.name(id);
            needs.recommends.push((target, self.req(target, text)));
        }
        let locked = self.locked(name) == Some(candidate);
        if let Some(why) = info.yanked.as_ref().filter(|_| !locked) {
            needs.unusable = Some(Unusable::Yanked(why.clone()));
        }
        if let Some(why) = info.withheld.as_ref().filter(|_| !locked) {
            needs.unusable.get_or_insert(Unusable::Withheld(why.clone()));
        }
        let groups = self.slots[name as usize].groups.clone();
        if let Some(group) = groups.iter().find(|group| !info.optional.contains_key(*group)) {
            needs.unusable.get_or_insert(Unusable::NoGroup(group.clone()));
        }
        let optional = groups.iter().filter_map(|group| info.optional.get(group)).flatten();
        for (id, text) in info.dependencies.iter().chain(optional) {
            let target = self.name(id);
            let req = self.req(target, text);
            if target == name {
                // an element that needs itself needs nothing, or cannot be
                if !self.fit(req).is_some_and(|fit| fit.has(candidate)) {
                    needs.unusable = Some(Unusable::Contradiction);
                }
            } else if !needs.dependencies.contains(&(target, req)) {
                needs.dependencies.push((target, req));
            }
        }
        for (id, text) in &info.conflicts {
            let target = self.name(id);
            let req = self.req(target, text);
            if target != name {
                needs.conflicts.push((target, req));
            } else if self.fit(req).is_some_and(|fit| fit.has(candidate)) {
                needs.unusable = Some(Unusable::Contradiction);
            }
        }
        needs
    }

    /// The optional group by which a candidate needs something; `None` where it needs it without one.
    pub(super) fn group_that_needs(&self, name: Name, candidate: Cand, req: ReqId) -> Option<String> {
        let info = self.info(name, candidate)?;
        let Req { name: target, text, .. } = self.requirement(req);
        let asks = |list: &indexmap::IndexMap<ElementId, Requirement>| list.get(self.id(*target)) == Some(text);
        let groups = &self.slots[name as usize].groups;
        groups.iter().find(|group| info.optional.get(*group).is_some_and(asks)).filter(|_| !asks(&info.dependencies)).cloned()
    }

    /// Why a candidate cannot be chosen, as far as is known. A requirement that cannot be read counts, once its target's
    /// scheme is known.
    pub(super) fn unusable(&mut self, name: Name, candidate: Cand) -> Option<Unusable> {
        let needs = self.needs(name, candidate)?;
        if needs.unusable.is_some() {
            return needs.unusable.clone();
        }
        for (target, req) in needs.dependencies.iter().chain(&needs.conflicts) {
            if let Some(error) = self.failure(*req) {
                let text = &self.reqs[*req as usize].text;
                return Some(Unusable::Unreadable(format!("its requirement `{text}` on {} cannot be read: {error}", self.id(*target))));
            }
        }
        None
    }

    /// Notes that an element must be asked about.
    pub(super) fn ask_element(&mut self, name: Name) {
        if matches!(self.slots[name as usize].state, State::Unasked) {
            self.open.insert(Question::Element(self.id(name).clone()));
        }
    }

    /// Notes that a candidate's metadata must be asked for, and, where that happens again and again, that of the next ones.
    fn ask_info(&mut self, name: Name, candidate: Cand) {
        let id = self.id(name).clone();
        let State::Known(element) = &self.slots[name as usize].state else { return };
        let window = element.candidates.iter().skip(candidate as usize).take(element.asked.max(1));
        let unasked = window.filter(|candidate| matches!(candidate.info, Info::Unasked));
        let questions: Vec<Question> = unasked.map(|candidate| Question::Info(id.clone(), candidate.version.clone())).collect();
        self.open.extend(questions);
    }

    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The open questions, which are then no longer open.
    pub(super) fn take_open(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.open).into_iter().collect()
    }

    /// Takes in an answer.
    pub(super) fn learn(&mut self, question: &Question, reply: Reply) {
        match (question, reply) {
            (Question::Element(id), Reply::Element(known)) => {
                let name = self.name(id);
                self.slots[name as usize].state = match known {
                    Some(known) => State::Known(self.take_in(name, known)),
                    None => State::Unknown,
                };
            }
            (Question::Info(id, version), reply) => {
                let name = self.name(id);
                let State::Known(element) = &mut self.slots[name as usize].state else { return };
                if let Some(candidate) = element.candidates.iter_mut().find(|candidate| candidate.version == *version) {
                    candidate.info = match reply {
                        Reply::Info(Some(info)) => Info::Here(info),
                        _ => Info::Missing,
                    };
                    element.asked += 1;
                }
            }
            (Question::Element(id), Reply::Info(_)) => {
                let name = self.name(id);
                self.slots[name as usize].state = State::Unknown;
            }
        }
    }

    /// What was answered to a question; `None` where it was never asked.
    pub(super) fn recall(&self, question: &Question) -> Option<Reply> {
        let (Question::Element(id) | Question::Info(id, _)) = question;
        let state = &self.slots[self.ids.get_index_of(id)?].state;
        match (question, state) {
            (_, State::Unasked) => None,
            (Question::Element(_), State::Unknown) => Some(Reply::Element(None)),
            (Question::Element(_), State::Known(element)) => {
                let entry = |candidate: &Candidate| match &candidate.info {
                    Info::Here(info) => (candidate.version.clone(), Some(info.clone())),
                    _ => (candidate.version.clone(), None),
                };
                let versions = element.candidates.iter().map(entry).collect();
                Some(Reply::Element(Some(Known { scheme: element.scheme.clone(), versions, from: element.from.clone() })))
            }
            (Question::Info(..), State::Unknown) => Some(Reply::Info(None)),
            (Question::Info(_, version), State::Known(element)) => match &element.candidates.iter().find(|candidate| candidate.version == *version)?.info {
                Info::Unasked => None,
                Info::Missing => Some(Reply::Info(None)),
                Info::Here(info) => Some(Reply::Info(Some(info.clone()))),
            },
        }
    }

    fn take_in(&mut self, name: Name, known: Known) -> Element {
        let Known { scheme, versions, from } = known;
        let texts: Vec<&Version> = versions.iter().map(|(version, _)| version).collect();
        let readings = scheme.read(&texts);
        let mut places: Vec<usize> = (0..texts.len()).collect();
        places.sort_by(|a, b| scheme.compare_read(&readings, &texts, *b, *a).then_with(|| texts[*b].cmp(texts[*a])));
        // one version twice is one version
        places.dedup_by(|a, b| texts[*a] == texts[*b]);
        let read = texts.len();
        let first = self.solvables.len() as Solvable;
        self.solvables.extend((0..places.len()).map(|at| (name, Some(at as Cand))));
        let mut versions: Vec<Option<(Version, Option<Arc<ElementInfo>>)>> = versions.into_iter().map(Some).collect();
        let candidate = |place: &usize| {
            let (version, info) = versions[*place].take()?;
            Some(Candidate { version, info: info.map_or(Info::Unasked, Info::Here), needs: None })
        };
        let candidates = places.iter().filter_map(candidate).collect();
        Element { scheme, from, candidates, readings, read, places, first, asked: 0 }
    }
}
