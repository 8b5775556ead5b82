//! What can go wrong between a server and its client.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::wire::Reply;

/// One thing that goes wrong with a reply.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Another answer instead of the real one.
    Answer(Answer),
    /// The connection ends after this many bytes of the body.
    Cut(u64),
    /// The connection is reset after this many bytes of the body.
    Reset(u64),
    /// After this many bytes of the body nothing more comes, and the connection stays open.
    Stall(u64),
    /// One byte of the body at a time, with this pause after each.
    Drip(Duration),
    /// `Content-Length` is wrong by this much, and the connection ends after the true body.
    Length(i64),
    /// The reply begins this much later.
    Delay(Duration),
    /// The reply begins once this is set.
    Gate(Arc<AtomicBool>),
    /// A part of a body that says `Content-Range: bytes {0}-{1}/{2}` whatever it holds.
    Range(u64, u64, u64),
}

/// A made-up answer.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Fault {
    /// An answer with this status and a short text.
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: vec![("Content-Type".into(), "text/plain".into())], body: format!("status {status}\n").into_bytes() }
    }
    /// 200 and a login page, as captive portals and lapsed sessions give.
    pub fn html() -> Self {
        let body = b"<!doctype html><title>Log in</title><form action=/login></form>".to_vec();
        Self::Answer(Answer { status: 200, headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())], body })
    }
    /// A redirect.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).header("Location", to)
    }
}

impl Answer {
    /// The same with a further header.
    pub fn header(mut self, name: &str, value: &str) -> Fault {
        self.headers.push((name.to_owned(), value.to_owned()));
        Fault::Answer(self)
    }
    /// The same with a further header, to be changed further.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    /// The same with another body.
    pub fn body(mut self, body: &[u8]) -> Fault {
        self.body = body.to_vec();
        Fault::Answer(self)
    }
    pub(super) fn reply(&self) -> Reply {
        let mut reply = Reply::new(self.status, self.body.clone());
        reply.headers = self.headers.clone();
        reply
    }
}

impl From<Answer> for Fault {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}
