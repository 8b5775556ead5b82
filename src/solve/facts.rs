//! Which statements contradict one another: smallest sets of facts that cannot all be satisfied.

use std::collections::BTreeSet;

use crate::error::Result;

use super::engine::{Fact, Task, Touched};
use super::rounds::Search;

/// How many independent conflicts are told.
const MOST: usize = 5;

/// Independent conflicts: no two of them have a root in common. Each is minimal: without any one of its facts it is none.
///
/// Nothing is asked any more; what is not known is presumed to fit, so that every conflict found is one.
pub(super) fn conflicts(search: &mut Search<'_>, task: &Task, touched: Touched) -> Result<Vec<BTreeSet<Fact>>> {
    let mut conflicts = Vec::new();
    let mut task = task.clone();
    let mut touched = touched;
    loop {
        let conflict = minimal(search, &task, touched.facts)?;
        task.without.extend(conflict.iter().filter(|fact| matches!(fact, Fact::Root(_))).copied());
        conflicts.push(conflict);
        if conflicts.len() == MOST {
            return Ok(conflicts);
        }
        match search.run_once(&task)? {
            Ok(_) => return Ok(conflicts),
            Err(more) => touched = more,
        }
    }
}

/// Leaves out one fact after the other, the roots first, the last first, and keeps what is impossible.
fn minimal(search: &mut Search<'_>, task: &Task, facts: BTreeSet<Fact>) -> Result<BTreeSet<Fact>> {
    let (roots, others): (Vec<Fact>, Vec<Fact>) = facts.iter().copied().partition(|fact| matches!(fact, Fact::Root(_)));
    let mut kept = facts;
    for fact in roots.into_iter().rev().chain(others.into_iter().rev()) {
        if !kept.remove(&fact) {
            continue;
        }
        let narrowed = Task { facts: Some(kept.clone()), ..task.clone() };
        match search.run_once(&narrowed)? {
            Ok(_) => {
                kept.insert(fact);
            }
            // what the engine did not even look at has no part in it
            Err(touched) => kept.retain(|fact| touched.facts.contains(fact)),
        }
    }
    Ok(kept)
}
