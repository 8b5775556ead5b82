//! What failed requests are called, and what can be done about them.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use url::Url;

use super::credentials::variable;
use super::retry::{Setback, retry_after};
use crate::error::{Error, ErrorKind};

/// A request that did not come to its end.
#[derive(Debug)]
pub(crate) struct Broken {
    reason: String,
    hint: Option<&'static str>,
    temporary: bool,
}

impl Broken {
    /// A body that trickles.
    pub(crate) fn slow(bytes: usize, within: Duration) -> Self {
        Self { reason: format!("the server sent only {bytes} bytes in {:.1} s", within.as_secs_f32()), hint: None, temporary: true }
    }

    /// As an error of the request `what`.
    pub(crate) fn error(self, what: &str) -> Error {
        let mut error = Error::new(ErrorKind::Network, format!("{what}: {}", self.reason));
        if let Some(hint) = self.hint {
            error = error.hint(hint);
        }
        if self.temporary { error.temporary() } else { error }
    }
}

/// Reads the chain of causes. Their own words are not used where they could hold the url.
pub(crate) fn broken(error: &(dyn StdError + 'static)) -> Broken {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(one) = next {
        chain.push(one);
        // An `io::Error` hides the error that it was made of from `source`.
        let inside = one.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref).map(|inside| inside as &(dyn StdError + 'static));
        next = inside.or_else(|| one.source());
    }
    if let Some(tls) = chain.iter().find_map(|one| one.downcast_ref::<rustls::Error>()) {
        let unknown = matches!(tls, rustls::Error::InvalidCertificate(_));
        return Broken {
            reason: format!("no secure connection: {tls}"),
            hint: unknown.then_some("a certificate of your own authority can be trusted by `ca-bundle` in greffon's configuration"),
            temporary: false,
        };
    }
    let request = chain.iter().find_map(|one| one.downcast_ref::<reqwest::Error>());
    if request.is_some_and(reqwest::Error::is_builder) {
        return Broken { reason: "the request could not be made".to_owned(), hint: None, temporary: false };
    }
    if request.is_some_and(reqwest::Error::is_timeout) {
        let reason = if request.is_some_and(reqwest::Error::is_connect) { "the server could not be reached in time" } else { "the server fell silent" };
        return Broken { reason: reason.to_owned(), hint: None, temporary: true };
    }
    let last = chain.last().map(ToString::to_string).unwrap_or_default();
    if request.is_some_and(reqwest::Error::is_connect) {
        let hint = "check the address, your connection and, behind a proxy, `HTTPS_PROXY`";
        return Broken { reason: format!("the server could not be reached: {last}"), hint: Some(hint), temporary: true };
    }
    Broken { reason: format!("the connection broke: {last}"), hint: None, temporary: true }
}

/// The error of an answer that is none of those a caller expects.
pub(crate) fn status(what: &str, status: u16, headers: &HeaderMap, url: &Url) -> Setback {
    match status {
        401 | 403 => denied(what, status, url).into(),
        408 | 425 | 429 | 500 | 502 | 503 | 504 => {
            let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| retry_after(value, SystemTime::now()));
            let reason = match status {
                429 => "too many requests",
                408 | 504 => "the server took too long",
                _ => "the server has a problem",
            };
            let hint = match status {
                429 => "run it again later, or with fewer `--jobs`",
                _ => "run it again later; nothing was changed",
            };
            Setback {
                error: Error::new(ErrorKind::Network, format!("{what}: {reason} (status {status})")).hint(hint).temporary(),
                after: after.filter(|_| matches!(status, 429 | 503)),
            }
        }
        404 | 410 => Error::new(ErrorKind::NotFound, format!("{what}: there is no such file (status {status})"))
            .hint("is the address right? many hosts also say so of files that want a login")
            .into(),
        407 => Error::new(ErrorKind::Denied, format!("{what}: the proxy wants a login (status 407)"))
            .hint("write it into the proxy's url: `http://user:password@proxy:port`")
            .into(),
        _ => Error::new(ErrorKind::Network, format!("{what}: unexpected status {status}"))
            .hint("is the address right, and does a browser get there what is meant?")
            .into(),
    }
}

/// The error of a server that does not know us, or does not let us.
pub(crate) fn denied(what: &str, status: u16, url: &Url) -> Error {
    let host = url.host_str().unwrap_or_default();
    let reason = if status == 401 { "the server wants a login" } else { "the server refuses" };
    Error::new(ErrorKind::Denied, format!("{what}: {reason} (status {status})"))
        .hint(format!("give a token for `{host}` by `auth` in the manifest (the name of a secret), by the variable `{}`, or a login by netrc", variable(host)))
}

/// The error of a call that may not use the network.
pub(crate) fn offline(shown: &str) -> Error {
    Error::new(ErrorKind::Offline, format!("`{shown}` is needed, but the network may not be used")).hint("run it again without `--offline` and `--frozen`")
}
