//! Searching a list by words.

use crate::roles::SearchHit;

/// The hits whose name or summary holds `text`, ignoring case: whole names first, then beginnings, then parts of names, then
/// summaries; within each by id.
pub(crate) fn best(hits: impl Iterator<Item = SearchHit>, text: &str, limit: usize) -> Vec<SearchHit> {
    let words = text.trim().to_lowercase();
    let mut found: Vec<(u8, SearchHit)> = hits.filter_map(|hit| rank(&hit, &words).map(|rank| (rank, hit))).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)));
    found.into_iter().map(|(_, hit)| hit).take(limit).collect()
}

fn rank(hit: &SearchHit, words: &str) -> Option<u8> {
    let name = hit.id.name().to_lowercase();
    let full = hit.id.to_string().to_lowercase();
    let summary = || hit.summary.as_ref().is_some_and(|summary| summary.to_lowercase().contains(words));
    if name == words || full == words {
        Some(0)
    } else if name.starts_with(words) || (!words.is_empty() && name.split_once('_').is_some_and(|(_, rest)| rest == words)) {
        Some(1)
    } else if full.contains(words) {
        Some(2)
    } else {
        summary().then_some(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_summaries_and_the_limit_holds() {
        let hit = |id: &str, summary: &str| SearchHit { id: id.parse().expect("an id"), summary: Some(summary.to_owned()), version: None };
        let hits = [hit("p/other", "draws a Forum"), hit("p/xforum", ""), hit("p/forum_ng", ""), hit("p/forum", ""), hit("p/none", "")];
        let names = |text, limit| best(hits.iter().cloned(), text, limit).into_iter().map(|hit| hit.id.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names("forum", 9), ["forum", "forum_ng", "xforum", "other"]);
        assert_eq!(names("FORUM", 2), ["forum", "forum_ng"]);
        assert_eq!(names("", 9).len(), 5);
    }
}
