//! GET into a file, going on where an earlier try stopped.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use fs_err::File;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, IF_RANGE, RANGE};
use sha2::{Digest as _, Sha256};

use super::ask::{Answered, Ask};
use super::failure::status;
use super::part::{Part, Validator};
use super::retry::Setback;
use super::{Auth, Downloaded, Http};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;
use crate::roles::{Context, Event, Unit};
use crate::sys::redact;

/// What is wanted, and how much of it at most.
pub(super) struct Order<'a> {
    pub url: &'a str,
    pub auth: Option<&'a Auth>,
    pub to: &'a Path,
    pub max_bytes: u64,
    pub expected: Option<&'a Digest>,
    pub task: &'a str,
}

pub(super) fn download(http: &Http, cx: &Context, order: &Order<'_>) -> Result<Downloaded> {
    let mut part = Part::open(cx, order.to, order.url)?;
    cx.emit(Event::Started { task: order.task.to_owned(), total: None, unit: Unit::Bytes });
    let result = run(http, cx, order, &mut part);
    cx.emit(Event::Finished { task: order.task.to_owned() });
    let downloaded = result?;
    part.finish(order.to)?;
    Ok(downloaded)
}

fn run(http: &Http, cx: &Context, order: &Order<'_>, part: &mut Part) -> Result<Downloaded> {
    let mut resumed_before = part.length() > 0;
    loop {
        let done = http.timing().run(cx, || attempt(http, cx, order, part))?;
        match order.expected {
            Some(expected) if done.digest != *expected => {
                part.restart()?;
                // The beginning may have come from another time, when the file was another one.
                if std::mem::take(&mut resumed_before) {
                    continue;
                }
                return Err(wrong_bytes(order, &done, expected));
            }
            _ => return Ok(done),
        }
    }
}

fn wrong_bytes(order: &Order<'_>, done: &Downloaded, expected: &Digest) -> Error {
    let error =
        Error::new(ErrorKind::Digest, format!("`{}` is not the file that was expected: it is {}, and should be {expected}", redact(order.url), done.digest));
    if done.content_type.as_deref() == Some("text/html") {
        error.hint("the server sent a web page; does the download want a login?")
    } else {
        error.hint("if its publisher replaced the file, write the new digest where the old one stands")
    }
}

fn attempt(http: &Http, cx: &Context, order: &Order<'_>, part: &mut Part) -> Result<Downloaded, Setback> {
    let mut headers: Vec<(HeaderName, String)> = Vec::new();
    if part.length() > 0 {
        match part.validator() {
            Some(validator) => {
                headers.push((RANGE, format!("bytes={}-", part.length())));
                headers.push((IF_RANGE, validator.text().to_owned()));
            }
            None => part.restart()?,
        }
    }
    let mut answer = http.ask(cx, &Ask::get(order.url, order.auth, &headers))?;
    let whole = match answer.status {
        200 => {
            part.restart()?;
            length(&answer)
        }
        206 if !headers.is_empty() => match continues(&answer, part) {
            Some(whole) => Some(whole),
            None => return Err(misfit(part, &answer)?),
        },
        416 if !headers.is_empty() => return Err(misfit(part, &answer)?),
        other => return Err(status(&answer.what, other, &answer.headers, &answer.url)),
    };
    answer.refuse_encoding()?;
    let too_long = |what: &str| Error::new(ErrorKind::Network, format!("{what}: the file is longer than the {} bytes allowed", order.max_bytes));
    if whole.is_some_and(|whole| whole > order.max_bytes) {
        return Err(too_long(&answer.what).into());
    }
    part.remember(Validator::of(&answer))?;
    let mut hasher = part.hashed()?;
    let progress = |done| cx.emit(Event::Advanced { task: order.task.to_owned(), done, total: whole });
    progress(part.length());
    while let Some(chunk) = answer.body.chunk()? {
        if part.length() + chunk.len() as u64 > order.max_bytes {
            part.restart()?;
            return Err(too_long(&answer.what).into());
        }
        hasher.update(&chunk);
        part.append(&chunk)?;
        progress(part.length());
    }
    if whole.is_some_and(|whole| whole != part.length()) {
        let error =
            Error::new(ErrorKind::Network, format!("{}: the server promised {} bytes and sent {}", answer.what, whole.unwrap_or_default(), part.length()));
        part.restart()?;
        return Err(error.temporary().into());
    }
    Ok(Downloaded { digest: Digest::from_bytes(hasher.finalize().into()), size: part.length(), content_type: answer.content_type() })
}

fn length(answer: &Answered) -> Option<u64> {
    answer.header(&CONTENT_LENGTH)?.parse().ok()
}

/// The whole length, when a 206 goes on exactly where the part ends and is of the same file.
fn continues(answer: &Answered, part: &Part) -> Option<u64> {
    let range = answer.header(&CONTENT_RANGE)?;
    let (span, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last, whole): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, whole.parse().ok()?);
    let same = match (Validator::of(answer), part.validator()) {
        (Some(now), Some(then)) => now == *then,
        _ => true,
    };
    (same && first == part.length() && last + 1 == whole && last >= first).then_some(whole)
}

/// A continuation that fits nothing: from zero, and that counts as a try.
fn misfit(part: &mut Part, answer: &Answered) -> Result<Setback> {
    part.restart()?;
    let error = Error::new(ErrorKind::Network, format!("{}: the server's continuation does not fit what was received before", answer.what)).temporary();
    Ok(Setback { error, after: Some(std::time::Duration::ZERO) })
}

/// The hash of the first `length` bytes.
pub(super) fn hash_of(file: &mut File, path: &Path, length: u64) -> Result<Sha256> {
    let failed = |error| Error::io("read the unfinished download", path, error);
    let mut hasher = Sha256::new();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut left = length;
    let mut buffer = vec![0; 128 * 1024];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = file.read(&mut buffer[..most]).map_err(failed)?;
        if count == 0 {
            return Err(Error::new(ErrorKind::Io, format!("`{}` became shorter while it was read", path.display())));
        }
        hasher.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(hasher)
}

/// Appends at the end of the file.
pub(super) fn append_to(file: &mut File, path: &Path, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes).map_err(|error| Error::io("write", path, error))
}
