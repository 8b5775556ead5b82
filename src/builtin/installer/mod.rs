//! The installers that ship in Rust.

pub mod tree;
