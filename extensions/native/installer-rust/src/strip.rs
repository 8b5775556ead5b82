//! Leaves out what an element's `.distignore` names: one path a line, relative to the element; `#` begins a comment.

use std::path::Path;

use greffon_extension::{Failure, Host, Level};

const LIST: &str = ".distignore";

pub(crate) fn strip(host: &Host, directory: &Path) -> Result<(), Failure> {
    let list = match std::fs::read_to_string(directory.join(LIST)) {
        Ok(list) => list,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).chain([LIST]) {
        let path = line.trim_matches('/');
        if !crate::inside(path) || path == "." {
            return Err(Failure::new("invalid", format!("`{LIST}` names `{line}`, which is not a path inside the element")));
        }
        remove(directory, path).map_err(|error| Failure::new("io", format!("could not leave `{path}` out: {error}")))?;
        host.log(Level::Debug, &format!("`{path}` is left out"));
    }
    Ok(())
}

/// Removes what stands at a path, without following a link on the way.
fn remove(directory: &Path, path: &str) -> std::io::Result<()> {
    let mut at = directory.to_path_buf();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        let kind = match at.symlink_metadata() {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if parts.peek().is_some() && !kind.is_dir() {
            return Ok(());
        }
        if parts.peek().is_none() {
            return if kind.is_dir() { std::fs::remove_dir_all(&at) } else { std::fs::remove_file(&at) };
        }
    }
    Ok(())
}
