//! Answers of a server kept beforehand, for tests of extensions: played back instead of asking it, or kept while it is asked.

use std::fmt;
use std::sync::Arc;

use crossbeam_channel::bounded;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::exchange::{Body, Exchange};
use crate::error::Result;
use crate::roles::Context;

/// One request, as it would go out.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In capitals.
    pub method: &'a str,
    /// With its query.
    pub url: &'a str,
    /// What is sent.
    pub body: Option<&'a [u8]>,
}

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Played {
    /// The status.
    pub status: u16,
    /// Names in lower case and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Who has answers, or wants them.
pub trait Tape: Send + Sync {
    /// The answer to a request; `None`: the server is asked, and what it says is kept.
    ///
    /// # Errors
    /// Where there is none and nobody may be asked.
    fn play(&self, asked: &Asked<'_>) -> Result<Option<Played>>;

    /// Keeps what a server said.
    fn keep(&self, asked: &Asked<'_>, played: &Played);
}

/// A tape in use.
#[derive(Clone)]
pub(super) struct Held(pub(super) Arc<dyn Tape>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tape(…)")
    }
}

impl Played {
    /// As an exchange that just came in.
    pub(super) fn exchange(self, cx: &Context, what: &str) -> Exchange {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        let (_, nothing) = bounded(0);
        Exchange { status: self.status, headers, body: Body::of(cx, what, nothing, self.body) }
    }

    /// An answer read whole.
    pub(super) fn read(exchange: &mut Exchange, most: u64) -> Result<Self> {
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers = exchange.headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect();
        Ok(Self { status: exchange.status, headers, body: exchange.body.all(most)? })
    }
}
