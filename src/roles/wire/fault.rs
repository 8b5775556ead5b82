//! Failures as data: `{"kind", "message", "hints", …}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Excerpt};

/// A failure as it crosses. `message` alone is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The sort of failure, as in `not-found`; one that is not known reads as `extension`.
    #[serde(default)]
    pub kind: String,
    /// One line.
    pub message: String,
    /// What can be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Lines of explanation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What led to it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Whether the same call may succeed a little later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporary: bool,
    /// Places in files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpts: Vec<Mark>,
    /// Further failures found in the same pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Fault>,
}

/// A place in a file as it crosses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The file.
    pub path: String,
    /// Its whole text.
    pub text: String,
    /// The marked bytes: from and to.
    pub span: (usize, usize),
    /// What stands beside the mark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

/// Every kind and its name. `internal` is not among them: no failure of somebody else's is a defect of greffon.
const KINDS: [(ErrorKind, &str); 25] = [
    (ErrorKind::Usage, "usage"),
    (ErrorKind::Manifest, "manifest"),
    (ErrorKind::Lock, "lock"),
    (ErrorKind::Version, "version"),
    (ErrorKind::Conflict, "conflict"),
    (ErrorKind::Undecided, "undecided"),
    (ErrorKind::NotFound, "not-found"),
    (ErrorKind::Invalid, "invalid"),
    (ErrorKind::Network, "network"),
    (ErrorKind::Denied, "denied"),
    (ErrorKind::Git, "git"),
    (ErrorKind::Archive, "archive"),
    (ErrorKind::Digest, "digest"),
    (ErrorKind::Io, "io"),
    (ErrorKind::Site, "site"),
    (ErrorKind::LocalChanges, "local-changes"),
    (ErrorKind::Busy, "busy"),
    (ErrorKind::Offline, "offline"),
    (ErrorKind::Newer, "newer"),
    (ErrorKind::Unsupported, "unsupported"),
    (ErrorKind::Extension, "extension"),
    (ErrorKind::Refused, "refused"),
    (ErrorKind::Pending, "pending"),
    (ErrorKind::Interrupted, "interrupted"),
    (ErrorKind::Extension, "internal"),
];

/// The cause of a failure that came from the other side: its words alone.
#[derive(Debug)]
struct Cause(String, Option<Box<Cause>>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

impl Fault {
    /// Reads what the other side gave as its failure: this form, or a bare text.
    #[must_use]
    pub fn read(value: Value) -> Self {
        match value {
            Value::String(message) => Self { message, ..Self::default() },
            other => {
                let said = other.to_string();
                serde_json::from_value(other).unwrap_or_else(|_| Self { message: format!("it failed with {}", shortened(&said)), ..Self::default() })
            }
        }
    }

    /// The failure as greffon's own.
    #[must_use]
    pub fn into_error(self) -> Error {
        let kind = KINDS.iter().find(|(_, name)| *name == self.kind).map_or(ErrorKind::Extension, |(kind, _)| *kind);
        let message = if self.message.trim().is_empty() { "it failed without saying why".to_owned() } else { self.message };
        let others: Vec<Error> = self.others.into_iter().map(Self::into_error).collect();
        let mut error = Error::new(kind, message);
        for mark in self.excerpts.into_iter().filter(|mark| mark.text.get(mark.span.0..mark.span.1).is_some()) {
            error = error.at(Excerpt { path: mark.path.into(), text: mark.text, span: mark.span.0..mark.span.1, label: mark.label });
        }
        error = self.notes.into_iter().fold(error, Error::note);
        error = self.hints.into_iter().fold(error, Error::hint);
        if self.temporary {
            error = error.temporary();
        }
        if let Some(cause) = self.causes.into_iter().rev().fold(None, |inner, text| Some(Box::new(Cause(text, inner)))) {
            error = error.caused_by(cause as Box<dyn std::error::Error + Send + Sync>);
        }
        if others.is_empty() { error } else { Error::all(std::iter::once(error).chain(others).collect()).unwrap_or_else(unreachable_empty) }
    }
}

/// A list that holds one error is never empty.
fn unreachable_empty() -> Error {
    Error::new(ErrorKind::Internal, "a list of failures was empty")
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let kind = KINDS.iter().find(|(kind, _)| *kind == error.kind()).map_or("internal", |(_, name)| name);
        let mut causes = Vec::new();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        let mark = |excerpt: &Excerpt| Mark {
            path: excerpt.path.to_string_lossy().into_owned(),
            text: excerpt.text.clone(),
            span: (excerpt.span.start, excerpt.span.end),
            label: excerpt.label.clone(),
        };
        Self {
            kind: kind.to_owned(),
            message: error.message().to_owned(),
            hints: error.hints().to_vec(),
            notes: error.notes().to_vec(),
            causes,
            temporary: error.is_temporary(),
            excerpts: error.excerpts().iter().map(mark).collect(),
            others: error.others().iter().map(Self::from).collect(),
        }
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failures_keep_what_they_say() {
        let cause = std::io::Error::other("the disk is full");
        let excerpt = Excerpt { path: "greffon.toml".into(), text: "a = 1\n".into(), span: 0..1, label: "here".into() };
        let error = Error::new(ErrorKind::NotFound, "there is no `x`").at(excerpt).note("n").hint("h").temporary().caused_by(cause);
        let fault: Fault = serde_json::from_value(serde_json::to_value(Fault::from(&error)).expect("written")).expect("read");
        let again = fault.into_error();
        assert_eq!((again.kind(), again.message(), again.notes(), again.hints()), (error.kind(), error.message(), error.notes(), error.hints()));
        assert_eq!((again.excerpts(), again.is_temporary()), (error.excerpts(), true));
        assert_eq!(std::error::Error::source(&again).map(ToString::to_string).as_deref(), Some("the disk is full"));
        for (value, kind, message) in [
            (json!("it rains"), ErrorKind::Extension, "it rains"),
            (json!({ "message": "m", "kind": "denied" }), ErrorKind::Denied, "m"),
            (json!({ "message": "m", "kind": "internal" }), ErrorKind::Extension, "m"),
            (json!({ "message": "m", "excerpts": [{ "path": "p", "text": "é", "span": [1, 9] }] }), ErrorKind::Extension, "m"),
            (json!({ "message": "" }), ErrorKind::Extension, "it failed without saying why"),
            (json!(42), ErrorKind::Extension, "it failed with 42"),
        ] {
            let error = Fault::read(value).into_error();
            assert_eq!((error.kind(), error.message()), (kind, message));
        }
    }
}
