//! The one error type of the library floors.
//!
//! An [`Error`] says *what* went wrong in one line, *where* (an excerpt of a file), *why* (its causes) and *what to do*
//! (its hints). It never holds a secret: whoever builds one passes urls through [`crate::sys::redact`] first, and a password that is
//! left in one is made unreadable.
//! The command line turns an [`ErrorKind`] into an exit status; nothing below `cli/` prints one.

mod mask;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::Fix;

/// The result of every fallible library call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure an [`Error`] is; decides the exit status and what a retry layer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line or a request cannot be understood: exit status 2.
    Usage,
    /// The manifest, the user's configuration or a package file is wrong.
    Manifest,
    /// The lockfile is unreadable, or does not fit the manifest where it must.
    Lock,
    /// A version or a requirement cannot be read by its scheme.
    Version,
    /// No set of versions satisfies what is asked.
    Conflict,
    /// The solver ran out of time: neither possible nor impossible.
    Undecided,
    /// Something that was named does not exist.
    NotFound,
    /// A name, a path or an option is known but may not be used so.
    Invalid,
    /// A server could not be reached, or answered with a failure.
    Network,
    /// A server or a shop refused for lack of credentials.
    Denied,
    /// A git repository or object is missing or damaged.
    Git,
    /// An archive was refused by the extraction policy or is damaged.
    Archive,
    /// Bytes are not the ones that were promised.
    Digest,
    /// The file system refused.
    Io,
    /// A site, its state or its journal is not as it must be.
    Site,
    /// Files of a site were changed by hand; nothing was written.
    LocalChanges,
    /// Another process holds what is needed.
    Busy,
    /// The network would be needed, but `--offline` or `--frozen` forbids it.
    Offline,
    /// A file was written by a newer greffon.
    Newer,
    /// This platform, server or implementation cannot do it.
    Unsupported,
    /// An extension failed.
    Extension,
    /// A question had no answer (no terminal, `--no-input`), or the answer was no.
    Refused,
    /// There is something to do, and the caller asked to be told by exit status 3.
    Pending,
    /// The user asked to stop: exit status 130.
    Interrupted,
    /// A defect of greffon itself.
    Internal,
}

/// A place in a text file, to be shown as an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file as the user knows it.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
    /// The marked bytes of `text`.
    pub span: std::ops::Range<usize>,
    /// What stands beside the mark; may be empty.
    pub label: String,
}

/// One failure; see the module's documentation.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    excerpts: Vec<Excerpt>,
    notes: Vec<String>,
    hints: Vec<String>,
    temporary: bool,
    damage: bool,
    wait: Option<std::time::Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    others: Vec<Error>,
    fixes: Vec<Fix>,
    fixed_by: Option<String>,
}

fn safe(text: String) -> String {
    match mask::masked(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(masked) => masked,
    }
}

