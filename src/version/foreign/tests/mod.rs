//! Other tools' own tables, where they are there (`../shared` beside the checkout, or `GREFFON_SHARED`).
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod composer;
mod npm;

use std::io::Read as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::model::{Requirement, Version};
use crate::version::scheme;

fn tables() -> Option<Value> {
    let shared = std::env::var_os("GREFFON_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("data/solver/range-conformance.json.gz");
    let Ok(bytes) = fs_err::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    Some(serde_json::from_str(&text).expect("JSON"))
}

fn cases<'a>(tables: &'a Value, tool: &str) -> &'a Value {
    let found = tables["schemes"].as_array().expect("tables").iter().find(|table| table["scheme"] == tool);
    &found.unwrap_or_else(|| panic!("no table of {tool}"))["cases"]
}

fn fits(name: &str, requirement: &Requirement, version: &str) -> bool {
    let matcher = scheme(name).expect("a built-in scheme").requirement(requirement).unwrap_or_else(|error| panic!("{requirement}: {error:?}"));
    matcher.matches(&Version::from(version))
}
