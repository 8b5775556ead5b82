//! Whether bytes that somebody else may have written are understood: for tests that try very many of them (`scripts/torture fuzz`).

use super::index::Index;
use super::journal::{Journal, is_plain};

/// Whether these bytes are a journal that would be replayed.
///
/// # Panics
/// When it would lead out of the site or its stage, which is what such a test looks for.
#[must_use]
pub fn journal_is_understood(bytes: &[u8]) -> bool {
    let Ok(journal) = Journal::parse(bytes, Some(".greffon")) else { return false };
    for step in &journal.steps {
        assert!(step.path().is_empty() || is_plain(step.path()).is_ok(), "{step:?}");
        assert!(!step.path().starts_with(".greffon/") && step.stage().is_none_or(|stage| is_plain(stage).is_ok()), "{step:?}");
    }
    true
}

/// Whether these bytes are a stat cache.
///
/// # Panics
/// When it does not come back as it went, or names a path outside the site.
#[must_use]
pub fn stat_cache_is_understood(bytes: &[u8]) -> bool {
    let Some(index) = Index::decode(bytes) else { return false };
    assert!(index.paths().iter().all(|(path, _)| is_plain(path).is_ok()), "{:?}", index.folders);
    let again = index.encode().ok().and_then(|bytes| Index::decode(&bytes));
    assert_eq!(again.map(|again| again.files), Some(index.files));
    true
}
