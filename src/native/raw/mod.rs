//! Everything of the native world that the compiler cannot check: the table's layout, opening a library, calling through
//! pointers, the host's callbacks, and telling who crashed. What leaves this folder is safe to use.

mod abi;
mod crash;
mod host;
mod library;

pub(super) use host::Frame;
pub(super) use library::{Answer, Instance, Library};
