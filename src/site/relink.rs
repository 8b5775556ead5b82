//! A site that gets another link mode: files whose content stays are put anew where they are linked otherwise than is asked.

use super::owners::split;
use crate::error::Result;
use crate::model::{Entry, FileMode, LinkMode};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::Witness;
use crate::sys::stockroom::BlobFiles;

/// How files are to be linked.
pub(super) struct Relink<'a> {
    pub(super) mode: LinkMode,
    pub(super) files: &'a BlobFiles,
}

impl Relink<'_> {
    /// Whether a file that stands as recorded must be put anew. What shares blocks with the stock cannot be told from a copy.
    pub(super) fn asks(&self, root: Option<&Dir>, path: &str, entry: Entry, known: Option<Witness>) -> Result<bool> {
        if entry.mode == FileMode::Symlink {
            return Ok(false);
        }
        let known = match known {
            Some(known) => Some(known),
            None => {
                let (folder, name) = split(path);
                root.map(|root| root.sub(folder)).transpose()?.flatten().map(|dir| dir.witness(name)).transpose()?.flatten()
            }
        };
        let Some(found) = known else { return Ok(false) };
        match self.mode {
            LinkMode::Hardlink => Ok(!self.files.is_linked_to(&entry, found.inode, found.device)?),
            LinkMode::Auto | LinkMode::Reflink | LinkMode::Copy => Ok(found.links > 1),
        }
    }

    /// What the user is told.
    pub(super) fn note(&self, count: usize) -> String {
        let files = super::local::files(count);
        match self.mode {
            LinkMode::Hardlink => format!("{files} became hard links to the stock"),
            LinkMode::Auto | LinkMode::Reflink | LinkMode::Copy => format!("{files} became files of the site's own"),
        }
    }
}
