//! Where Moodle's plugins come from, through the real binary: the directory and its Marketplace, the open index, what is unsafe.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub, dead_code)]

#[path = "../moodle_site/mod.rs"]
mod moodle_site;
#[path = "../support/mod.rs"]
mod support;

mod camp;
mod directory;
mod hostile;
mod security;
mod world;
