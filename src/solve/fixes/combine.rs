//! Ways out of many conflicts at once: as much as goes together is kept of the manifest, and the rest gives way.
//!
//! What gives way is found in halves, so that a few conflicts among many wishes take few tries.

use crate::error::{ErrorKind, Result};
use crate::model::Fix;

use super::{Finder, Task, Try};

impl Finder<'_> {
    /// Offers up to three combinations: other requirements where those help, the earlier wishes before the later; the same with
    /// the later before the earlier; and fewer wishes alone.
    pub(super) fn combine(&self, fixes: &mut Vec<Fix>) -> Result<()> {
        let earlier_first: Vec<usize> = (0..self.problem.roots.len()).collect();
        let later_first: Vec<usize> = earlier_first.iter().rev().copied().collect();
        for order in [&earlier_first, &later_first] {
            let attempts = self.relaxed(order)?;
            self.add(&attempts, fixes)?;
        }
        let kept = self.kept(&earlier_first, &[], |dropped| dropped.iter().map(|at| Try::Remove(*at)).collect())?;
        let attempts: Vec<Try> = earlier_first.iter().filter(|at| !kept.contains(at)).map(|at| Try::Remove(*at)).collect();
        self.add(&attempts, fixes)
    }

    fn add(&self, attempts: &[Try], fixes: &mut Vec<Fix>) -> Result<()> {
        if let Some(fix) = self.settled(attempts)?.filter(|fix| !fix.changes.is_empty() && !fixes.contains(fix)) {
            fixes.push(fix);
        }
        Ok(())
    }

    /// The wishes that go together in any version stay, and of their requirements as many as go together; the first in `order`
    /// are served first.
    fn relaxed(&self, order: &[usize]) -> Result<Vec<Try>> {
        let loose: Vec<Try> = order.iter().filter(|at| self.problem.roots[**at].requirement.as_str() != "*").map(|at| Try::Relax(*at)).collect();
        let with_all_loose = |dropped: &[usize]| -> Vec<Try> {
            let removed = dropped.iter().map(|at| Try::Remove(*at));
            removed.chain(loose.iter().copied().filter(|attempt| !dropped.contains(&attempt.root()))).collect()
        };
        let kept = self.kept(order, &[], with_all_loose)?;
        let removed: Vec<Try> = order.iter().filter(|at| !kept.contains(at)).map(|at| Try::Remove(*at)).collect();
        let asking: Vec<usize> = loose.iter().map(|attempt| attempt.root()).filter(|at| kept.contains(at)).collect();
        let strict = self.kept(&asking, &removed, |dropped| dropped.iter().map(|at| Try::Relax(*at)).collect())?;
        Ok(removed.into_iter().chain(asking.into_iter().filter(|at| !strict.contains(at)).map(Try::Relax)).collect())
    }

    /// Those of `all`, from the first on, that can stay together; `change` says what it takes to drop some.
    fn kept(&self, all: &[usize], always: &[Try], change: impl Fn(&[usize]) -> Vec<Try>) -> Result<Vec<usize>> {
        let mut kept: Vec<usize> = Vec::new();
        let mut agenda: Vec<&[usize]> = vec![all];
        while let Some(piece) = agenda.pop() {
            if piece.is_empty() {
                continue;
            }
            let dropped: Vec<usize> = all.iter().copied().filter(|at| !kept.contains(at) && !piece.contains(at)).collect();
            let attempts: Vec<Try> = always.iter().copied().chain(change(&dropped)).collect();
            if self.possible(&attempts)? {
                kept.extend(piece);
            } else if piece.len() > 1 {
                let (first, second) = piece.split_at(piece.len() / 2);
                agenda.extend([second, first]);
            }
        }
        Ok(kept)
    }

    /// Whether there is an answer; one that is not found within the time for one try is none.
    fn possible(&self, attempts: &[Try]) -> Result<bool> {
        let outcome = self.tried(attempts, |search, roots, _| search.run(&Task { roots, ..search.task() }));
        match outcome {
            Ok(outcome) => Ok(outcome.is_ok()),
            Err(error) if error.kind() == ErrorKind::Undecided && std::time::Instant::now() < self.until => Ok(false),
            Err(error) => Err(error),
        }
    }
}
