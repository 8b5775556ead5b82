//! The downloaders that ship in Rust.

pub mod standard;

pub(crate) use standard::submodules::with_submodules;
pub use standard::{NAME, build};
