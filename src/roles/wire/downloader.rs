//! The downloader over a wire.
//!
//! `download({id, version, download, target_dir})` gives an install info (`{payload, digest?, receipt?}`; `id` and `version` may be
//! left out), or a payload alone (`{kind: "archive", path}`, `{kind: "directory", path}`, `{kind: "tree", tree, commit?}`).
//! The digest of an archive is taken here, and held against the request's.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::repository::fill;
use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, only_keys, to_json, wrong_answer};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, Download, InstallInfo, ObjectId, Payload};
use crate::roles::{Context, DownloadRequest, Downloader};
use crate::sys::fs;

const SHAPE: &str = "a map with `payload`: `#{ kind: \"archive\", path }`, `#{ kind: \"directory\", path }` or `#{ kind: \"tree\", tree }`";

/// A downloader whose answers come from a script or a library.
#[derive(Debug)]
pub struct WiredDownloader {
    to: Arc<dyn Answerer>,
    inner: Option<Arc<dyn Downloader>>,
}

impl WiredDownloader {
    /// A downloader; `inner` serves what the far side leaves out.
    #[must_use]
    pub fn new(to: Arc<dyn Answerer>, inner: Option<Arc<dyn Downloader>>) -> Self {
        Self { to, inner }
    }
}

impl Downloader for WiredDownloader {
    fn download(&self, cx: &Context, request: &DownloadRequest) -> Result<InstallInfo> {
        if !self.to.has("download") {
            return match &self.inner {
                Some(inner) => inner.download(cx, request),
                None => Err(nobody(&*self.to, Role::Downloader, "download")),
            };
        }
        let answer = self.to.call(cx, "download", to_json("a request", request)?)?;
        let answer = whole(answer, request);
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, "download", map, &INSTALL_KEYS, SHAPE)?;
            check_payload(&*self.to, "download", map)?;
        }
        let info: InstallInfo = from_answer(&*self.to, "download", answer, SHAPE)?;
        if info.id != request.id || info.version != request.version {
            let what = format!("asked for {} {}, it brought {} {}", request.id, request.version, info.id, info.version);
            return Err(wrong_answer(&*self.to, "download", &what, SHAPE));
        }
        hold_to(cx, request, info)
    }
}

/// The keys of an install info.
const INSTALL_KEYS: [&str; 5] = ["id", "version", "payload", "digest", "receipt"];

/// Refuses keys that the `payload` of an answer does not have.
pub(super) fn check_payload(to: &dyn Answerer, method: &str, map: &Map<String, Value>) -> Result<()> {
    let Some(payload) = map.get("payload").and_then(Value::as_object) else { return Ok(()) };
    let known: &[&str] = match payload.get("kind").and_then(Value::as_str) {
        Some("archive") => &["kind", "path", "subdir"],
        Some("directory") => &["kind", "path"],
        Some("tree") => &["kind", "tree", "commit"],
        _ => return Ok(()),
    };
    only_keys(to, method, payload, known, SHAPE)
}

/// A payload alone becomes an install info.
fn whole(answer: Value, request: &DownloadRequest) -> Value {
    let Value::Object(map) = answer else { return answer };
    let mut map = if map.contains_key("kind") { Map::from_iter([("payload".to_owned(), Value::Object(map))]) } else { map };
    fill(&mut map, "id", &request.id.to_string());
    fill(&mut map, "version", request.version.as_str());
    Value::Object(map)
}

/// Takes an archive's digest, and refuses bytes that are not the promised ones.
fn hold_to(cx: &Context, request: &DownloadRequest, mut info: InstallInfo) -> Result<InstallInfo> {
    let promised: Option<(Option<Digest>, Option<ObjectId>)> = match &request.download {
        Download::Url { sha256, .. } | Download::Path { sha256, .. } => Some((*sha256, None)),
        Download::Git { commit, .. } => Some((None, *commit)),
    };
    let (sha256, commit) = promised.unwrap_or_default();
    let differs = |found: &str, wanted: &str| {
        Error::new(ErrorKind::Digest, format!("what was downloaded for {} {} is {found}, not {wanted}", request.id, request.version))
            .hint("somebody changed what stands behind that version; look at it before you run `greffon update` to accept it")
    };
    match &info.payload {
        Payload::Archive { path, .. } => {
            let (found, _) = fs::digest(cx, path)?;
            if let Some(wanted) = sha256.filter(|wanted| *wanted != found) {
                return Err(differs(&found.to_string(), &wanted.to_string()));
            }
            info.digest = Some(found);
        }
        Payload::Tree { commit: Some(found), .. } => {
            if let Some(wanted) = commit.filter(|wanted| wanted != found) {
                return Err(differs(&format!("commit {found}"), &format!("commit {wanted}")));
            }
        }
        Payload::Tree { .. } | Payload::Directory { .. } => {
            if let Some(wanted) = sha256 {
                return Err(differs("no archive", &wanted.to_string()));
            }
        }
    }
    Ok(info)
}

/// A downloader of Rust behind JSON.
#[derive(Debug)]
pub struct ServedDownloader(pub Arc<dyn Downloader>);

impl Served for ServedDownloader {
    fn role(&self) -> Role {
        Role::Downloader
    }

    fn serve(&self, cx: &Context, method: &str, request: Value) -> Result<Value> {
        match method {
            "download" => to_json("an answer", &self.0.download(cx, &from_call(Role::Downloader, method, request)?)?),
            _ => Err(no_method(Role::Downloader, method)),
        }
    }
}
