//! The git program, for ssh, for what libgit2 cannot ask, and for who wants nothing else. It is told everything by arguments
//! and variables: no configuration of the machine or the user is read, no hook runs, nothing is asked.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use super::RemoteRef;
use super::refs::{plain, read_lines};
use super::transport::Remote;
use super::url::Address;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::Context;
use crate::sys::http::{TokenStyle, offline};
use crate::sys::process::{Outcome, Program};
use crate::sys::redact;

/// What git and ssh need of our environment: where programs, keys and proxies are.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_EXEC_PATH",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The git program and one remote.
pub(super) struct Git<'a> {
    pub address: &'a Address,
    /// How to ask it, where it is one of http.
    pub remote: Option<&'a Remote>,
}

/// Whether there is a git program.
pub(super) fn is_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| Program::new("git").arg("--version").inherit(&["PATH"]).run(&Context::silent()).is_ok_and(|outcome| outcome.is_success()))
}

impl Git<'_> {
    /// Branches, tags and HEAD.
    pub(super) fn refs(&self, cx: &Context) -> Result<Vec<RemoteRef>> {
        self.allowed(cx)?;
        let program = self.program(None).arg("ls-remote").arg("--end-of-options").arg(self.target());
        let outcome = self.run(cx, &program)?;
        Ok(read_lines(&String::from_utf8_lossy(&outcome.stdout)))
    }

    /// Fetches refs by name or commits by id into a bare repository, at depth one.
    pub(super) fn fetch(&self, cx: &Context, into: &Path, what: &[String]) -> Result<()> {
        self.allowed(cx)?;
        let program = self
            .program(Some(into))
            .args([
                "fetch",
                "--depth=1",
                "--no-tags",
                "--no-recurse-submodules",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--quiet",
                "--end-of-options",
            ])
            .arg(self.target())
            .args(what);
        self.run(cx, &program)?;
        Ok(())
    }

    /// Fetches all branches and tags with their history, without files, into a bare repository made for it.
    pub(super) fn fetch_past(&self, cx: &Context, into: &Path, time: Duration, bytes: u64) -> Result<()> {
        self.allowed(cx)?;
        let program = self
            .program(Some(into))
            .args([
                "fetch",
                "--filter=blob:none",
                "--no-tags",
                "--no-recurse-submodules",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--quiet",
                "--end-of-options",
            ])
            .arg(self.target())
            .args(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])
            .timeout(time)
            .room(into, bytes);
        self.run(cx, &program)?;
        Ok(())
    }

    fn allowed(&self, cx: &Context) -> Result<()> {
        if cx.offline() && !self.address.is_local() { Err(offline(&self.shown())) } else { Ok(()) }
    }

    fn target(&self) -> OsString {
        match (self.address, self.remote) {
            (Address::Http(url), Some(remote)) => remote.http.mirrors().target(url).url().into(),
            (Address::Http(url) | Address::Ssh(url), _) => url.into(),
            (Address::Path(path), _) => path.as_os_str().to_owned(),
        }
    }

    fn shown(&self) -> String {
        redact(&self.address.text())
    }

    fn program(&self, repository: Option<&Path>) -> Program {
        let mut program = Program::new("git").inherit(INHERITED);
        let batch = std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none();
        if batch {
            // ssh may not ask: nobody would see the question.
            program = program.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        for (name, value) in [
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_ALLOW_PROTOCOL", "https:http:ssh:file"),
            ("GIT_PROTOCOL_FROM_USER", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            ("LC_ALL", "C"),
        ] {
            program = program.env(name, value);
        }
        for (at, (name, value)) in self.configuration().iter().enumerate() {
            program =
                program.env(format!("GIT_CONFIG_KEY_{at}"), name).env(format!("GIT_CONFIG_VALUE_{at}"), value).env("GIT_CONFIG_COUNT", (at + 1).to_string());
        }
        for setting in
            ["core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.ext.allow=never", "gc.auto=0", "fetch.recurseSubmodules=false", "credential.helper="]
        {
            program = program.arg("-c").arg(setting);
        }
        if let Some(repository) = repository {
            let mut safe = OsString::from("safe.directory=");
            safe.push(repository);
            program = program.arg("-c").arg(safe).arg(concat_option("--git-dir=", repository)).directory(repository);
        }
        program
    }

    /// Settings that must not be seen in the list of processes: they go by the environment.
    fn configuration(&self) -> Vec<(String, String)> {
        let (Address::Http(url), Some(remote)) = (self.address, self.remote) else { return Vec::new() };
        let mut settings = vec![("http.userAgent".to_owned(), concat!("greffon/", env!("CARGO_PKG_VERSION")).to_owned())];
        if let Some(proxy) = remote.http.proxy() {
            settings.push(("http.proxy".to_owned(), proxy.to_owned()));
        }
        if let Some(bundle) = remote.http.ca_bundle() {
            settings.push(("http.sslCAInfo".to_owned(), bundle.display().to_string()));
        }
        let target = remote.http.mirrors().target(url);
        if let (Ok(home), Ok(asked)) = (url::Url::parse(url), url::Url::parse(target.url()))
            && let Some(value) = remote.http.credentials().header(&asked, remote.auth.as_ref(), &crate::sys::http::origin(&home), TokenStyle::Git)
            && let Ok(value) = value.to_str()
        {
            settings.push((format!("http.{}.extraHeader", asked.origin().ascii_serialization()), format!("Authorization: {value}")));
        }
        settings
    }

    fn run(&self, cx: &Context, program: &Program) -> Result<Outcome> {
        let mut program = program.clone();
        if cx.is_held() {
            // The program asks nobody where it goes: then it goes nowhere else.
            let at = self.configuration().len();
            program = program.env(format!("GIT_CONFIG_KEY_{at}"), "http.followRedirects").env(format!("GIT_CONFIG_VALUE_{at}"), "false");
            program = program.env("GIT_CONFIG_COUNT", (at + 1).to_string());
        }
        let outcome = program.run(cx).map_err(|error| match error.kind() {
            ErrorKind::NotFound => error.wrap(format!("the git program is needed for `{}`", self.shown())).hint("install git"),
            _ => error,
        })?;
        if outcome.is_success() { Ok(outcome) } else { Err(failure(&self.shown(), &outcome)) }
    }

    /// Fetches commits by id, one program for all of them.
    pub(super) fn fetch_commits(&self, cx: &Context, into: &Path, commits: &[ObjectId]) -> Result<()> {
        let ids: Vec<String> = commits.iter().map(ToString::to_string).collect();
        self.fetch(cx, into, &ids)
    }
}

fn concat_option(option: &str, path: &Path) -> OsString {
    let mut text = OsString::from(option);
    text.push::<&OsStr>(path.as_os_str());
    text
}

/// Reads git's last words for what sort of failure it was.
fn failure(shown: &str, outcome: &Outcome) -> Error {
    let text = String::from_utf8_lossy(&outcome.stderr);
    let mut said: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let last = said.split_off(said.len().saturating_sub(3)).join("; ");
    let error = |kind, reason: &str| {
        let error = Error::new(kind, format!("{reason} `{shown}` (git ended with {})", outcome.ending()));
        if last.is_empty() { error } else { error.note(format!("git says: {}", plain(&redact_words(&last)))) }
    };
    if has(&["Permission denied", "Authentication failed", "could not read Username", "could not read Password", "returned error: 401", "returned error: 403"])
    {
        error(ErrorKind::Denied, "there is no access to").hint("for ssh, load your key into the agent (`ssh-add`); for http, give a token or a login by netrc")
    } else if has(&["Host key verification failed"]) {
        error(ErrorKind::Denied, "ssh does not know the host of").hint("connect to it once by hand and check its key")
    } else if has(&["not our ref", "couldn't find remote ref", "unadvertised object"]) {
        error(ErrorKind::NotFound, "the commit or ref is not to be had from")
    } else if has(&["does not appear to be a git repository", "repository not found", "Repository not found", "' not found", "returned error: 404"]) {
        error(ErrorKind::NotFound, "there is no git repository at")
    } else if has(&["Could not resolve", "unable to access", "Connection", "early EOF", "RPC failed", "unexpected disconnect", "timed out", "hung up"]) {
        error(ErrorKind::Network, "could not fetch from").temporary()
    } else {
        error(ErrorKind::Git, "could not fetch from")
    }
}

/// Urls in git's words, without their secrets.
fn redact_words(text: &str) -> String {
    text.split(' ').map(|word| if word.contains("://") { redact(word.trim_matches(['\'', ':', ','])) } else { word.to_owned() }).collect::<Vec<_>>().join(" ")
}
