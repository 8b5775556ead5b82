//! The flags that every command knows.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};

use crate::command::{Color, Globals};
use crate::model::MaxPrice;

/// See [`Globals`].
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Start from this folder instead of the working directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
    /// Only this site; may be given again
    #[arg(long = "site", value_name = "NAME", global = true)]
    sites: Vec<String>,
    /// Every site (reading commands: the default)
    #[arg(long, global = true, conflicts_with = "sites")]
    all: bool,
    /// Say what would be done, and do nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Yes to go-ahead questions; never to one about data that can be lost
    #[arg(short, long, global = true)]
    yes: bool,
    /// Buy what is sold, for up to this much (`49.00`, `49.00EUR`); `-y` spends nothing
    #[arg(long, value_name = "AMOUNT", global = true, hide_short_help = true)]
    max_price: Option<MaxPrice>,
    /// Never touch the network
    #[arg(long, global = true, hide_short_help = true)]
    offline: bool,
    /// Fail if the lockfile does not fit the manifest
    #[arg(long, global = true, hide_short_help = true)]
    locked: bool,
    /// Use the lockfile as it stands and ask nobody
    #[arg(long, global = true, hide_short_help = true)]
    frozen: bool,
    /// Ask servers again for what is kept
    #[arg(long, global = true, hide_short_help = true, conflicts_with_all = ["offline", "frozen"])]
    refresh: bool,
    /// The stock to use [otherwise: GREFFON_STOCK, the configuration, the user's data folder]
    #[arg(long, value_name = "DIR", global = true, hide_short_help = true, value_hint = ValueHint::DirPath)]
    stock: Option<PathBuf>,
    /// How much is done at a time
    #[arg(short, long, value_name = "N", global = true, hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,
    /// The report as one JSON document on stdout; messages and errors as JSON lines on stderr
    #[arg(long, global = true)]
    json: bool,
    /// Only data and errors; given twice: only data
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "verbose")]
    quiet: u8,
    /// Also how things are done; given twice: everything
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// When output is coloured
    #[arg(long, value_name = "WHEN", global = true, hide_short_help = true, value_enum, default_value_t = When::Auto)]
    color: When,
    /// No progress bars
    #[arg(long, global = true, hide_short_help = true)]
    no_progress: bool,
    /// Never ask; a question that needs an answer names its flag and fails
    #[arg(long, global = true, hide_short_help = true)]
    no_input: bool,
    /// Answers a question of an extension beforehand
    #[arg(long = "answer", value_name = "NAME=VALUE", global = true, hide_short_help = true, value_parser = answer)]
    answers: Vec<String>,
}

fn answer(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("it is written NAME=VALUE".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl From<GlobalArgs> for Globals {
    fn from(args: GlobalArgs) -> Self {
        Self {
            directory: args.directory,
            stock: args.stock,
            sites: args.sites,
            all: args.all,
            offline: args.offline,
            locked: args.locked,
            frozen: args.frozen,
            refresh: args.refresh,
            dry_run: args.dry_run,
            json: args.json,
            quiet: args.quiet,
            verbose: args.verbose,
            color: match args.color {
                When::Auto => Color::Auto,
                When::Always => Color::Always,
                When::Never => Color::Never,
            },
            no_progress: args.no_progress,
            no_input: args.no_input,
            answers: args.answers,
            yes: args.yes,
            max_price: args.max_price,
            jobs: args.jobs.map(usize::from),
        }
    }
}
