//! Looking through what an apply displaced: what is recorded, git can give back; everything else is put aside, never deleted.

use super::content::{self, Found};
use super::index::Index;
use super::journal::{Journal, Step};
use super::owners::join;
use super::saved;
use super::steps::Hands;
use crate::error::Result;
use crate::model::Entry;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::exchange::{self, Moved};
use crate::sys::fs::failpoint;
use crate::sys::fs::witness::Kind;

/// Something in the stage that must not be deleted with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keepsake {
    /// Where it lies in the stage.
    pub(super) stage: String,
    /// Where it was in the site.
    pub(super) path: String,
    /// Whether nobody recorded the path at all, so that it may go back to it.
    pub(super) foreign: bool,
}

/// What the stage holds after all steps are done (or, with `back`, undone) and no record can give back.
pub(super) fn sift(hands: &Hands, journal: &Journal, old: &Index, new: &Index, back: bool) -> Result<Vec<Keepsake>> {
    let mut keepsakes = Vec::new();
    if failpoint::broken("sift") {
        return Ok(keepsakes);
    }
    for step in &journal.steps {
        let Some(stage) = hands.displaced(step)? else { continue };
        match step {
            Step::Change { path, new, old, .. } => single(hands, &stage, path, &[Some(*new), *old], &mut keepsakes)?,
            Step::Remove { path, old, .. } => single(hands, &stage, path, &[*old], &mut keepsakes)?,
            Step::Add { path, new, .. } => single(hands, &stage, path, &[Some(*new)], &mut keepsakes)?,
            Step::Swap { path, .. } | Step::Folder { path, .. } => {
                let Some((dir, name)) = hands.staged(&stage)? else { continue };
                if dir.witness(name)?.is_some_and(|witness| witness.kind() == Kind::Directory)
                    && let Some(folder) = dir.sub(name)?
                {
                    let expected = if back { new } else { old };
                    Walk { hands, journal, expected, also: if back { None } else { Some(new) } }.folder(&folder, &stage, path, &mut keepsakes)?;
                }
            }
            Step::Carry { .. } | Step::Along { .. } | Step::MakeFolder { .. } | Step::RemoveFolder { .. } => {}
        }
    }
    Ok(keepsakes)
}

fn single(hands: &Hands, stage: &str, path: &str, fine: &[Option<Entry>], keepsakes: &mut Vec<Keepsake>) -> Result<()> {
    let Some((dir, name)) = hands.staged(stage)? else { return Ok(()) };
    let keep = match content::read(&dir, name)? {
        Found::Nothing => false,
        Found::File(entry, _) => !fine.contains(&Some(entry)),
        Found::Other(_) => true,
    };
    if keep {
        keepsakes.push(Keepsake { stage: stage.to_owned(), path: path.to_owned(), foreign: false });
    }
    Ok(())
}

struct Walk<'a> {
    hands: &'a Hands,
    journal: &'a Journal,
    expected: &'a Index,
    also: Option<&'a Index>,
}

impl Walk<'_> {
    fn folder(&self, dir: &Dir, stage: &str, path: &str, keepsakes: &mut Vec<Keepsake>) -> Result<()> {
        for (name, kind) in dir.names()? {
            let (stage, path) = (join(stage, &name), join(path, &name));
            let recorded = self.expected.find(&path).map(|at| self.expected.files[at].entry);
            let known = self.expected.folder(&path).is_some() || self.also.is_some_and(|index| index.folder(&path).is_some());
            match kind {
                Kind::Directory if known => {
                    if let Some(inner) = dir.sub(&name)? {
                        self.folder(&inner, &stage, &path, keepsakes)?;
                    }
                }
                Kind::File | Kind::Symlink => {
                    if !self.is_elsewhere(dir, &name, &path)?
                        && recorded.is_none_or(|entry| !matches!(content::read(dir, &name), Ok(Found::File(found, _)) if found == entry))
                    {
                        keepsakes.push(Keepsake { stage, path, foreign: recorded.is_none() });
                    }
                }
                Kind::Directory if dir.sub(&name)?.is_some_and(|inner| inner.is_empty().unwrap_or(false)) => {}
                Kind::Directory | Kind::Other => keepsakes.push(Keepsake { stage, path, foreign: true }),
            }
        }
        Ok(())
    }

    /// Whether the very same file also stands in the site, by a second name of its inode: at its path, or where it went along to.
    fn is_elsewhere(&self, dir: &Dir, name: &str, path: &str) -> Result<bool> {
        let Some(witness) = dir.witness(name)?.filter(|witness| witness.links > 1) else { return Ok(false) };
        let gone_along = self.journal.steps.iter().filter_map(|step| match step {
            Step::Along { path: to, from } if from == path => Some(to.as_str()),
            _ => None,
        });
        for place in [path].into_iter().chain(gone_along) {
            let Some((live, leaf)) = self.hands.place(place)? else { continue };
            if live.witness(leaf)?.is_some_and(|live| (live.inode, live.device) == (witness.inode, witness.device)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Takes keepsakes out of the stage: back to their path where they are foreign and it is free, else under `saved/`.
/// The paths that were saved are added to `told`.
pub(super) fn keep(hands: &Hands, state: &Dir, label: &str, keepsakes: &[Keepsake], back: bool, told: &mut Vec<String>) -> Result<()> {
    for keepsake in keepsakes {
        let Some((dir, name)) = hands.staged(&keepsake.stage)? else { continue };
        if dir.witness(name)?.is_none() {
            continue;
        }
        if keepsake.foreign
            && !back
            && let Some((live, leaf)) = hands.place(&keepsake.path)?
            && exchange::move_to_free(&dir, name, &live, leaf)? == Moved::Done
        {
            continue;
        }
        drop(saved::put(state, label, &keepsake.path, &dir, name)?);
        told.push(keepsake.path.clone());
    }
    Ok(())
}
