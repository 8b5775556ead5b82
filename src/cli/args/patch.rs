//! Edits that are to stay: `patch create|list|rebase|drop`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::examples;

/// Edits that are to stay, as patches that are applied again at every version
///
/// A patch is a file beside the manifest, named in `patches` of its element, in the form of `git diff`. It is applied before the
/// element is put in place. One that an element's version has already is left out and told; one that does not apply stops `lock`,
/// `update` and `sync` before they write anything.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon patch create mod_quiz -m 'Show the logo'",
    "greffon patch list",
    "greffon patch rebase mod_quiz --to 2025041400",
    "greffon patch drop mod_quiz 2",
))]
pub(crate) struct PatchArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) action: PatchAction,
}

/// What can be done with patches.
#[derive(Debug, Subcommand)]
pub(crate) enum PatchAction {
    /// Make a patch of what was edited in a site
    ///
    /// Writes `patches/NAME/0001-WORDS.patch` beside the manifest and names it in `greffon.toml`, after those that are there. New,
    /// deleted, renamed and binary files and modes belong to it; a new file in the site's own folder only where it is named. The
    /// site's files stay as they are: for them a `sync` after it has nothing to do.
    #[command(after_help = examples!(
        "greffon patch create plugins/mod_quiz",
        "greffon patch create mod_quiz lib.php lang/en -m 'Friendlier words'",
        "greffon patch create core/moodle --site prod --dry-run",
    ))]
    Create {
        /// The element
        #[arg(value_name = "[TYPE/]NAME")]
        element: String,
        /// Only these files or folders of it
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        /// What it is for; also names the file
        #[arg(short, long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// The patches, and whether they apply to the locked versions
    ///
    /// Writes nothing but, into the stock, the trees that it tries. Fetches nothing.
    #[command(after_help = examples!("greffon patch list", "greffon patch list mod_quiz --json"))]
    List {
        /// Only those of this element
        #[arg(value_name = "[TYPE/]NAME")]
        element: Option<String>,
    },
    /// Bring patches to another version
    ///
    /// Merges each patch that no longer applies three ways. What conflicts lies in a folder, with markers: decide there, then say
    /// `--continue`. The patches are written anew when the last of them is settled; exit status 3 while somebody must decide.
    #[command(after_help = examples!(
        "greffon patch rebase mod_quiz                        to the locked version",
        "greffon patch rebase mod_quiz --to 2025041400        before `update --to 2025041400`",
        "greffon patch rebase mod_quiz --continue",
        "greffon patch rebase mod_quiz --abort",
    ))]
    Rebase {
        /// The element
        #[arg(value_name = "[TYPE/]NAME")]
        element: String,
        /// The version [default: the locked one]
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// The folder for what conflicts [default: rebase-NAME beside the manifest]
        #[arg(long = "in", value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: Option<PathBuf>,
        /// The files in the folder are right now: go on
        #[arg(long = "continue", conflicts_with_all = ["to", "abort"])]
        go_on: bool,
        /// Leave the patches as they are, and remove the folder
        #[arg(long, conflicts_with = "to")]
        abort: bool,
    },
    /// Take patches out of the manifest
    ///
    /// Their files go too where they lie in `patches/` beside the manifest; a generation that they went into keeps their text (in
    /// `greffon/patches` of the site's `history.git`).
    #[command(after_help = examples!(
        "greffon patch drop mod_quiz              its only one",
        "greffon patch drop mod_quiz 2            by its number or file",
        "greffon patch drop --contained           those that the locked versions have already",
    ))]
    Drop {
        /// The element
        #[arg(value_name = "[TYPE/]NAME", required_unless_present = "contained")]
        element: Option<String>,
        /// Which: numbers, or files
        #[arg(value_name = "PATCH", conflicts_with = "every")]
        patches: Vec<String>,
        /// All of the element's
        #[arg(long)]
        every: bool,
        /// Those that the locked versions have already
        #[arg(long, conflicts_with_all = ["patches", "every"])]
        contained: bool,
        /// Leave the files where they are
        #[arg(long)]
        keep_files: bool,
    },
}
