//! All contact with the world: file system, git, http, archives, processes. Nothing above calls `std::fs`, `std::net` or
//! `std::process` itself (clippy's disallowed-methods keep it so).

pub mod archive;
mod first_line;
pub mod fs;
pub mod git;
pub mod http;
pub mod memory;
mod network;
pub mod parcel;
pub mod places;
pub mod pool;
pub mod process;
mod redact;
mod secrets;
pub mod stockroom;
pub mod yaml;

pub use first_line::{first_line, first_line_at_home};
pub use network::Network;
pub use redact::{hide_secrets, redact, remember_secret};
pub use secrets::SecretStore;
