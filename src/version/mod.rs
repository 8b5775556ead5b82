//! Version schemes: how the versions of an element are read, ordered and matched (DESIGN section 4).
//!
//! Every scheme knows the same operators ([`operators`]); each file beside this one adds what is its own.

mod affected;
mod book;
mod date;
pub mod foreign;
mod moodle;
mod natural;
mod operators;
mod semver;
mod three_m;

#[cfg(test)]
mod tests;

pub use affected::{Verdict, is_of_builds, verdict};
pub use book::SchemeBook;

use std::any::Any;
use std::cmp::Ordering;
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
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
    /// What is worth keeping of many versions that will be compared and matched again and again.
    fn read(&self, versions: &[&Version]) -> Readings {
        let _ = versions;
        Arc::new(())
    }
    /// As [`Self::compare`], of two of the versions that were read.
    fn compare_read(&self, readings: &Readings, versions: &[&Version], a: usize, b: usize) -> Ordering {
        let _ = readings;
        self.compare(versions[a], versions[b])
    }
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

/// What a scheme has read of many versions: for itself and its matchers alone.
pub type Readings = Arc<dyn Any + Send + Sync>;

/// A requirement, read. A pre-release matches only where the requirement names one.
pub trait Matcher: Debug + Send + Sync {
    /// Whether a version fits.
    fn matches(&self, version: &Version) -> bool;
    /// The versions it prefers, tried in order before the newest that fits (`2.4+` prefers `2.4.0`): for a fitting
    /// version, how early its class is tried; 0 first. Versions of one class are tried by [`Self::descending`].
    fn class(&self, version: &Version) -> u32 {
        let _ = version;
        0
    }
    /// The class of each of the versions that were read; `None` where one does not fit.
    fn classes(&self, readings: &Readings, versions: &[&Version]) -> Vec<Option<u32>> {
        let _ = readings;
        versions.iter().map(|version| self.matches(version).then(|| self.class(version))).collect()
    }
    /// Whether the newest of a class is tried first (else the oldest).
    fn descending(&self) -> bool {
        true
    }
}

/// Major and minor number of every branch of Moodle that is known here, ascending.
pub fn moodle_branches() -> impl Iterator<Item = (u64, u64)> {
    moodle::branches()
}

/// The names of the built-in schemes.
pub const SCHEMES: [&str; 5] = ["3m", "semver", "moodle", "date", "natural"];

/// The built-in scheme of this name.
///
/// # Errors
/// `Version` for an unknown name, listing the known ones.
pub fn scheme(name: &str) -> Result<Arc<dyn Scheme>> {
    match name {
        "3m" => Ok(Arc::new(three_m::ThreeM)),
        "semver" => Ok(Arc::new(semver::Semver)),
        "moodle" => Ok(Arc::new(moodle::Moodle)),
        "date" => Ok(Arc::new(date::Date)),
        "natural" => Ok(Arc::new(natural::Natural)),
        _ => {
            let known = SCHEMES.map(|known| format!("`{known}`")).join(", ");
            let error = Error::new(ErrorKind::Version, format!("there is no version scheme `{}`; the known ones are {known}", name.escape_debug()));
            Err(match nearest(name) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            })
        }
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let close = |known: &str| strsim::jaro_winkler(known, &name);
    SCHEMES.into_iter().filter(|known| close(known) > 0.6).max_by(|a, b| close(a).total_cmp(&close(b)))
}
