//! `admin/environment.xml`: what a core asks of PHP and databases, and the earliest core that can be upgraded to it.

use indexmap::IndexMap;

/// What one release asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Environment {
    /// The release: `4.5`.
    pub(super) version: String,
    /// The earliest release that can be upgraded to it.
    pub(super) requires: Option<String>,
    /// The earliest PHP.
    pub(super) php: Option<String>,
    /// Database → earliest version.
    pub(super) databases: IndexMap<String, String>,
    /// PHP extension → whether it must be there.
    pub(super) extensions: IndexMap<String, bool>,
}

/// Every release that the file knows, in its order. What is no XML gives what could be read before it went wrong.
#[must_use]
pub(super) fn read(text: &str) -> Vec<Environment> {
    let mut found: Vec<Environment> = Vec::new();
    for tag in tags(text) {
        let Tag { name, attributes } = tag;
        let get = |key: &str| attributes.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
        if name == "MOODLE" {
            found.push(Environment { version: get("version").unwrap_or_default(), requires: get("requires"), ..Environment::default() });
            continue;
        }
        let Some(current) = found.last_mut() else { continue };
        match name {
            "PHP" if current.php.is_none() => current.php = get("version"),
            "VENDOR" => {
                if let (Some(name), Some(version)) = (get("name"), get("version")) {
                    current.databases.insert(name, version);
                }
            }
            "PHP_EXTENSION" => {
                if let Some(name) = get("name") {
                    current.extensions.insert(name, get("level").as_deref() == Some("required"));
                }
            }
            _ => {}
        }
    }
    found
}

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, String)>,
}

/// Opening tags with their attributes; comments, declarations and texts are passed over.
fn tags<'a>(text: &'a str) -> Vec<Tag<'a>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        if let Some(data) = rest.strip_prefix("![CDATA[") {
            rest = data.split_once("]]>").map_or("", |(_, rest)| rest);
            continue;
        }
        let word = |text: &'a str| -> (&'a str, &'a str) {
            let end = text.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<')).unwrap_or(text.len());
            text.split_at(end)
        };
        if rest.starts_with(['/', '?', '!']) {
            continue;
        }
        let (name, mut inner) = word(rest);
        let mut attributes = Vec::new();
        loop {
            inner = inner.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            let (key, after) = word(inner);
            if key.is_empty() {
                break;
            }
            let Some(value) = after.trim_start().strip_prefix('=').map(str::trim_start) else {
                inner = after;
                continue;
            };
            let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
            let Some((value, after)) = value[1..].split_once(quote) else { break };
            attributes.push((key, unescaped(value)));
            inner = after;
        }
        rest = inner;
        found.push(Tag { name, attributes });
    }
    found
}

fn unescaped(value: &str) -> String {
    value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<COMPATIBILITY_MATRIX>
  <!-- <MOODLE version="0.1"> -->
  <MOODLE version="4.4" requires="4.1.2"><PHP version="8.1.0" level="required"/></MOODLE>
  <MOODLE version="4.5" requires="4.1.2">
    <UNICODE level="required"><FEEDBACK><ON_ERROR message="a &lt; b" /></FEEDBACK></UNICODE>
    <DATABASE level="required">
      <VENDOR name="mariadb" version="10.6.7" />
      <VENDOR name='postgres' version='13' />
    </DATABASE>
    <PHP version="8.1.0" level="required"></PHP>
    <PHP_EXTENSIONS><PHP_EXTENSION name="iconv" level="required" /><PHP_EXTENSION name="xmlrpc" level="optional"/></PHP_EXTENSIONS>
  </MOODLE>
</COMPATIBILITY_MATRIX>"#;

    #[test]
    fn each_release_with_what_it_asks_for() {
        let read = read(SAMPLE);
        assert_eq!(read.iter().map(|one| one.version.as_str()).collect::<Vec<_>>(), ["4.4", "4.5"]);
        let newest = &read[1];
        assert_eq!((newest.requires.as_deref(), newest.php.as_deref()), (Some("4.1.2"), Some("8.1.0")));
        assert_eq!(newest.databases, IndexMap::from([("mariadb".to_owned(), "10.6.7".to_owned()), ("postgres".to_owned(), "13".to_owned())]));
        assert_eq!(newest.extensions, IndexMap::from([("iconv".to_owned(), true), ("xmlrpc".to_owned(), false)]));
    }

    proptest! {
        #[test]
        fn broken_files_never_stop_the_reader(cut in 0usize..900, c in any::<char>()) {
            let mut text: Vec<char> = SAMPLE.chars().collect();
            let at = cut % text.len();
            text.insert(at, c);
            let _ = read(&text.iter().collect::<String>());
            let _ = read(&text[..at].iter().collect::<String>());
            let _ = read(&text[at..].iter().collect::<String>());
        }
    }
}
