//! Patches: made, listed, brought to another version, dropped.

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count};
use crate::command::patch::list::PatchState;
use crate::command::patch::rebase::Progress;
use crate::command::patch::{create, list, rebase, take};

/// The patch that was made.
pub(crate) fn created(report: &create::Report, page: &mut Text) {
    let verb = if report.dry_run { "Would write" } else { "Wrote" };
    page.put(format_args!("{verb} ")).paint(STRONG, &report.patch).line(format_args!(" for {}/{} {}", report.r#type, report.name, report.version));
    for file in &report.files {
        let (style, sign) = match file.state {
            "added" => (ADD, "+"),
            "deleted" => (REMOVE, "-"),
            _ => (CHANGE, "~"),
        };
        page.put("  ").paint(style, sign).line(format_args!(" {}", file.path));
    }
    for note in &report.notes {
        page.put("  ").paint(CHANGE, "note").line(format_args!(": {note}"));
    }
    if !report.dry_run {
        page.line("`greffon sync` records it; the files are as they are to be already");
    }
}

/// Site by site, in the order they apply.
pub(crate) fn list(report: &list::Report, page: &mut Text) {
    let several = report.patches.iter().any(|line| line.site != report.patches[0].site);
    let mut last = "";
    for line in &report.patches {
        if line.site != last {
            super::heading(&line.site, several, page);
            last = &line.site;
        }
        let (style, word) = match line.state {
            PatchState::Applies => (ADD, "applies"),
            PatchState::Contained => (CHANGE, "contained"),
            PatchState::Fails => (REMOVE, "fails"),
            PatchState::Missing => (REMOVE, "missing"),
            PatchState::Unknown => (FAINT, "not in stock"),
        };
        let version = line.version.as_deref().unwrap_or("not locked");
        page.pad(if several { 2 } else { 0 }, "").put(format_args!("{}/{} {version}  {}  ", line.r#type, line.name, line.patch)).paint(style, word);
        if let Some(title) = &line.title {
            page.paint(FAINT, format_args!("  {title}"));
        }
        page.end();
        if let Some(why) = &line.why {
            page.pad(if several { 4 } else { 2 }, "").line(why);
        }
    }
    if report.patches.is_empty() {
        page.line("no patches");
    }
}

/// How far it came.
pub(crate) fn rebased(report: &rebase::Report, page: &mut Text) {
    let what = format!("{}/{} {}", report.r#type, report.name, report.version);
    for patch in &report.written {
        let verb = if report.dry_run { "would write" } else { "wrote" };
        page.paint(CHANGE, verb).line(format_args!(" {patch}"));
    }
    for patch in &report.contained {
        page.paint(CHANGE, "contained").line(format_args!(" {patch}: {what} has it already; `greffon patch drop --contained` takes it out once it is locked"));
    }
    match report.state {
        Progress::Done => page.line(format_args!("The patches apply to {what} now")),
        Progress::Nothing => page.line(format_args!("The patches apply to {what} as they are")),
        Progress::Aborted => page.line("The patches stay as they are"),
        Progress::Conflicts => {
            let (patch, folder) = (report.patch.as_deref().unwrap_or_default(), report.folder.as_deref().unwrap_or_default());
            page.paint(CHANGE, "Conflict").line(format_args!(" of {patch} with {what}, {} in {folder}", count(report.conflicts.len(), "file")));
            for conflict in &report.conflicts {
                page.put("  ").paint(REMOVE, &conflict.path).line(format_args!(": {}", conflict.why));
            }
            page.line(format_args!("Make the files there as they are to be, then `greffon patch rebase {} --continue` (or `--abort`)", report.name))
        }
    };
}

/// What was taken out.
pub(crate) fn dropped(report: &take::Report, page: &mut Text) {
    let verb = if report.dry_run { "would drop" } else { "dropped" };
    for patch in &report.dropped {
        page.paint(REMOVE, verb).put(format_args!(" {patch}"));
        if !report.deleted.contains(patch) {
            page.paint(FAINT, ", its file stays");
        }
        page.end();
    }
    if report.dropped.is_empty() {
        page.line("no patch to drop");
    }
}
