//! libgit2 speaks to http servers through our own client: one TLS, one proxy setting, one place for credentials.
//!
//! libgit2 knows a transport by the beginning of a url and hands it nothing but the url. So each fetch opens a [`Session`] and
//! names it in an url of its own, `greffon://NUMBER`, which no configuration and no manifest can name.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use url::Url;

use super::refs::Advert;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::http::{Answered, Ask, Auth, Body, Http, TokenStyle, status};
use crate::sys::redact;

/// The longest list of refs.
const LONGEST_ADVERT: u64 = 256 << 20;
const SCHEME: &str = "greffon";

/// An http remote: how to ask it.
#[derive(Clone)]
pub(super) struct Remote {
    pub http: Http,
    pub url: String,
    pub auth: Option<Auth>,
}

/// One fetch over http. Its url is valid as long as it lives.
pub(super) struct Session {
    shared: Arc<Shared>,
    number: u64,
}

struct Shared {
    remote: Remote,
    cx: Context,
    advert: Arc<Advert>,
    /// Why the last request failed; libgit2 itself carries nothing but a text.
    failure: Mutex<Option<Error>>,
}

impl Remote {
    fn ask<'a>(&'a self, cx: &Context, ask: &Ask<'a>) -> Result<Answered> {
        // A server that computes a pack may send no more than a sign of life every few seconds.
        self.http.ask(cx, &Ask { auth: self.auth.as_ref(), style: TokenStyle::Git, windows: 10, ..*ask })
    }

    /// Asks for the list of refs.
    ///
    /// # Errors
    /// `Network`, `Denied`, `Offline`; `NotFound` when there is nothing at that path; `Git` when there is something else.
    pub(super) fn advert(&self, cx: &Context) -> Result<Advert> {
        let shown = redact(&self.url);
        self.http.timing().run(cx, || {
            let mut answer = self.ask(cx, &Ask::get(&format!("{}/info/refs?service=git-upload-pack", self.url), None, &[]))?;
            match answer.status {
                200 => {}
                404 | 410 => return Err(no_repository(&shown, answer.status).into()),
                other => return Err(status(&answer.what, other, &answer.headers, &answer.url)),
            }
            answer.refuse_encoding()?;
            match answer.content_type().as_deref() {
                Some("application/x-git-upload-pack-advertisement") => {}
                Some("text/html") => return Err(web_page(&shown).into()),
                other => return Err(not_smart(&shown, other.unwrap_or("nothing")).into()),
            }
            let bytes = answer.body.all(LONGEST_ADVERT)?;
            let mut advert = Advert::read(bytes, &shown)?;
            if answer.redirected {
                advert.moved = moved(&answer.url);
            }
            Ok(advert)
        })
    }
}

/// Where the packs are when the refs were found at `url`, as git itself concludes.
fn moved(url: &Url) -> Option<Url> {
    let base = url.path().strip_suffix("/info/refs")?;
    let mut moved = url.clone();
    moved.set_path(&format!("{base}/git-upload-pack"));
    moved.set_query(None);
    Some(moved)
}

fn no_repository(shown: &str, status: u16) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no git repository at `{shown}` (status {status})"))
        .hint("is the address right? many hosts also say so of repositories that want a login")
}

fn web_page(shown: &str) -> Error {
    Error::new(ErrorKind::Git, format!("`{shown}` is a web page, not a git repository"))
        .hint("copy the address that the host gives for `git clone`; a page may also be a login that the host asks for first")
}

fn not_smart(shown: &str, kind: &str) -> Error {
    Error::new(ErrorKind::Git, format!("`{shown}` is no git repository that can be fetched from: the server answers with `{}`", super::refs::plain(kind)))
        .hint("a repository that lies on a web server as plain files cannot be fetched at depth one; serve it by `git http-backend`")
}

impl Session {
    pub(super) fn open(remote: &Remote, cx: &Context, advert: Arc<Advert>) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        prepare()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared { remote: remote.clone(), cx: cx.clone(), advert, failure: Mutex::default() });
        sessions().lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&shared));
        Ok(Self { shared, number })
    }

    /// The url to give to libgit2.
    pub(super) fn url(&self) -> String {
        format!("{SCHEME}://{}", self.number)
    }

    /// Why the last request failed, where one did.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        sessions().lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

fn sessions() -> &'static Mutex<HashMap<u64, Arc<Shared>>> {
    static SESSIONS: OnceLock<Mutex<HashMap<u64, Arc<Shared>>>> = OnceLock::new();
    SESSIONS.get_or_init(Mutex::default)
}

/// Registers our transport with libgit2, once for this process.
///
/// # Errors
/// `Internal` when libgit2 refuses.
fn prepare() -> Result<()> {
    static DONE: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| register().map_err(|error| error.message().to_owned()))
        .clone()
        .map_err(|text| Error::new(ErrorKind::Internal, format!("libgit2 could not be set up: {text}")))
}

