//! A lock that the kernel keeps: it goes with the process that holds it, however that ends.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::beneath::Dir;
use crate::error::Result;

/// An exclusive lock on a file, held as long as this lives.
#[derive(Debug)]
pub struct ExclusiveLock {
    file: File,
}

impl ExclusiveLock {
    /// Takes the lock on `name` in `dir`, made where it is missing. While another process has it, `waiting` is called some
    /// twenty times a second with how long that has been and what the holder wrote into the file; its error ends the wait.
    ///
    /// # Errors
    /// `Io`, or what `waiting` fails with.
    pub fn take(dir: &Dir, name: &str, mut waiting: impl FnMut(Duration, &str) -> Result<()>) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o600)).map_err(|errno| dir.error("open the lock", name, errno))?;
        let start = Instant::now();
        loop {
            match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { file: File::from(fd) }),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => {
                    let holder = dir.read(name)?.unwrap_or_default();
                    waiting(start.elapsed(), String::from_utf8_lossy(&holder).trim())?;
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(errno) => return Err(dir.error("lock", name, errno)),
            }
        }
    }

    /// Writes who holds it, for those who wait. Not being able to is no failure: the lock holds all the same.
    pub fn sign(&self, holder: &str) {
        use std::os::unix::fs::FileExt as _;
        if self.file.set_len(0).is_ok() {
            let _ = self.file.write_all_at(holder.as_bytes(), 0);
        }
    }
}
