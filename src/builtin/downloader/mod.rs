//! The downloaders that ship in Rust.

pub mod standard;

pub use standard::{NAME, build};
