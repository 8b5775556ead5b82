//! Whole registries on disk, asked through the real binary: `greffon lock` must give the verdicts of the reference, answers that
//! keep every rule, and change no more of a lock than has to change.
//!
//! The data are `data/solver` of `../shared` (or `GREFFON_SHARED`); without them only the odd shapes are asked. A sample is asked
//! unless `GREFFON_TEST_ALL` is set.
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr, unreachable_pub, dead_code)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod data;
mod odd;
mod registry;
mod same_bytes;
