//! Which of all solutions is *the* answer: the newest of each, recursively in manifest order.
//!
//! Elements are looked at in the order in which they are met: the roots in manifest order, then what the first root's choice
//! needs, then what the second's needs, and so on (breadth first). Of two solutions the better one has the better candidate
//! at the first element where they differ. Better is what the requirement prefers that brought the element in (the nearest
//! to the root, then the earliest in manifest order), and before that what is locked, here or for another site.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::error::Result;

use super::engine::Task;
use super::fit::Fit;
use super::memory::{Cand, Name, ReqId, State};
use super::rounds::Search;

/// One candidate of each element, in the order in which they were met.
pub(super) type Choice = IndexMap<Name, Cand>;

/// A walk over elements in order, with what the choices so far demand of the others.
#[derive(Clone, Default)]
struct Walk {
    chosen: Choice,
    agenda: VecDeque<(Name, ReqId)>,
    demands: HashMap<Name, Vec<ReqId>>,
    bans: HashMap<Name, Vec<ReqId>>,
}

impl Walk {
    fn start(roots: &[(Name, ReqId)]) -> Self {
        let mut walk = Self { agenda: roots.iter().copied().collect(), ..Self::default() };
        for (name, req) in roots {
            walk.demands.entry(*name).or_default().push(*req);
        }
        walk
    }

    /// The next element that has no version yet, and the requirement that brought it in.
    fn next(&mut self) -> Option<(Name, ReqId)> {
        while let Some((name, req)) = self.agenda.pop_front() {
            if !self.chosen.contains_key(&name) {
                return Some((name, req));
            }
        }
        None
    }

    /// Settles an element; `false` where its needs are not known yet.
    fn choose(&mut self, search: &mut Search<'_>, name: Name, candidate: Cand) -> bool {
        let Some(needs) = search.memory.needs(name, candidate) else { return false };
        self.chosen.insert(name, candidate);
        for (target, req) in &needs.dependencies {
            self.demands.entry(*target).or_default().push(*req);
            self.agenda.push_back((*target, *req));
        }
        for (target, req) in &needs.conflicts {
            self.bans.entry(*target).or_default().push(*req);
        }
        true
    }

    /// How little each candidate is liked, as far as is known: what its author holds back least of all, then what was not made
    /// for the elements chosen so far. One that does not say what it was made for is as good as any, unless a newer one that
    /// could be had says that it was not made for them: authors begin to say it one day, and what is older is not better for
    /// its silence.
    fn dislikes(&self, search: &mut Search<'_>, name: Name) -> Vec<u8> {
        let count = search.memory.candidates(name).len() as Cand;
        let says =
            |search: &Search<'_>, candidate| search.memory.info(name, candidate).is_some_and(|info| !info.recommends.is_empty() || info.reserve.is_some());
        // Metadata that would have to be asked for one by one is not asked for this.
        if !(0..count).any(|candidate| says(search, candidate)) {
            return vec![0; count as usize];
        }
        let mut passed_over = false;
        (0..count)
            .map(|candidate| {
                if !says(search, candidate) {
                    return u8::from(passed_over);
                }
                let Some(needs) = search.memory.needs(name, candidate) else { return 0 };
                let missed: Vec<Name> =
                    needs.recommends.iter().filter(|(target, req)| self.holds(search, *target, *req) == Some(false)).map(|(target, _)| *target).collect();
                let could_be_had = needs.dependencies.iter().all(|(target, req)| !missed.contains(target) || self.holds(search, *target, *req) != Some(false));
                passed_over |= !missed.is_empty() && could_be_had;
                let silent = needs.recommends.is_empty() && passed_over;
                u8::from(!missed.is_empty() || silent) + 2 * u8::from(needs.reserve)
            })
            .collect()
    }

    /// Whether what was chosen of an element fits; `None` where nothing is chosen or known yet.
    fn holds(&self, search: &mut Search<'_>, target: Name, req: ReqId) -> Option<bool> {
        let chosen = self.chosen.get(&target)?;
        Some(search.memory.fit(req)?.has(*chosen))
    }

    /// An element's candidates, best first.
    fn ranked(&self, search: &mut Search<'_>, task: &Task, name: Name, req: ReqId) -> Vec<Cand> {
        let Some(fit) = search.memory.fit(req) else { return Vec::new() };
        let favoured = search.memory.favoured(name);
        let mut ranked: Vec<Cand> = favoured.iter().copied().filter(|candidate| fit.has(*candidate)).collect();
        ranked.extend(fit.tried().into_iter().filter(|candidate| !favoured.contains(candidate)));
        // What is locked here stays; what is locked for another site may not suit this one.
        let locked = search.memory.locked(name);
        let dislikes = self.dislikes(search, name);
        ranked.sort_by_key(|candidate| if Some(*candidate) == locked { 0 } else { dislikes.get(*candidate as usize).copied().unwrap_or_default() });
        if task.held.contains(&name) || task.only.contains_key(&name) {
            let allowed = task.allowed(&search.memory, name);
            ranked.retain(|candidate| allowed.contains(candidate));
        }
        ranked
    }

    /// Whether a candidate goes together with the choices so far, as far as is known.
    fn agrees(&self, search: &mut Search<'_>, name: Name, candidate: Cand) -> bool {
        let mut fits = |reqs: Option<&Vec<ReqId>>, wanted: bool| {
            reqs.into_iter().flatten().all(|req| search.memory.fit(*req).is_none_or(|fit| fit.has(candidate) == wanted))
        };
        if !fits(self.demands.get(&name), true) || !fits(self.bans.get(&name), false) {
            return false;
        }
        let Some(needs) = search.memory.needs(name, candidate) else { return true };
        if search.memory.unusable(name, candidate).is_some() {
            return false;
        }
        let mut go = |list: &[(Name, ReqId)], wanted: bool| {
            list.iter().all(|(target, req)| {
                let Some(chosen) = self.chosen.get(target) else { return true };
                search.memory.fit(*req).is_none_or(|fit| fit.has(*chosen) == wanted)
            })
        };
        go(&needs.dependencies, true) && go(&needs.conflicts, false)
    }
}

