//! Archives over http(s).

use std::path::PathBuf;

use crate::builtin::environment::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, InstallInfo, Payload};
use crate::roles::{Context, DownloadRequest};
use crate::sys::{fs, redact};

/// [`crate::model::Download::Url`], borrowed, and the limit that is configured.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) sha256: Option<&'a Digest>,
    pub(super) md5: Option<&'a str>,
    pub(super) size: Option<u64>,
    pub(super) max_size: u64,
}

pub(super) fn download(env: &Env, cx: &Context, request: &DownloadRequest, wanted: &Wanted<'_>) -> Result<InstallInfo> {
    let shown = redact(wanted.url);
    if let Some(size) = wanted.size
        && size > wanted.max_size
    {
        return Err(too_large(&shown, wanted.max_size));
    }
    fs::create_folder(&request.target_dir)?;
    let to = request.target_dir.join(file_name(wanted.url));
    let auth = env.credentials.find(cx, wanted.url)?;
    // The digest is checked here and not by the transfer: a login page in place of the archive deserves a better word than
    // "other bytes".
    let task = format!("fetch {}", request.id);
    // A page that comes instead may be longer than a tiny archive.
    let limit = wanted.size.map_or(wanted.max_size, |size| size.max(64 << 10));
    let brought = env.http.download(cx, wanted.url, auth.as_ref(), &to, limit, None, &task).map_err(|error| env.credentials.advised(wanted.url, error))?;
    let brought = Brought { digest: brought.digest, size: brought.size, content_type: brought.content_type };
    checked(request, to, &brought, wanted, &shown)
}

/// What a download brought.
pub(super) struct Brought {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) content_type: Option<String>,
}

/// An archive, looked at before it is anything else: no page, the promised bytes. `shown` is where it came from.
pub(super) fn checked(request: &DownloadRequest, to: PathBuf, brought: &Brought, wanted: &Wanted<'_>, shown: &str) -> Result<InstallInfo> {
    let head = fs::head(&to, 1024)?;
    if looks_like_a_page(&head, brought.content_type.as_deref()) {
        return Err(Error::new(ErrorKind::Archive, format!("`{shown}` answered with a web page, not with an archive"))
            .hint("the address may need a login or a licence, or have moved: open it in a browser"));
    }
    if let Some(expected) = wanted.sha256
        && *expected != brought.digest
        && !fs::failpoint::broken("promise")
    {
        return Err(Error::new(ErrorKind::Digest, format!("`{shown}` gave other bytes than promised: {} instead of {expected}", brought.digest))
            .hint("the file on the server was changed, or the promise is wrong: `greffon update` renews what is locked, a `sha256` in the manifest is corrected there"));
    }
    // A promise by MD5 is no more than one against damage; what came is locked by its SHA-256 all the same.
    if let Some(expected) = wanted.md5
        && wanted.sha256.is_none()
        && !fs::failpoint::broken("promise")
    {
        let found = fs::md5(&to)?;
        if !found.eq_ignore_ascii_case(expected) {
            return Err(Error::new(ErrorKind::Digest, format!("`{shown}` gave other bytes than its repository states: MD5 {found} instead of {expected}"))
                .hint("the download is damaged, or the repository's list is out of date: try again with `--refresh`"));
        }
    }
    if let Some(size) = wanted.size
        && size != brought.size
    {
        return Err(Error::new(ErrorKind::Digest, format!("`{shown}` gave {} bytes instead of {size}", brought.size)));
    }
    if head.is_empty() {
        return Err(Error::new(ErrorKind::Archive, format!("`{shown}` gave an empty file")));
    }
    let payload = Payload::Archive { path: to, subdir: None };
    Ok(InstallInfo { id: request.id.clone(), version: request.version.clone(), digest: Some(brought.digest), payload, receipt: None })
}

pub(super) fn too_large(shown: &str, limit: u64) -> Error {
    Error::new(ErrorKind::Archive, format!("`{shown}` is larger than {limit} bytes"))
        .hint("raise the limit: `[config] downloader = { use = \"builtin:standard\", max-size = … }`")
}

/// The last part of the url's path, as far as it can be a file's name.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let name: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
    let name = name.trim_start_matches(['.', '-']);
    let short = &name[name.len().saturating_sub(100)..];
    if short.is_empty() { "archive".to_owned() } else { short.to_owned() }
}

/// Whether these are the first bytes of something for a browser. An archive's own first bytes win over what the server calls it.
fn looks_like_a_page(head: &[u8], content_type: Option<&str>) -> bool {
    let is_archive = [&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"].iter().any(|magic| head.starts_with(magic))
        || head.get(257..262) == Some(b"ustar");
    if is_archive || head.is_empty() {
        return false;
    }
    let text = String::from_utf8_lossy(head).to_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with("<!doctype")
        || text.starts_with("<html")
        || text.starts_with("<head")
        || matches!(content_type, Some("text/html" | "application/xhtml+xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_archives_by_their_bytes() {
        assert!(looks_like_a_page(b"\n <!DOCTYPE html><title>", None));
        assert!(looks_like_a_page(b"please log in", Some("text/html")));
        assert!(!looks_like_a_page(b"PK\x03\x04rest", Some("text/html")), "a zip that a server calls a page");
        assert!(!looks_like_a_page(b"\x1f\x8brest", None));
        assert!(!looks_like_a_page(b"something else", Some("application/octet-stream")));
    }

    #[test]
    fn a_url_never_chooses_a_dangerous_file_name() {
        for (url, name) in [
            ("https://h/a/tool-1.2.zip?x=/../y", "tool-1.2.zip"),
            ("https://h/", "archive"),
            ("https://h/..", "archive"),
            ("https://h/-rf", "rf"),
            ("https://h/a%2f..%2fb", "a2f..2fb"),
        ] {
            assert_eq!(file_name(url), name);
        }
    }
}
