//! `init`, `doctor`.

use super::Session;
use crate::cli::args::{AdoptArgs, App, InitArgs, TrustArgs};
use crate::cli::render::{adopt as adopt_page, doctor, small};
use crate::cli::{exit, text::Text};
use crate::command::{Globals, adopt as adopting, doctor as checks, init as first, trust as trusting};
use crate::error::Result;
use crate::manifest::json_schema;

pub(super) fn init(session: &Session<'_>, args: InitArgs) -> Result<u8> {
    if args.schema {
        return session.printer.json(&json_schema()).map(|()| exit::FINE);
    }
    let globals = match args.folder {
        Some(folder) => Globals { directory: Some(session.globals.directory.clone().unwrap_or_default().join(folder)), ..session.globals.clone() },
        None => session.globals.clone(),
    };
    let report = first::run(&globals, &first::Options { app: Some(word(args.app).to_owned()) })?;
    session.printer.summary(&report, |report, page: &mut Text| small::init(report, globals.dry_run, page))?;
    Ok(exit::FINE)
}

fn word(app: App) -> &'static str {
    match app {
        App::Tree => "tree",
        App::Moodle => "moodle",
        App::Wordpress => "wordpress",
        App::Jenkins => "jenkins",
    }
}

pub(super) fn adopt(session: Session<'_>, args: AdoptArgs) -> Result<u8> {
    let globals = session.globals;
    let (surroundings, desk) = session.desk();
    let options = adopting::Options {
        path: args.path,
        app: args.app.map(|app| word(app).to_owned()),
        name: args.name,
        repositories: args.repository,
        git: args.git,
        vendor: args.vendor,
        release_git: args.release_git,
    };
    let report = adopting::run(globals, surroundings, &options)?;
    desk.tell(&report, adopt_page::adopted)
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
