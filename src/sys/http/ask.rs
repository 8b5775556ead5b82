//! A GET or POST from its url to the final answer: mirror, credentials, the host's limit, redirects.

use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Request;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use url::Url;

use super::credentials::{Origin, TokenStyle, origin, split_userinfo, strays};
use super::exchange::{Body, Exchange, Patience, exchange};
use super::failure::offline;
use super::{Auth, Http};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::redact;

/// Redirects followed before giving up.
const MOST_HOPS: usize = 10;

/// A question to a server.
pub(crate) struct Ask<'a> {
    pub url: &'a str,
    /// Where to ask instead, because an earlier answer led there. The credential given stays with `url`.
    pub at: Option<&'a Url>,
    pub auth: Option<&'a Auth>,
    pub style: TokenStyle,
    pub headers: &'a [(HeaderName, String)],
    /// `Some`: a POST of these bytes, which follows no redirect.
    pub body: Option<&'a [u8]>,
    /// The slowest rate is measured over so many stall times; servers that first have to compute get more.
    pub windows: u32,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(url: &'a str, auth: Option<&'a Auth>, headers: &'a [(HeaderName, String)]) -> Self {
        Self { url, at: None, auth, style: TokenStyle::Bearer, headers, body: None, windows: 1 }
    }
}

/// An answer and where it came from in the end.
pub(crate) struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
    /// The url that answered, after mirror and redirects.
    pub url: Url,
    /// Whether a redirect led there.
    pub redirected: bool,
    /// `GET https://host/path`, for messages.
    pub what: String,
}

impl Http {
    /// Asks once. Every status but a followed redirect comes back.
    pub(crate) fn ask(&self, cx: &Context, ask: &Ask<'_>) -> Result<Answered> {
        cx.check()?;
        let target = self.mirrors().target(ask.url);
        let shown = target.shown();
        if cx.offline() {
            return Err(offline(&shown));
        }
        if self.1.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, format!("`{shown}` is not asked: a test has only what its script itself asks by `http`")));
        }
        let method = if ask.body.is_some() { Method::POST } else { Method::GET };
        let what = format!("{method} {shown}");
        let mut home = parse(ask.url, &shown)?;
        let own = split_userinfo(&mut home);
        let given = ask.auth.or(own.as_ref());
        let mut url = match (ask.at, &target.mirror) {
            (Some(at), _) => at.clone(),
            (None, Some(mirror)) => parse(mirror, &shown)?,
            (None, None) => home.clone(),
        };
        let home = origin(&home);
        let first = origin(&url);
        let mut seen = vec![redact(url.as_str())];
        loop {
            let answer = self.hop(cx, ask, &method, &url, given, &[&home, &first], &what)?;
            let (301 | 302 | 303 | 307 | 308, Some(to)) = (answer.status, answer.headers.get(LOCATION)) else {
                let what = named(&method, &shown, &seen);
                return Ok(Answered { status: answer.status, headers: answer.headers, body: answer.body, url, redirected: seen.len() > 1, what });
            };
            let next = to.to_str().ok().and_then(|to| url.join(to).ok());
            let fail = |text: String| Error::new(ErrorKind::Network, format!("{what}: {text}"));
            let Some(mut next) = next else { return Err(fail("the server redirects to something that is no url".to_owned())) };
            if ask.body.is_some() {
                return Err(fail(format!("the server redirects a POST to {}", redact(next.as_str()))));
            }
            if !matches!(next.scheme(), "http" | "https") {
                return Err(fail(format!("the server redirects to the protocol `{}`", next.scheme())));
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(fail(format!("the server redirects from https to {}, which is not secure", redact(next.as_str()))));
            }
            // What a redirect writes into the url is not ours, and none of our credentials goes along but by origin.
            let _ = split_userinfo(&mut next);
            next.set_fragment(None);
            let name = redact(next.as_str());
            cx.may_reach(next.as_str()).map_err(|error| error.note(format!("`{what}` redirects there")))?;
            if next == url || seen.len() > MOST_HOPS {
                let looping = seen.contains(&name);
                seen.push(name);
                let path = seen[..seen.len().min(4)].join(" → ");
                return Err(fail(if looping {
                    format!("the redirects go round in circles: {path} …")
                } else {
                    format!("more than {MOST_HOPS} redirects: {path} …")
                }));
            }
            seen.push(name);
            url = next;
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one hop, all of them needed")]
    fn hop(&self, cx: &Context, ask: &Ask<'_>, method: &Method, url: &Url, given: Option<&Auth>, homes: &[&Origin; 2], what: &str) -> Result<Exchange> {
        let invalid = |text: &str| Error::new(ErrorKind::Invalid, format!("{what}: {text}"));
        let mut request = Request::new(method.clone(), url.clone());
        let headers = request.headers_mut();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in ask.headers {
            headers.insert(name.clone(), HeaderValue::from_str(value).map_err(|_| invalid("a header holds a character that it must not"))?);
        }
        if let Some(value) = self.credentials().header(url, given, homes[0], ask.style)
            && (homes.contains(&&origin(url)) || !homes.iter().any(|home| strays(home, &origin(url))))
        {
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(body) = ask.body {
            *request.body_mut() = Some(body.to_vec().into());
        }
        let slot = self.slots().take(cx, &origin(url))?;
        let timing = self.timing();
        let patience = Patience { stall: timing.stall, window: timing.stall.saturating_mul(ask.windows.max(1)).max(Duration::from_millis(1)) };
        exchange(cx, self.client()?, request, patience, slot, what)
    }
}

impl Answered {
    /// Refuses a body that is not what the server has, but a compressed form of it that nobody asked for.
    pub(crate) fn refuse_encoding(&self) -> Result<()> {
        let Some(encoding) = self.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()) else { return Ok(()) };
        let encoding = encoding.trim().to_ascii_lowercase();
        if encoding.is_empty() || encoding == "identity" {
            return Ok(());
        }
        // Some servers call a file that *is* compressed a compressed form of another; its bytes are the file's.
        let path = self.url.path();
        if matches!(encoding.as_str(), "gzip" | "x-gzip") && (path.ends_with(".gz") || path.ends_with(".tgz")) {
            return Ok(());
        }
        let shown: String = encoding.chars().filter(|c| !c.is_control()).take(40).collect();
        Err(Error::new(ErrorKind::Network, format!("{}: the server sends it encoded as `{shown}`, which was not asked for", self.what)))
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// `Content-Type`, lower case, without parameters.
    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.header(&reqwest::header::CONTENT_TYPE)?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }
}

fn named(method: &Method, shown: &str, seen: &[String]) -> String {
    match seen {
        [_] => format!("{method} {shown}"),
        [.., last] => format!("{method} {shown} (redirected to {last})"),
        [] => String::new(),
    }
}

fn parse(url: &str, shown: &str) -> Result<Url> {
    let invalid = |reason: &str| Error::new(ErrorKind::Invalid, format!("`{shown}` is not a url that can be asked: {reason}"));
    let mut parsed = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(invalid("only http and https are spoken"));
    }
    parsed.set_fragment(None);
    Ok(parsed)
}
