//! One run of the search engine over what is in memory. `resolvo` stands here alone.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::time::Instant;

use resolvo::{
    Candidates, Condition, ConditionId, Dependencies, DependencyProvider, HintDependenciesAvailable, Interner, KnownDependencies, NameId, Problem, SolvableId,
    Solver, SolverCache, StringId, UnsolvableOrCancelled, VersionSetId, VersionSetUnionId,
};

use crate::roles::Context;

use super::fit::Fit;
use super::memory::{Cand, Memory, Name, ReqId, State};

/// Something that is said about versions: what a conflict is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fact {
    /// The root of this number asks for something.
    Root(usize),
    /// An element's versions need another element.
    Need(Name, Name),
    /// An element's versions exclude another element.
    Exclude(Name, Name),
}

/// What a run is to satisfy.
#[derive(Debug, Clone, Default)]
pub(super) struct Task {
    /// What the site asks for, in manifest order.
    pub(super) roots: Vec<(Name, ReqId)>,
    /// Elements that may only be chosen at their locked version.
    pub(super) held: HashSet<Name>,
    /// Elements that may only be chosen among these.
    pub(super) only: HashMap<Name, Vec<Cand>>,
    /// The facts that count; `None`: all.
    pub(super) facts: Option<BTreeSet<Fact>>,
    /// Facts that do not.
    pub(super) without: BTreeSet<Fact>,
}

impl Task {
    /// The candidates that the task leaves to an element.
    pub(super) fn allowed(&self, memory: &Memory, name: Name) -> Vec<Cand> {
        if let Some(only) = self.only.get(&name) {
            return only.clone();
        }
        match memory.locked(name).filter(|_| self.held.contains(&name)) {
            Some(locked) => vec![locked],
            None => (0..memory.candidates(name).len() as Cand).collect(),
        }
    }

    /// Whether an element may be chosen in fewer versions than there are.
    pub(super) fn limits(&self, name: Name) -> bool {
        self.held.contains(&name) || self.only.contains_key(&name)
    }

    fn counts(&self, fact: Fact) -> bool {
        self.facts.as_ref().is_none_or(|facts| facts.contains(&fact)) && !self.without.contains(&fact)
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// One candidate of each chosen element; what is only presumed (see [`Memory`]) is left out.
    Found(HashMap<Name, Cand>),
    /// There is no answer: what was looked at on the way says so.
    Impossible(Touched),
    /// The user or the clock stopped it.
    Stopped,
}

/// What a run looked at.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) facts: BTreeSet<Fact>,
    pub(super) names: BTreeSet<Name>,
}

/// The same, in the order in which it was looked at.
#[derive(Debug, Default)]
struct Looked {
    facts: Vec<Fact>,
    names: Vec<Name>,
}

/// Runs the engine. Open questions may have been noted in memory: then an answer is only presumed.
pub(super) fn run(cx: &Context, memory: &mut Memory, task: &Task, deadline: Instant) -> Outcome {
    let provider = Adapter {
        cx,
        task,
        deadline,
        inner: RefCell::new(Inner { memory, sets: Vec::new(), set_ids: HashMap::new(), unions: Vec::new(), looked: Looked::default() }),
    };
    let mut requirements = Vec::new();
    {
        let mut inner = provider.inner.borrow_mut();
        for (at, (_, req)) in task.roots.iter().enumerate() {
            let fact = Fact::Root(at);
            if task.counts(fact) {
                inner.looked.facts.push(fact);
                requirements.push(inner.require(*req).into());
            }
        }
    }
    let mut solver = Solver::new(provider);
    let result = solver.solve(Problem::new().requirements(requirements));
    let mut inner = solver.provider().inner.borrow_mut();
    match result {
        Ok(chosen) => {
            let resolve = |solvable: SolvableId| {
                let (name, candidate) = inner.memory.resolve(solvable.into_raw());
                candidate.map(|candidate| (name, candidate))
            };
            Outcome::Found(chosen.into_iter().filter_map(resolve).collect())
        }
        Err(UnsolvableOrCancelled::Unsolvable(_)) => {
            let Looked { facts, names } = std::mem::take(&mut inner.looked);
            Outcome::Impossible(Touched { facts: facts.into_iter().collect(), names: names.into_iter().collect() })
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => Outcome::Stopped,
    }
}

/// Answers the engine's questions from memory.
struct Adapter<'a> {
    cx: &'a Context,
    task: &'a Task,
    deadline: Instant,
    inner: RefCell<Inner<'a>>,
}

struct Inner<'a> {
    memory: &'a mut Memory,
    sets: Vec<Set>,
    set_ids: HashMap<Set, u32>,
    unions: Vec<Vec<VersionSetId>>,
    looked: Looked,
}

/// A set of an element's candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Set {
    /// Those that fit a requirement.
    Fitting(ReqId),
    /// Those of them in one class.
    Class(ReqId, u32),
    /// Those that do not fit.
    Avoiding(ReqId),
}

impl Set {
    fn req(self) -> ReqId {
        match self {
            Self::Fitting(req) | Self::Class(req, _) | Self::Avoiding(req) => req,
        }
    }

