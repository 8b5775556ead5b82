//! Where the steps of an explanation end: what is not there, and what is there and cannot be used.

use std::collections::BTreeSet;

use super::{Cand, MOST_LINES, Name, ReqId, State, Telling, Unusable, did_you_mean};
use crate::model::Version;

impl Telling<'_, '_> {
    /// Tells where the steps end: at elements that nobody knows, at requirements that nothing fits, at versions that cannot be used.
    pub(super) fn ends(&mut self) {
        for (name, reqs) in self.asked.clone() {
            let id = self.search.memory.id(name).clone();
            match self.search.memory.state(name) {
                State::Unknown => {
                    let hint = did_you_mean(self.search, &id).map(|hint| format!("; {hint}")).unwrap_or_default();
                    self.lines.push(format!("no repository knows {id}{hint}"));
                }
                State::Unasked => {}
                State::Known(element) => {
                    let from = element.from.clone();
                    self.known_end(name, &reqs, &from);
                }
            }
        }
    }

    fn known_end(&mut self, name: Name, reqs: &[ReqId], from: &str) {
        let id = self.search.memory.id(name).clone();
        let mut empty = false;
        let mut seen = BTreeSet::new();
        for req in reqs.iter().filter(|req| seen.insert(**req)) {
            let fit = self.search.memory.fit(*req).unwrap_or_default();
            let text = self.search.memory.requirement(*req).text.clone();
            let fitting: Vec<Cand> = (0..self.search.memory.candidates(name).len() as Cand).filter(|at| fit.has(*at)).collect();
            if fitting.is_empty() {
                empty = true;
                self.lines.push(match self.search.memory.failure(*req) {
                    Some(why) => why.to_string(),
                    None => format!("there is no {id} {text}"),
                });
            }
            self.unusable_ones(name, &fitting);
        }
        if empty {
            self.owned(name, reqs, from);
            let all: Vec<Cand> = (0..self.search.memory.candidates(name).len() as Cand).collect();
            let (named, all): (Vec<Cand>, Vec<Cand>) = all.into_iter().partition(|at| self.prerelease(name, *at));
            self.lines.push(match (all.is_empty(), named.is_empty()) {
                (true, true) => format!("{from} has no version of {id} at all"),
                (false, true) => format!("{from} has {id} {}", self.ranges(name, &all)),
                (true, false) => format!("{from} has only pre-releases of {id}, which are taken where they are named: {}", self.ranges(name, &named)),
                (false, false) => {
                    format!("{from} has {id} {}; pre-releases, taken only where they are named: {}", self.ranges(name, &all), self.ranges(name, &named))
                }
            });
        } else {
            let words = self.torn(name);
            self.lines.extend(words);
        }
    }

    pub(super) fn prerelease(&self, name: Name, candidate: Cand) -> bool {
        let Some(element) = self.search.memory.element(name) else { return false };
        self.search.memory.version(name, candidate).is_some_and(|version| element.scheme.is_prerelease(version))
    }

    /// Tells why versions that would fit cannot be used, those with the same reason at once.
    fn unusable_ones(&mut self, name: Name, fitting: &[Cand]) {
        let mut reasons: Vec<(Unusable, Vec<Cand>)> = Vec::new();
        for candidate in fitting {
            let Some(why) = self.search.memory.unusable(name, *candidate) else { continue };
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, members)) => members.push(*candidate),
                None => reasons.push((why, vec![*candidate])),
            }
        }
        for (why, members) in reasons.iter().take(MOST_LINES) {
            let what = format!("{} {}", self.search.memory.id(name), self.ranges(name, members));
            let one = members.len() == 1;
            let line = match why {
                Unusable::Yanked(why) => format!("{what} {} withdrawn: {why}", if one { "was" } else { "were" }),
                Unusable::Withheld(why) if one => format!("{what} {why}"),
                Unusable::Withheld(why) => format!("of {what} each {why}"),
                Unusable::Missing if one => format!("{what} is listed, but there is no element info of it"),
                Unusable::Missing => format!("{what} are listed, but there is no element info of them"),
                Unusable::Unreadable(why) => format!("{what} cannot be used: {why}"),
                Unusable::Contradiction if one => format!("{what} contradicts itself: it needs another version of itself, or excludes itself"),
                Unusable::Contradiction => format!("{what} contradict themselves: each needs another version of itself, or excludes itself"),
                Unusable::NoGroup(group) => {
                    format!("{what} {} no optional group `{group}`; {}", if one { "has" } else { "have" }, self.groups_of(name, members))
                }
            };
            self.lines.push(line);
        }
        let rest: Vec<Cand> = reasons.iter().skip(MOST_LINES).flat_map(|(_, members)| members.iter().copied()).collect();
        if !rest.is_empty() {
            self.lines.push(format!("{} {} cannot be used either", self.search.memory.id(name), self.ranges(name, &rest)));
        }
    }

    fn groups_of(&self, name: Name, members: &[Cand]) -> String {
        let infos = members.iter().filter_map(|candidate| self.search.memory.info(name, *candidate));
        let groups: BTreeSet<String> = infos.flat_map(|info| info.optional.keys()).map(|group| format!("`{group}`")).collect();
        if groups.is_empty() { "there is none at all".to_owned() } else { format!("there is {}", groups.into_iter().collect::<Vec<_>>().join(", ")) }
    }

    /// Tells what repositories have that are not asked, because another one owns the name.
    fn owned(&mut self, name: Name, reqs: &[ReqId], from: &str) {
        let id = self.search.memory.id(name).clone();
        let State::Known(element) = self.search.memory.state(name) else { return };
        let scheme = element.scheme.clone();
        for (repository, versions) in self.search.provider.passed_over(self.search.cx, &id) {
            let texts = reqs.iter().map(|req| self.search.memory.requirement(*req).text.clone());
            let readers: Vec<_> = texts.filter_map(|text| scheme.requirement(&text).ok()).collect();
            let mut fitting: Vec<&Version> = versions.iter().filter(|version| readers.iter().any(|reader| reader.matches(version))).collect();
            fitting.sort_by(|a, b| scheme.compare(b, a));
            let Some(newest) = fitting.first() else { continue };
            let more = if fitting.len() > 1 { format!(" and {} more that would do", fitting.len() - 1) } else { ", which would do".to_owned() };
            self.lines.push(format!(
                "repository {repository} has {id} {newest}{more}, but the name belongs to {from}, which comes first; `repository = \"{repository}\"` beside its version asks there"
            ));
        }
    }
}
