//! Answers kept on disk with their validators, asked again at most once a process.
//!
//! One file an url, named by the url's SHA-256: a line of JSON, then the body. It is written beside and renamed, and the
//! line holds the body's digest, so that a torn file is as good as none.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{CACHE_CONTROL, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ask::Ask;
use super::failure::{offline, status};
use super::retry::Setback;
use super::{Auth, Http};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::redact;

/// What this process was told, once it was; the lock makes concurrent callers wait for one request.
pub(super) type Memory = Arc<Mutex<Option<Told>>>;

/// A body, or that there is none.
pub(super) type Told = Option<Arc<Vec<u8>>>;

const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Head {
    schema: u32,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    /// The server said that there is no such file.
    #[serde(default)]
    gone: bool,
    sha256: String,
}

pub(super) fn get_kept(http: &Http, cx: &Context, url: &str, auth: Option<&Auth>, folder: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>> {
    let memory = Arc::clone(http.0.kept.lock().unwrap_or_else(PoisonError::into_inner).entry((folder.to_owned(), url.to_owned())).or_default());
    let mut told = memory.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(told) = &*told
        && (!cx.refresh() || cx.offline())
    {
        return Ok(told.as_ref().map(|body| body.as_ref().clone()));
    }
    let file = place(url, folder);
    let kept = read(&file, url);
    if cx.offline() {
        let (_, body) = kept.ok_or_else(|| offline(&redact(url)).note("it was never asked for, so that nothing of it is kept"))?;
        return Ok(body);
    }
    let fresh = http.timing().run(cx, || ask(http, cx, url, auth, kept.as_ref(), max_bytes))?;
    let body = match fresh {
        Fresh::Unchanged => {
            crate::sys::fs::freshen(&file);
            kept.and_then(|(_, body)| body)
        }
        Fresh::New(head, body) => {
            write(&file, &head, body.as_deref().unwrap_or_default())?;
            body
        }
    };
    *told = Some(body.clone().map(Arc::new));
    Ok(body)
}

/// When the server was last asked for a kept answer and stood by it, in seconds since 1970; `None`: nothing is kept.
pub(super) fn heard(url: &str, folder: &Path) -> Option<i64> {
    let modified = fs_err::metadata(place(url, folder)).ok()?.modified().ok()?;
    i64::try_from(modified.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

fn place(url: &str, folder: &Path) -> PathBuf {
    folder.join(hex::encode(Sha256::digest(url.as_bytes())))
}

enum Fresh {
    Unchanged,
    New(Head, Option<Vec<u8>>),
}

fn ask(http: &Http, cx: &Context, url: &str, auth: Option<&Auth>, kept: Option<&(Head, Option<Vec<u8>>)>, max_bytes: u64) -> Result<Fresh, Setback> {
    let mut headers: Vec<(HeaderName, String)> = Vec::new();
    if let Some((head, Some(_))) = kept {
        if let Some(etag) = &head.etag {
            headers.push((IF_NONE_MATCH, etag.clone()));
        } else if let Some(date) = &head.last_modified {
            headers.push((IF_MODIFIED_SINCE, date.clone()));
        }
    }
    if cx.refresh() {
        headers.push((CACHE_CONTROL, "no-cache".to_owned()));
    }
    let mut answer = http.ask(cx, &Ask::get(url, auth, &headers))?;
    let gone = match answer.status {
        200 => false,
        304 if headers.iter().any(|(name, _)| *name == IF_NONE_MATCH || *name == IF_MODIFIED_SINCE) => return Ok(Fresh::Unchanged),
        404 | 410 => true,
        other => return Err(status(&answer.what, other, &answer.headers, &answer.url)),
    };
    let body = if gone {
        None
    } else {
        answer.refuse_encoding()?;
        Some(answer.body.all(max_bytes)?)
    };
    let sha256 = hex::encode(Sha256::digest(body.as_deref().unwrap_or_default()));
    let head = Head { schema: SCHEMA, url: redact(url), etag: answer.header(&ETAG), last_modified: answer.header(&LAST_MODIFIED), gone, sha256 };
    Ok(Fresh::New(head, body))
}

/// `None` also for a file that is not whole: then it is asked for as if it had never been.
fn read(file: &Path, url: &str) -> Option<(Head, Option<Vec<u8>>)> {
    let mut bytes = fs_err::read(file).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    bytes.drain(..=end);
    let whole = head.schema == SCHEMA && head.url == redact(url) && head.sha256 == hex::encode(Sha256::digest(&bytes));
    whole.then(|| {
        let body = (!head.gone).then_some(bytes);
        (head, body)
    })
}

fn write(file: &PathBuf, head: &Head, body: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let failed = |error| Error::io("keep a server's answer in", folder, error);
    fs_err::create_dir_all(folder).map_err(failed)?;
    let mut bytes = serde_json::to_vec(head).map_err(|error| Error::new(ErrorKind::Internal, "a kept answer cannot be written").caused_by(error))?;
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut beside, &bytes).map_err(failed)?;
    beside.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}
