//! Making `objects.git`, and which object folders it looks into besides its own: those of every source.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

use super::pool::PlainError;

/// Makes the bare repository beside its place and moves it there, so that two who open a new stock at once agree on one.
pub(super) fn create(directory: &Path) -> Result<()> {
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(parent).map_err(|error| Error::io("make", parent, error))?;
    let draft = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(|error| Error::io("write into", parent, error))?;
    let place = draft.path().join("objects.git");
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head("main").no_reinit(true);
    let group = is_group_shared(parent);
    if group {
        options.mode(git2::RepositoryInitMode::SHARED_GROUP);
    }
    let fault = |error| Error::new(ErrorKind::Git, format!("could not make the object database `{}`", directory.display())).caused_by(PlainError::from(error));
    drop(git2::Repository::init_opts(&place, &options).map_err(fault)?);
    // All fan-out folders at once: whoever writes the first object of one need not belong to those who may make folders.
    for number in 0..=255_u8 {
        let folder = place.join(format!("objects/{number:02x}"));
        fs_err::create_dir(&folder).map_err(|error| Error::io("make", &folder, error))?;
        if group {
            share(&folder)?;
        }
    }
    super::loose::sync_fresh(&place)?;
    match fs_err::rename(&place, directory) {
        Err(_) if directory.join("HEAD").exists() => Ok(()),
        other => other.map_err(|error| Error::io("make", directory, error)),
    }
}

/// Gives an object database that cannot be opened the files `HEAD` and `config` anew; says whether it had to. What it holds stays.
pub(super) fn restore_shell(directory: &Path) -> Result<bool> {
    if git2::Repository::open_bare(directory).is_ok() {
        return Ok(false);
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(|error| Error::io("write into", parent, error))?;
    if is_group_shared(parent) {
        share(draft.path())?;
    }
    let fresh = draft.path().join("objects.git");
    create(&fresh)?;
    for name in ["HEAD", "config"] {
        let place = directory.join(name);
        fs_err::rename(fresh.join(name), &place).map_err(|error| Error::io("write", &place, error))?;
    }
    for folder in ["refs", "objects/pack", "objects/info"] {
        let folder = directory.join(folder);
        fs_err::create_dir_all(&folder).map_err(|error| Error::io("make", &folder, error))?;
    }
    Ok(true)
}

/// Whether a folder's mode says that its group shares it.
pub(crate) fn is_group_shared(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs_err::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o020 != 0)
}

/// Gives a folder to its group, and what is made in it too.
pub(crate) fn share(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o2775)).map_err(|error| Error::io("share with the group", folder, error))
}

/// Every source's bare repository, absolute, sorted. Those that are being made (no `objects` yet) come with the next look.
pub(super) fn source_folders(sources: &Path) -> Result<Vec<PathBuf>> {
    let listing = match fs_err::read_dir(sources) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", sources, error)),
    };
    let sources = std::path::absolute(sources).map_err(|error| Error::io("find", sources, error))?;
    let mut folders = Vec::new();
    for entry in listing {
        let folder = sources.join(entry.map_err(|error| Error::io("list", &sources, error))?.file_name());
        if folder.extension().is_some_and(|extension| extension == "git") && folder.join("objects").is_dir() {
            folders.push(folder);
        }
    }
    folders.sort_unstable();
    Ok(folders)
}

/// The object folders of every source, as git's list of alternates wants them.
pub(super) fn object_folders(sources: &Path) -> Result<Vec<String>> {
    source_folders(sources)?
        .into_iter()
        .map(|folder| match folder.join("objects").to_str() {
            Some(text) if !text.contains('\n') && !text.starts_with(['"', '#']) => Ok(text.to_owned()),
            _ => Err(Error::new(ErrorKind::Unsupported, format!("the stock's path `{}` cannot be written into git's list of alternates", sources.display()))
                .hint("choose a path of plain UTF-8 without line breaks with `--stock`")),
        })
        .collect()
}

pub(super) fn is_read_only(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return matches!(io.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem);
        }
        cause = inner.source();
    }
    false
}
