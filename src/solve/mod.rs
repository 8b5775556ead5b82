//! The solver: requirements × element info → one version each, or an explanation.
//!
//! The engine ([`engine`]) is complete but has a taste of its own; [`order`] says which solution is wanted and [`locks`] which
//! locked versions give way. All of them work on what is in [`memory`]; [`rounds`] asks for what is missing there.

mod engine;
mod explain;
mod facts;
mod fit;
mod fixes;
mod locks;
mod memory;
mod order;
mod rounds;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, ElementInfo, Fix, FixChange, Origin, Requirement, Version};
use crate::roles::Context;
use crate::version::Scheme;

use engine::Task;
use rounds::Search;

/// What one site asks for.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The site's name, for explanations.
    pub site: String,
    /// In manifest order; the order is the preference.
    pub roots: Vec<Root>,
    /// The versions locked for this site.
    pub locked: BTreeMap<ElementId, Version>,
    /// Locked elements that may move at will (`update`).
    pub free: BTreeSet<ElementId>,
    /// Versions locked for other sites: preferred where a new one is needed.
    pub elsewhere: BTreeMap<ElementId, Vec<Version>>,
    /// How long to search.
    pub time_limit: Duration,
}

impl Problem {
    /// The problem with the changes of a fix made.
    #[must_use]
    pub fn with(&self, fix: &Fix) -> Self {
        let mut problem = self.clone();
        for change in &fix.changes {
            match change {
                FixChange::Require { id, to, .. } => {
                    for root in problem.roots.iter_mut().filter(|root| root.id == *id) {
                        root.requirement = to.clone();
                    }
                }
                FixChange::Remove { id, .. } => problem.roots.retain(|root| root.id != *id),
            }
        }
        problem
    }
}

/// One element that the manifest names.
#[derive(Debug, Clone)]
pub struct Root {
    /// Which.
    pub id: ElementId,
    /// Which versions.
    pub requirement: Requirement,
    /// Which of its optional groups are on.
    pub optional: Vec<String>,
    /// Where the manifest says so.
    pub origin: Origin,
}

/// Everything that exists of one element at this site.
#[derive(Debug, Clone)]
pub struct Known {
    /// How its versions are read.
    pub scheme: Arc<dyn Scheme>,
    /// Its versions, in any order; infos where they are at hand.
    pub versions: Vec<(Version, Option<Arc<ElementInfo>>)>,
    /// Who delivers it, for explanations (`repository ours`).
    pub from: String,
}

/// Something the solver wants to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What exists of an element?
    Element(ElementId),
    /// What does this version need?
    Info(ElementId, Version),
}

/// The answer to a [`Question`].
#[derive(Debug, Clone)]
pub enum Reply {
    /// To [`Question::Element`]; `None`: nobody knows it.
    Element(Option<Known>),
    /// To [`Question::Info`]; `None`: there is no such version after all.
    Info(Option<Arc<ElementInfo>>),
}

/// Answers the solver's questions. Each question is asked once; those of one round together, to be asked in parallel.
pub trait Provider {
    /// The replies, in the order of the questions.
    ///
    /// # Errors
    /// When one could not be answered: the solve fails with it.
    fn answer(&self, cx: &Context, questions: &[Question]) -> Result<Vec<Reply>>;
    /// Names like this one that exist, for "did you mean".
    fn near(&self, id: &ElementId) -> Vec<ElementId> {
        let _ = id;
        Vec::new()
    }
    /// What repositories know of an element and are not asked for it, since another one owns the name: each one's name and its
    /// versions, for explanations.
    fn passed_over(&self, cx: &Context, id: &ElementId) -> Vec<(String, Vec<Version>)> {
        let _ = (cx, id);
        Vec::new()
    }
}

/// One version of every element that is needed, roots first in manifest order, then dependencies as they were met.
#[derive(Debug, Clone, Default)]
pub struct Solution {
    /// Version and metadata.
    pub chosen: IndexMap<ElementId, Chosen>,
}

