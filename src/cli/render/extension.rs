//! What is said of extensions to those who write or use them.

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count};
use crate::command::extension::{check, list, new, run, test};
use crate::registry::{Library, Standing};
use crate::script::Traced;
use crate::script::review::Severity;

/// What was begun.
pub(crate) fn made(report: &new::Report, dry_run: bool, page: &mut Text) {
    let verb = if dry_run { "Would write" } else { "Wrote" };
    page.put(format_args!("{verb} ")).paint(STRONG, report.folder.display()).line(format_args!(": {}", report.files.join(", ")));
    if !dry_run {
        page.line(format_args!("`greffon extension check {0}` and `greffon extension test {0}` look after it", report.name));
    }
}

/// What each is, and how much was found.
pub(crate) fn checked(report: &check::Report, page: &mut Text) {
    for one in &report.extensions {
        let broken = one.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        let warned = one.problems.len() - broken;
        let (style, word) = if broken > 0 { (REMOVE, "broken") } else { (ADD, "fine") };
        page.paint(style, word).put(" ").paint(STRONG, &one.name);
        page.put(format_args!(" {} ({})", one.version.as_deref().unwrap_or("-"), one.role.as_deref().unwrap_or("no role")));
        if broken > 0 {
            page.put(format_args!(", {}", count(broken, "error")));
        }
        if warned > 0 {
            page.put(format_args!(", {}", count(warned, "warning")));
        }
        page.end();
        let called: Vec<&str> = one.functions.iter().filter(|function| function.called).map(|function| function.name.as_str()).collect();
        if !called.is_empty() {
            page.line(format_args!("  functions: {}", called.join(", ")));
        }
        if !one.needs.is_empty() {
            page.line(format_args!("  asks to: {}", one.needs.words()));
        }
        if !one.unasked.is_empty() {
            page.line(format_args!("  by its options also: whoever uses it writes `allow = {}`", one.unasked.line()));
        }
        if let (true, Some(hash)) = (is_library(&one.path), &one.hash) {
            page.line(format_args!("  `{}` is {hash}", one.path.display()));
        }
    }
}

fn is_library(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|ending| *ending == *std::env::consts::DLL_EXTENSION)
}

/// What it asked greffon for.
pub(crate) fn calls(report: &run::Report, page: &mut Text) {
    for Traced { function, arguments, answer, error, line, milliseconds } in &report.calls {
        let given = arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(line) = line {
            page.paint(FAINT, format_args!("line {line}: "));
        }
        page.paint(STRONG, function).put(format_args!("({given})"));
        match (answer, error) {
            (_, Some(error)) => page.put(" ").paint(REMOVE, format_args!("failed: {error}")),
            (Some(answer), _) if !answer.is_null() => page.put(format_args!(" → {answer}")),
            _ => page,
        };
        page.paint(FAINT, format_args!("  {milliseconds}ms")).end();
    }
}

/// A line a test, and how it came out.
pub(crate) fn tested(report: &test::Report, page: &mut Text) {
    for one in &report.tests {
        let (style, word) = if one.passed { (ADD, "ok") } else { (REMOVE, "FAILED") };
        page.paint(style, word)
            .put(format_args!(" {}: {}", one.extension, one.name.replace('_', " ")))
            .paint(FAINT, format_args!("  {}ms", one.milliseconds))
            .end();
        if let Some(file) = &one.recorded {
            page.line(format_args!("  recorded in {}", file.display()));
        }
    }
    page.line(format_args!("{}, {} failed", count(report.passed + report.failed, "test"), report.failed));
}

/// What a test that failed had logged.
pub(crate) fn failing(test: &test::Test, page: &mut Text) {
    page.end().paint(STRONG, format_args!("{}: {}", test.extension, test.name.replace('_', " "))).end();
    for line in &test.log {
        page.put("  ").paint(FAINT, line).end();
    }
}

/// What there is.
pub(crate) fn list(report: &list::Report, page: &mut Text) {
    for one in &report.extensions {
        page.paint(STRONG, &one.name).put(format_args!(" {}", one.version.as_deref().unwrap_or("-")));
        let role = one.role.map_or("no role", crate::roles::wire::Role::word);
        let used = if one.used { "" } else { ", not used here" };
        page.put(format_args!("  {role}, {}{used}", from(one.source)));
        match one.trust {
            Some(Standing::New) => page.put(", ").paint(CHANGE, "never trusted"),
            Some(Standing::Changed) => page.put(", ").paint(CHANGE, "changed since it was trusted"),
            Some(Standing::Trusted) => page.put(", trusted"),
            Some(Standing::Local) | None => page,
        };
        page.end();
        if let Some(error) = &one.error {
            page.put("  ").paint(REMOVE, error).end();
        }
        if one.used {
            page.line(format_args!("  may: {}", one.allow.words()));
        }
        if !one.missing.is_empty() {
            page.put("  ").paint(CHANGE, "asks for more").line(format_args!(": {}", one.missing.words()));
        }
    }
    if !report.unfetched.is_empty() {
        page.line(format_args!("not in stock yet: {}; `greffon lock` fetches them", report.unfetched.join(", ")));
    }
    libraries(&report.libraries, page);
    if report.extensions.is_empty() && report.unfetched.is_empty() && report.libraries.is_empty() {
        page.line("no extension is used or installed here");
    }
    if report.trusted == Some(false) && (report.extensions.iter().any(|one| !one.allow.run.is_empty()) || !report.libraries.is_empty()) {
        page.line("this manifest is not trusted on this machine yet: `greffon trust`");
    }
}

fn from(source: &str) -> &str {
    match source {
        "manifest" => "beside the manifest",
        "element" => "an element",
        "user" => "of this user",
        "machine" => "of this machine",
        other => other,
    }
}

/// What is loaded that can do anything.
pub(crate) fn libraries(list: &[Library], page: &mut Text) {
    for one in list {
        page.put("library ").paint(STRONG, &one.name).put(format_args!(" ({}) may: whatever you may", one.role));
        match one.obstacle() {
            Some(why) => page.put("; ").paint(CHANGE, format_args!("not loaded: {why}")),
            None => page.put(format_args!("; {}", one.pinned.as_deref().unwrap_or_default())),
        };
        page.end();
    }
}
