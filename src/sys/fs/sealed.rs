//! Copies that nobody can change.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A copy of some bytes under a path of this process alone; gone when dropped.
#[derive(Debug)]
pub struct SealedCopy {
    path: PathBuf,
    file: std::fs::File,
    folder: Option<tempfile::TempDir>,
}

impl SealedCopy {
    /// Where to open it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps its path from ever meaning something else in this process: whoever remembers files by their path (the dynamic linker
    /// does) would take the next copy for this one. A file is removed all the same; its name does not come again.
    pub fn keep(self) {
        drop(self.folder);
        std::mem::forget(self.file);
    }
}

/// Copies bytes to where they can be opened and not be changed: sealed memory where the system has it, else a file in a folder
/// that only this user can enter.
///
/// # Errors
/// `Io`.
pub fn sealed_copy(name: &str, bytes: &[u8]) -> Result<SealedCopy> {
    #[cfg(target_os = "linux")]
    if let Some(copy) = in_memory(name, bytes) {
        return Ok(copy);
    }
    in_file(name, bytes)
}

#[cfg(target_os = "linux")]
fn in_memory(name: &str, bytes: &[u8]) -> Option<SealedCopy> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    let descriptor = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).ok()?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(bytes).ok()?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL).ok()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Where /proc is not mounted, a file serves.
    fs_err::metadata(&path).ok()?;
    Some(SealedCopy { path, file, folder: None })
}

fn in_file(name: &str, bytes: &[u8]) -> Result<SealedCopy> {
    let folder = super::scratch_folder()?;
    let name = Path::new(name).file_name().unwrap_or_else(|| "copy".as_ref());
    let path = folder.path().join(name);
    let mut file = fs_err::File::create(&path).map_err(|error| Error::io("write", &path, error))?.into_file();
    file.write_all(bytes).map_err(|error| Error::io("write", &path, error))?;
    Ok(SealedCopy { path, file, folder: Some(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reads_as_it_was_and_cannot_be_written() {
        for copy in [sealed_copy("x.so", b"bytes").expect("a copy"), in_file("x.so", b"bytes").expect("a copy")] {
            assert_eq!(fs_err::read(copy.path()).expect("read"), b"bytes");
        }
        #[cfg(target_os = "linux")]
        if let Some(copy) = in_memory("x.so", b"bytes") {
            let opened = fs_err::OpenOptions::new().write(true).open(copy.path());
            assert!(opened.and_then(|mut file| file.write_all(b"other")).is_err(), "sealed bytes were written");
        }
    }
}
