//! What is known to be unsafe: `status`, `plan`, `outdated --security`, `update --security`.

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text};
use crate::command::outdated::Report as OutdatedReport;
use crate::command::security::{Bump, Findings};

/// A line an advisory that is about a version of a site, then the age of what is known.
pub(crate) fn findings(found: &Findings, page: &mut Text) {
    let several = found.advisories.iter().any(|one| one.site != found.advisories[0].site);
    for one in &found.advisories {
        let at = if several { format!(" at {}", one.site) } else { String::new() };
        page.paint(REMOVE, if one.certain { "unsafe" } else { "unsafe?" });
        page.put(format_args!("  {}/{} {}{at}: ", one.r#type, one.name, one.version)).line(one.line());
    }
    for line in found.ages() {
        page.paint(FAINT, line).end();
    }
}

/// What is unsafe, and the way to safety.
pub(crate) fn outdated(report: &OutdatedReport, page: &mut Text) {
    let heard = report.advisories_heard.as_deref().unwrap_or_default();
    if report.elements.is_empty() {
        page.line("nothing that is locked is known to be unsafe");
    }
    let several = report.elements.iter().any(|one| one.site != report.elements[0].site);
    for one in &report.elements {
        let at = if several { format!("{}: ", one.site) } else { String::new() };
        page.put(at).paint(STRONG, format_args!("{}/{}", one.r#type, one.name)).put(format_args!(" {}", one.locked));
        match &one.safe {
            Some(safe) => page.put("  ").paint(ADD, format_args!("safe: {safe}")),
            None => page.put("  ").paint(REMOVE, "no safe version can be had"),
        };
        if one.newest != one.locked && Some(&one.newest) != one.safe.as_ref() {
            page.paint(FAINT, format_args!("  newest: {}", one.newest));
        }
        page.end();
        for finding in &one.advisories {
            page.put("  ").line(finding.line());
        }
        for why in &one.held_back_by {
            page.put("  ").paint(CHANGE, "but").line(format_args!(": {why}"));
        }
    }
    for one in heard {
        page.paint(FAINT, format_args!("the advisories of {} were heard {} ago", one.repository, one.age)).end();
    }
    if report.elements.iter().any(|one| one.safe.is_some()) {
        page.paint(FAINT, "`greffon update --security` moves to what is safe").end();
    }
}

/// What became of what was unsafe.
pub(crate) fn bumps(list: &[Bump], page: &mut Text) {
    for bump in list {
        let advisories: Vec<&str> = bump.advisories.iter().map(|finding| finding.advisory.as_str()).collect();
        page.put("  ").put(format_args!("{}/{}: {} ", bump.r#type, bump.name, advisories.join(", ")));
        match &bump.to {
            Some(to) => page.line(format_args!("no longer, with {to} instead of {}", bump.from)),
            None => page.paint(REMOVE, format_args!("still, at {}", bump.from)).end(),
        };
    }
}
