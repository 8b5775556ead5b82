//! Built-in installers.

mod extensions;
pub mod moodle;
pub mod tree;

pub use extensions::WithExtensions;
