//! The file system: atomic writes, locks, directory handles, links.

mod read;

pub use read::{PathKind, create_folder, digest, head, kind, names, read, read_text};
