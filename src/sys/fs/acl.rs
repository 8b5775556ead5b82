//! POSIX access control lists: what a folder hands on to new names in it. Only carried along, never read into.

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::beneath::Dir;
use crate::error::Result;

/// What new names in a folder get.
const DEFAULT: &str = "system.posix_acl_default";
/// What holds for the folder itself, beyond its mode.
const ACCESS: &str = "system.posix_acl_access";
/// Linux keeps no more than this in an attribute.
const LIMIT: usize = 64 * 1024;

impl Dir {
    /// Whether the folder hands a list of its own on to new names in it; the umask has no part in these then.
    ///
    /// # Errors
    /// `Io`.
    pub fn hands_on_acl(&self) -> Result<bool> {
        Ok(self.list(DEFAULT)?.is_some())
    }

    /// Makes this folder hand on what another one does: its default list, or none.
    ///
    /// # Errors
    /// `Io`.
    pub fn hand_on_as(&self, other: &Self) -> Result<()> {
        self.carry(other, DEFAULT)
    }

    /// Gives this folder all the lists of another one.
    ///
    /// # Errors
    /// `Io`.
    pub fn take_acl_of(&self, other: &Self) -> Result<()> {
        self.carry(other, DEFAULT)?;
        // A folder without a list of its own has its mode.
        if other.list(ACCESS)?.is_some() { self.carry(other, ACCESS) } else { Ok(()) }
    }

    fn carry(&self, other: &Self, name: &str) -> Result<()> {
        let wanted = other.list(name)?;
        if wanted == self.list(name)? {
            return Ok(());
        }
        let done = match &wanted {
            Some(list) => rustix::fs::fsetxattr(self, name, list, XattrFlags::empty()),
            None => rustix::fs::fremovexattr(self, name),
        };
        match done {
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) if wanted.is_none() => Ok(()),
            other => other.map_err(|errno| self.error("set the access control list of", "", errno)),
        }
    }

    fn list(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut list = Vec::with_capacity(512);
        loop {
            match rustix::fs::fgetxattr(self, name, rustix::buffer::spare_capacity(&mut list)) {
                Ok(_) => return Ok(Some(list)),
                Err(Errno::RANGE) if list.capacity() < LIMIT => list.reserve(list.capacity() * 2),
                Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => return Ok(None),
                Err(errno) => return Err(self.error("read the access control list of", "", errno)),
            }
        }
    }
}
