//! The stock: `stock list|add|gc|verify|export|import`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::examples;
use super::value::bytes;

/// What is kept on this machine for all sites
///
/// The stock is found by `--stock`, `GREFFON_STOCK`, the configuration, or is the user's data folder.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon stock list",
    "greffon stock add packages/base@1.2 ./base",
    "greffon stock gc --max-size 2G",
    "greffon stock verify",
    "greffon stock export shop.greffon",
    "greffon stock import shop.greffon",
))]
pub(crate) struct StockArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) action: StockAction,
}

/// What can be done with the stock.
#[derive(Debug, Subcommand)]
pub(crate) enum StockAction {
    List(StockListArgs),
    Add(StockAddArgs),
    Gc(StockGcArgs),
    Verify(StockVerifyArgs),
    Export(StockExportArgs),
    Import(StockImportArgs),
}

/// What the stock holds
///
/// Reads the stock. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon stock list",
    "greffon stock list --json",
))]
pub(crate) struct StockListArgs {}

/// Put an archive or a folder into the stock by hand
///
/// From then on it is a candidate for every manifest on this machine. Writes the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon stock add packages/base@1.2 ./base",
    "greffon stock add plugins/mod_bought@2025010100 ~/Downloads/mod_bought.zip",
))]
pub(crate) struct StockAddArgs {
    /// Which element; its version may be left to what its code says
    #[arg(value_name = "TYPE/NAME[@VERSION]")]
    pub(crate) element: String,
    /// The archive or folder
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
}

/// Remove what no generation of any site needs
///
/// Obeys pins alone: every generation of every site that used this stock pins what it is made of, and every manifest the extensions
/// that its lock holds; an extension that a running greffon uses stays until the next time. Waits ten seconds for others that use the
/// stock, then says that it is in use. Writes the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon stock gc --dry-run",
    "greffon stock gc --max-size 2G            keep the rest up to this size, least recently used goes first",
    "greffon stock gc --forget 3f9c2a71        a site that was deleted without `forget`",
))]
pub(crate) struct StockGcArgs {
    /// Keep what is not needed as long as the stock stays below this size
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) max_size: Option<u64>,
    /// First take away the pins of this site, by its id
    #[arg(long, value_name = "ID")]
    pub(crate) forget: Option<String>,
}

/// Check every byte of the stock
///
/// What is damaged is put aside, told, and fetched again for the sites of the manifest; what cannot be had is told with the element
/// and the site that needs it. Exit status 1 if anything was damaged. Writes the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!("greffon stock verify"))]
pub(crate) struct StockVerifyArgs {}

/// Write what the lock needs into one file, for a machine without a network
///
/// All that the locked elements of the chosen sites are made of: git trees with what proves their commits, archives as they came,
/// and what lies at paths beside the manifest. What is not in stock is fetched first. The same lock gives the same bytes. There,
/// `stock import` and then `sync --offline --locked` make the same sites; manifest, lock, patches and scripts go there on their own.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon stock export shop.greffon",
    "greffon stock export prod.greffon --site prod",
    "greffon stock export shop.greffon --offline          only what is in stock",
))]
pub(crate) struct StockExportArgs {
    /// The file; one that is there is replaced
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}

/// Take in what `stock export` wrote on another machine
///
/// Every object is hashed, and every element proved, before the stock is given anything; a file that is damaged, cut off, of
/// another version or says what is not so is refused, and nothing changes. Beside a greffon.lock that names paths which are not
/// here, they are filled too. Needs no network. Writes the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon stock import shop.greffon",
    "greffon -C ~/shop stock import /media/usb/shop.greffon",
    "greffon stock import shop.greffon --dry-run          examine it only",
))]
pub(crate) struct StockImportArgs {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}
