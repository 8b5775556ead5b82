//! What a sync would do.

use super::change;
use crate::cli::text::{CHANGE, FAINT, STRONG, Text, count};
use crate::command::plan::Report;
use crate::model::{FileCounts, SitePlan};
use crate::registry::{Standing, Used};

/// Site by site.
pub(crate) fn sites(report: &Report, page: &mut Text) {
    for plan in &report.sites {
        site(plan, page);
    }
    if report.lock_changed {
        page.line("greffon.lock would change");
    }
    super::security::findings(&report.findings, page);
    for one in &report.extension_changes {
        let version = |list: &[String]| if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
        page.put("extension ").paint(STRONG, &one.name).line(format_args!(": {} → {}", version(&one.from), version(&one.to)));
    }
    extensions(&report.extensions, page);
    super::extension::libraries(&report.libraries, page);
}

/// What each script and extension may do.
pub(crate) fn extensions(list: &[Used], page: &mut Text) {
    for used in list {
        page.put("extension ").paint(STRONG, &used.name);
        if let (Some(_), Some(version)) = (&used.element, &used.version) {
            page.put(format_args!(" {version}"));
        }
        page.line(format_args!(" ({}) may: {}", used.role, used.allow.words()));
        if used.element.is_some() {
            match used.trust {
                Standing::New if !used.allow.is_empty() => page.put("  ").paint(CHANGE, "never trusted").line(": `greffon trust` lets it do so"),
                Standing::Changed => page.put("  ").paint(CHANGE, "changed since it was trusted").line(": `greffon trust` lets it do so as it is now"),
                _ => page,
            };
        }
        if !used.missing.is_empty() {
            page.put("  ").paint(CHANGE, "asks for more").line(format_args!(": {}", used.missing.words()));
        }
    }
}

fn site(plan: &SitePlan, page: &mut Text) {
    page.paint(STRONG, &plan.name).paint(FAINT, format_args!("  {}", plan.path.display())).end();
    if let Some(reason) = &plan.held {
        page.put("  ").paint(CHANGE, "held").line(format_args!(": {reason}"));
    }
    if plan.is_empty() && plan.tree.is_some() {
        page.line("  nothing to do");
        return;
    }
    for one in &plan.changes {
        change::line(one, 2, page);
    }
    change::moves(&plan.moves, 2, page);
    for note in plan.notes.iter().chain(&plan.contained) {
        page.put("  ").paint(CHANGE, "note").line(format_args!(": {note}"));
    }
    let downloads = plan.download_map.iter().filter(|entry| !entry.from_stock).count();
    match plan.files {
        Some(counts) if counts == FileCounts::default() => page.line("  no file changes"),
        Some(counts) => page.line(format_args!("  {}", change::files(counts))),
        None => page.line("  file counts are not known before everything is in stock"),
    };
    if downloads > 0 {
        let kept = plan.download_map.len() - downloads;
        match plan.files {
            Some(_) => page.line(format_args!("  fetched {}, {kept} in stock already", count(downloads, "element"))),
            None => page.line(format_args!("  {} to download, {kept} in stock", count(downloads, "element"))),
        };
    }
    if !plan.hooks.is_empty() {
        page.line(format_args!("  hooks: {}", plan.hooks.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Change, DownloadMapEntry};

    fn plan() -> SitePlan {
        SitePlan {
            name: "prod".into(),
            path: "/srv/prod".into(),
            tree: None,
            held: Some("the quiz broke\u{1b}[0m".into()),
            changes: vec![Change {
                action: Action::Add,
                id: "plugins/x".parse().expect("an id"),
                from: None,
                to: Some("1".into()),
                destructive: false,
                repository: None,
            }],
            download_map: vec![DownloadMapEntry { id: "plugins/x".parse().expect("an id"), version: "1".into(), from_stock: false, download: None }],
            files: None,
            moves: Vec::new(),
            by_hand: Vec::new(),
            notes: Vec::new(),
            contained: Vec::new(),
            undisturbed: false,
            hooks: vec!["after-sync".into()],
            faults: Vec::new(),
            grafts: Vec::new(),
        }
    }

    #[test]
    fn unknown_counts_downloads_holds_and_hooks_are_told() {
        let mut page = Text::new();
        sites(
            &Report {
                schema: "greffon/plan/1",
                sites: vec![plan()],
                lock_changed: false,
                warnings: Vec::new(),
                extensions: Vec::new(),
                extension_changes: Vec::new(),
                libraries: Vec::new(),
                findings: crate::command::security::Findings::default(),
                pending: false,
            },
            &mut page,
        );
        let text = anstream::adapter::strip_str(page.finish()).to_string();
        assert_eq!(
            text,
            "prod  /srv/prod\n  held: the quiz broke\\u{1b}[0m\n  + plugins/x 1\n  file counts are not known before everything is in stock\n  1 element to download, 0 in stock\n  hooks: after-sync\n"
        );
    }
}
