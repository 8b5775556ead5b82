//! An ext4 of its own on a loop device, whose power can be cut.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{have, must, output};

/// What a cut does with what the file system has not written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Names that its log holds are written first, contents are lost.
    Flushed = 1,
    /// All of it is lost.
    Dropped = 2,
}

/// A mounted image; unmounted when dropped.
pub(crate) struct Disk {
    image: PathBuf,
    at: PathBuf,
}

/// Why no disk can be had, if so.
pub(crate) fn missing(folder: &Path) -> Option<&'static str> {
    if !have("mkfs.ext4") && !Path::new("/sbin/mkfs.ext4").exists() {
        return Some("there is no `mkfs.ext4`");
    }
    let image = folder.join("probe.img");
    let mounted = make(&image, 16).then(|| Disk::mount(&image, &folder.join("probe"))).flatten();
    match mounted.as_ref().map(|disk| disk.cut(Cut::Dropped)) {
        None => Some("this user may not mount (it needs root and loop devices)"),
        Some(Err(_)) => Some("the file system's power cannot be cut (EXT4_IOC_SHUTDOWN)"),
        Some(Ok(())) => None,
    }
}

/// Makes an empty image of so many megabytes.
pub(crate) fn make(image: &Path, megabytes: u64) -> bool {
    let sized = std::fs::File::create(image).and_then(|file| file.set_len(megabytes << 20));
    let program = if have("mkfs.ext4") { "mkfs.ext4" } else { "/sbin/mkfs.ext4" };
    sized.is_ok()
        && Command::new(program).args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(image).output().is_ok_and(|done| done.status.success())
}

impl Disk {
    /// Mounts it; what a cut left in its log is brought in, as at a start after one.
    pub(crate) fn mount(image: &Path, at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("made");
        let done = output(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(image).arg(at));
        done.status.success().then(|| Self { image: image.to_owned(), at: at.to_owned() })
    }

    /// Cuts the power: from now on nothing reaches the disk any more.
    pub(crate) fn cut(&self, how: Cut) -> std::io::Result<()> {
        let root = std::fs::File::open(&self.at)?;
        shutdown(&root, how as u32)
    }

    /// Starts again: unmounts and mounts.
    pub(crate) fn start_again(self) -> Self {
        let (image, at) = (self.image.clone(), self.at.clone());
        drop(self);
        Self::mount(&image, &at).expect("mounted again")
    }

    /// Writes everything, unmounts, and keeps a copy of the image.
    pub(crate) fn keep(self, copy: &Path) -> Self {
        let (image, at) = (self.image.clone(), self.at.clone());
        drop(self);
        must(Command::new("cp").arg("--sparse=always").arg(&image).arg(copy));
        Self::mount(&image, &at).expect("mounted again")
    }

    /// Puts an image back.
    pub(crate) fn put_back(self, copy: &Path) -> Self {
        let (image, at) = (self.image.clone(), self.at.clone());
        drop(self);
        must(Command::new("cp").arg("--sparse=always").arg(copy).arg(&image));
        Self::mount(&image, &at).expect("mounted again")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for _ in 0..50 {
            if Command::new("umount").arg(&self.at).output().is_ok_and(|done| done.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

#[allow(unsafe_code)]
fn shutdown(root: &std::fs::File, how: u32) -> std::io::Result<()> {
    use rustix::ioctl::{Setter, ioctl, opcode};
    // SAFETY: `EXT4_IOC_SHUTDOWN` is `_IOR('X', 125, __u32)` and reads that one number.
    unsafe { Ok(ioctl(root, Setter::<{ opcode::read::<u32>(b'X', 125) }, u32>::new(how))?) }
}
