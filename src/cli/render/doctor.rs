//! What `doctor` found.

use crate::cli::text::{ADD, CHANGE, REMOVE, Text};
use crate::command::doctor::Report;

/// A line a check, and what to do under it.
pub(crate) fn checks(report: &Report, page: &mut Text) {
    let width = report.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    for check in &report.checks {
        let style = match check.state {
            "ok" => ADD,
            "warning" => CHANGE,
            _ => REMOVE,
        };
        page.paint(style, format_args!("{:<8}", check.state)).pad(width + 2, &check.name).line(&check.found);
        if let Some(hint) = &check.hint {
            page.pad(width + 10, "").line(hint);
        }
    }
}
