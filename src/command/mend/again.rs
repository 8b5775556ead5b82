//! Commands that go on by themselves where the stock is damaged.

use std::time::Duration;

use crate::command::{Globals, Workspace, stock};
use crate::error::{Error, Result};
use crate::roles::{ContextBuilder, Level};
use crate::sys::fs::failpoint::broken;

/// How long to wait for others to let go of the stock.
const PATIENCE: Duration = Duration::from_secs(10);

/// Carries a command out. Where it meets damage to the stock, whatever is damaged there is put aside, what sites need of it is
/// fetched again, and the command is carried out once more; `hurt` says whether a report tells of damage, `both` makes one of two.
/// Where it cannot be fetched again the command ends as before, and what is whole of the stock serves on.
///
/// # Errors
/// As the command.
pub fn mending<T>(
    globals: &Globals,
    surroundings: &ContextBuilder,
    run: impl Fn(&Workspace) -> Result<T>,
    hurt: impl Fn(&T) -> bool,
    both: impl Fn(T, T) -> T,
) -> Result<(Workspace, T)> {
    let attempt = || {
        let workspace = Workspace::open(globals, surroundings.clone())?;
        match run(&workspace) {
            Ok(report) => Ok((workspace, report)),
            Err(error) => {
                let_go(&workspace);
                Err(error)
            }
        }
    };
    let first = match attempt() {
        Ok((workspace, report)) if globals.dry_run || !hurt(&report) => return Ok((workspace, report)),
        Err(error) if globals.dry_run || !error.is_by_damage() => return Err(error),
        Ok((workspace, report)) => {
            // git's own cache of open packs ends with its last user: nothing of a pack that is put aside may be read for the new one.
            let_go(&workspace);
            drop(workspace);
            Ok(report)
        }
        Err(error) => Err(error),
    };
    let gone = match put_right(globals, surroundings) {
        Ok(gone) => gone,
        Err(why) => {
            return match first {
                Err(error) => Err(error.note(format!("it could not be put right: {why}"))),
                Ok(report) => Ok((Workspace::open(globals, surroundings.clone())?, report)),
            };
        }
    };
    let second = attempt();
    take_back(globals, surroundings, &gone);
    match (first, second) {
        (Ok(first), Ok((workspace, second))) => Ok((workspace, both(first, second))),
        (Err(_), Ok(second)) => Ok(second),
        (Ok(first), Err(error)) => {
            let workspace = Workspace::open(globals, surroundings.clone())?;
            workspace.machine.cx.log(Level::Warning, format!("what was damaged could not be fetched again: {error}"));
            Ok((workspace, first))
        }
        (Err(first), Err(second)) => Err(told(&first, second)),
    }
}

/// Puts aside what is damaged and fetches again what generations lack of it. Gives the sources that went.
fn put_right(globals: &Globals, surroundings: &ContextBuilder) -> Result<Vec<String>> {
    if broken("mend") {
        return Err(Error::new(crate::error::ErrorKind::Unsupported, "it was not tried"));
    }
    let opened = stock::open(globals, surroundings.clone())?;
    let cx = opened.machine.cx.clone();
    cx.log(Level::Warning, "something in the stock is damaged: looking through all of it, and fetching again what is".to_owned());
    let before = opened.machine.stockroom.source_names()?;
    let damaged = opened.stock.verify(&cx)?;
    let after = opened.machine.stockroom.source_names()?;
    for what in &damaged {
        cx.log(Level::Warning, format!("damaged, and put aside in the stock's `quarantine`: {what}"));
    }
    opened.objects().renew();
    drop((opened, cx));
    let workspace = Workspace::open(globals, surroundings.clone())?;
    let mended = workspace.mend();
    let_go(&workspace);
    for what in &mended?.fetched {
        workspace.machine.cx.log(Level::Warning, format!("fetched again: {what}"));
    }
    Ok(before.into_iter().filter(|name| !after.contains(name)).collect())
}

/// Gives back what was put aside for nothing. What fails here leaves it in the quarantine.
fn take_back(globals: &Globals, surroundings: &ContextBuilder, gone: &[String]) {
    if gone.is_empty() {
        return;
    }
    let Ok(opened) = stock::open(globals, surroundings.clone()) else { return };
    let room = &opened.machine.stockroom;
    if let Ok(_alone) = room.lock_exclusive_within(&opened.machine.cx, PATIENCE)
        && let Err(error) = room.take_back_sources(gone)
    {
        opened.machine.cx.log(Level::Warning, format!("what is whole of a damaged source stays in the stock's `quarantine`: {error}"));
    }
}

fn let_go(workspace: &Workspace) {
    workspace.machine.stockroom.objects().renew();
    workspace.machine.sources.let_go();
}

/// Why it failed in the end, with what began it.
fn told(first: &Error, second: Error) -> Error {
    if second.is_by_damage() && second.message() == first.message() {
        return second;
    }
    let error = second.note(format!("first it met damage: {first}"));
    first.hints().iter().fold(error, |error, hint| if error.hints().contains(hint) { error } else { error.hint(hint.clone()) })
}
