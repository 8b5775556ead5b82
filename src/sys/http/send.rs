//! Requests as scripts make them: any method, headers and body. Every hop is allowed anew, nothing that belongs to one origin goes to
//! another, and nothing is sent that the caller did not give: no netrc, no tokens of the environment.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Request;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, USER_AGENT};
use url::Url;

use super::credentials::{base64, origin, split_userinfo};
use super::exchange::{Body, Exchange, Patience, exchange};
use super::failure::offline;
use super::tape::{Asked, Played};
use super::{Auth, Http};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::{hide_secrets, redact};

/// Redirects followed before giving up.
const MOST_HOPS: usize = 10;
/// Longer answers are not kept on a tape.
const LONGEST_KEPT: u64 = 64 << 20;
/// Headers that say nothing of who asks: the only ones that another origin gets.
const PLAIN: [HeaderName; 4] = [ACCEPT, ACCEPT_LANGUAGE, IF_NONE_MATCH, USER_AGENT];

/// A request with all its parts.
pub struct Send<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Where to.
    pub url: &'a str,
    /// Header names and values; they stay with the url's origin.
    pub headers: &'a [(String, String)],
    /// The credential; it stays with the url's origin.
    pub auth: Option<&'a Auth>,
    /// The body.
    pub body: Option<&'a [u8]>,
    /// Whether redirects are followed.
    pub follow: bool,
    /// Whether a url may be asked: called for the first and for each that a redirect leads to.
    pub allow: &'a dyn Fn(&Url) -> Result<()>,
}

impl fmt::Debug for Send<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").field("method", &self.method).finish_non_exhaustive()
    }
}

