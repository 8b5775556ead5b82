//! What constructors of built-in implementations may use.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, RwLock};

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::roles::{Context, Dialogues, Installer};
use crate::sys::git::Sources;
use crate::sys::http::{Auth, Http};
use crate::sys::stockroom::Stockroom;
use crate::version::{Scheme, SchemeBook};

/// The surroundings of a constructor. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Env {
    /// http(s).
    pub http: Http,
    /// git sources of the stock.
    pub sources: Sources,
    /// The stock's folder.
    pub stockroom: Stockroom,
    /// The application's installer: reads versions from code.
    pub installer: Arc<dyn Installer>,
    /// `[config.schemes]`, and the schemes that extensions bring.
    pub schemes: SchemeBook,
    /// The credentials that repositories brought along, for what is downloaded from them.
    pub credentials: Credentials,
    /// Who talks with shops.
    pub dialogues: Arc<dyn Dialogues>,
}

impl Env {
    /// The scheme by which the versions of a type are read: `[config.schemes]`, then the installer's, else `3m` (DESIGN section 4).
    ///
    /// # Errors
    /// `Version` for a scheme that does not exist.
    pub fn scheme(&self, kind: &str) -> Result<Arc<dyn Scheme>> {
        match self.schemes.of_type(kind) {
            Some(name) => self.schemes.get(name),
            None => self.schemes.get(self.installer.scheme(kind).as_deref().unwrap_or("3m")),
        }
    }
}

/// `auth = "NAME"` (a bearer token) or `auth = { user = "…", secret = "NAME" }`: which secret to show to a server. Holds names,
/// never values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum AuthOption {
    /// The secret is a bearer token.
    Bearer(String),
    /// The secret is a user's password.
    Basic {
        /// The user's name.
        user: String,
        /// The secret's name.
        secret: String,
    },
}

impl AuthOption {
    /// Looks the secret up.
    ///
    /// # Errors
    /// `Denied` when no such secret is configured; whatever its source failed with.
    pub fn resolve(&self, cx: &Context) -> Result<Auth> {
        let name = match self {
            Self::Bearer(name) | Self::Basic { secret: name, .. } => name,
        };
        let value = cx.secrets().get(name)?.ok_or_else(|| {
            Error::new(ErrorKind::Denied, format!("there is no secret named `{name}`"))
                .hint(format!("add `{name} = {{ env = \"…\" }}` under `[config.secrets]`"))
        })?;
        Ok(match self {
            Self::Bearer(_) => Auth::Bearer(value),
            Self::Basic { user, .. } => Auth::Basic { user: user.clone(), secret: value },
        })
    }
}

/// Url prefix → credential. A credential serves below its own prefix only, so that an index cannot have it sent elsewhere.
#[derive(Clone, Default)]
pub struct Credentials(Arc<RwLock<Vec<Below>>>);

/// What is known of everything below a url.
struct Below {
    prefix: String,
    auth: Option<AuthOption>,
    advice: Option<String>,
}

impl Credentials {
    /// Has `auth` serve for everything below `prefix`.
    pub fn add(&self, prefix: &str, auth: AuthOption) {
        let mut list = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        list.push(Below { prefix: prefix.to_owned(), auth: Some(auth), advice: None });
    }

    /// Has this be told to those who are refused below `prefix`.
    pub fn advise(&self, prefix: &str, advice: &str) {
        let mut list = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        list.push(Below { prefix: prefix.to_owned(), auth: None, advice: Some(advice.to_owned()) });
    }

    /// A refusal for a url, with what there is to say about it.
    #[must_use]
    pub fn advised(&self, url: &str, error: Error) -> Error {
        let list = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if error.kind() != ErrorKind::Denied {
            return error;
        }
        list.iter().filter(|below| is_below(&below.prefix, url)).filter_map(|below| below.advice.clone()).fold(error, Error::hint)
    }

    /// The credential for a url: that of the longest prefix that holds it.
    ///
    /// # Errors
    /// As [`AuthOption::resolve`].
    pub fn find(&self, cx: &Context, url: &str) -> Result<Option<Auth>> {
        let list = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fitting = list.iter().filter(|below| is_below(&below.prefix, url)).filter_map(|below| Some((below.prefix.len(), below.auth.as_ref()?)));
        fitting.max_by_key(|(length, _)| *length).map(|(_, auth)| auth.resolve(cx)).transpose()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Whether `url` is `prefix` or lies below it, by whole path parts (`https://a` does not hold `https://a.evil`).
fn is_below(prefix: &str, url: &str) -> bool {
    url.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// A path of a manifest made absolute: `text` as seen from `base`, with `.` and `..` resolved by name alone.
#[must_use]
pub fn absolute(base: &Path, text: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for part in base.join(text).components() {
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

/// Whether a git address names another machine or a protocol (`https://…`, `git@host:path`), not a path.
#[must_use]
pub fn is_remote_git(text: &str) -> bool {
    text.contains("://") || text.split_once(':').is_some_and(|(host, _)| !host.contains('/'))
}

/// A git address of a manifest: paths are made absolute, everything else stays.
#[must_use]
pub fn git_address(base: &Path, text: &str) -> String {
    if is_remote_git(text) { text.to_owned() } else { absolute(base, text).to_string_lossy().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_stays_below_its_prefix() {
        assert!(is_below("https://a.example/p/", "https://a.example/p/x"));
        assert!(is_below("https://a.example/x.git", "https://a.example/x.git"));
        assert!(!is_below("https://a.example", "https://a.example.evil/x"));
        assert!(!is_below("https://a.example/p/", "https://a.example/q"));
    }

    #[test]
    fn the_longest_prefix_wins_and_a_missing_secret_is_told() {
        let credentials = Credentials::default();
        credentials.add("https://a.example/", AuthOption::Bearer("outer".into()));
        credentials.add("https://a.example/in/", AuthOption::Basic { user: "u".into(), secret: "inner".into() });
        let cx = Context::silent();
        let error = credentials.find(&cx, "https://a.example/in/x").expect_err("no secrets are configured");
        assert!(error.message().contains("`inner`"), "{error}");
        assert!(credentials.find(&cx, "https://b.example/").expect("no credential is needed").is_none());
    }

    #[test]
    fn git_addresses_are_told_from_paths() {
        let base = Path::new("/m");
        assert_eq!(git_address(base, "../r/x.git"), "/r/x.git");
        assert_eq!(git_address(base, "/abs/x"), "/abs/x");
        assert_eq!(git_address(base, "git@host:x.git"), "git@host:x.git");
        assert_eq!(git_address(base, "https://h/x.git"), "https://h/x.git");
    }
}
