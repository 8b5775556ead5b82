//! Host functions through a real engine and script, hostile ones among them.
#![allow(clippy::disallowed_methods)]

mod files;
mod process;
mod reference;
mod server;
mod stores;
mod values;
mod web;
mod world;

use super::*;

#[test]
fn every_function_is_documented_and_every_documented_function_is_there() {
    for module in MODULES {
        let mut registered = build(module).names;
        registered.sort_unstable();
        registered.dedup();
        let mut told: Vec<&str> =
            module.functions.iter().filter_map(|function| function.signature.split('(').next()).filter(|name| !name.contains('.')).collect();
        told.sort_unstable();
        told.dedup();
        assert_eq!(registered, told, "the module `{}`", module.name);
    }
}

#[test]
fn the_reference_names_them_all() {
    let text = reference();
    for module in MODULES {
        assert!(text.contains(&format!("### `{}`", module.name)));
    }
}
