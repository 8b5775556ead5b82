//! Names that move become commits: a lock pins what they led to when it was made.

use super::Standard;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Download, ElementInfo, ObjectId};
use crate::roles::Context;

impl Standard {
    /// Gives git download information its commit: a lock pins commits, never names that move.
    pub(super) fn pin_commit(&self, cx: &Context, info: &mut ElementInfo) -> Result<()> {
        let Some(Download::Git { git, rev, commit: commit @ None, .. }) = &mut info.download else { return Ok(()) };
        if let Ok(id) = rev.parse::<ObjectId>() {
            *commit = Some(id);
            return Ok(());
        }
        let refs = self.parts.sources.open(git, None)?.refs(cx)?;
        let found = ["refs/tags/", "refs/heads/", ""].iter().find_map(|prefix| refs.iter().find(|offered| offered.name == format!("{prefix}{rev}")));
        match found {
            Some(found) => {
                *commit = Some(found.commit);
                rev.clone_from(&found.name);
                Ok(())
            }
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!("{} {} is to be at `{rev}` of {}, which has no such tag or branch", info.id, info.version, crate::sys::redact(git)),
            )
            .hint("the index that names it is out of date, or the tag was taken away")),
        }
    }
}
