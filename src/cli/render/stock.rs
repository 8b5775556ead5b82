//! What the stock holds, and what was done to it.

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count, size};
use crate::command::stock::{AddReport, ListReport, TidyReport, VerifyReport, export, import};

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
        page.line(format_args!("{} put aside", count(damaged.len(), "entry")));
    }
    for one in &report.mended.fetched {
        page.paint(ADD, "fetched again").line(format_args!("  {one}"));
    }
    for one in &report.mended.missing {
        let what = match (&one.id, &one.version) {
            (Some(id), Some(version)) => format!("{id} {version}"),
            _ => "something".to_owned(),
        };
        let generations: Vec<String> = one.generations.iter().map(ToString::to_string).collect();
        page.paint(REMOVE, "lost").line(format_args!("  {what}, needed by site {} (generation {}): {}", one.site, generations.join(", "), one.why));
    }
}

/// What went into the file.
pub(crate) fn exported(report: &export::Report, page: &mut Text) {
    for line in &report.elements {
        page.put("  ").put(format_args!("{}/{} {}", line.r#type, line.name, line.version)).paint(FAINT, format_args!("  {}", line.kind)).end();
    }
    let what = count(report.elements.len(), "element");
    match (report.size, &report.sha256) {
        (Some(bytes), Some(digest)) => {
            page.put("Wrote ").paint(STRONG, &report.file).line(format_args!(": {what}, {}", size(bytes)));
            page.line(digest)
        }
        _ => page.put("Would write ").paint(STRONG, &report.file).line(format_args!(": {what}")),
    };
}

/// What came out of it.
pub(crate) fn imported(report: &import::Report, page: &mut Text) {
    for one in &report.elements {
        let line = &one.line;
        if one.known {
            page.paint(FAINT, "=");
        } else {
            page.paint(ADD, "+");
        }
        page.put(format_args!(" {}/{} {}", line.r#type, line.name, line.version)).paint(FAINT, format_args!("  {}", line.kind)).end();
    }
    for path in &report.placed {
        page.paint(ADD, "+").line(format_args!(" {path}"));
    }
    for note in &report.notes {
        page.paint(CHANGE, "note").line(format_args!(": {note}"));
    }
    let new = report.elements.iter().filter(|one| !one.known).count();
    let verb = if report.dry_run { "Would import" } else { "Imported" };
    page.line(format_args!("{verb} {} from {}, {} in stock already", count(new, "element"), report.file, report.elements.len() - new));
}
