//! What ships in Rust, a folder a role.

pub mod client;
pub mod downloader;
pub mod installer;
pub mod repository;
pub mod stock;
