//! Package urls: what an element is called across ecosystems.

use std::fmt::Write as _;

use crate::builtin::client::Resolved;

/// The package url of a resolved element.
pub(super) fn purl(one: &Resolved) -> String {
    let version = one.pin.version.as_str();
    let locked = &one.locked;
    let below = locked.subdir.as_ref().map(|subdir| format!("#{}", encoded(subdir.trim_matches('/'), "/"))).unwrap_or_default();
    if let (Some(git), Some(commit)) = (&locked.git, locked.commit) {
        if let Some((host, owner, name)) = hosted(git) {
            return format!("pkg:{host}/{}/{}@{commit}{below}", encoded(&owner, ""), encoded(&name, ""));
        }
        let from = crate::sys::redact(git);
        return format!(
            "pkg:generic/{}@{}?vcs_url={}{below}",
            encoded(one.id.name(), ""),
            encoded(version, ""),
            encoded(&format!("git+{from}@{commit}"), "/:")
        );
    }
    let mut text = format!("pkg:generic/{}@{}", encoded(one.id.name(), ""), encoded(version, ""));
    let mut qualifiers = Vec::new();
    if let Some(digest) = &locked.sha256 {
        qualifiers.push(format!("checksum=sha256:{}", digest.hex()));
    }
    if let Some(url) = &locked.url {
        qualifiers.push(format!("download_url={}", encoded(&crate::sys::redact(url), "/:")));
    }
    if !qualifiers.is_empty() {
        let _ = write!(text, "?{}", qualifiers.join("&"));
    }
    text.push_str(&below);
    text
}

/// The forge, owner and name of a repository on one of those that package urls know; they do not heed case.
pub(super) fn hosted(git: &str) -> Option<(&'static str, String, String)> {
    let (host, path) = match git.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        None => git.split_once(':')?,
    };
    let host = host.rsplit('@').next().unwrap_or(host).split(':').next()?;
    let kind = match host.to_ascii_lowercase().as_str() {
        "github.com" | "www.github.com" => "github",
        "bitbucket.org" => "bitbucket",
        _ => return None,
    };
    let path = path.trim_matches('/');
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).split_once('/')?;
    let plain = !owner.is_empty() && !name.is_empty() && !name.contains('/');
    plain.then(|| (kind, owner.to_lowercase(), name.to_lowercase()))
}

/// Percent-encoded but for what package urls leave as it is, and the characters of `also`.
fn encoded(text: &str, also: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~".contains(&byte) || also.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LockedElement, ObjectId, Pin, Version};

    fn of(version: &str, locked: LockedElement) -> String {
        let id = "plugins/mod_x".parse().expect("an element");
        purl(&Resolved { id, pin: Pin { version: Version::new(version), discriminator: String::new() }, locked })
    }

    #[test]
    fn package_urls_are_those_of_the_specification() {
        let git = |url: &str| LockedElement { git: Some(url.to_owned()), commit: Some(ObjectId::from_bytes([0xab; 20])), ..LockedElement::default() };
        let commit = "ab".repeat(20);
        assert_eq!(of("1", git("https://github.com/Dan/Moodle-mod_x.git")), format!("pkg:github/dan/moodle-mod_x@{commit}"));
        assert_eq!(of("1", git("git@bitbucket.org:ours/x")), format!("pkg:bitbucket/ours/x@{commit}"));
        let deep = LockedElement { subdir: Some("mod/x".to_owned()), ..git("https://github.com/a/b") };
        assert_eq!(of("1", deep), format!("pkg:github/a/b@{commit}#mod/x"));
        let other = of("4.5+ a", git("https://ann:pw@git.example.org/x y.git"));
        assert_eq!(other, format!("pkg:generic/mod_x@4.5%2B%20a?vcs_url=git%2Bhttps://git.example.org/x%2520y.git%40{commit}"));
        let zip = LockedElement { url: Some("https://h/x.zip?token=1".to_owned()), sha256: Some(crate::model::Digest::of(b"x")), ..LockedElement::default() };
        let shown = of("1.2", zip);
        assert!(shown.starts_with("pkg:generic/mod_x@1.2?checksum=sha256:2d7116") && shown.ends_with("&download_url=https://h/x.zip"), "{shown}");
    }
}
