//! Finishing an apply, undoing it, and doing either after a run was cut off.

use super::index::Index;
use super::journal::{Journal, Step};
use super::owners::Owners;
use super::scan::scan;
use super::sift::{Keepsake, keep, sift};
use super::stage::{self, Custom};
use super::steps::Hands;
use super::{Recovered, Site, generations, identity};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::{Context, Level};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::durable;

/// After every step is done and the generation recorded: what must be kept is put aside, folders that are ours no more go, the
/// index is written, all of it made durable, and the journal removed. The paths that were put aside are added to `saved`.
pub(super) fn finish(state: &Dir, hands: &Hands, journal: &Journal, keepsakes: &[Keepsake], next: &Index, saved: &mut Vec<String>) -> Result<()> {
    keep(hands, state, &journal.record.number.to_string(), keepsakes, false, saved)?;
    for folder in &journal.tidy {
        if let Some((dir, name)) = hands.place(folder)? {
            dir.remove_dir(name)?;
        }
    }
    let hold = journal.record.hold.as_ref().map(|(generation, reason)| (*generation, reason.as_str()));
    generations::set_hold(state, hold, journal.record.release)?;
    next.store(state, "index")?;
    durable::sync_file_system(state)?;
    Journal::remove(state)?;
    // The run is done; what is left in the stage is nobody's any more, and the next run would clear it too.
    let _ = stage::clear(state);
    Ok(())
}

/// Takes every step back after `error`; gives the error to report.
pub(super) fn undo(state: &Dir, hands: &Hands, journal: &Journal, old: &Index, next: &Index, error: Error) -> Error {
    match take_back(state, hands, journal, old, next) {
        Ok(()) => error,
        Err(second) => error
            .note(format!("and the site could not be put back at once: {second}"))
            .hint("`greffon recover` finishes or undoes it once the cause is gone; the journal is kept"),
    }
}

fn take_back(state: &Dir, hands: &Hands, journal: &Journal, old: &Index, next: &Index) -> Result<()> {
    if !journal.back {
        // Said before it is begun, so that a run cut off now goes on backwards. On a full disk it must do without: with
        // exchange each step can tell by itself which way it stands.
        let _ = Journal { back: true, ..journal.clone() }.write(state);
    }
    for step in journal.steps.iter().rev() {
        hands.back(step)?;
    }
    let keepsakes = sift(hands, journal, old, next, true)?;
    let keepsakes: Vec<Keepsake> = keepsakes.into_iter().filter(|keepsake| !is_old(old, hands, keepsake)).collect();
    keep(hands, state, &format!("{}-undone", journal.record.number), &keepsakes, true, &mut Vec::new())?;
    durable::sync_file_system(state)?;
    Journal::remove(state)?;
    let _ = stage::clear(state);
    Ok(())
}

/// Whether a keepsake is just what git can give back.
fn is_old(old: &Index, hands: &Hands, keepsake: &Keepsake) -> bool {
    let Some(at) = old.find(&keepsake.path) else { return false };
    matches!(hands.staged(&keepsake.stage), Ok(Some((dir, name)))
        if super::content::read(&dir, name).ok().and_then(|found| found.entry()) == Some(old.files[at].entry))
}

