//! Which scheme a name means: the built-in ones, and those that a manifest brings along (`script:PATH`).

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Scheme, scheme};
use crate::error::Result;

/// The schemes of one manifest: `[config.schemes]`, and what serves a name that no built-in scheme has.
#[derive(Debug, Clone, Default)]
pub struct SchemeBook {
    by_type: IndexMap<String, String>,
    own: BTreeMap<String, Arc<dyn Scheme>>,
}

impl SchemeBook {
    /// With these names for types.
    #[must_use]
    pub fn new(by_type: IndexMap<String, String>) -> Self {
        Self { by_type, own: BTreeMap::new() }
    }

    /// Has a scheme serve a name as it is written in the manifest (`script:schemes/ours.rhai`), and its own name, by which the
    /// lockfile calls it.
    pub fn add(&mut self, written: &str, scheme: Arc<dyn Scheme>) {
        self.own.insert(scheme.name().to_owned(), Arc::clone(&scheme));
        self.own.insert(written.to_owned(), scheme);
    }

    /// The name that the manifest gives for a type.
    #[must_use]
    pub fn of_type(&self, kind: &str) -> Option<&str> {
        self.by_type.get(kind).map(String::as_str)
    }

    /// The scheme of a name.
    ///
    /// # Errors
    /// `Version` for one that does not exist.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Scheme>> {
        match self.own.get(name) {
            Some(own) => Ok(Arc::clone(own)),
            None => scheme(name),
        }
    }
}
