//! The stock's folder on disk (DESIGN section 6): `stock.json`, `sources/`, `objects.git`, `files/`, `archives/`, `info/`,
//! `quarantine/`, `tmp/`, `extensions/`, `lock`.

mod extensions;
mod files;
mod links;
mod place;
mod room;
mod shelf;
mod unpack;

#[cfg(test)]
mod tests;

pub use extensions::ExtensionHold;
pub use files::BlobFiles;
pub use place::Permissions;
pub use room::{StockLock, Stockroom};
pub use shelf::{RecordName, TakenArchive};