impl Error {
    /// A failure told in one line: lower case, no full stop, literals in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: safe(message.into()),
            excerpts: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
            temporary: false,
            damage: false,
            wait: None,
            source: None,
            others: Vec::new(),
            fixes: Vec::new(),
            fixed_by: None,
        }))
    }

    /// Several failures found in one pass; shown one after the other. `None` when the list is empty.
    #[must_use]
    pub fn all(mut errors: Vec<Error>) -> Option<Error> {
        if errors.is_empty() {
            return None;
        }
        let mut first = errors.remove(0);
        first.0.others.extend(errors);
        Some(first)
    }

    /// A file system failure at `path`: `could not ACTION PATH`, with the system's reason as its cause and, where that tells it,
    /// what to do.
    pub fn io(action: &str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Reason;
        let hint = match source.kind() {
            Reason::CrossesDevices | Reason::ResourceBusy => Some("something is mounted there, or in use as a mount: unmount it for the run"),
            Reason::PermissionDenied if source.raw_os_error() == Some(1) => {
                Some("it is another user's, or marked as immutable or for appending alone (`lsattr` tells, `chattr -ia` takes that away)")
            }
            Reason::PermissionDenied => Some("this user may not: run greffon as the owner, or change owner or mode there"),
            Reason::NotADirectory => Some("a file stands where a folder must be: name another path, or move the file away"),
            Reason::ReadOnlyFilesystem => Some("what is mounted there can only be read"),
            Reason::StorageFull | Reason::QuotaExceeded => Some("make room there, then run it again"),
            _ => None,
        };
        let error = Self::new(ErrorKind::Io, format!("could not {action} `{}`", path.display())).caused_by(source);
        hint.into_iter().fold(error, Self::hint)
    }

    /// Marks a place in a file.
    #[must_use]
    pub fn at(mut self, mut excerpt: Excerpt) -> Self {
        excerpt.text = safe(excerpt.text);
        self.0.excerpts.push(excerpt);
        self
    }

    /// Adds a line of explanation that is printed under the excerpt.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(safe(note.into()));
        self
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(safe(hint.into()));
        self
    }

    /// Offers these ways out instead of any offered before, numbered from 1.
    #[must_use]
    pub fn offering(mut self, fixes: Vec<Fix>) -> Self {
        self.0.fixes = fixes;
        self
    }

    /// Says how to take one of the ways out: the last line of all.
    #[must_use]
    pub fn fixed_by(mut self, how: impl Into<String>) -> Self {
        self.0.fixed_by = Some(how.into());
        self
    }

    /// Sets the cause, printed as `caused by:`.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says that the same call may succeed a little later.
    #[must_use]
    pub fn temporary(mut self) -> Self {
        self.0.temporary = true;
        self
    }

    /// Says whether it comes from damage to what the stock holds: put aside and fetched again, the same call may succeed.
    #[must_use]
    pub fn by_damage(mut self, damage: bool) -> Self {
        self.0.damage = damage;
        self
    }

    /// Says how long the other side wants to be left alone.
    #[must_use]
    pub fn after(mut self, wait: std::time::Duration) -> Self {
        self.0.wait = Some(wait);
        self
    }

    /// Wraps this failure as the cause of a more general one; the kind and the hints go up with it.
    #[must_use]
    pub fn wrap(mut self, message: impl Into<String>) -> Self {
        let mut outer = Self::new(self.0.kind, message);
        outer.0.temporary = self.0.temporary;
        outer.0.damage = self.0.damage;
        outer.0.wait = self.0.wait;
        outer.0.hints = std::mem::take(&mut self.0.hints);
        outer.0.excerpts = std::mem::take(&mut self.0.excerpts);
        outer.0.notes = std::mem::take(&mut self.0.notes);
        outer.0.others = std::mem::take(&mut self.0.others);
        outer.0.fixes = std::mem::take(&mut self.0.fixes);
        outer.0.fixed_by = self.0.fixed_by.take();
        outer.0.source = Some(Box::new(self));
        outer
    }

    /// The sort of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
    /// The one-line message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The marked places.
    #[must_use]
    pub fn excerpts(&self) -> &[Excerpt] {
        &self.0.excerpts
    }
    /// The lines of explanation.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }
    /// What the user can do.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }
    /// The checked ways out, the first is number 1.
    #[must_use]
    pub fn fixes(&self) -> &[Fix] {
        &self.0.fixes
    }
    /// How to take one of them.
    #[must_use]
    pub fn how_to_fix(&self) -> Option<&str> {
        self.0.fixed_by.as_deref()
    }
    /// Whether a later try may succeed.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.0.temporary
    }
    /// Whether it, or one found in the same pass, comes from damage to what the stock holds.
    #[must_use]
    pub fn is_by_damage(&self) -> bool {
        self.0.damage || self.0.others.iter().any(Self::is_by_damage)
    }
    /// How long the other side wants to be left alone, where it said so.
    #[must_use]
    pub fn wait(&self) -> Option<std::time::Duration> {
        self.0.wait
    }
    /// Further failures found in the same pass.
    #[must_use]
    pub fn others(&self) -> &[Error] {
        &self.0.others
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("notes", &self.0.notes)
            .field("hints", &self.0.hints)
            .field("source", &self.0.source)
            .field("others", &self.0.others)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Adds what was being done to a failure.
pub trait ResultExt<T> {
    /// Wraps the error in a more general message; see [`Error::wrap`].
    ///
    /// # Errors
    /// The wrapped error.
    fn while_doing<S: Into<String>>(self, message: impl FnOnce() -> S) -> Result<T>;
}

impl<T> ResultExt<T> for Result<T> {
    fn while_doing<S: Into<String>>(self, message: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.wrap(message()))
    }
}
