//! Changes of a manifest's text that leave everything else byte for byte as it was.
//!
//! toml_edit says where things stand; the text itself is cut and joined here, because a TOML writer would also change line
//! ends and marks that have nothing to do with the change.

mod draft;
mod entry;
mod layout;
mod patches;
#[cfg(test)]
mod tests;

use std::path::Path;

use draft::Draft;

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
/// New entries stand at the end of their type's table, in the form that the table has. Where an element is there already and
/// `source` is only "the configured repositories", its requirement and group change and the rest of its entry stays; another
/// source takes the place of what the entry says of its source, and its patches stay. With `site`, the entry is that site's own, and its `without` no longer names the element.
///
/// # Errors
/// `Manifest` when the text is no TOML; `NotFound` for an unknown site.
pub fn add_elements(path: &Path, text: &str, elements: &[NewElement], site: Option<&str>) -> Result<String> {
    let mut draft = Draft::new(path, text, site)?;
    for element in elements {
        draft.add(element)?;
    }
    draft.finish()
}

/// A manifest's text without these elements; those that are not there are named in the error.
///
/// Without `site` the shared entries go, and with them what the sites' `without` say of them. With `site` its own entry goes, and
/// where the manifest's shared elements have it, the site's `without` names it.
///
/// # Errors
/// `NotFound`, with the nearest names; `Manifest` when the text is no TOML.
pub fn remove_elements(path: &Path, text: &str, ids: &[ElementId], site: Option<&str>) -> Result<String> {
    let mut draft = Draft::new(path, text, site)?;
    draft.check_known(ids)?;
    for id in ids {
        draft.remove(id)?;
    }
    draft.finish()
}

/// A manifest's text where `[extensions.NAME]` allows this: `allow` is a TOML value, and takes the place of what was there.
///
/// # Errors
/// `Manifest` when the text is no TOML, or has no room for the table.
pub fn set_allow(path: &Path, text: &str, extension: &str, allow: &str) -> Result<String> {
    let mut draft = Draft::new(path, text, None)?;
    draft.set(&["extensions", extension, "allow"], allow)?;
    draft.finish()
}

/// A manifest's text with another requirement for an element; the rest of its entry stays. With `site` its own entry is changed
/// where it has one, else the shared one.
///
/// # Errors
/// `NotFound`, with the nearest names; `Manifest` when the text is no TOML.
pub fn set_requirement(path: &Path, text: &str, id: &ElementId, requirement: &Requirement, site: Option<&str>) -> Result<String> {
    let mut draft = Draft::new(path, text, site)?;
    draft.check_known(std::slice::from_ref(id))?;
    draft.require(id, requirement)?;
    draft.finish()
}

/// A manifest's text with one more site.
///
/// # Errors
/// `Manifest` when the text is no TOML, or `sites` is no table.
pub fn add_site(path: &Path, text: &str, name: &str, site: &Path) -> Result<String> {
    let mut draft = Draft::new(path, text, None)?;
    draft.add_site(name, site)?;
    draft.finish()
}

/// A manifest's text in which an element has these patches, in this order, as they are to be written. With `site` its own entry
/// is changed.
///
/// # Errors
/// `Manifest` when the text is no TOML; `NotFound` for an unknown site.
pub fn set_patches(path: &Path, text: &str, id: &ElementId, patches: &[String], site: Option<&str>) -> Result<String> {
    let mut draft = Draft::new(path, text, site)?;
    draft.set_patches(id, patches)?;
    draft.finish()
}

/// A manifest's text with one more patch for an element, after those that it has; `patch` as it is to be written. Of a site that has
/// an entry of its own for the element, that is changed, else the shared one.
///
/// # Errors
/// `NotFound`, with the nearest names; `Manifest` when the text is no TOML.
pub fn add_patch(path: &Path, text: &str, id: &ElementId, patch: &str, site: &str) -> Result<String> {
    let mut draft = Draft::of_site(path, text, site)?;
    draft.check_known(std::slice::from_ref(id))?;
    draft.add_patch(id, patch)?;
    draft.finish()
}

/// A manifest's text without a patch of an element: that which leads to `patch`, a whole path. Not an error where there is none.
///
/// # Errors
/// As [`add_patch`].
pub fn remove_patch(path: &Path, text: &str, id: &ElementId, patch: &Path, site: &str) -> Result<String> {
    let mut draft = Draft::of_site(path, text, site)?;
    draft.check_known(std::slice::from_ref(id))?;
    draft.remove_patch(id, patch)?;
    draft.finish()
}
