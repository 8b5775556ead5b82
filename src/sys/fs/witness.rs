//! Witnesses: what the file system says of a file without reading it.

use rustix::fs::{FileType, Stat};

use super::failpoint::broken;

/// What a name in a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a socket, a pipe.
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

/// Size, times, inode, device and mode of a file at one moment. Two equal witnesses mean the same content, unless the file
/// changed within one tick of the clock ([`Witness::settled_before`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Witness {
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub mtime: i64,
    /// Last change of the inode, nanoseconds since 1970; cannot be set back by a program.
    pub ctime: i64,
    /// The inode's number.
    pub inode: u64,
    /// The file system's number.
    pub device: u64,
    /// Kind and permission bits, as `st_mode` has them.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The owning group.
    pub gid: u32,
    /// How many names the inode has.
    pub links: u64,
}

/// The longest tick of a file system whose times have a fraction: a kernel at 100 Hz, and a little more.
pub const FINE_TICK: i64 = 12_000_000;
/// The tick taken for a file system whose times are whole seconds (FAT counts in twos).
pub const COARSE_TICK: i64 = 2_000_000_000;

impl Witness {
    /// What the name stands for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from(FileType::from_raw_mode(self.mode))
    }

    /// Whether the owner may execute it.
    #[must_use]
    pub fn executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Whether any change made at `moment` or later would show in the times: both lie at least one tick before.
    /// (git's racy rule, with the tick of the file system in place of a whole second where times have fractions.)
    #[must_use]
    pub fn settled_before(&self, moment: i64) -> bool {
        self.mtime.max(self.ctime) < moment - self.tick()
    }

    /// The tick of the file system's clock, judged by these times.
    #[must_use]
    pub fn tick(&self) -> i64 {
        let whole = |time: i64| time % 1_000_000_000 == 0;
        if whole(self.mtime) && whole(self.ctime) { COARSE_TICK } else { FINE_TICK }
    }

    /// Whether nothing shows a change since `recorded` was taken (owner and number of names aside).
    #[must_use]
    pub fn unchanged_since(&self, recorded: &Self) -> bool {
        if broken("witness") {
            return self.mtime == recorded.mtime;
        }
        self.same_content(recorded) && self.ctime == recorded.ctime
    }

    /// Whether the content must be the same as when `earlier` was taken: links and renames change `ctime` alone.
    #[must_use]
    pub fn same_content(&self, earlier: &Self) -> bool {
        self.size == earlier.size && self.mtime == earlier.mtime && self.inode == earlier.inode && self.device == earlier.device && self.mode == earlier.mode
    }
}

impl From<&Stat> for Witness {
    // The fields' types differ between platforms: on some of them these conversions do nothing.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, clippy::useless_conversion)]
    fn from(stat: &Stat) -> Self {
        Self {
            size: stat.st_size as u64,
            mtime: (stat.st_mtime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec as i64),
            ctime: (stat.st_ctime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
            mode: stat.st_mode as u32,
            uid: stat.st_uid as u32,
            gid: stat.st_gid as u32,
            links: stat.st_nlink as u64,
        }
    }
}

/// Now, in nanoseconds since 1970, by the clock that also stamps files.
#[must_use]
pub fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos().min(i64::MAX as u128) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_within_a_tick_is_not_settled() {
        let fine = Witness { mtime: 5_000_000_123, ctime: 5_000_000_123, ..Witness::default() };
        assert!(!fine.settled_before(5_000_000_200));
        assert!(fine.settled_before(5_000_000_123 + FINE_TICK + 1));
        let coarse = Witness { mtime: 5_000_000_000, ctime: 5_000_000_000, ..Witness::default() };
        assert!(!coarse.settled_before(6_500_000_000));
        assert!(coarse.settled_before(7_000_000_001));
    }
}
