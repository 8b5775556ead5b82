//! So many requests to one host at a time, and no more.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::credentials::Origin;
use crate::error::Result;
use crate::roles::Context;

/// Counts the requests under way, by origin.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    shared: Arc<(Mutex<HashMap<Origin, usize>>, Condvar)>,
    most: usize,
}

/// The right to one request; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    origin: Origin,
}

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        Self { shared: Arc::default(), most: most.max(1) }
    }

    /// Waits until the host has room.
    pub(crate) fn take(&self, cx: &Context, origin: &Origin) -> Result<Slot> {
        let (counts, changed) = &*self.shared;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            cx.check()?;
            let count = counts.entry(origin.clone()).or_default();
            if *count < self.most {
                *count += 1;
                return Ok(Slot { slots: self.clone(), origin: origin.clone() });
            }
            counts = changed.wait_timeout(counts, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let (counts, changed) = &*self.slots.shared;
        if let Some(count) = counts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.origin) {
            *count = count.saturating_sub(1);
        }
        changed.notify_all();
    }
}
