//! Dependencies that name one version exactly: what is in stock of them is taken from there without a question to anybody.
//!
//! When the solver asks for a dependency, not all that will be said of it has been heard. So it is answered from the stock where
//! everything heard so far is exact, and whether that held is looked at when the search is over: if not, the search is done
//! again with everybody asked. The answer is the same either way.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::model::{ElementId, ElementInfo, Requirement, Version};

/// What was heard of dependencies in one search.
#[derive(Debug, Default)]
pub(super) struct Exact(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// What is asked of each element; `None`: something that is not one version.
    asked: HashMap<ElementId, BTreeSet<Option<Version>>>,
    /// The elements that were answered from the stock, and with which versions.
    answered: HashMap<ElementId, BTreeSet<Version>>,
}

impl Exact {
    /// Notes what a version needs.
    pub(super) fn hear(&self, info: &ElementInfo) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, requirement) in info.dependencies.iter().chain(info.optional.values().flatten()) {
            heard.asked.entry(id.clone()).or_default().insert(exactly(requirement));
        }
    }

    /// The versions that are asked for, where all that was heard is exact.
    pub(super) fn versions(&self, id: &ElementId) -> Option<Vec<Version>> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.asked.get(id)?.iter().cloned().collect()
    }

    /// Notes that an element was answered with these versions alone.
    pub(super) fn answered(&self, id: &ElementId, versions: Vec<Version>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answered.insert(id.clone(), versions.into_iter().collect());
    }

    /// Whether any element was answered so.
    pub(super) fn is_used(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).answered.is_empty()
    }

    /// Whether nothing was heard since that such an answer leaves out.
    pub(super) fn held(&self) -> bool {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .answered
            .iter()
            .all(|(id, versions)| heard.asked.get(id).is_none_or(|asked| asked.iter().all(|one| one.as_ref().is_some_and(|one| versions.contains(one)))))
    }
}

/// The version of `=1.2.3`.
pub(super) fn exactly(requirement: &Requirement) -> Option<Version> {
    let rest = requirement.as_str().trim().strip_prefix('=')?.trim_start_matches('=').trim();
    (!rest.is_empty() && !rest.contains([',', '|', '*', ' '])).then(|| Version::new(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(needs: &[(&str, &str)]) -> ElementInfo {
        let mut info = ElementInfo::bare("plugins/x".parse().expect("an id"), Version::new("1"));
        info.dependencies = needs.iter().map(|(id, requirement)| (id.parse().expect("an id"), Requirement::new(*requirement))).collect();
        info
    }

    #[test]
    fn an_answer_holds_as_long_as_nothing_else_is_asked() {
        let id: ElementId = "plugins/d".parse().expect("an id");
        let exact = Exact::default();
        assert_eq!(exact.versions(&id), None, "nothing was heard");
        exact.hear(&info(&[("plugins/d", "=1.0.0"), ("plugins/e", "1.0+")]));
        assert_eq!(exact.versions(&id), Some(vec![Version::new("1.0.0")]));
        assert_eq!(exact.versions(&"plugins/e".parse().expect("an id")), None);
        exact.answered(&id, vec![Version::new("1.0.0")]);
        assert!(exact.held());
        exact.hear(&info(&[("plugins/d", "== 1.0.0")]));
        assert!(exact.held());
        exact.hear(&info(&[("plugins/d", "=2.0.0")]));
        assert!(!exact.held());
    }
}
