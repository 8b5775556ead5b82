//! What the stock holds, and what was done to it.

use crate::cli::text::{ADD, FAINT, REMOVE, Text, count, size};
use crate::roles::{GcReport, StockKey};

/// A line each: id, version, origin, and the beginning of the digest.
pub(crate) fn list(keys: &[StockKey], page: &mut Text) {
    let rows: Vec<Vec<String>> = keys.iter().map(|key| vec![key.id.to_string(), key.version.to_string(), key.origin.clone(), short(&key.digest)]).collect();
    page.table(0, &rows);
}

/// `sha256:0123456789ab`.
fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((kind, hex)) => format!("{kind}:{}", hex.chars().take(12).collect::<String>()),
        None => digest.to_owned(),
    }
}

/// What went, or would go.
pub(crate) fn gc(report: &GcReport, dry_run: bool, page: &mut Text) {
    for one in &report.removed {
        page.paint(REMOVE, "-").line(format_args!(" {one}"));
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    page.put(format_args!("{verb} {}, {}", count(report.removed.len(), "entry"), size(report.bytes)))
        .paint(FAINT, format_args!("  {} kept", report.kept))
        .end();
}

/// What was found damaged.
pub(crate) fn verify(damaged: &[String], page: &mut Text) {
    for one in damaged {
        page.paint(REMOVE, "damaged").line(format_args!("  {one}"));
    }
    if damaged.is_empty() {
        page.paint(ADD, "every byte is as it was stored").end();
    } else {
        page.line(format_args!("{} put aside; fetched again when next needed", count(damaged.len(), "entry")));
    }
}
