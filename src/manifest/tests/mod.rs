//! Manifests as people write them, right and wrong.

mod faults;
mod files;
mod hostile;
mod meaning;
mod mutated;

use std::path::Path;

use super::Manifest;
use crate::diagnostic::render;
use crate::error::Error;

const EXAMPLE: &str = include_str!("example.toml");

fn parse(text: &str) -> Result<Manifest, Error> {
    Manifest::parse(Path::new("/srv/greffon/greffon.toml"), text.to_owned())
}

/// What a person sees of a manifest that is wrong.
fn complaint(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("this was accepted:\n{text}"),
        Err(error) => render(&error, false, 140).replace("/srv/greffon/", ""),
    }
}
