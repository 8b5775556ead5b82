//! http(s): one client for everything, with retries, mirrors, credentials and limits.

mod ask;
mod client;
mod credentials;
mod download;
mod exchange;
mod failure;
mod kept;
mod mirror;
mod netrc;
mod part;
mod retry;
mod send;
mod slots;
mod tape;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::blocking::Client;
use reqwest::header::{ETAG, IF_NONE_MATCH};

pub(crate) use ask::{Answered, Ask};
pub(crate) use credentials::{TokenStyle, origin, percent_decode, split_userinfo};
pub(crate) use exchange::Body;
pub(crate) use failure::{offline, status};
pub use retry::Timing;
pub use send::{Reply, Send};
pub use tape::{Asked, Played, Tape};

use crate::error::Result;
use crate::model::Digest;
use crate::roles::Context;

/// What a machine or a person configures of the network.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// A proxy for everything; else `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` serve.
    pub proxy: Option<String>,
    /// A file of further certificates to trust (PEM).
    pub ca_bundle: Option<PathBuf>,
    /// Prefix → prefix, longest first.
    pub mirrors: Vec<(String, String)>,
    /// Requests to one host at a time; 0: the default of 6.
    pub per_host: usize,
    /// A netrc file; `None`: `$NETRC`, else `~/.netrc`.
    pub netrc: Option<PathBuf>,
    /// How long to wait for what.
    pub timing: Timing,
}

/// A credential for one origin.
#[derive(Clone)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer(String),
    /// `Authorization: Basic …`.
    Basic {
        /// The user's name.
        user: String,
        /// The password or token.
        secret: String,
    },
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(…)")
    }
}

/// The shared client; cheap to clone.
#[derive(Clone)]
pub struct Http(client::Handle, Option<tape::Held>);

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http(…)")
    }
}

/// What came back, body in memory.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The final status.
    pub status: u16,
    /// `ETag`, as sent.
    pub etag: Option<String>,
    /// `Content-Type`, lower case, without parameters.
    pub content_type: Option<String>,
    /// At most the bytes allowed.
    pub body: Vec<u8>,
}

/// What a download brought.
#[derive(Debug, Clone)]
pub struct Downloaded {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// `Content-Type`, lower case, without parameters.
    pub content_type: Option<String>,
}

impl Http {
    /// A client with these options. Does no I/O but reading `ca_bundle` and netrc.
    ///
    /// # Errors
    /// When a configured file cannot be read.
    pub fn new(options: HttpOptions) -> Result<Self> {
        Ok(Self(Arc::new(client::Shared::new(options)?), None))
    }

    /// The same, whose requests are answered by a tape, or kept on it. Only what is sent for extensions goes out so; all else is refused.
    #[must_use]
    pub fn with_tape(&self, tape: Arc<dyn Tape>) -> Self {
        Self(Arc::clone(&self.0), Some(tape::Held(tape)))
    }

    /// GET into memory. 200, 304, 404 and 410 come back as answers; everything else is an error after the retries that make sense.
    ///
    /// # Errors
    /// `Network`, `Denied` (401, 403), `Offline`; the message names method, host and path.
    pub fn get(&self, cx: &Context, url: &str, auth: Option<&Auth>, etag: Option<&str>, max_bytes: u64) -> Result<Answer> {
        let headers: Vec<_> = etag.map(|etag| (IF_NONE_MATCH, etag.to_owned())).into_iter().collect();
        self.timing().run(cx, || {
            let mut answer = self.ask(cx, &Ask::get(url, auth, &headers))?;
            if !matches!(answer.status, 200 | 304 | 404 | 410) {
                return Err(status(&answer.what, answer.status, &answer.headers, &answer.url));
            }
            answer.refuse_encoding()?;
            let body = answer.body.all(max_bytes)?;
            Ok(Answer { status: answer.status, etag: answer.header(&ETAG), content_type: answer.content_type(), body })
        })
    }

    /// GET through a folder of kept answers with their ETags: asked again at most once a process (and always with `--refresh`);
    /// offline the kept answer serves. `None`: there is no such file on the server.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn get_kept(&self, cx: &Context, url: &str, auth: Option<&Auth>, kept: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        kept::get_kept(self, cx, url, auth, kept, max_bytes)
    }

    /// When the server last stood by an answer that [`Self::get_kept`] keeps, in seconds since 1970; `None`: none is kept.
    #[must_use]
    pub fn heard(&self, url: &str, kept: &Path) -> Option<i64> {
        kept::heard(url, kept)
    }

    /// GET into a file: resumed where the server allows, retried with back-off, never longer than `max_bytes`; progress is emitted under `task`.
    ///
    /// # Errors
    /// As [`Self::get`]; `Digest` where `expected` differs; `NotFound` for 404 and 410.
    #[allow(clippy::too_many_arguments, reason = "an order with all its parts; each is needed")]
    pub fn download(
        &self,
        cx: &Context,
        url: &str,
        auth: Option<&Auth>,
        to: &Path,
        max_bytes: u64,
        expected: Option<&Digest>,
        task: &str,
    ) -> Result<Downloaded> {
        download::download(self, cx, &download::Order { url, auth, to, max_bytes, expected, task })
    }

    pub(crate) fn timing(&self) -> &Timing {
        &self.0.timing
    }
    pub(crate) fn mirrors(&self) -> &mirror::Mirrors {
        &self.0.mirrors
    }
    pub(crate) fn credentials(&self) -> &credentials::Credentials {
        &self.0.credentials
    }
    /// The proxy of the options.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.0.proxy()
    }
    /// The further certificates of the options.
    pub(crate) fn ca_bundle(&self) -> Option<&Path> {
        self.0.ca_bundle()
    }
    fn slots(&self) -> &slots::Slots {
        &self.0.slots
    }
    fn client(&self) -> Result<&Client> {
        self.0.client()
    }
}
