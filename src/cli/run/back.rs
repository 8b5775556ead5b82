//! `history`, `diff`, `rollback`, `saved`.

use super::Session;
use crate::cli::args::{DiffArgs, HistoryAction, HistoryArgs, RollbackArgs, SavedAction, SavedArgs, SavedWhich};
use crate::cli::render::{history as history_page, saved as saved_page, sync as sync_page};
use crate::command;
use crate::error::Result;

pub(super) fn history(session: Session<'_>, args: HistoryArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let what = match args.action {
        None => command::history::Options::List,
        Some(HistoryAction::Mark { name, generation }) => command::history::Options::Mark { name, generation },
        Some(HistoryAction::Prune { keep }) => command::history::Options::Prune { keep },
        Some(HistoryAction::Pack) => command::history::Options::Pack,
    };
    let mut report = command::history::run(&workspace, &what)?;
    if matches!(what, command::history::Options::List) {
        for site in &mut report.sites {
            site.generations.truncate(args.limit.map_or(usize::MAX, |limit| limit as usize));
        }
        return desk.show(&report, history_page::generations);
    }
    desk.tell(&report, |report, page| history_page::done(report, &what, desk.dry_run, page))
}

pub(super) fn diff(session: Session<'_>, args: DiffArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    desk.show(&command::diff::run(&workspace, &command::diff::Options { from: args.from, to: args.to })?, history_page::diff)
}

pub(super) fn rollback(session: Session<'_>, args: RollbackArgs) -> Result<u8> {
    let options = command::rollback::Options { generation: args.generation, write: args.write, reason: args.reason, data_restored: args.data_restored };
    let (_, report, desk) = session.mending(|workspace, _| command::rollback::run(workspace, &options))?;
    desk.tell(&report, |report, page| sync_page::rollback(report, desk.dry_run, page))
}

pub(super) fn saved(session: Session<'_>, args: SavedArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let which = |args: SavedWhich| command::saved::Which { paths: args.paths, run: args.run, all: args.all };
    let what = match args.action {
        None | Some(SavedAction::List) => return desk.show(&command::saved::run(&workspace, &command::saved::Options::List)?, saved_page::list),
        Some(SavedAction::Restore { which: args, replace }) => command::saved::Options::Restore { which: which(args), replace },
        Some(SavedAction::Drop { which: args }) => command::saved::Options::Drop { which: which(args) },
    };
    desk.tell(&command::saved::run(&workspace, &what)?, saved_page::done)
}
