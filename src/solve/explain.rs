//! A conflict told in the user's words: where the manifest asks for what, which versions need what, what exists.

mod ends;
mod torn;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind};
use crate::model::{ElementId, Version};

use super::engine::Fact;
use super::fit::Fit;
use super::memory::{Cand, Name, ReqId, State, Unusable};
use super::rounds::Search;
use super::{Root, facts};

/// A requirement, with the optional group that has it.
type Reason = (ReqId, Option<String>);

/// How many lines one kind of statement may take.
const MOST_LINES: usize = 4;
/// Of how many conflicts the manifest's lines are shown; those of all are named.
const MOST_SHOWN: usize = 2;

/// The error for a problem without an answer. What is wrong with the roots themselves comes first, then the conflicts that the
/// others have.
pub(super) fn explain(search: &mut Search<'_>, conflicts: &[BTreeSet<Fact>]) -> Error {
    let mistakes = mistakes(search);
    let own = |conflict: &&BTreeSet<Fact>| !mistakes.iter().any(|(at, _)| conflict.contains(&Fact::Root(*at)));
    let left: Vec<&BTreeSet<Fact>> = conflicts.iter().filter(own).collect();
    let more = conflicts.len() == facts::MOST;
    let mut errors: Vec<Error> = mistakes.into_iter().map(|(_, error)| error).collect();
    if errors.is_empty() || !left.is_empty() {
        errors.push(conflict(search, &left, more));
    }
    Error::all(errors).unwrap_or_else(|| Error::new(ErrorKind::Internal, "there is nothing to explain"))
}

fn conflict(search: &mut Search<'_>, conflicts: &[&BTreeSet<Fact>], more: bool) -> Error {
    let mut error = Error::new(ErrorKind::Conflict, format!("no versions fit what site {} asks for", search.problem.site));
    for (at, conflict) in conflicts.iter().enumerate() {
        if conflicts.len() > 1 {
            error = error.note(format!("conflict {} of {}:", at + 1, conflicts.len()));
        }
        for line in Telling::new(search, conflict).lines() {
            error = error.note(line);
        }
        for fact in conflict.iter().filter(|_| at < MOST_SHOWN) {
            if let Fact::Root(at) = fact {
                let root = &search.problem.roots[*at];
                error = at_origin(error, &root.origin, root.id.name(), &format!("{} {}", root.id, root.requirement));
            }
        }
    }
    if more {
        error = error.note("there may be more conflicts, which show once these are gone");
    }
    error
}

/// What is wrong with the roots themselves: requirements that cannot be read, elements that nobody knows.
fn mistakes(search: &mut Search<'_>) -> Vec<(usize, Error)> {
    let mut errors = Vec::new();
    for (at, (root, (name, req))) in search.problem.roots.iter().zip(search.roots.clone()).enumerate() {
        if let Some(why) = search.memory.failure(req) {
            let error = Error::new(ErrorKind::Version, format!("{} asks for {} {}: {why}", place(root), root.id, root.requirement));
            let error = at_origin(error, &root.origin, root.id.name(), "");
            errors.push((at, why.hints().iter().cloned().fold(error, Error::hint)));
        }
        if matches!(search.memory.state(name), State::Unknown) {
            let error = Error::new(ErrorKind::NotFound, format!("{} asks for {}, which no repository knows", place(root), root.id));
            let error = at_origin(error, &root.origin, root.id.name(), "");
            let hint = did_you_mean(search, &root.id).unwrap_or_else(|| "check the name, or name a repository that has it".to_owned());
            errors.push((at, error.hint(hint)));
        }
    }
    errors
}

fn did_you_mean(search: &Search<'_>, id: &ElementId) -> Option<String> {
    let near: Vec<String> = search.provider.near(id).iter().take(3).map(|id| format!("`{id}`")).collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}

