//! Grafting: several trees become one by writing tree objects alone. Whatever lies below a single graft keeps its tree id and is
//! not even read.

use std::collections::BTreeMap;

use git2::ObjectType;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Graft, ObjectId};
use crate::sys::fs::{check_name, fold, shown};

use super::objects::{NewEntry, NewEntryKind, Objects};
use super::tree::{self, Item};

/// One folder of the wanted tree: the trees that lie on each other there, and the folders that lead to deeper grafts.
#[derive(Debug, Default)]
struct Folder {
    /// Who brings a tree to this folder: the index of the graft, and the tree.
    layers: Vec<(usize, ObjectId)>,
    deeper: BTreeMap<String, Folder>,
    /// The graft that is placed exactly here.
    root_of: Option<usize>,
}

pub(super) fn compose(objects: &Objects, grafts: &[Graft]) -> Result<ObjectId> {
    let mut root = Folder::default();
    let mut spellings: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (index, graft) in grafts.iter().enumerate() {
        let mut folder = &mut root;
        let mut path = String::new();
        for part in parts(graft)? {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            let (spelling, first) = spellings.entry(fold(&path)).or_insert_with(|| (path.clone(), index));
            if *spelling != path {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("`{}` goes to `{spelling}` and `{}` to `{path}`: the paths differ only in letter case", grafts[*first].id, graft.id),
                )
                .hint("write both the same way; many file systems cannot hold both"));
            }
            folder = folder.deeper.entry(part.to_owned()).or_default();
        }
        if let Some(other) = folder.root_of.replace(index) {
            let place = if path.is_empty() { "." } else { &path };
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` and `{}` would both be grafted at `{place}`", grafts[other].id, graft.id))
                .hint("give one of them another path, or leave it out with `without`"));
        }
        folder.layers.push((index, graft.tree));
    }
    Ok(Composer { objects, grafts }.fold(root, "")?.unwrap_or(ObjectId::EMPTY_TREE))
}

fn parts(graft: &Graft) -> Result<Vec<&str>> {
    let path = graft.placement.path.as_str();
    if path == "." {
        return Ok(Vec::new());
    }
    path.split('/')
        .map(|part| {
            check_name(part.as_bytes()).map_err(|fault| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("`{}` cannot be grafted at `{}`: `{}` {}", graft.id, shown(path.as_bytes()), shown(part.as_bytes()), fault.reason()),
                )
            })
        })
        .collect()
}

struct Composer<'a> {
    objects: &'a Objects,
    grafts: &'a [Graft],
}

impl Composer<'_> {
    /// The tree of a folder; `None` when it holds nothing, since git cannot hold it then.
    fn fold(&self, folder: Folder, path: &str) -> Result<Option<ObjectId>> {
        if folder.deeper.is_empty()
            && let [(_, tree)] = folder.layers[..]
        {
            return Ok((tree != ObjectId::EMPTY_TREE).then_some(tree));
        }
        // By name: every layer that has it, in order of the grafts.
        let mut names: BTreeMap<String, Vec<(usize, Item)>> = BTreeMap::new();
        for (graft, tree) in &folder.layers {
            self.objects.with_object(*tree, ObjectType::Tree, |bytes| {
                for named in tree::parse(bytes, *tree, path)? {
                    names.entry(named.name.to_owned()).or_default().push((*graft, named.item));
                }
                Ok(())
            })?;
        }
        let mut deeper = folder.deeper;
        for name in deeper.keys() {
            names.entry(name.clone()).or_default();
        }
        let mut entries = Vec::with_capacity(names.len());
        for (name, items) in names {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let child = deeper.remove(&name);
            if child.is_none()
                && let [(graft, item)] = items[..]
            {
                entries.push(self.keep(name, item, graft, &below)?);
                continue;
            }
            let mut child = child.unwrap_or_default();
            // What lies below comes first: the order decides only whose name stands first in a message.
            let mut layers = Vec::with_capacity(items.len() + child.layers.len());
            for (graft, item) in &items {
                match item {
                    Item::Folder(tree) => layers.push((*graft, *tree)),
                    _ => return Err(self.clash(&below, *graft, &items, &child)),
                }
            }
            layers.append(&mut child.layers);
            child.layers = layers;
            if let Some(tree) = self.fold(child, &below)? {
                entries.push(NewEntry { name, kind: NewEntryKind::Folder, id: tree });
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        self.objects.write_tree(entries).map(Some)
    }

    fn keep(&self, name: String, item: Item, graft: usize, path: &str) -> Result<NewEntry> {
        Ok(match item {
            Item::Folder(id) => NewEntry { name, kind: NewEntryKind::Folder, id },
            Item::File(entry) => NewEntry { name, kind: NewEntryKind::File(entry.mode), id: entry.id },
            Item::Gitlink(_) => {
                return Err(super::walk::gitlink(path).wrap(format!("`{}` cannot be grafted", self.grafts[graft].id)));
            }
        })
    }

    /// A file of `graft` is in the way of another graft's file or folder.
    fn clash(&self, path: &str, graft: usize, items: &[(usize, Item)], child: &Folder) -> Error {
        let other = items.iter().map(|(other, _)| *other).find(|other| *other != graft).or_else(|| first_graft(child));
        let files = items.len() > 1 && items.iter().all(|(_, item)| !matches!(item, Item::Folder(_)));
        let (one, other) = (&self.grafts[graft].id, other.map_or_else(|| String::from("another element"), |other| self.grafts[other].id.to_string()));
        let message = if files {
            format!("`{one}` and `{other}` both bring the file `{path}`")
        } else {
            format!("`{path}` is a file of one of `{one}` and `{other}`, and a folder of the other")
        };
        Error::new(ErrorKind::Invalid, message).hint("give one of them another path, or leave it out with `without`")
    }
}

fn first_graft(folder: &Folder) -> Option<usize> {
    folder.layers.first().map(|(graft, _)| *graft).or_else(|| folder.deeper.values().find_map(first_graft))
}
