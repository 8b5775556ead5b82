//! `semver`: semantic versions with cargo's caret, tilde, wildcard and pre-release rules, through the `semver` crate.

use std::cmp::Ordering;
use std::sync::Arc;

use semver::VersionReq;

use crate::error::Result;
use crate::model::{Requirement, Version};

use super::operators::{by_key, not_a_version, refusal, without_v};
use super::{Matcher, Readings, Scheme};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Semver;

const NAME: &str = "semver";

fn key(text: &str) -> Option<semver::Version> {
    semver::Version::parse(without_v(text)).ok()
}

/// Alternatives; each is a comparator list of cargo's.
#[derive(Debug)]
struct Ranges(Vec<VersionReq>);

impl Ranges {
    fn fit(&self, version: &semver::Version) -> bool {
        self.0.iter().any(|range| range.matches(version))
    }
}

impl Matcher for Ranges {
    fn matches(&self, version: &Version) -> bool {
        key(version.as_str()).is_some_and(|version| self.fit(&version))
    }

    fn classes(&self, readings: &Readings, versions: &[&Version]) -> Vec<Option<u32>> {
        match readings.downcast_ref::<Read>() {
            Some(read) => read.iter().map(|version| version.as_ref().is_some_and(|version| self.fit(version)).then_some(0)).collect(),
            None => versions.iter().map(|version| self.matches(version).then_some(0)).collect(),
        }
    }
}

/// What [`Semver`] keeps of versions.
type Read = Vec<Option<semver::Version>>;

/// Reads one alternative as cargo does, but for a `v` before a number.
fn range(text: &str) -> std::result::Result<VersionReq, semver::Error> {
    VersionReq::parse(text).or_else(|error| {
        let strip = |part: &str| {
            let (operator, rest) = part.split_at(part.find(|c: char| !"=<>^~ ".contains(c)).unwrap_or(part.len()));
            format!("{operator}{}", without_v(rest))
        };
        let stripped = text.split(',').map(strip).collect::<Vec<_>>().join(",");
        VersionReq::parse(&stripped).map_err(|_| error)
    })
}

impl Scheme for Semver {
    fn name(&self) -> &str {
        NAME
    }

    fn check(&self, version: &Version) -> Result<()> {
        match semver::Version::parse(without_v(version.as_str())) {
            Ok(_) => Ok(()),
            Err(error) => Err(not_a_version(NAME, version.as_str(), &error.to_string())),
        }
    }

    fn compare(&self, a: &Version, b: &Version) -> Ordering {
        by_key(a, b, key)
    }

    fn read(&self, versions: &[&Version]) -> Readings {
        Arc::new(versions.iter().map(|version| key(version.as_str())).collect::<Read>())
    }

    fn compare_read(&self, readings: &Readings, versions: &[&Version], a: usize, b: usize) -> Ordering {
        match readings.downcast_ref::<Read>().map(|read| (&read[a], &read[b])) {
            Some((Some(a), Some(b))) => a.cmp(b),
            _ => self.compare(versions[a], versions[b]),
        }
    }

    fn requirement(&self, text: &Requirement) -> Result<Arc<dyn Matcher>> {
        let read = |part: &str| range(part.trim()).map_err(|error| refusal(NAME, text.as_str(), &error.to_string()));
        Ok(Arc::new(Ranges(text.as_str().split("||").map(read).collect::<Result<_>>()?)))
    }

    /// `^1.4.2` for `1.4.2`.
    fn default_requirement(&self, version: &Version) -> Requirement {
        match key(version.as_str()) {
            Some(mut version) => {
                version.build = semver::BuildMetadata::EMPTY;
                Requirement::new(format!("^{version}"))
            }
            None => Requirement::any(),
        }
    }

    fn is_prerelease(&self, version: &Version) -> bool {
        key(version.as_str()).is_some_and(|version| !version.pre.is_empty())
    }
}
