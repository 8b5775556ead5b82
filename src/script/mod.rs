//! Rhai scripts as extensions: any role, a dialogue, a version scheme, or hooks (DESIGN section 8).
//!
//! | file | what it does |
//! |---|---|
//! | `source` | reads an extension's files and what it says of itself; runs nothing |
//! | `load` | grants and limits decided, compiles it and checks its functions: a [`Script`] |
//! | `engine` | one hardened engine a script; imports stay inside its folder |
//! | `limits` | the budgets, and the guard that stops a script that trips one |
//! | `grants` | what a script needs, what it is allowed, and the check of every single use |
//! | `call` | one call of a function: its context, its clock, its grants |
//! | `answers` | the files of this machine that an answer names, held to the grants |
//! | `instance` | a script configured for a role: answers the role's methods ([`crate::roles::wire`]) |
//! | `scheme` | a version scheme that is a script |
//! | `repository` | git repositories of this machine, with what they borrow from others |
//! | `crew` | threads with a stack that scripts cannot overflow |
//! | `failure` | a script's error as ours, with the script's lines |
//! | `value` | JSON and Rhai values |
//! | `watch` | what calls ask for, kept for `extension run` and tests |
//! | `review/` | what is wrong with an extension, found without running it |
//! | `trial/` | an extension's own tests |
//! | `host/` | what scripts can call, a file a module; the reference is generated from there |
//!
//! # How a call goes
//!
//! The role's adapter ([`crate::roles::wire`]) asks the [`Instance`] for a method by name. The instance makes a [`call::Call`] —
//! context, clock, grants, options, inner role — hands it to a thread of the crew, and there the function is called as
//! `fn method(request, host)` or `fn method(request)`, all plain values. Host functions find their call by
//! [`call::Call::of`]; every one of them checks its grant there, each time.
//!
//! # A further host module
//!
//! Copy `host/log.rs`, list the module in `host/mod.rs`. Each function is documented beside its registration; a test compares
//! the two. A function that can take long is wrapped in [`call::Call::wait`], so that its time counts as waiting and the
//! budget's end stops it; it passes [`call::Call::cx`] on, which ends in time.
//!
//! # Promises
//!
//! Nothing is granted by default. A script that trips a budget is stopped with its file, its line and the budget's name, and
//! cannot catch that. No panic, no stack overflow and no endless loop of a script takes greffon down.

mod answers;
pub mod call;
mod crew;
mod engine;
mod failure;
pub mod grants;
pub mod host;
mod instance;
pub mod limits;
mod load;
mod repository;
pub mod review;
mod scheme;
mod source;
#[cfg(test)]
mod tests;
pub mod trial;
mod value;
mod watch;

pub use grants::{Allowed, Grants, Kind};
pub use instance::{DataRecord, Facts, Follows, Instance};
pub use limits::Limits;
pub use load::Script;
pub use scheme::ScriptScheme;
pub use source::Source;
pub use watch::{Traced, Watch};
