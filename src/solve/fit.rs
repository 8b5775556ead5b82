//! Which candidates of an element fit a requirement, and in which order they are tried.

use crate::model::Version;
use crate::version::{Matcher, Readings};

use super::memory::Cand;

/// The candidates that fit a requirement.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// By candidate: its class (see [`Matcher::class`]), `None` where it does not fit.
    pub(super) class: Vec<Option<u32>>,
    /// Whether all fitting ones are of one class and the newest goes first.
    pub(super) plain: bool,
    pub(super) descending: bool,
}

impl Fit {
    pub(super) fn has(&self, candidate: Cand) -> bool {
        self.class.get(candidate as usize).copied().flatten().is_some()
    }

    /// The fitting candidates in the order in which they are tried.
    pub(super) fn tried(&self) -> Vec<Cand> {
        let mut fitting: Vec<(u32, Cand)> = self.class.iter().enumerate().filter_map(|(at, class)| class.map(|class| (class, at as Cand))).collect();
        if !self.plain {
            fitting.sort_by_key(|(class, at)| (*class, if self.descending { *at } else { u32::MAX - *at }));
        }
        fitting.into_iter().map(|(_, at)| at).collect()
    }

    /// `candidates`: the versions, newest first, each with its place among those that were read.
    pub(super) fn of<'v>(matcher: &dyn Matcher, readings: &Readings, read: usize, candidates: impl Iterator<Item = (&'v Version, usize)>) -> Self {
        let candidates: Vec<(&Version, usize)> = candidates.collect();
        let Some((first, _)) = candidates.first() else { return Self::default() };
        let mut texts: Vec<&Version> = vec![first; read];
        for (version, place) in &candidates {
            texts[*place] = version;
        }
        let classes = matcher.classes(readings, &texts);
        let class: Vec<Option<u32>> = candidates.iter().map(|(_, place)| classes.get(*place).copied().flatten()).collect();
        let first = class.iter().flatten().next().copied();
        let descending = matcher.descending();
        Self { plain: descending && class.iter().flatten().all(|class| Some(*class) == first), class, descending }
    }
}
