//! The shared solver data, where it is there: `../shared` beside the checkout, or `GREFFON_SHARED`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::shelf::Shelf;
use crate::model::{ElementId, ElementInfo, Requirement, Version};

/// The text of a file of `data/solver`; `None`, with a message, where there is no such file.
pub(super) fn text(name: &str) -> Option<String> {
    let shared = std::env::var_os("GREFFON_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("data/solver").join(name);
    let Ok(bytes) = fs_err::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    } else {
        text = String::from_utf8(bytes).expect("UTF-8");
    }
    Some(text)
}

pub(super) fn json(name: &str) -> Option<Value> {
    Some(serde_json::from_str(&text(name)?).expect("JSON"))
}

pub(super) fn lines(name: &str) -> Option<Vec<Value>> {
    Some(text(name)?.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

/// `>=1.0.0 <2.0.0` as greffon writes it.
pub(super) fn requirement(text: &str) -> Requirement {
    let alternatives = text.split("||").map(|alternative| alternative.split_whitespace().collect::<Vec<_>>().join(", "));
    Requirement::new(alternatives.collect::<Vec<_>>().join(" || "))
}

pub(super) fn id(name: &str) -> ElementId {
    ElementId::new("packages", name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn requirements(value: &Value) -> indexmap::IndexMap<ElementId, Requirement> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(name, text)| (id(name), requirement(text.as_str().expect("text")))).collect()
}

pub(super) fn versions(value: &Value) -> BTreeMap<ElementId, Version> {
    value.as_object().into_iter().flatten().map(|(name, version)| (id(name), Version::from(version.as_str().expect("text")))).collect()
}

/// `{name: {version: {deps, conflicts}}}` as a provider. Names that no element may have (one of 5,407 in wally) are left out.
pub(super) fn shelf(packages: &Value) -> Shelf {
    let mut shelf = Shelf::default();
    for (name, releases) in packages.as_object().expect("packages").iter().filter(|(name, _)| ElementId::new("packages", name.as_str()).is_ok()) {
        let info = |(version, release): (&String, &Value)| {
            let mut info = ElementInfo::bare(id(name), Version::from(version.as_str()));
            info.dependencies = requirements(&release["deps"]);
            info.conflicts = requirements(&release["conflicts"]);
            Arc::new(info)
        };
        shelf.elements.insert(id(name), releases.as_object().expect("versions").iter().map(info).collect());
    }
    shelf
}
