//! Budgets: how much work, depth, size and time a call of a script has, and the guard that ends it.
//!
//! [`Limits`] is the one place where the numbers stand. Rhai checks depth and sizes itself; [`Guard`] is asked by the engine between
//! operations, on the thread that runs the script, and looks at the clock, the memory and the user's ^C. Host functions are no
//! operations: they end in time because the context they are given ends in time ([`super::call::Call::wait`]).

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rhai::{Dynamic, Engine};
use serde_json::{Map, Value};

use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Cancel;
use crate::sys::memory;

/// The budgets of one call.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Steps of evaluation.
    pub operations: u64,
    /// Functions within functions.
    pub levels: usize,
    /// Bytes of one text.
    pub text: usize,
    /// Items of one list or map, nested ones counted.
    pub items: usize,
    /// Seconds of the script's own work.
    pub seconds: u64,
    /// Seconds spent in host functions: network, programs. Questions to people and inner roles are not counted.
    pub waiting: u64,
    /// Bytes of memory beyond what was in use when the call began.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { operations: 10_000_000, levels: 48, text: 4 << 20, items: 20_000, seconds: 10, waiting: 60, memory: 512 << 20 }
    }
}

/// Deeper than this the stack of the crew's threads would not be enough.
const DEEPEST: usize = 64;
/// An extension's own file may ask for so many times the usual; a manifest may allow more.
const ASKED: u64 = 10;
const KEYS: [&str; 7] = ["operations", "levels", "text", "items", "seconds", "waiting", "memory"];

impl Limits {
    /// These limits with the numbers of a `limits` table over them. `trusted`: it is the manifest's; an extension's own table cannot
    /// raise anything beyond ten times the usual, and memory not at all.
    ///
    /// # Errors
    /// `Manifest` for a key that is none, or a value that is no positive number.
    pub fn with(mut self, table: &Map<String, Value>, trusted: bool) -> Result<Self> {
        let usual = Self::default();
        for (key, value) in table {
            let Some(number) = value.as_u64().filter(|number| *number > 0) else {
                return Err(Error::new(ErrorKind::Manifest, format!("the limit `{}` is `{value}`, not a number above 0", key.escape_debug())));
            };
            let most = |usual: u64| if trusted { u64::MAX } else { usual.saturating_mul(ASKED) };
            match key.as_str() {
                "operations" => self.operations = number.min(most(usual.operations)),
                "levels" => self.levels = (number as usize).min(DEEPEST),
                "text" => self.text = number.min(most(usual.text as u64)) as usize,
                "items" => self.items = number.min(most(usual.items as u64)) as usize,
                "seconds" => self.seconds = number.min(most(usual.seconds)),
                "waiting" => self.waiting = number.min(most(usual.waiting).max(3600)),
                // The stack of the crew's threads is made for the usual: see [`super::crew`].
                "memory" => self.memory = number.min(if trusted { u64::MAX } else { usual.memory }),
                _ => {
                    let error = Error::new(ErrorKind::Manifest, format!("there is no limit `{}`", key.escape_debug()));
                    return Err(match nearest(key, KEYS) {
                        Some(near) => error.hint(format!("did you mean `{near}`?")),
                        None => error.hint(format!("there are {}", KEYS.map(|key| format!("`{key}`")).join(", "))),
                    });
                }
            }
        }
        Ok(self)
    }

    /// The limits with so many seconds of waiting where nobody said how many: for methods that download or run programs.
    #[must_use]
    pub fn patient(mut self, waiting: u64) -> Self {
        if self.waiting == Self::default().waiting {
            self.waiting = waiting;
        }
        self
    }
}

/// Gives an engine its limits, and takes away what scripts must not have.
pub(super) fn harden(engine: &mut Engine, limits: &Limits) {
    engine.set_max_operations(limits.operations);
    engine.set_max_call_levels(limits.levels);
    engine.set_max_expr_depths(64, 32);
    engine.set_max_string_size(limits.text);
    engine.set_max_array_size(limits.items);
    engine.set_max_map_size(limits.items);
    engine.set_max_variables(256);
    engine.set_max_functions(256);
    engine.set_max_modules(32);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_allow_shadowing(true);
    engine.disable_symbol("eval");
    engine.on_progress(|operations| if operations % OFTEN == 0 { Guard::count(operations) } else { None });
}

/// Operations between two looks: a single one can copy a text of the largest size.
const OFTEN: u64 = 16;

/// What a call's time is spent on.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    own: Duration,
    waiting: Duration,
    waited: AtomicU64,
    aside: AtomicU64,
    /// Steps at the last look.
    operations: AtomicU64,
}

