//! One step of an apply, forwards and backwards, each to be repeated at will.

use super::content::{self, Found};
use super::journal::Step;
use super::owners::{join, split};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Entry;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::exchange::{self, Exchanged, Moved};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// What a displaced file is called when the file system cannot exchange names.
const DISPLACED: &str = ".displaced";
/// The mode of folders that have to be made in the site, before the umask or a default access control list.
const FOLDER_MODE: u32 = 0o775;

/// The site and a stage, held by their handles.
pub(super) struct Hands {
    root_path: PathBuf,
    root: RefCell<Option<Dir>>,
    /// The last folder that was opened: steps come sorted.
    last: RefCell<Option<(String, Dir)>>,
    last_staged: RefCell<Option<(String, Dir)>>,
    pub(super) stage: Dir,
    exchange: bool,
    /// Whose new folders are, where root works for somebody else.
    owner: Option<(u32, u32)>,
}

impl Hands {
    pub(super) fn new(root: &Path, stage: Dir, exchange: bool, owner: Option<(u32, u32)>) -> Self {
        Self { root_path: root.to_owned(), root: RefCell::new(None), last: RefCell::new(None), last_staged: RefCell::new(None), stage, exchange, owner }
    }

    /// The site's root; `None` when nothing is there.
    pub(super) fn root(&self) -> Result<Option<Dir>> {
        if self.root.borrow().is_none() {
            *self.root.borrow_mut() = Dir::open(&self.root_path)?;
        }
        Ok(self.root.borrow().clone())
    }

    fn forget_handles(&self) {
        *self.root.borrow_mut() = None;
        *self.last.borrow_mut() = None;
    }

