//! The stage: everything an apply will put in place, made ready beside the site with its final mode and owner, and made durable.

use std::collections::{BTreeMap, HashMap};

use super::crew;
use super::owners::{join, split};
use super::units::{From, Item, StageFolder};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode, LinkMode};
use crate::roles::{Context, Event, Unit};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::{COARSE_TICK, Witness, now};
use crate::sys::fs::{failpoint, ground};
use crate::sys::stockroom::{Permissions, Stockroom};

const FOLDER: &str = "stage";
/// The mode of new folders, before the umask or a default access control list.
const FOLDER_MODE: u32 = 0o775;

/// Modes and owners of what is new, after the folder that the site is (or will be) in; never an archive's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Custom {
    /// The owner to give, where it is not this process's own.
    pub(super) owner: Option<(u32, u32)>,
    /// Whether new folders hand their group on.
    setgid: bool,
    /// Whether the folder hands an access control list on.
    acl: bool,
}

impl Custom {
    /// The custom of a folder: root works for the folder's owner, everybody for the group of a set-group-id folder.
    pub(super) fn of(folder: &Dir) -> Result<Self> {
        let found = folder.own_witness()?;
        let me = ground::acting_as();
        let setgid = found.mode & 0o2000 != 0;
        let owner = if me.0 == 0 {
            (found.uid, found.gid)
        } else if setgid {
            (me.0, found.gid)
        } else {
            me
        };
        Ok(Self { owner: (owner != me).then_some(owner), setgid, acl: folder.hands_on_acl()? })
    }

    /// The most that a file may get; nothing is writable for everybody, whatever the umask is.
    fn file(mode: FileMode) -> u32 {
        if mode == FileMode::Executable { FOLDER_MODE } else { 0o664 }
    }

    /// Whether the stock's own files may stand in for files of this custom, and why not.
    fn forbids_hard_links(self) -> Option<&'static str> {
        if self.owner.is_some() {
            Some("the site's files must belong to another user or group than the stock's")
        } else if self.acl {
            Some("the site's folder has a default access control list, which files of the stock do not get")
        } else if ground::umask() & 0o555 != 0 {
            Some("the umask keeps new files from other users, and files of the stock are readable for them")
        } else {
            None
        }
    }
}

/// A run's stage.
pub(super) struct Stage<'a> {
    pub(super) cx: &'a Context,
    pub(super) stockroom: &'a Stockroom,
    pub(super) dir: Dir,
    /// The site's root, where there is one.
    pub(super) root: Option<Dir>,
    pub(super) custom: Custom,
    pub(super) link_mode: LinkMode,
}

/// Folders of the stage that are in one folder.
type Siblings<'a> = Vec<(&'a String, &'a StageFolder)>;

/// Makes the folder of a run.
pub(super) fn open(state: &Dir, name: &str) -> Result<Dir> {
    state.make_dir(FOLDER, 0o700)?;
    let above = state.sub(FOLDER)?.ok_or_else(|| gone(state))?;
    above.make_dir(name, 0o700)?;
    above.sub(name)?.ok_or_else(|| gone(state))
}

/// Makes what is staged follow the custom of the folder that it is for.
pub(super) fn follow(staged: &Dir, folder: &Dir, custom: Custom) -> Result<()> {
    staged.hand_on_as(folder)?;
    if custom.setgid {
        let group = folder.own_witness()?.gid;
        if staged.own_witness()?.gid != group {
            staged.set_owner(".", ground::acting_as().0, group)?;
        }
        staged.set_mode(0o2700)?;
    }
    Ok(())
}

/// The folder of an earlier run.
pub(super) fn find(state: &Dir, name: &str) -> Result<Option<Dir>> {
    state.sub(&join(FOLDER, name))
}

/// Deletes every run's folder. Called only when no journal needs them.
pub(super) fn clear(state: &Dir) -> Result<()> {
    let Some(above) = state.sub(FOLDER)? else { return Ok(()) };
    for (name, _) in above.names()? {
        above.remove_all(&name)?;
    }
    Ok(())
}

fn gone(state: &Dir) -> Error {
    Error::new(ErrorKind::Site, format!("the stage in `{}` went away", state.path().display()))
}

