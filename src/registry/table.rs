//! One role's names and constructors.

use std::collections::BTreeMap;

use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{UseKind, UseSpec};

/// Name → constructor, for one role.
#[derive(Debug)]
pub struct Table<F> {
    role: &'static str,
    entries: BTreeMap<&'static str, F>,
    native: Option<F>,
}

impl<F: Copy> Table<F> {
    /// An empty table for a role.
    #[must_use]
    pub fn new(role: &'static str) -> Self {
        Self { role, entries: BTreeMap::new(), native: None }
    }

    /// Adds a constructor. The later of two of one name wins.
    #[must_use]
    pub fn with(mut self, name: &'static str, constructor: F) -> Self {
        self.entries.insert(name, constructor);
        self
    }

    /// What makes one of a library (`native:PATH`).
    #[must_use]
    pub fn native(mut self, constructor: F) -> Self {
        self.native = Some(constructor);
        self
    }

    /// The known names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.entries.keys().copied()
    }

    /// The constructor that a `use` names.
    ///
    /// # Errors
    /// `NotFound` for a name that is not known, listing those that are; `Unsupported` for a kind that this greffon cannot load.
    pub fn find(&self, spec: &UseSpec) -> Result<F> {
        let known = self.names().map(|name| format!("builtin:{name}")).collect::<Vec<_>>().join(", ");
        if let (UseKind::Native, Some(constructor)) = (spec.kind, self.native) {
            return Ok(constructor);
        }
        let error = match spec.kind {
            UseKind::Builtin => match self.entries.get(spec.target.as_str()) {
                Some(constructor) => return Ok(*constructor),
                None => {
                    let mut error = Error::new(ErrorKind::NotFound, format!("there is no {} `builtin:{}`", self.role, spec.target.escape_debug()));
                    if let Some(near) = nearest(&spec.target, self.names()) {
                        error = error.hint(format!("did you mean `builtin:{near}`?"));
                    }
                    error
                }
            },
            UseKind::Script | UseKind::Native | UseKind::Extension => {
                Error::new(ErrorKind::Unsupported, format!("this greffon cannot load a {} from a script, a library or an extension yet", self.role))
            }
        };
        let error = error.hint(format!("known here: {known}"));
        Err(match &spec.place {
            Some(place) => error.at(place.clone()),
            None => error,
        })
    }
}
