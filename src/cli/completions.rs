//! Completion scripts.

use super::args;
use super::output::Printer;
use crate::error::Result;

/// Prints the script of a shell.
///
/// # Errors
/// `Io` when stdout refuses.
pub(crate) fn print(printer: &Printer, shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "greffon", &mut script);
    printer.raw(&String::from_utf8_lossy(&script))
}
