//! Files that were put aside.

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, Text, count, size};
use crate::command::saved::{Line, Report};

/// A line each: the run, the path, the size.
pub(crate) fn list(report: &Report, page: &mut Text) {
    let several = report.sites.len() > 1;
    for site in &report.sites {
        let indent = super::heading(&site.name, several, page);
        let rows: Vec<Vec<String>> = site.files.iter().map(|file| vec![file.run.clone(), file.path.clone(), size(file.size)]).collect();
        page.table(indent, &rows);
        if rows.is_empty() {
            page.pad(indent, "").line("nothing was put aside");
        } else {
            page.pad(indent, "").paint(FAINT, format_args!("in {}", site.folder)).end();
        }
    }
}

/// What was put back or deleted.
pub(crate) fn done(report: &Report, page: &mut Text) {
    let (back, gone) = if report.dry_run { ("would put back", "would drop") } else { ("put back", "dropped") };
    for site in &report.sites {
        for Line { run, path, .. } in &site.restored {
            page.paint(ADD, back).put(format_args!(" {path}")).paint(FAINT, format_args!(" (run {run})")).end();
        }
        for path in &site.replaced {
            page.paint(CHANGE, "saved").line(format_args!(" {path}, which stood there"));
        }
        for Line { run, path, .. } in &site.dropped {
            page.paint(REMOVE, gone).put(format_args!(" {path}")).paint(FAINT, format_args!(" (run {run})")).end();
        }
        page.line(format_args!("{}: {} left aside", site.name, count(site.files.len(), "file")));
    }
}
