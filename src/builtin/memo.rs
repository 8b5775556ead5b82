//! Answers that are worked out once a process, each by one thread while others wait for it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;

type Slot<V> = Arc<Mutex<Option<V>>>;

/// Key → answer. A failure is not kept: the next call tries again.
pub(crate) struct Memo<K, V>(Mutex<HashMap<K, Slot<V>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Memo<K, V> {
    /// The answer for `key`, made where it is not there yet.
    pub(crate) fn get(&self, key: &K, make: impl FnOnce() -> Result<V>) -> Result<V> {
        let slot = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default());
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*held {
            return Ok(known.clone());
        }
        let fresh = make()?;
        *held = Some(fresh.clone());
        Ok(fresh)
    }
}

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn an_answer_is_made_once_even_by_many_threads_and_a_failure_is_tried_again() {
        let memo: Memo<u8, usize> = Memo::default();
        let made = AtomicUsize::new(0);
        assert!(memo.get(&1, || Err(Error::new(ErrorKind::Network, "not now"))).is_err());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| memo.get(&1, || Ok(made.fetch_add(1, Ordering::SeqCst) + 1)).expect("it works now"));
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }
}
