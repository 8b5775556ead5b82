//! Scripts that mean harm, each in turn before a site that must stay as it is: byte for byte, within its time, with an error that names
//! the script, its line, and the budget or the grant.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod answers;
mod bombs;
mod clients;
mod disk;
mod documents;
mod folders;
mod git;
mod hosts;
mod odd;
mod programs;
mod roundabout;
mod secrets;
#[path = "../shop/mod.rs"]
mod shop;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod twists;
