//! The command line as clap sees it: one file a group of DESIGN section 9. Plain fields; no behaviour beyond reading words.

mod back;
mod extension;
mod globals;
mod make;
mod other;
mod overview;
mod patch;
mod repo;
mod see;
mod start;
mod stock;
#[cfg(test)]
mod tests;
mod value;
mod wanted;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, Parser, Subcommand};

pub(crate) use back::{DiffArgs, HistoryAction, HistoryArgs, RollbackArgs, SavedAction, SavedArgs, SavedWhich};
pub(crate) use extension::{ExtensionAction, ExtensionArgs};
pub(crate) use globals::GlobalArgs;
pub(crate) use make::{BuildArgs, FetchArgs, ForgetArgs, PlanArgs, RecoverArgs, SyncArgs, SyncOptions};
pub(crate) use other::{ConvertArgs, Foreign, Form, ImportArgs};
pub(crate) use patch::{PatchAction, PatchArgs};
pub(crate) use repo::{RepoAction, RepoArgs};
pub(crate) use see::{ListArgs, OutdatedArgs, SearchArgs, ShowArgs, StatusArgs, TableFormat, TreeArgs, UpgradeCheckArgs, VerifyArgs, WhyArgs};
pub(crate) use start::{AdoptArgs, App, CompletionsArgs, DoctorArgs, InitArgs, TrustArgs};
pub(crate) use stock::{StockAction, StockArgs};
pub(crate) use wanted::{AddArgs, FixArgs, InstallArgs, LockArgs, RemoveArgs, SourceArgs, UninstallArgs, UpdateArgs};

/// The heading and lines that close a help text.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => { concat!("\x1b[1mExamples:\x1b[0m\n", $("  ", $line, "\n"),+) };
}
pub(crate) use examples;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::White.on_default().bold())
    .usage(AnsiColor::White.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Grafts plugins onto application code trees.
///
/// One file, `greffon.toml`, says which core and which plugins every site is made of; greffon makes the trees so, says why it
/// cannot when it cannot, proves what is installed, and goes back when it went wrong.
#[derive(Debug, Parser)]
#[command(
    name = "greffon",
    version,
    styles = STYLES,
    max_term_width = 100,
    propagate_version = false,
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// The flags that every command knows.
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(InitArgs),
    Adopt(AdoptArgs),
    Trust(TrustArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
    Install(InstallArgs),
    Uninstall(UninstallArgs),
    Update(UpdateArgs),
    Lock(LockArgs),
    Fix(FixArgs),
    Patch(PatchArgs),
    Fetch(FetchArgs),
    Plan(PlanArgs),
    Sync(SyncArgs),
    Recover(RecoverArgs),
    Build(BuildArgs),
    Forget(ForgetArgs),
    Status(StatusArgs),
    Verify(VerifyArgs),
    List(ListArgs),
    Tree(TreeArgs),
    Why(WhyArgs),
    Show(ShowArgs),
    Search(SearchArgs),
    Outdated(OutdatedArgs),
    UpgradeCheck(UpgradeCheckArgs),
    History(HistoryArgs),
    Diff(DiffArgs),
    Rollback(RollbackArgs),
    Saved(SavedArgs),
    Stock(StockArgs),
    Repo(RepoArgs),
    Import(ImportArgs),
    Convert(ConvertArgs),
    Extension(ExtensionArgs),
}

/// The whole tree of commands, with the grouped overview as its help.
pub(crate) fn command() -> clap::Command {
    overview::install(Cli::command())
}
