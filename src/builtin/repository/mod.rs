//! The repositories that ship in Rust: git repositories, an index, a folder.

pub mod camp;
pub mod folder;
pub mod git;
pub mod index;
pub mod moodle_directory;
pub mod moodle_downloads;
pub mod path;
pub(crate) mod search;

pub use git::GitElement;
pub use path::{PathElement, folder_info};

use crate::manifest::UseSpec;

/// The name of a repository: what the manifest calls it, else its address.
fn named(spec: &UseSpec, address: Option<&str>) -> String {
    match (&spec.name, address) {
        (Some(name), _) => name.clone(),
        (None, Some(address)) => crate::sys::redact(address),
        (None, None) => format!("builtin:{}", spec.target),
    }
}
