//! What is not chosen newly although it is there: versions that an advisory revokes, and those too young to be trusted.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Standard;
use crate::builtin::safety::{Freshness, Safety, names_of};
use crate::model::{Age, ElementId, ElementInfo, Version};
use crate::roles::{Context, Level};
use crate::version::Scheme;

/// What was told of elements in one run.
#[derive(Debug, Default)]
pub(super) struct Judge {
    told: Mutex<HashMap<(ElementId, bool), Arc<Safety>>>,
    failed: Mutex<Vec<String>>,
}

/// A version, and its metadata where it is at hand.
pub(super) type Judged<'a> = (&'a Version, &'a mut Option<Arc<ElementInfo>>);

impl Judge {
    fn safety(&self, client: &Standard, cx: &Context, id: &ElementId, how: Freshness) -> Arc<Safety> {
        let key = (id.clone(), how == Freshness::Fresh);
        if let Some(told) = self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(told);
        }
        let parts = &client.parts;
        let (safety, failures) = Safety::ask(cx, &parts.repositories, std::slice::from_ref(id), &parts.security, how);
        for error in failures {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            // Once is enough for all elements.
            if !failed.iter().any(|told| told == error.message()) {
                failed.push(error.message().to_owned());
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                cx.log(Level::Warning, format!("{error}{cause}"));
            }
        }
        let safety = Arc::new(safety);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&safety));
        safety
    }

    #[expect(clippy::too_many_arguments, reason = "what is asked, of whom and how; a struct would be made at one place alone")]
    /// Marks what must not be newly chosen. `aged`: whether the age of these versions matters (a pinned branch is always young).
    pub(super) fn judge(&self, client: &Standard, cx: &Context, id: &ElementId, scheme: &dyn Scheme, how: Freshness, aged: bool, list: &mut [Judged<'_>]) {
        let policy = &client.parts.security;
        let safety = self.safety(client, cx, id, how);
        let oldest = policy.min_release_age.filter(|_| aged);
        if safety.is_empty() && oldest.is_none() {
            return;
        }
        list.sort_by(|a, b| scheme.compare(a.0, b.0));
        let names: Vec<Vec<String>> = list.iter().map(|(_, info)| info.as_ref().map(|info| names_of(info)).unwrap_or_default()).collect();
        let versions: Vec<Version> = list.iter().map(|(version, _)| (*version).clone()).collect();
        for (at, (version, info)) in list.iter_mut().enumerate() {
            let Some(info) = info else { continue };
            if policy.accepts_version(id, version) {
                continue;
            }
            if info.yanked.is_none()
                && let Some(why) = safety.revoked(id, scheme, version, &names[at])
            {
                Arc::make_mut(info).yanked = Some(why);
            }
            let age = info.published.as_deref().and_then(Age::since_text);
            let Some((age, oldest)) = age.zip(oldest).filter(|(age, oldest)| age < oldest) else { continue };
            let before = (0..at).rev().find(|before| scheme.compare(&versions[*before], version) == Ordering::Less);
            if !safety.mends(id, scheme, version, &names[at], before.map(|before| (&versions[before], names[before].as_slice()))) {
                Arc::make_mut(info).withheld = Some(format!("is {age} old, and `min-release-age` asks for {oldest}"));
            }
        }
    }
}
