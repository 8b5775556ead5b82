//! Which element a path belongs to, and which paths belong to the site's owner.

use crate::model::Graft;

/// Every graft of a site, asked by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Owners {
    /// Path (`""` for the root), patterns below it; longest path first.
    grafts: Vec<Owned>,
}

#[derive(Debug, Clone)]
struct Owned {
    index: usize,
    path: String,
    protect: Vec<Vec<String>>,
}

/// `.` is the root; inside this room the root is `""`.
pub(super) fn plain(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    if path == "." { "" } else { path }
}

/// Whether `path` is `folder` or lies below it.
pub(super) fn within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The folder that a path is in (`""`: the root) and its bare name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A path of a folder and a name.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

impl Owners {
    pub(super) fn new(grafts: &[Graft]) -> Self {
        let mut grafts: Vec<Owned> = grafts
            .iter()
            .enumerate()
            .map(|(index, graft)| Owned {
                index,
                path: plain(&graft.placement.path).to_owned(),
                protect: graft.placement.protect.iter().map(|pattern| parts(pattern)).filter(|parts| !parts.is_empty()).collect(),
            })
            .collect();
        grafts.sort_by_key(|graft| std::cmp::Reverse(graft.path.len()));
        Self { grafts }
    }

    /// The element that a path belongs to: the one placed nearest above it.
    pub(super) fn of(&self, path: &str) -> Option<usize> {
        self.grafts.iter().find(|graft| within(path, &graft.path)).map(|graft| graft.index)
    }

    /// Whether anything is protected at all.
    pub(super) fn protect_anything(&self) -> bool {
        self.grafts.iter().any(|graft| !graft.protect.is_empty())
    }

    /// Whether a path belongs to the site's owner: a pattern fits it, or a folder above it.
    ///
    /// Patterns are relative to the element's path. A host's pattern reaches into an element nested in it only where it says so
    /// in particular, that is, where it fits something below that element's path.
    pub(super) fn protected(&self, path: &str) -> bool {
        let nearest = self.grafts.iter().find(|graft| within(path, &graft.path)).map_or(0, |graft| graft.path.len());
        self.grafts.iter().filter(|graft| !graft.protect.is_empty() && within(path, &graft.path) && path.len() > graft.path.len()).any(|graft| {
            let below = path[graft.path.len()..].trim_start_matches('/');
            let start = path.len() - below.len();
            let names: Vec<&str> = below.split('/').collect();
            let mut end = start;
            (1..=names.len()).any(|count| {
                end += names[count - 1].len() + usize::from(count > 1);
                (graft.path.len() == nearest || end > nearest) && graft.protect.iter().any(|pattern| fits(pattern, &names[..count]))
            })
        })
    }
}

fn parts(pattern: &str) -> Vec<String> {
    pattern.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

/// Whether a pattern fits a path, part by part; `**` stands for any number of parts.
fn fits(pattern: &[String], names: &[&str]) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => fits(rest, names) || names.split_first().is_some_and(|(_, others)| fits(pattern, others)),
        (None, Some(_)) | (Some(_), None) => false,
        (Some((first, rest)), Some((name, others))) => part_fits(first.as_bytes(), name.as_bytes()) && fits(rest, others),
    }
}

/// Whether a pattern with `*` and `?` fits one name.
fn part_fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name, mut star) = (0, 0, None);
    while in_name < name.len() {
        if at < pattern.len() && pattern[at] == b'*' {
            star = Some((at, in_name));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == b'?' || pattern[at] == name[in_name]) {
            at += 1;
            in_name += 1;
        } else if let Some((star_at, taken)) = star {
            at = star_at + 1;
            in_name = taken + 1;
            star = Some((star_at, taken + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ElementId, ObjectId, Placement, Version};

    fn graft(id: &str, path: &str, protect: &[&str]) -> Graft {
        Graft {
            id: id.parse::<ElementId>().expect("an id"),
            version: Version::new("1"),
            tree: ObjectId::EMPTY_TREE,
            placement: Placement { path: path.into(), protect: protect.iter().map(|text| (*text).to_owned()).collect(), ..Placement::default() },
        }
    }

    #[test]
    fn the_nearest_element_owns_a_path() {
        let owners = Owners::new(&[graft("core/a", ".", &[]), graft("plugins/x", "plugins/x", &[]), graft("plugins/y", "plugins/x/y", &[])]);
        assert_eq!(owners.of("index.php"), Some(0));
        assert_eq!(owners.of("plugins/x/a"), Some(1));
        assert_eq!(owners.of("plugins/xx/a"), Some(0));
        assert_eq!(owners.of("plugins/x/y/a"), Some(2));
        assert_eq!(Owners::new(&[graft("plugins/x", "plugins/x", &[])]).of("other"), None);
    }

    #[test]
    fn protection_is_anchored_at_the_element() {
        let owners =
            Owners::new(&[graft("core/a", ".", &["config.php", "data/", "cache/**/*.tmp", "plugins/*"]), graft("plugins/x", "plugins/x", &["/local/*.ini"])]);
        for (path, expected) in [
            ("config.php", true),
            ("lib/config.php", false),
            ("data", true),
            ("data/deep/file", true),
            ("cache/a/b/c.tmp", true),
            ("cache/c.tmp", true),
            ("cache/a/b/c.php", false),
            ("plugins/other/file", true),
            ("plugins/x/file", false),
            ("plugins/x/local/a.ini", true),
            ("plugins/x/local/a.txt", false),
        ] {
            assert_eq!(owners.protected(path), expected, "{path}");
        }
        let host = Owners::new(&[graft("core/a", ".", &["plugins/x/config.php"]), graft("plugins/x", "plugins/x", &[])]);
        assert!(host.protected("plugins/x/config.php"), "the host says so in particular");
    }
}
