//! `build`: the bare tree, the same bytes everywhere.

use std::path::Path;

use super::crew;
use super::owners::split;
use super::scan::declared_folders;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FileMode, Graft, LinkMode, ObjectId, TreeFile};
use crate::roles::Context;
use crate::sys::fs::bare::{self, Tarball};
use crate::sys::fs::beneath::{Dir, check_relative};
use crate::sys::fs::ground;
use crate::sys::stockroom::{Permissions, Stockroom};

/// Writes the bare tree to a folder that must not exist (or be empty), or to a `.tar`: no state, sorted, fixed times.
///
/// # Errors
/// `Io`, `Git`, `Invalid`.
pub fn build(cx: &Context, stockroom: &Stockroom, tree: ObjectId, grafts: &[Graft], to: &Path) -> Result<()> {
    let _stock = stockroom.lock_shared(cx)?;
    let files = stockroom.objects().files(tree)?;
    for file in &files {
        check_relative(&file.path)?;
    }
    let folders = folders(&files, grafts);
    if to.extension().is_some_and(|extension| extension == "tar") {
        return tarball(cx, stockroom, &files, &folders, to);
    }
    directory(cx, stockroom, &files, &folders, to)
}

/// Every folder, those above before those below.
fn folders(files: &[TreeFile], grafts: &[Graft]) -> Vec<String> {
    let mut folders = std::collections::BTreeSet::new();
    let mut insert = |path: &str| {
        for (at, _) in path.match_indices('/') {
            folders.insert(path[..at].to_owned());
        }
        folders.insert(path.to_owned());
    };
    let mut last = "";
    for file in files {
        let folder = split(&file.path).0;
        if !folder.is_empty() && folder != last {
            insert(folder);
            last = folder;
        }
    }
    for folder in declared_folders(grafts) {
        insert(&folder);
    }
    folders.into_iter().collect()
}

fn permissions(mode: FileMode) -> u32 {
    if mode == FileMode::Executable { 0o755 } else { 0o644 }
}

fn directory(cx: &Context, stockroom: &Stockroom, files: &[TreeFile], folders: &[String], to: &Path) -> Result<()> {
    use std::os::fd::AsFd as _;
    if let Some(there) = Dir::open(to)?
        && !there.is_empty()?
    {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not empty", to.display())).hint("name a folder that does not exist yet, or a `.tar`"));
    }
    ground::make_folders(to)?;
    let root = Dir::open(to)?.ok_or_else(|| Error::new(ErrorKind::Io, format!("`{}` went away", to.display())))?;
    let objects = stockroom.objects();
    let entries: Vec<_> = files.iter().map(|file| file.entry).filter(|entry| entry.mode != FileMode::Symlink).collect();
    stockroom.files().ensure(cx, objects, &entries)?;
    let place =
        |folder: &str| -> Result<Dir> { root.sub(folder)?.ok_or_else(|| Error::new(ErrorKind::Io, format!("`{}` changed while it was built", to.display()))) };
    for folder in folders {
        let (above, name) = split(folder);
        place(above)?.make_dir(name, 0o755)?;
        place(folder)?.set_mode(0o755)?;
    }
    crew::each(cx, files, 64, |file| {
        let (folder, name) = split(&file.path);
        let dir = place(folder)?;
        stockroom.files().place(objects, &file.entry, dir.as_fd(), name, LinkMode::Auto, Permissions::Exactly(permissions(file.entry.mode)))?;
        bare::set_fixed_time(&dir, name)
    })?;
    for folder in folders.iter().rev() {
        let (above, name) = split(folder);
        bare::set_fixed_time(&place(above)?, name)?;
    }
    bare::set_fixed_time(&root, ".")
}

fn tarball(cx: &Context, stockroom: &Stockroom, files: &[TreeFile], folders: &[String], to: &Path) -> Result<()> {
    let mut tarball = Tarball::create(to)?;
    let mut folders = folders.iter().peekable();
    for file in files {
        cx.check()?;
        while let Some(folder) = folders.next_if(|folder| folder.as_bytes() < file.path.as_bytes()) {
            tarball.folder(folder)?;
        }
        let bytes = stockroom.objects().blob(file.entry.id)?;
        if file.entry.mode == FileMode::Symlink {
            tarball.link(&file.path, &bytes)?;
        } else {
            tarball.file(&file.path, &bytes, permissions(file.entry.mode))?;
        }
    }
    for folder in folders {
        tarball.folder(folder)?;
    }
    tarball.finish()
}
