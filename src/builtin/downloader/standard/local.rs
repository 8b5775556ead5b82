//! Archives and folders of this machine.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, InstallInfo, Payload};
use crate::roles::{Context, DownloadRequest};
use crate::sys::fs::{self, PathKind};

pub(super) fn download(cx: &Context, request: &DownloadRequest, path: &str, sha256: Option<&Digest>, subdir: Option<&str>) -> Result<InstallInfo> {
    let at = PathBuf::from(path);
    let absent = || {
        Error::new(ErrorKind::NotFound, format!("{} is to be at `{path}`, where there is nothing", request.id))
            .hint("check its `path`, or whether a disk is not mounted")
    };
    let (payload, digest) = match fs::kind(&at)?.ok_or_else(absent)? {
        PathKind::File { .. } => {
            let (digest, _) = fs::digest(cx, &at)?;
            if let Some(expected) = sha256
                && *expected != digest
            {
                return Err(Error::new(ErrorKind::Digest, format!("`{path}` holds other bytes than promised: {digest} instead of {expected}")).hint(
                    "the file was changed, or the promise is wrong: `greffon update` renews what is locked, a `sha256` in the manifest is corrected there",
                ));
            }
            (Payload::Archive { path: at, subdir: subdir.map(str::to_owned) }, Some(digest))
        }
        PathKind::Folder => (Payload::Directory { path: folder(&at, subdir)? }, None),
        PathKind::Other => return Err(Error::new(ErrorKind::Invalid, format!("`{path}` is neither an archive nor a folder"))),
    };
    Ok(InstallInfo { id: request.id.clone(), version: request.version.clone(), digest, payload, receipt: None })
}

fn folder(at: &Path, subdir: Option<&str>) -> Result<PathBuf> {
    let Some(subdir) = subdir else { return Ok(at.to_owned()) };
    let inside = subdir.split('/').all(|part| !matches!(part, "" | "." | "..")) && !subdir.contains('\\');
    if !inside {
        return Err(Error::new(ErrorKind::Invalid, format!("`subdir = \"{}\"` could lead out of `{}`", subdir.escape_debug(), at.display())));
    }
    let folder = at.join(subdir);
    match fs::kind(&folder)? {
        Some(PathKind::Folder) => Ok(folder),
        _ => Err(Error::new(ErrorKind::NotFound, format!("`{}` has no folder `{subdir}`", at.display())).hint("check `subdir`")),
    }
}
