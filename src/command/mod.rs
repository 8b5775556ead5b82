//! One file a subcommand: options in, library call, report out. Nothing here prints or parses arguments.

pub mod globals;

mod bring;
pub mod edited;
mod machine;
pub mod mend;
mod mismatch;
mod names;
mod versions;
mod workspace;

pub mod add;
pub mod adopt;
pub mod build;
pub mod convert;
pub mod diff;
pub mod doctor;
pub mod extension;
pub mod fetch;
pub mod fix;
pub mod forget;
pub mod history;
pub mod hooks;
pub mod import;
pub mod init;
pub mod list;
pub mod lock;
pub mod outdated;
mod overtaken;
pub mod patch;
pub mod plan;
pub mod recover;
pub mod remove;
mod removed;
pub mod repo;
pub mod rollback;
pub mod saved;
pub mod security;
mod shipped;
pub mod show;
mod standing;
pub mod status;
pub mod stock;
pub mod sync;
pub mod tree;
pub mod trust;
pub mod update;
pub mod upgrade_check;
pub mod why_not;

pub use globals::{Color, Globals};
pub use machine::Machine;
pub use names::{ElementArgument, parse_element};
pub use workspace::{Roles, Workspace};
