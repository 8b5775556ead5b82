//! Paths that files mention, without a look at the file system.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use super::read::Reader;

/// The folder that relative paths of the file at `path` start from: absolute, without `.` and `..`.
pub(super) fn base_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let whole = plain(&absolute);
    whole.parent().map_or_else(|| whole.clone(), Path::to_path_buf)
}

/// `path` below `base`, without `.` and `..` (taken as text: no link is followed).
pub(super) fn plain_join(base: &Path, path: &str) -> PathBuf {
    plain(&base.join(path))
}

fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                // `/..` is `/`; a relative path keeps what it cannot resolve.
                if !out.pop() && !out.has_root() {
                    out.push("..");
                }
            }
            other => out.push(other),
        }
    }
    out
}

/// A path that a file mentions, made absolute; complains about what is none.
pub(super) fn resolve(reader: &mut Reader<'_>, base: &Path, text: &str, span: &Range<usize>) -> Option<PathBuf> {
    let fault = if text.is_empty() {
        Some("it is empty")
    } else if text.contains(char::is_control) {
        Some("it holds a control character")
    } else if text == "~" || text.starts_with("~/") {
        Some("`~` is not expanded here; write the whole path")
    } else {
        None
    };
    match fault {
        None => Some(plain_join(base, text)),
        Some(why) => {
            let error = reader.error(span.clone(), why, format!("`{}` is not a path", text.escape_debug()));
            reader.fault(error);
            None
        }
    }
}

/// A path inside something (a repository, a site): relative, with `/`, without `..`.
pub(super) fn inside(reader: &mut Reader<'_>, text: &str, span: &Range<usize>) -> Option<String> {
    let fault = if text.is_empty() {
        Some("it is empty")
    } else if text.starts_with('/') {
        Some("it must be relative")
    } else if text.split('/').any(|part| part == "..") {
        Some("it must not leave its folder")
    } else if text.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
        Some("`.git` belongs to git")
    } else if text.contains(char::is_control) || text.contains('\\') {
        Some("it holds a backslash or a control character")
    } else {
        None
    };
    if let Some(why) = fault {
        let error = reader.error(span.clone(), why, format!("`{}` is not a path inside a folder", text.escape_debug()));
        reader.fault(error);
        return None;
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}
