//! The file system: atomic writes, locks, directory handles, links.
