//! The shared data sets, answered by the solver in this process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::data::{id, json, lines, requirement, shelf, versions};
use super::shelf::{Shelf, problem};
use crate::error::ErrorKind;
use crate::model::{ElementId, Fix, Origin, Requirement, Version};
use crate::roles::Context;
use crate::solve::rounds::Search;
use crate::solve::{Problem, Root, Solution, solve, solve_or_explain};
use crate::version::scheme;

/// Debug builds look at every so manieth question, so that the test takes seconds.
fn sample(debug: usize) -> usize {
    if cfg!(debug_assertions) && std::env::var_os("GREFFON_TEST_ALL").is_none() { debug } else { 1 }
}

pub(super) fn asked(value: &Value) -> Problem {
    let mut problem = problem(&[]);
    problem.roots = value["roots"]
        .as_object()
        .expect("roots")
        .iter()
        .map(|(name, text)| Root { id: id(name), requirement: requirement(text.as_str().expect("text")), optional: Vec::new(), origin: Origin::default() })
        .collect();
    problem.locked = versions(&value["locked"]);
    problem
}

fn fits(requirement: &Requirement, version: &Version) -> bool {
    scheme("semver").expect("a built-in scheme").requirement(requirement).expect("readable").matches(version)
}

/// Every rule of `check.py`: roots, dependencies, conflicts, and nothing that is not needed.
fn check(shelf: &Shelf, problem: &Problem, solution: &Solution) {
    let version = |id: &ElementId| solution.chosen.get(id).map(|chosen| &chosen.version);
    let mut needed: Vec<ElementId> = Vec::new();
    for root in &problem.roots {
        assert!(version(&root.id).is_some_and(|version| fits(&root.requirement, version)), "root {}", root.id);
        needed.push(root.id.clone());
    }
    let mut at = 0;
    while let Some(id) = needed.get(at).cloned() {
        at += 1;
        let info = shelf.elements[&id].iter().find(|info| Some(&info.version) == version(&id)).unwrap_or_else(|| panic!("{id} is not on the shelf"));
        for (target, text) in &info.dependencies {
            assert!(version(target).is_some_and(|version| fits(text, version)), "{id} needs {target} {text}");
            if !needed.contains(target) {
                needed.push(target.clone());
            }
        }
        for (target, text) in &info.conflicts {
            assert!(!version(target).is_some_and(|version| fits(text, version)), "{id} excludes {target} {text}");
        }
    }
    let mut chosen: Vec<_> = solution.chosen.keys().cloned().collect();
    chosen.sort();
    needed.sort();
    assert_eq!(chosen, needed, "something is not needed");
}

/// The answer, or the fixes that are offered in its place.
fn answer(problem: &Problem, shelf: &Shelf) -> Result<Solution, Vec<Fix>> {
    match solve_or_explain(&Context::silent(), problem, shelf).expect("decided") {
        Ok(solution) => {
            check(shelf, problem, &solution);
            Ok(solution)
        }
        Err(unsolved) => {
            assert_eq!(unsolved.error.kind(), ErrorKind::Conflict, "{:?}", unsolved.error);
            Err(unsolved.fixes)
        }
    }
}

/// How many problems without an answer there were, how many of them got no fix, and how many fixes were looked at.
#[derive(Default)]
struct Offers {
    unsolvable: usize,
    without: usize,
    fixes: usize,
}

impl Offers {
    /// Every fix that is offered really resolves.
    fn look(&mut self, problem: &Problem, fixes: &[Fix], shelf: &Shelf) {
        self.unsolvable += 1;
        self.without += usize::from(fixes.is_empty());
        for fix in fixes {
            shelf.batches.borrow_mut().clear();
            let fixed = problem.with(fix);
            let solution = solve(&Context::silent(), &fixed, shelf).unwrap_or_else(|error| panic!("{}: {error:?}", fix.text));
            check(shelf, &fixed, &solution);
            self.fixes += 1;
        }
    }

    fn told(&self, name: &str) {
        eprintln!("{name}: {} without an answer, {} of them without a fix; {} fixes, all of which resolve", self.unsolvable, self.without, self.fixes);
        assert_eq!(self.without, 0, "{name}: problems without a fix");
    }
}

fn times(name: &str, mut taken: Vec<Duration>) {
    taken.sort();
    if taken.is_empty() {
        return;
    }
    let at = |share: usize| taken[(taken.len() - 1) * share / 100];
    eprintln!("{name}: {} questions, p50 {:?}, p90 {:?}, p99 {:?}, max {:?}", taken.len(), at(50), at(90), at(99), at(100));
}

#[test]
fn ten_thousand_small_problems() {
    let Some(cases) = lines("small-10000.jsonl.gz") else { return };
    let (mut taken, mut offers) = (Vec::new(), Offers::default());
    for case in cases.iter().step_by(sample(40)) {
        let shelf = shelf(&case["packages"]);
        let problem = asked(case);
        let start = Instant::now();
        let found = answer(&problem, &shelf);
        taken.push(start.elapsed());
        assert_eq!(found.is_ok(), case["sat"] == true, "verdict of {}", case["id"]);
        let solution = match found {
            Ok(solution) => solution,
            Err(fixes) => {
                offers.look(&problem, &fixes, &shelf);
                continue;
            }
        };
        let chosen: Vec<String> = solution.chosen.iter().map(|(id, chosen)| format!("{} {}", id.name(), chosen.version)).collect();
        let first = case["first"].as_object().expect("first").iter().map(|(name, version)| format!("{name} {}", version.as_str().expect("text")));
        assert_eq!(chosen, first.collect::<Vec<_>>(), "answer of {}", case["id"]);
    }
    times("small", taken);
    offers.told("small");
}

