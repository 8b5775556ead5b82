//! The entries of an import as folders in memory, until the element among them is chosen and written as trees.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};
use crate::sys::fs::{fold, shown};
use crate::sys::git::{NewEntry, NewEntryKind, Sink};

use super::policy::{link_stays_inside, refused};

/// One folder.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    names: BTreeMap<String, Node>,
    /// Whether an entry named this folder itself.
    named: bool,
}

#[derive(Debug)]
enum Node {
    Folder(Gathered),
    File(Entry),
    Link(Entry, Vec<u8>),
}

impl Gathered {
    /// Adds a folder that an entry names.
    pub(super) fn folder(&mut self, parts: &[&str]) -> Result<()> {
        let folder = self.descend(parts, parts.len())?;
        if std::mem::replace(&mut folder.named, true) && !parts.is_empty() {
            return Err(refused(format!("`{}/` stands in it twice", shown(parts.join("/").as_bytes()))));
        }
        Ok(())
    }

    /// Adds a file.
    pub(super) fn file(&mut self, parts: &[&str], entry: Entry) -> Result<()> {
        self.leaf(parts, Node::File(entry))
    }

    /// Adds a symbolic link; where it points is looked at when the element is known.
    pub(super) fn link(&mut self, parts: &[&str], entry: Entry, target: Vec<u8>) -> Result<()> {
        self.leaf(parts, Node::Link(entry, target))
    }

    /// The regular file at a path, for a hard link to it.
    pub(super) fn existing(&self, parts: &[&str]) -> Option<Entry> {
        let (last, folders) = parts.split_last()?;
        let mut folder = self;
        for part in folders {
            match folder.names.get(*part)? {
                Node::Folder(inner) => folder = inner,
                _ => return None,
            }
        }
        match folder.names.get(*last)? {
            Node::File(entry) => Some(*entry),
            _ => None,
        }
    }

    fn leaf(&mut self, parts: &[&str], node: Node) -> Result<()> {
        let Some((last, folders)) = parts.split_last() else { return Err(refused("a file has no name")) };
        let path = || shown(parts.join("/").as_bytes());
        match self.descend(parts, folders.len())?.names.entry((*last).to_owned()) {
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(node);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(there) if matches!(there.get(), Node::Folder(_)) => {
                Err(refused(format!("`{}` is a file and a folder", path())))
            }
            std::collections::btree_map::Entry::Occupied(_) => Err(refused(format!("`{}` stands in it twice", path()))),
        }
    }

    fn descend(&mut self, parts: &[&str], count: usize) -> Result<&mut Self> {
        let mut folder = self;
        for (depth, part) in parts[..count].iter().enumerate() {
            let above = || shown(parts[..=depth].join("/").as_bytes());
            folder = match folder.names.entry((*part).to_owned()).or_insert_with(|| Node::Folder(Self::default())) {
                Node::Folder(inner) => inner,
                Node::File(_) => return Err(refused(format!("`{}` is a file and a folder", above()))),
                Node::Link(..) => return Err(refused(format!("`{}` would be written through the link `{}`", shown(parts.join("/").as_bytes()), above()))),
            };
        }
        Ok(folder)
    }

