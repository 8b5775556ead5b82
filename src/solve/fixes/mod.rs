//! Ways out of a conflict, each solved again before it is offered.
//!
//! A conflict, or a few, are gone through change by change ([`Finder::collect`]). Where there are many, or that leads nowhere, as
//! much of the manifest is kept as goes together ([`combine`]).

mod combine;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, Fix, FixChange, Requirement};
use crate::roles::Context;

use super::engine::{Fact, Task};
use super::explain::place;
use super::memory::{Memory, Name, ReqId};
use super::rounds::Search;
use super::{Problem, Provider, Question, Reply, Solution, facts, settle};

/// How many fixes are offered.
const MOST: usize = 5;
/// With that many, fixes of several changes are not looked for.
const ENOUGH: usize = 3;
/// How many changes of the manifest are found one after the other.
const MOST_CHANGES: usize = 5;
/// With that many independent conflicts, changes are not looked for one after the other.
const MANY: usize = 4;
/// With more changes than that, a fix is a list.
const LONG: usize = 3;
/// How many combinations of several changes are tried.
const MOST_STEPS: usize = 60;
/// How long one possible fix may take to solve.
const LONGEST_TRY: Duration = Duration::from_secs(2);
/// How long fixes are looked for in each of the two ways; those found by then are offered.
const LONGEST: Duration = Duration::from_secs(5);

/// A change that is being tried: another requirement, not chosen yet, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Try {
    Relax(usize),
    Remove(usize),
}

impl Try {
    fn root(self) -> usize {
        match self {
            Self::Relax(at) | Self::Remove(at) => at,
        }
    }
}

/// Finds fixes for a problem whose conflicts are known.
pub(super) fn find(search: &Search<'_>, conflicts: &[BTreeSet<Fact>]) -> Result<Vec<Fix>> {
    let replay = Replay { memory: &search.memory, provider: search.provider, later: RefCell::new(HashMap::new()) };
    let mut problem = search.problem.clone();
    problem.time_limit = problem.time_limit.min(LONGEST_TRY);
    let mut scratch = Search::new(search.cx, &problem, &replay);
    let any = problem.roots.iter().map(|root| scratch.memory.name(&root.id)).collect::<Vec<_>>();
    let any = any.into_iter().map(|name| scratch.memory.req(name, &Requirement::any())).collect();
    let mut finder = Finder { cx: search.cx, problem: &problem, provider: &replay, scratch: RefCell::new(scratch), any, until: Instant::now() + LONGEST };
    let Some(first) = conflicts.first() else { return Ok(Vec::new()) };
    let mut fixes: Vec<Fix> = Vec::new();
    if conflicts.len() < MANY {
        finder.in_time(|finder| finder.collect(first, &mut fixes))?;
    }
    if fixes.is_empty() {
        finder.until = Instant::now() + LONGEST;
        finder.in_time(|finder| finder.combine(&mut fixes))?;
    }
    fixes.sort_by_key(|fix| (fix.changes.len(), fix.changes.iter().filter(|change| matches!(change, FixChange::Remove { .. })).count()));
    Ok(fixes)
}

enum Verdict {
    Possible,
    Conflict(BTreeSet<Fact>),
}

struct Finder<'a> {
    cx: &'a Context,
    problem: &'a Problem,
    provider: &'a dyn Provider,
    /// One memory for all tries.
    scratch: RefCell<Search<'a>>,
    /// `*` of each root.
    any: Vec<ReqId>,
    until: Instant,
}

