//! Native libraries: the repository in C and the installer in Rust keep their roles' contracts, change nothing where they take
//! a built-in's place, and broken twins end in errors that name them.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "../conformance/world.rs"]
mod world;

mod build;
mod contract;
mod crash;
mod figures;
mod handed;
mod readme;
mod swap;
mod tried;
mod twins;