    /// Calls `each` for everything, sorted: its path, what it is, and a file's or link's blob.
    pub(super) fn walk(&self, above: &str, each: &mut impl FnMut(String, &'static str, Option<ObjectId>)) {
        for (name, node) in &self.names {
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            match node {
                Node::Folder(inner) => {
                    each(path.clone(), "folder", None);
                    inner.walk(&path, each);
                }
                Node::File(entry) => each(path, "file", Some(entry.id)),
                Node::Link(entry, _) => each(path, "link", Some(entry.id)),
            }
        }
    }

    /// The element: the folder `subdir` (of the root, else of the single top folder), the single top folder, or everything.
    pub(super) fn select(mut self, subdir: Option<&str>) -> Result<(Self, Option<String>)> {
        // What macOS puts beside the files when it makes a zip: resource forks, of no use to anybody else.
        self.names.remove("__MACOSX");
        let only = match self.names.iter().next() {
            Some((name, Node::Folder(_))) if self.names.len() == 1 => Some(name.clone()),
            _ => None,
        };
        let wanted: Option<Vec<&str>> = subdir.map(|path| path.split('/').filter(|part| !part.is_empty() && *part != ".").collect());
        if let Some(parts) = wanted.filter(|parts| !parts.is_empty()) {
            let below_top: Vec<&str> = only.as_deref().into_iter().chain(parts.iter().copied()).collect();
            for (parts, top) in [(&parts, None), (&below_top, only.as_ref())] {
                if self.has_folder(parts) {
                    return Ok((self.take(parts), top.cloned()));
                }
            }
            let names: Vec<String> = self.names.keys().take(8).map(|name| format!("`{name}`")).collect();
            return Err(Error::new(ErrorKind::NotFound, format!("it has no folder `{}`", parts.join("/"))).hint(format!("it holds {}", names.join(", "))));
        }
        match only {
            Some(top) => Ok((self.take(&[&top]), Some(top))),
            None => Ok((self, None)),
        }
    }

    fn has_folder(&self, parts: &[&str]) -> bool {
        let mut folder = self;
        for part in parts {
            match folder.names.get(*part) {
                Some(Node::Folder(inner)) => folder = inner,
                _ => return false,
            }
        }
        true
    }

    fn take(self, parts: &[&str]) -> Self {
        let mut folder = self;
        for part in parts {
            match folder.names.remove(*part) {
                Some(Node::Folder(inner)) => folder = inner,
                _ => return Self::default(),
            }
        }
        folder
    }

    /// Visits every leaf with its path.
    fn each<'a>(&'a self, path: &mut Vec<&'a str>, visit: &mut dyn FnMut(&[&'a str], &'a Node)) {
        for (name, node) in &self.names {
            path.push(name);
            visit(path, node);
            if let Node::Folder(inner) = node {
                inner.each(path, visit);
            }
            path.pop();
        }
    }

    /// Refuses links that leave the element.
    pub(super) fn check_links(&self) -> Result<()> {
        let mut fault = None;
        self.each(&mut Vec::new(), &mut |path, node| {
            if let Node::Link(_, target) = node
                && fault.is_none()
                && !link_stays_inside(target, path.len() - 1)
            {
                fault = Some(refused(format!("the link `{}` to `{}` leaves the element", path.join("/"), shown(target))));
            }
        });
        fault.map_or(Ok(()), Err)
    }

    /// Names that are one file where file systems fold case or Unicode forms. Such an element is kept whole here; elsewhere it
    /// could not be installed, and whoever makes it should know.
    pub(super) fn collisions(&self) -> Vec<String> {
        let mut told = Vec::new();
        let mut look = |folder: &Self, path: &str| {
            let mut seen: BTreeMap<String, &str> = BTreeMap::new();
            for name in folder.names.keys() {
                if let Some(other) = seen.insert(fold(name), name) {
                    told.push(format!("`{path}{other}` and `{path}{name}` are one file where letter case or Unicode form does not count"));
                }
            }
        };
        look(self, "");
        self.each(&mut Vec::new(), &mut |path, node| {
            if let Node::Folder(inner) = node {
                look(inner, &format!("{}/", path.join("/")));
            }
        });
        told
    }

    /// Files that change what a web server does with the folder they lie in.
    pub(super) fn control_files(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.each(&mut Vec::new(), &mut |path, node| {
            if let (Some(name), Node::File(_)) = (path.last(), node)
                && [".htaccess", ".user.ini", "web.config"].contains(&name.to_ascii_lowercase().as_str())
            {
                found.push(format!("`{}`", path.join("/")));
            }
        });
        found
    }

    /// How many files and links there are.
    pub(super) fn files(&self) -> usize {
        let mut count = 0;
        self.each(&mut Vec::new(), &mut |_, node| count += usize::from(!matches!(node, Node::Folder(_))));
        count
    }

    /// Writes the trees; folders without files are left out, since git cannot hold them.
    pub(super) fn write(&self, sink: &mut dyn Sink) -> Result<ObjectId> {
        let mut entries = Vec::with_capacity(self.names.len());
        for (name, node) in &self.names {
            let (kind, id) = match node {
                Node::File(entry) => (NewEntryKind::File(entry.mode), entry.id),
                Node::Link(entry, _) => (NewEntryKind::File(FileMode::Symlink), entry.id),
                Node::Folder(inner) => match inner.write(sink)? {
                    ObjectId::EMPTY_TREE => continue,
                    tree => (NewEntryKind::Folder, tree),
                },
            };
            entries.push(NewEntry { name: name.clone(), kind, id });
        }
        if entries.is_empty() { Ok(ObjectId::EMPTY_TREE) } else { sink.tree(entries) }
    }
}
