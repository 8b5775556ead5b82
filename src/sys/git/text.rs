//! Differences of texts, as people and git read them.

use std::path::Path;

/// The unified diff that turns one text into another, for a file of this name; empty where they are equal.
#[must_use]
pub fn text_diff(name: &str, old: &str, new: &str) -> String {
    let path = Path::new(name);
    let patch = git2::Patch::from_buffers(old.as_bytes(), Some(path), new.as_bytes(), Some(path), None);
    // the only failures are of memory, and of texts beyond any manifest's size
    let text = patch.and_then(|mut patch| Ok(String::from_utf8_lossy(&patch.to_buf()?).into_owned())).unwrap_or_default();
    match text.find("\n--- ") {
        Some(at) => text[at + 1..].to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::text_diff;

    #[test]
    fn only_what_differs_is_shown() {
        let diff = text_diff("greffon.toml", "a\nb\nc\n", "a\nB\nc\n");
        assert_eq!(diff, "--- a/greffon.toml\n+++ b/greffon.toml\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
        assert_eq!(text_diff("greffon.toml", "a\n", "a\n"), "");
    }
}
