//! Handles of one bare repository for many threads: libgit2's may be moved between threads but not shared.
//!
//! libgit2 hashes every object that it reads with a SHA-1 that also looks for collisions; that was half of the time of unpacking
//! a repository. It is told not to, and whoever reads an object here hashes it with the processor's own instructions
//! ([`super::objects::read`]). What is *fetched* is still hashed by libgit2's indexer, collisions and all.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use git2::Repository;

use crate::error::{Error, ErrorKind, Result};

/// The idle handles.
pub(super) struct Pool {
    directory: PathBuf,
    /// Handles opened before the last [`Pool::renew`] do not know the newest alternates and are dropped.
    epoch: AtomicU64,
    idle: Mutex<Vec<(u64, Repository)>>,
    /// Object folders that could not be written into the alternates file (a stock on a read-only disk).
    extra: Mutex<Vec<PathBuf>>,
}

/// A handle for the time being; goes back to the pool when dropped.
pub(super) struct Lease<'pool> {
    pool: &'pool Pool,
    epoch: u64,
    repository: Option<Repository>,
}

impl Pool {
    pub(super) fn new(directory: &Path) -> Self {
        git2::opts::strict_hash_verification(false);
        super::transport::limit_mapping();
        Self { directory: directory.to_owned(), epoch: AtomicU64::new(0), idle: Mutex::default(), extra: Mutex::default() }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes every handle given out from now on read the alternates again, and `extra` with them.
    pub(super) fn renew(&self, extra: Vec<PathBuf>) {
        *self.extra.lock().unwrap_or_else(PoisonError::into_inner) = extra;
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Drops every idle handle.
    pub(super) fn renew_as_it_is(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn lease(&self) -> Result<Lease<'_>> {
        let epoch = self.epoch.load(Ordering::SeqCst);
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|(opened, _)| *opened == epoch);
            idle.pop()
        };
        let repository = match idle {
            Some((_, repository)) => repository,
            None => self.open()?,
        };
        Ok(Lease { pool: self, epoch, repository: Some(repository) })
    }

    fn open(&self) -> Result<Repository> {
        let fault = |error| {
            Error::new(ErrorKind::Git, format!("could not open the object database `{}`", self.directory.display()))
                .by_damage(true)
                .caused_by(PlainError::from(error))
        };
        // `open_bare` looks at nothing but this folder: no environment, no discovery, no ownership rule (a stock may be a group's).
        let repository = Repository::open_bare(&self.directory).map_err(fault)?;
        let extra = self.extra.lock().unwrap_or_else(PoisonError::into_inner);
        if !extra.is_empty() {
            let odb = repository.odb().map_err(fault)?;
            for path in extra.iter() {
                odb.add_disk_alternate(&path.to_string_lossy()).map_err(fault)?;
            }
        }
        Ok(repository)
    }
}

impl Deref for Lease<'_> {
    type Target = Repository;
    fn deref(&self) -> &Repository {
        // Taken only by `drop`.
        self.repository.as_ref().unwrap_or_else(|| unreachable!("a lease holds its handle until it is dropped"))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(repository) = self.repository.take()
            && self.epoch == self.pool.epoch.load(Ordering::SeqCst)
        {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push((self.epoch, repository));
        }
    }
}

impl std::fmt::Debug for Lease<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("directory", &self.pool.directory).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// libgit2's message without its class and code numbers, which say nothing to people.
#[derive(Debug)]
pub(super) struct PlainError(String);

impl From<git2::Error> for PlainError {
    fn from(error: git2::Error) -> Self {
        Self(error.message().to_owned())
    }
}

impl std::fmt::Display for PlainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlainError {}
