//! Mirrors: one prefix of a url for another, the longest that fits.

use crate::sys::redact;

/// The prefixes, longest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mirrors(Vec<(String, String)>);

/// A url as it will be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// What was meant.
    pub original: String,
    /// What is asked instead, where a mirror is configured.
    pub mirror: Option<String>,
}

impl Mirrors {
    pub(crate) fn new(mut prefixes: Vec<(String, String)>) -> Self {
        prefixes.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        Self(prefixes)
    }

    /// Where a url is asked.
    pub(crate) fn target(&self, url: &str) -> Target {
        let mirror = self.0.iter().find(|(from, _)| fits(url, from)).map(|(from, to)| format!("{to}{}", &url[from.len()..]));
        Target { original: url.to_owned(), mirror }
    }
}

/// A prefix ends where a part of the url ends: `https://example.org` does not stand for `https://example.org.evil.net/`.
fn fits(url: &str, prefix: &str) -> bool {
    url.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?']))
}

impl Target {
    /// The url to ask.
    pub(crate) fn url(&self) -> &str {
        self.mirror.as_deref().unwrap_or(&self.original)
    }
    /// How messages name it, without secrets.
    pub(crate) fn shown(&self) -> String {
        match &self.mirror {
            Some(mirror) => format!("{} (a mirror of {})", redact(mirror), redact(&self.original)),
            None => redact(&self.original),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_part() {
        let mirrors = Mirrors::new(vec![
            ("https://github.com/".into(), "https://mirror.example/github/".into()),
            ("https://github.com/moodle/".into(), "https://near.example/".into()),
            ("https://example.org".into(), "http://127.0.0.1:1".into()),
        ]);
        assert_eq!(mirrors.target("https://github.com/a/b.git").url(), "https://mirror.example/github/a/b.git");
        assert_eq!(mirrors.target("https://github.com/moodle/x.git").url(), "https://near.example/x.git");
        assert_eq!(mirrors.target("https://example.org/x").url(), "http://127.0.0.1:1/x");
        assert_eq!(mirrors.target("https://example.org.evil.net/x").mirror, None);
        assert_eq!(mirrors.target("https://other.example/x").mirror, None);
        assert_eq!(mirrors.target("https://github.com/a?token=s3cret").shown(), "https://mirror.example/github/a (a mirror of https://github.com/a)");
    }
}
