//! A patch that no longer applies, brought to another version: merged three ways, with markers where people must decide.

use std::path::Path;

use super::super::Objects;
use super::lines::{self, Hold};
use super::parse::FilePatch;
use super::{binary, read};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, ObjectId};

/// What a merge came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Every file that the patch is about, as it is after the merge; markers stand in those that conflict.
    pub files: Vec<(String, Settled)>,
}

/// One file after a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What it is; `None`: it is not there.
    pub file: Option<(FileMode, Vec<u8>)>,
    /// Why somebody must look at it; `None`: it merged.
    pub conflict: Option<String>,
}

impl Merged {
    /// Whether nobody needs to decide anything.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.files.iter().all(|(_, settled)| settled.conflict.is_none())
    }
}

impl Objects {
    /// Merges what a patch does into a tree. `labels`: what the tree and the patch are called at markers.
    ///
    /// # Errors
    /// `Invalid` when it is no patch; `Git`.
    pub fn merge_patch(&self, tree: ObjectId, bytes: &[u8], shown: &Path, labels: (&str, &str)) -> Result<Merged> {
        let mut merged = Merged::default();
        for file in read(bytes, shown)? {
            let mut settled = self.merge_file_patch(tree, &file, labels)?;
            if let (Some(old), Some(new)) = (&file.old, &file.new)
                && old != new
                && !file.copy
            {
                merged.files.push((old.clone(), Settled { file: None, conflict: None }));
            }
            if file.new.is_none() && settled.conflict.is_none() {
                settled.file = None;
            }
            let path = file.path().to_owned();
            merged.files.retain(|(other, _)| *other != path);
            merged.files.push((path, settled));
        }
        Ok(merged)
    }

    fn merge_file_patch(&self, tree: ObjectId, file: &FilePatch, labels: (&str, &str)) -> Result<Settled> {
        let at = file.old.as_deref().unwrap_or_default();
        let mut ours = if file.old.is_some() { self.entry(tree, at)? } else { None };
        let occupied = file.new.as_ref().filter(|new| file.old.as_ref() != Some(new)).map(|new| self.entry(tree, new)).transpose()?.flatten();
        if self.contains(tree, file)? {
            return self.settled(file.new.as_ref().map(|path| self.entry(tree, path)).transpose()?.flatten(), None);
        }
        for hold in [Hold::Strict, Hold::Loose] {
            if occupied.is_none()
                && let Ok(entry) = self.patched(file, ours, hold)?
            {
                return self.settled(entry, None);
            }
        }
        ours = ours.or(occupied);
        let base = file.ids.as_ref().and_then(|(id, _)| id.parse::<ObjectId>().ok()).filter(|id| self.has(*id));
        let mode = file.mode.or(ours.map(|entry| entry.mode)).unwrap_or(FileMode::Regular);
        let base = match (&file.old, base) {
            (None, _) => Some(Vec::new()),
            (Some(_), id) => id.map(|id| self.blob(id)).transpose()?,
        };
        let theirs = base.as_ref().and_then(|base| after(file, base));
        let Some(ours) = ours else {
            let why = format!("`{at}` is no longer there; keep what the patch makes of it, or delete it");
            return Ok(Settled { file: theirs.map(|bytes| (mode, bytes)), conflict: Some(why) });
        };
        let now = self.blob(ours.id)?;
        if file.new.is_none() {
            let why = format!("the patch deletes `{at}`, which has changed; delete it, or keep it");
            return Ok(Settled { file: Some((ours.mode, now)), conflict: Some(why) });
        }
        if file.binary.is_some() || is_binary(&now) {
            let why = format!("`{at}` is no text and has changed; what lies here is the patch's");
            let bytes = theirs.unwrap_or(now);
            return Ok(Settled { file: Some((mode, bytes)), conflict: Some(why) });
        }
        let (Some(base), Some(theirs)) = (base, theirs) else {
            let (bytes, marked) = lines::mark(&now, &file.hunks, labels);
            let why = format!("{marked} of {} hunks have no place; what `{at}` was when the patch was made is no longer in stock", file.hunks.len());
            return Ok(Settled { file: Some((mode, bytes)), conflict: (marked > 0).then_some(why) });
        };
        let (bytes, clean) = three_way(&base, &now, &theirs, labels)?;
        let why = (!clean).then(|| "both have changed the same lines".to_owned());
        Ok(Settled { file: Some((mode, bytes)), conflict: why })
    }

    fn settled(&self, entry: Option<Entry>, conflict: Option<String>) -> Result<Settled> {
        let file = entry.map(|entry| Ok::<_, Error>((entry.mode, self.blob(entry.id)?))).transpose()?;
        Ok(Settled { file, conflict })
    }

    /// A tree with these files in it.
    ///
    /// # Errors
    /// `Git`, `Invalid`.
    pub fn with_files(&self, tree: ObjectId, files: impl IntoIterator<Item = (String, Option<(FileMode, Vec<u8>)>)>) -> Result<ObjectId> {
        let mut overlay: Vec<(String, Option<Entry>)> = Vec::new();
        for (path, file) in files {
            let entry = file.map(|(mode, bytes)| Ok::<_, Error>(Entry { id: self.write_blob(&bytes)?, mode })).transpose()?;
            overlay.push((path, entry));
        }
        self.edited(tree, &overlay)
    }
}

/// What the patch makes of the file that it was made for.
fn after(file: &FilePatch, base: &[u8]) -> Option<Vec<u8>> {
    match &file.binary {
        Some(binary::Payload::Whole(bytes)) => Some(bytes.clone()),
        Some(binary::Payload::Delta(delta)) => binary::apply_delta(base, delta),
        None => lines::apply(base, &file.hunks, Hold::Strict).ok(),
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8000).any(|byte| *byte == 0)
}

fn three_way(base: &[u8], ours: &[u8], theirs: &[u8], (now, patch): (&str, &str)) -> Result<(Vec<u8>, bool)> {
    let mut inputs = [git2::MergeFileInput::new(), git2::MergeFileInput::new(), git2::MergeFileInput::new()];
    for (input, bytes) in inputs.iter_mut().zip([base, ours, theirs]) {
        input.content(bytes);
    }
    let mut options = git2::MergeFileOptions::new();
    options.our_label(now).their_label(patch).style_standard(true);
    let merged = git2::merge_file(&inputs[0], &inputs[1], &inputs[2], Some(&mut options))
        .map_err(|error| Error::new(ErrorKind::Git, "could not merge a file").caused_by(error.message().to_owned()))?;
    Ok((merged.content().to_vec(), merged.is_automergeable()))
}
