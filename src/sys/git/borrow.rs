//! Whole packs of a repository of this user on this machine, linked into a source instead of copied object by object.
//!
//! A pack never changes, and a link outlives the repository. Its bytes are not hashed here: commits and trees are when a fetch is
//! accepted, files whenever one is read.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use git2::Repository;

use super::alternates::is_group_shared;

/// Fewer objects than this are copied faster than it pays to take packs with all that is in them.
pub(super) const WORTH_IT: usize = 100;

/// Links every pack of `from` that is not there yet; says whether there are new ones. Where links or shared blocks cannot be had,
/// or the packs are somebody else's, nothing is done: the caller copies.
pub(super) fn packs(from: &Repository, directory: &Path) -> bool {
    let (theirs, ours) = (from.commondir().join("objects/pack"), directory.join("objects/pack"));
    if is_group_shared(directory) || fs_err::create_dir_all(&ours).is_err() {
        return false;
    }
    let Ok(listing) = fs_err::read_dir(&theirs) else { return false };
    let mut linked = false;
    for entry in listing.flatten() {
        let name = entry.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".idx")).filter(|stem| is_pack(stem)) else { continue };
        let (pack, index) = (format!("{stem}.pack"), format!("{stem}.idx"));
        // The index last: git looks for that.
        let both = [&pack, &index].into_iter().all(|name| ours.join(name).exists() || take(&theirs.join(name), &ours.join(name)));
        if !both {
            let _ = fs_err::remove_file(ours.join(&index));
            let _ = fs_err::remove_file(ours.join(&pack));
            return linked;
        }
        linked = true;
    }
    linked
}

fn is_pack(stem: &str) -> bool {
    stem.strip_prefix("pack-").is_some_and(|hash| hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A hard link of a file that belongs to this user, else a copy that shares its blocks.
fn take(from: &Path, to: &Path) -> bool {
    let Ok(meta) = fs_err::symlink_metadata(from) else { return false };
    let own = meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw();
    own && (fs_err::hard_link(from, to).is_ok() || reflink_copy::reflink(from, to).is_ok())
}
