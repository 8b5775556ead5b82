//! A site that was taken over, element by element.

use crate::cli::text::{ADD, CHANGE, FAINT, STRONG, Text, count};
use crate::command::adopt::{How, Report, WorkTree};

/// What was recognised, what was left, and what only the site itself holds.
pub(crate) fn adopted(report: &Report, page: &mut Text) {
    for one in &report.elements {
        let (style, mark) = match one.how {
            How::Exact => (ADD, "="),
            How::Patched => (CHANGE, "~"),
            How::Vendored => (CHANGE, "?"),
        };
        page.put("  ").paint(style, mark).put(format_args!(" {}/{} {}", one.r#type, one.name, one.version));
        if let Some(commit) = &one.commit {
            page.put(format_args!(" at {}", &commit[..commit.len().min(10)]));
        }
        if let Some(branch) = &one.branch {
            page.put(format_args!(" of the branch {branch}"));
        }
        match (one.how, &one.patch) {
            (How::Exact, _) => page.end(),
            (How::Patched, patch) => {
                page.put(format_args!(", {} changed locally", count(one.changed.len(), "file")));
                page.line(patch.as_ref().map(|patch| format!(": {patch}")).unwrap_or_default())
            }
            (How::Vendored, _) => page.line(": nothing knows it; it is kept as a copy beside the manifest"),
        };
    }
    for tree in &report.git {
        work_tree(tree, report.released.is_empty(), page);
    }
    for path in &report.released {
        page.put("  ").paint(CHANGE, ">").line(format_args!(" {path} → saved/git/{path}"));
    }
    for note in &report.notes {
        page.put("  ").paint(FAINT, note).end();
    }
    if report.elements.is_empty() && !report.released.is_empty() {
        page.put("Released ")
            .paint(STRONG, &report.site)
            .line(format_args!(": the `.git` of {} lie in its state now", count(report.released.len(), "work tree")));
        return;
    }
    let verb = if report.dry_run { "Would adopt" } else { "Adopted" };
    page.put(format_args!("{verb} ")).paint(STRONG, &report.site);
    page.put(format_args!(": {} in {}{}", count(report.elements.len(), "element"), count(report.files, "file"), how(report)));
    match report.generation {
        Some(generation) => page.line(format_args!("; generation {generation}, no file was changed")),
        None => page.end(),
    };
}

/// `: 7 as published, 2 with local changes, 1 kept as a copy`; empty where there is no element.
fn how(report: &Report) -> String {
    let kinds = [(How::Exact, "as published"), (How::Patched, "with local changes"), (How::Vendored, "kept as a copy")];
    let told = kinds.map(|(how, words)| (report.elements.iter().filter(|one| one.how == how).count(), words));
    let parts: Vec<String> = match told.iter().filter(|(number, _)| *number > 0).collect::<Vec<_>>().as_slice() {
        [(1, words)] => vec![(*words).to_owned()],
        [(_, words)] => vec![format!("all {words}")],
        several => several.iter().map(|(number, words)| format!("{number} {words}")).collect(),
    };
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

fn work_tree(tree: &WorkTree, kept: bool, page: &mut Text) {
    page.put("  ").paint(FAINT, "git").put(format_args!(" {}/.git", tree.path));
    if let Some(error) = &tree.error {
        page.put(format_args!(" cannot be read: {error}"));
    }
    if tree.linked {
        page.put(", a submodule or linked work tree");
    }
    if let Some(remote) = &tree.remote {
        page.put(format_args!(" of {remote}"));
    }
    for (number, what) in [(tree.unpushed, "unpushed commit"), (tree.stashes, "stash")] {
        if number > 0 {
            page.put(", ").paint(CHANGE, format_args!("{number} {what}{}", plural(number, what)));
        }
    }
    page.line(if kept { " is kept" } else { "" });
}

fn plural(number: usize, what: &str) -> &'static str {
    match (number, what) {
        (1, _) => "",
        (_, "stash") => "es",
        _ => "s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::adopt::Adopted;

    fn report(hows: &[How]) -> Report {
        let one = |how: &How| Adopted {
            r#type: "plugins".into(),
            name: "x".into(),
            path: "x".into(),
            version: "1".into(),
            how: *how,
            git: None,
            commit: None,
            branch: None,
            repository: None,
            patch: None,
            changed: Vec::new(),
        };
        Report {
            schema: "greffon/adopt/1",
            site: "html".into(),
            path: "html".into(),
            manifest: "greffon.toml".into(),
            dry_run: false,
            generation: Some(1),
            files: 1,
            elements: hows.iter().map(one).collect(),
            git: Vec::new(),
            released: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_last_line_says_how_much_of_it_is_known() {
        use How::{Exact, Patched, Vendored};
        let last = |hows: &[How]| {
            let mut page = Text::new();
            adopted(&report(hows), &mut page);
            anstream::adapter::strip_str(page.finish()).to_string().lines().last().unwrap_or_default().to_owned()
        };
        let end = "; generation 1, no file was changed";
        assert_eq!(last(&[Exact]), format!("Adopted html: 1 element in 1 file: as published{end}"));
        assert_eq!(last(&[Exact, Exact]), format!("Adopted html: 2 elements in 1 file: all as published{end}"));
        let some = [Exact, Exact, Patched, Vendored];
        assert_eq!(last(&some), format!("Adopted html: 4 elements in 1 file: 2 as published, 1 with local changes, 1 kept as a copy{end}"));
        assert_eq!(last(&[]), format!("Adopted html: 0 elements in 1 file{end}"));
    }
}
