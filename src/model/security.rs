//! `[config.security]`: how careful a manifest is.

use super::{Age, ElementId, Version};

/// What is let through, and what is too young.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityPolicy {
    /// A version younger than this is not newly chosen, but where it mends what is unsafe.
    pub min_release_age: Option<Age>,
    /// Advisories by their number, and versions as `TYPE/NAME@VERSION`, that are let through all the same.
    pub accept: Vec<String>,
}

impl SecurityPolicy {
    /// Whether an advisory is known and let through.
    #[must_use]
    pub fn accepts(&self, advisory: &str) -> bool {
        self.accept.iter().any(|accepted| accepted.eq_ignore_ascii_case(advisory))
    }

    /// Whether a version is let through.
    #[must_use]
    pub fn accepts_version(&self, id: &ElementId, version: &Version) -> bool {
        self.accept.iter().any(|accepted| accepted.split_once('@').is_some_and(|(name, text)| *name == id.to_string() && text == version.as_str()))
    }
}
