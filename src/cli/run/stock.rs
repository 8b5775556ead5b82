//! `stock list|add|gc|verify|export|import`, `repo index|yank|use`.

use super::Session;
use crate::cli::args::{RepoAction, RepoArgs, StockAction, StockArgs};
use crate::cli::exit;
use crate::cli::render::{repo as repo_page, stock as stock_page};
use crate::command;
use crate::error::{Error, ErrorKind, Result};

pub(super) fn stock(session: Session<'_>, args: StockArgs) -> Result<u8> {
    if let StockAction::Export(args) = args.action {
        let (workspace, desk) = session.open()?;
        return desk.tell(&command::stock::export::run(&workspace, &args.file)?, stock_page::exported);
    }
    let globals = session.globals;
    let (surroundings, desk) = session.desk();
    for (told, what) in [(matches!(args.action, StockAction::Add(_)), "stock add"), (matches!(args.action, StockAction::Verify(_)), "stock verify")] {
        if told && globals.dry_run {
            return Err(Error::new(ErrorKind::Usage, format!("`{what}` has no rehearsal")).hint("leave `--dry-run` out; nothing was done"));
        }
    }
    let opened = command::stock::open(globals, surroundings.clone())?;
    match args.action {
        StockAction::List(_) => desk.show(&command::stock::list(&opened)?, stock_page::list),
        StockAction::Add(args) => {
            let report = command::stock::add(&opened, &command::stock::AddOptions { element: args.element, path: args.path })?;
            desk.tell(&report, stock_page::added)
        }
        StockAction::Gc(args) => {
            let report = command::stock::gc(&opened, globals, args.max_size, args.forget.as_deref())?;
            desk.tell(&report, stock_page::gc)
        }
        StockAction::Export(_) => Ok(exit::FINE),
        StockAction::Import(args) => desk.tell(&command::stock::import::run(&opened, globals, &args.file)?, stock_page::imported),
        StockAction::Verify(_) => {
            let report = command::stock::verify(opened, globals, surroundings)?;
            desk.show(&report, stock_page::verify)?;
            Ok(if report.damaged.is_empty() { exit::FINE } else { exit::FAILED })
        }
    }
}

pub(super) fn repo(session: Session<'_>, args: RepoArgs) -> Result<u8> {
    match args.action {
        RepoAction::Index(args) => {
            let globals = session.globals;
            let (surroundings, desk) = session.desk();
            let options = command::repo::IndexOptions { index: args.index, sources: args.sources, name: args.name };
            let report = command::repo::index(globals, surroundings, &options)?;
            desk.tell(&report, |report, page| repo_page::index(report, desk.dry_run, page))
        }
        RepoAction::Yank(args) => {
            let globals = session.globals;
            let (surroundings, desk) = session.desk();
            let options = command::repo::YankOptions { index: args.index, element: args.element, reason: args.reason };
            let report = command::repo::withdraw(globals, surroundings, &options)?;
            desk.tell(&report, |report, page| repo_page::yank(report, desk.dry_run, page))
        }
        RepoAction::Use(args) => {
            let (workspace, desk) = session.open()?;
            let report = command::repo::adopt(&workspace, &command::repo::UseOptions { url: args.url, name: args.name })?;
            desk.tell(&report, repo_page::adopted)
        }
    }
}
