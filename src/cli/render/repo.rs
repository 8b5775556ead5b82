//! What was published, withdrawn, or taken into use.

use crate::cli::text::{ADD, CHANGE, FAINT, STRONG, Text, size};
use crate::command::repo::{IndexReport, UseReport, YankReport};

/// A line a package.
pub(crate) fn index(report: &IndexReport, dry_run: bool, page: &mut Text) {
    for one in &report.packages {
        if one.new {
            page.paint(ADD, "+").put(format_args!(" {} {}", one.id, one.version)).paint(FAINT, format_args!("  {}, {}", one.file, size(one.size))).end();
        } else {
            page.put("  ").put(format_args!("{} {}", one.id, one.version)).paint(FAINT, "  published already, the same bytes").end();
        }
    }
    let new = report.packages.iter().filter(|one| one.new).count();
    let verb = if dry_run { "Would publish" } else { "Published" };
    page.line(format_args!("{verb} {new} of {} to {}", report.packages.len(), report.index));
}

/// One line.
pub(crate) fn yank(report: &YankReport, dry_run: bool, page: &mut Text) {
    page.paint(STRONG, format_args!("{} {}", report.element, report.version));
    match (&report.yanked, dry_run) {
        (Some(why), false) => page.line(format_args!(" is withdrawn: {why}")),
        (Some(why), true) => page.line(format_args!(" would be withdrawn: {why}")),
        (None, false) => page.line(" is offered again"),
        (None, true) => page.line(" would be offered again"),
    };
}

/// What an index proposes, and what was written.
pub(crate) fn adopted(report: &UseReport, page: &mut Text) {
    page.paint(STRONG, &report.name).put(format_args!("  {}", report.url));
    if let Some(elements) = report.elements {
        page.paint(FAINT, format_args!("  {elements} element{}", if elements == 1 { "" } else { "s" }));
    }
    page.end();
    for (kind, path) in &report.types {
        page.put(format_args!("  {kind}/NAME → {path}"));
        if report.added_types.contains(kind) {
            page.put("  ").paint(CHANGE, "new");
        }
        page.end();
    }
    page.line(if report.written { "Wrote greffon.toml" } else { "greffon.toml would change" });
}
