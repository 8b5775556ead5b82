//! A smart-http git server: `git http-backend` as a CGI program behind a listener on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::server::Server;
use super::wire::{Reply, Request};

/// Serves every bare repository below a folder. See [`Server`] for the log, credentials and faults.
pub struct GitServer {
    server: Server,
    only_v0: Arc<AtomicBool>,
}

impl GitServer {
    /// A server over http of the repositories below `root`: `root/plugin.git` is at `url("/plugin.git")`.
    pub fn start(root: &Path) -> Self {
        Self::with(root, false)
    }
    /// The same over https; see [`Server::certificate`].
    pub fn start_tls(root: &Path) -> Self {
        Self::with(root, true)
    }
    fn with(root: &Path, tls: bool) -> Self {
        let root = root.to_owned();
        let only_v0 = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&only_v0);
        Self { server: Server::start(tls, Arc::new(move |request| backend(&root, request, own.load(Ordering::SeqCst)))), only_v0 }
    }
    /// From now on speaks the oldest protocol only, as old servers do.
    pub fn only_v0(&self) {
        self.only_v0.store(true, Ordering::SeqCst);
    }
}

impl Deref for GitServer {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

struct Output {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stdout.read(buffer)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn backend(root: &PathBuf, request: &Request, only_v0: bool) -> Reply {
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1");
    for (header, variable) in [("content-type", "CONTENT_TYPE"), ("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")] {
        match request.header(header) {
            Some(value) if !(only_v0 && header == "git-protocol") => command.env(variable, value),
            _ => command.env_remove(variable),
        };
    }
    let mut child = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) => return Reply::new(500, format!("git http-backend: {error}\n")),
    };
    if let Some(mut stdin) = child.stdin.take() {
        let body = request.body.clone();
        std::thread::spawn(move || {
            let _ = stdin.write_all(&body);
        });
    }
    let mut output = Output { stdout: BufReader::with_capacity(64 * 1024, child.stdout.take().expect("its output")), child };
    let mut reply = Reply::new(200, "");
    let mut text = String::new();
    while output.stdout.read_line(&mut text).is_ok_and(|count| count > 0) {
        let header = text.trim_end_matches(['\r', '\n']).to_owned();
        text.clear();
        if header.is_empty() {
            reply.length = None;
            reply.body = Box::new(output);
            return reply;
        }
        if let Some((name, value)) = header.split_once(':') {
            if name.eq_ignore_ascii_case("status") {
                reply.status = value.trim().split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
            } else {
                reply.headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }
    Reply::new(500, "git http-backend said nothing\n")
}
