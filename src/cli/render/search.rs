//! What was found by words.

use crate::cli::text::Text;
use crate::roles::SearchHit;

/// A line each: id, newest version, summary.
pub(crate) fn hits(hits: &[SearchHit], page: &mut Text) {
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| vec![hit.id.to_string(), hit.version.as_ref().map(ToString::to_string).unwrap_or_default(), hit.summary.clone().unwrap_or_default()])
        .collect();
    page.table(0, &rows);
}
