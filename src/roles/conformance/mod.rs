//! The behaviour contracts of the roles as checks that any implementation can be run through: built in, script, library.
//!
//! Each role has a module with a fixture and a `check`. The fixture is what the caller knows better than the suite: which
//! elements are there, how to make a server fail, what to count. Every sentence under a `# Behaviour` of a role's trait is one
//! check, named by the sentence; what a fixture gives no means for is reported as untested, never as held.
//!
//! ```
//! use greffon::roles::conformance::repository::{self, Fixture, KnownElement};
//! # use greffon::roles::*;
//! # use greffon::model::*;
//! # use greffon::error::Result;
//! # #[derive(Debug)] struct Mine;
//! # impl Repository for Mine {
//! #     fn name(&self) -> &str { "mine" }
//! #     fn versions(&self, _: &Context, request: &VersionsRequest) -> Result<Versions> {
//! #         let entry = VersionEntry { version: "1.0".into(), info: None };
//! #         Ok(if request.id.to_string() == "plugins/a" { Versions::Known(vec![entry]) } else { Versions::Unknown })
//! #     }
//! #     fn element_info(&self, _: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
//! #         let known = request.id.to_string() == "plugins/a" && request.version.as_str() == "1.0";
//! #         Ok(known.then(|| ElementInfo::bare(request.id.clone(), request.version.clone())))
//! #     }
//! #     fn search(&self, _: &Context, _: &SearchRequest) -> Result<Vec<SearchHit>> { Ok(Vec::new()) }
//! # }
//! let mut fixture = Fixture::new("plugins/unheard-of".parse()?);
//! fixture.known.push(KnownElement { id: "plugins/a".parse()?, versions: vec!["1.0".into()], withdrawn: vec![] });
//! repository::check(&Mine, &Context::silent(), &fixture)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod client;
pub mod downloader;
pub mod installer;
pub mod repository;
pub mod stock;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind};

/// What a check gives.
pub type Verdict = Result<Report, Failures>;

/// Nothing was found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The role's name.
    pub role: &'static str,
    /// The sentences that were tried and held.
    pub held: Vec<&'static str>,
    /// The sentences that the fixture gave no means to try.
    pub untested: Vec<&'static str>,
}

/// One sentence that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The sentence.
    pub sentence: &'static str,
    /// What was seen instead.
    pub what: String,
}

/// Every sentence that does not hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Failures {
    /// The role's name.
    pub role: &'static str,
    /// At least one.
    pub list: Vec<Failure>,
}

impl Failures {
    /// Whether a sentence that holds these words is among those that failed.
    #[must_use]
    pub fn name(&self, words: &str) -> bool {
        self.list.iter().any(|failure| failure.sentence.contains(words))
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the {}'s promises do not hold:", self.list.len(), self.role)?;
        for failure in &self.list {
            write!(f, "\n- {}\n  but: {}", failure.sentence, failure.what)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failures {}

/// What one check found: whether it could be tried, or what is wrong.
pub(crate) type Finding = Result<Tried, String>;

/// Whether a check had the means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    Yes,
    No,
}

/// Collects the findings of one role.
pub(crate) struct Suite {
    report: Report,
    failures: Vec<Failure>,
}

impl Suite {
    pub(crate) fn new(role: &'static str) -> Self {
        Self { report: Report { role, held: Vec::new(), untested: Vec::new() }, failures: Vec::new() }
    }

    /// Tries a sentence. A panic of the implementation is a failure like any other.
    pub(crate) fn sentence(&mut self, sentence: &'static str, check: impl FnOnce() -> Finding) {
        let found = catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            Err(format!("it panicked: {}", words.unwrap_or_default()))
        });
        match found {
            Ok(Tried::Yes) => self.report.held.push(sentence),
            Ok(Tried::No) => self.report.untested.push(sentence),
            Err(what) => self.failures.push(Failure { sentence, what }),
        }
    }

    pub(crate) fn finish(self) -> Verdict {
        if self.failures.is_empty() { Ok(self.report) } else { Err(Failures { role: self.report.role, list: self.failures }) }
    }
}

/// An error with its causes, on one line.
pub(crate) fn told(error: &Error) -> String {
    let mut text = format!("{:?} error: {error}", error.kind());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Fails where the two differ.
pub(crate) fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted:?}")) }
}

/// Fails where a call did not fail with this kind of error.
pub(crate) fn fails<T>(what: &str, kind: ErrorKind, result: Result<T, Error>) -> Result<Error, String> {
    match result {
        Ok(_) => Err(format!("{what} succeeded instead of failing with {kind:?}")),
        Err(error) if error.kind() == kind => Ok(error),
        Err(error) => Err(format!("{what} failed with another kind than {kind:?}: {}", told(&error))),
    }
}

/// A call that must succeed.
pub(crate) fn works<T>(what: &str, result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| format!("{what} failed: {}", told(&error)))
}