    fn has(self, fit: &Fit, candidate: Cand) -> bool {
        match self {
            Self::Fitting(_) => fit.has(candidate),
            Self::Class(_, class) => fit.class.get(candidate as usize) == Some(&Some(class)),
            Self::Avoiding(_) => !fit.has(candidate),
        }
    }
}

impl Inner<'_> {
    fn set(&mut self, set: Set) -> VersionSetId {
        let next = self.sets.len() as u32;
        let id = *self.set_ids.entry(set).or_insert(next);
        if id == next {
            self.sets.push(set);
        }
        VersionSetId(id)
    }

    /// A requirement; one with preferences is a union of its classes, in order.
    fn require(&mut self, req: ReqId) -> resolvo::Requirement {
        match self.memory.fit(req) {
            Some(fit) if !fit.plain => {
                let classes: BTreeSet<u32> = fit.class.iter().flatten().copied().collect();
                let sets = classes.into_iter().map(|class| self.set(Set::Class(req, class))).collect();
                self.unions.push(sets);
                VersionSetUnionId(self.unions.len() as u32 - 1).into()
            }
            _ => self.set(Set::Fitting(req)).into(),
        }
    }

    fn needs(&mut self, task: &Task, solvable: SolvableId) -> Dependencies {
        let (name, candidate) = self.memory.resolve(solvable.into_raw());
        let Some(candidate) = candidate else { return Dependencies::Known(KnownDependencies::default()) };
        let Some(needs) = self.memory.needs(name, candidate) else { return Dependencies::Known(KnownDependencies::default()) };
        if self.memory.unusable(name, candidate).is_some() {
            return Dependencies::Unknown(StringId(0));
        }
        let mut known = KnownDependencies::default();
        for (target, req) in &needs.dependencies {
            let fact = Fact::Need(name, *target);
            if task.counts(fact) {
                self.looked.facts.push(fact);
                known.requirements.push(self.require(*req).into());
            }
        }
        for (target, req) in &needs.conflicts {
            let fact = Fact::Exclude(name, *target);
            if task.counts(fact) && matches!(self.memory.state(*target), State::Known(_)) {
                self.looked.facts.push(fact);
                known.constrains.push(self.set(Set::Avoiding(*req)));
            }
        }
        Dependencies::Known(known)
    }
}

impl Interner for Adapter<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let inner = self.inner.borrow();
        let (name, candidate) = inner.memory.resolve(solvable.into_raw());
        let version = candidate.and_then(|candidate| inner.memory.version(name, candidate)).map(ToString::to_string);
        format!("{} {}", inner.memory.id(name), version.unwrap_or_default())
    }
    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.inner.borrow().memory.id(name.into_raw()).to_string()
    }
    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        let inner = self.inner.borrow();
        inner.memory.requirement(inner.sets[set.0 as usize].req()).text.to_string()
    }
    fn display_string(&self, _: StringId) -> impl Display + '_ {
        "it cannot be used"
    }
    fn version_set_name(&self, set: VersionSetId) -> NameId {
        let inner = self.inner.borrow();
        NameId::from_raw(inner.memory.requirement(inner.sets[set.0 as usize].req()).name)
    }
    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(self.inner.borrow().memory.resolve(solvable.into_raw()).0)
    }
    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.inner.borrow().unions[union.0 as usize].clone().into_iter()
    }
    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        // no requirement is ever given a condition; this keeps the trait's promise for any number
        Condition::Requirement(VersionSetId(condition.as_u32()))
    }
}

impl DependencyProvider for Adapter<'_> {
    async fn filter_candidates(&self, candidates: &[SolvableId], set: VersionSetId, inverse: bool) -> Vec<SolvableId> {
        let mut inner = self.inner.borrow_mut();
        let set = inner.sets[set.0 as usize];
        let fit = inner.memory.fit(set.req());
        let has = |solvable: &SolvableId| match (inner.memory.resolve(solvable.into_raw()).1, &fit) {
            (Some(candidate), Some(fit)) => set.has(fit, candidate),
            _ => true,
        };
        candidates.iter().copied().filter(|solvable| has(solvable) != inverse).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let mut inner = self.inner.borrow_mut();
        let name = name.into_raw();
        inner.looked.names.push(name);
        let candidates = match inner.memory.state(name) {
            State::Unasked => {
                inner.memory.ask_element(name);
                vec![SolvableId::from_raw(inner.memory.placeholder(name))]
            }
            State::Unknown => return None,
            State::Known(_) => {
                let allowed = self.task.allowed(inner.memory, name);
                allowed.into_iter().map(|candidate| SolvableId::from_raw(inner.memory.solvable(name, candidate))).collect()
            }
        };
        Some(Candidates { candidates, hint_dependencies_available: HintDependenciesAvailable::None, ..Candidates::default() })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        let inner = self.inner.borrow();
        let Some(first) = solvables.first() else { return };
        let favoured = inner.memory.favoured(inner.memory.resolve(first.into_raw()).0);
        solvables.sort_by_key(|solvable| {
            let candidate = inner.memory.resolve(solvable.into_raw()).1.unwrap_or(0);
            (favoured.iter().position(|favoured| *favoured == candidate).unwrap_or(usize::MAX), candidate)
        });
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        self.inner.borrow_mut().needs(self.task, solvable)
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        (self.cx.cancel().is_set() || Instant::now() >= self.deadline).then(|| Box::new(()) as Box<dyn Any>)
    }
}
