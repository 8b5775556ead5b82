//! The rounds: search on memory, ask everything that turned out to be unknown in one batch, search again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;

use super::engine::{self, Outcome, Task, Touched};
use super::memory::{Cand, Memory, Name, ReqId};
use super::{Problem, Provider, Question};

/// More rounds of questions than any chain of real dependencies takes: whoever answers so long makes names up.
/// (Fewer in tests, which run without optimisation: a round looks through all that is known.)
const ROUNDS: usize = if cfg!(test) { 600 } else { 10_000 };
/// More questions than any real site has.
const QUESTIONS: usize = if cfg!(test) { 20_000 } else { 250_000 };

/// One question put to the solver, and all that was learnt for it.
pub(super) struct Search<'a> {
    pub(super) cx: &'a Context,
    pub(super) problem: &'a Problem,
    pub(super) provider: &'a dyn Provider,
    pub(super) memory: Memory,
    pub(super) roots: Vec<(Name, ReqId)>,
    spent: Duration,
    rounds: usize,
    questions: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(cx: &'a Context, problem: &'a Problem, provider: &'a dyn Provider) -> Self {
        let mut memory = Memory::default();
        let mut roots = Vec::new();
        for root in &problem.roots {
            let name = memory.name(&root.id);
            memory.set_groups(name, &root.optional);
            roots.push((name, memory.req(name, &root.requirement)));
        }
        for (id, version) in problem.locked.iter().filter(|(id, _)| !problem.free.contains(*id)) {
            let name = memory.name(id);
            memory.set_locked(name, version);
        }
        for (id, versions) in problem.elsewhere.iter().filter(|(id, _)| !problem.free.contains(*id)) {
            let name = memory.name(id);
            memory.set_favoured(name, versions);
        }
        Self { cx, problem, provider, memory, roots, spent: Duration::ZERO, rounds: 0, questions: 0 }
    }

    /// The whole task, with nothing held.
    pub(super) fn task(&self) -> Task {
        Task { roots: self.roots.clone(), ..Task::default() }
    }

    /// Asks the open questions, in parallel as the provider sees fit. The time is not the solver's.
    pub(super) fn ask(&mut self) -> Result<()> {
        self.cx.check()?;
        let questions = self.memory.take_open();
        self.rounds += 1;
        self.questions += questions.len();
        if self.rounds > ROUNDS || self.questions > QUESTIONS {
            return Err(endless(&self.problem.site, self.questions, &questions));
        }
        let replies = self.provider.answer(self.cx, &questions)?;
        if replies.len() != questions.len() {
            return Err(Error::new(ErrorKind::Internal, format!("{} questions got {} replies", questions.len(), replies.len())));
        }
        for (question, reply) in questions.iter().zip(replies) {
            self.memory.learn(question, reply);
        }
        Ok(())
    }

    /// Searches until nothing is open.
    pub(super) fn run(&mut self, task: &Task) -> Result<std::result::Result<HashMap<Name, Cand>, Touched>> {
        loop {
            match self.run_once(task)? {
                Ok(found) if self.memory.has_open() => {
                    self.ask()?;
                    self.foresee(task, &found)?;
                }
                outcome => {
                    // what is impossible stays so, whatever the answers
                    self.memory.take_open();
                    return Ok(outcome);
                }
            }
        }
    }

    /// Asks on from what was found: what the chosen versions and the best of what they need will need in turn. The search itself
    /// would ask for nearly all of it, but one step a round.
    fn foresee(&mut self, task: &Task, found: &HashMap<Name, Cand>) -> Result<()> {
        loop {
            let mut agenda: VecDeque<Name> = task.roots.iter().map(|(name, _)| *name).collect();
            let mut demands: HashMap<Name, Vec<ReqId>> = HashMap::new();
            for (name, req) in &task.roots {
                demands.entry(*name).or_default().push(*req);
            }
            let mut met: HashSet<Name> = HashSet::new();
            while let Some(name) = agenda.pop_front() {
                if !met.insert(name) {
                    continue;
                }
                self.memory.ask_element(name);
                let likely = found.get(&name).copied().or_else(|| self.likely(task, name, &demands[&name]));
                let Some(needs) = likely.and_then(|candidate| self.memory.needs(name, candidate)) else { continue };
                for (target, req) in &needs.dependencies {
                    demands.entry(*target).or_default().push(*req);
                    agenda.push_back(*target);
                }
            }
            if !self.memory.has_open() {
                return Ok(());
            }
            self.ask()?;
        }
    }

    /// The candidate that is tried first of those that fit what is asked for so far.
    fn likely(&mut self, task: &Task, name: Name, demands: &[ReqId]) -> Option<Cand> {
        let fits: Vec<_> = demands.iter().filter_map(|req| self.memory.fit(*req)).collect();
        let first = fits.first()?;
        let allowed = task.limits(name).then(|| task.allowed(&self.memory, name));
        let may = |candidate: &Cand| fits.iter().all(|fit| fit.has(*candidate)) && allowed.as_ref().is_none_or(|allowed| allowed.contains(candidate));
        self.memory.favoured(name).into_iter().find(may).or_else(|| first.tried().into_iter().find(may))
    }

    /// Searches on memory alone: what is not known is presumed to fit.
    pub(super) fn run_once(&mut self, task: &Task) -> Result<std::result::Result<HashMap<Name, Cand>, Touched>> {
        let start = Instant::now();
        let deadline = start + self.problem.time_limit.saturating_sub(self.spent);
        let deadline = self.cx.deadline().map_or(deadline, |own| own.min(deadline));
        let outcome = engine::run(self.cx, &mut self.memory, task, deadline);
        self.spent += start.elapsed();
        match outcome {
            Outcome::Found(found) => Ok(Ok(found)),
            Outcome::Impossible(touched) => Ok(Err(touched)),
            Outcome::Stopped => {
                self.cx.check()?;
                Err(undecided(&self.problem.site, self.problem.time_limit))
            }
        }
    }

    /// Gives the next part of the work the whole time again.
    pub(super) fn restart_clock(&mut self) {
        self.spent = Duration::ZERO;
    }
}

fn undecided(site: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Undecided, format!("undecided after {} of solving whether site {site} can have what it asks for", seconds(limit)))
        .hint("narrow the requirements, so that there is less to try")
}

/// The error of dependencies that never come to an end.
fn endless(site: &str, asked: usize, last: &[Question]) -> Error {
    let mut names: Vec<String> = last
        .iter()
        .map(|question| match question {
            Question::Element(id) | Question::Info(id, _) => format!("`{id}`"),
        })
        .collect();
    names.dedup();
    names.truncate(3);
    Error::new(ErrorKind::Undecided, format!("undecided whether site {site} can have what it asks for: after {asked} questions new names still come up"))
        .note(format!("the last ones asked for: {}", names.join(", ")))
        .hint("a repository whose versions always need something new has no end: ask its owner")
}

fn seconds(limit: Duration) -> String {
    if limit.as_secs() >= 1 { format!("{} s", limit.as_secs()) } else { format!("{} ms", limit.as_millis()) }
}
