//! Small cases, one rule each.

use super::shelf::{Shelf, element, lock, problem, solved};
use crate::error::ErrorKind;
use crate::model::ElementInfo;
use crate::roles::Context;
use crate::solve::{Known, Provider, Question, Reply, solve};
use crate::version::scheme;
use std::sync::Arc;

#[test]
fn the_newest_of_each_in_manifest_order() {
    let mut shelf = Shelf::default();
    shelf.add("plugins/a", "1.0.0", &[]);
    shelf.add("plugins/a", "2.0.0", &[("plugins/c", "^1")]);
    shelf.add("plugins/b", "1.0.0", &[]);
    shelf.add("plugins/b", "2.0.0", &[("plugins/c", "^2")]);
    shelf.add("plugins/c", "1.0.0", &[]);
    shelf.add("plugins/c", "2.0.0", &[]);
    assert_eq!(solved(&problem(&[("plugins/a", "*"), ("plugins/b", "*")]), &shelf), ["a 2.0.0", "b 1.0.0", "c 1.0.0"]);
    shelf.batches.take();
    assert_eq!(solved(&problem(&[("plugins/b", "*"), ("plugins/a", "*")]), &shelf), ["b 2.0.0", "a 1.0.0", "c 2.0.0"]);
}

#[test]
fn a_preference_of_3m_is_kept_and_the_nearest_wins() {
    let mut shelf = Shelf::default();
    shelf.scheme("plugins", "3m");
    shelf.add("plugins/a", "1.0.0", &[("plugins/b", "2.4+")]);
    for version in ["2.4.0", "2.4.1", "2.4.2", "2.5.0"] {
        shelf.add("plugins/b", version, &[]);
    }
    assert_eq!(solved(&problem(&[("plugins/a", "*")]), &shelf), ["a 1.0.0", "b 2.4.0"]);
    shelf.batches.take();
    // the root's own `2.*` prefers the newest, and still only 2.4 fits the other
    assert_eq!(solved(&problem(&[("plugins/b", "2.*"), ("plugins/a", "*")]), &shelf), ["b 2.4.2", "a 1.0.0"]);
    shelf.batches.take();
    let mut again = problem(&[("plugins/a", "*")]);
    lock(&mut again, &[("plugins/b", "2.4.1")]);
    assert_eq!(solved(&again, &shelf), ["a 1.0.0", "b 2.4.1"]);
    shelf.batches.take();
    again.free.insert(element("plugins/b"));
    assert_eq!(solved(&again, &shelf), ["a 1.0.0", "b 2.4.0"]);
}

#[test]
fn conflicts_groups_cycles_and_elements_that_need_themselves() {
    let mut shelf = Shelf::default();
    shelf.add("plugins/a", "1.0.0", &[("plugins/b", "*"), ("plugins/a", "^1")]);
    shelf.add("plugins/a", "2.0.0", &[("plugins/b", "*"), ("plugins/a", "^1")]);
    shelf.add("plugins/b", "1.0.0", &[("plugins/a", "*")]);
    shelf.add("plugins/b", "2.0.0", &[("plugins/a", "*")]).conflicts.insert(element("plugins/c"), "*".into());
    shelf.add("plugins/c", "1.0.0", &[]).optional.insert("extra".to_owned(), [(element("plugins/d"), "*".into())].into());
    shelf.add("plugins/d", "1.0.0", &[]);
    assert_eq!(solved(&problem(&[("plugins/a", "*")]), &shelf), ["a 1.0.0", "b 2.0.0"]);
    shelf.batches.take();
    let mut with_c = problem(&[("plugins/a", "*"), ("plugins/c", "*")]);
    assert_eq!(solved(&with_c, &shelf), ["a 1.0.0", "c 1.0.0", "b 1.0.0"]);
    shelf.batches.take();
    with_c.roots[1].optional.push("extra".to_owned());
    assert_eq!(solved(&with_c, &shelf), ["a 1.0.0", "c 1.0.0", "b 1.0.0", "d 1.0.0"]);
}

#[test]
fn yanked_versions_stay_only_where_they_are_locked() {
    let mut shelf = Shelf::default();
    shelf.add("plugins/a", "1.0.0", &[]);
    shelf.add("plugins/a", "1.1.0", &[]).yanked = Some("broken".to_owned());
    let mut asked = problem(&[("plugins/a", "*")]);
    assert_eq!(solved(&asked, &shelf), ["a 1.0.0"]);
    shelf.batches.take();
    lock(&mut asked, &[("plugins/a", "1.1.0")]);
    assert_eq!(solved(&asked, &shelf), ["a 1.1.0"]);
    shelf.batches.take();
    asked.free.insert(element("plugins/a"));
    assert_eq!(solved(&asked, &shelf), ["a 1.0.0"]);
}

#[test]
fn prereleases_are_chosen_where_they_are_named() {
    let mut shelf = Shelf::default();
    shelf.add("plugins/a", "1.0.0", &[]);
    shelf.add("plugins/a", "2.0.0-beta.1", &[]);
    assert_eq!(solved(&problem(&[("plugins/a", "*")]), &shelf), ["a 1.0.0"]);
    shelf.batches.take();
    assert_eq!(solved(&problem(&[("plugins/a", ">=2.0.0-alpha")]), &shelf), ["a 2.0.0-beta.1"]);
}

