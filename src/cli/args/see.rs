//! See: `status`, `verify`, `list`, `tree`, `why`, `show`, `search`, `outdated`, `upgrade-check`. None of them writes into a site.

use clap::{Args, ValueEnum};

use super::examples;

/// How the files of the sites compare with what was recorded
///
/// Reads the state and the files' size and time (a file is read only where those differ). Writes nothing and fetches nothing.
/// An element that other means updated is told as `other version`, by the trees that this machine knows or by what its code says;
/// one that was moved as `misplaced`, with the folder where it is.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon status",
    "greffon status --site prod --exit-code    exit status 3 unless it is clean",
    "greffon status --json                     for a monitor",
))]
pub(crate) struct StatusArgs {
    /// Exit status 3 unless every site is clean
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Prove what is installed: read every byte
///
/// As `status`, but no cache is trusted: each file of each element is read and compared with its recorded hash. Writes nothing.
/// Exit status 1 if anything differs.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon verify",
    "greffon verify --site prod --json",
))]
pub(crate) struct VerifyArgs {}

/// The elements of the sites, with their versions
///
/// Reads the lockfile and the sites' state. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon list",
    "greffon list --site prod --json",
))]
pub(crate) struct ListArgs {}

/// Who needs whom, as a tree
///
/// Reads the manifest and the lockfile. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon tree",
    "greffon tree plugins/mod_attendance",
    "greffon tree --invert core/moodle    who needs the core",
))]
pub(crate) struct TreeArgs {
    /// Begin with this element [default: what the manifest names]
    #[arg(value_name = "[TYPE/]NAME")]
    pub(crate) element: Option<String>,
    /// Upside down: who needs it
    #[arg(short, long)]
    pub(crate) invert: bool,
}

/// Why an element is there, or why not at another version
///
/// The chains from the manifest to it: who asks for it, and with which requirement. With `--not`: what forbids a version of it,
/// which other one is preferred, or that there is none such; for that the repositories are asked. Reads the manifest and the
/// lockfile. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon why plugins/mod_attendance",
    "greffon why block_xp --site prod",
    "greffon why --not block_xp@2.4    why that version is not taken",
    "greffon why --not block_xp        why the newest is not taken",
))]
pub(crate) struct WhyArgs {
    /// The element; with --not its version after `@`
    #[arg(value_name = "[TYPE/]NAME[@VERSION]")]
    pub(crate) element: String,
    /// Why it does not have this version
    #[arg(long)]
    pub(crate) not: bool,
}

/// Everything that is known of an element
///
/// Its versions, where each comes from, what it needs and excludes, and which sites have it. Asks the repositories unless
/// `--offline`; writes nothing but what they answered, into the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon show plugins/mod_attendance",
    "greffon show mod_attendance@2.4       one version",
    "greffon show mod_attendance --offline",
))]
pub(crate) struct ShowArgs {
    /// The element, and a version after `@`
    #[arg(value_name = "[TYPE/]NAME[@VERSION]")]
    pub(crate) element: String,
}

/// Search the repositories by words
///
/// Looks for the words in names and summaries. Writes nothing but what repositories answered, into the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon search attendance",
    "greffon search --limit 5 quiz report",
    "greffon search                       what there is",
))]
pub(crate) struct SearchArgs {
    /// What to look for [default: list what there is]
    #[arg(value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    /// How many hits at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Which locked elements have newer versions
///
/// For each: what is locked, the newest that the manifest allows, and the newest there is. With --security: what advisories of the
/// repositories call unsafe, and the smallest safe version that can be had. Asks the repositories. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon outdated",
    "greffon outdated --site prod --exit-code    exit status 3 if there is one",
    "greffon outdated --security --exit-code     exit status 3 if anything locked is unsafe",
))]
pub(crate) struct OutdatedArgs {
    /// Only what advisories call unsafe, with the smallest safe version
    #[arg(long)]
    pub(crate) security: bool,
    /// Exit status 3 if anything is outdated (with --security: unsafe)
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// What another core would mean for every element of the sites
///
/// For each site and each core: which elements fit as they are, which with another version, which need a release that does not
/// exist yet, which the new core brings along itself or has no place for, and which of them alone stand in the way. Every patch is
/// tried at the version that its element would get. What the new core asks of the machine, and the earliest core that can be
/// upgraded to it, are read from its code. Asks the repositories and fetches into the stock, as `plan` does; with `--offline`
/// neither. Changes nothing else.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon upgrade-check --core 5.1",
    "greffon upgrade-check --core 5.0 --core 5.1 --site prod",
    "greffon upgrade-check --core 5.1 --format markdown    a table for a ticket",
    "greffon upgrade-check --core 5.1 --exit-code          exit status 3 unless every site is ready",
    "greffon upgrade-check                                 the newest core there is",
))]
pub(crate) struct UpgradeCheckArgs {
    /// The core that is thought of, as `core/moodle@REQ` where a site has several; may be given again [default: the newest]
    #[arg(long, value_name = "REQ")]
    pub(crate) core: Vec<String>,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TableFormat,
    /// Exit status 3 if anything stands in the way
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// A page for people
    Text,
    /// A table for tickets and wikis
    Markdown,
    /// A table for spreadsheets
    Csv,
}