impl Finder<'_> {
    /// What is found in time is worth telling.
    fn in_time(&self, look: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        match look(self) {
            Err(error) if error.kind() == ErrorKind::Undecided => Ok(()),
            outcome => outcome,
        }
    }

    fn collect(&self, conflict: &BTreeSet<Fact>, fixes: &mut Vec<Fix>) -> Result<()> {
        let mut unfinished = Vec::new();
        for attempt in self.attempts(conflict) {
            if fixes.len() == MOST {
                return Ok(());
            }
            match self.ways(&[attempt])? {
                Verdict::Possible => Self::offer(self.settled(&[attempt])?, fixes),
                Verdict::Conflict(next) => unfinished.push((vec![attempt], next)),
            }
        }
        // one change is not enough: add to each what its remaining conflicts need
        let mut budget = MOST_STEPS;
        for (attempts, next) in unfinished {
            if fixes.len() >= ENOUGH {
                return Ok(());
            }
            let fix = self.continued(&attempts, &next, fixes, &mut budget)?;
            Self::offer(fix, fixes);
        }
        Ok(())
    }

    fn offer(fix: Option<Fix>, fixes: &mut Vec<Fix>) {
        let fix = fix.filter(|fix| Self::is_news(fix, fixes));
        fixes.extend(fix);
    }

    /// Whether a fix is not there yet. To drop an element from the manifest that stays nevertheless is worth telling only where
    /// no other requirement on it helps.
    fn is_news(fix: &Fix, fixes: &[Fix]) -> bool {
        let asked =
            |wanted: &ElementId| fixes.iter().flat_map(|fix| &fix.changes).any(|change| matches!(change, FixChange::Require { id, .. } if id == wanted));
        let idle = fix.changes.iter().any(|change| matches!(change, FixChange::Remove { id, stays: true } if asked(id)));
        !idle && !fixes.contains(fix)
    }

    /// The single changes that touch a conflict: first other requirements, then removals.
    fn attempts(&self, conflict: &BTreeSet<Fact>) -> Vec<Try> {
        let roots: Vec<usize> = conflict.iter().filter_map(|fact| if let Fact::Root(at) = fact { Some(*at) } else { None }).collect();
        let relaxable = roots.iter().copied().filter(|at| self.problem.roots[*at].requirement.as_str() != "*");
        relaxable.map(Try::Relax).chain(roots.iter().copied().map(Try::Remove)).collect()
    }

    /// The problem with the attempts made, and each root's number in the original.
    fn changed(&self, attempts: &[Try]) -> (Problem, Vec<usize>) {
        let mut problem = self.problem.clone();
        let mut numbers = Vec::new();
        problem.roots.clear();
        for (at, root) in self.problem.roots.iter().enumerate() {
            if attempts.contains(&Try::Remove(at)) {
                continue;
            }
            let mut root = root.clone();
            if attempts.contains(&Try::Relax(at)) {
                root.requirement = Requirement::any();
            }
            problem.roots.push(root);
            numbers.push(at);
        }
        (problem, numbers)
    }

    /// Whether the attempts suffice; if not, a conflict that is left, with the roots' original numbers.
    fn ways(&self, attempts: &[Try]) -> Result<Verdict> {
        self.tried(attempts, |search, roots, numbers| {
            let task = Task { roots, ..search.task() };
            match search.run(&task)? {
                Ok(_) => Ok(Verdict::Possible),
                Err(touched) => {
                    let conflict = facts::conflict(search, &task, touched)?;
                    let renumber = |fact| if let Fact::Root(at) = fact { Fact::Root(numbers[at]) } else { fact };
                    Ok(Verdict::Conflict(conflict.into_iter().map(renumber).collect()))
                }
            }
        })
    }

    /// Does something with what is asked for once the attempts are made: the roots, and each one's number in the original.
    fn tried<T>(&self, attempts: &[Try], act: impl FnOnce(&mut Search<'_>, Vec<(Name, ReqId)>, &[usize]) -> Result<T>) -> Result<T> {
        if Instant::now() >= self.until {
            return Err(Error::new(ErrorKind::Undecided, "no time is left to look for fixes"));
        }
        // a memory knows what the optional groups of its roots need
        if attempts.iter().any(|attempt| matches!(attempt, Try::Remove(at) if !self.problem.roots[*at].optional.is_empty())) {
            let (problem, numbers) = self.changed(attempts);
            let mut search = Search::new(self.cx, &problem, self.provider);
            let roots = search.roots.clone();
            return act(&mut search, roots, &numbers);
        }
        let mut search = self.scratch.borrow_mut();
        search.restart_clock();
        let numbers: Vec<usize> = (0..self.problem.roots.len()).filter(|at| !attempts.contains(&Try::Remove(*at))).collect();
        let asked = |at: usize| (search.roots[at].0, if attempts.contains(&Try::Relax(at)) { self.any[at] } else { search.roots[at].1 });
        let roots = numbers.iter().map(|at| asked(*at)).collect();
        act(&mut search, roots, &numbers)
    }

    /// Adds changes at each conflict that is left, until the problem has an answer; looks back where a change leads nowhere.
    /// A fix that is known already is no other.
    fn continued(&self, attempts: &[Try], conflict: &BTreeSet<Fact>, known: &[Fix], budget: &mut usize) -> Result<Option<Fix>> {
        if attempts.len() >= MOST_CHANGES {
            return Ok(None);
        }
        let mut unfinished = Vec::new();
        for attempt in self.attempts(conflict).into_iter().filter(|attempt| !attempts.iter().any(|made| made.root() == attempt.root())) {
            if *budget == 0 {
                return Ok(None);
            }
            *budget -= 1;
            let more: Vec<Try> = attempts.iter().copied().chain([attempt]).collect();
            match self.ways(&more)? {
                Verdict::Possible => {
                    if let Some(fix) = self.settled(&self.least(more)?)?.filter(|fix| Self::is_news(fix, known)) {
                        return Ok(Some(fix));
                    }
                }
                Verdict::Conflict(next) => unfinished.push((more, next)),
            }
        }
        for (more, next) in unfinished {
            if let Some(fix) = self.continued(&more, &next, known, budget)? {
                return Ok(Some(fix));
            }
        }
        Ok(None)
    }

    /// Leaves out what helped on the way and is not needed in the end.
    fn least(&self, attempts: Vec<Try>) -> Result<Vec<Try>> {
        let mut kept = attempts;
        let mut at = 0;
        while at < kept.len() && kept.len() > 1 {
            let mut less = kept.clone();
            less.remove(at);
            match self.ways(&less)? {
                Verdict::Possible => kept = less,
                Verdict::Conflict(_) => at += 1,
            }
        }
        Ok(kept)
    }

    /// Puts a requirement in the place of every relaxed one, and solves with it.
    fn settled(&self, attempts: &[Try]) -> Result<Option<Fix>> {
        let (problem, _) = self.changed(attempts);
        let Some(solution) = self.solution(&problem)? else { return Ok(None) };
        let mut sorted = attempts.to_vec();
        sorted.sort_by_key(|attempt| attempt.root());
        for style in [Style::Usual, Style::Exact] {
            let changes: Option<Vec<FixChange>> = sorted.iter().map(|attempt| self.change(*attempt, &solution, style)).collect::<Result<_>>()?;
            let Some(changes) = changes else { continue };
            let mut fix = Fix { site: self.problem.site.clone(), changes, text: String::new() };
            let Some(fixed) = self.solution(&self.problem.with(&fix))? else { continue };
            let told: Vec<String> = fix.changes.iter().map(|change| self.told(change, &fixed)).collect();
            fix.text = if told.len() > LONG { told.join("; ") } else { told.join(", and ") };
            for change in &mut fix.changes {
                if let FixChange::Require { id, version, .. } = change
                    && let Some(chosen) = fixed.chosen.get(id)
                {
                    version.clone_from(&chosen.version);
                }
            }
            return Ok(Some(fix));
        }
        Ok(None)
    }

    fn solution(&self, problem: &Problem) -> Result<Option<Solution>> {
        Ok(settle(&mut Search::new(self.cx, problem, self.provider))?.ok())
    }

    fn change(&self, attempt: Try, solution: &Solution, style: Style) -> Result<Option<FixChange>> {
        let root = &self.problem.roots[attempt.root()];
        if matches!(attempt, Try::Remove(_)) {
            return Ok(Some(FixChange::Remove { id: root.id.clone(), stays: solution.chosen.contains_key(&root.id) }));
        }
        let Some(chosen) = solution.chosen.get(&root.id) else { return Ok(None) };
        let Some(Reply::Element(Some(known))) = self.provider.answer(self.cx, &[Question::Element(root.id.clone())])?.pop() else { return Ok(None) };
        let version = &chosen.version;
        let usual = known.scheme.default_requirement(version);
        let forms = match style {
            Style::Usual if usual.as_str() != "*" => vec![usual],
            _ => vec![Requirement::new(version.as_str()), Requirement::new(format!("={version}"))],
        };
        let fits = |requirement: &Requirement| known.scheme.requirement(requirement).is_ok_and(|matcher| matcher.matches(version));
        let to = forms.into_iter().find(|form| fits(form) && *form != root.requirement);
        Ok(to.map(|to| FixChange::Require { id: root.id.clone(), from: root.requirement.clone(), to, version: version.clone() }))
    }

    /// A change in words; `fixed` is what it leads to, while the change still names the newest version that fits.
    fn told(&self, change: &FixChange, fixed: &Solution) -> String {
        let at = self.problem.roots.iter().find(|root| root.id == *change.id()).filter(|root| root.origin.line > 0);
        let at = at.map(|root| format!(" in {}", place(root))).unwrap_or_default();
        match change {
            FixChange::Require { id, from, to, version } => {
                let given = fixed.chosen.get(id).map_or(version, |chosen| &chosen.version);
                let gives = match (given == version, to.as_str() == version.as_str()) {
                    (true, true) => "the newest that fits".to_owned(),
                    (true, false) => format!("{version} is the newest that fits"),
                    (false, _) => format!("gives {given}"),
                };
                format!("ask for {id} `{to}` instead of `{from}`{at} ({gives})")
            }
            FixChange::Remove { id, stays: false } => format!("no longer ask for {id}{at}"),
            FixChange::Remove { id, stays: true } => format!("no longer ask for {id}{at} (it stays, since others need it)"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// What `add` would write.
    Usual,
    /// The very version.
    Exact,
}

/// Answers from what a search has learnt; asks further only what it never asked.
struct Replay<'a> {
    memory: &'a Memory,
    provider: &'a dyn Provider,
    later: RefCell<HashMap<Question, Reply>>,
}

impl Provider for Replay<'_> {
    fn answer(&self, cx: &Context, questions: &[Question]) -> Result<Vec<Reply>> {
        let recall = |question: &Question| self.memory.recall(question).or_else(|| self.later.borrow().get(question).cloned());
        let unknown: Vec<Question> = questions.iter().filter(|question| recall(question).is_none()).cloned().collect();
        if !unknown.is_empty() {
            let replies = self.provider.answer(cx, &unknown)?;
            self.later.borrow_mut().extend(unknown.into_iter().zip(replies));
        }
        // a question without a reply was left out by the provider: the search notices by the count
        Ok(questions.iter().filter_map(recall).collect())
    }

    fn near(&self, id: &ElementId) -> Vec<ElementId> {
        self.provider.near(id)
    }
}
