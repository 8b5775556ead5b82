//! Which scheme reads an element's versions (DESIGN section 4): the element's own, its type's, the installer's, the index's, else `3m`.

use std::sync::Arc;

use crate::error::Result;
use crate::model::{EXTENSIONS, ElementId, WantedElement};
use crate::roles::Installer;
use crate::version::{Scheme, SchemeBook};

/// What is used where nobody says anything.
const DEFAULT: &str = "3m";

/// Chooses schemes.
#[derive(Debug, Clone)]
pub struct Schemes {
    book: SchemeBook,
    installer: Arc<dyn Installer>,
}

impl Schemes {
    /// From `[config.schemes]` and the installer.
    #[must_use]
    pub fn new(book: SchemeBook, installer: Arc<dyn Installer>) -> Self {
        Self { book, installer }
    }

    /// The scheme of an element. `told` is what its index, package or lock entry says.
    ///
    /// # Errors
    /// `Version` for a scheme that does not exist.
    pub fn of(&self, id: &ElementId, wanted: Option<&WantedElement>, told: Option<&str>) -> Result<Arc<dyn Scheme>> {
        let own = wanted.and_then(|element| element.scheme.as_deref());
        match own {
            Some(name) => self.book.get(name),
            None => self.book.get(&self.of_type(id.kind()).or_else(|| told.map(str::to_owned)).unwrap_or_else(|| DEFAULT.to_owned())),
        }
    }

    /// The scheme that configuration or installer fix for a type.
    #[must_use]
    pub fn of_type(&self, kind: &str) -> Option<String> {
        let installer = || if kind == EXTENSIONS { None } else { self.installer.scheme(kind) };
        self.book.of_type(kind).map(str::to_owned).or_else(installer)
    }
}
