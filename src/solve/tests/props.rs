//! Random problems against other ways to answer them: pubgrub for the verdict, a plain search for the answer and the change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use pubgrub::{OfflineDependencyProvider, PubGrubError, Ranges, resolve};

use super::shelf::{Shelf, element, lock, problem, shown};
use crate::error::ErrorKind;
use crate::model::{ElementId, ElementInfo, Requirement, Version};
use crate::roles::Context;
use crate::solve::rounds::Search;
use crate::solve::{Problem, facts, solve, solve_or_explain};
use crate::version::{Matcher, Scheme, scheme};

const NAMES: usize = 5;
const VERSIONS: [&str; 5] = ["1.0.0", "1.1.0", "2.0.0", "2.0.1", "3.0.0"];
pub(super) const REQUIREMENTS: [&str; 12] = ["*", "1.*", "2+", "1.1+", "2.0.*+", ">=1.1", "<2", "=1.0.0", "3-", "1.1-", "1.0 || 2.*", ">1.0, <3"];

type Ask = (usize, usize);

#[derive(Debug, Clone)]
struct Release {
    dependencies: Vec<Ask>,
    conflicts: Vec<Ask>,
    group: Vec<Ask>,
    yanked: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Instance {
    /// By element: its versions that exist.
    elements: Vec<BTreeMap<usize, Release>>,
    roots: Vec<(Ask, bool)>,
    locks: Vec<Option<usize>>,
}

/// Half of them tight (most have no answer), half of them loose (most have, and locks matter).
pub(super) fn instance() -> impl Strategy<Value = Instance> {
    prop_oneof![tight(), loose()]
}

pub(super) fn tight() -> impl Strategy<Value = Instance> {
    let ask = || (0..NAMES, 0..REQUIREMENTS.len());
    let release = (prop::collection::vec(ask(), 0..3), prop::collection::vec(ask(), 0..2), prop::collection::vec(ask(), 0..2), prop::bool::weighted(0.05))
        .prop_map(|(dependencies, conflicts, group, yanked)| Release { dependencies, conflicts, group, yanked });
    put_together(release.boxed(), 1..5, prop::collection::vec((ask(), any::<bool>()), 1..4).boxed(), 0.5)
}

pub(super) fn loose() -> impl Strategy<Value = Instance> {
    let ask = || (0..NAMES, prop_oneof![Just(0), 0..REQUIREMENTS.len()]);
    let release = (prop::collection::vec(ask(), 0..3), prop::option::weighted(0.1, ask()), prop::option::weighted(0.3, ask()), prop::bool::weighted(0.05))
        .prop_map(|(dependencies, conflict, group, yanked)| Release {
            dependencies,
            conflicts: conflict.into_iter().collect(),
            group: group.into_iter().collect(),
            yanked,
        });
    put_together(release.boxed(), 3..VERSIONS.len() + 1, prop::collection::vec((ask(), any::<bool>()), 1..4).boxed(), 0.9)
}

fn put_together(
    release: BoxedStrategy<Release>,
    releases: std::ops::Range<usize>,
    roots: BoxedStrategy<Vec<(Ask, bool)>>,
    locked: f64,
) -> impl Strategy<Value = Instance> {
    let element = prop::collection::btree_map(0..VERSIONS.len(), release, releases);
    let locks = prop::collection::vec(prop::option::weighted(locked, 0..VERSIONS.len()), NAMES);
    (prop::collection::vec(element, NAMES), roots, locks).prop_map(|(elements, mut roots, locks)| {
        let mut seen = BTreeSet::new();
        roots.retain(|((name, _), _)| seen.insert(*name));
        Instance { elements, roots, locks }
    })
}

fn name(at: usize) -> String {
    format!("plugins/p{at}")
}

fn asks(list: &[Ask]) -> indexmap::IndexMap<ElementId, Requirement> {
    list.iter().map(|(target, text)| (element(&name(*target)), REQUIREMENTS[*text].into())).collect()
}

impl Instance {
    pub(super) fn shelf(&self) -> Shelf {
        let mut shelf = Shelf::default();
        shelf.scheme("plugins", "3m");
        for (at, versions) in self.elements.iter().enumerate() {
            let info = |(number, release): (&usize, &Release)| {
                let mut info = ElementInfo::bare(element(&name(at)), VERSIONS[*number].into());
                info.dependencies = asks(&release.dependencies);
                info.conflicts = asks(&release.conflicts);
                info.optional.insert("extra".to_owned(), asks(&release.group));
                info.yanked = release.yanked.then(|| "broken".to_owned());
                Arc::new(info)
            };
            shelf.elements.insert(element(&name(at)), versions.iter().map(info).collect());
        }
        shelf
    }

