//! Urls without their secrets, and texts without any secret that this process has handed out: for messages, logs and files.

use std::sync::{PoisonError, RwLock};

use super::fs::failpoint::broken;

/// The url without user, password, query and fragment; text that is no url comes back with anything before an `@` of its first part gone.
/// Control characters are gone as well, so that the result can stand in a message.
#[must_use]
pub fn redact(url: &str) -> String {
    if broken("redact") {
        return url.chars().filter(|c| !c.is_control()).collect();
    }
    if let Ok(mut parsed) = url::Url::parse(url)
        && parsed.has_host()
        && parsed.host_str() != Some("")
    {
        // Both fail only for urls that cannot have a user, and those have none.
        let _ = parsed.set_username("");
        let _ = parsed.set_password(None);
        parsed.set_query(None);
        parsed.set_fragment(None);
        return parsed.to_string();
    }
    let clean: String = url.chars().filter(|c| !c.is_control()).collect();
    let (scheme, rest) = clean.find("://").map_or(("", clean.as_str()), |at| clean.split_at(at + 3));
    let first = rest.find('/').unwrap_or(rest.len());
    let start = rest[..first].rfind('@').map_or(0, |at| at + 1);
    let rest = &rest[start..];
    // What is no path may carry a query; a path may well hold a question mark.
    let end = if scheme.is_empty() { rest.len() } else { rest.find(['?', '#']).unwrap_or(rest.len()) };
    format!("{scheme}{}", &rest[..end])
}

/// What was handed out, longest first, each also as it looks in urls and in base64.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());
/// Shorter secrets are not looked for in texts: they would be found in every word.
const SHORTEST: usize = 4;

/// Remembers a secret whose value was handed to something that might repeat it.
pub fn remember_secret(value: &str) {
    use base64::Engine as _;
    if value.len() < SHORTEST {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let in_url: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    for form in [value.to_owned(), in_url, base64::engine::general_purpose::STANDARD.encode(value)] {
        if !known.contains(&form) {
            known.push(form);
        }
    }
    known.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// The text with `***` in place of every remembered secret.
#[must_use]
pub fn hide_secrets(text: &str) -> String {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().fold(text.to_owned(), |text, secret| if text.contains(secret.as_str()) { text.replace(secret.as_str(), "***") } else { text })
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn nothing_secret_stays() {
        for (url, shown) in [
            ("https://example.org/a/b.git", "https://example.org/a/b.git"),
            ("https://user:s3cret@example.org:8443/a?token=s3cret#s3cret", "https://example.org:8443/a"),
            ("ssh://git@example.org/a", "ssh://example.org/a"),
            ("git@example.org:a/b.git", "example.org:a/b.git"),
            ("s3cret:s3cret@example.org:a/b@c", "example.org:a/b@c"),
            ("https://user:s3cret@exa mple/x?y=s3cret", "https://exa mple/x"),
            ("/srv/repo", "/srv/repo"),
            ("../a@b/c", "../a@b/c"),
            ("file:///srv/a?b", "file:///srv/a"),
            ("a\u{1b}[31m\nb", "a[31mb"),
        ] {
            assert_eq!(redact(url), shown, "{url}");
            assert!(!redact(url).contains("s3cret"));
        }
    }
}
