//! What was taken over from other tools, and what was written for them.

use crate::cli::text::{ADD, CHANGE, FAINT, STRONG, Text, count};
use crate::command::{convert, import};

/// Elements that came, and the lines that did not, those of one reason together.
pub(crate) fn imported(report: &import::Report, page: &mut Text) {
    for one in &report.elements {
        let (style, mark) = if one.there { (FAINT, "=") } else { (ADD, "+") };
        page.put("  ").paint(style, mark).put(format_args!(" {}/{} {}", one.r#type, one.name, one.wants));
        if let Some(git) = &one.git {
            page.put(" ").paint(FAINT, format_args!("({git})"));
        }
        page.end();
    }
    if !report.left.is_empty() {
        page.paint(CHANGE, "not carried over").line(":");
    }
    let mut told: Vec<(&str, &str)> = Vec::new();
    for left in &report.left {
        if told.contains(&(left.file.as_str(), left.reason.as_str())) {
            continue;
        }
        told.push((&left.file, &left.reason));
        let same: Vec<&import::Left> = report.left.iter().filter(|other| other.file == left.file && other.reason == left.reason).collect();
        match same.as_slice() {
            [one] => {
                page.line(format_args!("  {}:{}: {}", one.file, one.line, one.text));
                page.put("    ").paint(FAINT, &one.reason).end();
            }
            several => {
                let lines: Vec<String> = several.iter().map(|left| left.line.to_string()).collect();
                page.line(format_args!("  {}, lines {}: {}, …", left.file, lines.join(", "), left.text.trim_end_matches(',')));
                page.put("    ").paint(FAINT, &left.reason).end();
            }
        }
    }
    for note in &report.notes {
        page.put("  ").paint(FAINT, note).end();
    }
    let new = report.elements.iter().filter(|one| !one.there).count();
    let verb = match (report.dry_run, report.created) {
        (true, true) => "Would write",
        (true, false) => "Would add to",
        (false, true) => "Wrote",
        (false, false) => "Added to",
    };
    page.put(format_args!("{verb} ")).paint(STRONG, &report.manifest);
    page.line(format_args!(": {}, {} not carried over", count(new, "element"), count(report.left.len(), "line")));
    if !report.dry_run && new > 0 {
        page.line("`greffon lock` finds their versions");
    }
}

/// What a document cannot say.
pub(crate) fn unsaid(report: &convert::Report, page: &mut Text) {
    for left in &report.left {
        let place = left.line.map(|line| format!("greffon.toml:{line}: ")).unwrap_or_default();
        page.put("  ").paint(CHANGE, "not said").line(format_args!(": {place}{}/{}: {}", left.r#type, left.name, left.reason));
    }
}

/// The file that was written.
pub(crate) fn converted(report: &convert::Report, dry_run: bool, page: &mut Text) {
    unsaid(report, page);
    let verb = if dry_run { "Would write" } else { "Wrote" };
    let output = report.output.as_deref().unwrap_or("stdout");
    page.put(format_args!("{verb} ")).paint(STRONG, output).line(format_args!(": {} of the site {}", count(report.elements, "element"), report.site));
}
