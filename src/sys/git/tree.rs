//! git's tree objects: reading their bytes strictly, and writing them.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};
use crate::sys::fs::{check_name, shown};

use super::objects::{NewEntry, NewEntryKind};

/// What a name in a tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Folder(ObjectId),
    File(Entry),
    Gitlink(ObjectId),
}

/// One name of a tree, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) item: Item,
}

impl Named<'_> {
    /// The bytes by which git sorts it: a folder's name ends in `/`.
    pub(super) fn key(&self) -> impl Iterator<Item = u8> + '_ {
        self.name.bytes().chain(matches!(self.item, Item::Folder(_)).then_some(b'/'))
    }
}

/// Reads a tree object. Refuses what git's own checks refuse on a transfer and what no file could safely be called:
/// see [`check_name`]; also wrong order and names that stand twice. `id` and `place` are for messages.
///
/// # Errors
/// `Git`: the bytes are no tree; `Invalid`: a hostile or impossible name.
pub(super) fn parse<'a>(bytes: &'a [u8], id: ObjectId, place: &str) -> Result<Vec<Named<'a>>> {
    let damaged = |why: &str| Error::new(ErrorKind::Git, format!("tree `{}` is damaged: {why}", id.short()));
    let mut items: Vec<Named<'a>> = Vec::with_capacity(bytes.len() / 36);
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(|| damaged("a mode does not end"))?;
        let mode = octal(&rest[..space]).ok_or_else(|| damaged("a mode is no octal number"))?;
        rest = &rest[space + 1..];
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(|| damaged("a name does not end"))?;
        let raw = &rest[..end];
        let hash = rest.get(end + 1..end + 21).ok_or_else(|| damaged("an id is cut off"))?;
        rest = &rest[end + 21..];
        let mut bytes = [0; 20];
        bytes.copy_from_slice(hash);
        let hash = ObjectId::from_bytes(bytes);
        let name = check_name(raw).map_err(|fault| {
            let path = if place.is_empty() { shown(raw) } else { format!("{}/{}", shown(place.as_bytes()), shown(raw)) };
            Error::new(ErrorKind::Invalid, format!("the git tree holds `{path}`, which may not be installed: its name {}", fault.reason()))
                .hint("tell the author of the repository; greffon installs nothing of it")
        })?;
        let item = match mode {
            0o040_000 => Item::Folder(hash),
            0o160_000 => Item::Gitlink(hash),
            0o120_000 => Item::File(Entry { id: hash, mode: FileMode::Symlink }),
            // 100664 and their like stand in very old histories; git itself looks at the owner's x bit alone.
            mode if mode & 0o170_000 == 0o100_000 => {
                Item::File(Entry { id: hash, mode: if mode & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable } })
            }
            _ => return Err(damaged("a mode is unknown")),
        };
        let named = Named { name, item };
        if let Some(last) = items.last()
            && !last.key().lt(named.key())
        {
            return Err(damaged("its names are not in order or stand twice"));
        }
        // A folder `a` sorts as `a/`: between it and a file `a` only names that begin with `a` can stand.
        if matches!(item, Item::Folder(_)) && items.iter().rev().take_while(|earlier| earlier.name.starts_with(name)).any(|earlier| earlier.name == name) {
            return Err(damaged("a name stands for a file and a folder"));
        }
        items.push(named);
    }
    Ok(items)
}

fn octal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 7 {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| matches!(digit, b'0'..=b'7').then(|| value * 8 + u32::from(digit - b'0')))
}

/// The bytes of a tree object.
///
/// # Errors
/// `Invalid` for a name that git refuses or that stands twice.
pub(super) fn serialise(mut entries: Vec<NewEntry>) -> Result<Vec<u8>> {
    entries.sort_by(|a, b| sort_key(a).cmp(sort_key(b)));
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.name.len() + 28).sum());
    for entry in &entries {
        check_name(entry.name.as_bytes()).map_err(|fault| {
            Error::new(ErrorKind::Invalid, format!("`{}` cannot stand in a git tree: its name {}", shown(entry.name.as_bytes()), fault.reason()))
        })?;
        let mode: &[u8] = match entry.kind {
            NewEntryKind::File(FileMode::Regular) => b"100644 ",
            NewEntryKind::File(FileMode::Executable) => b"100755 ",
            NewEntryKind::File(FileMode::Symlink) => b"120000 ",
            NewEntryKind::Folder => b"40000 ",
        };
        bytes.extend_from_slice(mode);
        bytes.extend_from_slice(entry.name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(entry.id.as_bytes());
    }
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::new(ErrorKind::Invalid, format!("`{}` stands twice in one folder", shown(pair[0].as_bytes())))),
        None => Ok(bytes),
    }
}

fn sort_key(entry: &NewEntry) -> impl Iterator<Item = u8> + '_ {
    entry.name.bytes().chain(matches!(entry.kind, NewEntryKind::Folder).then_some(b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (mode, name) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(&[7; 20]);
        }
        bytes
    }

    fn read(entries: &[(&str, &[u8])]) -> Result<Vec<String>> {
        let bytes = raw(entries);
        Ok(parse(&bytes, ObjectId::EMPTY_TREE, "lib")?.iter().map(|named| named.name.to_owned()).collect())
    }

    #[test]
    fn a_plain_tree_is_read() {
        let names = read(&[("100644", b"a"), ("100644", b"a.b"), ("40000", b"b"), ("100755", b"b0"), ("120000", b"c")]).expect("a good tree");
        assert_eq!(names, ["a", "a.b", "b", "b0", "c"]);
    }

    #[test]
    fn hostile_and_broken_trees_are_refused() {
        for (what, tree) in [
            ("a .git folder", vec![("40000", &b".git"[..])]),
            ("a short name", vec![("40000", b"GIT~1")]),
            ("the parent", vec![("40000", b"..")]),
            ("a slash", vec![("100644", b"a/b")]),
            ("a line feed", vec![("100644", b"a\nb")]),
            ("Latin-1", vec![("100644", b"caf\xe9")]),
            ("twice", vec![("100644", b"a"), ("100644", b"a")]),
            ("file and folder", vec![("100644", b"a"), ("100644", b"a.b"), ("40000", b"a")]),
            ("wrong order", vec![("100644", b"b"), ("100644", b"a")]),
            ("a device", vec![("20000", b"a")]),
            ("no mode", vec![("", b"a")]),
        ] {
            assert!(read(&tree).is_err(), "{what} was accepted");
        }
        let error = read(&[("40000", b".git")]).expect_err("refused");
        assert!(error.message().contains("`lib/.git`"), "{error}");
        let mut cut = raw(&[("100644", b"a")]);
        cut.pop();
        assert!(parse(&cut, ObjectId::EMPTY_TREE, "").is_err());
    }
}
