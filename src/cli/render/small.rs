//! Reports of a line or two: `init`, `fetch`, `recover`, `build`, `forget`.

use std::time::Duration;

use super::plan;
use crate::cli::text::{ADD, STRONG, Text, count, duration};
use crate::command::{build, fetch, forget, init, recover, trust};

/// The manifest that was written.
pub(crate) fn init(report: &init::Report, dry_run: bool, page: &mut Text) {
    let verb = if dry_run { "Would write" } else { "Wrote" };
    page.put(format_args!("{verb} ")).paint(STRONG, &report.path).end();
    if !dry_run {
        page.line("`greffon add TYPE/NAME` wants an element, `greffon sync` makes the site so");
    }
}

/// What is trusted now.
pub(crate) fn trust(report: &trust::Report, dry_run: bool, page: &mut Text) {
    let verb = match (report.trusted, dry_run) {
        (true, false) => "Trusted",
        (true, true) => "Would trust",
        (false, false) => "No longer trusted:",
        (false, true) => "Would no longer trust",
    };
    page.put(format_args!("{verb} ")).paint(STRONG, report.manifest.display()).end();
    plan::extensions(&report.extensions, page);
    super::extension::libraries(&report.libraries, page);
}

/// What came into the stock.
pub(crate) fn fetch(report: &fetch::Report, took: Duration, dry_run: bool, page: &mut Text) {
    for one in &report.fetched {
        page.put("  ").paint(ADD, "+").line(format_args!(" {} {}", one.id, one.version));
    }
    let verb = if dry_run { "Would fetch" } else { "Fetched" };
    page.line(format_args!("{verb} {} in {}; {} in stock already", count(report.fetched.len(), "element"), duration(took), report.from_stock));
}

/// A line a site.
pub(crate) fn recover(report: &recover::Report, page: &mut Text) {
    for site in &report.sites {
        let did = match site.recovered {
            "forward" => "the interrupted sync was finished",
            "back" => "the interrupted sync was undone",
            "needed" => "an interrupted sync would be finished or undone",
            _ => "nothing to recover",
        };
        page.paint(STRONG, &site.name).put(format_args!(": {did}"));
        if let Some(generation) = site.generation {
            page.put(format_args!(", generation {generation} is in place"));
        }
        page.end();
    }
}

/// Where the tree went.
pub(crate) fn build(report: &build::Report, dry_run: bool, page: &mut Text) {
    let verb = if dry_run { "Would write" } else { "Wrote" };
    page.put(format_args!("{verb} ")).paint(STRONG, &report.site).line(format_args!(" to {}", report.path));
}

/// What was let go.
pub(crate) fn forget(report: &forget::Report, dry_run: bool, page: &mut Text) {
    match (&report.state, dry_run) {
        (Some(state), false) => page.line(format_args!("Let go of {}: removed {state}; its files stay", report.name)),
        (Some(state), true) => page.line(format_args!("Would let go of {}: remove {state}", report.name)),
        (None, _) => page.line(format_args!("{} has no state to let go of", report.name)),
    };
}
