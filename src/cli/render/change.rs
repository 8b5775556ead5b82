//! Changes of elements and of files, a line each.

use crate::cli::text::{ADD, CHANGE, DANGER, FAINT, MOVE, REMOVE, Text, count};
use crate::model::{Action, Change, FileCounts, PathMove, TreeChange};

/// How many files are named before the rest is counted.
const FILES: usize = 40;

/// `+ plugins/mod_attendance 2024020500 (ours)`, `~ core/moodle 4.5.5 → 4.5.6`, `- plugins/old 1.2`, `> mod/foo → public/mod/foo`;
/// `!` before what can destroy data.
pub(crate) fn line(change: &Change, indent: usize, page: &mut Text) {
    page.pad(indent, "");
    if change.destructive {
        page.paint(DANGER, "!").put(" ");
    }
    let (from, to) = (change.from.as_deref().unwrap_or_default(), change.to.as_deref().unwrap_or_default());
    match change.action {
        Action::Add => page.paint(ADD, "+").put(format_args!(" {} {to}", change.id)),
        Action::Remove => page.paint(REMOVE, "-").put(format_args!(" {} {from}", change.id)),
        Action::Update if from == to => page.paint(CHANGE, "~").put(format_args!(" {} {to}", change.id)).paint(FAINT, ", other content"),
        Action::Update => page.paint(CHANGE, "~").put(format_args!(" {} {from} → {to}", change.id)),
        Action::Repair => page.paint(CHANGE, "~").put(format_args!(" {} {}", change.id, if to.is_empty() { from } else { to })).paint(FAINT, ", put right"),
        Action::Move => page.paint(MOVE, ">").put(format_args!(" {from} → {to}")),
    };
    if let Some(repository) = &change.repository {
        page.paint(FAINT, format_args!(" ({repository})"));
    }
    page.end();
}

/// `12 files new, 3 changed, 1 removed`; empty when nothing is.
pub(crate) fn files(counts: FileCounts) -> String {
    let parts: Vec<String> = [(counts.add, "new"), (counts.change, "changed"), (counts.remove, "removed")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .enumerate()
        .map(|(at, (number, word))| if at == 0 { format!("{} {word}", count(number, "file")) } else { format!("{number} {word}") })
        .collect();
    parts.join(", ")
}

/// What goes along, a line each, the rest counted.
pub(crate) fn moves(moves: &[PathMove], indent: usize, page: &mut Text) {
    for one in moves.iter().take(FILES) {
        page.pad(indent, "").paint(CHANGE, ">").line(format_args!(" {} → {}", one.from, one.to));
    }
    if moves.len() > FILES {
        page.pad(indent, "").paint(FAINT, format_args!("… and {} more (`--json` names them all)", count(moves.len() - FILES, "file"))).end();
    }
}

/// File changes, a line each, the rest counted.
pub(crate) fn tree(changes: &[TreeChange], indent: usize, page: &mut Text) {
    for change in changes.iter().take(FILES) {
        page.pad(indent, "");
        match (&change.old, &change.new) {
            (None, _) => page.paint(ADD, "+"),
            (_, None) => page.paint(REMOVE, "-"),
            _ => page.paint(CHANGE, "~"),
        };
        page.put(" ").line(&change.path);
    }
    if changes.len() > FILES {
        page.pad(indent, "").paint(FAINT, format_args!("… and {} more (`--json` names them all)", count(changes.len() - FILES, "file"))).end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: Action, from: &str, to: &str, destructive: bool) -> Change {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Change { action, id: "plugins/x".parse().expect("an id"), from: text(from), to: text(to), destructive, repository: None }
    }

    #[test]
    fn lines_are_those_of_the_contract() {
        let mut page = Text::new();
        line(&Change { repository: Some("ours".into()), ..change(Action::Add, "", "1.2", false) }, 0, &mut page);
        line(&change(Action::Update, "1.2", "1.3", false), 0, &mut page);
        line(&change(Action::Remove, "1.2", "", true), 2, &mut page);
        line(&change(Action::Move, "mod/foo", "public/mod/foo", false), 0, &mut page);
        line(&change(Action::Repair, "1.2", "1.2", false), 0, &mut page);
        let text = anstream::adapter::strip_str(page.finish()).to_string();
        assert_eq!(text, "+ plugins/x 1.2 (ours)\n~ plugins/x 1.2 → 1.3\n  ! - plugins/x 1.2\n> mod/foo → public/mod/foo\n~ plugins/x 1.2, put right\n");
    }

    #[test]
    fn counts_name_only_what_is() {
        assert_eq!(files(FileCounts { add: 12, change: 3, remove: 1 }), "12 files new, 3 changed, 1 removed");
        assert_eq!(files(FileCounts { remove: 1, ..FileCounts::default() }), "1 file removed");
        assert_eq!(files(FileCounts::default()), "");
    }
}
