//! Answers of servers that scripts ask for again and again (`keep: true`): asked once a run, and on the next run only whether they are
//! still the same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::http::{Response, network, sent, whole_url};
use super::options::Options;
use crate::error::{Error, ErrorKind, Result};
use crate::script::call::Call;
use crate::sys::{fs, redact};

/// What this run was told, by the file that it is kept in. The lock of one makes others wait for one request.
static TOLD: LazyLock<Mutex<HashMap<PathBuf, Memory>>> = LazyLock::new(Mutex::default);
type Memory = Arc<Mutex<Option<Response>>>;

const SCHEMA: u32 = 1;

/// The first line of a kept answer's file; the body follows.
#[derive(Serialize, Deserialize)]
struct Head {
    schema: u32,
    headers: Vec<(String, String)>,
    sha256: String,
}

/// Asks, or gives what is kept.
pub(super) fn get(call: &Call, url: &str, options: &Options, most: u64) -> Result<Response> {
    if let Some(other) = ["form", "json", "body", "auth"].into_iter().find(|key| options.value(key).is_some()) {
        return Err(Error::new(ErrorKind::Invalid, format!("`keep` and `{other}` cannot be given together"))
            .hint("what is kept lies in the stock for every user of it: it is what anybody is told"));
    }
    call.allowed().net(url)?;
    let headers = options.pairs("headers")?;
    let whole = whole_url(url, &options.pairs("query")?)?;
    let key = serde_json::json!([call.allowed().name, whole, headers]).to_string();
    let file = network(&call.cx())?.kept.join("scripts").join(hex::encode(Sha256::digest(key)));
    let memory = Arc::clone(TOLD.lock().unwrap_or_else(PoisonError::into_inner).entry(file.clone()).or_default());
    let mut told = call.wait(|_| Ok(memory.lock().unwrap_or_else(PoisonError::into_inner)))?;
    let (offline, refresh) = (call.cx().offline(), call.cx().refresh());
    if let Some(answer) = told.as_ref().filter(|_| offline || !refresh) {
        return Ok(answer.clone());
    }
    let shown = redact(&whole);
    let kept = read(&file, &shown, most);
    let answer = match (kept, offline) {
        (Some(kept), true) => kept,
        (None, true) => return Err(crate::sys::http::offline(&shown).note("it was never asked for, so that nothing of it is kept")),
        (kept, false) => {
            let mut more = Vec::new();
            if let Some(kept) = kept.as_ref().filter(|_| !refresh) {
                more.extend(kept.header("etag").map(|etag| ("if-none-match".to_owned(), etag.to_owned())));
            }
            let answer = sent(call, "GET", url, options, &more, |_, mut reply| {
                let body = reply.all(most)?;
                Ok(Response::new(reply.status, reply.headers, reply.url, reply.what, body))
            })?;
            match kept {
                Some(kept) if answer.status == 304 && !more.is_empty() => kept,
                _ => {
                    if answer.status == 200 && answer.header("etag").is_some() {
                        write(&file, &answer)?;
                    }
                    answer
                }
            }
        }
    };
    // A failure is asked about again.
    if (200..300).contains(&answer.status) {
        *told = Some(answer.clone());
    }
    Ok(answer)
}

/// `None` also for a file that is not whole: then it is asked for as if it had never been.
fn read(file: &Path, shown: &str, most: u64) -> Option<Response> {
    let mut bytes = fs::read(file, most.saturating_add(1 << 20)).ok()??;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    bytes.drain(..=end);
    let whole = head.schema == SCHEMA && head.sha256 == hex::encode(Sha256::digest(&bytes)) && bytes.len() as u64 <= most;
    whole.then(|| Response::new(200, head.headers, shown.to_owned(), format!("GET {shown} (kept)"), bytes))
}

fn write(file: &Path, answer: &Response) -> Result<()> {
    let plain = ["etag", "last-modified", "content-type"];
    let headers = answer.headers().iter().filter(|(name, _)| plain.contains(&name.as_str())).cloned().collect();
    let head = Head { schema: SCHEMA, headers, sha256: hex::encode(Sha256::digest(answer.body())) };
    let mut bytes = serde_json::to_vec(&head).map_err(|error| Error::new(ErrorKind::Internal, "a kept answer cannot be written").caused_by(error))?;
    bytes.push(b'\n');
    bytes.extend_from_slice(answer.body());
    fs::create_folder(file.parent().unwrap_or(Path::new(".")))?;
    fs::write_atomic(file, &bytes)
}
