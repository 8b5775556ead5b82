//! Patches on trees, in memory: made, applied, merged. Nothing is checked out. `parse` reads them, `lines` finds where hunks go,
//! `make` writes them, `rebase` brings them to another version.

mod binary;
mod lines;
mod make;
mod parse;
mod rebase;
mod refused;

use std::collections::BTreeMap;
use std::path::Path;

pub use rebase::{Merged, Settled};

use super::Objects;
use super::tree::Item;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};
use lines::Hold;
use parse::FilePatch;

/// No patch, and no file that one makes, is larger than this.
pub const LARGEST_PATCH: u64 = 256 << 20;

/// What a patch did to a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patched {
    /// The tree is now this one.
    To(ObjectId),
    /// Everything that it does was there already.
    Contained,
}

impl Patched {
    /// The tree after it, where `before` is the one before it.
    #[must_use]
    pub fn on(self, before: ObjectId) -> ObjectId {
        match self {
            Self::To(tree) => tree,
            Self::Contained => before,
        }
    }
}

/// Files of a tree under change: `None` takes one away.
type Overlay = BTreeMap<String, Option<Entry>>;

impl Objects {
    /// The tree with a patch applied (`git diff` form, paths relative to the tree).
    ///
    /// # Errors
    /// `NotFound` when there is no such file; `Invalid` when it is no patch, or does not apply here: the message names the patch, and
    /// the excerpt shows what of it does not.
    pub fn apply_patch(&self, tree: ObjectId, patch: &Path) -> Result<Patched> {
        let bytes = crate::sys::fs::read(patch, LARGEST_PATCH)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no patch `{}`", patch.display()))
                .hint("bring the file back, or take it out of `patches` in greffon.toml")
        })?;
        self.apply_patch_bytes(tree, &bytes, patch)
    }

    /// As [`Self::apply_patch`], of a patch that was read already; `shown` is for messages.
    ///
    /// # Errors
    /// As [`Self::apply_patch`].
    pub fn apply_patch_bytes(&self, tree: ObjectId, bytes: &[u8], shown: &Path) -> Result<Patched> {
        let files = read(bytes, shown)?;
        let exact = |id: &str| id.len() == 40;
        // What is byte for byte as the patch leaves it needs no guess.
        let after = |file: &FilePatch| -> Result<bool> {
            let (Some(path), Some((_, id))) = (&file.new, file.ids.as_ref().filter(|(_, id)| exact(id))) else { return Ok(false) };
            let here = self.entry(tree, path)?;
            Ok(here.is_some_and(|entry| entry.id.to_string() == *id && file.mode.is_none_or(|mode| mode == entry.mode)) && moved_away(self, tree, file)?)
        };
        if files.iter().map(after).collect::<Result<Vec<_>>>()?.iter().all(|there| *there) {
            return Ok(Patched::Contained);
        }
        if let Ok(overlay) = self.put(tree, &files, Hold::Strict)? {
            return self.edited(tree, &overlay.into_iter().collect::<Vec<_>>()).map(Patched::To);
        }
        if files.iter().map(|file| self.contains(tree, file)).collect::<Result<Vec<_>>>()?.iter().all(|there| *there) {
            return Ok(Patched::Contained);
        }
        match self.put(tree, &files, Hold::Loose)? {
            Ok(overlay) => self.edited(tree, &overlay.into_iter().collect::<Vec<_>>()).map(Patched::To),
            Err(refusal) => Err(self.refused(tree, &refusal, &files, (bytes, shown))),
        }
    }

    /// The file at a path of a tree.
    fn entry(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>> {
        Ok(match self.find(tree, path)? {
            Some(Item::File(entry)) => Some(entry),
            _ => None,
        })
    }

    /// Every file of a patch put onto a tree.
    fn put(&self, tree: ObjectId, files: &[FilePatch], hold: Hold) -> Result<std::result::Result<Overlay, Refusal>> {
        let mut overlay = Overlay::new();
        for (number, file) in files.iter().enumerate() {
            let here = |path: &String, overlay: &Overlay| match overlay.get(path) {
                Some(entry) => Ok(*entry),
                None => self.entry(tree, path),
            };
            let old = file.old.as_ref().map(|path| here(path, &overlay)).transpose()?.flatten();
            let entry = match self.patched(file, old, hold)? {
                Ok(entry) => entry,
                Err(why) => return Ok(Err(Refusal { file: number, why })),
            };
            if let Some(new) = &file.new
                && file.old.as_ref() != Some(new)
                && here(new, &overlay)?.is_some()
            {
                return Ok(Err(Refusal { file: number, why: Why::Occupied }));
            }
            if let Some(old) = file.old.as_ref().filter(|old| !file.copy && file.new.as_ref() != Some(old)) {
                overlay.insert(old.clone(), None);
            }
            if let (Some(new), Some(entry)) = (&file.new, entry) {
                overlay.insert(new.clone(), Some(entry));
            }
        }
        // Only now is it known what the patch itself takes out of the way.
        for (number, file) in files.iter().enumerate() {
            let Some(new) = file.new.as_ref().filter(|new| overlay.get(*new).is_some_and(Option::is_some)) else { continue };
            if self.in_the_way(tree, new, &overlay)? {
                return Ok(Err(Refusal { file: number, why: Why::InTheWay }));
            }
            if self.is_folder(tree, new, &overlay)? {
                return Ok(Err(Refusal { file: number, why: Why::Folder }));
            }
        }
        Ok(Ok(overlay))
    }

    /// Whether anything is left below a path: a file there would take all of it away.
    fn is_folder(&self, tree: ObjectId, path: &str, overlay: &Overlay) -> Result<bool> {
        let below = format!("{path}/");
        if overlay.range(below.clone()..).take_while(|(other, _)| other.starts_with(&below)).any(|(_, entry)| entry.is_some()) {
            return Ok(true);
        }
        let Some(folder) = self.subtree(tree, path)? else { return Ok(false) };
        Ok(self.files(folder)?.iter().any(|file| !overlay.contains_key(&format!("{below}{}", file.path))))
    }

    /// Whether a file or a link stands where a path needs a folder: what is written there would come to stand elsewhere.
    fn in_the_way(&self, tree: ObjectId, path: &str, overlay: &Overlay) -> Result<bool> {
        for (end, _) in path.match_indices('/') {
            let above = &path[..end];
            let there = match overlay.get(above) {
                Some(entry) => entry.is_some(),
                None => self.entry(tree, above)?.is_some(),
            };
            if there {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A file after a patch; `None`: it goes.
    fn patched(&self, file: &FilePatch, old: Option<Entry>, hold: Hold) -> Result<std::result::Result<Option<Entry>, Why>> {
        let Some(old) = old.map(Some).or(if file.old.is_none() { Some(None) } else { None }) else { return Ok(Err(Why::Missing)) };
        let bytes = old.map(|entry| self.blob(entry.id)).transpose()?.unwrap_or_default();
        let before = file.ids.as_ref().map(|(id, _)| id.as_str()).filter(|id| id.len() == 40);
        let same = old.is_none_or(|entry| before.is_none_or(|id| id == entry.id.to_string()));
        let new = match &file.binary {
            Some(_) if !same => return Ok(Err(Why::OtherBytes)),
            Some(binary::Payload::Whole(bytes)) => bytes.clone(),
            Some(binary::Payload::Delta(delta)) => match binary::apply_delta(&bytes, delta) {
                Some(bytes) => bytes,
                None => return Ok(Err(Why::OtherBytes)),
            },
            None => match lines::apply(&bytes, &file.hunks, hold) {
                Ok(bytes) => bytes,
                Err(number) => return Ok(Err(Why::Hunk(number))),
            },
        };
        if file.new.is_none() {
            // Somebody added to it what the patch knows nothing of.
            return Ok(if new.is_empty() || (file.hunks.is_empty() && same) { Ok(None) } else { Err(Why::OtherBytes) });
        }
        let mode = file.mode.or(old.map(|entry| entry.mode)).unwrap_or(FileMode::Regular);
        Ok(Ok(Some(Entry { id: self.write_blob(&new)?, mode })))
    }

    /// Whether what a patch does to one file was done already.
    fn contains(&self, tree: ObjectId, file: &FilePatch) -> Result<bool> {
        let Some(new) = &file.new else {
            return Ok(file.old.as_ref().map(|old| self.entry(tree, old)).transpose()?.flatten().is_none());
        };
        let Some(entry) = self.entry(tree, new)? else { return Ok(false) };
        if file.mode.is_some_and(|mode| mode != entry.mode) || !moved_away(self, tree, file)? {
            return Ok(false);
        }
        if file.ids.as_ref().is_some_and(|(_, id)| id.len() == 40 && *id == entry.id.to_string()) {
            return Ok(true);
        }
        let bytes = self.blob(entry.id)?;
        Ok(match &file.binary {
            Some(binary::Payload::Whole(after)) => *after == bytes,
            Some(binary::Payload::Delta(_)) => false,
            None if file.old.is_none() => lines::apply(&[], &file.hunks, Hold::Strict).is_ok_and(|after| after == bytes),
            None => lines::contains(&bytes, &file.hunks),
        })
    }
}

/// Whether a file that a patch renames no longer stands at its old path.
fn moved_away(objects: &Objects, tree: ObjectId, file: &FilePatch) -> Result<bool> {
    match (&file.old, &file.new) {
        (Some(old), Some(new)) if old != new && !file.copy => Ok(objects.entry(tree, old)?.is_none()),
        _ => Ok(true),
    }
}

fn read(bytes: &[u8], shown: &Path) -> Result<Vec<FilePatch>> {
    parse::parse(bytes).map_err(|error| error.wrap(format!("`{}` is not a patch that can be applied", shown.display())))
}

/// Why a patch does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal {
    /// Which of its files.
    file: usize,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Missing,
    Occupied,
    InTheWay,
    Folder,
    OtherBytes,
    Hunk(usize),
}
