//! An element that different sides want at different versions: what is there, what would do, and who could make do with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Cand, Fact, Fit, Name, ReqId, Telling};

/// How many versions of an element are looked into, newest first, for one that would fit.
const MOST_LOOKED_INTO: usize = 200;

/// Who asks for an element (`None`: the manifest), and what.
type Asked = (Option<Name>, Vec<ReqId>);
/// The same, and what fits each of the requirements.
type Side = (Option<Name>, Vec<Arc<Fit>>);

impl Telling<'_, '_> {
    /// The last words on an element that no version of fits everybody; none where some version does.
    pub(super) fn torn(&mut self, name: Name) -> Vec<String> {
        let Some(sides) = self.sides(name) else { return Vec::new() };
        let count = self.search.memory.candidates(name).len() as Cand;
        if sides.len() < 2 || (0..count).any(|at| sides.iter().all(|side| side.1.iter().any(|fit| fit.has(at)))) {
            return Vec::new();
        }
        let plain = vec![format!("no version of {} fits all of this", self.search.memory.id(name))];
        let Some(there) = self.there(name) else { return plain };
        let needy: Vec<Name> = sides.iter().filter_map(|side| side.0).collect();
        let needs: Vec<&Vec<Arc<Fit>>> = sides.iter().filter(|side| side.0.is_some()).map(|side| &side.1).collect();
        if needs.is_empty() || there.is_empty() {
            return plain;
        }
        let would_do: Vec<Cand> = (0..count).filter(|at| needs.iter().all(|side| side.iter().any(|fit| fit.has(*at)))).collect();
        let would_do: Vec<Cand> = would_do.into_iter().filter(|at| self.search.memory.unusable(name, *at).is_none()).collect();
        let mut lines = vec![self.verdict(name, &there, &would_do)];
        for from in needy {
            lines.extend(self.goes_with(from, name, &there));
        }
        lines
    }

    /// Who asks for an element, and what fits each of them; `None` where some version of an asker does not ask for it at all.
    fn sides(&mut self, name: Name) -> Option<Vec<Side>> {
        let mut sides: Vec<Asked> = Vec::new();
        for fact in self.facts {
            match fact {
                Fact::Root(at) if self.search.roots[*at].0 == name => sides.push((None, vec![self.search.roots[*at].1])),
                Fact::Need(from, to) if *to == name => {
                    let versions = self.versions(*from);
                    let needs: Vec<_> = versions.into_iter().filter_map(|candidate| self.search.memory.needs(*from, candidate)).collect();
                    if needs.iter().any(|needs| needs.dependencies.iter().all(|(target, _)| target != to)) {
                        return None;
                    }
                    let reqs = needs.iter().flat_map(|needs| &needs.dependencies).filter(|(target, _)| target == to).map(|(_, req)| *req).collect();
                    sides.push((Some(*from), reqs));
                }
                _ => {}
            }
        }
        Some(sides.into_iter().map(|(from, reqs)| (from, reqs.iter().filter_map(|req| self.search.memory.fit(*req)).collect())).collect())
    }

    /// The version that the site has of an element which the manifest asks for, else those that it may have.
    fn there(&mut self, name: Name) -> Option<Vec<Cand>> {
        let at = self.facts.iter().find_map(|fact| if let Fact::Root(at) = fact { Some(*at).filter(|at| self.search.roots[*at].0 == name) } else { None })?;
        let fitting = self.usable(name, &[self.search.roots[at].1]);
        Some(match self.search.memory.locked(name).filter(|locked| fitting.contains(locked)) {
            Some(locked) => vec![locked],
            None => fitting,
        })
    }

    fn verdict(&mut self, name: Name, there: &[Cand], would_do: &[Cand]) -> String {
        let id = self.search.memory.id(name).clone();
        let have = self.ranges(name, there);
        let be = if there.len() == 1 { "is" } else { "are" };
        // candidates are numbered from the newest on
        let (Some(newest), Some(oldest)) = (would_do.iter().min(), would_do.iter().max()) else {
            return format!("{id} {have} {be} there, and none that exists would do");
        };
        let what = if there.iter().all(|at| at > oldest) {
            "too old for that"
        } else if there.iter().all(|at| at < newest) {
            "too new for that"
        } else {
            "not fit for that"
        };
        format!("{id} {have} {be} {what}; {} would do", self.ranges(name, would_do))
    }

    /// The newest version of an element that is content with what is there of another.
    fn goes_with(&mut self, from: Name, target: Name, there: &[Cand]) -> Option<String> {
        let count = self.search.memory.candidates(from).len().min(MOST_LOOKED_INTO) as Cand;
        let found = (0..count).find(|at| self.content(from, *at, target, there));
        let (id, target_id, have) = (self.search.memory.id(from), self.search.memory.id(target), self.ranges(target, there));
        match found {
            Some(at) => Some(format!("the newest {id} that goes with {target_id} {have} is {}", self.ranges(from, &[at]))),
            None if (count as usize) == self.search.memory.candidates(from).len() => Some(format!("no {id} goes with {target_id} {have}")),
            None => None,
        }
    }

    fn content(&mut self, from: Name, candidate: Cand, target: Name, there: &[Cand]) -> bool {
        let mut needs = self.search.memory.needs(from, candidate);
        if needs.is_none() && self.search.ask().is_ok() {
            needs = self.search.memory.needs(from, candidate);
        }
        let Some(needs) = needs else { return false };
        if self.search.memory.unusable(from, candidate).is_some() || self.prerelease(from, candidate) {
            return false;
        }
        let mut fits = |list: &[(Name, ReqId)], wanted: bool| {
            let reqs: BTreeSet<ReqId> = list.iter().filter(|(to, _)| *to == target).map(|(_, req)| *req).collect();
            let fits: Vec<_> = reqs.into_iter().map(|req| self.search.memory.fit(req).unwrap_or_default()).collect();
            there.iter().any(|at| fits.iter().all(|fit| fit.has(*at) == wanted))
        };
        fits(&needs.dependencies, true) && fits(&needs.conflicts, false)
    }
}
