//! What was changed by hand in an element, with its bytes: what a patch is made of. Nothing is written.

use super::drift::shown;
use super::owners::{Owners, join, plain, split, within};
use super::scan::{State, scan};
use super::{Site, status};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, FileMode};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::check_name;
use crate::sys::fs::witness::Kind;

/// One file that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Relative to the element's folder.
    pub path: String,
    /// What it is now; `None`: it was deleted.
    pub file: Option<(FileMode, Vec<u8>)>,
}

impl Site {
    /// The edits in an element, sorted by path. With `named` (relative to the element's folder) only those, and what is below them.
    ///
    /// A file that nobody recorded is an edit where it lies in a folder of the element; in the site's own folder, and in folders where
    /// elements stand side by side, only where it is named: there it may be anybody's.
    ///
    /// # Errors
    /// `NotFound` for an element that is not in the site; `Invalid` for what no patch can hold; `Site`, `Io`.
    pub fn edits(&self, cx: &Context, element: &ElementId, named: &[String]) -> Result<Vec<Edit>> {
        let absent = || Error::new(ErrorKind::NotFound, format!("{element} is not in site `{}`", self.name)).hint("`greffon sync` puts it there");
        let state = self.places.open_state()?.ok_or_else(absent)?;
        let root = Dir::open(&self.places.root)?.ok_or_else(|| self.gone())?;
        let index = self.load_index(&state)?;
        let at = index.grafts.iter().position(|graft| graft.id == *element).ok_or_else(absent)?;
        let top = plain(&index.grafts[at].placement.path).to_owned();
        let owners = Owners::new(&index.grafts);
        let scan = scan(cx, self.stockroom.files(), &root, &index, &owners, self.places.inside.as_deref(), true)?;
        let homes = status::homes(&index.grafts);
        let below = |path: &str| path[top.len()..].trim_start_matches('/').to_owned();
        let meant = |path: &str| named.is_empty() || named.iter().any(|name| within(path, name));
        let mut edits = Vec::new();
        for (path, place) in index.paths() {
            if owners.of(&path) != Some(at) || !meant(&below(&path)) {
                continue;
            }
            let file = match scan.files[place] {
                State::Clean(_) => continue,
                State::Missing => None,
                State::Modified(_) => take(&root, &path)?,
                State::Other(kind) => {
                    return Err(Error::new(ErrorKind::Invalid, format!("`{}` stands where a file was installed; a patch cannot say so", shown(&path, kind)))
                        .hint("put the file back, or move what stands there away"));
                }
            };
            edits.push(Edit { path: below(&path), file });
        }
        for extra in scan.extras.iter().filter(|extra| !extra.protected && owners.of(&extra.path) == Some(at)) {
            let anybodys = top.is_empty() || (extra.folder && homes.contains(split(&extra.path).0));
            let name = below(&extra.path);
            let asked = named.iter().any(|named| within(named, &name) || within(&name, named));
            if (anybodys || !named.is_empty()) && !asked {
                continue;
            }
            if extra.folder {
                gather(&root, &extra.path, &|path| meant(&below(path)) && !owners.protected(path), &mut |path| {
                    edits.push(Edit { path: below(path), file: take(&root, path)? });
                    Ok(())
                })?;
            } else if meant(&name) {
                edits.push(Edit { path: name, file: take(&root, &extra.path)? });
            }
        }
        edits.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(edits)
    }
}

/// A file's kind and bytes; `None` when it went meanwhile.
fn take(root: &Dir, path: &str) -> Result<Option<(FileMode, Vec<u8>)>> {
    let (folder, name) = split(path);
    let Some(dir) = root.sub(folder)? else { return Ok(None) };
    let Some(witness) = dir.witness(name)? else { return Ok(None) };
    match witness.kind() {
        Kind::Symlink => Ok(Some((FileMode::Symlink, dir.read_link(name)?))),
        Kind::File => {
            let mode = if witness.executable() { FileMode::Executable } else { FileMode::Regular };
            Ok(dir.read(name)?.map(|bytes| (mode, bytes)))
        }
        Kind::Directory | Kind::Other => Err(Error::new(ErrorKind::Invalid, format!("`{path}` is neither a file nor a link; a patch cannot hold it"))),
    }
}

/// Every file below a folder that is wanted.
fn gather(root: &Dir, folder: &str, wanted: &dyn Fn(&str) -> bool, each: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    let Some(dir) = root.sub(folder)? else { return Ok(()) };
    for (name, kind) in dir.names()? {
        let path = join(folder, &name);
        if let Err(fault) = check_name(name.as_bytes()) {
            return Err(Error::new(ErrorKind::Invalid, format!("`{path}` cannot be in a patch: its name {}", fault.reason()))
                .hint("name the files that belong to the patch after the element"));
        }
        match kind {
            Kind::Directory => gather(root, &path, wanted, each)?,
            _ if wanted(&path) => each(&path)?,
            _ => {}
        }
    }
    Ok(())
}