/// `greffon.toml:12`; where no file said it, who did (`--with`), or the site itself.
pub(super) fn place(root: &Root) -> String {
    if root.origin.line == 0 {
        let who = root.origin.file.display().to_string();
        return if who.is_empty() { "the site".to_owned() } else { who };
    }
    let file = root.origin.file.file_name().map_or_else(|| root.origin.file.display().to_string(), |name| name.to_string_lossy().into_owned());
    format!("{file}:{}", root.origin.line)
}

/// One conflict, being told.
struct Telling<'s, 'a> {
    search: &'s mut Search<'a>,
    facts: &'s BTreeSet<Fact>,
    /// The versions that the conflict is about, by element.
    in_play: BTreeMap<Name, Vec<Cand>>,
    /// The requirements that it puts on an element.
    asked: BTreeMap<Name, Vec<ReqId>>,
    lines: Vec<String>,
}

impl<'s, 'a> Telling<'s, 'a> {
    fn new(search: &'s mut Search<'a>, facts: &'s BTreeSet<Fact>) -> Self {
        Self { search, facts, in_play: BTreeMap::new(), asked: BTreeMap::new(), lines: Vec::new() }
    }

    fn lines(mut self) -> Vec<String> {
        let roots: Vec<usize> = self.facts.iter().filter_map(|fact| if let Fact::Root(at) = fact { Some(*at) } else { None }).collect();
        // who needs something comes before what merely stands in its way
        let (active, passive): (Vec<usize>, Vec<usize>) = roots.into_iter().partition(|at| !self.statements(self.search.roots[*at].0).is_empty());
        let mut told = BTreeSet::new();
        for at in active.into_iter().chain(passive) {
            let (name, req) = self.search.roots[at];
            self.root(at);
            self.asked.entry(name).or_default().push(req);
            let mut agenda = vec![name];
            while let Some(name) = agenda.pop() {
                if told.insert(name) {
                    let targets = self.element(name);
                    agenda.extend(targets.into_iter().rev());
                }
            }
        }
        let steps = self.lines.len();
        self.ends();
        if self.lines.len() == steps {
            self.lines.push("no choice of versions satisfies all of this".to_owned());
        }
        self.lines
    }

    /// The targets of what the conflict says of an element; `true`: needed, `false`: excluded.
    fn statements(&self, name: Name) -> Vec<(Name, bool)> {
        let of = |fact: &Fact| match fact {
            Fact::Need(from, to) if *from == name => Some((*to, true)),
            Fact::Exclude(from, to) if *from == name => Some((*to, false)),
            _ => None,
        };
        self.facts.iter().filter_map(of).collect()
    }

    fn root(&mut self, at: usize) {
        let root = &self.search.problem.roots[at];
        let (name, req) = self.search.roots[at];
        let line = format!("{} asks for {} {}", place(root), root.id, root.requirement);
        let fitting = self.usable(name, &[req]);
        let one = fitting.len() == 1 && self.search.memory.version(name, fitting[0]).is_some_and(|version| version.as_str() == root.requirement.as_str());
        let plain = fitting.is_empty() || one || root.requirement.as_str() == "*";
        self.lines.push(if plain { line } else { format!("{line}, which is {}", self.ranges(name, &fitting)) });
    }

    /// The usable versions that fit one of the requirements.
    fn usable(&mut self, name: Name, reqs: &[ReqId]) -> Vec<Cand> {
        let fits: Vec<_> = reqs.iter().filter_map(|req| self.search.memory.fit(*req)).collect();
        let count = self.search.memory.candidates(name).len() as Cand;
        let fitting: Vec<Cand> = (0..count).filter(|at| fits.iter().any(|fit| fit.has(*at))).collect();
        fitting.into_iter().filter(|at| self.search.memory.unusable(name, *at).is_none()).collect()
    }

