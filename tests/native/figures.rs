//! Figures: `cargo test --release --test native -- --ignored --nocapture`.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use greffon::native::{Native, Roles};
use greffon::roles::Context;
use greffon::roles::wire::{Answerer, Role};
use serde_json::json;

use super::build;
use super::world::{World, write};

fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list[list.len() / 2]
}

#[test]
#[ignore = "measures"]
fn load_and_call() {
    let world = World::new();
    write(&world.path("packages.list"), "packages/alpha 1.0 files/alpha-1.0.tar.gz\n");
    for (what, library, role, options) in [
        ("the repository in C", build::shelf(), Role::Repository, json!({ "list": "packages.list" })),
        ("the installer in Rust", build::layout(), Role::Installer, json!({ "types": { "plugins": "plugins/{name}" } })),
    ] {
        let spec = build::spec(library, options, &world.path(""));
        let begun = Instant::now();
        let native = Native::open(&spec, role, false, Roles::new()).expect("a library");
        let first = begun.elapsed();
        let again = (0..50)
            .map(|_| {
                let begun = Instant::now();
                drop(Native::open(&spec, role, false, Roles::new()).expect("a library"));
                begun.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        let cx = Context::silent();
        let (method, request) = match role {
            Role::Repository => ("versions", json!({ "id": "packages/alpha" })),
            _ => ("scheme", json!({ "type": "plugins" })),
        };
        let call = || native.call(&cx, method, request.clone()).expect("an answer");
        (0..1000).for_each(|_| drop(call()));
        let calls = (0..20)
            .map(|_| {
                let begun = Instant::now();
                (0..500).for_each(|_| drop(call()));
                begun.elapsed().as_secs_f64() * 1e6 / 500.0
            })
            .collect();
        let size = std::fs::metadata(library).expect("a library").len();
        println!("{what} ({size} bytes): first load {first:?}, opened again {:.0} µs, a call {:.2} µs", median(again), median(calls));
    }
}