    pub(super) fn problem(&self, locked: bool) -> Problem {
        let roots: Vec<(String, &str)> = self.roots.iter().map(|((target, text), _)| (name(*target), REQUIREMENTS[*text])).collect();
        let roots: Vec<(&str, &str)> = roots.iter().map(|(id, text)| (id.as_str(), *text)).collect();
        let mut problem = problem(&roots);
        for (root, (_, group)) in problem.roots.iter_mut().zip(&self.roots) {
            root.optional.extend(group.then(|| "extra".to_owned()));
        }
        if locked {
            let exists = |(at, version): (usize, &Option<usize>)| {
                version.filter(|version| self.elements[at].contains_key(version)).map(|version| (name(at), VERSIONS[version]))
            };
            let locks: Vec<(String, &str)> = self.locks.iter().enumerate().filter_map(exists).collect();
            let locks: Vec<(&str, &str)> = locks.iter().map(|(id, version)| (id.as_str(), *version)).collect();
            lock(&mut problem, &locks);
        }
        problem
    }
}

/// Instances that know nothing of one another, on one shelf and asked for by one site.
pub(super) fn side_by_side(instances: &[Instance]) -> (Shelf, Problem) {
    let mut shelf = Shelf::default();
    shelf.scheme("plugins", "3m");
    let mut all = problem(&[]);
    for (number, instance) in instances.iter().enumerate() {
        let renamed = |id: &ElementId| element(&format!("plugins/i{number}{}", id.name()));
        for (id, infos) in instance.shelf().elements {
            let apart = |info: Arc<ElementInfo>| {
                let asks = |list: &indexmap::IndexMap<ElementId, Requirement>| list.iter().map(|(id, text)| (renamed(id), text.clone())).collect();
                let mut info = (*info).clone();
                info.id = renamed(&info.id);
                info.dependencies = asks(&info.dependencies);
                info.conflicts = asks(&info.conflicts);
                info.optional.values_mut().for_each(|group| *group = asks(group));
                Arc::new(info)
            };
            shelf.elements.insert(renamed(&id), infos.into_iter().map(apart).collect());
        }
        for mut root in instance.problem(false).roots {
            root.id = renamed(&root.id);
            root.origin.line = 10 + all.roots.len();
            all.roots.push(root);
        }
    }
    (shelf, all)
}

/// A search as plain as can be: every choice in order, looking back one step at a time.
pub(super) struct Plain<'a> {
    shelf: &'a Shelf,
    problem: &'a Problem,
    scheme: Arc<dyn Scheme>,
    matchers: BTreeMap<Requirement, Arc<dyn Matcher>>,
    found: Vec<Vec<(ElementId, Version)>>,
    all: bool,
}

impl<'a> Plain<'a> {
    pub(super) fn new(shelf: &'a Shelf, problem: &'a Problem, all: bool) -> Self {
        let scheme = scheme("3m").expect("a built-in scheme");
        let matchers = REQUIREMENTS.iter().map(|text| (Requirement::from(*text), scheme.requirement(&(*text).into()).expect("readable"))).collect();
        Self { shelf, problem, scheme, matchers, found: Vec::new(), all }
    }

    /// The first solution in order, or all of them.
    pub(super) fn solutions(mut self) -> Vec<Vec<(ElementId, Version)>> {
        let agenda = self.problem.roots.iter().map(|root| (root.id.clone(), root.requirement.clone())).collect();
        self.descend(&mut Vec::new(), agenda);
        self.found
    }

    fn fits(&self, requirement: &Requirement, version: &Version) -> bool {
        self.matchers[requirement].matches(version)
    }

    fn needs(&self, info: &ElementInfo) -> Vec<(ElementId, Requirement)> {
        let on = self.problem.roots.iter().any(|root| root.id == info.id && !root.optional.is_empty());
        let group = info.optional.get("extra").filter(|_| on).into_iter().flatten();
        info.dependencies.iter().chain(group).map(|(id, text)| (id.clone(), text.clone())).collect()
    }

    fn agree(&self, a: &ElementInfo, b: &ElementInfo) -> bool {
        let needs = self.needs(a);
        needs.iter().all(|(id, text)| *id != b.id || self.fits(text, &b.version)) && a.conflicts.get(&b.id).is_none_or(|text| !self.fits(text, &b.version))
    }

