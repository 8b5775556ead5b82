//! A tree that other means made becomes the first generation: every file is read once, and none is written.

use super::apply::{record, refreshed};
use super::content::{self, Found};
use super::crew;
use super::index::Index;
use super::owners::{Owners, join, split};
use super::scan::{UNREADABLE, scan};
use super::wanted::Wanted;
use super::{Applied, ApplyTree, Presence, Site, generations, identity, lock, saved};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, Graft, Placement};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::durable;
use crate::sys::fs::witness::{Kind, Witness, now};

/// A file of a tree that greffon did not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Relative to the site.
    pub path: String,
    /// What it is, as git would name it.
    pub entry: Entry,
    /// Bytes.
    pub size: u64,
    witness: Option<Witness>,
}

/// Every file of such a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings {
    /// Sorted by path.
    pub files: Vec<Standing>,
    /// Where `.git` stands: the folders above it, `""` for the site itself.
    pub git: Vec<String>,
    /// What this user may not read, and why.
    pub unreadable: Vec<(String, String)>,
    /// Devices, sockets, names that are not UTF-8.
    pub others: Vec<String>,
}

/// What one folder holds.
#[derive(Default)]
struct Looked {
    found: Standings,
    folders: Vec<String>,
}

/// Whether a path of a site belongs to its owner, by what this graft protects.
#[must_use]
pub fn is_protected(graft: &Graft, path: &str) -> bool {
    Owners::new(std::slice::from_ref(graft)).protected(path)
}

impl Site {
    /// The bytes of a file, or the target of a link; no link on the way is followed. `None`: neither is there.
    ///
    /// # Errors
    /// `Io`.
    pub fn contents(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let root = Dir::open(&self.places.root)?.ok_or_else(|| self.gone())?;
        let (folder, name) = split(path);
        let Some(dir) = root.sub(folder)? else { return Ok(None) };
        match dir.witness(name)?.map(|witness| witness.kind()) {
            Some(Kind::Symlink) => dir.read_link(name).map(Some),
            Some(Kind::File) => dir.read(name),
            _ => Ok(None),
        }
    }

    /// Reads every file of the tree. `protect`: patterns of what belongs to the site's owner and is not read.
    ///
    /// # Errors
    /// `Site` where nothing stands there; `Io`, `Interrupted`. What cannot be read is in the answer.
    pub fn standings(&self, cx: &Context, protect: &[String]) -> Result<Standings> {
        let root = Dir::open(&self.places.root)?.ok_or_else(|| self.gone())?;
        let pretend = Graft {
            id: crate::model::ElementId::new("core", "site")?,
            version: crate::model::Version::new("0"),
            tree: crate::model::ObjectId::EMPTY_TREE,
            placement: Placement { path: ".".to_owned(), protect: protect.to_vec(), ..Placement::default() },
        };
        let owners = Owners::new(&[pretend]);
        let mut all = Standings::default();
        let mut waiting = vec![String::new()];
        while !waiting.is_empty() {
            let looked = crew::each(cx, &waiting, 8, |folder| Ok(self.look_into(&root, folder, &owners)))?;
            waiting.clear();
            for one in looked {
                waiting.extend(one.folders);
                all.files.extend(one.found.files);
                all.git.extend(one.found.git);
                all.unreadable.extend(one.found.unreadable);
                all.others.extend(one.found.others);
            }
        }
        all.files.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        all.git.sort();
        Ok(all)
    }

    fn look_into(&self, root: &Dir, folder: &str, owners: &Owners) -> Looked {
        let mut looked = Looked::default();
        let opened = if folder.is_empty() { Dir::open(root.path()) } else { root.sub(folder) };
        let dir = match opened {
            Ok(Some(dir)) => dir,
            Ok(None) => return looked,
            Err(error) => {
                looked.found.unreadable.push((folder.to_owned(), error.to_string()));
                return looked;
            }
        };
        let mut names = Vec::new();
        let listed = dir.each(|name, kind| {
            match name {
                Some(name) => names.push((name.to_owned(), kind)),
                None => looked.found.others.push(join(folder, UNREADABLE)),
            }
            Ok(())
        });
        if let Err(error) = listed {
            looked.found.unreadable.push((folder.to_owned(), error.to_string()));
            return looked;
        }
        for (name, kind) in names {
            let path = join(folder, &name);
            if name == ".git" {
                looked.found.git.push(folder.to_owned());
            } else if self.places.inside.as_deref() == Some(path.as_str()) || owners.protected(&path) {
                // It is the owner's, or ours.
            } else if kind == Kind::Directory {
                looked.folders.push(path);
            } else {
                let moment = now();
                match content::read(&dir, &name) {
                    Ok(Found::File(entry, witness)) => looked.found.files.push(Standing {
                        path,
                        entry,
                        size: witness.map_or(0, |witness| witness.size),
                        witness: witness.filter(|witness| witness.settled_before(moment)),
                    }),
                    Ok(Found::Nothing) => {}
                    Ok(Found::Other(_)) => looked.found.others.push(path),
                    Err(error) => looked.found.unreadable.push((path, error.to_string())),
                }
            }
        }
        looked
    }

