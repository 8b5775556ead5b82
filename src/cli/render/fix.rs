//! The ways out of a conflict, and what one of them did.

use crate::cli::text::{ADD, FAINT, REMOVE, STRONG, Text};
use crate::command::fix::Report;

/// The conflict, and a line a fix.
pub(crate) fn list(report: &Report, page: &mut Text) {
    let Some(conflict) = &report.conflict else {
        page.line("nothing to fix: there are versions for everything that is asked for");
        return;
    };
    page.line(conflict);
    if let Some(pending) = &report.pending {
        page.line("with this in greffon.toml, which was not written:");
        lines(pending, page);
    }
    for fix in &report.fixes {
        page.paint(STRONG, format_args!("fix {}", fix.number)).line(format_args!(": {}", fix.text));
    }
    if report.fixes.is_empty() {
        page.line("no change of greffon.toml that was tried helps");
    } else {
        page.paint(FAINT, "`greffon fix N` makes one of these changes; with `--dry-run` it only shows it").end();
    }
}

/// The change of the manifest alone: data for `git apply`.
pub(crate) fn diff(report: &Report, page: &mut Text) {
    lines(&report.diff, page);
}

/// What was done.
pub(crate) fn applied(report: &Report, page: &mut Text) {
    for fix in report.fixes.iter().filter(|fix| Some(fix.number) == report.applied) {
        page.paint(STRONG, "Changed greffon.toml").line(format_args!(": {}", fix.text));
    }
    lines(&report.diff, page);
    super::lock::changes(&report.changes, page);
}

fn lines(diff: &str, page: &mut Text) {
    for line in diff.lines() {
        match line.as_bytes().first() {
            Some(b'+') => page.paint(ADD, line).end(),
            Some(b'-') => page.paint(REMOVE, line).end(),
            _ => page.line(line),
        };
    }
}
