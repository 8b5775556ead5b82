//! Lockfiles that go with their folder: a git repository of this machine is written relative to the manifest, as `path` is, and
//! is absolute everywhere else. Where the manifest itself names it by its absolute path, so does the lock: then the manifest may be
//! copied anywhere on this machine.

use std::collections::HashSet;
use std::path::Path;

use super::locking::relative_to;
use crate::error::Result;
use crate::manifest::{parse_lock, write_lock};
use crate::model::Lock;

/// The lockfile's text, for a manifest in `base` with this text.
#[must_use]
pub fn lock_text(lock: &Lock, base: &Path, manifest: &str) -> String {
    let mut lock = lock.clone();
    let absolute = if lock.elements.values().any(|locked| locked.git.as_deref().is_some_and(|git| git.starts_with('/'))) {
        Absolute::of(manifest)
    } else {
        Absolute::default()
    };
    for locked in lock.elements.values_mut() {
        if let Some(git) = locked.git.as_mut().filter(|git| git.starts_with('/')) {
            let relative = relative_to(base, Path::new(git.as_str()));
            if is_local(&relative) && (!absolute.says(git) || absolute.others.contains(relative.trim_start_matches("./"))) {
                *git = relative;
            }
        }
    }
    write_lock(&lock)
}

/// The lock that a text beside a manifest in `base` stands for; as [`parse_lock`].
///
/// # Errors
/// As [`parse_lock`].
pub fn read_lock(path: &Path, text: &str, base: &Path) -> Result<(Lock, bool)> {
    let (mut lock, conflicted) = parse_lock(path, text)?;
    for locked in lock.elements.values_mut() {
        if let Some(git) = locked.git.as_mut().filter(|git| is_local(git) && !git.starts_with('/')) {
            *git = plain(&base.join(git.as_str()));
        }
    }
    Ok((lock, conflicted))
}

/// The absolute paths that a manifest says: whole, or up to the `{` of a pattern.
#[derive(Debug, Default)]
struct Absolute {
    whole: HashSet<String>,
    patterns: Vec<String>,
    /// Everything else that may be a path.
    others: HashSet<String>,
}

impl Absolute {
    fn of(manifest: &str) -> Self {
        let mut found = Self::default();
        if let Ok(table) = manifest.parse::<toml::Table>() {
            table.values().for_each(|value| found.look(value));
        }
        found
    }

    fn look(&mut self, value: &toml::Value) {
        match value {
            toml::Value::String(text) if text.starts_with('/') => match text.split_once('{') {
                Some((before, _)) => self.patterns.push(before.to_owned()),
                None => drop(self.whole.insert(text.trim_end_matches('/').to_owned())),
            },
            toml::Value::String(text) => drop(self.others.insert(text.trim_start_matches("./").trim_end_matches('/').to_owned())),
            toml::Value::Array(list) => list.iter().for_each(|value| self.look(value)),
            toml::Value::Table(table) => table.values().for_each(|value| self.look(value)),
            _ => {}
        }
    }

    fn says(&self, git: &str) -> bool {
        self.whole.contains(git.trim_end_matches('/')) || self.patterns.iter().any(|before| git.starts_with(before.as_str()))
    }
}

/// Whether git would take this for a path: neither a url nor `host:path`.
fn is_local(git: &str) -> bool {
    !git.contains("://") && !git.split('/').next().unwrap_or_default().contains(':')
}

/// Without `.` and `..`, taken as text, as the manifest's paths are.
fn plain(path: &Path) -> String {
    let mut out = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(git: &str) -> Lock {
        let text = format!("schema = 1\n\"plugins/x@1.0\" = {{ git = \"{git}\" }}\n");
        parse_lock(Path::new("greffon.lock"), &text).expect("a lock").0
    }

    #[test]
    fn only_repositories_of_this_machine_are_relative_and_come_back_as_they_were() {
        let base = Path::new("/srv/manifests/shop");
        for (git, written) in [
            ("/srv/git/x", "../../git/x"),
            ("/srv/manifests/shop/x.git", "x.git"),
            ("/home/git/x", "/home/git/x"),
            ("/srv/manifests/shop/a:b/x", "/srv/manifests/shop/a:b/x"),
            ("https://git.example.org/x.git", "https://git.example.org/x.git"),
            ("git@example.org:x.git", "git@example.org:x.git"),
            ("file:///srv/git/x", "file:///srv/git/x"),
        ] {
            let text = lock_text(&lock(git), base, "");
            assert!(text.contains(&format!("git = \"{written}\"")), "{text}");
            assert_eq!(read_lock(Path::new("greffon.lock"), &text, base).expect("read").0, lock(git));
        }
    }

    #[test]
    fn what_the_manifest_says_absolutely_stays_so() {
        let base = Path::new("/srv/manifests/shop");
        for (manifest, git, absolute) in [
            ("[types.plugins]\nx = { git = \"/srv/git/x\" }\n", "/srv/git/x", true),
            ("[types.plugins]\nx = { git = \"/srv/git/x\" }\n", "/srv/git/xy", false),
            ("[[config.repositories]]\nurl = \"/srv/git/{name}\"\n", "/srv/git/y", true),
            ("[[config.repositories]]\nurl = \"../../git/{name}\"\n", "/srv/git/y", false),
            ("[x]\na = \"/srv/git/{name}\"\nb = \"../../git/y\"\n", "/srv/git/y", false),
            ("not = a manifest", "/srv/git/y", false),
        ] {
            let text = lock_text(&lock(git), base, manifest);
            assert_eq!(text.contains(&format!("git = \"{git}\"")), absolute, "{manifest}{text}");
        }
    }
}
