//! Built-in installers.

pub mod moodle;
pub mod tree;
