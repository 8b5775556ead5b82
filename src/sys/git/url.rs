//! Which addresses of git repositories may be used at all, and what they mean.
//!
//! git itself understands much more than an address: `ext::sh -c …` runs a program, a leading `-` is an option, a host that
//! begins with `-` becomes an option of ssh. Only what is listed here passes (known cases: CVE-2017-1000117, CVE-2018-17456).

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs::failpoint::broken;
use crate::sys::http::{Auth, percent_decode, split_userinfo};
use crate::sys::redact;

/// The longest address.
const LONGEST: usize = 4096;

/// An address that passed.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// http or https, without credentials.
    Http(String),
    /// `ssh://…` or `user@host:path`, as it was written.
    Ssh(String),
    /// A folder of this machine, absolute.
    Path(PathBuf),
}

/// Reads an address; user and password of an http url come apart.
pub(super) fn read(url: &str) -> Result<(Address, Option<Auth>)> {
    let refuse = |reason: &str| {
        Err(Error::new(ErrorKind::Invalid, format!("`{}` cannot be the address of a git repository: {reason}", redact(&clean(url))))
            .hint("write `https://…`, `ssh://…`, `user@host:path`, `file:///…` or the path of a folder"))
    };
    if broken("address") {
        return Ok((Address::Ssh(url.to_owned()), None));
    }
    if url.is_empty() {
        return refuse("it is empty");
    }
    if url.len() > LONGEST {
        return refuse("it is too long");
    }
    if url.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        return refuse("it holds a control character");
    }
    if url.starts_with('-') {
        return refuse("it begins with `-`");
    }
    if url.trim() != url {
        return refuse("it begins or ends with a space");
    }
    let before_path = &url[..url.find('/').unwrap_or(url.len())];
    if before_path.contains("::") {
        return refuse("`::` would start another program");
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => match http(url) {
                Ok(found) => Ok(found),
                Err(reason) => refuse(&reason),
            },
            "ssh" => match ssh(rest) {
                Ok(()) => Ok((Address::Ssh(url.to_owned()), None)),
                Err(reason) => refuse(reason),
            },
            "file" => match file(rest) {
                Ok(path) => Ok((Address::Path(path), None)),
                Err(reason) => refuse(reason),
            },
            _ => refuse("its protocol is none of https, http, ssh and file"),
        };
    }
    if let Some((host, path)) = before_path.split_once(':') {
        let path_begins = if path.is_empty() { &url[host.len() + 1..] } else { path };
        if path_begins.is_empty() {
            return refuse("it names no path");
        }
        if path_begins.starts_with('-') {
            return refuse("its path begins with `-`");
        }
        return match login(host) {
            Ok(()) => Ok((Address::Ssh(url.to_owned()), None)),
            Err(reason) => refuse(reason),
        };
    }
    match std::path::absolute(url) {
        Ok(path) => Ok((Address::Path(path), None)),
        Err(_) => refuse("it is no path"),
    }
}

fn clean(url: &str) -> String {
    url.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn http(url: &str) -> Result<(Address, Option<Auth>), String> {
    let mut parsed = Url::parse(url).map_err(|error| error.to_string())?;
    let auth = split_userinfo(&mut parsed);
    if parsed.host_str().is_none_or(|host| host.is_empty() || host.starts_with('-')) {
        return Err("its host cannot be one".to_owned());
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("it has a `?` or `#`".to_owned());
    }
    if parsed.path().trim_matches('/').is_empty() {
        return Err("it names no path".to_owned());
    }
    let text = parsed.as_str().trim_end_matches('/').to_owned();
    Ok((Address::Http(text), auth))
}

fn ssh(rest: &str) -> Result<(), &'static str> {
    let (authority, path) = rest.split_once('/').ok_or("it names no path")?;
    if path.trim_matches('/').is_empty() {
        return Err("it names no path");
    }
    // git decodes these before it hands them to ssh.
    let authority = percent_decode(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority.as_str(), None),
    };
    if port.is_some_and(|port| port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("its port is no number");
    }
    login(host)
}

/// `host` or `user@host`.
fn login(text: &str) -> Result<(), &'static str> {
    let (user, host) = text.rsplit_once('@').map_or((None, text), |(user, host)| (Some(user), host));
    let plain = |text: &str, more: &str| !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    if user.is_some_and(|user| !plain(user, "._~+-")) {
        return Err("its user cannot be one (and ssh takes no password here)");
    }
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if !inner.map_or_else(|| plain(host, "._-"), |inner| plain(inner, ".:%")) {
        return Err("its host cannot be one");
    }
    Ok(())
}

fn file(rest: &str) -> Result<PathBuf, &'static str> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let decoded = percent_decode(path);
    if !decoded.starts_with('/') {
        return Err("a file url needs an absolute path");
    }
    if decoded.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    Ok(PathBuf::from(decoded))
}

impl Address {
    /// The name of the source's folder: readable in front, unambiguous behind.
    pub(super) fn id(&self) -> String {
        let text = self.text();
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        let mut words: Vec<String> = text
            .split(['/', ':', '@'])
            .map(|part| part.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).take(40).collect::<String>())
            .map(|part| part.trim_matches(['.', '-']).to_owned())
            .filter(|part| !part.is_empty())
            .collect();
        let last = words.pop().unwrap_or_default();
        format!("{}-{}", last.strip_suffix(".git").unwrap_or(&last), &hash[..16])
    }

    /// The address as text, without credentials.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Http(url) | Self::Ssh(url) => url.clone(),
            Self::Path(path) => path.display().to_string(),
        }
    }

    /// Whether no network is needed.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Path(_))
    }
}

