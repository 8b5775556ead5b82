//! What still has to run after the files are in place: hooks, recorded before the first of them starts and taken away when the
//! last ended well. A generation with pending hooks is applied, not complete (DESIGN section 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Site;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Change;
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::{durable, failpoint};

const FILE: &str = "pending";

/// Hooks that wait to be run, or to be run again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The generation that they belong to.
    pub generation: u64,
    /// Their names, in the order they run.
    pub hooks: Vec<String>,
    /// How many times they were begun.
    pub attempt: u32,
    /// The generation that a rollback went back to, where they belong to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// What each of them is to be told of, by its name: the changes that it was to follow, of all generations since it last ended well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, Vec<Change>>,
    /// What the run that they belong to said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What waited before, while these are only expected: it waits on where their generation never comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Box<Pending>>,
}

impl Pending {
    /// What of it waits where this generation is in place: what was only expected of one that never came does not.
    #[must_use]
    pub fn left_over(self, current: Option<u64>) -> Option<Self> {
        let mut pending = Some(self);
        while let Some(expected) = pending.take_if(|pending| current.is_none_or(|current| pending.generation > current)) {
            pending = expected.earlier.map(|earlier| *earlier);
        }
        pending
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    schema: u32,
    #[serde(flatten)]
    pending: Pending,
}

/// What a state keeps.
pub(super) fn read(state: &Dir) -> Result<Option<Pending>> {
    let Some(bytes) = state.read(FILE)? else { return Ok(None) };
    serde_json::from_slice::<File>(&bytes)
        .map(|file| Some(file.pending))
        .map_err(|error| Error::new(ErrorKind::Site, format!("the file `{}` is damaged", state.path().join(FILE).display())).caused_by(error))
}

impl Site {
    /// The hooks that wait; `None` when the generation in place is complete.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn pending(&self) -> Result<Option<Pending>> {
        match self.places.open_state()? {
            Some(state) => read(&state),
            None => Ok(None),
        }
    }

    /// Records what waits, durably, or with `None` that nothing does any more. Writes nothing where that is so already. What waits may be
    /// known before there is a site.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn set_pending(&self, cx: &Context, pending: Option<&Pending>) -> Result<()> {
        if pending.is_some() && failpoint::broken("pending") {
            return Ok(());
        }
        if pending.is_none() && self.places.open_state()?.is_none() {
            return Ok(());
        }
        let (state, _lock) = if pending.is_some() && !self.is_elsewhere() { self.make_locked(cx)? } else { self.locked(cx)? };
        if read(&state).ok().flatten().as_ref() == pending {
            return Ok(());
        }
        let Some(pending) = pending else {
            state.remove_file(FILE)?;
            return durable::sync_dir(&state);
        };
        let bytes = serde_json::to_vec(&File { schema: 1, pending: pending.clone() })
            .map_err(|error| Error::new(ErrorKind::Internal, "the pending hooks cannot be written").caused_by(error))?;
        durable::replace(&state, FILE, &bytes)
    }
}
