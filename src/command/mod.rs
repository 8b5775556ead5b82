//! One file a subcommand: options in, library call, report out.

mod globals;

pub use globals::{Color, Globals};
