//! Conflict markers that a merge left in a lockfile.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Fact, Subject};

/// Which side of a conflict a line stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// Outside of any conflict.
    Both,
    /// Between `<<<<<<<` and `=======`.
    Ours,
    /// Between `|||||||` and `=======` (git's `diff3` style): what both sides started from.
    Base,
    /// Between `=======` and `>>>>>>>`.
    Theirs,
}

/// The side that begins after this line, if it is a marker.
pub(super) fn marker(line: &str) -> Option<Side> {
    let is = |mark: &str| line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    if is("<<<<<<<") {
        Some(Side::Ours)
    } else if is("|||||||") {
        Some(Side::Base)
    } else if is("=======") {
        Some(Side::Theirs)
    } else if is(">>>>>>>") {
        Some(Side::Both)
    } else {
        None
    }
}

/// The facts that stand after the conflicts: of each thing what one side says where the other says nothing of it, the same, or
/// (where the base is known) what both started from. Things on which the sides differ go to `conflicts`.
pub(super) fn merge(facts: Vec<(Side, Fact)>, has_base: bool, conflicts: &mut BTreeSet<Subject>) -> Vec<Fact> {
    let mut said: BTreeMap<Subject, [Vec<&Fact>; 3]> = BTreeMap::new();
    for (side, fact) in &facts {
        let index = match side {
            Side::Both => continue,
            Side::Ours => 0,
            Side::Base => 1,
            Side::Theirs => 2,
        };
        let list = &mut said.entry(fact.subject()).or_default()[index];
        if !list.contains(&fact) {
            list.push(fact);
        }
    }
    let mut taken: BTreeMap<Subject, Side> = BTreeMap::new();
    for (subject, [ours, base, theirs]) in &said {
        let same = |a: &[&Fact], b: &[&Fact]| a.len() == b.len() && a.iter().all(|fact| b.contains(fact));
        let side = if same(ours, theirs) || (has_base && same(theirs, base)) {
            Side::Ours
        } else if has_base && same(ours, base) {
            Side::Theirs
        } else if !has_base && theirs.is_empty() {
            Side::Ours
        } else if !has_base && ours.is_empty() {
            Side::Theirs
        } else if base.is_empty() && (ours.is_empty() || theirs.is_empty()) {
            if ours.is_empty() { Side::Theirs } else { Side::Ours }
        } else {
            conflicts.insert(subject.clone());
            continue;
        };
        taken.insert(subject.clone(), side);
    }
    drop(said);
    facts.into_iter().filter(|(side, fact)| *side == Side::Both || taken.get(&fact.subject()) == Some(side)).map(|(_, fact)| fact).collect()
}
