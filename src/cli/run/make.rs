//! `fetch`, `plan`, `sync`, `recover`, `build`, `forget`.

use std::path::PathBuf;

use super::{Desk, Session, pending};
use crate::cli::args::{BuildArgs, ForgetArgs, PlanArgs, SyncArgs, SyncOptions};
use crate::cli::render::{plan as plan_page, small, sync as sync_page};
use crate::cli::text::Text;
use crate::cli::{exit, failure};
use crate::command::sync::{Report, SiteResult};
use crate::command::{self, Workspace};
use crate::error::Result;
use crate::roles::Question;

pub(super) fn fetch(session: Session<'_>) -> Result<u8> {
    let (_, report, desk) = session.mending(|workspace, _| command::fetch::run(workspace))?;
    desk.warn(&report.warnings);
    desk.tell(&report, |report, page| small::fetch(report, desk.took(), desk.dry_run, page))
}

pub(super) fn plan(session: Session<'_>, args: PlanArgs) -> Result<u8> {
    let options = command::plan::Options { out: args.out, with: args.with, exit_code: args.exit_code };
    let (_, report, desk) = session.mending(|workspace, _| command::plan::run(workspace, &options))?;
    desk.warn(&report.warnings);
    desk.show(&report, plan_page::sites)?;
    Ok(pending(report.pending))
}

pub(super) fn sync(session: Session<'_>, args: SyncArgs) -> Result<u8> {
    let options = sync_options(args.options, args.plan);
    let (workspace, report, desk) =
        session.mending_parts(|workspace, desk| command::sync::run(workspace, &options, &confirm(workspace, desk)), Report::met_damage, Report::then)?;
    desk.warn(&report.warnings);
    desk.tell(&report, |report, page| sync_page::report(report, desk.took(), page))?;
    Ok(outcome(&workspace, desk, &report))
}

pub(super) fn sync_options(args: SyncOptions, plan: Option<PathBuf>) -> command::sync::Options {
    command::sync::Options {
        plan,
        release: args.release,
        create: args.create,
        max_removals: args.max_removals,
        purge: args.purge,
        first: args.first,
        max_fail: Some(args.max_fail as usize),
        link_mode: args.link_mode,
        if_local_changes: args.if_local_changes,
        if_version_mismatch: args.if_version_mismatch,
        if_removed: args.if_removed,
        data_restored: args.data_restored,
        reason: args.reason,
    }
}

/// Shows a plan on stderr and asks whether to carry it out.
pub(super) fn confirm<'a>(workspace: &'a Workspace, desk: Desk<'a>) -> impl Fn(&command::plan::Report) -> Result<bool> + 'a {
    move |plan| {
        let mut page = Text::new();
        plan_page::sites(plan, &mut page);
        desk.printer.stderr(page.finish());
        let question = Question {
            text: "carry this out?".to_owned(),
            choices: vec!["yes".to_owned(), "no".to_owned()],
            default: Some("no".to_owned()),
            secret: false,
            flag: "-y".to_owned(),
        };
        workspace.machine.cx.prompter().ask(&question).map(|answer| answer == "yes")
    }
}

/// Tells why sites failed; 1 if any did, 3 if one that was named is held.
pub(super) fn outcome(workspace: &Workspace, desk: Desk<'_>, report: &Report) -> u8 {
    let mut status = exit::FINE;
    for site in &report.sites {
        let named = report.sites.len() == 1 || workspace.globals.sites.contains(&site.name);
        if site.state == SiteResult::Skipped && site.held.is_some() && named && status == exit::FINE {
            status = exit::PENDING;
        }
        if let Some(error) = &site.failure {
            failure::tell(desk.printer, error);
            status = if exit::status(error.kind()) == exit::INTERRUPTED { exit::INTERRUPTED } else { exit::FAILED.max(status.min(exit::FAILED)) };
        }
    }
    status
}

pub(super) fn recover(session: Session<'_>) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    desk.tell(&command::recover::run(&workspace)?, small::recover)
}

pub(super) fn build(session: Session<'_>, args: BuildArgs) -> Result<u8> {
    let options = command::build::Options { to: args.target };
    let (_, report, desk) = session.mending(|workspace, _| command::build::run(workspace, &options))?;
    if desk.printer.is_json() {
        return desk.show(&report, |_, _| {});
    }
    desk.show(&report, |report, page| {
        page.line(&report.tree);
    })?;
    let mut page = Text::new();
    small::build(&report, desk.dry_run, &mut page);
    desk.printer.message(&page);
    Ok(exit::FINE)
}

pub(super) fn forget(session: Session<'_>, args: &ForgetArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let report = command::forget::run(&workspace, &args.name)?;
    desk.tell(&report, |report, page| small::forget(report, desk.dry_run, page))
}