/// Whether a ref's name may be used: a full name that git would accept, or `HEAD`.
pub(super) fn is_ref(name: &str) -> bool {
    name == "HEAD" || name.starts_with("refs/") && git2::Reference::is_valid_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_addresses_are_refused() {
        let hostile = [
            "",
            "-u",
            "--upload-pack=touch pwned",
            "-oProxyCommand=touch pwned",
            "--config=core.sshCommand=x",
            " https://a/b",
            "https://a/b ",
            "ext::sh -c touch% pwned",
            "EXT::sh -c x",
            "ext::/bin/sh",
            "fd::17",
            "fd::17/foo",
            "a::b",
            "a::https://example.org/x",
            "transport::address",
            "ssh::x",
            "::x",
            "https::x",
            "https://a/b\nc",
            "https://a/b\0",
            "https://a/\u{1b}[31m",
            "https://a/\rb",
            "a\tb",
            "git@host:a\nb",
            "https://a/\u{202e}gpj",
            "git://example.org/x",
            "ftp://example.org/x",
            "ftps://example.org/x",
            "rsync://example.org/x",
            "gopher://example.org/x",
            "dict://example.org/x",
            "javascript://x/y",
            "ssh+git://host/x",
            "git+ssh://host/x",
            "git-remote-x://y/z",
            "foo://bar/baz",
            "ssh://-oProxyCommand=touch/x",
            "ssh://-oProxyCommand=touch@host/x",
            "ssh://user@-oProxyCommand=touch/x",
            "ssh://%2DoProxyCommand=touch/x",
            "ssh://user@%2doProxyCommand/x",
            "ssh://ho%20st/x",
            "ssh://ho st/x",
            "ssh://host",
            "ssh://host/",
            "ssh:///x",
            "ssh://host:port/x",
            "ssh://host:/x",
            "ssh://host:99999999/x",
            "ssh://u;id@host/x",
            "ssh://$(id)/x",
            "ssh://`id`/x",
            "ssh://u:pw@host/x",
            "ssh://[-x]/y",
            "ssh://[::1/y",
            "-oProxyCommand=x:path",
            "-x@host:path",
            "user@-host:path",
            "host:-path",
            "host:--upload-pack=x",
            "host:",
            "user@host:",
            "ho st:path",
            "host;id:path",
            "$(id):x",
            "a|b:x",
            "`id`:x",
            "a&b:c",
            "https://",
            "https:///x",
            "https://-host/x",
            "https://example.org",
            "https://example.org/",
            "https://example.org/x?y",
            "https://example.org/x#y",
            "http://ho st/x",
            "file://",
            "file://other/x",
            "file://x",
            "file://%00/x",
            "file:///a%0ab",
        ];
        assert!(hostile.len() >= 60, "{}", hostile.len());
        for url in hostile {
            let Err(error) = read(url) else { panic!("{url:?} was let through") };
            assert_eq!(error.kind(), ErrorKind::Invalid, "{url:?}");
            assert!(!error.message().chars().any(char::is_control), "{url:?}");
        }
        assert!(read(&"a".repeat(5000)).is_err());
    }

    #[test]
    fn proper_addresses_are_understood() {
        for (url, text) in [
            ("https://example.org/a/b.git", "https://example.org/a/b.git"),
            ("HTTPS://Example.org:443/a/b/", "https://example.org/a/b"),
            ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
            ("https://user:pw@example.org/x", "https://example.org/x"),
            ("https://example.org/a:b::c", "https://example.org/a:b::c"),
            ("ssh://git@example.org:2222/a/b.git", "ssh://git@example.org:2222/a/b.git"),
            ("ssh://[::1]:22/x", "ssh://[::1]:22/x"),
            ("git@example.org:a/b.git", "git@example.org:a/b.git"),
            ("host:/srv/x.git", "host:/srv/x.git"),
            ("/srv/x", "/srv/x"),
            ("/srv/-x:y::z", "/srv/-x:y::z"),
            ("file:///srv/a%20b", "/srv/a b"),
            ("file://localhost/srv/x", "/srv/x"),
        ] {
            assert_eq!(read(url).unwrap().0.text(), text, "{url}");
        }
        assert!(read("some/where").unwrap().0.text().ends_with("/some/where"));
        assert!(matches!(read("https://u:p@example.org/x").unwrap().1, Some(Auth::Basic { user, secret }) if user == "u" && secret == "p"));
        let id = |url: &str| read(url).unwrap().0.id();
        assert!(id("https://example.org/a/plugin.git").starts_with("plugin-"));
        assert_ne!(id("https://example.org/a/plugin.git"), id("https://example.com/a/plugin.git"));
        assert_eq!(id("https://u:p@Example.org/a"), id("https://example.org/a/"));
        assert!(id("/..").chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }

    #[test]
    fn ref_names_are_checked() {
        for good in ["HEAD", "refs/heads/main", "refs/tags/v1.0", "refs/heads/-x"] {
            assert!(is_ref(good), "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "main",
            "refs/heads/a b",
            "refs/heads/a..b",
            "refs/heads/a\nb",
            "refs/heads/x.lock",
            "refs/heads/a:b",
            "refs/heads/*",
            "refs/tags/v1^{}",
            "../x",
        ] {
            assert!(!is_ref(bad), "{bad}");
        }
    }
}
