//! Keeping sites and stock over the years, on the real binary: updates by other hands, elements that were moved, link modes and the
//! custom of folders, a stock that is tidied and rots, lines that a merge loses, a history that plain git reads. Each promise has a
//! broken twin or an arm that must differ.
#![cfg(debug_assertions)]
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr)]

#[path = "upkeep/drift.rs"]
mod drift;
#[path = "upkeep/ground.rs"]
mod ground;
#[path = "upkeep/links.rs"]
mod links;
#[path = "upkeep/removed.rs"]
mod removed;
#[path = "upkeep/rot.rs"]
mod rot;
#[path = "upkeep/shared.rs"]
mod shared;
#[path = "upkeep/stock.rs"]
mod stock;
mod support;
