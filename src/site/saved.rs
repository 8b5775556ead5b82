//! `saved/`: files that were put aside, by generation and path. Only people delete them.

use super::Site;
use super::content::{self, Found};
use super::index::Index;
use super::owners::{join, split};
use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs::beneath::{Dir, check_relative};
use crate::sys::fs::exchange::{self, Moved};
use crate::sys::fs::witness::Kind;

const FOLDER: &str = "saved";

/// A file that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SavedFile {
    /// The run that put it aside: the number of the generation it made.
    pub run: String,
    /// Where it was in the site.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// Puts a name of the stage aside under the path it had; a number is added where that is taken. Gives the folder and the name it has.
pub(super) fn put(state: &Dir, label: &str, path: &str, from: &Dir, name: &str) -> Result<(Dir, String)> {
    let (folder, leaf) = split(path);
    let mut at = state.clone();
    for part in [FOLDER, label].into_iter().chain(folder.split('/').filter(|part| !part.is_empty())) {
        at = make(&at, part)?;
    }
    for attempt in 1_u32..10_000 {
        let leaf = if attempt == 1 { leaf.to_owned() } else { format!("{leaf}~{attempt}") };
        match exchange::move_to_free(from, name, &at, &leaf)? {
            Moved::Done | Moved::Gone => return Ok((at, leaf)),
            Moved::Occupied => {}
        }
    }
    Err(Error::new(ErrorKind::Site, format!("`{path}` was put aside too often; empty `{}`", at.path().display())))
}

/// A folder, made where it is missing; beside a file of that name, with a number.
fn make(at: &Dir, part: &str) -> Result<Dir> {
    for attempt in 1_u32..1000 {
        let name = if attempt == 1 { part.to_owned() } else { format!("{part}~{attempt}") };
        at.make_dir(&name, 0o700)?;
        if let Some(dir) = at.sub(&name)? {
            return Ok(dir);
        }
    }
    Err(Error::new(ErrorKind::Site, format!("no folder can be made in `{}`", at.path().display())))
}

