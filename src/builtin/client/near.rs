//! "Did you mean": elements that exist, for one that does not.

use std::sync::Arc;

use crate::model::ElementId;
use crate::roles::{Context, Repository, SearchRequest};

/// The elements that somebody may have meant, nearest first, at most three: from what the repositories know without the network.
#[must_use]
pub fn nearest_known(repositories: &[Arc<dyn Repository>], id: &ElementId) -> Vec<ElementId> {
    let cx = Context::silent().without_network();
    let request = SearchRequest { text: String::new(), limit: 100_000 };
    let hits = repositories.iter().filter_map(|repository| repository.search(&cx, &request).ok()).flatten().map(|hit| hit.id);
    let mut near: Vec<(usize, ElementId)> = hits.filter_map(|hit| Some((distance(id, &hit)?, hit))).collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, id)| id).collect()
}

/// How far a name that exists is from the one that was written; `None`: nobody would mean it. The same name of another type is
/// nearest, then names with a few other letters, then longer ones that hold it (`mod_attendance` for `attendance`).
fn distance(written: &ElementId, known: &ElementId) -> Option<usize> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let (a, b) = (plain(written.name()), plain(known.name()));
    if a == b {
        return Some(0);
    }
    if written.kind() != known.kind() || a.len() > 80 || b.len() > 80 {
        return None;
    }
    // `attendance` for `mod_attendance`: a component without its type.
    if b.split_once('_').is_some_and(|(_, rest)| rest == a) {
        return Some(1);
    }
    let allowed = (a.chars().count() / 3).max(1);
    let letters = strsim::damerau_levenshtein(&a, &b);
    if letters <= allowed && letters < a.chars().count() {
        return Some(letters);
    }
    (a.len() >= 4 && b.contains(&a)).then_some(allowed + 1)
}
