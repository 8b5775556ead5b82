//! A folder as an element: the files that git tracks where it is a work tree, else everything.
//!
//! Of a work tree the index alone is read. Its configuration may be anybody's work and could name programs (filters, a file
//! system monitor); it is never looked at (CVE-2022-24765 and its kin).

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode};
use crate::roles::{Context, Level};
use crate::sys::fs::{NameFault, check_name, shown};
use crate::sys::git::{Hasher, Objects, Sink};

use super::gather::Gathered;
use super::policy::{Meter, path_parts, refused};
use super::{Import, Imported, Limits};

pub(super) fn import(cx: &Context, directory: &Path, objects: &Objects, limits: &Limits) -> Result<Imported> {
    let files = listed(directory, limits)?;
    let gather = |sink: &mut dyn Sink| -> Result<Gathered> {
        let mut import = Import { cx, limits, sink, meter: Meter::new(limits, u64::MAX), scratch: objects.directory(), gathered: Gathered::default() };
        for path in &files {
            cx.check()?;
            import.meter.entry()?;
            take(&mut import, directory, path)?;
        }
        import.gathered.check_links()?;
        Ok(import.gathered)
    };
    // Most of the time nothing changed since the last import, and finding that out must not write.
    let gathered = gather(&mut Hasher)?;
    let imported = Imported { tree: gathered.write(&mut Hasher)?, top: None, files: gathered.files() };
    if objects.has(imported.tree) {
        return Ok(imported);
    }
    for line in gathered.collisions() {
        cx.log(Level::Warning, format!("`{}`: {line}", directory.display()));
    }
    let mut pack = objects.pack_writer()?;
    let gathered = gather(&mut pack)?;
    let imported = Imported { tree: gathered.write(&mut pack)?, ..imported };
    pack.finish()?;
    Ok(imported)
}

fn take(import: &mut Import<'_>, directory: &Path, relative: &str) -> Result<()> {
    let parts = path_parts(relative.as_bytes(), import.limits)?;
    let path = directory.join(relative);
    let metadata = match fs_err::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        // Tracked, but removed from the work tree.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("look at", &path, error)),
    };
    if metadata.is_symlink() {
        let target = fs_err::read_link(&path).map_err(|error| Error::io("read the link", &path, error))?.into_os_string().into_encoded_bytes();
        let id = import.sink.blob(&target)?;
        return import.gathered.link(&parts, Entry { id, mode: FileMode::Symlink }, target);
    }
    if !metadata.is_file() {
        return Err(refused(format!("`{}` is neither a file nor a folder nor a link", path.display())));
    }
    let executable = {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o100 != 0
    };
    let mut file = fs_err::File::open(&path).map_err(|error| Error::io("open", &path, error))?;
    let id = import.meter.file(import.sink, import.scratch, relative.as_bytes(), &mut file)?;
    import.gathered.file(&parts, Entry { id, mode: if executable { FileMode::Executable } else { FileMode::Regular } })
}

/// The paths of the element's files, relative to it.
fn listed(directory: &Path, limits: &Limits) -> Result<Vec<String>> {
    let directory = fs_err::canonicalize(directory).map_err(|error| Error::io("open the folder", directory, error))?;
    if let Some((root, index)) = work_tree(&directory)? {
        let below = directory.strip_prefix(&root).unwrap_or(Path::new(""));
        let tracked = tracked(&index, below, limits)?;
        if !tracked.is_empty() {
            return Ok(tracked);
        }
        // A folder inside somebody's work tree that tracks nothing of it is a folder of its own.
        if root == directory {
            return Err(refused(format!("git tracks no file of `{}`", directory.display())).hint("`git add` what belongs to it, or take its `.git` away"));
        }
    }
    let mut found = Vec::new();
    everything(&directory, "", 0, limits, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

/// The work tree that holds a folder, and its index.
fn work_tree(directory: &Path) -> Result<Option<(PathBuf, PathBuf)>> {
    for root in directory.ancestors() {
        let mark = root.join(".git");
        let Ok(metadata) = fs_err::symlink_metadata(&mark) else { continue };
        if metadata.is_dir() {
            if mark.join("HEAD").exists() {
                return Ok(Some((root.to_owned(), mark.join("index"))));
            }
        } else if metadata.is_file() {
            // A linked work tree or a submodule: the file says where its git folder is.
            let text = fs_err::read_to_string(&mark).map_err(|error| Error::io("read", &mark, error))?;
            if let Some(place) = text.trim_end().strip_prefix("gitdir: ") {
                return Ok(Some((root.to_owned(), root.join(place).join("index"))));
            }
        }
    }
    Ok(None)
}

fn tracked(index: &Path, below: &Path, limits: &Limits) -> Result<Vec<String>> {
    if !index.exists() {
        return Ok(Vec::new());
    }
    let entries = git2::Index::open(index).map_err(|error| {
        Error::new(ErrorKind::Git, format!("could not read the git index `{}`", index.display()))
            .hint("`git ls-files` shows whether git itself can read it")
            .caused_by(error.message().to_owned())
    })?;
    let mut prefix = below.as_os_str().as_encoded_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    let mut paths = Vec::new();
    for entry in entries.iter() {
        let Some(path) = entry.path.strip_prefix(prefix.as_slice()) else { continue };
        let text = std::str::from_utf8(path).map_err(|_| refused(format!("`{}` may not be imported: its name is not UTF-8", shown(path))))?;
        if entry.mode & 0o170_000 == 0o160_000 {
            return Err(Error::new(ErrorKind::Unsupported, format!("`{}` is a submodule", shown(path))).hint("name the submodule as an element of its own"));
        }
        // A sparse index names whole folders.
        if entry.mode & 0o170_000 == 0o040_000 {
            return Err(Error::new(ErrorKind::Unsupported, format!("the git index `{}` is sparse", index.display())).hint("`git sparse-checkout disable`"));
        }
        // An unmerged path stands there up to three times.
        if paths.last().map(String::as_str) != Some(text) {
            paths.push(text.to_owned());
        }
        if paths.len() > limits.entries {
            return Err(refused(format!("it holds more than {} entries", limits.entries)));
        }
    }
    Ok(paths)
}

fn everything(folder: &Path, relative: &str, depth: usize, limits: &Limits, found: &mut Vec<String>) -> Result<()> {
    if depth > limits.depth {
        return Err(refused(format!("`{}` lies more than {} folders deep", folder.display(), limits.depth)));
    }
    for entry in fs_err::read_dir(folder).map_err(|error| Error::io("list", folder, error))? {
        let entry = entry.map_err(|error| Error::io("list", folder, error))?;
        let raw = entry.file_name().into_encoded_bytes();
        let name = match check_name(&raw) {
            Ok(name) => name,
            // Another repository's own folder; no git tree could hold it.
            Err(NameFault::DotGit) if raw == b".git" => continue,
            Err(fault) => return Err(refused(format!("`{}` in `{}` may not be imported: its name {}", shown(&raw), folder.display(), fault.reason()))),
        };
        let path = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
        if entry.file_type().map_err(|error| Error::io("look at", &entry.path(), error))?.is_dir() {
            everything(&entry.path(), &path, depth + 1, limits, found)?;
        } else {
            found.push(path);
        }
        if found.len() > limits.entries {
            return Err(refused(format!("it holds more than {} entries", limits.entries)));
        }
    }
    Ok(())
}
