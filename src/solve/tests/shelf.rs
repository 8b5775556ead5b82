//! An in-memory provider for tests.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::model::{ElementId, ElementInfo, Origin, Requirement, Version};
use crate::roles::Context;
use crate::solve::{Known, Problem, Provider, Question, Reply, Root, Solution, solve};
use crate::version::scheme;

/// Elements with all their versions.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) elements: BTreeMap<ElementId, Vec<Arc<ElementInfo>>>,
    /// By type; `semver` where none is named.
    pub(super) schemes: BTreeMap<String, String>,
    /// Whether infos come one by one.
    pub(super) lazy: bool,
    /// Every question asked, in order, a batch each.
    pub(super) batches: RefCell<Vec<Vec<Question>>>,
}

impl Shelf {
    pub(super) fn add(&mut self, id: &str, version: &str, dependencies: &[(&str, &str)]) -> &mut ElementInfo {
        let mut info = ElementInfo::bare(element(id), version.into());
        info.dependencies = dependencies.iter().map(|(id, text)| (element(id), Requirement::from(*text))).collect();
        let versions = self.elements.entry(element(id)).or_default();
        versions.push(Arc::new(info));
        Arc::get_mut(versions.last_mut().expect("just pushed")).expect("nobody else has it")
    }

    /// What is said to a question.
    pub(super) fn reply(&self, question: &Question) -> Reply {
        match question {
            Question::Element(id) => Reply::Element(self.elements.get(id).map(|infos| {
                let kind = self.schemes.get(id.kind()).map_or("semver", String::as_str);
                let versions = infos.iter().map(|info| (info.version.clone(), (!self.lazy).then(|| info.clone()))).collect();
                Known { scheme: scheme(kind).expect("a built-in scheme"), versions, from: "repository ours".to_owned() }
            })),
            Question::Info(id, version) => Reply::Info(self.elements.get(id).and_then(|infos| infos.iter().find(|info| info.version == *version)).cloned()),
        }
    }

    pub(super) fn scheme(&mut self, kind: &str, name: &str) {
        self.schemes.insert(kind.to_owned(), name.to_owned());
    }
}

impl Provider for Shelf {
    fn answer(&self, _: &Context, questions: &[Question]) -> Result<Vec<Reply>> {
        let mut batches = self.batches.borrow_mut();
        let mut seen: HashSet<Question> = batches.iter().flatten().cloned().collect();
        for question in questions {
            assert!(seen.insert(question.clone()), "{question:?} was asked twice");
        }
        batches.push(questions.to_vec());
        Ok(questions.iter().map(|question| self.reply(question)).collect())
    }

    fn near(&self, id: &ElementId) -> Vec<ElementId> {
        self.elements.keys().filter(|known| strsim::damerau_levenshtein(known.name(), id.name()) < 3).cloned().collect()
    }
}

pub(super) fn element(text: &str) -> ElementId {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Roots as a manifest names them, from line 10 on.
pub(super) fn problem(roots: &[(&str, &str)]) -> Problem {
    let root = |(at, (id, text)): (usize, &(&str, &str))| Root {
        id: element(id),
        requirement: (*text).into(),
        optional: Vec::new(),
        origin: Origin { file: PathBuf::from("greffon.toml"), line: 10 + at, span: (0, 0) },
    };
    Problem {
        site: "prod".to_owned(),
        roots: roots.iter().enumerate().map(root).collect(),
        locked: BTreeMap::new(),
        free: std::collections::BTreeSet::new(),
        elsewhere: BTreeMap::new(),
        time_limit: Duration::from_secs(30),
    }
}

pub(super) fn lock(problem: &mut Problem, locked: &[(&str, &str)]) {
    problem.locked = locked.iter().map(|(id, version)| (element(id), Version::from(*version))).collect();
}

/// `name version` of every chosen element, without the type.
pub(super) fn shown(solution: &Solution) -> Vec<String> {
    solution.chosen.iter().map(|(id, chosen)| format!("{} {}", id.name(), chosen.version)).collect()
}

pub(super) fn solved(problem: &Problem, shelf: &Shelf) -> Vec<String> {
    shown(&solve(&Context::silent(), problem, shelf).unwrap_or_else(|error| panic!("{error:?}")))
}
