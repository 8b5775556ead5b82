//! From a parsed command to the library and back: one arm and one small function a subcommand.

mod back;
mod extension;
mod make;
mod other;
mod patch;
mod see;
mod start;
mod stock;
mod wanted;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::args::{Command, CompletionsArgs};
use super::output::Printer;
use super::text::{CHANGE, Text};
use super::{completions, exit};
use crate::command::{self, Globals, Workspace};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::{ContextBuilder, Level};

/// How often a command that edits is begun while others edit too.
const TRIES: u32 = 5;

/// One run of the program.
struct Session<'a> {
    globals: &'a Globals,
    surroundings: ContextBuilder,
    printer: &'a Printer,
    started: Instant,
}

/// Carries a command out and prints its report; gives the exit status of what did not fail.
///
/// # Errors
/// Whatever the command failed with.
pub(crate) fn dispatch(globals: &Globals, surroundings: ContextBuilder, printer: &Printer, command: Command) -> Result<u8> {
    let session = Session { globals, surroundings, printer, started: Instant::now() };
    match command {
        Command::Init(args) => start::init(&session, args),
        Command::Adopt(args) => start::adopt(session, args),
        Command::Trust(args) => start::trust(session, &args),
        Command::Doctor(_) => start::doctor(session),
        Command::Completions(CompletionsArgs { shell }) => completions::print(printer, shell).map(|()| exit::FINE),
        Command::Add(args) => wanted::add(session, args),
        Command::Remove(args) => wanted::remove(session, args),
        Command::Install(args) => wanted::install(session, args),
        Command::Uninstall(args) => wanted::uninstall(session, args),
        Command::Update(args) => wanted::update(session, args),
        Command::Lock(args) => wanted::lock(session, args),
        Command::Fix(args) => wanted::fix(session, &args),
        Command::Patch(args) => patch::patch(session, args),
        Command::Fetch(_) => make::fetch(session),
        Command::Plan(args) => make::plan(session, args),
        Command::Sync(args) => make::sync(session, args),
        Command::Recover(_) => make::recover(session),
        Command::Build(args) => make::build(session, args),
        Command::Forget(args) => make::forget(session, &args),
        Command::Status(args) => see::status(session, &args),
        Command::Verify(_) => see::verify(session),
        Command::List(_) => see::list(session),
        Command::Tree(args) => see::tree(session, args),
        Command::Why(args) => see::why(session, &args),
        Command::Show(args) => see::show(session, &args),
        Command::Search(args) => see::search(session, &args),
        Command::Outdated(args) => see::outdated(session, &args),
        Command::UpgradeCheck(args) => see::upgrade_check(session, args),
        Command::History(args) => back::history(session, args),
        Command::Diff(args) => back::diff(session, args),
        Command::Rollback(args) => back::rollback(session, args),
        Command::Saved(args) => back::saved(session, args),
        Command::Stock(args) => stock::stock(session, args),
        Command::Repo(args) => stock::repo(session, args),
        Command::Import(args) => other::import(session, args),
        Command::Convert(args) => other::convert(session, args),
        Command::Extension(args) => extension::extension(session, args),
    }
}

impl<'a> Session<'a> {
    /// Opens the manifest; what is left of the session prints.
    fn open(self) -> Result<(Workspace, Desk<'a>)> {
        let Self { globals, surroundings, printer, started } = self;
        let workspace = Workspace::open(globals, surroundings)?;
        Ok((workspace, Desk { printer, started, dry_run: globals.dry_run }))
    }

    /// As [`Self::mending`]; begun anew where somebody else wrote manifest or lockfile meanwhile, a few times.
    fn open_and<R>(self, work: impl Fn(&Workspace) -> Result<R>) -> Result<(R, Desk<'a>)> {
        let mut tries = 1;
        loop {
            let outran = |error: &Error| tries < TRIES && error.kind() == ErrorKind::Busy && error.is_temporary();
            let session = Session { surroundings: self.surroundings.clone(), ..self };
            let done = session.mending(|workspace, _| {
                work(workspace).inspect_err(|error| {
                    if outran(error) {
                        workspace.machine.cx.log(Level::Detail, format!("{}; once more", error.message()));
                    }
                })
            });
            match done {
                Err(error) if outran(&error) => tries += 1,
                done => return done.map(|(_, report, desk)| (report, desk)),
            }
        }
    }

    /// Carries out a command that needs what the stock holds: damage there is put right on the way, and the command tried once more.
    fn mending<T>(self, run: impl Fn(&Workspace, Desk<'a>) -> Result<T>) -> Result<(Workspace, T, Desk<'a>)> {
        self.mending_parts(run, |_| false, |_, second| second)
    }

    /// As [`Self::mending`], where a report may tell that only a part of it failed: `both` puts that of the second try into the first.
    fn mending_parts<T>(
        self,
        run: impl Fn(&Workspace, Desk<'a>) -> Result<T>,
        hurt: impl Fn(&T) -> bool,
        both: impl Fn(T, T) -> T,
    ) -> Result<(Workspace, T, Desk<'a>)> {
        let Self { globals, surroundings, printer, started } = self;
        let desk = Desk { printer, started, dry_run: globals.dry_run };
        let (workspace, report) = command::mend::mending(globals, &surroundings, |workspace| run(workspace, desk), hurt, both)?;
        Ok((workspace, report, desk))
    }

    /// What prints, for commands that need no manifest, and the surroundings that they need.
    fn desk(self) -> (ContextBuilder, Desk<'a>) {
        (self.surroundings, Desk { printer: self.printer, started: self.started, dry_run: self.globals.dry_run })
    }
}

/// Where reports are handed in.
#[derive(Clone, Copy)]
struct Desk<'a> {
    printer: &'a Printer,
    started: Instant,
    dry_run: bool,
}

impl Desk<'_> {
    /// How long the command has taken so far.
    fn took(&self) -> Duration {
        self.started.elapsed()
    }

    /// A report that was asked for: data, on stdout.
    fn show<R: Serialize>(&self, report: &R, human: impl FnOnce(&R, &mut Text)) -> Result<u8> {
        self.printer.report(report, human)?;
        Ok(exit::FINE)
    }

    /// A report of what was done: for people on stderr, with `--json` on stdout.
    fn tell<R: Serialize>(&self, report: &R, human: impl FnOnce(&R, &mut Text)) -> Result<u8> {
        self.printer.summary(report, human)?;
        Ok(exit::FINE)
    }

    /// What the user should know, before the report; part of the document with `--json`.
    fn warn(&self, warnings: &[String]) {
        for warning in warnings {
            let mut page = Text::new();
            page.paint(CHANGE.bold(), "warning").put(": ").line(warning);
            self.printer.message(&page);
        }
    }
}

/// Status 3 where the command says that there is something to do.
fn pending(is: bool) -> u8 {
    if is { exit::PENDING } else { exit::FINE }
}
