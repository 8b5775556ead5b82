//! What the stock holds, and what was done to it.

use crate::cli::text::{ADD, FAINT, REMOVE, Text, count, size};
use crate::command::stock::{AddReport, ListReport, TidyReport, VerifyReport};

/// A line each: id, version, origin, and the beginning of the digest.
pub(crate) fn list(report: &ListReport, page: &mut Text) {
    let rows: Vec<Vec<String>> =
        report.entries.iter().map(|key| vec![key.id.to_string(), key.version.to_string(), key.origin.clone(), short(&key.digest)]).collect();
    page.table(0, &rows);
}

/// What was put in.
pub(crate) fn added(report: &AddReport, page: &mut Text) {
    let entry = &report.entry;
    page.paint(ADD, "+").put(format_args!(" {} {}", entry.id, entry.version)).paint(FAINT, format_args!("  {}", short(&entry.digest))).end();
}

/// `sha256:0123456789ab`.
fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((kind, hex)) => format!("{kind}:{}", hex.chars().take(12).collect::<String>()),
        None => digest.to_owned(),
    }
}

/// What went, or would go.
pub(crate) fn gc(report: &TidyReport, page: &mut Text) {
    let TidyReport { dry_run, gc, .. } = report;
    for one in &gc.removed {
        page.paint(REMOVE, "-").line(format_args!(" {one}"));
    }
    let verb = if *dry_run { "would remove" } else { "removed" };
    page.put(format_args!("{verb} {}, {}", count(gc.removed.len(), "entry"), size(gc.bytes))).paint(FAINT, format_args!("  {} kept", gc.kept)).end();
}

/// What was found damaged.
pub(crate) fn verify(report: &VerifyReport, page: &mut Text) {
    let damaged = &report.damaged;
    for one in damaged {
        page.paint(REMOVE, "damaged").line(format_args!("  {one}"));
    }
    if damaged.is_empty() {
        page.paint(ADD, "every byte is as it was stored").end();
    } else {
        page.line(format_args!("{} put aside; fetched again when next needed", count(damaged.len(), "entry")));
    }
}
