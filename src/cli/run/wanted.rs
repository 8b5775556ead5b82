//! `add`, `remove`, `install`, `uninstall`, `update`, `lock`, `fix`.

use serde::Serialize;

use super::make::{confirm, outcome, sync_options};
use super::{Desk, Session};
use crate::cli::args::{AddArgs, FixArgs, InstallArgs, LockArgs, RemoveArgs, SourceArgs, UninstallArgs, UpdateArgs};
use crate::cli::render::{fix as fix_page, lock as lock_page, sync as sync_page};
use crate::command::{self, Workspace};
use crate::error::{Error, ErrorKind, Result};

fn add_options(elements: Vec<String>, source: SourceArgs) -> command::add::Options {
    command::add::Options {
        elements,
        git: source.git,
        tag: source.tag,
        branch: source.branch,
        rev: source.rev,
        subdir: source.subdir,
        path: source.path,
        url: source.url,
        sha256: source.sha256,
        version: source.version,
        repository: source.repository,
        group: source.group,
    }
}

pub(super) fn add(session: Session<'_>, args: AddArgs) -> Result<u8> {
    let options = add_options(args.elements, args.source);
    let (report, desk) = session.open_and(|workspace| command::add::run(workspace, &options))?;
    desk.warn(&report.warnings);
    desk.tell(&report, |report, page| lock_page::added(report, desk.dry_run, page))
}

pub(super) fn remove(session: Session<'_>, args: RemoveArgs) -> Result<u8> {
    let options = command::remove::Options { elements: args.elements };
    let (report, desk) = session.open_and(|workspace| command::remove::run(workspace, &options))?;
    desk.tell(&report, |report, page| lock_page::removed(report, desk.dry_run, page))
}

/// An edit and the sync that followed it, as one document.
#[derive(Serialize)]
struct Both<'a, E> {
    schema: &'static str,
    wanted: &'a E,
    sync: &'a command::sync::Report,
}

pub(super) fn install(session: Session<'_>, args: InstallArgs) -> Result<u8> {
    let (options, how) = (add_options(args.elements, args.source), sync_options(args.sync, None));
    let (workspace, (edit, sync), desk) = edited(session, &how, |workspace, confirm| command::sync::install(workspace, &options, &how, confirm))?;
    desk.warn(&edit.warnings);
    both(&workspace, desk, "greffon/install/1", &edit, &sync, lock_page::added)
}

pub(super) fn uninstall(session: Session<'_>, args: UninstallArgs) -> Result<u8> {
    let (options, how) = (command::remove::Options { elements: args.elements }, sync_options(args.sync, None));
    let (workspace, (edit, sync), desk) = edited(session, &how, |workspace, confirm| command::sync::uninstall(workspace, &options, &how, confirm))?;
    both(&workspace, desk, "greffon/uninstall/1", &edit, &sync, lock_page::removed)
}

/// An edit and its sync. Once the edit is made, what is left of a try that met damage is the sync.
fn edited<'a, E>(
    session: Session<'a>,
    how: &command::sync::Options,
    run: impl Fn(&Workspace, command::sync::Confirm<'_>) -> Result<(E, command::sync::Report)>,
) -> Result<(Workspace, (E, command::sync::Report), Desk<'a>)> {
    let made = std::cell::Cell::new(false);
    let (workspace, (edit, sync), desk) = session.mending_parts(
        |workspace, desk| {
            let confirm = confirm(workspace, desk);
            if made.get() {
                return Ok((None, command::sync::run(workspace, how, &confirm)?));
            }
            let (edit, sync) = run(workspace, &confirm)?;
            made.set(true);
            Ok((Some(edit), sync))
        },
        |(_, sync)| sync.met_damage(),
        |(edit, first), (none, second)| (edit.or(none), first.then(second)),
    )?;
    let edit = edit.ok_or_else(|| Error::new(ErrorKind::Internal, "the edit was lost"))?;
    Ok((workspace, (edit, sync), desk))
}

fn both<E: Serialize>(
    workspace: &Workspace,
    desk: Desk<'_>,
    schema: &'static str,
    edit: &E,
    sync: &command::sync::Report,
    human: impl FnOnce(&E, bool, &mut crate::cli::text::Text),
) -> Result<u8> {
    desk.tell(&Both { schema, wanted: edit, sync }, |_, page| {
        human(edit, desk.dry_run, page);
        sync_page::report(sync, desk.took(), page);
    })?;
    Ok(outcome(workspace, desk, sync))
}

pub(super) fn update(session: Session<'_>, args: UpdateArgs) -> Result<u8> {
    let options = command::update::Options { names: args.elements, to: args.to, security: args.security, accept_moved: args.accept_moved };
    let (report, desk) = session.open_and(|workspace| command::update::run(workspace, &options))?;
    locked(desk, &report)
}

pub(super) fn lock(session: Session<'_>, args: LockArgs) -> Result<u8> {
    let options = command::lock::Options { check: args.check, like: args.like, accept_moved: args.accept_moved };
    let (report, desk) = session.open_and(|workspace| command::lock::run(workspace, &options))?;
    locked(desk, &report)
}

pub(super) fn fix(session: Session<'_>, args: &FixArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let report = command::fix::run(&workspace, &command::fix::Options { number: args.number.map(usize::from) })?;
    desk.warn(&report.warnings);
    match (report.applied, desk.dry_run) {
        (None, _) => desk.show(&report, fix_page::list),
        (Some(_), true) => desk.show(&report, fix_page::diff),
        (Some(_), false) => desk.tell(&report, fix_page::applied),
    }
}

fn locked(desk: Desk<'_>, report: &command::lock::Report) -> Result<u8> {
    desk.warn(&report.warnings);
    desk.tell(report, |report, page| lock_page::report(report, desk.took(), desk.dry_run, page))
}
