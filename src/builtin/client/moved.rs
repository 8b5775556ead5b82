//! Tags do not move. Where one that is locked stands at another commit now, somebody changed what a version is.

use super::provider::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, LockedElement, ObjectId, Pin};
use crate::sys::redact;

/// A locked tag that stands elsewhere by now.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    /// Whose.
    pub id: ElementId,
    /// The version that it was.
    pub pin: Pin,
    /// As it was locked.
    pub before: LockedElement,
    /// Where it stands.
    pub now: ObjectId,
}

/// Refuses a choice that would take a locked tag at another commit.
///
/// # Errors
/// `Refused`, telling both commits.
pub(super) fn check(asked: &Asked, site: &str, id: &ElementId, now: &LockedElement) -> Result<()> {
    let (Some(_), Some(found)) = (now.reference.as_deref().and_then(|name| name.strip_prefix("refs/tags/")), now.commit) else { return Ok(()) };
    // What stands there now may be in the lock too: then it was looked at before, for another site.
    let known = asked.lock.entries(id).filter(|(_, before)| before.git == now.git && before.reference == now.reference && before.subdir == now.subdir);
    let commits: Vec<_> = known.filter(|(_, before)| before.commit.is_some()).collect();
    if commits.is_empty() || commits.iter().any(|(_, before)| before.commit == Some(found)) {
        return Ok(());
    }
    let (pin, before) = commits[0];
    refuse(asked, site, &Moved { id: id.clone(), pin: pin.clone(), before: before.clone(), now: found })
}

/// Refuses a tag that moved, unless that is accepted.
///
/// # Errors
/// `Refused`, telling both commits.
pub(super) fn refuse(asked: &Asked, site: &str, moved: &Moved) -> Result<()> {
    let Moved { id, pin, before, now } = moved;
    if asked.accept_moved.contains(id) || crate::sys::fs::failpoint::broken("moved") {
        return Ok(());
    }
    let tag = before.reference.as_deref().map(|name| name.strip_prefix("refs/tags/").unwrap_or(name)).unwrap_or_default();
    let url = before.git.as_deref().map(redact).unwrap_or_default();
    let commit = before.commit.map(|commit| commit.to_string()).unwrap_or_default();
    Err(Error::new(ErrorKind::Refused, format!("{site}: the tag `{tag}` of `{url}` was moved since it was locked"))
        .note(format!("greffon.lock has {id} {pin} at the commit {commit}"))
        .note(format!("the tag stands at {now} now"))
        .hint("a tag that moves changes what a version is: look at what its author did, and ask")
        .hint(format!("to take what stands there now: `greffon update {id} --accept-moved {id}`")))
}
