//! Changes of a manifest's text that leave everything else byte for byte as it was.

use std::path::Path;

use crate::error::Result;
use crate::model::{ElementId, Requirement, Source};

/// What `add` writes for an element.
#[derive(Debug, Clone)]
pub struct NewElement {
    /// Which.
    pub id: ElementId,
    /// Which versions.
    pub requirement: Option<Requirement>,
    /// Where from; repositories write the short form.
    pub source: Source,
    /// `group =`.
    pub group: Option<String>,
}

/// A manifest's text with elements added (or their entries replaced), everything else byte for byte as it was.
///
/// # Errors
/// `Manifest` when the text is no TOML.
pub fn add_elements(path: &Path, text: &str, elements: &[NewElement], site: Option<&str>) -> Result<String> {
    let _ = (path, text, elements, site);
    unimplemented!()
}

/// A manifest's text without these elements; those that are not there are named in the error.
///
/// # Errors
/// `NotFound`, with the nearest names.
pub fn remove_elements(path: &Path, text: &str, ids: &[ElementId], site: Option<&str>) -> Result<String> {
    let _ = (path, text, ids, site);
    unimplemented!()
}

/// A manifest's text with another requirement for an element; the rest of its entry stays.
///
/// # Errors
/// `NotFound`, with the nearest names.
pub fn set_requirement(path: &Path, text: &str, id: &ElementId, requirement: &Requirement, site: Option<&str>) -> Result<String> {
    let _ = (path, text, id, requirement, site);
    unimplemented!()
}
