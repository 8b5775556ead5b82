//! git: remote sources, one bare repository each, and the object database that composed trees live in.

mod alternates;
mod borrow;
mod carried;
mod checkout;
mod compose;
mod diff;
mod edited;
mod fetch;
pub mod history;
mod lent;
mod local;
mod loose;
mod most;
mod notes;
mod objects;
mod own;
mod pack;
mod past;
mod patch;
mod pins;
mod pool;
mod program;
mod refs;
mod source;
mod text;
mod transport;
mod tree;
mod understood;
mod url;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use alternates::{is_group_shared, share};
pub use carried::{Arrivals, Cargo, Carried, Proofs};
pub use checkout::{Checkout, checkout, commits_with, having, leading_ref};
pub use lent::{Loan, Reader};
pub use notes::has_whole_commits;
pub use objects::{BlobReader, NewEntry, NewEntryKind, Objects};
pub use own::{OwnObject, OwnObjects};
pub use pack::{Hasher, PackWriter, Sink};
pub use past::Past;
pub use patch::{LARGEST_PATCH, Merged, Patched, Settled};
pub use pins::Pin;
pub use source::{RemoteRef, Source, Sources, TransportChoice, Want};
pub use text::text_diff;
#[doc(hidden)]
pub use understood::{advert_is_understood, tree_is_understood, url_is_understood};
pub(crate) use walk::{is_lfs_pointer, lfs};
