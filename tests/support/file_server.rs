//! A plain http server: routes and folders, ETag, Last-Modified, Range; faults by [`Server::fault`].

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::server::Server;
use super::wire::{Reply, Request};

#[derive(Default)]
struct Content {
    routes: BTreeMap<String, (Vec<u8>, Option<String>)>,
    redirects: BTreeMap<String, (u16, String)>,
    folders: Vec<(String, PathBuf)>,
    without_validators: bool,
    without_ranges: bool,
}

/// Serves what was [`put`](FileServer::put), and folders. See [`Server`] for the log, credentials and faults.
pub struct FileServer {
    server: Server,
    content: Arc<Mutex<Content>>,
}

impl FileServer {
    /// A server over http.
    pub fn start() -> Self {
        Self::with(false)
    }
    /// A server over https, with a certificate of its own: see [`Server::certificate`].
    pub fn start_tls() -> Self {
        Self::with(true)
    }
    /// A server of one folder, at `/`.
    pub fn of_folder(folder: &Path) -> Self {
        let server = Self::start();
        server.folder("/", folder);
        server
    }

    fn with(tls: bool) -> Self {
        let content = Arc::new(Mutex::new(Content::default()));
        let own = Arc::clone(&content);
        Self { server: Server::start(tls, Arc::new(move |request| answer(&own.lock().unwrap(), request))), content }
    }

    /// Serves these bytes at this path, in place of earlier ones. The content type is guessed from the name.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.content.lock().unwrap().routes.insert(path.to_owned(), (bytes.into(), None));
    }
    /// The same with a content type.
    pub fn put_as(&self, path: &str, content_type: &str, bytes: impl Into<Vec<u8>>) {
        self.content.lock().unwrap().routes.insert(path.to_owned(), (bytes.into(), Some(content_type.to_owned())));
    }
    /// No longer serves this path.
    pub fn remove(&self, path: &str) {
        self.content.lock().unwrap().routes.remove(path);
    }
    /// Serves a folder's files below this prefix, read anew at each request.
    pub fn folder(&self, prefix: &str, folder: &Path) {
        self.content.lock().unwrap().folders.push((prefix.to_owned(), folder.to_owned()));
    }
    /// Sends the client elsewhere, always.
    pub fn redirect(&self, path: &str, status: u16, to: &str) {
        self.content.lock().unwrap().redirects.insert(path.to_owned(), (status, to.to_owned()));
    }
    /// From now on without ETag and Last-Modified.
    pub fn without_validators(&self) {
        self.content.lock().unwrap().without_validators = true;
    }
    /// From now on `Range` is ignored.
    pub fn without_ranges(&self) {
        self.content.lock().unwrap().without_ranges = true;
    }
}

impl Deref for FileServer {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "json" => "application/json",
        "html" => "text/html",
        "toml" | "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

fn find(content: &Content, path: &str) -> Option<(Vec<u8>, String)> {
    if let Some((bytes, kind)) = content.routes.get(path) {
        return Some((bytes.clone(), kind.clone().unwrap_or_else(|| content_type(path).to_owned())));
    }
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    content.folders.iter().find_map(|(prefix, folder)| {
        let file = folder.join(path.strip_prefix(prefix.as_str())?.trim_start_matches('/'));
        std::fs::read(file).ok().map(|bytes| (bytes, content_type(path).to_owned()))
    })
}

fn answer(content: &Content, request: &Request) -> Reply {
    if let Some((status, to)) = content.redirects.get(&request.path) {
        return Reply::new(*status, "elsewhere\n").header("Location", to);
    }
    let Some((bytes, kind)) = find(content, &request.path) else {
        return Reply::new(404, "not found\n").header("Content-Type", "text/plain");
    };
    let etag = format!("\"{}\"", &hex::encode(Sha256::digest(&bytes))[..16]);
    let validated = |reply: Reply| {
        let reply = reply.header("Content-Type", &kind);
        if content.without_validators { reply } else { reply.header("ETag", &etag).header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT") }
    };
    if !content.without_validators && request.header("if-none-match") == Some(etag.as_str()) {
        return validated(Reply::new(304, ""));
    }
    let fits = request.header("if-range").is_none_or(|validator| validator == etag);
    let first = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match first {
        Some(first) if fits && !content.without_ranges => {
            if first >= bytes.len() {
                return Reply::new(416, "").header("Content-Range", &format!("bytes */{}", bytes.len()));
            }
            let range = format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len());
            validated(Reply::new(206, &bytes[first..])).header("Content-Range", &range)
        }
        _ => validated(Reply::new(200, bytes)),
    }
}
