//! What an element's entry looks like.

use std::path::{Component, Path};

use super::NewElement;
use crate::manifest::read::{toml_inline, toml_string};
use crate::model::{GitPin, Source};

/// The keys that say where an element comes from and which version of it: another source takes the place of all of them.
pub(super) const SOURCE_KEYS: [&str; 12] =
    ["git", "path", "url", "dialogue", "version", "tag", "branch", "rev", "subdir", "submodules", "sha256", "repository"];

/// The value that stands for an element: a requirement alone, or a table.
pub(super) fn value(base: &Path, element: &NewElement) -> String {
    if matches!(element.source, Source::Repositories { only: None }) && element.group.is_none() {
        return toml_string(element.requirement.as_ref().map_or("*", |requirement| requirement.as_str()));
    }
    let parts: Vec<String> = keys(base, element).into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", parts.join(", "))
}

/// The keys of an element's table with their values, in the order in which they are written.
pub(super) fn keys(base: &Path, element: &NewElement) -> Vec<(&'static str, String)> {
    let requirement = element.requirement.as_ref().map(|requirement| requirement.as_str().to_owned());
    let mut keys: Vec<(&'static str, String)> = Vec::new();
    let mut version = requirement.clone();
    let mut after: Vec<(&'static str, String)> = Vec::new();
    match &element.source {
        Source::Repositories { only } => {
            version = Some(requirement.unwrap_or_else(|| "*".to_owned()));
            after.extend(only.iter().map(|name| ("repository", toml_string(name))));
        }
        Source::Git { git, pin, subdir, submodules } => {
            keys.push(("git", toml_string(&if git.starts_with('/') { relative(base, Path::new(git)) } else { git.clone() })));
            match pin {
                GitPin::Version => {}
                GitPin::Tag(tag) => after.push(("tag", toml_string(tag))),
                GitPin::Branch(branch) => after.push(("branch", toml_string(branch))),
                GitPin::Rev(rev) => after.push(("rev", toml_string(rev))),
            }
            after.extend(subdir.iter().map(|subdir| ("subdir", toml_string(subdir))));
            if *submodules {
                after.push(("submodules", "true".to_owned()));
            }
        }
        Source::Path { path, version: own } => {
            keys.push(("path", toml_string(&relative(base, path))));
            version = own.as_ref().map(|own| own.as_str().to_owned());
        }
        Source::Url { url, version: own, sha256 } => {
            keys.push(("url", toml_string(url)));
            version = own.as_ref().map(|own| own.as_str().to_owned()).or(version);
            after.extend(sha256.iter().map(|digest| ("sha256", toml_string(&digest.hex()))));
        }
        Source::Dialogue { options } => keys.push(("dialogue", toml_inline(options))),
    }
    keys.extend(version.map(|version| ("version", toml_string(&version))));
    keys.extend(after);
    keys.extend(element.group.iter().map(|group| ("group", toml_string(group))));
    keys
}

/// A path as a manifest in `base` would write it: relative where both are in one folder below the root, else absolute.
pub(super) fn relative(base: &Path, path: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (base.components().collect(), path.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // The root alone is no kinship.
    if shared < 2 {
        return path.display().to_string();
    }
    let up = std::iter::repeat_n("..".to_owned(), from.len() - shared);
    let down = to[shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
