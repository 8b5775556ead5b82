//! The least change: which locked versions must give way.
//!
//! First every lock holds. Where that is impossible, the engine is asked for a small set of locks that cannot all hold (a
//! *core*), again and again; the locks that give way are a smallest set with one of each core. At most a bounded number of
//! cores is looked for; past that whatever was freed is held again one by one where it can be.

use std::collections::{BTreeSet, HashSet};

use crate::error::Result;

use super::engine::{Task, Touched};
use super::memory::Name;
use super::rounds::Search;

/// How many cores are looked for before the smallest set is given up for a small one.
const MOST_CORES: usize = 400;

/// The locks that hold in the answer. The task must be possible with none of them.
pub(super) fn hold(search: &mut Search<'_>, task: &Task, touched: Touched) -> Result<HashSet<Name>> {
    let all = task.held.clone();
    let mut cores: Vec<Vec<Name>> = Vec::new();
    let mut freed: BTreeSet<Name> = BTreeSet::new();
    let mut conflict = touched;
    // disjoint cores first: each surely costs one lock
    loop {
        let core = core(search, task, &all, &freed, conflict)?;
        freed.extend(&core);
        cores.push(core);
        match attempt(search, task, &all, &freed)? {
            Ok(()) => break,
            Err(touched) => conflict = touched,
        }
    }
    // then a smallest set that hits them all, until one suffices
    loop {
        let hit = smallest_hit(&cores);
        match attempt(search, task, &all, &hit)? {
            Ok(()) => return Ok(without(&all, &hit)),
            Err(touched) if cores.len() < MOST_CORES => cores.push(core(search, task, &all, &hit, touched)?),
            Err(_) => return regain(search, task, &all, freed),
        }
    }
}

fn without(all: &HashSet<Name>, freed: &BTreeSet<Name>) -> HashSet<Name> {
    all.iter().copied().filter(|name| !freed.contains(name)).collect()
}

fn attempt(search: &mut Search<'_>, task: &Task, all: &HashSet<Name>, freed: &BTreeSet<Name>) -> Result<std::result::Result<(), Touched>> {
    let task = Task { held: without(all, freed), ..task.clone() };
    Ok(search.run(&task)?.map(|_| ()))
}

/// Locks that cannot all hold, and of which each one matters.
fn core(search: &mut Search<'_>, task: &Task, all: &HashSet<Name>, freed: &BTreeSet<Name>, conflict: Touched) -> Result<Vec<Name>> {
    let mut suspects: Vec<Name> = conflict.names.into_iter().filter(|name| all.contains(name) && !freed.contains(name)).collect();
    let mut at = 0;
    while at < suspects.len() {
        let held = suspects.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, name)| *name).collect();
        match search.run(&Task { held, ..task.clone() })? {
            Ok(_) => at += 1,
            Err(touched) => {
                let before = std::mem::take(&mut suspects);
                suspects.extend(
                    before.iter().enumerate().filter(|(other, name)| *other < at || (*other > at && touched.names.contains(name))).map(|(_, name)| *name),
                );
            }
        }
    }
    Ok(suspects)
}

/// Holds again, one by one, whatever can be held of what was freed.
fn regain(search: &mut Search<'_>, task: &Task, all: &HashSet<Name>, mut freed: BTreeSet<Name>) -> Result<HashSet<Name>> {
    for name in freed.clone() {
        freed.remove(&name);
        if attempt(search, task, all, &freed)?.is_err() {
            freed.insert(name);
        }
    }
    Ok(without(all, &freed))
}

/// A smallest set with a member of every core; of several the one that frees what was met last (the roots come first).
fn smallest_hit(cores: &[Vec<Name>]) -> BTreeSet<Name> {
    let mut best: BTreeSet<Name> = cores.iter().filter_map(|core| core.last().copied()).collect();
    descend(cores, &mut BTreeSet::new(), &mut best, &mut 100_000);
    best
}

fn descend(cores: &[Vec<Name>], taken: &mut BTreeSet<Name>, best: &mut BTreeSet<Name>, budget: &mut usize) {
    let unhit: Vec<&Vec<Name>> = cores.iter().filter(|core| !core.iter().any(|name| taken.contains(name))).collect();
    if unhit.is_empty() {
        if taken.len() < best.len() {
            best.clone_from(taken);
        }
        return;
    }
    *budget = budget.saturating_sub(1);
    if *budget == 0 || taken.len() + disjoint(&unhit) >= best.len() {
        return;
    }
    let Some(smallest) = unhit.iter().min_by_key(|core| core.len()) else { return };
    for name in smallest.iter().rev() {
        taken.insert(*name);
        descend(cores, taken, best, budget);
        taken.remove(name);
    }
}

/// How many cores have nothing in common: that many locks must give way at least.
fn disjoint(cores: &[&Vec<Name>]) -> usize {
    let mut sorted = cores.to_vec();
    sorted.sort_by_key(|core| core.len());
    let mut seen = HashSet::new();
    sorted
        .into_iter()
        .filter(|core| {
            core.iter().all(|name| !seen.contains(name)) && {
                seen.extend(core.iter().copied());
                true
            }
        })
        .count()
}
