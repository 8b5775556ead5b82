//! Looking into an archive: what it holds, and one file of it. Read as strictly as an import, and written nowhere.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek as _};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::Context;
use crate::sys::git::{Hasher, NewEntry, Sink};

use super::gather::Gathered;
use super::policy::Meter;
use super::{Import, Limits, sniff, tar, told, zip};

/// An open archive.
pub type FileHandle = File;

/// One name in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its path in the archive.
    pub path: String,
    /// Bytes of a file, or of a link's target.
    pub size: u64,
    /// `file`, `folder` or `link`.
    pub kind: &'static str,
}

/// Everything that an archive holds, sorted by path.
///
/// # Errors
/// As [`super::import`].
pub fn held(cx: &Context, file: &File, shown: &str, limits: &Limits) -> Result<Vec<Held>> {
    let mut sink = Watching::default();
    let gathered = gathered(cx, file, shown, limits, &mut sink)?;
    let mut all = Vec::new();
    gathered.walk("", &mut |path, kind, id| {
        all.push(Held { path, size: id.and_then(|id| sink.sizes.get(&id).copied()).unwrap_or(0), kind });
    });
    Ok(all)
}

/// The bytes of the file at a path of the archive, up to a limit; `None` where there is none.
///
/// # Errors
/// As [`super::import`]; `Invalid` for a larger file.
pub fn one(cx: &Context, file: &File, shown: &str, limits: &Limits, path: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let mut wanted = None;
    gathered(cx, file, shown, limits, &mut Hasher)?.walk("", &mut |own, kind, id| {
        if own == path && kind == "file" {
            wanted = id;
        }
    });
    let Some(wanted) = wanted else { return Ok(None) };
    // Which blob it is is known only now: read it again, this time keeping that one.
    let mut sink = Watching { wanted: Some((wanted, most)), ..Watching::default() };
    gathered(cx, file, shown, limits, &mut sink)?;
    match sink.kept {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Error::new(ErrorKind::Invalid, format!("`{}` in `{shown}` is larger than {most} bytes", path.escape_debug()))),
    }
}

fn gathered(cx: &Context, file: &File, shown: &str, limits: &Limits, sink: &mut dyn Sink) -> Result<Gathered> {
    let fault = |error| Error::new(ErrorKind::Io, format!("could not read `{shown}`")).caused_by(error);
    let mut file = file.try_clone().map_err(fault)?;
    file.rewind().map_err(fault)?;
    let kind = sniff::sniff(&mut file, shown)?;
    let length = file.metadata().map_err(fault)?.len();
    let scratch = crate::sys::fs::scratch_folder()?;
    let mut import = Import { cx, limits, sink, meter: Meter::new(limits, length), scratch: scratch.path(), gathered: Gathered::default() };
    let result = match kind {
        sniff::Kind::Zip => zip::read(&mut import, file, length),
        sniff::Kind::Tar(packing) => tar::read(&mut import, file, packing),
    };
    result.map_err(|error| told(error, shown))?;
    Ok(import.gathered)
}

/// Says what the ids would be, and keeps the sizes, and one blob.
#[derive(Default)]
struct Watching {
    sizes: HashMap<ObjectId, u64>,
    wanted: Option<(ObjectId, u64)>,
    kept: Option<Vec<u8>>,
}

impl Watching {
    fn saw(&mut self, id: ObjectId, size: u64, bytes: Option<&[u8]>) {
        self.sizes.insert(id, size);
        if let (Some((wanted, most)), Some(bytes)) = (self.wanted, bytes)
            && wanted == id
            && size <= most
        {
            self.kept = Some(bytes.to_vec());
        }
    }
}

impl Sink for Watching {
    fn blob(&mut self, bytes: &[u8]) -> Result<ObjectId> {
        let id = Hasher.blob(bytes)?;
        self.saw(id, bytes.len() as u64, Some(bytes));
        Ok(id)
    }

    fn blob_from(&mut self, reader: &mut dyn Read, size: u64) -> Result<ObjectId> {
        if self.wanted.is_none_or(|(_, most)| size > most) {
            let id = Hasher.blob_from(reader, size)?;
            self.saw(id, size, None);
            return Ok(id);
        }
        let mut bytes = Vec::new();
        let fault = |error| Error::new(ErrorKind::Io, "could not read a file of the archive").caused_by(error);
        reader.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(fault)?;
        if bytes.len() as u64 != size {
            return Err(Error::new(ErrorKind::Archive, "a file of the archive is longer or shorter than it says"));
        }
        self.blob(&bytes)
    }

    fn tree(&mut self, entries: Vec<NewEntry>) -> Result<ObjectId> {
        Hasher.tree(entries)
    }
}
