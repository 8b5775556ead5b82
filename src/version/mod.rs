//! Version schemes: how the versions of an element are read, ordered and matched (DESIGN section 4).

use std::cmp::Ordering;
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{Requirement, Version};

/// A way of naming versions. Texts stay as written; a scheme only reads them.
pub trait Scheme: Debug + Send + Sync {
    /// `3m`, `semver`, `moodle`, `date`, `natural`, or a script's.
    fn name(&self) -> &str;
    /// Whether this text is a version of the scheme.
    ///
    /// # Errors
    /// `Version`, saying what is wrong with the text.
    fn check(&self, version: &Version) -> Result<()>;
    /// The order of two versions; total, also for texts that [`Self::check`] refuses (they come first, by text).
    fn compare(&self, a: &Version, b: &Version) -> Ordering;
    /// Reads a requirement.
    ///
    /// # Errors
    /// `Version`, saying what is wrong with the text and why.
    fn requirement(&self, text: &Requirement) -> Result<Arc<dyn Matcher>>;
    /// What `add` writes for a version when the user names none.
    fn default_requirement(&self, version: &Version) -> Requirement;
    /// Whether a version is a pre-release, chosen only where it is named.
    fn is_prerelease(&self, version: &Version) -> bool {
        let _ = version;
        false
    }
}

/// A requirement, read.
pub trait Matcher: Debug + Send + Sync {
    /// Whether a version fits.
    fn matches(&self, version: &Version) -> bool;
    /// The versions it prefers, tried in order before the newest that fits (`2.4+` prefers `2.4.0`): for a fitting
    /// version, how early its class is tried; 0 first. Versions of one class are tried by [`Self::descending`].
    fn class(&self, version: &Version) -> u32 {
        let _ = version;
        0
    }
    /// Whether the newest of a class is tried first (else the oldest).
    fn descending(&self) -> bool {
        true
    }
}

/// The built-in scheme of this name.
///
/// # Errors
/// `Version` for an unknown name, listing the known ones.
pub fn scheme(name: &str) -> Result<Arc<dyn Scheme>> {
    let _ = name;
    unimplemented!()
}
