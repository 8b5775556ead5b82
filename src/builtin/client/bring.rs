//! What a resolution is made of, brought into the stock without a site that it is for: extensions.

use std::collections::HashMap;

use super::Standard;
use super::resolved::{Resolved, stock_key};
use super::shop::Deals;
use crate::error::Result;
use crate::model::{Digest, ElementId, Lock, ObjectId, Version};
use crate::roles::{Context, PlanRequest};

/// An element that is in the stock now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Which.
    pub id: ElementId,
    /// Its version.
    pub version: Version,
    /// Its tree.
    pub tree: ObjectId,
    /// Where it came from: a repository's name, an address, a path.
    pub from: String,
}

impl Standard {
    /// Resolves what the request wants, fetches what the stock lacks of it, and gives the lock and the trees. No site is looked at.
    ///
    /// # Errors
    /// As planning and fetching.
    pub fn bring(&self, cx: &Context, request: &PlanRequest) -> Result<(Lock, Vec<Brought>)> {
        let mut resolution = self.resolve(cx, request)?;
        let all: Vec<Resolved> = resolution.sites.iter().flat_map(|(_, elements)| elements.clone()).collect();
        let (_, mut available) = self.look(cx, &all)?;
        if available.iter().any(|one| one.tree.is_none()) {
            self.fetch(cx, &mut available, &HashMap::new(), &Deals::new())?;
            self.parts.stockroom.objects().refresh()?;
        }
        let mut brought = Vec::with_capacity(available.len());
        for one in &available {
            if let Some(locked) = resolution.lock.elements.get_mut(&one.resolved.key()) {
                locked.sha256 = locked.sha256.or(one.resolved.locked.sha256);
                if locked.sha256.is_none() {
                    locked.sha256 = self.digest_in_stock(cx, &one.resolved)?;
                }
                locked.tree = locked.tree.or(one.tree.filter(|_| !locked.is_live()));
            }
            let Some(tree) = one.tree else { continue };
            let locked = &one.resolved.locked;
            let from = locked.repository.as_ref().map(|name| format!("the repository {name}"));
            let from = from.or_else(|| locked.git.as_deref().or(locked.url.as_deref()).map(crate::sys::redact)).or_else(|| locked.path.clone());
            brought.push(Brought { id: one.resolved.id.clone(), version: one.resolved.pin.version.clone(), tree, from: from.unwrap_or_default() });
        }
        Ok((resolution.lock, brought))
    }

    /// The digest of an archive that was in stock: the lock says the same of it as if it had been fetched now.
    fn digest_in_stock(&self, cx: &Context, one: &Resolved) -> Result<Option<Digest>> {
        if one.locked.url.is_none() || one.locked.git.is_some() {
            return Ok(None);
        }
        let Some(key) = stock_key(&one.id, &one.pin.version, &one.locked, &self.parts.base) else { return Ok(None) };
        Ok(self.parts.stock.open(cx, &key)?.and_then(|stored| stored.key.digest.parse().ok()))
    }
}
