//! What the ground is like on which a site stands: real paths, who may write there, this process's umask and the host's name.

use std::path::{Path, PathBuf};

use super::witness::Witness;
use crate::error::{Error, Result};

/// The path with every link resolved; parts at its end that do not exist yet stay as they are.
///
/// # Errors
/// `Io`, when a part exists and cannot be looked at.
pub fn real_path(path: &Path) -> Result<PathBuf> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match fs_err::canonicalize(at) {
            Ok(mut real) => {
                real.extend(missing.into_iter().rev());
                return Ok(real);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match (at.parent(), at.file_name()) {
                (Some(parent), Some(name)) => {
                    missing.push(name);
                    at = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                }
                _ => return Err(Error::io("find", path, error)),
            },
            Err(error) => return Err(Error::io("find", path, error)),
        }
    }
}

/// Whether two paths lie on one file system, each taken as the nearest folder of it that is there; `None`: that cannot be told.
#[must_use]
pub fn on_one_file_system(one: &Path, other: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| path.ancestors().find_map(|at| fs_err::metadata(at).ok()).map(|found| found.dev());
    Some(device(one)? == device(other)?)
}

/// Whether a symbolic link stands at a path, wherever it leads.
#[must_use]
pub fn is_link(path: &Path) -> bool {
    fs_err::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink())
}

/// Makes a folder and those above it that are missing, umask applied.
///
/// # Errors
/// `Io`.
pub fn make_folders(path: &Path) -> Result<()> {
    fs_err::create_dir_all(path).map_err(|error| Error::io("make the folder", path, error))
}

/// Whether another user than this one and root may add, remove or rename names in a folder.
///
/// A sticky folder (`/tmp`) counts as safe: others cannot rename what is ours there. So does group write permission where
/// the group is the user's own private one (its number is that of the user, and of this process).
#[must_use]
pub fn others_may_write(folder: &Witness) -> bool {
    let (me, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if folder.uid != me && folder.uid != 0 {
        return true;
    }
    if folder.mode & 0o1000 != 0 {
        return false;
    }
    let private = folder.gid == 0 || (folder.gid == group && group == me);
    folder.mode & 0o002 != 0 || (folder.mode & 0o020 != 0 && !private)
}

/// Whether a file belongs to the user that this process acts as.
#[must_use]
pub fn is_own(witness: &Witness) -> bool {
    witness.uid == rustix::process::geteuid().as_raw()
}

/// The user and group that this process acts as.
#[must_use]
pub fn acting_as() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// This process's number.
#[must_use]
pub fn process_id() -> u32 {
    std::process::id()
}

/// This process's umask. It can only be read by setting it, which would race with other threads, so the kernel's account of the
/// process is read; 022 where there is none.
#[must_use]
pub fn umask() -> u32 {
    fs_err::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Umask:").and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())))
        .unwrap_or(0o022)
}

/// The host's name; empty where it cannot be had.
#[must_use]
pub fn host_name() -> String {
    let kernel = fs_err::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| fs_err::read_to_string("/etc/hostname").ok());
    name.map(|name| name.trim().to_owned()).unwrap_or_default()
}

/// Whether `wanted` names this host: in full, or up to the first dot on either side.
#[must_use]
pub fn is_this_host(wanted: &str) -> bool {
    let name = host_name();
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    wanted.eq_ignore_ascii_case(&name) || ((!wanted.contains('.') || !name.contains('.')) && short(wanted) == short(&name))
}

/// What is mounted below a folder (links in its path resolved), by relative paths; nothing where the system does not tell.
#[must_use]
pub fn mounts_below(folder: &Path) -> Vec<String> {
    let Ok(table) = fs_err::read("/proc/self/mountinfo") else { return Vec::new() };
    mounted_below(&table, folder)
}

/// The fifth word of each line is the place; spaces and the like stand there as three octal digits.
fn mounted_below(table: &[u8], folder: &Path) -> Vec<String> {
    let places = table.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let mut below: Vec<String> = places
        .filter_map(|place| String::from_utf8(unescaped(place)).ok())
        .filter_map(|place| Some(Path::new(&place).strip_prefix(folder).ok()?.to_str()?.to_owned()))
        .filter(|place| !place.is_empty())
        .collect();
    below.sort();
    below.dedup();
    below
}

fn unescaped(mut word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    while let Some((byte, rest)) = word.split_first() {
        let digits = rest.get(..3).filter(|digits| *byte == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match digits {
            Some(digits) => {
                plain.push(digits.iter().fold(0_u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')));
                word = &rest[3..];
            }
            None => {
                plain.push(*byte);
                word = rest;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_write_decides() {
        let (me, group) = acting_as();
        let folder = |mode: u32, uid, gid| Witness { mode: 0o040_000 | mode, uid, gid, ..Witness::default() };
        assert!(!others_may_write(&folder(0o755, me, group)));
        assert!(!others_may_write(&folder(0o1777, 0, 0)));
        assert!(others_may_write(&folder(0o777, me, group)));
        assert!(others_may_write(&folder(0o775, me, group + 7)));
        assert!(others_may_write(&folder(0o755, me + 1000, group)));
    }

    #[test]
    fn hosts_match_with_and_without_domain() {
        let name = host_name();
        assert!(!name.is_empty());
        assert!(is_this_host(&name));
        assert!(!is_this_host("somewhere-else.example"));
    }

    #[test]
    fn mounts_are_read_from_the_systems_table() {
        let table = b"25 1 8:1 / / rw - ext4 /dev/a rw\n30 25 8:1 /x /srv/site/a\\040b/c rw - ext4 /dev/a rw\n31 25 0:3 / /srv/site rw - tmpfs t rw\n\
            32 25 0:4 / /srv/site2/x rw - tmpfs t rw\n33 25 0:5 / /srv/site/z rw - tmpfs t rw\nnonsense\n";
        assert_eq!(mounted_below(table, Path::new("/srv/site")), ["a b/c", "z"]);
        assert_eq!(mounted_below(b"", Path::new("/srv/site")), Vec::<String>::new());
    }
}
