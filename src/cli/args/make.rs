//! Make it so: `fetch`, `plan`, `sync`, `recover`, `build`, `forget`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::examples;
use super::value::choice;
use crate::model::{IfLocalChanges, IfRemoved, IfVersionMismatch, LinkMode};

/// Download everything that the sites need into the stock
///
/// Resolves as `lock` does, then fetches and checks every element that the stock does not have. Writes `greffon.lock` and the
/// stock; no site is touched. A later `sync --offline` then needs no network.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon fetch",
    "greffon fetch --site prod --locked",
    "greffon fetch --dry-run    what would be downloaded",
))]
pub(crate) struct FetchArgs {}

/// Show what a sync would do
///
/// Resolves, fetches into the stock and composes the wanted trees there; no site and, but for the stock, no file changes. With
/// `--dry-run` or `--offline` nothing is fetched either, and what is not in stock is shown with unknown file counts.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon plan",
    "greffon plan --site prod --exit-code        exit status 3 if there is something to do",
    "greffon plan --with core/moodle@5.1         what if: nothing is edited",
    "greffon plan --out monday.plan              to be carried out later by `sync --plan monday.plan`",
))]
pub(crate) struct PlanArgs {
    /// Write the plan to a file for `sync --plan`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Plan as if this were in the manifest; may be given again
    #[arg(long, value_name = "TYPE/NAME@REQ")]
    pub(crate) with: Vec<String>,
    /// Exit status 3 if there is something to do
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Make the sites as the manifest says
///
/// Resolves, fetches, plans, and then changes the sites' files: all of a site or nothing of it, also after a kill or a power cut.
/// Writes `greffon.lock` where the manifest no longer fits it, the stock, each site's files and its state (`.greffon-NAME` beside
/// it). On a terminal it shows the plan and asks when it removes something, changes the core, or could lose data. Files that were
/// changed by hand stop it before any write; files that greffon never installed are never touched.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon sync",
    "greffon sync --site prod",
    "greffon sync --all --first test --max-fail 2    try `test` alone before the others",
    "greffon sync --if-local-changes save            edited files go to saved/, then it goes on",
    "greffon sync --plan monday.plan                 exactly that, or nothing",
    "greffon sync --site prod --release              go on after a rollback",
))]
pub(crate) struct SyncArgs {
    /// How it behaves.
    #[command(flatten)]
    pub(crate) options: SyncOptions,
    /// Carry out this plan; refused when anything it rests on has changed since
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) plan: Option<PathBuf>,
}

/// How a sync behaves; `install` and `uninstall` know them too.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sync options")]
pub(crate) struct SyncOptions {
    /// What to do with files that were changed by hand
    #[arg(long, value_name = "WHAT", value_parser = choice::<IfLocalChanges>(&["ask", "abort", "keep", "save", "overwrite", "merge"]))]
    pub(crate) if_local_changes: Option<IfLocalChanges>,
    /// What to do where another version of an element stands than is wanted; unsaid it asks of what other means put there [otherwise: ask]
    #[arg(long, value_name = "WHAT", value_parser = choice::<IfVersionMismatch>(&["ask", "abort", "keep", "replace", "latest", "earliest"]))]
    pub(crate) if_version_mismatch: Option<IfVersionMismatch>,
    /// What to do with the data that the application keeps for elements that go
    #[arg(long, value_name = "WHAT", value_parser = choice::<IfRemoved>(&["ask", "abort", "keep-data", "purge"]))]
    pub(crate) if_removed: Option<IfRemoved>,
    /// The application's data were put back by hand: take older code although they were too new for it
    #[arg(long)]
    pub(crate) data_restored: bool,
    /// This element's data may be destroyed; may be given again
    #[arg(long, value_name = "TYPE/NAME")]
    pub(crate) purge: Vec<String>,
    /// Go on with a held site, and take the hold away
    #[arg(long)]
    pub(crate) release: bool,
    /// Make sites whose folder does not exist, also with --all
    #[arg(long)]
    pub(crate) create: bool,
    /// How many elements may be removed from a site [otherwise: up to a third, or 2]
    #[arg(long, value_name = "N")]
    pub(crate) max_removals: Option<usize>,
    /// Do this site alone and first; go on only if it ended well
    #[arg(long, value_name = "SITE")]
    pub(crate) first: Option<String>,
    /// Stop when this many sites have failed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_fail: u32,
    /// How files come from the stock [otherwise: the manifest's, auto]
    #[arg(long, value_name = "MODE", value_parser = choice::<LinkMode>(&["auto", "reflink", "copy", "hardlink"]))]
    pub(crate) link_mode: Option<LinkMode>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Finish or undo a sync that was cut off
///
/// Reads each site's journal and brings the files to the wanted or back to the earlier tree. Every `sync` does this first; it is
/// needed alone where a site must be whole before anything else. Writes the site's files and its state.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon recover",
    "greffon recover --site prod",
))]
pub(crate) struct RecoverArgs {}

/// Write a site's bare tree to a folder or a .tar
///
/// The wanted tree and nothing else: no state, no hooks, names sorted, times fixed, so that the same lockfile gives the same bytes
/// on every machine. Prints the tree's id. Writes the target (a folder that does not exist or is empty, or a `.tar`, which is
/// replaced where it is there) and the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon build out/",
    "greffon build site.tar --site prod --locked",
    "greffon build image/html --frozen --offline    in a container build, from a carried stock",
))]
pub(crate) struct BuildArgs {
    /// A folder, or a file that ends in `.tar`
    #[arg(value_name = "DIR|FILE.tar", value_hint = ValueHint::AnyPath)]
    pub(crate) target: PathBuf,
}

/// Let go of a site: its files stay, its state and pins go
///
/// Removes the site's state (`.greffon-NAME` with its history) and its pins in the stock. The site's files and the manifest stay
/// as they are.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon forget test",
    "greffon forget test --dry-run",
))]
pub(crate) struct ForgetArgs {
    /// The site
    #[arg(value_name = "SITE")]
    pub(crate) name: String,
}
