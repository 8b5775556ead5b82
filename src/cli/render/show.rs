//! What the repositories know: `show`, `search`.

use std::fmt::Display;

use indexmap::IndexMap;

use crate::cli::text::{CHANGE, FAINT, STRONG, Text};
use crate::command::show::{Report, SearchReport};
use crate::model::{EXTENSIONS, ElementId, Requirement};

/// How many versions are named before the rest is counted.
const VERSIONS: usize = 20;

/// Everything that is known of one element.
pub(crate) fn element(report: &Report, page: &mut Text) {
    page.paint(STRONG, &report.element);
    if let Some(info) = &report.info {
        page.put(format_args!(" {}", info.version));
        if let Some(summary) = &info.summary {
            page.put(format_args!("  {summary}"));
        }
    }
    page.end();
    field("from", &report.repository, page);
    if !report.also_in.is_empty() {
        field("also in", format_args!("{} (not asked: a name belongs to the first repository that knows it)", report.also_in.join(", ")), page);
    }
    for (site, version) in &report.locked {
        match report.element.kind() {
            EXTENSIONS => field("locked", format_args!("{version}, for the whole manifest: an extension is part of no site"), page),
            _ => field("locked", format_args!("{version} at {site}"), page),
        }
    }
    if let Some(info) = &report.info {
        if let Some(scheme) = &info.scheme {
            field("scheme", scheme, page);
        }
        needs("needs", &info.dependencies, page);
        needs("excludes", &info.conflicts, page);
        for (group, wants) in &info.optional {
            needs(&format!("with {group}"), wants, page);
        }
        if let Some(why) = &info.yanked {
            field("withdrawn", why, page);
        }
    }
    if report.versions.is_empty() {
        field("versions", "none", page);
        return;
    }
    page.line("  versions");
    for one in report.versions.iter().take(VERSIONS) {
        page.put(format_args!("    {}", one.version));
        if let Some(published) = &one.published {
            page.paint(FAINT, format_args!("  {published}"));
        }
        if let Some(why) = &one.yanked {
            page.paint(CHANGE, format_args!("  withdrawn: {why}"));
        }
        page.end();
    }
    if report.versions.len() > VERSIONS {
        page.put("    ").paint(FAINT, format_args!("… and {} older (`--json` names them all)", report.versions.len() - VERSIONS)).end();
    }
}

fn field(name: &str, value: impl Display, page: &mut Text) {
    page.put("  ").pad(10, name).line(value);
}

fn needs(name: &str, wants: &IndexMap<ElementId, Requirement>, page: &mut Text) {
    for (id, requirement) in wants {
        field(name, format_args!("{id} {requirement}"), page);
    }
}

/// A line a hit: id, newest version, repository, summary.
pub(crate) fn hits(report: &SearchReport, page: &mut Text) {
    let rows: Vec<Vec<String>> = report
        .hits
        .iter()
        .map(|found| {
            let hit = &found.hit;
            let version = hit.version.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![hit.id.to_string(), version, found.repository.clone(), hit.summary.clone().unwrap_or_default()]
        })
        .collect();
    page.table(0, &rows);
}