impl Walk {
    /// Whether each of the elements that a candidate concerns next still has a candidate that goes together with all choices, as
    /// far as is known; nothing is asked for this. Where one has none, the candidate is in no solution that begins with them.
    fn leaves_a_way(&self, search: &mut Search<'_>, name: Name, candidate: Cand) -> bool {
        let Some(needs) = search.memory.needs_if_known(name, candidate) else { return true };
        let wanted = needs.dependencies.iter().map(|(target, req)| (*target, *req, true));
        let unwanted = needs.conflicts.iter().filter(|(target, _)| self.demands.contains_key(target)).map(|(target, req)| (*target, *req, false));
        wanted.chain(unwanted).all(|(target, req, fits)| {
            if target == name || self.chosen.contains_key(&target) {
                return true;
            }
            match search.memory.state(target) {
                State::Unasked => true,
                State::Unknown => !fits,
                State::Known(_) => self.has_one_left(search, target, req, fits),
            }
        })
    }

    /// Whether an element that has no version yet can have one that fits a requirement, or does not fit it.
    fn has_one_left(&self, search: &mut Search<'_>, target: Name, req: ReqId, fits: bool) -> bool {
        let all = |reqs: Option<&Vec<ReqId>>, wanted: bool, search: &mut Search<'_>| -> Vec<(Arc<Fit>, bool)> {
            reqs.into_iter().flatten().filter_map(|req| Some((search.memory.fit(*req)?, wanted))).collect()
        };
        let mut tests = all(Some(&vec![req]), fits, search);
        tests.extend(all(self.demands.get(&target), true, search));
        tests.extend(all(self.bans.get(&target), false, search));
        let count = search.memory.candidates(target).len() as Cand;
        (0..count).filter(|at| tests.iter().all(|(fit, wanted)| fit.has(*at) == *wanted)).any(|at| {
            let Some(needs) = search.memory.needs_if_known(target, at) else { return true };
            let mut go = |list: &[(Name, ReqId)], wanted: bool| {
                list.iter().all(|(other, req)| {
                    let Some(chosen) = self.chosen.get(other) else { return true };
                    search.memory.fit(*req).is_none_or(|fit| fit.has(*chosen) == wanted)
                })
            };
            needs.unusable.is_none() && go(&needs.dependencies, true) && go(&needs.conflicts, false)
        })
    }
}

/// Takes the best of each without ever looking back. Where that goes through, it is the answer; `None` where it does not.
pub(super) fn straight(search: &mut Search<'_>, task: &Task) -> Result<Option<Choice>> {
    straight_on(search, task, &Walk::start(&task.roots))
}

/// As [`straight`], from where a walk has come to.
fn straight_on(search: &mut Search<'_>, task: &Task, begun: &Walk) -> Result<Option<Choice>> {
    loop {
        let mut walk = begun.clone();
        let mut complete = true;
        while let Some((name, req)) = walk.next() {
            match search.memory.state(name) {
                State::Unasked => {
                    search.memory.ask_element(name);
                    complete = false;
                    continue;
                }
                State::Unknown => {
                    search.memory.take_open();
                    return Ok(None);
                }
                State::Known(_) => {}
            }
            let ranked = walk.ranked(search, task, name, req);
            let Some(best) = ranked.into_iter().find(|candidate| walk.agrees(search, name, *candidate) && walk.leaves_a_way(search, name, *candidate)) else {
                search.memory.take_open();
                return Ok(None);
            };
            complete &= walk.choose(search, name, best);
        }
        if complete {
            search.memory.take_open();
            return Ok(Some(walk.chosen));
        }
        search.ask()?;
    }
}

/// Turns any solution into the best one: wherever an element has a better candidate that agrees with the choices before it,
/// the engine is asked for a solution with one of those. Where the rest goes straight through, nothing is left to ask.
pub(super) fn polish(search: &mut Search<'_>, task: &Task, mut solution: HashMap<Name, Cand>) -> Result<Choice> {
    let mut walk = Walk::start(&task.roots);
    let mut task = task.clone();
    loop {
        let begun = walk.clone();
        let Some((name, req)) = walk.next() else { break };
        let ranked = walk.ranked(search, &task, name, req);
        let mut first = true;
        while let Some(current) = solution.get(&name).copied() {
            let better: Vec<Cand> = ranked.iter().copied().take_while(|candidate| *candidate != current).collect();
            let better: Vec<Cand> =
                better.into_iter().filter(|candidate| walk.agrees(search, name, *candidate) && walk.leaves_a_way(search, name, *candidate)).collect();
            // what was merely looked at need not be asked for: the run below asks for what it uses
            search.memory.take_open();
            if better.is_empty() {
                break;
            }
            if std::mem::take(&mut first)
                && let Some(choice) = straight_on(search, &task, &begun)?
            {
                return Ok(choice);
            }
            let previous = task.only.insert(name, better);
            let outcome = search.run(&task)?;
            match previous {
                Some(previous) => task.only.insert(name, previous),
                None => task.only.remove(&name),
            };
            match outcome {
                Ok(found) => solution = found,
                Err(_) => break,
            }
        }
        let Some(current) = solution.get(&name).copied() else { continue };
        walk.choose(search, name, current);
        task.only.insert(name, vec![current]);
    }
    Ok(walk.chosen)
}
