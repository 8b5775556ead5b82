//! `status`, `verify`, `list`, `tree`, `why`, `show`, `search`, `outdated`, `upgrade-check`.

use super::{Session, pending};
use crate::cli::args::{OutdatedArgs, SearchArgs, ShowArgs, StatusArgs, TableFormat, TreeArgs, UpgradeCheckArgs, WhyArgs};
use crate::cli::render::{
    list as list_page, security as security_page, show as show_page, status as status_page, tree as tree_page, upgrade_check as check_page, why as why_page,
};
use crate::cli::{exit, text::Text};
use crate::command;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SiteStatus;

pub(super) fn status(session: Session<'_>, args: &StatusArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let report = command::status::run(&workspace, command::status::Options { verify: false, exit_code: args.exit_code })?;
    desk.show(&report, |report, page| {
        status_page::sites(&report.sites, page);
        security_page::findings(&report.findings, page);
    })?;
    Ok(pending(report.pending))
}

pub(super) fn verify(session: Session<'_>) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let report = command::status::run(&workspace, command::status::Options { verify: true, exit_code: true })?;
    desk.show(&report, |report, page| status_page::sites(&report.sites, page))?;
    let drifted = report.pending || report.sites.iter().any(SiteStatus::differs);
    Ok(if drifted { exit::FAILED } else { exit::FINE })
}

pub(super) fn list(session: Session<'_>) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    desk.show(&command::list::run(&workspace)?, list_page::list)
}

pub(super) fn tree(session: Session<'_>, args: TreeArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    desk.show(&command::tree::run(&workspace, &command::tree::Options { invert: args.invert, element: args.element })?, tree_page::sites)
}

pub(super) fn why(session: Session<'_>, args: &WhyArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    if args.not {
        return desk.show(&command::why_not::run(&workspace, &args.element)?, why_page::not);
    }
    desk.show(&command::list::why(&workspace, &args.element)?, list_page::why)
}

pub(super) fn show(session: Session<'_>, args: &ShowArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    desk.show(&command::show::run(&workspace, &args.element)?, show_page::element)
}

pub(super) fn search(session: Session<'_>, args: &SearchArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let report = command::show::search(&workspace, &args.words.join(" "), args.limit as usize)?;
    if report.hits.is_empty() {
        let mut page = Text::new();
        page.line("nothing found in the repositories that can be searched");
        desk.printer.message(&page);
    }
    desk.show(&report, show_page::hits)
}

pub(super) fn outdated(session: Session<'_>, args: &OutdatedArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    if args.security {
        let report = command::outdated::run_security(&workspace, args.exit_code)?;
        desk.show(&report, security_page::outdated)?;
        return Ok(pending(report.pending));
    }
    let report = command::outdated::run(&workspace, args.exit_code)?;
    desk.show(&report, list_page::outdated)?;
    Ok(pending(report.pending))
}

pub(super) fn upgrade_check(session: Session<'_>, args: UpgradeCheckArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    if desk.printer.is_json() && args.format != TableFormat::Text {
        return Err(Error::new(ErrorKind::Usage, "`--json` and `--format` are two answers to one question: choose one"));
    }
    let options = command::upgrade_check::Options { cores: args.core, exit_code: args.exit_code };
    let report = command::upgrade_check::run(&workspace, &options)?;
    match args.format {
        TableFormat::Text => desk.printer.report(&report, check_page::page)?,
        TableFormat::Markdown => desk.printer.raw(&check_page::markdown(&report))?,
        TableFormat::Csv => desk.printer.raw(&check_page::csv(&report))?,
    }
    Ok(pending(report.pending))
}
