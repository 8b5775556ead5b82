//! What users read when there is no answer.

use super::shelf::{Shelf, element, lock, problem};
use crate::error::ErrorKind;
use crate::model::FixChange;
use crate::roles::Context;
use crate::solve::{Problem, Unsolved, solve, solve_or_explain};

fn unsolved(problem: &Problem, shelf: &Shelf) -> Unsolved {
    let unsolved = solve_or_explain(&Context::silent(), problem, shelf).expect("decided").expect_err("no answer");
    for fix in &unsolved.fixes {
        shelf.batches.take();
        solve(&Context::silent(), &problem.with(fix), shelf).unwrap_or_else(|error| panic!("{}: {error:?}", fix.text));
    }
    unsolved
}

fn told(problem: &Problem, shelf: &Shelf) -> String {
    let error = unsolved(problem, shelf).into_error();
    let mut text = format!("{error}\n");
    for line in error.notes().iter().chain(error.hints()) {
        text += line;
        text += "\n";
    }
    for (at, fix) in error.fixes().iter().enumerate() {
        text += &format!("fix {}: {}\n", at + 1, fix.text);
    }
    text
}

fn site_with_a_core() -> Shelf {
    let mut shelf = Shelf::default();
    shelf.scheme("core", "moodle");
    shelf.scheme("plugins", "3m");
    for version in ["4.5.5", "4.5.6", "5.0.0", "5.1.0", "5.1.1"] {
        shelf.add("core/moodle", version, &[]);
    }
    shelf.add("plugins/x", "1.9.0", &[("core/moodle", ">=4.4")]);
    for version in ["2.1.0", "2.2.0", "2.4.0"] {
        shelf.add("plugins/x", version, &[("core/moodle", ">=5.0")]);
    }
    shelf
}

#[test]
fn a_core_that_is_too_old() {
    let shelf = site_with_a_core();
    let asked = problem(&[("core/moodle", "4.5.6"), ("plugins/x", "2.*")]);
    assert_eq!(
        told(&asked, &shelf),
        "no versions fit what site prod asks for
greffon.toml:11 asks for plugins/x 2.*, which is 2.1.0 to 2.4.0
plugins/x 2.1.0 to 2.4.0 need core/moodle >=5.0
greffon.toml:10 asks for core/moodle 4.5.6
core/moodle 4.5.6 is too old for that; 5.0.0 to 5.1.1 would do
the newest plugins/x that goes with core/moodle 4.5.6 is 1.9.0
fix 1: ask for core/moodle `5.1` instead of `4.5.6` in greffon.toml:10 (5.1.1 is the newest that fits)
fix 2: ask for plugins/x `1.9+` instead of `2.*` in greffon.toml:11 (1.9.0 is the newest that fits)
fix 3: no longer ask for plugins/x in greffon.toml:11
"
    );
}

#[test]
fn a_requirement_that_nothing_fits() {
    let shelf = site_with_a_core();
    assert_eq!(
        told(&problem(&[("core/moodle", "4.5"), ("plugins/x", "9.*")]), &shelf),
        "no versions fit what site prod asks for
greffon.toml:11 asks for plugins/x 9.*
there is no plugins/x 9.*
repository ours has plugins/x 1.9.0 to 2.4.0
fix 1: ask for plugins/x `1.9+` instead of `9.*` in greffon.toml:11 (1.9.0 is the newest that fits)
fix 2: no longer ask for plugins/x in greffon.toml:11
"
    );
}

#[test]
fn names_that_nobody_knows() {
    let mut shelf = site_with_a_core();
    let error = unsolved(&problem(&[("plugins/xy", "*"), ("plugins/unheard-of", "*")]), &shelf).error;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "greffon.toml:10 asks for plugins/xy, which no repository knows");
    assert_eq!(error.hints(), ["did you mean `plugins/x`?"]);
    assert_eq!(error.others().len(), 1);
    // a dependency that nobody knows
    shelf.batches.take();
    shelf.add("plugins/y", "1.0", &[("plugins/xx", "*")]);
    assert_eq!(
        told(&problem(&[("plugins/y", "*")]), &shelf),
        "no versions fit what site prod asks for
greffon.toml:10 asks for plugins/y *
plugins/y 1.0 needs plugins/xx *
no repository knows plugins/xx; did you mean `plugins/x` or `plugins/y`?
fix 1: no longer ask for plugins/y in greffon.toml:10
"
    );
}