#[test]
fn requirements_are_read_by_their_targets_scheme() {
    let mut shelf = Shelf::default();
    shelf.scheme("core", "moodle");
    shelf.scheme("plugins", "3m");
    for version in ["4.5.5", "4.5.6", "5.0.0"] {
        shelf.add("core/moodle", version, &[]);
    }
    shelf.add("plugins/x", "1.0", &[("core/moodle", ">=2024100700")]);
    shelf.add("plugins/x", "2.0", &[("core/moodle", ">=500")]);
    assert_eq!(solved(&problem(&[("core/moodle", "4.5"), ("plugins/x", "*")]), &shelf), ["moodle 4.5.6", "x 1.0"]);
}

#[test]
fn adding_one_element_changes_the_least() {
    let mut shelf = Shelf::default();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        shelf.add("plugins/a", version, &[("plugins/base", "*")]);
        shelf.add("plugins/b", version, &[]);
        shelf.add("plugins/base", version, &[]);
    }
    shelf.add("plugins/new", "1.0.0", &[("plugins/base", "^2")]);
    let mut asked = problem(&[("plugins/a", "*"), ("plugins/b", "*"), ("plugins/new", "*")]);
    lock(&mut asked, &[("plugins/a", "1.0.0"), ("plugins/b", "1.1.0"), ("plugins/base", "1.0.0")]);
    assert_eq!(solved(&asked, &shelf), ["a 1.0.0", "b 1.1.0", "new 1.0.0", "base 2.0.0"]);
}

#[test]
fn a_version_locked_for_another_site_is_preferred_where_a_new_one_is_needed() {
    let mut shelf = Shelf::default();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        shelf.add("plugins/a", version, &[]);
    }
    let mut asked = problem(&[("plugins/a", "*")]);
    asked.elsewhere.insert(element("plugins/a"), vec!["1.1.0".into()]);
    assert_eq!(solved(&asked, &shelf), ["a 1.1.0"]);
    shelf.batches.take();
    asked.free.insert(element("plugins/a"));
    assert_eq!(solved(&asked, &shelf), ["a 1.2.0"]);
}

#[test]
fn questions_are_asked_in_rounds_and_each_once() {
    for lazy in [false, true] {
        let mut shelf = Shelf { lazy, ..Shelf::default() };
        for at in 0..5 {
            let next = format!("plugins/p{}", at + 1);
            shelf.add(&format!("plugins/p{at}"), "1.0.0", &[(next.as_str(), "*"), ("plugins/q", "*")]);
        }
        shelf.add("plugins/p5", "1.0.0", &[]);
        shelf.add("plugins/q", "1.0.0", &[]);
        shelf.add("plugins/r", "1.0.0", &[]);
        let found = solved(&problem(&[("plugins/p0", "*"), ("plugins/r", "*")]), &shelf);
        assert_eq!(found, ["p0 1.0.0", "r 1.0.0", "p1 1.0.0", "q 1.0.0", "p2 1.0.0", "p3 1.0.0", "p4 1.0.0", "p5 1.0.0"]);
        let batches = shelf.batches.take();
        assert_eq!(batches[0].len(), 2, "both roots are asked for together");
        assert_eq!(batches.len(), if lazy { 12 } else { 6 });
    }
}

#[test]
fn a_time_limit_ends_as_undecided() {
    let mut shelf = Shelf::default();
    for at in 0..14 {
        // fourteen pigeons, thirteen holes: hard for every search
        for hole in 0..13 {
            let info = shelf.add(&format!("plugins/p{at}"), &format!("{hole}.0.0"), &[]);
            for other in 0..14 {
                if other != at {
                    info.conflicts.insert(element(&format!("plugins/p{other}")), format!("={hole}.0.0").as_str().into());
                }
            }
        }
    }
    let roots: Vec<String> = (0..14).map(|at| format!("plugins/p{at}")).collect();
    let roots: Vec<(&str, &str)> = roots.iter().map(|root| (root.as_str(), "*")).collect();
    let mut asked = problem(&roots);
    asked.time_limit = std::time::Duration::from_millis(20);
    let error = solve(&Context::silent(), &asked, &shelf).expect_err("too little time");
    assert_eq!(error.kind(), ErrorKind::Undecided, "{error:?}");
}

/// A repository that makes names up: every element needs so many others that nobody has heard of.
struct Boundless {
    each: usize,
}

impl Provider for Boundless {
    fn answer(&self, _: &Context, questions: &[Question]) -> crate::error::Result<Vec<Reply>> {
        let reply = |question: &Question| {
            let Question::Element(id) = question else { return Reply::Info(None) };
            let mut info = ElementInfo::bare(id.clone(), "1.0.0".into());
            let own: usize = id.name()[1..].parse().expect("a number");
            let next = |at: usize| element(&format!("plugins/x{}", own * self.each + at));
            info.dependencies = (1..=self.each).map(|at| (next(at), "*".into())).collect();
            let versions = vec![(info.version.clone(), Some(Arc::new(info)))];
            Reply::Element(Some(Known { scheme: scheme("semver").expect("a built-in scheme"), versions, from: "repository mad".to_owned() }))
        };
        Ok(questions.iter().map(reply).collect())
    }
}

#[test]
fn names_that_never_end_are_undecided() {
    for each in [1, 3] {
        let error = solve(&Context::silent(), &problem(&[("plugins/x0", "*")]), &Boundless { each }).expect_err("there is no end");
        assert_eq!(error.kind(), ErrorKind::Undecided, "{error:?}");
        assert!(error.message().contains("new names still come up"), "{error}");
    }
}
