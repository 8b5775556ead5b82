//! Urls without their secrets, for messages, logs and files.

/// The url without user, password, query and fragment; text that is no url comes back with anything before an `@` of its first part gone.
#[must_use]
pub fn redact(url: &str) -> String {
    if let Ok(mut parsed) = url::Url::parse(url)
        && parsed.has_host()
    {
        let _ = parsed.set_username("");
        let _ = parsed.set_password(None);
        parsed.set_query(None);
        parsed.set_fragment(None);
        return parsed.to_string();
    }
    url.to_owned()
}
