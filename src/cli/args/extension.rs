//! For authors: `extension new|check|run|test|list`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueHint};

use super::examples;
use crate::roles::wire::Role;

const ROLES: [&str; 8] = ["repository", "installer", "downloader", "dialogue", "hook", "scheme", "stock", "client"];

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(ROLES).try_map(|word| crate::command::extension::role(&word))
}

/// Write extensions: begin, check, try, test; and see which there are
#[derive(Debug, Args)]
#[command(
    long_about = "Write extensions: begin, check, try, test; and see which there are\n\nAn extension is a script, or a folder with an `extension.toml`, that serves a role of greffon, a way to buy, a version scheme or hooks.\nIt is named by its path or, where greffon would find it, by its name.",
    after_help = examples!(
        "greffon extension new shop --role repository     a folder that works",
        "greffon extension check                          what is wrong with those in `extensions/`",
        "greffon extension test shop",
        "greffon extension run shop versions '{\"id\": \"plugins/quiz\"}' --allow net=shop.example",
        "greffon extension list",
    )
)]
pub(crate) struct ExtensionArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ExtensionAction,
}

/// What can be done with extensions.
#[derive(Debug, Subcommand)]
pub(crate) enum ExtensionAction {
    New(ExtensionNewArgs),
    Check(ExtensionCheckArgs),
    Run(ExtensionRunArgs),
    Test(ExtensionTestArgs),
    List(ExtensionListArgs),
}

/// Begin an extension
///
/// Writes a folder with a script whose functions are the role's, an `extension.toml`, tests and a README: it passes `check` and
/// `test` as it stands. `--role native` makes a crate in Rust instead, with a beginning in C beside it. A folder that is there and
/// not empty is left alone.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon extension new extensions/shop --role repository",
    "greffon extension new extensions/upgrade --role hook",
    "greffon extension new layout --role native",
))]
pub(crate) struct ExtensionNewArgs {
    /// Its name, or the path of its folder
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    pub(crate) name: String,
    /// What it serves as
    #[arg(long, value_name = "ROLE", value_parser = PossibleValuesParser::new(ROLES.into_iter().chain(["native"])))]
    pub(crate) role: String,
}

/// Say what is wrong with an extension, without running it
///
/// Reads its scripts, compiles them, holds functions and their parameters to the role, looks for calls of functions that there are
/// not, and compares the grants that it asks for with those that it uses. Shows each finding with the script's lines. A native library
/// is looked at without being opened, and its digest told. Status 1 where something cannot work.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon extension check                    the one in this folder, or all in `extensions/`",
    "greffon extension check extensions/shop --strict",
    "greffon extension check tools/upgrade.rhai --role hook --json",
))]
pub(crate) struct ExtensionCheckArgs {
    /// Folders, scripts or names
    #[arg(value_name = "EXTENSION", value_hint = ValueHint::AnyPath)]
    pub(crate) extensions: Vec<String>,
    /// What a script that does not say so is to serve as
    #[arg(long, value_name = "ROLE", value_parser = role())]
    pub(crate) role: Option<Role>,
    /// Warnings fail too
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Call one function of an extension, and show what it asks greffon for
///
/// Gives a function a request in JSON, prints its answer as JSON, and shows every host function that it called with what it gave and
/// got; secrets are `***`. It may do nothing but what `--allow` says. Secrets come from where the manifest here and your configuration
/// say. A native library, or the crate of one, is opened only with `--allow native`: nothing holds it then, and what it does is not seen.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon extension run shop versions '{\"id\": \"plugins/quiz\"}' --allow net=shop.example",
    "greffon extension run edd quote '{\"id\": \"plugins/forms\"}' --option licence=fancy --allow secret=fancy",
    "greffon extension run tools/upgrade.rhai after_sync '{}' --at /srv/test/html --allow run=php",
    "greffon extension run lib/libshelf.so versions '{\"id\": \"plugins/quiz\"}' --role repository --allow native",
))]
pub(crate) struct ExtensionRunArgs {
    /// A folder, a script, a library or a name
    #[arg(value_name = "EXTENSION", value_hint = ValueHint::AnyPath)]
    pub(crate) extension: String,
    /// The function
    #[arg(value_name = "FUNCTION")]
    pub(crate) function: String,
    /// What it is given [otherwise: an empty map]
    #[arg(value_name = "JSON")]
    pub(crate) request: Option<String>,
    /// What a script that does not say so is to serve as
    #[arg(long, value_name = "ROLE", value_parser = role())]
    pub(crate) role: Option<Role>,
    /// An option as where it is used; the value is JSON where it reads so, else a text
    #[arg(long = "option", value_name = "KEY=VALUE")]
    pub(crate) options: Vec<String>,
    /// What it may do: `net=HOST`, `read=PATH`, …, `prompt`, or `needs` for what it asks for; for a library `native`
    #[arg(long, value_name = "GRANT")]
    pub(crate) allow: Vec<String>,
    /// The site of the call: what `{site}` and `host.site` stand for
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) at: Option<PathBuf>,
}

/// Run an extension's tests
///
/// Runs every function `test_…(t)` in `tests/` of its folder (of a bare `x.rhai`: in `x.test.rhai`). The site, the programs, the
/// secrets, the answers of people and of servers are the test's own; what a real server said is recorded once with `--record` and
/// played back from then on. `extensions/README.md` says what tests can do. Status 1 where one fails.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon extension test                       those of this folder, or of all in `extensions/`",
    "greffon extension test shop --only licence",
    "greffon extension test shop --record         ask the servers, and write down what they say",
))]
pub(crate) struct ExtensionTestArgs {
    /// Folders, scripts or names
    #[arg(value_name = "EXTENSION", value_hint = ValueHint::AnyPath)]
    pub(crate) extensions: Vec<String>,
    /// Only tests whose name holds this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Ask the servers and write down what they say; secrets are left out
    #[arg(long, conflicts_with = "offline")]
    pub(crate) record: bool,
    /// What a script that does not say so is to serve as
    #[arg(long, value_name = "ROLE", value_parser = role())]
    pub(crate) role: Option<Role>,
}

/// List extensions: what the manifest uses, and what else is installed
///
/// Shows of each what it serves as, where it is from, its version, how it stands with your trust, what it may do and what it asks for
/// beyond that; and the native libraries that the manifest loads. Runs nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon extension list",
    "greffon extension list --json      with hashes and paths",
))]
pub(crate) struct ExtensionListArgs {}
