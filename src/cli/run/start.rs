//! `init`, `doctor`.

use super::Session;
use crate::cli::args::{App, InitArgs, TrustArgs};
use crate::cli::render::{doctor, small};
use crate::cli::{exit, text::Text};
use crate::command::{Globals, doctor as checks, init as first, trust as trusting};
use crate::error::Result;

pub(super) fn init(session: &Session<'_>, args: InitArgs) -> Result<u8> {
    let globals = match args.folder {
        Some(folder) => Globals { directory: Some(session.globals.directory.clone().unwrap_or_default().join(folder)), ..session.globals.clone() },
        None => session.globals.clone(),
    };
    let app = match args.app {
        App::Tree => "tree",
        App::Moodle => "moodle",
    };
    let report = first::run(&globals, &first::Options { app: Some(app.to_owned()) })?;
    session.printer.summary(&report, |report, page: &mut Text| small::init(report, globals.dry_run, page))?;
    Ok(exit::FINE)
}

pub(super) fn doctor(session: Session<'_>) -> Result<u8> {
    let globals = session.globals;
    let (surroundings, desk) = session.desk();
    let report = checks::run(globals, surroundings);
    desk.show(&report, doctor::checks)?;
    Ok(if report.failed() { exit::FAILED } else { exit::FINE })
}

pub(super) fn trust(session: Session<'_>, args: &TrustArgs) -> Result<u8> {
    let globals = session.globals;
    let (surroundings, desk) = session.desk();
    let report = trusting::run(globals, surroundings, trusting::Options { forget: args.forget, grant: args.grant })?;
    desk.tell(&report, |report, page| small::trust(report, globals.dry_run, page))
}
