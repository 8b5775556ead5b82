//! The generations of a site, and what differs between two.

use super::change;
use crate::cli::text::{ADD, CHANGE, FAINT, STRONG, Text, count};
use crate::command::{diff, history};

/// Newest first, two lines and more each: number, time and mark, then what changed.
pub(crate) fn generations(report: &history::Report, page: &mut Text) {
    let several = report.sites.len() > 1;
    for site in &report.sites {
        let indent = super::heading(&site.name, several, page);
        for one in &site.generations {
            page.pad(indent, "").paint(STRONG, one.number).paint(FAINT, format_args!("  {}  {}", when(&one.time), short(&one.commit)));
            if one.current {
                page.put("  ").paint(ADD, "in place");
            }
            if let Some(mark) = &one.mark {
                page.put("  ").paint(CHANGE, mark);
            }
            page.end();
            for line in one.message.lines().filter(|line| !line.trim().is_empty()) {
                page.pad(indent + 4, "").line(line);
            }
        }
        if site.generations.is_empty() {
            page.pad(indent, "").line("no generation yet");
        }
    }
}

/// What `mark`, `prune` and `pack` did.
pub(crate) fn done(report: &history::Report, what: &history::Options, dry_run: bool, page: &mut Text) {
    for site in &report.sites {
        let name = &site.name;
        match what {
            _ if dry_run => page.line(format_args!("{name}: left as it is (--dry-run)")),
            history::Options::List => page,
            history::Options::Mark { name: mark, .. } => page.line(format_args!("{name}: generation marked `{mark}`")),
            history::Options::Prune { .. } => {
                page.line(format_args!("{name}: {} dropped, {} kept", count(site.dropped.len(), "generation"), site.generations.len()))
            }
            history::Options::Pack => page.line(format_args!("{name}: {} holds everything itself now", site.repository)),
        };
    }
}

/// Elements, then files.
pub(crate) fn diff(report: &diff::Report, page: &mut Text) {
    page.paint(STRONG, &report.site).line(format_args!("  generation {} → {}", report.from, report.to));
    for one in &report.changes {
        change::line(one, 0, page);
    }
    if report.files.is_empty() {
        page.line("no file differs");
        return;
    }
    page.paint(FAINT, format_args!("{} {}:", count(report.files.len(), "file"), if report.files.len() == 1 { "differs" } else { "differ" })).end();
    change::tree(&report.files, 2, page);
}

/// A recorded time, in the zone of this machine and to the minute.
fn when(time: &str) -> String {
    time.parse::<jiff::Timestamp>()
        .map_or_else(|_| time.to_owned(), |stamp| stamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}

fn short(id: &str) -> String {
    id.chars().take(7).collect()
}