    fn descend(&mut self, chosen: &mut Vec<Arc<ElementInfo>>, mut agenda: VecDeque<(ElementId, Requirement)>) {
        let (id, requirement) = loop {
            match agenda.pop_front() {
                None => {
                    self.found.push(chosen.iter().map(|info| (info.id.clone(), info.version.clone())).collect());
                    return;
                }
                Some((id, _)) if chosen.iter().any(|info| info.id == id) => {}
                Some(next) => break next,
            }
        };
        let matcher = self.matchers[&requirement].clone();
        let mut candidates: Vec<Arc<ElementInfo>> = self.shelf.elements[&id].iter().filter(|info| matcher.matches(&info.version)).cloned().collect();
        candidates.sort_by(|a, b| matcher.class(&a.version).cmp(&matcher.class(&b.version)).then(self.scheme.compare(&b.version, &a.version)));
        for info in candidates {
            let root = self.problem.roots.iter().find(|root| root.id == id);
            let usable = info.yanked.is_none() || self.problem.locked.get(&id) == Some(&info.version);
            let agrees = root.is_none_or(|root| self.fits(&root.requirement, &info.version)) && self.agree(&info, &info);
            if !usable || !agrees || !chosen.iter().all(|other| self.agree(other, &info) && self.agree(&info, other)) {
                continue;
            }
            let mut next = agenda.clone();
            next.extend(self.needs(&info));
            chosen.push(info);
            self.descend(chosen, next);
            chosen.pop();
            if !self.all && !self.found.is_empty() {
                return;
            }
        }
    }
}

