//! Broken twins of the properties beside this file: a solver that forgets one rule is caught by each oracle that is to see it.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::props::{Instance, Plain, REQUIREMENTS, changed, instance, loose, pubgrub_says, tight};
use super::shelf::{Shelf, shown};
use crate::model::Requirement;
use crate::roles::Context;
use crate::solve::{Problem, Solution, solve, solve_or_explain};

/// As many as any test run sees, the same each time.
fn instances<S: Strategy<Value = Instance>>(of: impl Fn() -> S) -> impl Iterator<Item = Instance> {
    let mut runner = TestRunner::deterministic();
    (0..100).map(move |_| of().new_tree(&mut runner).expect("an instance").current())
}

fn solved(problem: &Problem, shelf: &Shelf) -> Option<Solution> {
    shelf.batches.take();
    solve(&Context::silent(), problem, shelf).ok()
}

fn each_info(shelf: &mut Shelf, change: impl Fn(&mut crate::model::ElementInfo)) {
    for info in shelf.elements.values_mut().flatten() {
        let mut other = (**info).clone();
        change(&mut other);
        *info = other.into();
    }
}

/// How often the verdict differs from pubgrub's, and the answer from the plain search's, when the solver sees a changed problem.
fn caught(break_it: impl Fn(&mut Problem, &mut Shelf)) -> (usize, usize) {
    let (mut verdicts, mut answers) = (0, 0);
    for instance in instances(instance) {
        let (truth, problem) = (instance.shelf(), instance.problem(false));
        let (mut seen, mut asked) = (instance.shelf(), instance.problem(false));
        break_it(&mut asked, &mut seen);
        let found = solved(&asked, &seen);
        verdicts += usize::from(found.is_some() != pubgrub_says(&truth, &problem));
        let first = Plain::new(&truth, &problem, false).solutions().pop();
        let first = first.map(|first| first.iter().map(|(id, version)| format!("{} {version}", id.name())).collect::<Vec<_>>());
        answers += usize::from(found.as_ref().map(shown) != first);
    }
    (verdicts, answers)
}

#[test]
fn a_solver_that_forgets_nothing_is_not_caught() {
    assert_eq!(caught(|_, _| ()), (0, 0));
    let answered = |of: Vec<Instance>| of.iter().filter(|instance| solved(&instance.problem(false), &instance.shelf()).is_some()).count();
    let (tight, loose) = (answered(instances(tight).collect()), answered(instances(loose).collect()));
    assert!((5..50).contains(&tight) && loose > 50, "{tight} of 100 tight and {loose} of 100 loose instances have an answer");
}

#[test]
fn a_solver_that_forgets_a_rule_is_caught() {
    let conflicts = caught(|_, shelf| each_info(shelf, |info| info.conflicts.clear()));
    let dependencies = caught(|_, shelf| each_info(shelf, |info| info.dependencies.clear()));
    let groups = caught(|problem, _| problem.roots.iter_mut().for_each(|root| root.optional.clear()));
    let yanked = caught(|_, shelf| each_info(shelf, |info| info.yanked = None));
    for (rule, (verdicts, answers)) in [("conflicts", conflicts), ("dependencies", dependencies), ("groups", groups), ("yanked", yanked)] {
        assert!(verdicts > 0 && answers > 0, "{rule}: {verdicts} verdicts and {answers} answers of 100 differ");
    }
}

/// Neither changes a verdict: only the plain search sees it.
#[test]
fn a_solver_with_another_taste_is_caught() {
    let tasteless = |text: &Requirement| -> Requirement {
        match text.as_str() {
            "2+" => ">=2, <3".into(),
            "1.1+" => ">=1.1, <1.2".into(),
            "2.0.*+" => ">=2.0".into(),
            "3-" => ">=3, <4".into(),
            "1.1-" => "=1.1.0".into(),
            other => other.into(),
        }
    };
    assert!(REQUIREMENTS.contains(&"2+"), "the preferences went out of the instances");
    let preferences = caught(|problem, shelf| {
        problem.roots.iter_mut().for_each(|root| root.requirement = tasteless(&root.requirement));
        each_info(shelf, |info| info.dependencies.values_mut().for_each(|text| *text = tasteless(text)));
    });
    let order = caught(|problem, _| problem.roots.reverse());
    assert!(preferences.1 > 0, "preferences: {preferences:?}");
    assert!(order.1 > 0 && order.0 == 0, "the manifest's order: {order:?}");
}

#[test]
fn a_solver_that_forgets_locks_is_caught() {
    let mut more = 0;
    for instance in instances(loose) {
        let (shelf, problem) = (instance.shelf(), instance.problem(true));
        let least = Plain::new(&shelf, &problem, true).solutions().iter().map(|solution| changed(&problem, solution)).min();
        let forgetful = Problem { locked: std::collections::BTreeMap::new(), ..problem.clone() };
        let found = solved(&forgetful, &shelf);
        let found = found.map(|found| found.chosen.iter().map(|(id, chosen)| (id.clone(), chosen.version.clone())).collect::<Vec<_>>());
        more += usize::from(found.map(|found| changed(&problem, &found)) != least);
    }
    assert!(more > 10, "only {more} of 100 instances need their locks");
}

/// A fix that lacks any one of its changes is none: so an offer that was not solved again would be seen.
#[test]
fn a_fix_that_lacks_a_change_is_none() {
    let mut looked = 0;
    for instance in instances(tight) {
        let (shelf, problem) = (instance.shelf(), instance.problem(false));
        let Err(unsolved) = solve_or_explain(&Context::silent(), &problem, &shelf).expect("decided") else { continue };
        for fix in &unsolved.fixes {
            for at in 0..fix.changes.len() {
                let mut less = fix.clone();
                less.changes.remove(at);
                looked += 1;
                assert!(solved(&problem.with(&less), &shelf).is_none(), "{}: change {at} is not needed", fix.text);
            }
        }
    }
    assert!(looked > 20, "only {looked} changes were looked at");
}
