//! What a manifest states of a library: where it lies, which bytes it is, and that it is trusted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::model::Digest;
use crate::sys::fs;

/// How long a call may take where the manifest says nothing.
pub const LIMIT_SECONDS: u64 = 600;
/// How many bytes an answer may have where the manifest says nothing.
const LIMIT_ANSWER_MIB: u64 = 64;
/// How large a library may be.
const LARGEST: u64 = 512 << 20;

/// `{ use = "native:PATH", sha256 = "…", trust = "native", limits = { seconds = 60, answer-mib = 16 }, … }`, read.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The library, as an absolute path.
    pub path: PathBuf,
    /// Which bytes it must be.
    pub sha256: Digest,
    /// How long a call may take.
    pub time: Duration,
    /// How many bytes an answer may have.
    pub answer: usize,
    /// The library's own options.
    pub options: Map<String, Value>,
}

impl Pinned {
    /// Reads what the manifest states. The library's file is looked at only to tell the digest that a pin lacks.
    ///
    /// # Errors
    /// `Refused` where `trust = "native"` or `sha256` is missing, naming what to write; `Manifest` for what cannot be read.
    pub fn read(spec: &UseSpec) -> Result<Self> {
        let path = plain(&spec.base.join(&spec.target));
        let mut options = spec.options.clone();
        match options.remove("trust") {
            Some(Value::String(word)) if word == "native" => {}
            None => {
                return Err(placed(
                    spec,
                    Error::new(ErrorKind::Refused, format!("the native library `{}` is not trusted by this manifest", path.display()))
                        .note("a library can do anything that you can do on this machine: no permission and no budget holds it")
                        .hint("if you know where it comes from, say so beside its `use`: `trust = \"native\"`"),
                ));
            }
            Some(other) => return Err(wrong(spec, &format!("`trust = {other}` means nothing for a library")).hint("it is `trust = \"native\"`, or left out")),
        }
        let sha256 = match options.remove("sha256") {
            Some(Value::String(text)) => text.parse().map_err(|error: Error| placed(spec, error.wrap("the library's `sha256` cannot be read")))?,
            Some(_) => return Err(wrong(spec, "a library's `sha256` is a text of 64 hex digits")),
            None => return Err(unpinned(spec, &path)),
        };
        let (time, answer) = limits(spec, options.remove("limits"))?;
        Ok(Self { path, sha256, time, answer, options })
    }

    /// The library's bytes, which are the pinned ones.
    ///
    /// # Errors
    /// `NotFound` where there is no such file; `Digest` for other bytes.
    pub(super) fn bytes(&self, spec: &UseSpec) -> Result<Vec<u8>> {
        let bytes = fs::read(&self.path, LARGEST)?.ok_or_else(|| absent(spec, &self.path))?;
        let found = Digest::of(&bytes);
        if found == self.sha256 {
            return Ok(bytes);
        }
        Err(placed(
            spec,
            Error::new(ErrorKind::Digest, format!("the native library `{}` is not the one that was pinned", self.path.display()))
                .note(format!("pinned: {}", self.sha256))
                .note(format!("found:  {found}"))
                .note("it was not opened")
                .hint(format!("if you changed or updated it yourself, pin it anew: `sha256 = \"{}\"`", found.hex())),
        ))
    }
}

fn unpinned(spec: &UseSpec, path: &Path) -> Error {
    let error = Error::new(ErrorKind::Refused, format!("the native library `{}` is not pinned", path.display()));
    match fs::read(path, LARGEST) {
        Ok(Some(bytes)) => placed(spec, error.hint(format!("pin the bytes that lie there now, beside its `use`: `sha256 = \"{}\"`", Digest::of(&bytes).hex()))),
        Ok(None) => absent(spec, path),
        Err(cause) => placed(spec, error.caused_by(cause)),
    }
}

fn absent(spec: &UseSpec, path: &Path) -> Error {
    placed(
        spec,
        Error::new(ErrorKind::NotFound, format!("there is no native library `{}`", path.display()))
            .hint("the path after `native:` is relative to the manifest; build the library, or name the place where it lies"),
    )
}

fn limits(spec: &UseSpec, limits: Option<Value>) -> Result<(Duration, usize)> {
    let (mut seconds, mut mib) = (LIMIT_SECONDS, LIMIT_ANSWER_MIB);
    let known = ["seconds", "answer-mib"];
    match limits {
        None => {}
        Some(Value::Object(map)) => {
            for (key, value) in map {
                let number = value.as_u64().filter(|number| (1..=86_400).contains(number));
                match (key.as_str(), number) {
                    ("seconds", Some(number)) => seconds = number,
                    ("answer-mib", Some(number)) => mib = number,
                    ("seconds" | "answer-mib", None) => return Err(wrong(spec, &format!("`limits.{key}` of a library is a whole number from 1 to 86400"))),
                    (other, _) => {
                        let error = wrong(spec, &format!("a library has no limit `{}`", other.escape_debug()));
                        return Err(match nearest(other, known) {
                            Some(near) => error.hint(format!("did you mean `{near}`?")),
                            None => error.hint("it has `seconds` (of a call) and `answer-mib` (of an answer)"),
                        });
                    }
                }
            }
        }
        Some(_) => return Err(wrong(spec, "`limits` of a library is a table").hint("for instance `limits = { seconds = 60 }`")),
    }
    Ok((Duration::from_secs(seconds), usize::try_from(mib << 20).unwrap_or(usize::MAX)))
}

fn wrong(spec: &UseSpec, message: &str) -> Error {
    placed(spec, Error::new(ErrorKind::Manifest, message))
}

/// The error with the place where the library was named.
pub(super) fn placed(spec: &UseSpec, error: Error) -> Error {
    match &spec.place {
        Some(place) => error.at(place.clone()),
        None => error,
    }
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
