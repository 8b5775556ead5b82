//! Every built-in implementation is run through the contract of its role, and for every role a broken twin must fail it.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod contract;
mod downloaders;
mod installers;
mod moodle_repositories;
mod natives;
mod repositories;
mod scripts;
mod stocks;
mod world;

#[allow(dead_code)]
#[path = "../native/build.rs"]
mod build;
