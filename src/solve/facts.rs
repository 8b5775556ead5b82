//! Which statements contradict one another: smallest sets of facts that cannot all be satisfied.

use std::collections::BTreeSet;

use crate::error::{ErrorKind, Result};

use super::engine::{Fact, Task, Touched};
use super::rounds::Search;

/// How many independent conflicts are looked for.
pub(super) const MOST: usize = 30;

/// Independent conflicts, all of them but past [`MOST`]: no two have a root in common. Each is minimal: without any one of its
/// facts it is none.
///
/// What is not known is presumed to fit, so that every conflict found is one. Past the first, what the others are about is asked.
pub(super) fn conflicts(search: &mut Search<'_>, task: &Task, touched: Touched) -> Result<Vec<BTreeSet<Fact>>> {
    let mut conflicts = Vec::new();
    let mut task = task.clone();
    let mut touched = touched;
    loop {
        let conflict = conflict(search, &task, touched)?;
        task.without.extend(conflict.iter().filter(|fact| matches!(fact, Fact::Root(_))).copied());
        conflicts.push(conflict);
        if conflicts.len() == MOST {
            return Ok(conflicts);
        }
        match search.run(&task) {
            Ok(Err(more)) => touched = more,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            // further conflicts that cannot be found out in time, or without asking somebody who fails, are left untold
            Ok(Ok(_)) | Err(_) => return Ok(conflicts),
        }
    }
}

/// One minimal conflict of an impossible task.
pub(super) fn conflict(search: &mut Search<'_>, task: &Task, touched: Touched) -> Result<BTreeSet<Fact>> {
    minimal(search, task, touched.facts)
}

/// Leaves facts out, the roots first, the last first, and keeps what is impossible: in halves, quarters and so on down to
/// single ones. What turned out to be needed in a larger set is needed in every smaller one, so the last pass is a proof.
fn minimal(search: &mut Search<'_>, task: &Task, facts: BTreeSet<Fact>) -> Result<BTreeSet<Fact>> {
    let mut narrowed = Task { facts: Some(facts), ..task.clone() };
    let mut size = narrowed.facts.as_ref().map_or(0, BTreeSet::len).div_ceil(2);
    loop {
        let Some(kept) = &narrowed.facts else { return Ok(BTreeSet::new()) };
        let (roots, others): (Vec<Fact>, Vec<Fact>) = kept.iter().copied().partition(|fact| matches!(fact, Fact::Root(_)));
        let order: Vec<Fact> = roots.into_iter().rev().chain(others.into_iter().rev()).collect();
        for piece in order.chunks(size.max(1)) {
            let Some(kept) = &narrowed.facts else { break };
            let less: BTreeSet<Fact> = kept.iter().copied().filter(|fact| !piece.contains(fact)).collect();
            if less.len() == kept.len() {
                continue;
            }
            let before = narrowed.facts.replace(less);
            match search.run_once(&narrowed)? {
                Ok(_) => narrowed.facts = before,
                // what the engine did not even look at has no part in it
                Err(touched) => narrowed.facts = Some(touched.facts),
            }
        }
        if size <= 1 {
            return Ok(narrowed.facts.unwrap_or_default());
        }
        size = size.min(narrowed.facts.as_ref().map_or(0, BTreeSet::len)).div_ceil(2);
    }
}
