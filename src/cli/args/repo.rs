//! Repositories: `repo index|yank|use`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::examples;

/// Publish packages as plain files, and use what others publish
#[derive(Debug, Args)]
#[command(
    long_about = "Publish packages as plain files, and use what others publish\n\nAn index is a folder of JSON files and archives that any web server can deliver.",
    after_help = examples!(
        "greffon repo index public/ packages/*       publish every package below `packages`",
        "greffon repo yank public/ packages/base@1.2 --reason 'loses data'",
        "greffon repo use https://plugins.example.org/",
    )
)]
pub(crate) struct RepoArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: RepoAction,
}

/// What can be done with repositories.
#[derive(Debug, Subcommand)]
pub(crate) enum RepoAction {
    Index(RepoIndexArgs),
    Yank(RepoYankArgs),
    Use(RepoUseArgs),
}

/// Add packages to an index
///
/// Packs each source folder reproducibly into `DIR/files/` and adds it to `DIR/elements/`; a source says what it is in `[package]`
/// of its own `greffon.toml`. Bytes that were published never change: the same version with other content is an error. Writes
/// `DIR` only: archives first, `names.json` last.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon repo index public/ packages/base packages/forms",
    "greffon repo index public/ --name ours packages/base    the first time, with a name",
))]
pub(crate) struct RepoIndexArgs {
    /// The index's folder; made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) index: PathBuf,
    /// Package folders
    #[arg(value_name = "SOURCE", required = true, value_hint = ValueHint::DirPath)]
    pub(crate) sources: Vec<PathBuf>,
    /// The name that the index proposes for itself [otherwise: the one it has, or its folder's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Withdraw a published version
///
/// Nobody chooses it newly any more; who has it locked keeps it. Writes the element's file in `DIR/elements/`.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon repo yank public/ packages/base@1.2 --reason 'loses data'",
    "greffon repo yank public/ packages/base@1.2 --undo",
))]
pub(crate) struct RepoYankArgs {
    /// The index's folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) index: PathBuf,
    /// Which element, at which version
    #[arg(value_name = "TYPE/NAME@VERSION")]
    pub(crate) element: String,
    /// Why, told to everybody who meets it
    #[arg(long, value_name = "TEXT", required_unless_present = "undo", conflicts_with = "undo")]
    pub(crate) reason: Option<String>,
    /// Offer it again
    #[arg(long)]
    pub(crate) undo: bool,
}

/// Use an index: show what it proposes, and write it into the manifest
///
/// Reads the index's `config.json` and adds a `[[config.repositories]]` entry, and the types that it brings, to `greffon.toml`.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon repo use https://plugins.example.org/",
    "greffon repo use ../public --name ours",
    "greffon repo use https://plugins.example.org/ --dry-run    only show it",
))]
pub(crate) struct RepoUseArgs {
    /// A url or a folder
    #[arg(value_name = "URL|DIR")]
    pub(crate) url: String,
    /// Its name in the manifest [otherwise: what it proposes]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}
