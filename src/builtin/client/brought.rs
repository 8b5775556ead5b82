//! What a site's core brings along: known once a core is chosen, and then the solver is asked again where it mattered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::{ElementId, Version};

/// What the core of a site brings along, as far as it mattered.
#[derive(Debug, Default)]
pub(super) struct Brought(Mutex<HashMap<ElementId, Version>>);

impl Brought {
    /// The core has an element at this version.
    pub(super) fn note(&self, id: &ElementId, version: &Version) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), version.clone());
    }

    /// How much is known.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The version of an element, where it is known.
    pub(super) fn version(&self, id: &ElementId) -> Option<Version> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
