//! What greffon never installed goes along when the folder around it moves: an application's new layout must not leave a plugin
//! that somebody put there by hand, or a file in a plugin's folder, behind.

use std::collections::BTreeMap;

use super::journal::Step;
use super::owners::{join, plain, within};
use super::scan::{Extra, UNREADABLE};
use super::wanted::Wanted;
use super::{Along, PathMove};
use crate::model::Graft;

/// Where folders go between two sets of grafts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ways(BTreeMap<String, String>);

impl Ways {
    /// Elements that get another path, and homes that are elsewhere now.
    pub(super) fn between(before: &[Graft], after: &[Graft]) -> Self {
        let mut ways = BTreeMap::new();
        for (old, new) in before.iter().filter_map(|old| Some((old, after.iter().find(|new| new.id == old.id)?))) {
            ways.insert(plain(&old.placement.path).to_owned(), plain(&new.placement.path).to_owned());
            for (name, folder) in &old.placement.homes {
                if let Some(now) = new.placement.homes.get(name) {
                    ways.insert(plain(folder).to_owned(), plain(now).to_owned());
                }
            }
        }
        ways.retain(|from, to| from != to && !from.is_empty() && !to.is_empty() && !within(to, from) && !within(from, to));
        Self(ways)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a path goes: by the deepest folder above it that moves.
    fn of(&self, path: &str) -> Option<String> {
        let (from, to) = self.0.iter().filter(|(from, _)| path != from.as_str() && within(path, from)).max_by_key(|(from, _)| from.len())?;
        Some(join(to, path[from.len()..].trim_start_matches('/')))
    }

    /// What goes along, and what of it cannot.
    pub(super) fn moves(&self, extras: &[Extra], wanted: &Wanted) -> Along {
        let mut along = Along::default();
        let taken = |place: &str| wants_below(wanted, place);
        for extra in extras.iter().filter(|extra| !extra.in_the_way && !extra.path.ends_with(UNREADABLE)) {
            let Some(to) = self.of(&extra.path) else { continue };
            // What the new tree puts at the old place, or at the new one, has its own rules.
            if taken(&extra.path) || taken(&to) {
                along.notes.push(format!("`{}` stays where it is: the new version brings its own `{to}`", extra.path));
            } else {
                along.moves.push(PathMove { from: extra.path.clone(), to });
            }
        }
        along
    }
}

/// What a person has to do when another folder is to be served.
pub(super) fn served(before: &[Graft], after: &[Graft]) -> Option<String> {
    let folder = |grafts: &[Graft]| grafts.iter().find_map(|graft| graft.placement.serves.clone());
    let (old, new) = (folder(before)?, folder(after)?);
    let shown = |folder: &str| if plain(folder).is_empty() { "the site's root".to_owned() } else { format!("`{folder}`") };
    (old != new).then(|| format!("the web server must serve {} from now on, not {}", shown(&new), shown(&old)))
}

/// Whether the wanted tree has something at a path or below it.
fn wants_below(wanted: &Wanted, place: &str) -> bool {
    // `a.b` sorts between `a` and `a/b`.
    let below = format!("{place}/");
    let start = wanted.files.partition_point(|(path, _)| path.as_bytes() < below.as_bytes());
    wanted.files.get(start).is_some_and(|(path, _)| path.starts_with(&below))
        || wanted.files.binary_search_by(|(path, _)| path.as_bytes().cmp(place.as_bytes())).is_ok()
}

/// Folders that nothing is wanted in, once what was in them has gone along; deepest first.
pub(super) fn emptied(along: &Along, wanted: &Wanted) -> Vec<String> {
    let mut folders: Vec<String> = along.moves.iter().flat_map(|one| one.from.match_indices('/').map(|(at, _)| one.from[..at].to_owned())).collect();
    folders.sort_by(|a, b| b.cmp(a));
    folders.dedup();
    folders.retain(|folder| !wants_below(wanted, folder));
    folders
}

pub(super) fn steps(along: &Along) -> impl Iterator<Item = Step> + '_ {
    along.moves.iter().map(|one| Step::Along { path: one.to.clone(), from: one.from.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ObjectId, Placement};

    fn graft(id: &str, path: &str, homes: &[(&str, &str)]) -> Graft {
        let homes = homes.iter().map(|(name, folder)| ((*name).to_owned(), (*folder).to_owned())).collect();
        let serves = (path == ".").then(|| homes_root(&homes));
        Graft {
            id: id.parse().expect("an id"),
            version: "1".into(),
            tree: ObjectId::EMPTY_TREE,
            placement: Placement { path: path.into(), homes, serves, ..Placement::default() },
        }
    }

    fn homes_root(homes: &BTreeMap<String, String>) -> String {
        if homes.values().any(|folder| folder.starts_with("public/")) { "public".into() } else { ".".into() }
    }

    #[test]
    fn the_deepest_folder_that_moves_decides() {
        let before = [graft("core/a", ".", &[("mod", "mod"), ("block", "blocks")]), graft("plugins/x", "mod/x", &[]), graft("plugins/gone", "mod/gone", &[])];
        let after = [graft("core/a", ".", &[("mod", "public/mod"), ("block", "blocks")]), graft("plugins/x", "other/x", &[])];
        let ways = Ways::between(&before, &after);
        for (path, to) in [
            ("mod/hand", Some("public/mod/hand")),
            ("mod/x/.git", Some("other/x/.git")),
            ("mod/gone/y", Some("public/mod/gone/y")),
            ("blocks/z", None),
            ("config.php", None),
            ("mod", None),
            ("modest/a", None),
        ] {
            assert_eq!(ways.of(path).as_deref(), to, "{path}");
        }
        assert_eq!(served(&before, &after).as_deref(), Some("the web server must serve `public` from now on, not the site's root"));
        assert!(Ways::between(&before, &before).is_empty() && served(&before, &before).is_none());
    }
}
