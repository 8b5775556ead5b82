//! The files that people see: manifest, lockfile, user configuration, package files (DESIGN section 5).
//!
//! | file here | what it does |
//! |---|---|
//! | `read/` | TOML to values with spans; gathers every error of a file |
//! | `shapes` | which keys each table may hold; the JSON Schema comes from the same lists |
//! | `load`, `config`, `elements`, `sites` | what the tables mean |
//! | `edit/` | adding, removing and changing elements in a manifest's text |
//! | `lock/` | the lockfile |
//! | `user` | configuration of a machine or a person |
//! | `package` | what an author writes of a package |

mod apart;
mod config;
mod edit;
mod elements;
mod load;
mod lock;
mod package;
mod paths;
mod read;
mod repository_entry;
mod schema;
mod shapes;
mod sites;
mod sources;
mod user;

pub use config::{Config, SecretSource, UseKind, UseSpec};
pub use edit::{NewElement, add_elements, add_patch, add_site, remove_elements, remove_patch, set_allow, set_patches, set_requirement};
pub use load::Manifest;
pub use lock::{LockReading, gitattributes, parse_lock, read_lock, write_lock};
pub use package::{Package, parse_package};
pub use repository_entry::{NewRepository, add_repository};
pub use schema::json_schema;
pub use user::{UserConfig, bytes};

#[cfg(test)]
mod tests;
