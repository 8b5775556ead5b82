//! How much a file system can take.

use std::path::Path;

use super::failpoint;

/// How many bytes this user may still write where a folder is; `None` where the file system does not say.
#[must_use]
pub fn free_space(folder: &Path) -> Option<u64> {
    if let Some(pretended) = failpoint::free_space() {
        return Some(pretended);
    }
    let found = rustix::fs::statvfs(folder).ok()?;
    // Some say nothing at all, others that there is no end to it.
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}
