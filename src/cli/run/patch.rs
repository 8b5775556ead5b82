//! `patch create|list|rebase|drop`.

use super::Session;
use crate::cli::args::{PatchAction, PatchArgs};
use crate::cli::exit;
use crate::cli::render::patch as page;
use crate::command::patch::rebase::Progress;
use crate::command::patch::{create, list, rebase, take};
use crate::error::Result;

pub(super) fn patch(session: Session<'_>, args: PatchArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    match args.action {
        PatchAction::Create { element, files, message } => {
            desk.tell(&create::run(&workspace, &create::Options { name: element, files, message })?, page::created)
        }
        PatchAction::List { element } => desk.show(&list::run(&workspace, element.as_deref())?, page::list),
        PatchAction::Rebase { element, to, folder, go_on, abort } => {
            let report = rebase::run(&workspace, &rebase::Options { name: element, to, folder, go_on, abort })?;
            desk.tell(&report, page::rebased)?;
            Ok(if report.state == Progress::Conflicts { exit::PENDING } else { exit::FINE })
        }
        PatchAction::Drop { element, patches, every, contained, keep_files } => {
            desk.tell(&take::run(&workspace, &take::Options { name: element, patches, all: every, contained, keep_files })?, page::dropped)
        }
    }
}
