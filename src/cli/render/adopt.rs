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
        work_tree(tree, page);
    }
    for path in &report.released {
        page.put("  ").paint(CHANGE, ">").line(format_args!(" {path} → saved/git/{path}"));
    }
    for note in &report.notes {
        page.put("  ").paint(FAINT, note).end();
    }
    let verb = if report.dry_run { "Would adopt" } else { "Adopted" };
    page.put(format_args!("{verb} ")).paint(STRONG, &report.site).put(format_args!(
        ": {} in {}, {} as it was published",
        count(report.elements.len(), "element"),
        count(report.files, "file"),
        report.elements.iter().filter(|one| one.how == How::Exact).count(),
    ));
    match report.generation {
        Some(generation) => page.line(format_args!("; generation {generation}, no file was changed")),
        None => page.end(),
    };
}

fn work_tree(tree: &WorkTree, page: &mut Text) {
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
    page.line(" is kept");
}

fn plural(number: usize, what: &str) -> &'static str {
    match (number, what) {
        (1, _) => "",
        (_, "stash") => "es",
        _ => "s",
    }
}
