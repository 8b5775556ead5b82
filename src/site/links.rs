//! What other sites need to know of files that they share by hard links: what the file system says of them after links came and went.

use std::collections::HashMap;

use super::Site;
use super::index::Index;
use super::stage::wait_a_tick;
use crate::error::Result;
use crate::model::{FileMode, LinkMode};
use crate::roles::Context;
use crate::sys::fs::failpoint::broken;
use crate::sys::fs::witness::{Kind, Witness, now};

impl Site {
    /// Notes the files that were linked from the stock, as they stand now.
    pub(super) fn know_links(&self, next: &Index, staged: &HashMap<String, Witness>) {
        if self.link_mode != LinkMode::Hardlink || broken("links") {
            return;
        }
        let files = self.stockroom.files();
        for path in staged.keys() {
            let Some(record) = next.find(path).map(|at| &next.files[at]) else { continue };
            // The stock's own files are for reading alone, and have a name there besides.
            let shared = |witness: &Witness| witness.kind() == Kind::File && witness.links > 1 && witness.mode & 0o222 == 0;
            files.know(record.witness.filter(shared).map(|witness| (record.entry, witness)));
        }
    }

    /// Notes the files of which this site has let go and others may have, and keeps all notes. What fails here costs a reading.
    pub(super) fn know_unlinked(&self, cx: &Context, old: &Index, next: &Index) {
        if self.link_mode != LinkMode::Hardlink || broken("links") {
            return;
        }
        let files = self.stockroom.files();
        let mut gone = Vec::new();
        for (path, at) in old.paths() {
            let record = &old.files[at];
            let stays = next.find(&path).is_some_and(|at| next.files[at].entry == record.entry);
            if let Some(before) = record.witness.filter(|_| !stays && record.entry.mode != FileMode::Symlink)
                && let Ok(Some(found)) = files.witness(&record.entry)
                && found.same_content(&before)
            {
                gone.push((record.entry, found));
            }
        }
        if !gone.is_empty() && wait_a_tick(gone.iter().map(|(_, found)| found)) {
            let moment = now();
            let unchanged = |found: &Witness, earlier: &Witness| found.unchanged_since(earlier) && found.settled_before(moment);
            gone.retain(|(entry, earlier)| matches!(files.witness(entry), Ok(Some(found)) if unchanged(&found, earlier)));
            files.know(gone);
        }
        let _ = self.keep_links(cx);
    }

    /// Keeps what was noted, where this site shares its files.
    pub(super) fn keep_links(&self, cx: &Context) -> Result<()> {
        if self.link_mode == LinkMode::Hardlink { self.stockroom.files().keep_notes(cx) } else { Ok(()) }
    }
}
