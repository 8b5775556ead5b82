//! A site's files read as if they were a tree of the stock, so that what stands there is understood by the same rules.

use std::path::PathBuf;

use crate::error::Result;
use crate::model::{Entry, FileMode, ObjectId};
use crate::roles::{TreeItem, TreeItemKind, Trees};
use crate::sys::fs;

/// Beyond this a file is none that says something of the code.
const LIMIT: u64 = 8 << 20;

/// A folder on disk. Every tree id means the folder itself; ids in what it lists mean nothing.
#[derive(Debug)]
pub(super) struct Disk(pub(super) PathBuf);

impl Trees for Disk {
    fn read(&self, _: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        let path = self.0.join(path);
        match fs::kind(&path)? {
            Some(fs::PathKind::File { .. }) => fs::read(&path, LIMIT),
            _ => Ok(None),
        }
    }

    fn list(&self, _: ObjectId, path: &str) -> Result<Option<Vec<TreeItem>>> {
        let folder = self.0.join(path);
        let Some(names) = fs::names(&folder)? else { return Ok(None) };
        let mut items = Vec::with_capacity(names.len());
        for name in names {
            let file = TreeItemKind::File(Entry { id: ObjectId::EMPTY_TREE, mode: FileMode::Regular });
            let what = match fs::kind(&folder.join(&name))? {
                Some(fs::PathKind::Folder) => TreeItemKind::Folder(ObjectId::EMPTY_TREE),
                _ => file,
            };
            items.push(TreeItem { name, what });
        }
        Ok(Some(items))
    }
}
