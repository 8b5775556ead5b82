//! Where two trees differ. Equal subtrees are passed over unread, so a small change in a large tree costs little.

use std::cmp::Ordering;

use git2::ObjectType;

use crate::error::Result;
use crate::model::{Entry, ObjectId, TreeChange};

use super::objects::Objects;
use super::tree::{self, Item, Named};
use super::walk;

pub(super) fn diff(objects: &Objects, old: ObjectId, new: ObjectId) -> Result<Vec<TreeChange>> {
    let mut changes = Vec::new();
    folders(objects, Some(old), Some(new), "", &mut changes)?;
    Ok(changes)
}

fn folders(objects: &Objects, old: Option<ObjectId>, new: Option<ObjectId>, path: &str, changes: &mut Vec<TreeChange>) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let read = |tree: Option<ObjectId>| match tree {
        Some(id) => objects.with_object(id, ObjectType::Tree, |bytes| Ok(bytes.to_vec())),
        None => Ok(Vec::new()),
    };
    let (old_bytes, new_bytes) = (read(old)?, read(new)?);
    let parse = |bytes, tree: Option<ObjectId>| tree::parse(bytes, tree.unwrap_or(ObjectId::EMPTY_TREE), path);
    let (old_items, new_items): (Vec<Named<'_>>, Vec<Named<'_>>) = (parse(&old_bytes, old)?, parse(&new_bytes, new)?);
    let (mut left, mut right) = (old_items.iter().peekable(), new_items.iter().peekable());
    loop {
        // In git's order a folder `a` stands as `a/`: a file that became a folder is two steps, and the paths come out sorted.
        let order = match (left.peek(), right.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.key().cmp(b.key()),
        };
        let old_item = if order == Ordering::Greater { None } else { left.next() };
        let new_item = if order == Ordering::Less { None } else { right.next() };
        let Some(name) = old_item.or(new_item).map(|named| named.name) else { return Ok(()) };
        let below = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let (old_item, new_item) = (old_item.map(|named| named.item), new_item.map(|named| named.item));
        if old_item == new_item {
            continue;
        }
        if matches!(old_item.or(new_item), Some(Item::Folder(_))) {
            folders(objects, folder(old_item), folder(new_item), &below, changes)?;
        } else {
            let (old, new) = (file(old_item, &below)?, file(new_item, &below)?);
            changes.push(TreeChange { path: below, old, new });
        }
    }
}

fn folder(item: Option<Item>) -> Option<ObjectId> {
    match item {
        Some(Item::Folder(id)) => Some(id),
        _ => None,
    }
}

fn file(item: Option<Item>, path: &str) -> Result<Option<Entry>> {
    match item {
        Some(Item::File(entry)) => Ok(Some(entry)),
        Some(Item::Gitlink(_)) => Err(walk::gitlink(path)),
        _ => Ok(None),
    }
}
