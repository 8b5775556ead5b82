//! What another core would mean: as a page, and as a table for a ticket.

use std::fmt::Write as _;

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, plain};
use crate::command::upgrade_check::{Check, Checked, PatchTried, Report, State, Verdict};
use crate::model::Demands;

/// Site by site.
pub(crate) fn page(report: &Report, page: &mut Text) {
    for check in &report.checks {
        one(check, page);
    }
}

fn one(check: &Check, page: &mut Text) {
    let Some(core) = &check.core else {
        page.paint(STRONG, &check.site).line("  has no such core");
        return;
    };
    let (from, to) = (check.from.as_deref().unwrap_or("nothing"), check.to.as_deref().unwrap_or("?"));
    page.paint(STRONG, &check.site).put(format_args!("  {core} {from} → {to}  "));
    let blocking = check.elements.iter().filter(|one| one.blocks).count() + usize::from(check.steps_over.is_some());
    match check.state {
        State::Ready => page.paint(ADD, "ready"),
        State::Blocked if blocking == 0 => page.paint(REMOVE, "blocked"),
        State::Blocked => page.paint(REMOVE, format_args!("blocked by {blocking}")),
        State::Undecided | State::Skipped => page.paint(CHANGE, "undecided"),
    };
    page.end();
    if let Some(demands) = &check.demands {
        for line in asks(demands, check.now.as_ref()) {
            page.line(format_args!("  {line}"));
        }
    }
    if let Some(why) = &check.steps_over {
        page.put("  ").paint(REMOVE, "blocked").line(format_args!(": {why}"));
    }
    let mut rows = Vec::new();
    for one in check.elements.iter().filter(|one| one.r#type != "core" || !one.why.is_empty() || !one.patches.is_empty()) {
        let mut lines = remarks(one);
        rows.push(vec![word(one.verdict).to_owned(), format!("{}/{}", one.r#type, one.name), versions(one), lines.next().unwrap_or_default()]);
        rows.extend(lines.map(|line| vec![String::new(), String::new(), String::new(), line]));
    }
    page.table(2, &rows);
    for (what, ids) in [("blocks on its own", &check.alone), ("no longer part of the core", &check.no_longer_brought)] {
        if !ids.is_empty() {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            page.put("  ").paint(CHANGE, what).line(format_args!(": {}", ids.join(", ")));
        }
    }
    super::change::moves(&check.moves, 2, page);
    for note in &check.notes {
        page.put("  ").paint(CHANGE, "note").line(format_args!(": {note}"));
    }
    if check.state == State::Ready {
        page.paint(FAINT, format_args!("  `greffon plan --with {core}@{}` shows the change", check.asked)).end();
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::Update => "update",
        Verdict::Pinned => "pinned",
        Verdict::Waiting => "waiting",
        Verdict::Conflict => "conflict",
        Verdict::PartOfCore => "in core",
        Verdict::Removed => "removed",
        Verdict::Refused => "refused",
        Verdict::Unknown => "unknown",
    }
}

/// The verdict as a sentence for somebody who has no legend.
fn sentence(one: &Checked) -> String {
    let version = one.version.as_deref().unwrap_or("?");
    match one.verdict {
        Verdict::Fits => "fits now".to_owned(),
        Verdict::Update => format!("fits with {version}"),
        Verdict::Pinned => format!("would fit with {version}, pinned"),
        Verdict::Waiting => "needs a release that does not exist yet".to_owned(),
        Verdict::Conflict => "fits, but not beside the others".to_owned(),
        Verdict::PartOfCore => "dropped: part of the core".to_owned(),
        Verdict::Removed => "dropped: the core has no place for it".to_owned(),
        Verdict::Refused => "would be refused".to_owned(),
        Verdict::Unknown => "not known".to_owned(),
    }
}

fn versions(one: &Checked) -> String {
    match (&one.now, &one.version) {
        (Some(now), Some(version)) if now == version => now.clone(),
        (Some(now), Some(version)) => format!("{now} → {version}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}

/// What is to be said of an element beside its verdict.
fn remarks(one: &Checked) -> impl Iterator<Item = String> + '_ {
    let newer = one.newer.iter().map(|newer| format!("{newer} fits too: `greffon update` takes it"));
    newer.chain(one.why.iter().cloned()).chain(one.patches.iter().map(patch))
}

fn patch(patch: &PatchTried) -> String {
    let path = patch.path.display();
    match (patch.applies, &patch.why) {
        (Some(true), None) => format!("patch {path} applies"),
        (Some(true), Some(why)) => format!("patch {path} is not needed: {why}"),
        (Some(false), Some(why)) => format!("patch {path}: {why}"),
        (Some(false), None) => format!("patch {path} does not apply"),
        (None, _) => format!("patch {path} could not be tried"),
    }
}

/// What the core asks for, each with what the present one asks where that is less.
fn asks(demands: &Demands, now: Option<&Demands>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = |what: &str, wanted: &indexmap::IndexMap<String, String>, before: Option<&indexmap::IndexMap<String, String>>| {
        let one = |(name, version): (&String, &String)| match before.and_then(|before| before.get(name)) {
            Some(before) if before != version => format!("{name} {version} (now {before})"),
            _ => format!("{name} {version}"),
        };
        if !wanted.is_empty() {
            lines.push(format!("{what} {}", wanted.iter().map(one).collect::<Vec<_>>().join(", ")));
        }
    };
    list("runs on", &demands.runtimes, now.map(|now| &now.runtimes));
    list("keeps its data in", &demands.databases, now.map(|now| &now.databases));
    let new: Vec<&str> = match now {
        Some(now) => demands.extensions.iter().filter(|one| !now.extensions.contains(one)).map(String::as_str).collect(),
        None => Vec::new(),
    };
    if !new.is_empty() {
        lines.push(format!("newly asks for the extensions {}", new.join(", ")));
    }
    if let Some(earliest) = &demands.earliest {
        lines.push(format!("upgrades from {earliest} or later"));
    }
    lines
}

const HEADINGS: [&str; 8] = ["site", "core", "element", "now", "then", "verdict", "blocks", "remarks"];

/// A row an element, the core's own first.
fn rows(report: &Report) -> Vec<[String; 8]> {
    let mut rows = Vec::new();
    for check in &report.checks {
        let core = format!("{} {}", check.core.as_ref().map(ToString::to_string).unwrap_or_default(), check.to.as_deref().unwrap_or(&check.asked));
        for one in &check.elements {
            let own = check.core.as_ref().is_some_and(|core| core.kind() == one.r#type && core.name() == one.name);
            let mut remarks = Vec::new();
            if own {
                remarks.extend(check.steps_over.clone());
                remarks.extend(check.demands.iter().flat_map(|demands| asks(demands, check.now.as_ref())));
                if !check.no_longer_brought.is_empty() {
                    let ids: Vec<String> = check.no_longer_brought.iter().map(ToString::to_string).collect();
                    remarks.push(format!("no longer part of it: {}", ids.join(", ")));
                }
                remarks.extend(check.notes.iter().cloned());
            }
            remarks.extend(self::remarks(one));
            let blocks = one.blocks || (own && check.steps_over.is_some());
            rows.push([
                check.site.clone(),
                core.clone(),
                format!("{}/{}", one.r#type, one.name),
                one.now.clone().unwrap_or_default(),
                one.version.clone().unwrap_or_default(),
                sentence(one),
                if blocks { "yes".to_owned() } else { String::new() },
                remarks.join("; "),
            ]);
        }
    }
    rows
}

/// A table as tickets and wikis show it.
pub(crate) fn markdown(report: &Report) -> String {
    let cell = |text: &str| plain(text).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;");
    let mut text = format!("| {} |\n|{}\n", HEADINGS.join(" | "), " --- |".repeat(HEADINGS.len()));
    for row in rows(report) {
        let _ = writeln!(text, "| {} |", row.iter().map(|one| cell(one)).collect::<Vec<_>>().join(" | "));
    }
    text
}

/// A table for a spreadsheet (RFC 4180). A cell that it would take for a formula begins with an apostrophe.
pub(crate) fn csv(report: &Report) -> String {
    let cell = |text: &str| {
        let text = plain(text);
        let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
        if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut text = HEADINGS.join(",") + "\r\n";
    for row in rows(report) {
        let _ = write!(text, "{}\r\n", row.iter().map(|one| cell(one)).collect::<Vec<_>>().join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let one = |name: &str, verdict, version: Option<&str>, why: &str| Checked {
            r#type: "plugins".into(),
            name: name.into(),
            now: Some("1".into()),
            verdict,
            version: version.map(str::to_owned),
            newer: None,
            blocks: verdict == Verdict::Waiting,
            why: vec![why.to_owned()],
            patches: vec![PatchTried { path: "patches/a|b.patch".into(), applies: Some(true), why: None }],
        };
        let check = Check {
            site: "=prod".into(),
            asked: "5.1".into(),
            core: Some("core/x".parse().expect("an id")),
            from: Some("1".into()),
            to: Some("2".into()),
            state: State::Blocked,
            demands: None,
            now: None,
            steps_over: None,
            elements: vec![one("a", Verdict::Update, Some("2"), "say \"hi\", friend"), one("b", Verdict::Waiting, None, "a\u{1b}[2Jb <b>")],
            alone: vec!["plugins/b".parse().expect("an id")],
            no_longer_brought: Vec::new(),
            moves: Vec::new(),
            notes: Vec::new(),
        };
        Report { schema: "greffon/upgrade-check/1", checks: vec![check], pending: true }
    }

    #[test]
    fn tables_hold_what_their_readers_cannot_mistake() {
        let table = markdown(&report());
        assert_eq!(
            table,
            "| site | core | element | now | then | verdict | blocks | remarks |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n\
             | =prod | core/x 2 | plugins/a | 1 | 2 | fits with 2 |  | say \"hi\", friend; patch patches/a\\|b.patch applies |\n\
             | =prod | core/x 2 | plugins/b | 1 |  | needs a release that does not exist yet | yes | a\\\\u{1b}[2Jb &lt;b>; patch patches/a\\|b.patch applies |\n"
        );
        let table = csv(&report());
        assert!(table.contains("'=prod,core/x 2,plugins/a,1,2,fits with 2,,\"say \"\"hi\"\", friend; patch patches/a|b.patch applies\"\r\n"), "{table}");
    }
}