    /// Records what stands there as the first generation. No file is written. `pin`: see [`Self::apply_pinned`].
    ///
    /// # Errors
    /// `Site` for a site that is known already, or where nothing stands; `LocalChanges` naming files that are not what the tree
    /// has: nothing was written then. `Io`.
    pub fn adopt(&self, cx: &Context, request: &ApplyTree, standings: &Standings, pin: &dyn Fn(&str, u64) -> Result<()>) -> Result<Applied> {
        self.may_adopt()?;
        let root = Dir::open(&self.places.root)?.ok_or_else(|| self.gone())?;
        let inside = self.places.inside.as_deref();
        let wanted = Wanted::list(self.stockroom.objects(), &Index::default(), request.tree, &request.grafts, inside)?;
        let mut files = Vec::with_capacity(wanted.files.len());
        let mut differs = Vec::new();
        for (path, entry) in wanted.files {
            let found = standings.files.binary_search_by(|standing| standing.path.as_bytes().cmp(path.as_bytes())).ok().map(|at| &standings.files[at]);
            match found {
                Some(found) if found.entry == entry => files.push((path, entry, found.witness)),
                _ => differs.push(path),
            }
        }
        if let Some(first) = differs.first() {
            return Err(Error::new(ErrorKind::LocalChanges, format!("{} files are not what they were recognised as, the first is `{first}`", differs.len()))
                .hint("does somebody else work on these files? run the command again"));
        }
        let index = Index::new(1, request.tree, request.grafts.clone(), files);
        let scan = scan(cx, self.stockroom.files(), &root, &index, &Owners::new(&index.grafts), inside, false)?;
        if !scan.is_clean() {
            return Err(Error::new(ErrorKind::Busy, format!("`{}` changes while it is looked at", self.path().display())).hint("run the command again"));
        }
        cx.check()?;
        let (state, held) = self.make_locked(cx)?;
        self.may_adopt()?;
        lock::sign(&held);
        let id = identity::settle(&state, &self.places.root)?;
        durable::sync_file_system(&state)?;
        pin(&id, 1)?;
        refreshed(&index, &scan).store(&state, "index")?;
        generations::record(self, &state, &record(1, request))?;
        durable::sync_file_system(&state)?;
        Ok(Applied { generation: 1, ..Applied::default() })
    }

    fn may_adopt(&self) -> Result<()> {
        match self.presence()? {
            Presence::Elsewhere => Err(self.elsewhere()),
            Presence::Known => Err(Error::new(ErrorKind::Site, format!("`{}` is the site `{}` already", self.path().display(), self.name))
                .hint("`greffon status` shows it; `greffon forget` lets go of it, and its files stay")),
            Presence::Absent | Presence::Foreign => Ok(()),
        }
    }

    /// Moves `.git` out of these folders of the site, to `saved/git/` of its state; gives those that were there.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn release_git(&self, cx: &Context, folders: &[String]) -> Result<Vec<String>> {
        let (state, _lock) = self.locked(cx)?;
        let root = Dir::open(&self.places.root)?.ok_or_else(|| self.gone())?;
        let mut moved = Vec::new();
        for folder in folders {
            let Some(from) = (if folder.is_empty() { Some(root.clone()) } else { root.sub(folder)? }) else { continue };
            if from.witness(".git")?.is_some() {
                let path = join(folder, ".git");
                saved::put(&state, "git", &path, &from, split(&path).1)?;
                moved.push(path);
            }
        }
        Ok(moved)
    }
}
