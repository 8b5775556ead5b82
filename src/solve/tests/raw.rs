//! Figures: how much the solver costs over the engine that it stands on, from the same texts to an answer.
//! `cargo test --release --lib solve::tests::raw -- --ignored --nocapture`

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexSet;
use resolvo::{
    Candidates, Condition, ConditionId, Dependencies, DependencyProvider, HintDependenciesAvailable, Interner, KnownDependencies, NameId, SolvableId, Solver,
    SolverCache, StringId, VersionSetId, VersionSetUnionId,
};
use semver::VersionReq;

use super::data::{json, lines, shelf};
use super::shared::asked;
use super::shelf::Shelf;
use crate::model::{ElementId, ElementInfo, Requirement};
use crate::roles::Context;
use crate::solve::rounds::Search;
use crate::solve::{Problem, Provider, Question, Reply, settle};

/// The engine over a shelf, with nothing but what it asks for: no rounds, no preferences, no locks, any answer.
struct Raw<'a> {
    shelf: &'a Shelf,
    pool: RefCell<Pool>,
}

#[derive(Default)]
struct Pool {
    names: IndexSet<ElementId>,
    candidates: HashMap<u32, Vec<SolvableId>>,
    solvables: Vec<(u32, semver::Version, Arc<ElementInfo>)>,
    sets: IndexSet<(u32, Requirement)>,
    ranges: Vec<Vec<VersionReq>>,
}

impl Pool {
    fn set(&mut self, id: &ElementId, requirement: &Requirement) -> VersionSetId {
        let name = self.names.get_index_of(id).unwrap_or_else(|| self.names.insert_full(id.clone()).0) as u32;
        let key = (name, requirement.clone());
        if let Some(at) = self.sets.get_index_of(&key) {
            return VersionSetId(at as u32);
        }
        self.ranges.push(requirement.as_str().split("||").map(|range| VersionReq::parse(range.trim()).expect("readable")).collect());
        VersionSetId(self.sets.insert_full(key).0 as u32)
    }
}

impl Interner for Raw<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;
    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        solvable.into_raw()
    }
    fn display_name(&self, name: NameId) -> impl Display + '_ {
        name.into_raw()
    }
    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        set.0
    }
    fn display_string(&self, _: StringId) -> impl Display + '_ {
        ""
    }
    fn version_set_name(&self, set: VersionSetId) -> NameId {
        NameId::from_raw(self.pool.borrow().sets[set.0 as usize].0)
    }
    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(self.pool.borrow().solvables[solvable.into_raw() as usize].0)
    }
    fn version_sets_in_union(&self, _: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        std::iter::empty()
    }
    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        Condition::Requirement(VersionSetId(condition.as_u32()))
    }
}

impl DependencyProvider for Raw<'_> {
    async fn filter_candidates(&self, candidates: &[SolvableId], set: VersionSetId, inverse: bool) -> Vec<SolvableId> {
        let pool = self.pool.borrow();
        let ranges = &pool.ranges[set.0 as usize];
        let fits = |solvable: &SolvableId| ranges.iter().any(|range| range.matches(&pool.solvables[solvable.into_raw() as usize].1));
        candidates.iter().copied().filter(|solvable| fits(solvable) != inverse).collect()
    }
    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let mut pool = self.pool.borrow_mut();
        let number = name.into_raw();
        if !pool.candidates.contains_key(&number) {
            let infos = self.shelf.elements.get(&pool.names[number as usize])?;
            let mut versions: Vec<_> = infos.iter().map(|info| (semver::Version::parse(info.version.as_str()).expect("a version"), info.clone())).collect();
            versions.sort_by(|(a, _), (b, _)| b.cmp(a));
            let first = pool.solvables.len() as u32;
            let ids = (first..).take(versions.len()).map(SolvableId::from_raw).collect();
            pool.solvables.extend(versions.into_iter().map(|(version, info)| (number, version, info)));
            pool.candidates.insert(number, ids);
        }
        let candidates = pool.candidates[&number].clone();
        Some(Candidates { candidates, hint_dependencies_available: HintDependenciesAvailable::None, ..Candidates::default() })
    }
    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        solvables.sort_by_key(|solvable| solvable.into_raw());
    }
    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let mut pool = self.pool.borrow_mut();
        let info = pool.solvables[solvable.into_raw() as usize].2.clone();
        let requirements = info.dependencies.iter().map(|(id, text)| pool.set(id, text).into()).collect();
        let constrains = info.conflicts.iter().map(|(id, text)| pool.set(id, text)).collect();
        Dependencies::Known(KnownDependencies { requirements, constrains })
    }
}

fn raw(problem: &Problem, shelf: &Shelf) -> bool {
    let provider = Raw { shelf, pool: RefCell::default() };
    let requirements = problem.roots.iter().map(|root| provider.pool.borrow_mut().set(&root.id, &root.requirement).into()).collect();
    Solver::new(provider).solve(resolvo::Problem::new().requirements(requirements)).is_ok()
}

/// The shelf without the bookkeeping that other tests look at.
struct Plain<'a>(&'a Shelf);

impl Provider for Plain<'_> {
    fn answer(&self, _: &Context, questions: &[Question]) -> crate::error::Result<Vec<Reply>> {
        Ok(questions.iter().map(|question| self.0.reply(question)).collect())
    }
}

fn ours(problem: &Problem, shelf: &Shelf) -> bool {
    let cx = Context::silent();
    settle(&mut Search::new(&cx, problem, &Plain(shelf))).expect("decided").is_ok()
}

/// The shortest of three runs.
fn timed(problem: &Problem, shelf: &Shelf, run: fn(&Problem, &Shelf) -> bool) -> (bool, Duration) {
    let once = || {
        shelf.batches.borrow_mut().clear();
        let start = Instant::now();
        (run(problem, shelf), start.elapsed())
    };
    [once(), once(), once()].into_iter().min_by_key(|(_, took)| *took).expect("three runs")
}

fn compared(name: &str) {
    let Some(database) = json(&format!("{name}.json.gz")) else { return };
    let shelf = shelf(&database["packages"]);
    let mut both: Vec<(bool, Duration, Duration)> = Vec::new();
    for question in lines(&format!("{name}.roots.jsonl")).expect("beside the data") {
        let problem = asked(&question);
        let (theirs, engine) = timed(&problem, &shelf, raw);
        let (verdict, whole) = timed(&problem, &shelf, ours);
        assert_eq!(verdict, theirs, "verdict of {}", question["id"]);
        both.push((verdict, engine, whole));
    }
    told(name, &both);
    for (which, what) in [(true, "with an answer"), (false, "without one")] {
        told(&format!("  {what}"), &both.iter().copied().filter(|(verdict, ..)| *verdict == which).collect::<Vec<_>>());
    }
}

fn told(name: &str, both: &[(bool, Duration, Duration)]) {
    let (engine, whole): (Duration, Duration) = (both.iter().map(|(_, engine, _)| engine).sum(), both.iter().map(|(.., whole)| whole).sum());
    let mut ratios: Vec<f64> = both.iter().map(|(_, engine, whole)| whole.as_secs_f64() / engine.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: usize| ratios.get(ratios.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    eprintln!(
        "{name}: {} questions, the engine {engine:?}, the solver {whole:?}: {:.2} of it in all; of single ones p50 {:.2}, p90 {:.2}, p99 {:.2}",
        both.len(),
        whole.as_secs_f64() / engine.as_secs_f64(),
        at(50),
        at(90),
        at(99)
    );
}

#[test]
#[ignore = "figures, of a release build"]
fn beside_the_engine_alone() {
    compared("wally");
    compared("purescript");
}
