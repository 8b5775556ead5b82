//! What became of each site of a sync, and of one that was rolled back.

use std::time::Duration;

use super::change;
use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count, duration};
use crate::command::rollback;
use crate::command::sync::{Report, SiteReport, SiteResult};
use crate::model::FileCounts;

/// Site by site, and a summary where there are several. Why a site failed is told by the caller, with the whole error.
pub(crate) fn report(report: &Report, took: Duration, page: &mut Text) {
    let several = report.sites.len() > 1;
    for one in &report.sites {
        site(one, took, several, page);
    }
    if several {
        summary(report, took, page);
    }
}

fn site(site: &SiteReport, took: Duration, several: bool, page: &mut Text) {
    let (style, word) = match site.state {
        SiteResult::Synced => (ADD, "Synced"),
        SiteResult::Unchanged => (ADD, "Nothing to do at"),
        SiteResult::Skipped => (CHANGE, "Left alone"),
        SiteResult::Failed => (REMOVE, "Failed at"),
        SiteResult::Planned => (CHANGE, "Would sync"),
    };
    page.paint(style, word).put(" ").paint(STRONG, &site.name);
    match site.state {
        SiteResult::Synced | SiteResult::Unchanged => {
            let generation = site.generation.map(|number| format!(", generation {number}")).unwrap_or_default();
            page.paint(FAINT, format_args!(": {}{generation}", count(site.elements, "element")));
            if !several {
                page.paint(FAINT, format_args!(", {}", duration(took)));
            }
        }
        SiteResult::Failed => {
            match site.generation {
                Some(generation) => page.put(format_args!("; its files are in place as generation {generation}")),
                None => page.put("; its files are as they were"),
            };
        }
        SiteResult::Skipped | SiteResult::Planned => {}
    }
    page.end();
    if matches!(site.state, SiteResult::Synced | SiteResult::Planned) {
        for one in &site.changes {
            change::line(one, 2, page);
        }
        if site.files != FileCounts::default() {
            page.put("  ").paint(FAINT, change::files(site.files)).end();
        }
    }
    asides(&site.saved, &site.notes, page);
}

/// Files put aside, and what else is to be known.
fn asides(saved: &[String], notes: &[String], page: &mut Text) {
    for path in saved {
        page.put("  ").paint(CHANGE, "saved").line(format_args!(" {path}"));
    }
    for note in notes {
        page.put("  ").paint(CHANGE, "note").line(format_args!(": {note}"));
    }
}

fn summary(report: &Report, took: Duration, page: &mut Text) {
    let number = |wanted: SiteResult| report.sites.iter().filter(|site| site.state == wanted).count();
    let parts: Vec<String> = [
        (SiteResult::Synced, "synced"),
        (SiteResult::Planned, "to sync"),
        (SiteResult::Unchanged, "unchanged"),
        (SiteResult::Skipped, "left alone"),
        (SiteResult::Failed, "failed"),
    ]
    .into_iter()
    .map(|(state, word)| (number(state), word))
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    page.line(format_args!("{}: {} in {}", count(report.sites.len(), "site"), parts.join(", "), duration(took)));
}

/// What a rollback did.
pub(crate) fn rollback(report: &rollback::Report, dry_run: bool, page: &mut Text) {
    let verb = if dry_run { "Would roll back" } else { "Rolled back" };
    page.paint(ADD, verb).put(" ").paint(STRONG, &report.site).put(format_args!(" from generation {} to {}", report.from, report.to));
    if !dry_run && report.generation != report.to {
        page.paint(FAINT, format_args!(", recorded as {}", report.generation));
    }
    page.end();
    for one in &report.changes {
        change::line(one, 2, page);
    }
    if report.files != FileCounts::default() {
        page.put("  ").paint(FAINT, change::files(report.files)).end();
    }
    asides(&report.saved, &report.notes, page);
    if let Some(reason) = &report.held {
        page.paint(CHANGE, "Held").line(format_args!(": {reason}"));
        page.line("`sync` leaves it alone until `sync --release`, or `rollback --write` for these versions to be wanted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Change};

    fn site_report(name: &str, state: SiteResult) -> SiteReport {
        SiteReport {
            name: name.into(),
            state,
            generation: Some(2),
            changes: vec![Change {
                action: Action::Add,
                id: "plugins/x".parse().expect("an id"),
                from: None,
                to: Some("1".into()),
                destructive: false,
                repository: None,
            }],
            files: FileCounts { add: 1, ..FileCounts::default() },
            elements: 3,
            saved: vec!["a.php\u{1b}".into()],
            notes: Vec::new(),
            held: None,
            error: None,
            failure: None,
        }
    }

    fn shown(sites: Vec<SiteReport>) -> String {
        let told = Report { schema: "greffon/sync/1", sites, dry_run: false, warnings: Vec::new() };
        let mut page = Text::new();
        report(&told, Duration::from_millis(34), &mut page);
        anstream::adapter::strip_str(page.finish()).to_string()
    }

    #[test]
    fn one_site_needs_no_summary() {
        let text = shown(vec![site_report("prod", SiteResult::Synced)]);
        assert_eq!(text, "Synced prod: 3 elements, generation 2, 34ms\n  + plugins/x 1\n  1 file new\n  saved a.php\\u{1b}\n");
    }

    #[test]
    fn many_sites_end_in_one_line() {
        let bare = |name, state| SiteReport { changes: Vec::new(), saved: Vec::new(), files: FileCounts::default(), ..site_report(name, state) };
        let held = SiteReport { notes: vec!["held at generation 1: quiz".into()], ..bare("c", SiteResult::Skipped) };
        let failed = SiteReport { generation: None, ..bare("b", SiteResult::Failed) };
        let text = shown(vec![bare("a", SiteResult::Unchanged), failed, held]);
        assert_eq!(
            text,
            "Nothing to do at a: 3 elements, generation 2\nFailed at b; its files are as they were\nLeft alone c\n  note: held at generation 1: quiz\n3 sites: 1 unchanged, 1 left alone, 1 failed in 34ms\n"
        );
    }
}
