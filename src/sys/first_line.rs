//! The first line that a program prints.

use std::time::Duration;

use super::process::Program;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;

/// How long a program that only prints a line may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `argv` with nothing of our environment but where programs are, and gives its first line.
///
/// # Errors
/// `NotFound` when there is no such program; `Invalid` when it fails or prints nothing. What it printed is in no message.
pub fn first_line(argv: &[String]) -> Result<String> {
    line_of(argv, |program| program.inherit(&["PATH", "HOME"]))
}

/// The same with the environment that greffon was started in, as a keeper of passwords needs it; other servers' tokens aside.
///
/// # Errors
/// As [`first_line`].
pub fn first_line_at_home(argv: &[String]) -> Result<String> {
    line_of(argv, |program| program.inherit_all().without(|name| name.starts_with("GREFFON_TOKEN_")))
}

fn line_of(argv: &[String], surround: impl Fn(Program) -> Program) -> Result<String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Error::new(ErrorKind::Invalid, "no program is named"));
    };
    let outcome = surround(Program::new(program).args(arguments)).timeout(TIMEOUT).run(&Context::silent())?;
    if !outcome.is_success() {
        return Err(Error::new(ErrorKind::Invalid, format!("`{program}` ended with {}", outcome.ending())));
    }
    match String::from_utf8_lossy(&outcome.stdout).lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Error::new(ErrorKind::Invalid, format!("`{program}` printed nothing"))),
    }
}
