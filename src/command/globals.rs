//! What every subcommand may be told beside its own options, as plain data.

use std::path::PathBuf;

/// The global flags. The command line fills it in; nothing below `cli/` parses an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Globals {
    /// `-C DIR`: the folder to start from instead of the working directory.
    pub directory: Option<PathBuf>,
    /// `--stock DIR`: the stock to use; wins over `GREFFON_STOCK` and the configuration.
    pub stock: Option<PathBuf>,
    /// `--site NAME`, in the order given; empty: none was named.
    pub sites: Vec<String>,
    /// `--all`: every site of the manifest.
    pub all: bool,
    /// `--offline`: the network is forbidden.
    pub offline: bool,
    /// `--locked`: a lockfile that does not fit the manifest is an error.
    pub locked: bool,
    /// `--frozen`: the lockfile is used as it stands, nobody is asked.
    pub frozen: bool,
    /// `--refresh`: servers are asked again for what is kept.
    pub refresh: bool,
    /// `--dry-run`: say what would be done, and do nothing.
    pub dry_run: bool,
    /// `--json`: the report is one JSON document.
    pub json: bool,
    /// How often `-q` was given: once hides everything but data and errors.
    pub quiet: u8,
    /// How often `-v` was given: once tells how things are done, twice tells everything.
    pub verbose: u8,
    /// `--color`.
    pub color: Color,
    /// `--no-progress`: no bars.
    pub no_progress: bool,
    /// `--no-input`: nobody is asked anything.
    pub no_input: bool,
    /// `--answer NAME=VALUE`: what extensions' questions are answered with.
    pub answers: Vec<String>,
    /// `-y`: go-ahead questions are answered with yes; a question about data that can be lost is not.
    pub yes: bool,
    /// `--max-price AMOUNT`: what may be spent unasked. Nothing else spends but an answer.
    pub max_price: Option<crate::model::MaxPrice>,
    /// `--jobs N`: how much is done at a time; `None`: the configuration's, else a sensible number.
    pub jobs: Option<usize>,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` says otherwise; `CLICOLOR_FORCE` forces it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
