//! Start: `init`, `doctor`, `completions`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::examples;

/// Write a first greffon.toml
///
/// Writes `greffon.toml` with the installer of the named application and comments that say what else can stand there, and the
/// line in `.gitattributes` that makes lockfiles merge. A manifest that exists is never overwritten.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon init                                a folder for a framework of one's own",
    "greffon init shop                           in a new folder `shop`",
    "greffon init --app moodle campus           Moodle sites: a core and plugins",
    "greffon init --dry-run -C /srv/shop",
))]
pub(crate) struct InitArgs {
    /// Where to write it; made if it is not there [default: the working directory]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// The application whose sites these are
    #[arg(long, value_enum, default_value_t = App::Tree)]
    pub(crate) app: App,
}

/// An application that `init` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum App {
    /// Any tree; the manifest says where each type goes
    Tree,
    /// Moodle: its own files say where plugins go and what fits
    Moodle,
}

/// Let a manifest's scripts run programs, on this machine
///
/// Before a script that may run programs or a native library of a manifest is loaded for the first time, somebody must have said that
/// the manifest is trusted. Shows what each of its extensions may do, and writes that down for this user alone
/// (`trust.toml` in the data folder); extensions that came from elsewhere are trusted as they are now.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon trust               what greffon.toml allows",
    "greffon trust --grant       and what its extensions ask for beyond that",
    "greffon trust --forget      take it back",
    "greffon trust --dry-run     only show it",
))]
pub(crate) struct TrustArgs {
    /// Grant what extensions ask for beyond `allow` too
    #[arg(long, conflicts_with = "forget")]
    pub(crate) grant: bool,
    /// Take back everything that was allowed for this manifest
    #[arg(long)]
    pub(crate) forget: bool,
}

/// Check the surroundings and say what is wrong
///
/// Looks at the manifest, the lockfile, the stock, every site's state and file system (reflink, hard link, exchange of
/// directories), the repositories, the git program and the terminal. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon doctor",
    "greffon doctor --offline    without asking the repositories",
    "greffon doctor --json       for a monitor",
))]
pub(crate) struct DoctorArgs {}

/// Print completions for a shell
///
/// Writes a script to stdout; see the examples for where each shell looks for it. Touches no file.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon completions bash > ~/.local/share/bash-completion/completions/greffon",
    "greffon completions zsh > ~/.zfunc/_greffon",
    "greffon completions fish > ~/.config/fish/completions/greffon.fish",
))]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