/// An answer of any status, its body still to be read.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The url that answered, without user and password.
    pub url: String,
    /// `GET https://host/path`, for messages.
    pub what: String,
    body: Body,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    /// The body, up to a limit.
    ///
    /// # Errors
    /// `Network` when there is more, or the connection broke; `Interrupted`.
    pub fn all(&mut self, limit: u64) -> Result<Vec<u8>> {
        self.body.all(limit)
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Network`, `Interrupted`.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.body.chunk()
    }

    /// A header's first value, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl Http {
    /// Sends a request; every status comes back as an answer. What may be asked twice is tried again when the network fails.
    ///
    /// # Errors
    /// `Network`, `Offline`, `Invalid`; whatever `allow` fails with.
    pub fn send(&self, cx: &Context, send: &Send<'_>) -> Result<Reply> {
        let method = Method::from_bytes(send.method.to_ascii_uppercase().as_bytes())
            .ok()
            .filter(|method| !matches!(*method, Method::CONNECT | Method::TRACE))
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("`{}` is no method of http", send.method.escape_debug())))?;
        if method == Method::GET || method == Method::HEAD {
            self.timing().run(cx, || Ok(self.send_once(cx, send, method.clone())?))
        } else {
            self.send_once(cx, send, method)
        }
    }

    fn send_once(&self, cx: &Context, send: &Send<'_>, mut method: Method) -> Result<Reply> {
        let shown = hide_secrets(&redact(send.url));
        let invalid = |reason: &str| Error::new(ErrorKind::Invalid, format!("`{shown}` is not a url that can be asked: {reason}"));
        let mut url = Url::parse(send.url).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are spoken"));
        }
        url.set_fragment(None);
        (send.allow)(&url)?;
        if cx.offline() {
            return Err(offline(&shown));
        }
        let own = split_userinfo(&mut url);
        let auth = send.auth.or(own.as_ref());
        let home = origin(&url);
        // A mirror is the administrator's word, so that it needs no grant; it is another origin all the same.
        if method == Method::GET
            && let Some(mirror) = self.mirrors().target(url.as_str()).mirror
        {
            url = Url::parse(&mirror).map_err(|error| invalid(&error.to_string()))?;
        }
        let mut body = send.body;
        for _ in 0..=MOST_HOPS {
            let what = format!("{method} {}", hide_secrets(&redact(url.as_str())));
            let at_home = origin(&url) == home;
            let request = request(&method, &url, send, auth.filter(|_| at_home), body, at_home, &what)?;
            let answer = self.answered(cx, request, &url, body, &what)?;
            let moved = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            let Some(to) = answer.headers.get(LOCATION).filter(|_| moved && send.follow) else {
                let headers = answer.headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect();
                return Ok(Reply { status: answer.status, headers, url: url.to_string(), what, body: answer.body });
            };
            let fail = |text: String| Error::new(ErrorKind::Network, format!("{what}: {text}"));
            let Some(mut next) = to.to_str().ok().and_then(|to| url.join(to).ok()) else {
                return Err(fail("the server redirects to something that is no url".to_owned()));
            };
            if !matches!(next.scheme(), "http" | "https") {
                return Err(fail(format!("the server redirects to the protocol `{}`", next.scheme())));
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(fail(format!("the server redirects from https to {}, which is not secure", hide_secrets(&redact(next.as_str())))));
            }
            // What a redirect writes into the url is not ours.
            let _ = split_userinfo(&mut next);
            next.set_fragment(None);
            (send.allow)(&next).map_err(|error| error.note(format!("`{what}` redirects there")))?;
            if matches!(answer.status, 307 | 308) {
                if body.is_some() && origin(&next) != origin(&url) {
                    return Err(fail(format!("the server wants what was sent to it sent to another: {}", hide_secrets(&redact(next.as_str())))));
                }
            } else if method != Method::HEAD {
                method = Method::GET;
                body = None;
            }
            url = next;
        }
        Err(Error::new(ErrorKind::Network, format!("{} {shown}: more than {MOST_HOPS} redirects", send.method)))
    }
}

impl Http {
    /// One request's answer: from the server, or from a tape.
    fn answered(&self, cx: &Context, request: Request, url: &Url, body: Option<&[u8]>, what: &str) -> Result<Exchange> {
        let method = request.method().clone();
        let asked = Asked { method: method.as_str(), url: url.as_str(), body };
        let played = self.1.as_ref().map(|tape| tape.0.play(&asked)).transpose()?;
        if let Some(Some(played)) = played {
            return Ok(played.exchange(cx, what));
        }
        let slot = self.slots().take(cx, &origin(url))?;
        let timing = self.timing();
        let patience = Patience { stall: timing.stall, window: timing.stall.max(Duration::from_millis(1)) };
        let mut answer = exchange(cx, self.client()?, request, patience, slot, what)?;
        let Some(tape) = &self.1 else { return Ok(answer) };
        let played = Played::read(&mut answer, LONGEST_KEPT)?;
        tape.0.keep(&asked, &played);
        Ok(played.exchange(cx, what))
    }
}

fn request(method: &Method, url: &Url, send: &Send<'_>, auth: Option<&Auth>, body: Option<&[u8]>, at_home: bool, what: &str) -> Result<Request> {
    let invalid = |text: String| Error::new(ErrorKind::Invalid, format!("{what}: {text}"));
    let mut request = Request::new(method.clone(), url.clone());
    let headers = request.headers_mut();
    for (name, value) in send.headers {
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(format!("`{}` is no name of a header", name.escape_debug())))?;
        if matches!(known.as_str(), "host" | "content-length" | "transfer-encoding" | "connection" | "upgrade" | "te" | "trailer" | "expect") {
            return Err(invalid(format!("the header `{known}` is not the caller's to set")));
        }
        if at_home || PLAIN.contains(&known) {
            // Of a body that is no longer sent nothing is said.
            if body.is_none() && known.as_str() == "content-type" {
                continue;
            }
            headers.append(known, HeaderValue::from_str(value).map_err(|_| invalid(format!("the header `{name}` holds a character that it must not")))?);
        }
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(auth) = auth {
        let text = match auth {
            Auth::Bearer(token) => format!("Bearer {token}"),
            Auth::Basic { user, secret } => format!("Basic {}", base64(format!("{user}:{secret}").as_bytes())),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| invalid("the credential holds a character that no header may hold".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if let Some(body) = body {
        *request.body_mut() = Some(body.to_vec().into());
    }
    Ok(request)
}
