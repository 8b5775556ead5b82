//! One request and its answer, read by a thread of its own so that the caller can stop at any moment: a blocking client
//! cannot be interrupted, but it can be left alone.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use reqwest::blocking::{Client, Request};
use reqwest::header::HeaderMap;

use super::failure::{Broken, broken};
use super::slots::Slot;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;

/// Bytes asked of the connection at a time.
const CHUNK: usize = 128 * 1024;
/// Chunks read ahead of the caller.
const AHEAD: usize = 4;
/// Bytes a second below which a body counts as stalled.
const SLOWEST: f64 = 10.0;
/// How often a waiting caller looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// An answer, its body still to be read.
pub(crate) struct Exchange {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
}

/// The bytes of an answer as they come. Dropping it ends the request.
pub(crate) struct Body {
    pieces: Receiver<Piece>,
    cx: Context,
    /// `GET https://host/path`, for messages.
    what: String,
    chunk: Vec<u8>,
    read: usize,
    /// Bytes that came before.
    ready: Option<Vec<u8>>,
    _slot: Option<Slot>,
}

pub(super) enum Piece {
    Head(u16, HeaderMap),
    Chunk(Vec<u8>),
    End,
    Broken(Broken),
}

/// How patient the reading thread is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The longest time without a byte.
    pub stall: Duration,
    /// The time over which the slowest rate is measured.
    pub window: Duration,
}

/// Sends a request and waits for the head of its answer.
pub(crate) fn exchange(cx: &Context, client: &Client, request: Request, patience: Patience, slot: Slot, what: &str) -> Result<Exchange> {
    let (sender, pieces) = bounded(AHEAD);
    let client = client.clone();
    std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || pump(&client, request, patience, &sender))
        .map_err(|error| Error::new(ErrorKind::Network, format!("{what}: could not start a thread")).caused_by(error))?;
    let mut body = Body { pieces, cx: cx.clone(), what: what.to_owned(), chunk: Vec::new(), read: 0, ready: None, _slot: Some(slot) };
    match body.next_piece()? {
        Piece::Head(status, headers) => Ok(Exchange { status, headers, body }),
        _ => Err(Error::new(ErrorKind::Internal, format!("{what}: a body came before its head"))),
    }
}

fn pump(client: &Client, mut request: Request, patience: Patience, pieces: &Sender<Piece>) {
    *request.timeout_mut() = Some(patience.stall);
    let mut response = match client.execute(request) {
        Ok(response) => response,
        Err(error) => {
            let _ = pieces.send(Piece::Broken(broken(&error)));
            return;
        }
    };
    // A failed send means that the caller has gone; then there is nobody to tell, and this thread just ends.
    if pieces.send(Piece::Head(response.status().as_u16(), response.headers().clone())).is_err() {
        return;
    }
    let (mut waited, mut got) = (Duration::ZERO, 0_usize);
    loop {
        let mut chunk = vec![0; CHUNK];
        let begun = Instant::now();
        match response.read(&mut chunk) {
            Ok(0) => {
                let _ = pieces.send(Piece::End);
                return;
            }
            Ok(count) => {
                waited += begun.elapsed();
                got += count;
                if waited >= patience.window {
                    if (got as f64) < SLOWEST * waited.as_secs_f64() {
                        let _ = pieces.send(Piece::Broken(Broken::slow(got, waited)));
                        return;
                    }
                    (waited, got) = (Duration::ZERO, 0);
                }
                chunk.truncate(count);
                if pieces.send(Piece::Chunk(chunk)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let _ = pieces.send(Piece::Broken(broken(&error)));
                return;
            }
        }
    }
}

impl Body {
    /// A body that is all there.
    pub(super) fn of(cx: &Context, what: &str, pieces: Receiver<Piece>, bytes: Vec<u8>) -> Self {
        Self { pieces, cx: cx.clone(), what: what.to_owned(), chunk: Vec::new(), read: 0, ready: Some(bytes), _slot: None }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Network` (temporary) when the connection broke or stalled, `Interrupted`.
    pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.ready.take() {
            return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
        }
        match self.next_piece()? {
            Piece::Chunk(chunk) => Ok(Some(chunk)),
            _ => Ok(None),
        }
    }

    /// Everything, up to a limit.
    ///
    /// # Errors
    /// As [`Self::chunk`]; `Network` when there is more than the limit.
    pub(crate) fn all(&mut self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk()? {
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(Error::new(ErrorKind::Network, format!("{}: the answer is longer than the {limit} bytes allowed", self.what)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn next_piece(&mut self) -> Result<Piece> {
        loop {
            self.cx.check()?;
            match self.pieces.recv_timeout(LOOK) {
                Ok(Piece::Broken(broken)) => return Err(broken.error(&self.what)),
                Ok(piece) => return Ok(piece),
                Err(RecvTimeoutError::Timeout) => {}
                // After the end, and after a failure that was told, there is no more.
                Err(RecvTimeoutError::Disconnected) => return Ok(Piece::End),
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.chunk.len() {
            self.chunk = self.chunk().map_err(io::Error::other)?.unwrap_or_default();
            self.read = 0;
        }
        let count = buffer.len().min(self.chunk.len() - self.read);
        buffer[..count].copy_from_slice(&self.chunk[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}
