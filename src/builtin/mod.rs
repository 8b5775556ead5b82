//! What ships in Rust, a folder a role.

pub mod client;
pub mod downloader;
pub mod environment;
pub mod installer;
pub(crate) mod memo;
pub mod options;
pub mod repository;
pub mod safety;
pub mod stock;