/// One element of a solution.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The version.
    pub version: Version,
    /// Its metadata.
    pub info: Arc<ElementInfo>,
}

/// A problem without an answer.
#[derive(Debug)]
pub struct Unsolved {
    /// `Conflict` with one step of the explanation a note, `NotFound` for roots that nobody knows, `Version` for requirements
    /// of the manifest that cannot be read. Its hints do not repeat the fixes.
    pub error: Error,
    /// Ways out, the smallest first; each was solved again.
    pub fixes: Vec<Fix>,
}

impl Unsolved {
    /// The error, offering the fixes.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error.offering(self.fixes)
    }
}

/// Searches.
///
/// # Errors
/// `Conflict` with the explanation as notes, offering the checked fixes; `Undecided` past the time limit;
/// `NotFound` for roots that nobody knows; whatever the provider failed with.
pub fn solve(cx: &Context, problem: &Problem, provider: &dyn Provider) -> Result<Solution> {
    solve_or_explain(cx, problem, provider)?.map_err(Unsolved::into_error)
}

/// As [`solve`], with the fixes of a problem without an answer as data.
///
/// # Errors
/// `Undecided` past the time limit; whatever the provider failed with.
pub fn solve_or_explain(cx: &Context, problem: &Problem, provider: &dyn Provider) -> Result<std::result::Result<Solution, Unsolved>> {
    let mut search = Search::new(cx, problem, provider);
    match settle(&mut search)? {
        Ok(solution) => Ok(Ok(solution)),
        Err(touched) => unsolved(&mut search, touched).map(Err),
    }
}

/// Explains, within a time of its own: that there is no answer is already sure.
fn unsolved(search: &mut Search<'_>, touched: engine::Touched) -> Result<Unsolved> {
    search.restart_clock();
    let task = search.task();
    let conflicts = match facts::conflicts(search, &task, touched) {
        Ok(conflicts) => conflicts,
        Err(error) if error.kind() == ErrorKind::Undecided => {
            let error = explain::explain(search, &[]).note("there was not enough time to find out why");
            return Ok(Unsolved { error, fixes: Vec::new() });
        }
        Err(error) => return Err(error),
    };
    let fixes = fixes::find(search, &conflicts)?;
    Ok(Unsolved { error: explain::explain(search, &conflicts), fixes })
}

/// The answer, or what the engine looked at when it found that there is none.
fn settle(search: &mut Search<'_>) -> Result<std::result::Result<Solution, engine::Touched>> {
    let free = search.task();
    let held = search.problem.locked.keys().filter(|id| !search.problem.free.contains(*id)).cloned().collect::<Vec<_>>();
    let held = held.iter().map(|id| search.memory.name(id)).collect();
    let mut task = Task { held, ..free.clone() };
    if let Some(choice) = order::straight(search, &task)? {
        return Ok(Ok(solution(search, &choice)));
    }
    let found = match search.run(&task)? {
        Ok(found) => found,
        Err(touched) => {
            if task.held.is_empty() {
                return Ok(Err(touched));
            }
            if let Err(touched) = search.run(&free)? {
                return Ok(Err(touched));
            }
            task.held = locks::hold(search, &task, touched)?;
            if let Some(choice) = order::straight(search, &task)? {
                return Ok(Ok(solution(search, &choice)));
            }
            match search.run(&task)? {
                Ok(found) => found,
                Err(_) => return Err(Error::new(ErrorKind::Internal, "the solver contradicts itself on which locks hold")),
            }
        }
    };
    let choice = order::polish(search, &task, found)?;
    Ok(Ok(solution(search, &choice)))
}

fn solution(search: &Search<'_>, choice: &order::Choice) -> Solution {
    let chosen = choice.iter().filter_map(|(name, candidate)| {
        let version = search.memory.version(*name, *candidate)?.clone();
        let info = search.memory.info(*name, *candidate)?.clone();
        Some((search.memory.id(*name).clone(), Chosen { version, info }))
    });
    Solution { chosen: chosen.collect() }
}
