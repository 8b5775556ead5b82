//! The index's files: what is written of a plugin, of its releases, and of what is unsafe.

use serde_json::Value;

use super::PLUGINS;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Advisory, ElementId, ObjectId, Requirement, Terms, Version};
use crate::version::is_of_builds;

/// What the index says of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plugin {
    /// Its git repository.
    pub(super) source: String,
    /// The folder in it, where the index says one.
    pub(super) subdir: Option<String>,
    /// One line for people.
    pub(super) summary: Option<String>,
    /// Why nothing of it should be installed any more.
    pub(super) withdrawn: Option<String>,
    /// The releases that the index vouches for.
    pub(super) releases: Vec<Listed>,
}

/// A release that the index lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its name for people (`5.0.3`).
    pub(super) name: Option<String>,
    /// Its build.
    pub(super) build: Option<String>,
    /// The tag it stands at.
    pub(super) tag: Option<String>,
    /// The commit that the tag stood at when it was listed.
    pub(super) commit: Option<ObjectId>,
    /// When it was published.
    pub(super) published: Option<String>,
}

/// Words of `status` that mean: no longer.
const WITHDRAWN: [&str; 5] = ["withdrawn", "revoked", "removed", "malicious", "blocked"];

/// A text; a number is one too (every scalar of YAML is).
fn text<'a>(document: &'a Value, key: &str) -> Option<&'a str> {
    document.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn yes(document: &Value, key: &str) -> bool {
    matches!(text(document, key).unwrap_or_default().to_ascii_lowercase().as_str(), "true" | "yes" | "on")
}

impl Plugin {
    /// Reads a plugin's file.
    pub(super) fn read(component: &str, document: &Value) -> Result<Self> {
        let missing = |what: &str| Error::new(ErrorKind::Invalid, what.to_owned());
        match text(document, "component") {
            None => return Err(missing("it names no `component`")),
            Some(other) if other != component => return Err(missing(&format!("it says that it is `{}`", other.escape_debug()))),
            Some(_) => {}
        }
        let source = text(document, "source").ok_or_else(|| missing("it names no `source`"))?.to_owned();
        let status = text(document, "status").unwrap_or_default().to_ascii_lowercase();
        let list = document.get("releases").and_then(Value::as_array);
        Ok(Self {
            source,
            subdir: text(document, "subdir").map(str::to_owned),
            summary: text(document, "summary").map(str::to_owned),
            withdrawn: WITHDRAWN.contains(&status.as_str()).then(|| format!("the index calls the plugin {status}")),
            releases: list.into_iter().flatten().map(Listed::read).collect(),
        })
    }
}

impl Listed {
    fn read(document: &Value) -> Self {
        let own = |key: &str| text(document, key).map(str::to_owned);
        Self {
            name: own("version"),
            build: own("moodle-version"),
            tag: own("tag"),
            commit: text(document, "commit").and_then(|commit| commit.parse().ok()),
            published: own("released").or_else(|| own("published")),
        }
    }
}

/// Reads an advisory's file.
pub(super) fn advisory(document: &Value) -> Result<Advisory> {
    let missing = |what: &str| Error::new(ErrorKind::Invalid, what.to_owned());
    let id = text(document, "id").ok_or_else(|| missing("it has no `id`"))?;
    let component = text(document, "component").ok_or_else(|| missing("it names no `component`"))?;
    let element = ElementId::new(PLUGINS, component).map_err(|error| missing(error.message()))?;
    let fixed = text(document, "fixed-in");
    let affected = match document.get("affected-versions") {
        Some(Value::Array(parts)) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" || "),
        _ => text(document, "affected-versions").unwrap_or_default().to_owned(),
    };
    let affected = match (affected.is_empty(), fixed) {
        (false, _) => affected,
        (true, Some(fixed)) => format!("<{fixed}"),
        (true, None) => "*".to_owned(),
    };
    let terms = if is_of_builds(&affected) { Terms::Versions } else { Terms::Releases };
    Ok(Advisory {
        id: id.to_owned(),
        element,
        title: text(document, "title").map(str::to_owned),
        severity: text(document, "severity").map(str::to_owned),
        affected: Requirement::new(affected),
        fixed: fixed.map(Version::new),
        terms,
        revoke: yes(document, "revoke"),
        published: text(document, "published").map(str::to_owned),
        url: text(document, "url").map(str::to_owned),
        description: text(document, "description").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::yaml;

    #[test]
    fn a_plugins_file_is_read() {
        let text = "component: mod_x\nsource: https://github.com/a/moodle-mod_x.git\ntier: 2\nstatus: active\nsummary: Draws x\nreleases:\n\
            - version: 5.0.3\n  tag: v5.0.3\n  commit: 1111111111111111111111111111111111111111\n  moodle-version: 2026010100\n  supported-moodle: [\"4.5\", \"5.0\"]\n\
            \x20 published: 2026-01-02\n- tag: odd\n  commit: nothing\n- 7\n";
        let plugin = Plugin::read("mod_x", &yaml::read(text, "x").expect("yaml")).expect("a plugin");
        assert_eq!((plugin.source.as_str(), plugin.summary.as_deref(), plugin.withdrawn), ("https://github.com/a/moodle-mod_x.git", Some("Draws x"), None));
        assert_eq!(plugin.releases.len(), 3);
        assert_eq!((plugin.releases[0].build.as_deref(), plugin.releases[0].name.as_deref()), (Some("2026010100"), Some("5.0.3")));
        assert!(plugin.releases[0].commit.is_some() && plugin.releases[1].commit.is_none());
        for (bad, words) in [
            ("source: x\n", "no `component`"),
            ("component: mod_y\nsource: x\n", "says that it is `mod_y`"),
            ("component: mod_x\n", "no `source`"),
            ("- 1\n", "no `component`"),
        ] {
            let error = Plugin::read("mod_x", &yaml::read(bad, "x").expect("yaml")).expect_err(bad);
            assert!(error.message().contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn an_advisory_is_read_in_the_terms_it_is_written_in() {
        let read = |text: &str| advisory(&yaml::read(text, "x").expect("yaml"));
        let one = read("id: CAMP-2026-0001\ncomponent: mod_x\ntitle: A hole\nseverity: high\naffected-versions: \"<5.0.3\"\nfixed-in: 5.0.3\nrevoke: true\n")
            .expect("an advisory");
        assert_eq!((one.affected.as_str(), one.terms, one.revoke, one.fixed.as_ref().map(Version::as_str)), ("<5.0.3", Terms::Releases, true, Some("5.0.3")));
        let one = read("id: A\ncomponent: mod_x\naffected-versions:\n  - \"<2026010100\"\n  - 2026020200\n").expect("an advisory");
        assert_eq!((one.affected.as_str(), one.terms, one.revoke), ("<2026010100 || 2026020200", Terms::Versions, false));
        assert_eq!(read("id: A\ncomponent: mod_x\nfixed-in: 2.1\n").expect("an advisory").affected.as_str(), "<2.1");
        assert_eq!(read("id: A\ncomponent: mod_x\n").expect("an advisory").affected.as_str(), "*");
        assert!(read("component: mod_x\n").is_err() && read("id: A\n").is_err() && read("id: A\ncomponent: ../x\n").is_err());
    }
}
