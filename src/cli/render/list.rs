//! What the sites are made of, why, and what could be newer: `list`, `why`, `outdated`.

use crate::cli::text::{FAINT, STRONG, Text};
use crate::command::list::{ListReport, WhyReport};
use crate::command::outdated::Report as OutdatedReport;

/// A line an element: id, locked version, what stands in its place in the site, requirement, source.
pub(crate) fn list(report: &ListReport, page: &mut Text) {
    let several = report.sites.len() > 1;
    for site in &report.sites {
        let indent = super::heading(&site.name, several, page);
        let rows: Vec<Vec<String>> = site
            .elements
            .iter()
            .map(|one| {
                let installed = match &one.installed {
                    None => "not installed".to_owned(),
                    Some(version) if *version == one.version => String::new(),
                    Some(version) => format!("installed {version}"),
                };
                let asked = one.requirement.clone().unwrap_or_else(|| "needed".to_owned());
                vec![format!("{}/{}", one.r#type, one.name), one.version.clone(), asked, one.source.clone(), installed]
            })
            .collect();
        page.table(indent, &rows);
    }
}

/// The chains from the manifest to the element, a block each; chains that several sites share are shown once a site.
pub(crate) fn why(report: &WhyReport, page: &mut Text) {
    let several = report.sites.len() > 1;
    for site in &report.sites {
        let indent = super::heading(&site.name, several, page);
        page.pad(indent, "").paint(STRONG, format_args!("{} {}", report.element, site.version)).end();
        for chain in &site.chains {
            for (depth, step) in chain.iter().enumerate() {
                let verb = if depth == 0 { "asks for" } else { "needs" };
                page.pad(indent + 2 + depth * 2, "").line(format_args!("{} {verb} {}", step.who, step.asks));
            }
        }
    }
}

/// A line an element that could be newer, and what keeps it.
pub(crate) fn outdated(report: &OutdatedReport, page: &mut Text) {
    if report.elements.is_empty() {
        page.line("everything is at the newest there is");
        return;
    }
    let several = report.elements.iter().any(|one| one.site != report.elements[0].site);
    let mut rows = vec![vec!["element".to_owned(), "locked".to_owned(), "fits".to_owned(), "newest".to_owned(), String::new()]];
    for one in &report.elements {
        let name = if several { format!("{}: {}/{}", one.site, one.r#type, one.name) } else { format!("{}/{}", one.r#type, one.name) };
        let mut holders = one.held_back_by.iter().cloned();
        rows.push(vec![name, one.locked.clone(), one.fits.clone(), one.newest.clone(), holders.next().unwrap_or_default()]);
        rows.extend(holders.map(|holder| vec![String::new(), String::new(), String::new(), String::new(), holder]));
    }
    page.table(0, &rows);
    if report.elements.iter().any(|one| one.fits != one.locked) {
        page.paint(FAINT, "`greffon update` moves to what fits").end();
    }
}
