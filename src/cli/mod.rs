//! Arguments, output, progress, prompts, completions; the only place that prints.

mod args;
mod completions;
mod exit;
mod failure;
mod interrupt;
mod output;
mod progress;
mod prompts;
mod render;
mod run;
mod text;

use std::process::ExitCode;
use std::sync::Arc;

use clap::FromArgMatches;
use clap::error::ErrorKind as ClapKind;

use crate::command::Globals;
use crate::error::{Error, ErrorKind};
use crate::roles::{Cancel, ContextBuilder};

/// The whole program: parse, run, exit status.
#[must_use]
pub fn main() -> ExitCode {
    let status = match args::command().try_get_matches().and_then(|matches| args::Cli::from_arg_matches(&matches)) {
        Ok(cli) => carry_out(cli),
        Err(error) => misused(&error),
    };
    ExitCode::from(status)
}

fn carry_out(cli: args::Cli) -> u8 {
    let globals = Globals::from(cli.globals);
    let bars = progress::bars(&globals);
    let printer = output::Printer::new(&globals, bars.clone());
    let cancel = Cancel::default();
    interrupt::watch(cancel.clone());
    let surroundings = ContextBuilder::default()
        .events(Arc::new(progress::Progress::new(&globals, printer.clone(), bars.clone())))
        .prompter(Arc::new(prompts::Prompts::new(&globals, printer.colors_errors(), bars.clone(), cancel.clone())))
        .cancel(cancel)
        .offline(globals.offline)
        .refresh(globals.refresh);
    let outcome = run::dispatch(&globals, surroundings, &printer, cli.command);
    let _ = bars.clear();
    match outcome {
        Ok(status) => status,
        Err(error) if exit::is_broken_pipe(&error) => exit::FINE,
        Err(error) => {
            failure::tell(&printer, &error);
            exit::status(error.kind())
        }
    }
}

/// Help and version are data; everything else that clap has to say is wrong usage. When parsing failed no flag was read yet, so
/// `--json` is looked for among the words.
fn misused(error: &clap::Error) -> u8 {
    if matches!(error.kind(), ClapKind::DisplayHelp | ClapKind::DisplayVersion) {
        let _ = error.print();
        return exit::FINE;
    }
    if std::env::args_os().any(|word| word == "--json") {
        let printer = output::Printer::new(&Globals { json: true, ..Globals::default() }, indicatif::MultiProgress::new());
        failure::tell(&printer, &as_error(&error.render().to_string()));
    } else {
        let _ = error.print();
    }
    exit::USAGE
}

/// What clap says, taken apart: its first paragraph is the message, tips are hints, the usage is a note.
fn as_error(text: &str) -> Error {
    let mut lines = text.lines().map(str::trim);
    let message: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let mut error = Error::new(ErrorKind::Usage, message.join(" ").trim_start_matches("error: "));
    for line in lines.filter(|line| !line.is_empty()) {
        error = match line.strip_prefix("tip: ") {
            Some(tip) => error.hint(tip),
            None => error.note(line),
        };
    }
    error
}

#[cfg(test)]
mod tests {
    use super::as_error;

    #[test]
    fn what_clap_says_is_taken_apart() {
        let error = as_error(
            "error: these were not provided:\n  <ELEMENTS>...\n\n  tip: try 'x'\n\nUsage: greffon add <ELEMENTS>...\n\nFor more information, try '--help'.\n",
        );
        assert_eq!(error.message(), "these were not provided: <ELEMENTS>...");
        assert_eq!(error.hints(), ["try 'x'"]);
        assert_eq!(error.notes(), ["Usage: greffon add <ELEMENTS>...", "For more information, try '--help'."]);
    }
}
