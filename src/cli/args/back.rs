//! Go back: `history`, `diff`, `rollback`, `saved`.

use clap::{Args, Subcommand};

use super::examples;

/// The generations of a site
///
/// Lists what the site ever was, newest first. Reads the site's `history.git`; the actions write there.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = examples!(
    "greffon history",
    "greffon history --site prod -n 5",
    "greffon history mark before-upgrade",
    "greffon history prune --keep 10",
))]
pub(crate) struct HistoryArgs {
    /// What to do with it; listing it when nothing is said.
    #[command(subcommand)]
    pub(crate) action: Option<HistoryAction>,
    /// How many at most
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

/// What can be done with a history.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryAction {
    /// Give a generation a name, which also keeps it
    ///
    /// Writes a ref into the site's `history.git`.
    #[command(after_help = examples!(
        "greffon history mark before-upgrade                    the one in place",
        "greffon history mark before-upgrade --generation 12",
    ))]
    Mark {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
        /// Which generation [default: the one in place]
        #[arg(long, value_name = "N")]
        generation: Option<u64>,
    },
    /// Drop old generations and their pins
    ///
    /// Keeps the last ones, the marked ones and the one in place. Writes the site's `history.git` and the stock's pins;
    /// `stock gc` then frees the space.
    #[command(after_help = examples!(
        "greffon history prune --keep 10",
        "greffon history prune --keep 10 --dry-run",
    ))]
    Prune {
        /// How many to keep [otherwise: the manifest's `keep`]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
    },
    /// Make the history independent of the stock
    ///
    /// Copies every object that the generations need into the site's `history.git`.
    #[command(after_help = examples!("greffon history pack --site prod"))]
    Pack,
}

/// What changed between two generations
///
/// Elements first, then files. Reads the site's `history.git` and the stock. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon diff 3                     between generation 3 and the one in place",
    "greffon diff 3 5",
    "greffon diff before-upgrade 5      a mark serves as well",
))]
pub(crate) struct DiffArgs {
    /// The earlier one: a number or a mark
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// The later one [default: the one in place]
    #[arg(value_name = "B")]
    pub(crate) to: Option<String>,
}

/// Put an earlier generation back, and hold the site there
///
/// Makes the site's files those of that generation, crash-safe as `sync`, and records it as a new one. The site is then held: a
/// `sync` leaves it alone until `sync --release`. With `--write` there is no hold: that generation's versions go into `greffon.toml`
/// and `greffon.lock` instead.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon rollback --site prod                               the one before",
    "greffon rollback 12 --reason 'upgrade broke the quiz'",
    "greffon rollback before-upgrade --write                    and want those versions from now on",
))]
pub(crate) struct RollbackArgs {
    /// A number or a mark [default: the one before]
    #[arg(value_name = "N")]
    pub(crate) generation: Option<String>,
    /// Write its versions into manifest and lockfile instead of holding the site
    #[arg(long)]
    pub(crate) write: bool,
    /// Why, for the hold and the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The application's data were put back by hand: go back although they were too new for that code
    #[arg(long)]
    pub(crate) data_restored: bool,
}

/// Files that were put aside: list them, put them back, drop them
///
/// `sync --if-local-changes save` puts edited files aside before it writes over them, and so does every run for what it displaces
/// and nobody recorded. They lie in the site's state, `.greffon-NAME/saved/RUN/PATH`, until somebody drops them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = examples!(
    "greffon saved list",
    "greffon saved restore plugins/mod_quiz/lib.php",
    "greffon saved drop --run 12",
))]
pub(crate) struct SavedArgs {
    /// What to do with them; listing them when nothing is said.
    #[command(subcommand)]
    pub(crate) action: Option<SavedAction>,
}

/// What can be done with saved files.
#[derive(Debug, Subcommand)]
pub(crate) enum SavedAction {
    /// What was put aside, the latest run first
    ///
    /// Shows the run (the generation that it made), the path in the site and the size. Writes nothing.
    #[command(after_help = examples!("greffon saved list", "greffon saved list --site prod --json"))]
    List,
    /// Put saved files back to where they were
    ///
    /// Writes into the site. A file there that is as greffon installed it gives way; anything newer stops it before any write,
    /// unless `--replace` says to put that aside in turn. Of a path that was put aside several times the latest goes back.
    #[command(after_help = examples!(
        "greffon saved restore plugins/mod_quiz/lib.php",
        "greffon saved restore plugins/mod_quiz --run 12     all below that folder, as run 12 put it aside",
        "greffon saved restore --everything --replace",
    ))]
    Restore {
        /// Which files to take
        #[command(flatten)]
        which: SavedWhich,
        /// Put aside in turn what is newer than the record
        #[arg(long)]
        replace: bool,
    },
    /// Delete saved files for good
    ///
    /// Nothing else ever deletes them.
    #[command(after_help = examples!(
        "greffon saved drop plugins/mod_quiz/lib.php",
        "greffon saved drop --run 12 --dry-run",
        "greffon saved drop --everything",
    ))]
    Drop {
        /// Which files to take
        #[command(flatten)]
        which: SavedWhich,
    },
}

/// Which saved files are meant.
#[derive(Debug, Args)]
pub(crate) struct SavedWhich {
    /// Paths in the site, as `saved list` shows them; a folder stands for all below it
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Only what this run put aside
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// All of them
    #[arg(id = "everything", long = "everything", conflicts_with = "paths")]
    pub(crate) all: bool,
}
