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

/// Whether a name is one that Moodle gives to plugins (`mod_attendance`): nobody need be asked about any other.
fn is_component(name: &str) -> bool {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let parts = name.split_once('_').filter(|(kind, rest)| kind.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.is_empty());
    name.len() <= 120 && parts.is_some() && plain(name)
}

/// The name of a repository: what the manifest calls it, else its address.
fn named(spec: &UseSpec, address: Option<&str>) -> String {
    match (&spec.name, address) {
        (Some(name), _) => name.clone(),
        (None, Some(address)) => crate::sys::redact(address),
        (None, None) => format!("builtin:{}", spec.target),
    }
}
