//! What became of the lockfile: `lock`, `update`, `add`, `remove`.

use std::time::Duration;

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count, duration};
use crate::command::lock::{LockChange, Report};
use crate::command::{add, remove};

/// `Resolved 12 elements in 34ms`, then what differs from before.
pub(crate) fn report(report: &Report, took: Duration, dry_run: bool, page: &mut Text) {
    page.put("Resolved ").paint(STRONG, count(report.elements, "element")).line(format_args!(" in {}", duration(took)));
    for one in &report.requirements {
        page.put("  greffon.toml: ").line(format_args!("{}/{} = \"{}\" instead of \"{}\"", one.r#type, one.name, one.to, one.from));
    }
    changes(&report.changes, page);
    super::security::bumps(&report.security, page);
    match (report.changed, dry_run) {
        (false, _) => page.paint(FAINT, "greffon.lock fits already").end(),
        (true, true) => page.line("greffon.lock would change"),
        (true, false) => page.line("Wrote greffon.lock"),
    };
}

/// A line an element that came, went or moved.
pub(crate) fn changes(changes: &[LockChange], page: &mut Text) {
    for change in changes {
        for one in &change.content {
            let short = |id: &str| id.chars().take(10).collect::<String>();
            page.put("  ").paint(CHANGE, "~").put(format_args!(" {}/{} {}", change.r#type, change.name, one.version));
            page.paint(FAINT, format_args!(", other content: {} → {}", short(&one.from), short(&one.to))).end();
        }
        if change.from == change.to {
            continue;
        }
        // Sites may have different ones: what stays at some is no part of the change.
        let without = |all: &[String], others: &[String]| all.iter().filter(|one| !others.contains(one)).cloned().collect::<Vec<_>>().join(", ");
        let (from, to) = (without(&change.from, &change.to), without(&change.to, &change.from));
        let stays = change.from.iter().filter(|one| change.to.contains(one)).cloned().collect::<Vec<_>>().join(", ");
        match (from.is_empty(), to.is_empty()) {
            (true, _) if !stays.is_empty() => page.put("  ").paint(ADD, "+").line(format_args!(" {}/{} {to}, beside {stays}", change.r#type, change.name)),
            (_, true) if !stays.is_empty() => page.put("  ").paint(REMOVE, "-").line(format_args!(" {}/{} {from}; {stays} stays", change.r#type, change.name)),
            (true, _) => page.put("  ").paint(ADD, "+").line(format_args!(" {}/{} {to}", change.r#type, change.name)),
            (_, true) => page.put("  ").paint(REMOVE, "-").line(format_args!(" {}/{} {from}", change.r#type, change.name)),
            _ => page.put("  ").paint(CHANGE, "~").line(format_args!(" {}/{} {from} → {to}", change.r#type, change.name)),
        };
    }
}

/// What was written into the manifest, and what that meant for the lock.
pub(crate) fn added(report: &add::Report, dry_run: bool, page: &mut Text) {
    let verb = if dry_run { "Would add" } else { "Added" };
    for one in &report.added {
        page.put(format_args!("{verb} ")).paint(STRONG, format_args!("{}/{}", one.r#type, one.name));
        page.put(format_args!(" = \"{}\"", one.requirement)).paint(FAINT, format_args!("  locked at {}", one.version)).end();
        if let (Some(newest), Some(command)) = (&one.newest, &one.takes_newest) {
            page.put("  ")
                .paint(CHANGE, "note")
                .line(format_args!(": the newest is {newest}, and `{}` prefers {}: `{command}` takes the newest", one.requirement, one.version));
        }
    }
    changes(&report.changes, page);
}

/// What was taken out of the manifest, and what that meant for the lock.
pub(crate) fn removed(report: &remove::Report, dry_run: bool, page: &mut Text) {
    let verb = if dry_run { "Would remove" } else { "Removed" };
    for id in &report.removed {
        page.put(format_args!("{verb} ")).paint(STRONG, id);
        if report.still_needed.contains(id) {
            page.put("; it stays, because something else needs it (`greffon why` says what)");
        }
        page.end();
    }
    changes(&report.changes, page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::lock::ContentChange;

    #[test]
    fn the_list_of_changes_is_the_report() {
        let change = |name: &str, from: &[&str], to: &[&str]| LockChange {
            r#type: "plugins".into(),
            name: name.into(),
            from: from.iter().map(ToString::to_string).collect(),
            to: to.iter().map(ToString::to_string).collect(),
            content: Vec::new(),
        };
        let (from, to) = ("1".repeat(40), "2".repeat(40));
        let content = vec![ContentChange { version: "1.2".into(), from, to }];
        let told = Report {
            schema: "greffon/lock/1",
            changed: true,
            elements: 12,
            changes: vec![
                change("a", &[], &["1.2"]),
                change("b", &["1.2"], &[]),
                change("c", &["1.2"], &["1.3", "1.4"]),
                LockChange { content, ..change("d", &["1.2"], &["1.2"]) },
                change("e", &["1"], &["1", "2"]),
                change("f", &["1", "2"], &["2"]),
            ],
            requirements: Vec::new(),
            security: Vec::new(),
            warnings: Vec::new(),
        };
        let mut page = Text::new();
        report(&told, Duration::from_millis(34), false, &mut page);
        let text = anstream::adapter::strip_str(page.finish()).to_string();
        assert_eq!(
            text,
            "Resolved 12 elements in 34ms\n  + plugins/a 1.2\n  - plugins/b 1.2\n  ~ plugins/c 1.2 → 1.3, 1.4\n  ~ plugins/d 1.2, other content: 1111111111 → 2222222222\n  + plugins/e 2, beside 1\n  - plugins/f 1; 2 stays\nWrote greffon.lock\n"
        );
    }
}
