//! An element's own source in the manifest: what it is called, and what is said where it offers nothing.

use crate::builtin::repository::GitElement;
use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind};
use crate::model::{Source, WantedElement};
use crate::roles::Context;

/// A git source that offers no version: its branches can be asked for all the same.
pub(super) fn no_version(cx: &Context, element: &GitElement) -> Error {
    let refs = element.source.refs(cx).unwrap_or_default();
    let of = |prefix: &str| refs.iter().filter_map(|offered| offered.name.strip_prefix(prefix)).map(str::to_owned).collect::<Vec<_>>();
    let (branches, tags) = (of("refs/heads/"), of("refs/tags/"));
    let shown = |names: &[String]| names.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut error =
        Error::new(ErrorKind::NotFound, format!("no tag or branch of `{}` is a version of {}", crate::sys::redact(element.source.url()), element.id));
    for (names, what) in [(&branches, "branches"), (&tags, "tags")] {
        if !names.is_empty() {
            error = error.note(format!("its {what}: {}{}", shown(names), if names.len() > 3 { ", …" } else { "" }));
        }
    }
    let example = branches.iter().find(|name| matches!(name.as_str(), "main" | "master")).or(branches.first()).map_or("main", String::as_str);
    error.hint(format!("pin one of them: `branch = \"{example}\"`, or `tag =`, `rev =` beside `git` (with `add`: `--branch {example}`, `--tag`, `--rev`)"))
}

/// How messages name it.
pub(super) fn own_name(source: &Source) -> String {
    match source {
        Source::Git { git, .. } => crate::sys::redact(git),
        Source::Path { path, .. } => path.display().to_string(),
        Source::Url { url, .. } => crate::sys::redact(url),
        Source::Dialogue { .. } => "its dialogue".to_owned(),
        Source::Repositories { .. } => "the repositories".to_owned(),
    }
}

/// A failure of an element's own source, with the manifest's line.
pub(super) fn at_manifest(error: Error, wanted: &WantedElement) -> Error {
    at_origin(error.wrap(format!("could not read what {} offers", wanted.id)), &wanted.origin, wanted.id.name(), "")
}
