//! Trees without a past: fixed times, no owners, the same bytes on every machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Timespec, Timestamps};

use super::beneath::Dir;
use crate::error::{Error, Result};

/// The time that every file of a built tree gets, in seconds since 1970: 1980-01-01, the earliest that a zip can say.
pub const FIXED_TIME: i64 = 315_532_800;

/// Sets a name's times to [`FIXED_TIME`]; a link's own, not those of what it points at.
///
/// # Errors
/// `Io`.
pub fn set_fixed_time(dir: &Dir, name: &str) -> Result<()> {
    let fixed = Timespec { tv_sec: FIXED_TIME, tv_nsec: 0 };
    let times = Timestamps { last_access: fixed, last_modification: fixed };
    rustix::fs::utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| dir.error("set the times of", name, errno))
}

/// A tar archive being written; it appears under its name when it is finished.
pub struct Tarball {
    builder: tar::Builder<std::io::BufWriter<tempfile::NamedTempFile>>,
    to: PathBuf,
}

impl std::fmt::Debug for Tarball {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tarball").field("to", &self.to).finish_non_exhaustive()
    }
}

impl Tarball {
    /// Begins an archive that will be `to`.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(to: &Path) -> Result<Self> {
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .prefix(".greffon-build-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(|error| Error::io("write in", folder, error))?;
        Ok(Self { builder: tar::Builder::new(std::io::BufWriter::with_capacity(1 << 18, file)), to: to.to_owned() })
    }

    fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(FIXED_TIME.unsigned_abs());
        header.set_uid(0);
        header.set_gid(0);
        header
    }

    /// Adds a folder.
    ///
    /// # Errors
    /// `Io`.
    pub fn folder(&mut self, path: &str) -> Result<()> {
        let mut header = Self::header(tar::EntryType::Directory, 0, 0o755);
        self.builder.append_data(&mut header, format!("{path}/"), std::io::empty()).map_err(|error| Error::io("write", &self.to, error))
    }

    /// Adds a file.
    ///
    /// # Errors
    /// `Io`.
    pub fn file(&mut self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let mut header = Self::header(tar::EntryType::Regular, bytes.len() as u64, mode);
        self.builder.append_data(&mut header, path, bytes).map_err(|error| Error::io("write", &self.to, error))
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// `Io`.
    pub fn link(&mut self, path: &str, target: &[u8]) -> Result<()> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut header = Self::header(tar::EntryType::Symlink, 0, 0o777);
        self.builder.append_link(&mut header, path, std::ffi::OsStr::from_bytes(target)).map_err(|error| Error::io("write", &self.to, error))
    }

    /// Ends the archive, makes it durable and gives it its name.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<()> {
        let fault = |error| Error::io("write", &self.to, error);
        let mut buffer = self.builder.into_inner().map_err(fault)?;
        buffer.flush().map_err(fault)?;
        let file = buffer.into_inner().map_err(|error| fault(error.into_error()))?;
        file.as_file().sync_all().map_err(fault)?;
        file.persist(&self.to).map(drop).map_err(|error| fault(error.error))
    }
}