#[allow(unsafe_code)]
fn register() -> std::result::Result<(), git2::Error> {
    // SAFETY: registering must not run beside other registrations or the creation of transports: the `OnceLock` in `prepare` lets
    // one thread register, once, and sessions, the only users of transports, are opened after `prepare` returned.
    unsafe {
        git2::transport::register(SCHEME, |remote| {
            let number = remote.url().ok().and_then(|url| url.rsplit('/').next()).and_then(|number| number.parse::<u64>().ok());
            let shared = number.and_then(|number| sessions().lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned());
            let shared = shared.ok_or_else(|| git2::Error::from_str("this url belongs to no fetch that is under way"))?;
            Transport::smart(remote, true, Wire { shared })
        })
    }
}

/// Bytes of a pack that are mapped at a time.
const WINDOW: usize = 16 << 20;

/// Limits what is mapped of all packs together: libgit2 maps them whole otherwise, and what was read counts as this process's memory.
pub(super) fn limit_mapping() {
    static ONCE: Once = Once::new();
    #[allow(unsafe_code)]
    ONCE.call_once(|| {
        // SAFETY: the limits are plain numbers that libgit2 reads without a lock; they are set before the first repository is opened.
        // Where they cannot be set, packs are mapped whole as before.
        let _ = unsafe { git2::opts::set_mwindow_size(WINDOW).and_then(|()| git2::opts::set_mwindow_mapped_limit(4 * WINDOW)) };
    });
}

struct Wire {
    shared: Arc<Shared>,
}

impl SmartSubtransport for Wire {
    fn action(&self, _: &str, service: Service) -> std::result::Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        match service {
            Service::UploadPackLs => Ok(Box::new(Cursor::new(self.shared.advert.bytes.clone()))),
            Service::UploadPack => Ok(Box::new(Post { shared: Arc::clone(&self.shared), request: Vec::new(), body: None, begun: false })),
            Service::ReceivePackLs | Service::ReceivePack => Err(git2::Error::from_str("nothing is ever pushed")),
        }
    }
    fn close(&self) -> std::result::Result<(), git2::Error> {
        Ok(())
    }
}

/// A POST to `git-upload-pack`: sent when libgit2 begins to read its answer.
struct Post {
    shared: Arc<Shared>,
    request: Vec<u8>,
    body: Option<Body>,
    /// Whether something of the answer was read.
    begun: bool,
}

/// A server's refusal in git's own words, which libgit2 does not pass on: a line `ERR reason` in place of the answer.
fn refusal(answer: &[u8], shown: &str) -> Option<Error> {
    let message = String::from_utf8_lossy(answer.get(4..)?.strip_prefix(b"ERR ")?).into_owned();
    let kind = if message.contains("not our ref") { ErrorKind::NotFound } else { ErrorKind::Git };
    Some(Error::new(kind, format!("`{shown}` answers: {}", super::refs::plain(&message))))
}

impl Post {
    fn send(&self) -> Result<Body> {
        const RESULT: &str = "application/x-git-upload-pack-result";
        let headers = [(CONTENT_TYPE, "application/x-git-upload-pack-request".to_owned()), (ACCEPT, RESULT.to_owned())];
        let remote = &self.shared.remote;
        let url = format!("{}/git-upload-pack", remote.url);
        let ask = Ask { at: self.shared.advert.moved.as_ref(), body: Some(&self.request), ..Ask::get(&url, None, &headers) };
        let answer = remote.ask(&self.shared.cx, &ask)?;
        if answer.status != 200 {
            return Err(status(&answer.what, answer.status, &answer.headers, &answer.url).error);
        }
        answer.refuse_encoding()?;
        match answer.content_type().as_deref() {
            Some(RESULT) => Ok(answer.body),
            Some("text/html") => Err(web_page(&redact(&remote.url))),
            other => Err(not_smart(&redact(&remote.url), other.unwrap_or("nothing"))),
        }
    }

    fn fail(&self, error: Error) -> io::Error {
        *self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        io::Error::other("the transfer failed")
    }
}

impl Write for Post {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Post {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.body.is_none() {
            let body = self.send().map_err(|error| self.fail(error))?;
            self.body = Some(body);
        }
        let Some(body) = &mut self.body else { return Ok(0) };
        let count = body.read(buffer).map_err(|error| match error.downcast::<Error>() {
            Ok(error) => self.fail(error),
            Err(_) => io::Error::other("the transfer failed"),
        })?;
        if !std::mem::replace(&mut self.begun, true)
            && let Some(refusal) = refusal(&buffer[..count], &redact(&self.shared.remote.url))
        {
            return Err(self.fail(refusal));
        }
        Ok(count)
    }
}
