//! A tar.gz whose bytes depend on what it holds and on nothing else: fixed times and owners, plain modes.

use std::io::{Error, Result};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use crate::model::FileMode;

/// The time that every file has: the first that every archive format can say (1 January 1980).
const FIXED_TIME: u64 = 315_532_800;

/// An archive being written in memory. The order of the files is the caller's.
pub struct PlainTarGz(::tar::Builder<GzEncoder<Vec<u8>>>);

impl PlainTarGz {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self(::tar::Builder::new(GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(9))))
    }

    /// Adds a file or a symbolic link, whose content is its target.
    ///
    /// # Errors
    /// A path or a target that no tar can hold.
    pub fn append(&mut self, path: &str, mode: FileMode, content: &[u8]) -> Result<()> {
        let mut header = ::tar::Header::new_gnu();
        header.set_mtime(FIXED_TIME);
        header.set_uid(0);
        header.set_gid(0);
        match mode {
            FileMode::Symlink => {
                let target = std::str::from_utf8(content).map_err(|_| Error::other("a symbolic link whose target is not UTF-8"))?;
                header.set_entry_type(::tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                self.0.append_link(&mut header, path, target)
            }
            FileMode::Regular | FileMode::Executable => {
                header.set_entry_type(::tar::EntryType::Regular);
                header.set_mode(if mode == FileMode::Executable { 0o755 } else { 0o644 });
                header.set_size(content.len() as u64);
                self.0.append_data(&mut header, path, content)
            }
        }
    }

    /// The finished bytes.
    ///
    /// # Errors
    /// When the end cannot be written.
    pub fn finish(self) -> Result<Vec<u8>> {
        self.0.into_inner().and_then(GzEncoder::finish)
    }
}

impl Default for PlainTarGz {
    fn default() -> Self {
        Self::new()
    }
}