    /// The versions of an element that the conflict leaves to look at.
    fn versions(&mut self, name: Name) -> Vec<Cand> {
        if let Some(known) = self.in_play.get(&name) {
            return known.clone();
        }
        let root = self.search.roots.iter().enumerate().filter(|(at, _)| self.facts.contains(&Fact::Root(*at))).find(|(_, root)| root.0 == name);
        let asked = match root {
            Some((_, (_, req))) => vec![*req],
            None => self.asked.get(&name).cloned().unwrap_or_default(),
        };
        let versions = self.usable(name, &asked);
        self.in_play.insert(name, versions.clone());
        versions
    }

    /// Tells what an element's versions need and exclude; gives what they need.
    fn element(&mut self, name: Name) -> Vec<Name> {
        let mut targets = Vec::new();
        let versions = self.versions(name);
        for (target, needed) in self.statements(name) {
            let mut groups: Vec<(Reason, Vec<Cand>)> = Vec::new();
            for candidate in &versions {
                let Some(needs) = self.search.memory.needs(name, *candidate) else { continue };
                let list = if needed { &needs.dependencies } else { &needs.conflicts };
                for (_, req) in list.iter().filter(|(to, _)| *to == target) {
                    let key = (*req, self.search.memory.group_that_needs(name, *candidate, *req).filter(|_| needed));
                    match groups.iter_mut().find(|(group, _)| *group == key) {
                        Some((_, members)) => members.push(*candidate),
                        None => groups.push((key, vec![*candidate])),
                    }
                }
            }
            let more = groups.len().saturating_sub(MOST_LINES);
            for ((req, group), members) in groups.iter().take(MOST_LINES) {
                let verb = match (needed, members.len()) {
                    (true, 1) => "needs",
                    (true, _) => "need",
                    (false, 1) => "excludes",
                    (false, _) => "exclude",
                };
                let text = self.search.memory.requirement(*req).text.clone();
                let group = group.as_ref().map(|group| format!(" with the group `{group}`")).unwrap_or_default();
                let (id, members) = (self.search.memory.id(name), self.ranges(name, members));
                let line = format!("{id} {members}{group} {verb} {} {text}", self.search.memory.id(target));
                self.lines.push(line);
            }
            if more > 0 {
                let rest: Vec<Cand> = groups.iter().skip(MOST_LINES).flat_map(|(_, members)| members.iter().copied()).collect();
                let verb = if needed { "need" } else { "exclude" };
                let line = format!("{} {} {verb} other versions of {}", self.search.memory.id(name), self.ranges(name, &rest), self.search.memory.id(target));
                self.lines.push(line);
            }
            if needed {
                self.asked.entry(target).or_default().extend(groups.iter().map(|((req, _), _)| *req));
                targets.push(target);
            }
        }
        targets
    }

    /// Versions folded to the ranges that exist: `1.0.0, 2.1.0 to 2.4.0`, oldest first.
    fn ranges(&self, name: Name, candidates: &[Cand]) -> String {
        let mut sorted = candidates.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut runs: Vec<(Cand, Cand)> = Vec::new();
        for candidate in sorted {
            match runs.last_mut() {
                Some((_, end)) if *end + 1 == candidate => *end = candidate,
                _ => runs.push((candidate, candidate)),
            }
        }
        let text = |candidate: Cand| self.search.memory.version(name, candidate).map_or("", Version::as_str);
        let shown = runs.iter().rev().map(|(newest, oldest)| match oldest - newest {
            0 => text(*newest).to_owned(),
            1 => format!("{} and {}", text(*oldest), text(*newest)),
            _ => format!("{} to {}", text(*oldest), text(*newest)),
        });
        let shown: Vec<String> = shown.collect();
        match shown.len() {
            2 if runs.iter().all(|(newest, oldest)| newest == oldest) => shown.join(" and "),
            0..=5 => shown.join(", "),
            count => format!("{}, … ({} more ranges), {}", shown[..2].join(", "), count - 4, shown[count - 2..].join(", ")),
        }
    }
}
