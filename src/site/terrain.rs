//! The ground a site stands on, looked at before anything is written: folders that can be written, file systems, mounts.

use super::Site;
use super::journal::Step;
use super::owners::within;
use super::scan::Scan;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::ground;

impl Site {
    /// Whether `deploy = "swap"` can be had.
    pub(super) fn may_swap(&self, exchange: bool, scan: &Scan) -> Result<bool> {
        let why = if self.places.inside.is_some() {
            "the site's state lies inside it"
        } else if !exchange {
            "the file system cannot exchange two folders"
        } else if scan.extras.iter().any(|extra| extra.path.ends_with(super::scan::UNREADABLE)) {
            "it holds files whose names are not UTF-8, which cannot be carried along"
        } else {
            return Ok(true);
        };
        Err(Error::new(ErrorKind::Unsupported, format!("site `{}` cannot be swapped: {why}", self.name))
            .hint("set `deploy = \"in-place\"`, or `state` to a folder beside the site"))
    }

    /// The folder whose custom new files follow: the site, or the one that it will be in.
    pub(super) fn ground(&self, root: Option<&Dir>) -> Result<Dir> {
        if let Some(root) = root {
            return Ok(root.clone());
        }
        let parent = self.places.root.parent().unwrap_or(std::path::Path::new("/"));
        ground::make_folders(parent)?;
        Dir::open(parent)?.ok_or_else(|| self.gone())
    }

    /// Every folder that a step changes can be written and is on the stage's file system.
    pub(super) fn check_ground(&self, root: Option<&Dir>, staged: &Dir, steps: &[Step]) -> Result<()> {
        let device = staged.own_witness()?.device;
        self.check_mounts(steps)?;
        let mut seen = std::collections::HashSet::new();
        for step in steps {
            if step.path().is_empty() {
                self.check_above(device)?;
                continue;
            }
            let mut folder = super::owners::split(step.path()).0;
            let Some(root) = root.filter(|_| seen.insert(folder)) else { continue };
            let dir = loop {
                match root.sub(folder)? {
                    Some(dir) => break dir,
                    None if folder.is_empty() => break root.clone(),
                    None => folder = super::owners::split(folder).0,
                }
            };
            if dir.own_witness()?.device != device {
                return Err(Error::new(
                    ErrorKind::Site,
                    format!("`{}` is on another file system than the site's state; nothing was written", dir.path().display()),
                )
                .hint("set `state` of the site to a folder on that file system, or do not mount there"));
            }
            if !dir.may_write() {
                return Err(Error::new(ErrorKind::Io, format!("this user may not write in `{}`; nothing was written", dir.path().display()))
                    .hint("run greffon as the user who owns the site's files"));
            }
        }
        Ok(())
    }

    /// The folder above the site, where the whole site is put in place at once.
    fn check_above(&self, device: u64) -> Result<()> {
        let Some(above) = self.places.root.parent().map(Dir::open).transpose()?.flatten() else { return Ok(()) };
        if !above.may_write() {
            return Err(Error::new(ErrorKind::Io, format!("this user may not write in `{}`; nothing was written", above.path().display())));
        }
        if above.own_witness()?.device != device {
            return Err(Error::new(
                ErrorKind::Site,
                format!("`{}` is on another file system than the site's state; nothing was written", above.path().display()),
            )
            .hint("set `state` of the site to a folder on that file system"));
        }
        Ok(())
    }

    /// Nothing is mounted where a step would move something: neither can a mount be moved, nor anything from one to another.
    fn check_mounts(&self, steps: &[Step]) -> Result<()> {
        let mounts = ground::mounts_below(&self.places.root);
        for mount in &mounts {
            if let Some(step) = steps.iter().find(|step| within(step.path(), mount) || within(mount, step.path())) {
                let (mount, path) = (self.places.root.join(mount), step.path());
                let what = if path.is_empty() { "the whole site".to_owned() } else { format!("`{path}`") };
                return Err(Error::new(
                    ErrorKind::Site,
                    format!("something is mounted at `{}`, and {what} would have to change; nothing was written", mount.display()),
                )
                .hint("unmount it for the run, or take what lies there out of the elements"));
            }
        }
        Ok(())
    }
}