#[test]
fn requirements_that_cannot_be_read() {
    let mut shelf = site_with_a_core();
    let error = unsolved(&problem(&[("plugins/x", "*.2.4")]), &shelf).error;
    assert_eq!(error.kind(), ErrorKind::Version);
    assert!(error.to_string().starts_with("greffon.toml:10 asks for plugins/x *.2.4: `*.2.4` is not a requirement of the scheme `3m`: wildcards"), "{error}");
    shelf.batches.take();
    shelf.add("plugins/y", "1.0", &[("plugins/x", "what?")]);
    let text = told(&problem(&[("plugins/y", "*")]), &shelf);
    assert!(text.contains("plugins/y 1.0 cannot be used: its requirement `what?` on plugins/x cannot be read"), "{text}");
}

#[test]
fn independent_conflicts_are_all_told_and_fixed_together() {
    let mut shelf = site_with_a_core();
    shelf.add("plugins/y", "1.0", &[("plugins/z", "1.*")]);
    shelf.add("plugins/z", "1.0", &[]);
    shelf.add("plugins/z", "2.0", &[]);
    let asked = problem(&[("core/moodle", "4.5"), ("plugins/x", "2.*"), ("plugins/y", "*"), ("plugins/z", "2.*")]);
    let unsolved = unsolved(&asked, &shelf);
    assert_eq!(
        unsolved.error.notes(),
        [
            "conflict 1 of 2:",
            "greffon.toml:11 asks for plugins/x 2.*, which is 2.1.0 to 2.4.0",
            "plugins/x 2.1.0 to 2.4.0 need core/moodle >=5.0",
            "greffon.toml:10 asks for core/moodle 4.5, which is 4.5.5 and 4.5.6",
            "core/moodle 4.5.5 and 4.5.6 are too old for that; 5.0.0 to 5.1.1 would do",
            "the newest plugins/x that goes with core/moodle 4.5.5 and 4.5.6 is 1.9.0",
            "conflict 2 of 2:",
            "greffon.toml:12 asks for plugins/y *",
            "plugins/y 1.0 needs plugins/z 1.*",
            "greffon.toml:13 asks for plugins/z 2.*, which is 2.0",
            "plugins/z 2.0 is too new for that; 1.0 would do",
            "no plugins/y goes with plugins/z 2.0",
        ]
    );
    assert!(!unsolved.fixes.is_empty());
    assert!(unsolved.fixes.iter().all(|fix| fix.changes.len() == 2), "{:?}", unsolved.fixes);
    assert!(matches!(&unsolved.fixes[0].changes[0], FixChange::Require { id, to, .. } if *id == element("core/moodle") && to.as_str() == "5.1"));
}

#[test]
fn exclusions_withdrawn_versions_and_groups() {
    let mut shelf = site_with_a_core();
    shelf.add("plugins/y", "1.0", &[]).conflicts.insert(element("plugins/x"), ">=2".into());
    shelf.add("plugins/w", "1.0", &[]).yanked = Some("it deletes courses".to_owned());
    shelf.add("plugins/w", "0.9", &[]);
    assert_eq!(
        told(&problem(&[("plugins/y", "*"), ("plugins/x", "2.*")]), &shelf),
        "no versions fit what site prod asks for
greffon.toml:10 asks for plugins/y *
plugins/y 1.0 excludes plugins/x >=2
greffon.toml:11 asks for plugins/x 2.*, which is 2.1.0 to 2.4.0
no choice of versions satisfies all of this
fix 1: ask for plugins/x `1.9+` instead of `2.*` in greffon.toml:11 (1.9.0 is the newest that fits)
fix 2: no longer ask for plugins/y in greffon.toml:10
fix 3: no longer ask for plugins/x in greffon.toml:11
"
    );
    shelf.batches.take();
    let text = told(&problem(&[("plugins/w", "1.*")]), &shelf);
    assert!(text.contains("plugins/w 1.0 was withdrawn: it deletes courses\n"), "{text}");
    assert!(text.contains("fix 1: ask for plugins/w `0.9+` instead of `1.*`"), "{text}");
    shelf.batches.take();
    let mut asked = problem(&[("plugins/x", "2.*")]);
    asked.roots[0].optional.push("extra".to_owned());
    let text = told(&asked, &shelf);
    assert!(text.contains("plugins/x 2.1.0 to 2.4.0 have no optional group `extra`; there is none at all\n"), "{text}");
}

#[test]
fn locks_never_stand_in_the_way_of_an_answer() {
    let shelf = site_with_a_core();
    let mut asked = problem(&[("core/moodle", "4.5 || 5.0"), ("plugins/x", "2.*")]);
    lock(&mut asked, &[("core/moodle", "4.5.5"), ("plugins/x", "1.9.0")]);
    let found = solve(&Context::silent(), &asked, &shelf).expect("the core gives way");
    assert_eq!(super::shelf::shown(&found), ["moodle 5.0.0", "x 2.4.0"]);
}
