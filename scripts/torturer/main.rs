//! What `scripts/torture` runs: see its `--help`. Uses the debug build of the program, whose safeguards can be switched off.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod disk;
mod faults;
mod fuzz;
mod idle;
mod kill;
mod mutate;
mod power;
mod program;
mod seeds;
mod shot;
mod targets;
mod trace;
mod world;

use std::process::ExitCode;

/// How a room ended.
pub(crate) enum Ended {
    /// Nothing broke, and its twin was found out.
    Whole,
    /// Something broke.
    Broken,
    /// Something it needs is not here.
    Skipped(&'static str),
}

/// What the command line said.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) every: usize,
    pub(crate) again: usize,
    pub(crate) random: usize,
    pub(crate) jobs: usize,
    pub(crate) cuts: usize,
    pub(crate) minutes: f64,
    pub(crate) only: Option<String>,
    pub(crate) seed: u64,
}

/// What a room does.
type Room = fn(&Options) -> Ended;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let room = arguments.next().unwrap_or_default();
    let options = match read(arguments) {
        Ok(options) => options,
        Err(word) => {
            eprintln!("torture: `{word}` is not understood; see `scripts/torture --help`");
            return ExitCode::from(2);
        }
    };
    let rooms: [(&str, Room); 5] = [("idle", idle::run), ("kill", kill::run), ("faults", faults::run), ("power", power::run), ("fuzz", fuzz::run)];
    let mut broken = false;
    for (name, run) in rooms.iter().filter(|(name, _)| room == "all" || room == *name) {
        println!("==== {name}");
        match run(&options) {
            Ended::Whole => println!("{name}: nothing broke"),
            Ended::Broken => {
                broken = true;
                println!("{name}: BROKEN");
            }
            Ended::Skipped(why) => println!("{name}: skipped: {why}"),
        }
    }
    ExitCode::from(u8::from(broken))
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { every: 1, again: 12, random: 100, jobs: 1, cuts: 40, minutes: 1.0, only: None, seed: 1 };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| word.clone())?;
        let number = || value.parse::<usize>().map_err(|_| value.clone());
        match word.as_str() {
            "--every" => options.every = number()?.max(1),
            "--again" => options.again = number()?,
            "--random" => options.random = number()?,
            "--jobs" => options.jobs = number()?.max(1),
            "--cuts" => options.cuts = number()?.max(1),
            "--minutes" => options.minutes = value.parse().map_err(|_| value.clone())?,
            "--only" => options.only = Some(value),
            "--seed" => options.seed = number()? as u64,
            _ => return Err(word),
        }
    }
    Ok(options)
}
