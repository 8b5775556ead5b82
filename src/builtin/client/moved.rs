//! Tags do not move. Where one that is locked stands at another commit now, somebody changed what a version is.

use super::provider::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, LockedElement};
use crate::sys::redact;

/// Refuses a choice that would take a locked tag at another commit.
///
/// # Errors
/// `Refused`, telling both commits.
pub(super) fn check(asked: &Asked, site: &str, id: &ElementId, now: &LockedElement) -> Result<()> {
    let (Some(tag), Some(found)) = (now.reference.as_deref().and_then(|name| name.strip_prefix("refs/tags/")), now.commit) else { return Ok(()) };
    // What stands there now may be in the lock too: then it was looked at before, for another site.
    let known = asked.lock.entries(id).filter(|(_, before)| before.git == now.git && before.reference == now.reference && before.subdir == now.subdir);
    let commits: Vec<_> = known.filter_map(|(pin, before)| Some((pin, before.commit?))).collect();
    if commits.is_empty() || commits.iter().any(|(_, commit)| *commit == found) || asked.accept_moved.contains(id) || crate::sys::fs::failpoint::broken("moved")
    {
        return Ok(());
    }
    let (pin, before) = commits[0];
    let url = now.git.as_deref().map(redact).unwrap_or_default();
    Err(Error::new(ErrorKind::Refused, format!("{site}: the tag `{tag}` of `{url}` was moved since it was locked"))
        .note(format!("greffon.lock has {id} {pin} at the commit {before}"))
        .note(format!("the tag stands at {found} now"))
        .hint("a tag that moves changes what a version is: look at what its author did, and ask")
        .hint(format!("to take what stands there now: `greffon update {id} --accept-moved {id}`")))
}