impl Site {
    /// Every file that was put aside, by run and path.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn saved(&self) -> Result<Vec<SavedFile>> {
        let mut found = Vec::new();
        let Some(state) = self.places.open_state()? else { return Ok(found) };
        let Some(folder) = state.sub(FOLDER)? else { return Ok(found) };
        for (run, kind) in folder.names()? {
            if kind == Kind::Directory
                && let Some(dir) = folder.sub(&run)?
            {
                walk(&dir, &run, "", &mut found)?;
            }
        }
        found.sort();
        Ok(found)
    }

    /// Which of the saved files' paths hold something that neither the record nor `saved/` could give back. Writes nothing.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn newer_than_record(&self, cx: &crate::roles::Context, files: &[SavedFile]) -> Result<Vec<String>> {
        cx.check()?;
        let (Some(state), Some(root)) = (self.places.open_state()?, Dir::open(&self.places.root)?) else { return Ok(Vec::new()) };
        let index = self.load_index(&state)?;
        let mut newer = Vec::new();
        for file in files {
            check_relative(&file.path)?;
            let (folder, leaf) = split(&file.path);
            if let Some(dir) = root.sub(folder)?
                && !self.is_recorded(&index, &dir, leaf, &file.path)?
            {
                newer.push(file.path.clone());
            }
        }
        newer.dedup();
        Ok(newer)
    }

    /// Whether a name is free, or holds just what the record says of its path.
    fn is_recorded(&self, index: &Index, dir: &Dir, leaf: &str, path: &str) -> Result<bool> {
        Ok(match content::read(dir, leaf)? {
            Found::Nothing => true,
            Found::File(found, _) => index.find(path).is_some_and(|at| index.files[at].entry == found) && self.stockroom.objects().has(found.id),
            Found::Other(_) => false,
        })
    }

    /// Puts a saved file back to its path in the site. What the record can give back is replaced; anything else must not stand
    /// there, unless `replace`: then it is put aside in turn, and `true` is given.
    ///
    /// # Errors
    /// `NotFound`; `Site` when something newer stands there; `Io`.
    pub fn restore_saved(&self, cx: &crate::roles::Context, file: &SavedFile, replace: bool) -> Result<bool> {
        let (state, _lock) = self.locked(cx)?;
        let (from, name) = locate(&state, file)?;
        let root = Dir::open(&self.places.root)?.ok_or_else(|| self.gone())?;
        let (folder, leaf) = split(&file.path);
        let Some(to) = root.sub(folder)? else {
            return Err(Error::new(ErrorKind::Site, format!("the folder of `{}` is not in the site", file.path)).hint("make the folder, then try again"));
        };
        let index = self.load_index(&state)?;
        let recorded = self.is_recorded(&index, &to, leaf, &file.path)?;
        if !recorded && !replace {
            return Err(Error::new(ErrorKind::Site, format!("something newer stands at `{}`", file.path)).hint("`--replace` puts it aside in turn"));
        }
        // What stands there goes aside first, so that whatever somebody writes at this moment is not lost.
        let label = format!("{}-replaced", file.run);
        let aside = if to.witness(leaf)?.is_some() { Some(put(&state, &label, &file.path, &to, leaf)?) } else { None };
        match exchange::move_to_free(&from, &name, &to, leaf)? {
            Moved::Done => {}
            Moved::Gone => return Err(missing(file)),
            Moved::Occupied => return Err(Error::new(ErrorKind::Site, format!("something newer stands at `{}`", file.path)).hint("try again")),
        }
        tidy(&state, file)?;
        let Some((place, leaf)) = aside else { return Ok(false) };
        if self.is_recorded(&index, &place, &leaf, &file.path)? {
            place.remove_file(&leaf)?;
            tidy(&state, &SavedFile { run: label, ..file.clone() })?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Deletes a saved file for good.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub fn drop_saved(&self, cx: &crate::roles::Context, file: &SavedFile) -> Result<()> {
        let (state, _lock) = self.locked(cx)?;
        let (from, name) = locate(&state, file)?;
        if !from.remove_file(&name)? {
            return Err(missing(file));
        }
        tidy(&state, file)
    }
}

/// Removes the folders of a saved file that hold nothing any more.
fn tidy(state: &Dir, file: &SavedFile) -> Result<()> {
    let mut path = join(&join(FOLDER, &file.run), &file.path);
    while let Some((above, _)) = path.rsplit_once('/') {
        if above == FOLDER {
            break;
        }
        let (over, name) = split(above);
        let Some(dir) = state.sub(over)? else { break };
        if !dir.remove_dir(name)? {
            break;
        }
        path = above.to_owned();
    }
    Ok(())
}

fn walk(dir: &Dir, run: &str, path: &str, found: &mut Vec<SavedFile>) -> Result<()> {
    let mut names = Vec::new();
    dir.each(|name, kind| {
        names.extend(name.map(|name| (name.to_owned(), kind)));
        Ok(())
    })?;
    for (name, kind) in names {
        let below = join(path, &name);
        if kind == Kind::Directory {
            if let Some(inner) = dir.sub(&name)? {
                walk(&inner, run, &below, found)?;
            }
        } else if let Some(witness) = dir.witness(&name)? {
            found.push(SavedFile { run: run.to_owned(), path: below, size: witness.size });
        }
    }
    Ok(())
}

fn locate(state: &Dir, file: &SavedFile) -> Result<(Dir, String)> {
    check_relative(&file.path)?;
    check_relative(&file.run)?;
    let (folder, name) = split(&file.path);
    let run = join(FOLDER, &file.run);
    let dir = state.sub(&if folder.is_empty() { run } else { join(&run, folder) })?.ok_or_else(|| missing(file))?;
    Ok((dir, name.to_owned()))
}

fn missing(file: &SavedFile) -> Error {
    Error::new(ErrorKind::NotFound, format!("no file `{}` was put aside by run {}", file.path, file.run)).hint("`greffon saved list` shows what there is")
}