    /// The folder that holds a path of the site, and the bare name; `None` when that folder is not there.
    pub(super) fn place<'a>(&self, path: &'a str) -> Result<Option<(Dir, &'a str)>> {
        let (folder, name) = split(path);
        if let Some((last, dir)) = &*self.last.borrow()
            && last == folder
        {
            return Ok(Some((dir.clone(), name)));
        }
        let Some(root) = self.root()? else { return Ok(None) };
        let Some(dir) = root.sub(folder)? else { return Ok(None) };
        *self.last.borrow_mut() = Some((folder.to_owned(), dir.clone()));
        Ok(Some((dir, name)))
    }

    /// As [`Self::place`]; folders that are missing on the way are made.
    fn make_place<'a>(&self, path: &'a str) -> Result<(Dir, &'a str)> {
        if let Some(found) = self.place(path)? {
            return Ok(found);
        }
        let (folder, name) = split(path);
        let root = self.root()?.ok_or_else(|| Error::new(ErrorKind::Site, format!("the site `{}` went away", self.root_path.display())))?;
        let mut at = root.clone();
        let mut sofar = String::new();
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            if at.make_dir(part, FOLDER_MODE)?
                && let Some((uid, gid)) = self.owner
            {
                at.set_owner(part, uid, gid)?;
            }
            sofar = join(&sofar, part);
            at = at.sub(part)?.ok_or_else(|| in_the_way(&sofar))?;
        }
        *self.last.borrow_mut() = Some((folder.to_owned(), at.clone()));
        Ok((at, name))
    }

    /// The folder above the site, and the site's name in it.
    fn above(&self) -> Result<(Dir, String)> {
        let parent = self.root_path.parent().unwrap_or(Path::new("/"));
        let name = self.root_path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let dir = Dir::open(parent)?.ok_or_else(|| Error::new(ErrorKind::Site, format!("the folder `{}` went away", parent.display())))?;
        Ok((dir, name))
    }

    /// Where something lies in the stage; `None` when its folder there is gone.
    pub(super) fn staged<'a>(&self, stage: &'a str) -> Result<Option<(Dir, &'a str)>> {
        let (folder, name) = split(stage);
        if let Some((last, dir)) = &*self.last_staged.borrow()
            && last == folder
        {
            return Ok(Some((dir.clone(), name)));
        }
        let found = self.stage.sub(folder)?;
        // Only the folders of single files: those below a folder that is moved whole may be another one the next time.
        if let Some(dir) = &found
            && !folder.contains('/')
            && folder.starts_with(['f', 'r'])
        {
            *self.last_staged.borrow_mut() = Some((folder.to_owned(), dir.clone()));
        }
        Ok(found.map(|dir| (dir, name)))
    }

    fn staged_or_make<'a>(&self, stage: &'a str) -> Result<(Dir, &'a str)> {
        if let Some(found) = self.staged(stage)? {
            return Ok(found);
        }
        let (folder, name) = split(stage);
        let mut at = self.stage.clone();
        for part in folder.split('/') {
            at.make_dir(part, 0o700)?;
            at = at.sub(part)?.ok_or_else(|| at.error("open the folder", part, std::io::Error::from(std::io::ErrorKind::NotFound)))?;
        }
        Ok((at, name))
    }

    /// Whether something lies there in the stage.
    pub(super) fn is_staged(&self, stage: &str) -> Result<bool> {
        match self.staged(stage)? {
            Some((dir, name)) => Ok(dir.witness(name)?.is_some()),
            None => Ok(false),
        }
    }

    fn staged_entry(&self, stage: &str) -> Result<Option<Entry>> {
        match self.staged(stage)? {
            Some((dir, name)) => Ok(content::read(&dir, name)?.entry()),
            None => Ok(None),
        }
    }

    /// Does a step that is not done yet. `fresh`: none can have been done before, so nobody needs to look.
    pub(super) fn forward(&self, step: &Step, fresh: bool) -> Result<()> {
        match step {
            Step::Folder { path, stage, .. } => self.move_in(path, stage, None),
            Step::Add { path, stage, new } => self.move_in(path, stage, Some(new)),
            Step::Swap { path, stage, tell } => {
                if self.staged_entry(&join(stage, &tell.0))? == tell.1 && self.is_staged(stage)? {
                    self.swap_folders(path, stage)
                } else {
                    Ok(())
                }
            }
            Step::Carry { path, stage } => match self.staged(stage)? {
                Some((from, name)) if from.witness(name)?.is_some() => {
                    let (to, leaf) = self.make_place(path)?;
                    // Where something stands there by now, sifting the stage saves what could not go back.
                    exchange::move_to_free(&from, name, &to, leaf).map(drop)
                }
                _ => Ok(()),
            },
            Step::Along { path, from } => self.along(from, path),
            Step::Change { path, stage, new, .. } => {
                if fresh || self.staged_entry(stage)? == Some(*new) {
                    self.change(path, stage, new)
                } else {
                    Ok(())
                }
            }
            Step::Remove { path, stage, .. } => {
                if !fresh && self.is_staged(stage)? {
                    return Ok(());
                }
                let Some((from, leaf)) = self.place(path)? else { return Ok(()) };
                let (to, name) = self.staged_or_make(stage)?;
                exchange::move_to_free(&from, leaf, &to, name).map(drop)
            }
            Step::MakeFolder { path } => {
                self.make_place(&join(path, "x"))?;
                Ok(())
            }
            Step::RemoveFolder { path } => {
                let Some((dir, name)) = self.place(path)? else { return Ok(()) };
                if dir.remove_dir(name)? || dir.witness(name)?.is_none_or(|found| found.kind() != crate::sys::fs::witness::Kind::Directory) {
                    return Ok(());
                }
                Err(in_the_way(path))
            }
        }
    }

    /// Takes a step back that was done.
    pub(super) fn back(&self, step: &Step) -> Result<()> {
        match step {
            Step::Folder { path, stage, over } => {
                if !self.is_staged(stage)? {
                    self.move_out(path, stage, None)?;
                }
                if *over { self.empty_site_again(stage) } else { Ok(()) }
            }
            Step::Add { path, stage, new } => {
                if self.is_staged(stage)? {
                    return Ok(());
                }
                self.move_out(path, stage, Some(new))
            }
            Step::Swap { path, stage, tell } => {
                if !self.is_staged(stage)? {
                    return self.move_out(path, stage, None);
                }
                if self.staged_entry(&join(stage, &tell.0))? == tell.1 { Ok(()) } else { self.swap_folders(path, stage) }
            }
            Step::Carry { path, stage } => {
                if self.is_staged(stage)? {
                    return Ok(());
                }
                let Some((from, leaf)) = self.place(path)? else { return Ok(()) };
                let Some((to, name)) = self.staged(stage)? else { return Ok(()) };
                exchange::move_to_free(&from, leaf, &to, name).map(drop)
            }
            Step::Along { path, from } => self.along(path, from),
            Step::Change { path, stage, new, .. } => self.change_back(path, stage, new),
            Step::Remove { path, stage, .. } => {
                let Some((from, name)) = self.staged(stage)? else { return Ok(()) };
                if from.witness(name)?.is_none() {
                    return Ok(());
                }
                let (to, leaf) = self.make_place(path)?;
                exchange::move_to_free(&from, name, &to, leaf).map(drop)
            }
            Step::MakeFolder { path } => {
                let Some((dir, name)) = self.place(path)? else { return Ok(()) };
                dir.remove_dir(name).map(drop)
            }
            Step::RemoveFolder { path } => {
                self.make_place(&join(path, "x"))?;
                *self.last.borrow_mut() = None;
                Ok(())
            }
        }
    }

    /// What somebody else put there goes to another place in the site, where that is free; else it stays.
    fn along(&self, from: &str, to: &str) -> Result<()> {
        let Some((old, name)) = self.place(from)? else { return Ok(()) };
        if old.witness(name)?.is_none() {
            return Ok(());
        }
        let (new, leaf) = self.make_place(to)?;
        exchange::move_to_free(&old, name, &new, leaf)?;
        *self.last.borrow_mut() = None;
        Ok(())
    }

    /// A staged name goes to a free place in the site.
    fn move_in(&self, path: &str, stage: &str, new: Option<&Entry>) -> Result<()> {
        let Some((from, name)) = self.staged(stage)? else { return Ok(()) };
        if from.witness(name)?.is_none() {
            return Ok(());
        }
        let moved = if path.is_empty() {
            let (to, leaf) = self.above()?;
            let moved = exchange::move_over_empty(&from, name, &to, &leaf)?;
            self.forget_handles();
            moved
        } else {
            let (to, leaf) = self.make_place(path)?;
            match exchange::move_to_free(&from, name, &to, leaf)? {
                // An empty folder that somebody made meanwhile is as good as nothing.
                Moved::Occupied if new.is_none() => exchange::move_over_empty(&from, name, &to, leaf)?,
                Moved::Occupied if content::read(&to, leaf)?.entry().as_ref() == new => {
                    from.remove_file(name)?;
                    Moved::Done
                }
                moved => moved,
            }
        };
        match moved {
            Moved::Done => Ok(()),
            Moved::Occupied | Moved::Gone => Err(in_the_way(path)),
        }
    }

    /// What was moved in goes back to the stage, unless somebody changed it since.
    fn move_out(&self, path: &str, stage: &str, new: Option<&Entry>) -> Result<()> {
        let (to, name) = self.staged_or_make(stage)?;
        if path.is_empty() {
            let (from, leaf) = self.above()?;
            exchange::move_to_free(&from, &leaf, &to, name)?;
            self.forget_handles();
            return Ok(());
        }
        let Some((from, leaf)) = self.place(path)? else { return Ok(()) };
        if new.is_some() && content::read(&from, leaf)?.entry().as_ref() != new {
            return Ok(());
        }
        exchange::move_to_free(&from, leaf, &to, name)?;
        *self.last.borrow_mut() = None;
        Ok(())
    }

    /// The empty folder that a site took the place of, with its mode and owner, which the staged one had taken over.
    fn empty_site_again(&self, stage: &str) -> Result<()> {
        let (above, leaf) = self.above()?;
        let Some(staged) = self.staged(stage)?.map(|(dir, name)| dir.witness(name)).transpose()?.flatten() else { return Ok(()) };
        if !above.make_dir(&leaf, 0o700)? {
            return Ok(());
        }
        self.forget_handles();
        let Some(made) = above.sub(&leaf)? else { return Ok(()) };
        let found = made.own_witness()?;
        if (found.uid, found.gid) != (staged.uid, staged.gid) {
            above.set_owner(&leaf, staged.uid, staged.gid)?;
        }
        made.set_mode(staged.mode & 0o7777)
    }

    fn swap_folders(&self, path: &str, stage: &str) -> Result<()> {
        let Some((from, name)) = self.staged(stage)? else { return Ok(()) };
        let (to, leaf) = if path.is_empty() {
            self.above()?
        } else {
            let (dir, leaf) = self.make_place(path)?;
            (dir, leaf.to_owned())
        };
        let outcome = exchange::exchange(&from, name, &to, &leaf)?;
        self.forget_handles();
        match outcome {
            Exchanged::Done => Ok(()),
            Exchanged::Gone => match exchange::move_to_free(&from, name, &to, &leaf)? {
                Moved::Done => Ok(()),
                _ => Err(in_the_way(path)),
            },
            Exchanged::Unsupported => Err(Error::new(ErrorKind::Unsupported, format!("the file system of `{}` cannot exchange folders", to.path().display()))),
        }
    }

    fn change(&self, path: &str, stage: &str, new: &Entry) -> Result<()> {
        let Some((from, name)) = self.staged(stage)? else { return Ok(()) };
        let (to, leaf) = self.make_place(path)?;
        let outcome = if self.exchange { exchange::exchange(&from, name, &to, leaf)? } else { Exchanged::Unsupported };
        match outcome {
            Exchanged::Done => Ok(()),
            Exchanged::Gone => self.move_in(path, stage, Some(new)),
            Exchanged::Unsupported => {
                // The file in place keeps a name in the stage while the new one is renamed over it: no moment without a file.
                let aside = format!("{name}{DISPLACED}");
                if to.witness(leaf)?.is_some() && from.witness(&aside)?.is_none() && !to.link(leaf, &from, &aside)? {
                    // No second names here: two renames, and the journal covers the moment between.
                    exchange::move_to_free(&to, leaf, &from, &aside)?;
                }
                exchange::move_over(&from, name, &to, leaf)
            }
        }
    }

    fn change_back(&self, path: &str, stage: &str, new: &Entry) -> Result<()> {
        let Some((from, name)) = self.staged(stage)? else { return Ok(()) };
        let aside = format!("{name}{DISPLACED}");
        if from.witness(&aside)?.is_some() {
            let (to, leaf) = self.make_place(path)?;
            let untouched = matches!(content::read(&to, leaf)?, Found::Nothing) || content::read(&to, leaf)?.entry().as_ref() == Some(new);
            return if untouched { exchange::move_over(&from, &aside, &to, leaf) } else { Ok(()) };
        }
        match content::read(&from, name)? {
            Found::File(entry, _) if entry == *new => Ok(()),
            Found::Nothing => self.move_out(path, stage, Some(new)),
            _ => {
                let (to, leaf) = self.make_place(path)?;
                match exchange::exchange(&from, name, &to, leaf)? {
                    Exchanged::Gone => exchange::move_to_free(&from, name, &to, leaf).map(drop),
                    _ => Ok(()),
                }
            }
        }
    }

    /// The name in the stage of what a done step displaced.
    pub(super) fn displaced(&self, step: &Step) -> Result<Option<String>> {
        Ok(match step {
            Step::Change { stage, .. } => {
                let aside = format!("{stage}{DISPLACED}");
                if !self.exchange && self.is_staged(&aside)? { Some(aside) } else { Some(stage.clone()) }
            }
            Step::Remove { stage, .. } | Step::Swap { stage, .. } | Step::Folder { stage, .. } | Step::Add { stage, .. } => Some(stage.clone()),
            Step::Carry { .. } | Step::Along { .. } | Step::MakeFolder { .. } | Step::RemoveFolder { .. } => None,
        })
    }
}

fn in_the_way(path: &str) -> Error {
    let path = if path.is_empty() { "." } else { path };
    Error::new(ErrorKind::Site, format!("something that greffon did not install came in the way at `{path}` meanwhile"))
        .hint("look at it, move it away, and run `greffon sync` again")
}