impl Clock {
    pub(super) fn start(limits: &Limits) -> Self {
        Self {
            started: Instant::now(),
            own: Duration::from_secs(limits.seconds),
            waiting: Duration::from_secs(limits.waiting),
            waited: AtomicU64::new(0),
            aside: AtomicU64::new(0),
            operations: AtomicU64::new(0),
        }
    }

    fn micros(of: &AtomicU64) -> Duration {
        Duration::from_micros(of.load(Ordering::Relaxed))
    }

    /// The budget that was used up by now, were it that nobody told of it.
    pub(super) fn used_up(&self, limits: &Limits) -> Option<&'static str> {
        let steps = self.operations.load(Ordering::Relaxed);
        if steps.saturating_add(OFTEN) >= limits.operations { Some("operations") } else { self.is_over().then_some("seconds") }
    }

    /// Whether the script's own work took longer than it may.
    fn is_over(&self) -> bool {
        self.started.elapsed() > self.own + Self::micros(&self.waited) + Self::micros(&self.aside)
    }

    /// When a host function that begins now must have ended.
    pub(super) fn end_of_waiting(&self) -> Instant {
        Instant::now() + self.waiting.saturating_sub(Self::micros(&self.waited))
    }

    /// Whether all waiting is used up.
    pub(super) fn has_waited_enough(&self) -> bool {
        Self::micros(&self.waited) >= self.waiting
    }

    pub(super) fn wait<T>(&self, work: impl FnOnce() -> T) -> T {
        Self::count(&self.waited, work)
    }

    /// Time that is nobody's: a person thinks, an inner role works on its own budget.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        Self::count(&self.aside, work)
    }

    fn count<T>(to: &AtomicU64, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = work();
        to.fetch_add(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        result
    }
}

/// What the engine asks between operations. Belongs to the thread that runs the script.
pub(super) struct Guard {
    clock: Arc<Clock>,
    cancel: Cancel,
    /// What was in use at the first look; short calls never look.
    memory: Option<u64>,
    most_memory: u64,
    next_look: Instant,
}

thread_local! {
    static GUARD: RefCell<Option<Guard>> = const { RefCell::new(None) };
}

/// Between two looks at the memory.
const MEMORY: Duration = Duration::from_millis(10);

impl Guard {
    pub(super) fn new(clock: Arc<Clock>, cancel: Cancel, limits: &Limits) -> Self {
        Self { clock, cancel, memory: None, most_memory: limits.memory, next_look: Instant::now() + MEMORY }
    }

    /// Guards what `work` runs on this thread; the guard of a call further out comes back afterwards.
    pub(super) fn over<T>(self, work: impl FnOnce() -> T) -> T {
        struct Restore(Option<Guard>);
        impl Drop for Restore {
            fn drop(&mut self) {
                GUARD.set(self.0.take());
            }
        }
        let _restore = Restore(GUARD.replace(Some(self)));
        work()
    }

    /// As [`Self::look`], with the steps so far kept.
    fn count(operations: u64) -> Option<Dynamic> {
        GUARD.with_borrow(|guard| {
            if let Some(guard) = guard {
                guard.clock.operations.store(operations, Ordering::Relaxed);
            }
        });
        Self::look()
    }

    /// The name of the budget that is used up.
    pub(super) fn look() -> Option<Dynamic> {
        GUARD.with_borrow_mut(|guard| {
            let guard = guard.as_mut()?;
            if guard.cancel.is_set() {
                return Some(INTERRUPTED.into());
            }
            if guard.clock.is_over() {
                return Some("seconds".into());
            }
            if guard.clock.has_waited_enough() {
                return Some("waiting".into());
            }
            let now = Instant::now();
            if now >= guard.next_look {
                guard.next_look = now + MEMORY;
                let used = memory::in_use()?;
                if used.saturating_sub(*guard.memory.get_or_insert(used)) > guard.most_memory {
                    return Some("memory".into());
                }
            }
            None
        })
    }
}

/// The token of a script that ^C stopped.
pub(super) const INTERRUPTED: &str = "interrupted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_raises_its_own_limits_so_far_and_a_manifest_all() {
        let table = serde_json::json!({ "operations": u64::MAX, "levels": 1000, "seconds": 1_000_000, "memory": 8_u64 << 30 });
        let table = table.as_object().expect("a table");
        let usual = Limits::default();
        let own = usual.clone().with(table, false).expect("read");
        assert_eq!((own.operations, own.seconds, own.memory, own.levels), (usual.operations * ASKED, usual.seconds * ASKED, usual.memory, DEEPEST));
        let trusted = usual.with(table, true).expect("read");
        assert_eq!((trusted.operations, trusted.seconds, trusted.memory, trusted.levels), (u64::MAX, 1_000_000, 8 << 30, DEEPEST));
    }
}
