//! Archives as git trees: entries are read one by one, checked against the extraction policy ([`policy`]), and written as blobs
//! and trees. Nothing is ever unpacked into a directory, so nothing can be written beside it.
//!
//! What is refused, and why, stands in [`policy`] (names, links, kinds), [`zip`] and [`tar`] (headers that contradict each other,
//! bytes before, between and after). Everything that an import writes appears at once, or not at all.

mod directory;
mod gather;
mod headers;
mod look;
mod policy;
mod sniff;
mod tar;
mod write;
mod zip;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::{Context, Level};
use crate::sys::git::{Objects, PackWriter, Sink};

pub use look::{FileHandle, Held, held, one};
pub use write::PlainTarGz;

use gather::Gathered;
use policy::Meter;

/// What an import may not exceed. Counted on what comes out, never on what a header says.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries.
    pub entries: usize,
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all files.
    pub total: u64,
    /// Unpacked bytes per packed byte, once 16 MiB came out.
    pub ratio: u64,
    /// Bytes of one path.
    pub path: usize,
    /// Folders inside each other.
    pub depth: usize,
}

impl Default for Limits {
    /// Ten times what the largest applications known to us need.
    fn default() -> Self {
        Self { entries: 200_000, file: 512 << 20, total: 4 << 30, ratio: 1000, path: 1024, depth: 64 }
    }
}

/// What an import gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The tree of the element: the archive's single top folder, the asked `subdir`, or all of it.
    pub tree: ObjectId,
    /// The single top folder that was left off.
    pub top: Option<String>,
    /// Files imported.
    pub files: usize,
}

/// Imports a zip, tar, tar.gz, tar.xz or tar.zst (told by its first bytes, never by its name).
///
/// # Errors
/// `Archive` when the policy refuses it (the message names the entry), is damaged or is no archive.
pub fn import(cx: &Context, archive: &Path, subdir: Option<&str>, objects: &Objects, limits: &Limits) -> Result<Imported> {
    let shown = archive.file_name().unwrap_or(archive.as_os_str()).to_string_lossy().into_owned();
    let mut file = fs_err::File::open(archive).map_err(|error| Error::io("open the archive", archive, error))?;
    let kind = sniff::sniff(&mut file, &shown)?;
    let length = file.metadata().map_err(|error| Error::io("look at", archive, error))?.len();
    let mut pack = objects.pack_writer()?;
    let gathered = {
        let mut import = Import { cx, limits, sink: &mut pack, meter: Meter::new(limits, length), scratch: objects.directory(), gathered: Gathered::default() };
        let result = match kind {
            sniff::Kind::Zip => zip::read(&mut import, file.into_file(), length),
            sniff::Kind::Tar(packing) => tar::read(&mut import, file.into_file(), packing),
        };
        result.map_err(|error| told(error, &shown))?;
        import.gathered
    };
    finish(cx, gathered, pack, subdir, &shown)
}

/// Imports a folder: what `git ls-files` shows where it is a work tree, else everything (DESIGN section 6). A folder whose
/// content is in `objects` already is only read.
///
/// # Errors
/// `Archive` for a name or kind of file that the policy refuses; `Io`.
pub fn import_directory(cx: &Context, directory: &Path, objects: &Objects, limits: &Limits) -> Result<Imported> {
    directory::import(cx, directory, objects, limits)
}

/// An import under way.
struct Import<'a> {
    cx: &'a Context,
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    meter: Meter,
    /// A folder for what is too large for memory.
    scratch: &'a Path,
    gathered: Gathered,
}

fn finish(cx: &Context, gathered: Gathered, mut pack: PackWriter, subdir: Option<&str>, shown: &str) -> Result<Imported> {
    let (element, top) = gathered.select(subdir).map_err(|error| told(error, shown))?;
    element.check_links().map_err(|error| told(error, shown))?;
    for line in element.collisions() {
        cx.log(Level::Warning, format!("`{shown}`: {line}"));
    }
    let control = element.control_files();
    if !control.is_empty() {
        cx.log(Level::Detail, format!("`{shown}` brings files that steer a web server: {}", control.join(", ")));
    }
    let files = element.files();
    let tree = element.write(&mut pack)?;
    pack.finish()?;
    Ok(Imported { tree, top, files })
}

/// Names the archive in front of what is wrong with it.
fn told(error: Error, shown: &str) -> Error {
    match error.kind() {
        ErrorKind::Archive | ErrorKind::Unsupported | ErrorKind::NotFound => {
            let text = format!("the archive `{shown}` was refused: {}", error.message());
            let mut outer = Error::new(error.kind(), text);
            for hint in error.hints() {
                outer = outer.hint(hint.clone());
            }
            if error.kind() == ErrorKind::Archive && error.hints().is_empty() {
                outer = outer.hint("does it open elsewhere, and is it what its author published?");
            }
            match std::error::Error::source(&error) {
                Some(cause) => outer.caused_by(cause.to_string()),
                None => outer,
            }
        }
        _ => error,
    }
}
