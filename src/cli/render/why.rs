//! Why a version is not there.

use crate::cli::text::{STRONG, Text};
use crate::command::why_not::{Report, SiteWhyNot, Verdict};

/// A block a site: the answer, then a line a reason.
pub(crate) fn not(report: &Report, page: &mut Text) {
    let several = report.sites.len() > 1;
    for site in &report.sites {
        let indent = super::heading(&site.name, several, page);
        page.pad(indent, "").paint(STRONG, format_args!("{} {}", report.element, report.version)).line(answer(report, site));
        for reason in &site.reasons {
            page.pad(indent + 2, "").line(reason);
        }
        if !site.changes.is_empty() {
            page.pad(indent + 2, "").line("with it these would change too:");
            for change in &site.changes {
                let (from, to) = (change.from.join(", "), change.to.join(", "));
                let from = if from.is_empty() { "not there".to_owned() } else { from };
                page.pad(indent + 4, "").line(format_args!("{}/{} {from} → {to}", change.r#type, change.name));
            }
        }
    }
}

fn answer(report: &Report, site: &SiteWhyNot) -> String {
    let instead = site.locked.as_ref().map(|locked| format!(", {locked} is locked")).unwrap_or_default();
    match site.verdict {
        Verdict::Locked => " is what is locked".to_owned(),
        Verdict::Missing => format!(" cannot be had{instead}"),
        Verdict::Forbidden => format!(" does not fit{instead}:"),
        Verdict::Unasked => format!(" would fit; `greffon add {}@{}` takes it:", report.element, report.version),
        Verdict::Next => format!(" fits{instead}: `greffon update {}` takes it", report.element),
        Verdict::Possible => format!(" would fit{instead}; `greffon update {} --to {}` takes it:", report.element, report.version),
    }
}
