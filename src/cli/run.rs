//! From a parsed command to the library and back: one arm and one small function a subcommand.

use super::args::{Command, CompletionsArgs};
use super::output::Printer;
use super::{completions, exit};
use crate::command::Globals;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::ContextBuilder;

/// Carries a command out and prints its report; gives the exit status of what did not fail.
///
/// # Errors
/// Whatever the command failed with.
pub(crate) fn dispatch(globals: &Globals, surroundings: ContextBuilder, printer: &Printer, command: Command) -> Result<u8> {
    let _ = (globals, surroundings);
    match command {
        Command::Completions(CompletionsArgs { shell }) => completions::print(printer, shell).map(|()| exit::FINE),
        _ => Err(Error::new(ErrorKind::Internal, "this command is not wired yet")),
    }
}