/// pubgrub's verdict. It knows no exclusions: each becomes a package of two versions that the two sides need one each of.
pub(super) fn pubgrub_says(shelf: &Shelf, problem: &Problem) -> bool {
    let plain = Plain::new(shelf, problem, false);
    let index = |version: &Version| VERSIONS.iter().position(|text| *text == version.as_str()).expect("one of them") as u32;
    let set = |text: &Requirement| {
        let fitting = VERSIONS.iter().filter(|version| plain.fits(text, &Version::from(**version)));
        fitting.fold(Ranges::empty(), |set: Ranges<u32>, version| set.union(&Ranges::singleton(index(&Version::from(*version)))))
    };
    let infos: Vec<&Arc<ElementInfo>> = shelf.elements.values().flatten().collect();
    let mut provider = OfflineDependencyProvider::<String, Ranges<u32>>::new();
    let mut add = |package: String, version: u32, needs: Vec<(String, Ranges<u32>)>| {
        let mut merged: BTreeMap<String, Ranges<u32>> = BTreeMap::new();
        for (target, set) in needs {
            let both = merged.get(&target).map_or(set.clone(), |other| other.intersection(&set));
            merged.insert(target, both);
        }
        provider.add_dependencies(package, version, merged);
    };
    for info in &infos {
        let mut needs: Vec<(String, Ranges<u32>)> = plain.needs(info).iter().map(|(id, text)| (id.to_string(), set(text))).collect();
        if info.yanked.is_some() || !plain.agree(info, info) {
            needs.push(("nowhere".to_owned(), Ranges::full()));
        }
        needs.retain(|(target, _)| *target != info.id.to_string());
        for other in &infos {
            for (at, (from, to)) in [(info, other), (other, info)].into_iter().enumerate() {
                if from.id != to.id && from.conflicts.contains_key(&to.id) && (at == 0 || plain.fits(&from.conflicts[&to.id], &to.version)) {
                    needs.push((format!("not {} {} {}", from.id, from.version, to.id), Ranges::singleton(at as u32)));
                }
            }
        }
        add(info.id.to_string(), index(&info.version), needs);
    }
    for info in &infos {
        for target in info.conflicts.keys() {
            for side in 0..2 {
                add(format!("not {} {} {target}", info.id, info.version), side, Vec::new());
            }
        }
    }
    add("site".to_owned(), 0, problem.roots.iter().map(|root| (root.id.to_string(), set(&root.requirement))).collect());
    match resolve(&provider, "site".to_owned(), 0_u32) {
        Ok(_) => true,
        Err(PubGrubError::NoSolution(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// How many locked versions an answer changes.
pub(super) fn changed(problem: &Problem, solution: &[(ElementId, Version)]) -> usize {
    solution.iter().filter(|(id, version)| problem.locked.get(id).is_some_and(|locked| locked != version)).count()
}

/// `PROPTEST_CASES` asks for more or fewer.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: if cfg!(debug_assertions) { 100 } else { 5_000 }, ..usual } }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn verdicts_are_pubgrubs_and_answers_those_of_a_plain_search(instance in instance()) {
        let (mut shelf, problem) = (instance.shelf(), instance.problem(false));
        let found = solve(&Context::silent(), &problem, &shelf);
        prop_assert_eq!(found.is_ok(), pubgrub_says(&shelf, &problem));
        let first = Plain::new(&shelf, &problem, false).solutions().pop();
        match (&found, first) {
            (Ok(solution), Some(first)) => {
                let expected: Vec<String> = first.iter().map(|(id, version)| format!("{} {version}", id.name())).collect();
                prop_assert_eq!(shown(solution), expected);
                // how much is told at once changes nothing
                shelf.batches.take();
                shelf.lazy = true;
                prop_assert_eq!(shown(&solve(&Context::silent(), &problem, &shelf).expect("as before")), shown(solution));
                shelf.batches.take();
                shelf.lazy = false;
                shelf.elements.values_mut().for_each(|infos| infos.reverse());
                prop_assert_eq!(shown(&solve(&Context::silent(), &problem, &shelf).expect("as before")), shown(solution));
            }
            (Err(error), None) => prop_assert_eq!(error.kind(), ErrorKind::Conflict),
            (found, first) => prop_assert!(false, "{:?} but {:?}", found, first),
        }
    }

    #[test]
    fn no_solution_changes_fewer_locked_versions(instance in loose()) {
        let (shelf, problem) = (instance.shelf(), instance.problem(true));
        let least = Plain::new(&shelf, &problem, true).solutions().iter().map(|solution| changed(&problem, solution)).min();
        let found = solve(&Context::silent(), &problem, &shelf).ok();
        let found = found.map(|solution| solution.chosen.iter().map(|(id, chosen)| (id.clone(), chosen.version.clone())).collect::<Vec<_>>());
        prop_assert_eq!(found.map(|found| changed(&problem, &found)), least);
    }

    /// Several problems side by side, most of them without an answer: more conflicts than are fixed one after the other.
    #[test]
    fn many_conflicts_at_once_get_fixes_that_resolve(instances in prop::collection::vec(tight(), 4..10)) {
        let (shelf, problem) = side_by_side(&instances);
        let Err(unsolved) = solve_or_explain(&Context::silent(), &problem, &shelf).expect("decided") else { return Ok(()) };
        prop_assert!(!unsolved.fixes.is_empty(), "{:?}", unsolved.error);
        for fix in &unsolved.fixes {
            shelf.batches.take();
            let fixed = solve(&Context::silent(), &problem.with(fix), &shelf);
            prop_assert!(fixed.is_ok(), "{}: {:?}", fix.text, fixed);
        }
        // independent conflicts are all told
        let apart = instances.iter().filter(|instance| solve(&Context::silent(), &instance.problem(false), &instance.shelf()).is_err()).count();
        let told = unsolved.error.notes().iter().filter(|note| note.starts_with("conflict ")).count().max(1);
        prop_assert!(told >= apart, "{} of {}: {:?}", told, apart, unsolved.error);
    }

    #[test]
    fn every_fix_really_resolves_and_every_explanation_is_minimal(instance in tight()) {
        let (shelf, problem) = (instance.shelf(), instance.problem(false));
        let Err(unsolved) = solve_or_explain(&Context::silent(), &problem, &shelf).expect("decided") else { return Ok(()) };
        prop_assert!(unsolved.error.notes().len() >= 2, "{:?}", unsolved.error);
        prop_assert!(!unsolved.fixes.is_empty(), "{:?}", unsolved.error);
        for fix in &unsolved.fixes {
            shelf.batches.take();
            let fixed = solve(&Context::silent(), &problem.with(fix), &shelf);
            prop_assert!(fixed.is_ok(), "{}: {:?}", fix.text, fixed);
        }
        shelf.batches.take();
        let cx = Context::silent();
        let mut search = Search::new(&cx, &problem, &shelf);
        let task = search.task();
        let touched = search.run(&task).expect("decided").expect_err("no answer");
        for conflict in facts::conflicts(&mut search, &task, touched).expect("decided") {
            let mut narrowed = task.clone();
            narrowed.facts = Some(conflict.clone());
            prop_assert!(search.run_once(&narrowed).expect("decided").is_err(), "{:?} is no conflict", conflict);
            for fact in &conflict {
                let mut less = conflict.clone();
                less.remove(fact);
                narrowed.facts = Some(less);
                prop_assert!(search.run_once(&narrowed).expect("decided").is_ok(), "{:?} does not need {:?}", conflict, fact);
            }
        }
    }
}