fn ecosystem(name: &str, every: usize) {
    let Some(database) = json(&format!("{name}.json.gz")) else { return };
    let shelf = shelf(&database["packages"]);
    let questions = lines(&format!("{name}.roots.jsonl")).expect("beside the data");
    let verdicts: BTreeMap<u64, bool> = lines(&format!("{name}.reference.jsonl.gz"))
        .expect("beside the data")
        .iter()
        .map(|line| (line["id"].as_u64().expect("id"), line["sat"] == true))
        .collect();
    let (mut taken, mut explained, mut engine, mut offers) = (Vec::new(), Vec::new(), Vec::new(), Offers::default());
    for question in questions.iter().step_by(every) {
        let problem = asked(question);
        shelf.batches.borrow_mut().clear();
        let start = Instant::now();
        let found = answer(&problem, &shelf);
        let spent = start.elapsed();
        if found.is_ok() {
            shelf.batches.borrow_mut().clear();
            let (cx, start) = (Context::silent(), Instant::now());
            let mut search = Search::new(&cx, &problem, &shelf);
            let task = search.task();
            search.run(&task).expect("decided").expect("an answer");
            engine.push(start.elapsed());
        }
        if found.is_ok() { &mut taken } else { &mut explained }.push(spent);
        if let Err(fixes) = &found {
            offers.look(&problem, fixes, &shelf);
        }
        assert_eq!(found.is_ok(), verdicts[&question["id"].as_u64().expect("id")], "verdict of {}", question["id"]);
    }
    times(name, taken);
    times(&format!("{name}, the engine alone"), engine);
    times(&format!("{name}, explained"), explained);
    offers.told(name);
}

fn locked(name: &str, every: usize) {
    let Some(database) = json(&format!("{name}.json.gz")) else { return };
    let shelf = shelf(&database["packages"]);
    let questions = lines(&format!("{name}.locked.jsonl")).expect("beside the data");
    let references: BTreeMap<u64, Value> =
        lines(&format!("{name}.locked.reference.jsonl")).expect("beside the data").into_iter().map(|line| (line["id"].as_u64().expect("id"), line)).collect();
    let mut taken = Vec::new();
    let (mut best, mut ours) = (0, 0);
    for question in questions.iter().step_by(every) {
        let problem = asked(question);
        let reference = &references[&question["id"].as_u64().expect("id")];
        shelf.batches.borrow_mut().clear();
        let start = Instant::now();
        let found = answer(&problem, &shelf);
        taken.push(start.elapsed());
        assert_eq!(found.is_ok(), reference["sat"] == true, "verdict of {}", question["id"]);
        let Ok(solution) = found else { continue };
        let changed = problem.locked.iter().filter(|(id, version)| solution.chosen.get(*id).is_some_and(|chosen| chosen.version != **version)).count();
        let gone = problem.locked.keys().filter(|id| !solution.chosen.contains_key(*id)).count();
        let known = reference["changed_best_known"].as_u64().expect("a count") as usize;
        if changed != known || gone != 0 {
            eprintln!("{name} {}: {changed} changed, {gone} gone, {known} best known", question["id"]);
        }
        assert!(changed <= known, "{}: {changed} changed, {gone} gone, {known} best known", question["id"]);
        best += known;
        ours += changed;
    }
    eprintln!("{name}: {ours} locked versions changed, {best} in the best known answers");
    times(&format!("{name} with locks"), taken);
}

#[test]
fn wally() {
    ecosystem("wally", sample(4));
}

#[test]
fn wally_with_locks() {
    locked("wally", sample(4));
}

#[test]
fn purescript() {
    ecosystem("purescript", sample(8));
}

#[test]
fn purescript_with_locks() {
    locked("purescript", sample(16));
}

#[test]
fn the_conformance_tables_of_cargo() {
    let Some(data) = json("range-conformance.json.gz") else { return };
    let semver = scheme("semver").expect("a built-in scheme");
    let tables = data["schemes"].as_array().expect("tables").iter().filter(|table| table["scheme"] == "cargo");
    let mut count = 0;
    for table in tables {
        for case in table["cases"]["satisfies"].as_array().expect("cases") {
            let (range, version) = (case["range"].as_str().expect("text"), case["version"].as_str().expect("text"));
            assert_eq!(fits(&range.into(), &version.into()), case["expected"] == true, "{range} {version}");
            count += 1;
        }
        for range in table["cases"]["range_invalid"].as_array().expect("cases") {
            let range = range.as_str().expect("text");
            // cargo knows no alternatives; all of greffon's schemes do
            let alternatives = range.split("||").count() > 1;
            assert_eq!(semver.requirement(&range.into()).is_ok(), alternatives, "{range}");
            count += 1;
        }
    }
    for row in data["grid"]["rows"].as_array().expect("rows") {
        let (range, version) = (row["range"].as_str().expect("text"), row["version"].as_str().expect("text"));
        let read = semver.requirement(&range.into()).ok();
        let found = read.map(|matcher| matcher.matches(&version.into()));
        assert_eq!(found, row["cargo"].as_bool(), "{range} {version}");
        count += 1;
    }
    assert!(count > 0, "the tables are empty");
    eprintln!("{count} cases of cargo's");
}