impl Stage<'_> {
    /// Fills the stage. Gives the witness of every staged file by its path in the site; nobody else can have touched them yet.
    pub(super) fn fill(&self, folders: &BTreeMap<String, StageFolder>) -> Result<HashMap<String, Witness>> {
        let mut wanted: Vec<Entry> = folders
            .values()
            .flat_map(|folder| &folder.items)
            .filter_map(|item| match &item.from {
                From::Stock(entry) if entry.mode != FileMode::Symlink => Some(*entry),
                _ => None,
            })
            .collect();
        wanted.sort_unstable_by_key(|entry| (entry.id, entry.mode));
        wanted.dedup();
        self.check_hard_links(folders)?;
        let objects = self.stockroom.objects();
        if self.link_mode == LinkMode::Hardlink {
            self.stockroom.files().ensure_sound(self.cx, objects, &wanted)?;
        } else {
            self.stockroom.files().ensure(self.cx, objects, &wanted)?;
        }

        let total = folders.values().map(|folder| folder.items.len() as u64).sum();
        self.cx.emit(Event::Started { task: "stage".into(), total: Some(total), unit: Unit::Items });
        // Level by level, so that what is above is there; those of one folder together, so that it is opened once.
        let mut levels: Vec<Vec<Siblings<'_>>> = Vec::new();
        let mut siblings: BTreeMap<&str, Siblings<'_>> = BTreeMap::new();
        for (path, folder) in folders {
            siblings.entry(split(path).0).or_default().push((path, folder));
        }
        for (above, group) in siblings {
            let depth = if above.is_empty() { 0 } else { above.matches('/').count() + 1 };
            levels.resize_with(levels.len().max(depth + 1), Vec::new);
            levels[depth].extend(group.chunks(16).map(<[_]>::to_vec));
        }
        let mut witnesses = HashMap::with_capacity(total as usize);
        let mut done = 0;
        for level in &levels {
            for staged in crew::each(self.cx, level, 2, |group| self.siblings(group))? {
                done += staged.len() as u64;
                witnesses.extend(staged);
            }
            self.cx.emit(Event::Advanced { task: "stage".into(), done, total: Some(total) });
        }
        self.cx.emit(Event::Finished { task: "stage".into() });
        Ok(witnesses)
    }

    fn siblings(&self, group: &Siblings<'_>) -> Result<Vec<(String, Witness)>> {
        let Some((first, _)) = group.first() else { return Ok(Vec::new()) };
        let above = self.dir.sub(split(first).0)?.ok_or_else(|| gone(&self.dir))?;
        let mut staged = Vec::new();
        for (path, folder) in group {
            self.folder(&above, split(path).1, folder, &mut staged)?;
        }
        Ok(staged)
    }

    fn folder(&self, above: &Dir, name: &str, folder: &StageFolder, staged: &mut Vec<(String, Witness)>) -> Result<()> {
        above.make_dir(name, FOLDER_MODE)?;
        let dir = above.sub(name)?.ok_or_else(|| gone(&self.dir))?;
        let like = match (&folder.like, &self.root) {
            (Some(like), Some(root)) => root.sub(like)?,
            _ => None,
        };
        if let Some(like) = &like {
            dir.take_acl_of(like)?;
        }
        let like = like.map(|dir| dir.own_witness()).transpose()?;
        let owner = match &like {
            Some(like) => Some((like.uid, like.gid)).filter(|owner| *owner != ground::acting_as()),
            None => self.custom.owner,
        };
        staged.reserve(folder.items.len());
        for item in &folder.items {
            staged.extend(self.item(&dir, item)?.map(|witness| (item.path.clone(), witness)));
        }
        if let Some((uid, gid)) = owner {
            give(above, name, uid, gid)?;
        }
        let made = dir.own_witness()?.mode & 0o7777;
        let mode = like.map_or(made | if self.custom.setgid { 0o2000 } else { 0 }, |like| like.mode & 0o7777);
        if made != mode {
            dir.set_mode(mode)?;
        }
        Ok(())
    }

    fn item(&self, dir: &Dir, item: &Item) -> Result<Option<Witness>> {
        match &item.from {
            From::Bytes(entry, bytes) => drop(dir.create(&item.name, bytes, Custom::file(entry.mode))?),
            From::Stock(entry) => self.place(dir, item, entry)?,
            From::Live(entry, witness) => {
                if self.link_live(dir, item)? {
                    let linked = dir.witness(&item.name)?;
                    return Ok(linked.filter(|linked| witness.is_some_and(|witness| linked.same_content(&witness))));
                }
                self.stockroom.files().ensure(self.cx, self.stockroom.objects(), &[*entry])?;
                self.place(dir, item, entry)?;
            }
            From::Kept if self.link_live(dir, item)? => return Ok(None),
            From::Kept => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("`{}` was changed by hand and cannot be carried into the new tree by a second name", item.path),
                )
                .hint("let `if-local-changes` be `save`, or `deploy` be `in-place`"));
            }
            From::Foreign => return self.link_live(dir, item).map(|_| None),
        }
        let owner = match item.owner {
            Some(owner) if ground::acting_as().0 == 0 => Some(owner).filter(|owner| *owner != ground::acting_as()),
            _ => self.custom.owner,
        };
        if let Some((uid, gid)) = owner {
            if self.link_mode == LinkMode::Hardlink && !matches!(item.from, From::Bytes(..)) {
                return Err(no_hard_link(&format!("`{}` must belong to another user than the stock's files", item.path)));
            }
            give(dir, &item.name, uid, gid)?;
        }
        let witness = dir.witness(&item.name)?;
        if let (LinkMode::Hardlink, From::Stock(entry), Some(found)) = (self.link_mode, &item.from, &witness)
            && entry.mode != FileMode::Symlink
            && found.uid != ground::acting_as().0
        {
            return Err(no_hard_link("the stock's files belong to another user than the site's would"));
        }
        Ok(witness)
    }

    /// Refuses hard links where the files would not be as their folder has them, before anything is staged.
    fn check_hard_links(&self, folders: &BTreeMap<String, StageFolder>) -> Result<()> {
        let from_stock = |item: &Item| matches!(&item.from, From::Stock(entry) if entry.mode != FileMode::Symlink);
        if self.link_mode != LinkMode::Hardlink || !folders.values().flat_map(|folder| &folder.items).any(from_stock) {
            return Ok(());
        }
        self.custom.forbids_hard_links().map_or(Ok(()), |why| Err(no_hard_link(why)))
    }

    fn place(&self, dir: &Dir, item: &Item, entry: &Entry) -> Result<()> {
        use std::os::fd::AsFd as _;
        failpoint::changing().map_err(|error| dir.error("write", &item.name, error))?;
        self.stockroom
            .files()
            .place(self.stockroom.objects(), entry, dir.as_fd(), &item.name, self.link_mode, Permissions::Usual(Custom::file(entry.mode)))
            .map(drop)
    }

    /// Gives the file in the site a second name in the stage.
    fn link_live(&self, dir: &Dir, item: &Item) -> Result<bool> {
        let (folder, name) = split(&item.path);
        let Some(live) = self.root.as_ref().map(|root| root.sub(folder)).transpose()?.flatten() else { return Ok(false) };
        live.link(name, dir, &item.name)
    }
}

fn no_hard_link(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("hard links to the stock cannot be had: {why}")).hint("set `link-mode = \"auto\"` for this site")
}

/// Gives a name another owner; where that is refused to somebody who is not root, the file stays theirs.
fn give(dir: &Dir, name: &str, uid: u32, gid: u32) -> Result<()> {
    match dir.set_owner(name, uid, gid) {
        Err(error) if ground::acting_as().0 == 0 => Err(error),
        _ => Ok(()),
    }
}

/// Waits until a change of any of these files would show in its times; not on a file system that counts in whole seconds, whose
/// files are read again instead. Gives whether it can be relied on.
pub(super) fn wait_a_tick<'a>(witnesses: impl Iterator<Item = &'a Witness>) -> bool {
    let Some((newest, tick)) = witnesses.map(|witness| (witness.mtime.max(witness.ctime), witness.tick())).max() else { return true };
    if tick >= COARSE_TICK {
        return false;
    }
    let until = newest + tick + 1;
    let missing = until - now();
    if missing > 0 {
        std::thread::sleep(std::time::Duration::from_nanos(missing.min(2 * tick) as u64));
    }
    now() >= until
}
