//! What keeps a site and its owner's work safe: patches, saved files, drift, the stock's care. On the real binary.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

#[path = "../shop/mod.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;

mod carried;
mod generations;
mod patch_forms;
mod patches;
mod saved;
