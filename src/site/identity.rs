//! A site's id: a random name that pins in the stock are kept under. It goes with a site that moves; a copy gets its own.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::durable;

const FILE: &str = "id";

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Identity {
    schema: u32,
    id: String,
    /// The site's path when the id was written.
    path: PathBuf,
    /// The state's path then.
    state: PathBuf,
}

/// The id, where the state has one that belongs to the site at `root`.
pub(super) fn read(state: &Dir, root: &Path) -> Result<Option<String>> {
    let Some(identity) = load(state)? else { return Ok(None) };
    Ok((!is_copy(&identity, state, root)).then_some(identity.id))
}

/// The id, made where there is none, and made anew for a copy.
pub(super) fn settle(state: &Dir, root: &Path) -> Result<String> {
    let known = load(state)?;
    let id = match &known {
        Some(identity) if !is_copy(identity, state, root) => identity.id.clone(),
        _ => random(),
    };
    let identity = Identity { schema: 1, id: id.clone(), path: root.to_owned(), state: state.path().to_owned() };
    if known.as_ref() != Some(&identity) {
        let text = serde_json::to_vec(&identity).map_err(|error| Error::new(ErrorKind::Internal, "the site's id cannot be written").caused_by(error))?;
        durable::replace(state, FILE, &text)?;
    }
    Ok(id)
}

fn load(state: &Dir) -> Result<Option<Identity>> {
    let Some(bytes) = state.read(FILE)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::new(ErrorKind::Site, format!("the file `{}` is damaged", state.path().join(FILE).display())).caused_by(error))
}

/// Whether the site that the id was made for still lives elsewhere: then this state was copied, else it was moved.
fn is_copy(identity: &Identity, state: &Dir, root: &Path) -> bool {
    if identity.path == root {
        return false;
    }
    let Ok(Some(elsewhere)) = Dir::open(&identity.state) else { return false };
    let same_folder = match (elsewhere.own_witness(), state.own_witness()) {
        (Ok(there), Ok(here)) => (there.inode, there.device) == (here.inode, here.device),
        _ => false,
    };
    !same_folder && matches!(load(&elsewhere), Ok(Some(other)) if other.id == identity.id) && matches!(Dir::open(&identity.path), Ok(Some(_)))
}

fn random() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}", part() ^ part().rotate_left(32))
}