impl Site {
    /// Finishes or undoes an apply that was cut off.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn recover(&self, cx: &Context) -> Result<Recovered> {
        if self.places.open_state()?.is_none() {
            return Ok(Recovered::Nothing);
        }
        let (state, _lock) = self.locked(cx)?;
        self.recover_locked(cx, &state)
    }

    /// Whether [`Self::recover`] would have something to do. Writes nothing.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn is_interrupted(&self) -> Result<bool> {
        self.places.open_state()?.map_or(Ok(false), |state| Journal::is_there(&state))
    }

    /// As [`Self::recover`], for who has the lock.
    pub(super) fn recover_locked(&self, cx: &Context, state: &Dir) -> Result<Recovered> {
        let Some(journal) = Journal::read(state, self.places.inside.as_deref())? else {
            return Ok(Recovered::Nothing);
        };
        cx.log(Level::Info, format!("site `{}`: the last run was cut off; putting it right", self.name));
        let parent = self.places.root.parent().and_then(|parent| Dir::open(parent).transpose()).transpose()?;
        let ground = match Dir::open(&self.places.root)? {
            Some(root) => Some(root),
            None => parent,
        };
        let owner = ground.as_ref().map(Custom::of).transpose()?.and_then(|custom| custom.owner);
        let recorded = generations::head(state)?.is_some_and(|(number, _)| number >= journal.record.number);
        let Some(staged) = stage::find(state, &journal.stage)? else {
            // The stage goes only after the journal: somebody else removed it. What is in place stays, and status tells.
            cx.log(Level::Warning, format!("site `{}`: the stage of the last run is gone; `greffon status` shows what is in place", self.name));
            Journal::remove(state)?;
            return Ok(Recovered::Back);
        };
        let hands = Hands::new(&self.places.root, staged.clone(), journal.exchange, owner);
        let old = Index::load(&staged, "old")?;
        let next = Index::load(&staged, "new")?;
        let (Some(old), Some(next)) = (old, next) else {
            return Err(Error::new(ErrorKind::Site, format!("the stage `{}` of the last run is damaged", staged.path().display()))
                .hint("look at the site with `greffon status`, then move the file `journal` of its state away"));
        };
        if !recorded && (journal.back || !is_whole(&hands, &journal)?) {
            take_back(state, &hands, &journal, &old, &next)?;
            return Ok(Recovered::Back);
        }
        identity::settle(state, &self.places.root)?;
        let outcome = journal
            .steps
            .iter()
            .try_for_each(|step| hands.forward(step, false))
            .and_then(|()| sift(&hands, &journal, &old, &next, false))
            .and_then(|keepsakes| generations::record(self, state, &journal.record).map(|()| keepsakes));
        match outcome {
            Ok(keepsakes) => {
                let next = self.witnessed_anew(cx, &hands, next)?;
                let mut saved = Vec::new();
                finish(state, &hands, &journal, &keepsakes, &next, &mut saved)?;
                for path in saved {
                    cx.log(Level::Warning, format!("site `{}`: `{path}` had been changed by hand; it was put aside", self.name));
                }
                Ok(Recovered::Forward(journal.record.number))
            }
            Err(error) if recorded => Err(error),
            Err(error) => {
                cx.log(Level::Warning, format!("site `{}`: the last run cannot be finished ({error}); it is undone", self.name));
                take_back(state, &hands, &journal, &old, &next).map_err(|second| second.note(format!("going forward failed too: {error}")))?;
                Ok(Recovered::Back)
            }
        }
    }

    /// Every file is looked at again; what does not show by its witness is read.
    fn witnessed_anew(&self, cx: &Context, hands: &Hands, mut next: Index) -> Result<Index> {
        let Some(root) = hands.root()? else { return Ok(next) };
        let found = scan(cx, self.stockroom.files(), &root, &next, &Owners::new(&next.grafts), self.places.inside.as_deref(), false)?;
        for (file, state) in next.files.iter_mut().zip(&found.files) {
            file.witness = match state {
                super::scan::State::Clean(witness) => *witness,
                _ => None,
            };
        }
        for (folder, witness) in next.folders.iter_mut().zip(found.folders) {
            folder.witness = witness;
        }
        Ok(next)
    }
}

/// Whether every step is either done or can be: what it puts in place is in the stage, or in place.
fn is_whole(hands: &Hands, journal: &Journal) -> Result<bool> {
    for step in &journal.steps {
        let (Step::Folder { path, stage, .. } | Step::Add { path, stage, .. } | Step::Change { path, stage, .. } | Step::Swap { path, stage, .. }) = step
        else {
            continue;
        };
        if hands.is_staged(stage)? {
            continue;
        }
        let there = if path.is_empty() {
            hands.root()?.is_some()
        } else {
            match hands.place(path)? {
                Some((dir, name)) => dir.witness(name)?.is_some(),
                None => false,
            }
        };
        if !there {
            return Ok(false);
        }
    }
    Ok(true)
}
