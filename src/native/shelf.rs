//! The libraries of this process: each pinned content is opened once, and never closed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::pin::{Pinned, placed};
use super::raw::Library;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::model::Digest;
use crate::sys::fs;

static SHELF: Mutex<BTreeMap<Digest, &'static Library>> = Mutex::new(BTreeMap::new());

/// The library of these pinned bytes. What is opened is a copy of the bytes that were checked: whoever changes the file in
/// between changes nothing.
pub(super) fn library(spec: &UseSpec, pinned: &Pinned) -> Result<&'static Library> {
    let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
    // Also when it is open already: a file that is no longer the pinned one is told.
    let bytes = pinned.bytes(spec)?;
    if let Some(library) = shelf.get(&pinned.sha256) {
        return Ok(library);
    }
    let name = pinned.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let copy = fs::sealed_copy(&name, &bytes)?;
    let opened = Library::open(copy.path(), &pinned.path);
    copy.keep();
    let library = opened.map_err(|why| {
        let error = Error::new(ErrorKind::Extension, format!("the native library `{}` cannot be used: {}", pinned.path.display(), why.escape_debug()));
        placed(spec, error.hint("a library is made for one machine and one version of the table: see extensions/native/greffon.h and build it anew"))
    })?;
    let library: &'static Library = Box::leak(Box::new(library));
    shelf.insert(pinned.sha256, library);
    Ok(library)
}
