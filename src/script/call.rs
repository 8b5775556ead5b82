//! One call of a script's function: what host functions find of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::failure;
use super::grants::Allowed;
use super::instance::Facts;
use super::limits::{Clock, Guard};
use super::watch::Watch;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::wire::Inner;
use crate::roles::{Context, Level};

/// Letters of one call that are shown, and of one line.
const SAID: usize = 60_000;
const LINE: usize = 2_000;

/// What a call carries. Reaches host functions as the call's tag.
#[derive(Debug, Clone)]
pub struct Call(Arc<Parts>);

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) cx: Context,
    pub(super) clock: Arc<Clock>,
    pub(super) allowed: Allowed,
    pub(super) facts: Arc<Facts>,
    pub(super) inner: Option<Inner>,
    pub(super) roles: Arc<BTreeMap<String, Inner>>,
    /// Letters that were logged, and questions that were asked.
    pub(super) said: AtomicUsize,
    pub(super) questions: AtomicUsize,
    /// Paths and git addresses that the request or another role named: answers may name them too.
    pub(super) told: Mutex<BTreeSet<String>>,
    /// Who looks on.
    pub(super) watch: Option<Arc<Watch>>,
}

thread_local! {
    /// The calls under way on this thread, each within the one before: for what has no tag (`print`, top levels of modules).
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
}

impl Call {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The call that a host function serves.
    #[must_use]
    pub fn of(context: &NativeCallContext<'_>) -> Option<Self> {
        context.tag().and_then(|tag| tag.clone().try_cast::<Self>()).or_else(Self::current)
    }

    fn current() -> Option<Self> {
        CALLS.with_borrow(|calls| calls.last().cloned())
    }

    /// Whether the request or another role named this path or git address.
    pub(super) fn was_told(&self, text: &str) -> bool {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner).contains(text)
    }

    /// Keeps what a request or another role named.
    pub(super) fn keep_told(&self, value: &serde_json::Value) {
        let mut found = Vec::new();
        super::answers::named(value, &mut found);
        if !found.is_empty() {
            self.0.told.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        }
    }

    /// Has the call stand for what runs on this thread meanwhile.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                CALLS.with_borrow_mut(Vec::pop);
            }
        }
        CALLS.with_borrow_mut(|calls| calls.push(self.clone()));
        let _leave = Leave;
        work()
    }

    /// Logs for the call under way on this thread.
    pub(super) fn tell(level: Level, text: &str) {
        if let Some(call) = Self::current() {
            call.log(level, text);
        }
    }

    /// Logs a line of the script's, under its name: as much as people read.
    pub fn log(&self, level: Level, text: &str) {
        let name = &self.0.allowed.name;
        let cut = text.char_indices().nth(LINE).map(|(at, _)| at);
        let line = &text[..cut.unwrap_or(text.len())];
        let before = self.0.said.fetch_add(line.len() + 1, Ordering::Relaxed);
        if before + line.len() < SAID {
            self.0.cx.log(level, format!("{name}: {line}{}", if cut.is_some() { " …" } else { "" }));
        } else if before < SAID {
            self.0.said.fetch_max(SAID, Ordering::Relaxed);
            self.0.cx.log(Level::Warning, format!("{name}: it says more than {SAID} letters in one call; the rest is not shown"));
        }
    }

    /// Counts a question to the user.
    ///
    /// # Errors
    /// `Refused` where it is one too many.
    pub(super) fn count_question(&self, most: usize) -> Result<()> {
        if self.0.questions.fetch_add(1, Ordering::Relaxed) < most {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Refused, format!("the extension `{}` asks more than {most} questions in one call", self.0.allowed.name)))
    }

    /// What the script may do: host functions ask it at every use.
    #[must_use]
    pub fn allowed(&self) -> &Allowed {
        &self.0.allowed
    }

    /// Who looks on, where somebody does.
    #[must_use]
    pub(super) fn watch(&self) -> Option<&Watch> {
        self.0.watch.as_deref()
    }

    /// The extension's options and place.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// The folder that relative paths are seen from: the manifest's.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.0.allowed.base
    }

    /// The site of the call, where it is about one.
    #[must_use]
    pub fn site(&self) -> Option<&PathBuf> {
        self.0.allowed.site.as_ref()
    }

    /// The surroundings for work that a host function does: they end when the call's waiting is used up.
    #[must_use]
    pub fn cx(&self) -> Context {
        self.0.cx.with_deadline(self.0.clock.end_of_waiting())
    }

    /// Does something that can take long: its time counts as waiting, and `work` is given surroundings that end with it.
    ///
    /// # Errors
    /// As `work`.
    pub fn wait<T>(&self, work: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
        let cx = self.cx();
        self.0.clock.wait(|| work(&cx)).map_err(|error| self.waited(error))
    }

    /// Does something whose time is nobody's: a person is asked, an inner role works.
    ///
    /// # Errors
    /// As `work`.
    pub fn aside<T>(&self, work: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
        self.0.clock.aside(|| work(&self.0.cx))
    }

    /// For host functions that compute: fails when a budget of the call is used up. Asked now and then within long work.
    ///
    /// # Errors
    /// `Extension` naming the budget, `Interrupted`.
    pub fn check(&self) -> Result<()> {
        self.0.cx.check()?;
        match Guard::look() {
            Some(token) => Err(failure::budget(&self.0.allowed.name, &token.to_string())),
            None => Ok(()),
        }
    }

    /// A host function that ended because the waiting was over says so.
    fn waited(&self, error: crate::error::Error) -> crate::error::Error {
        let over = self.0.clock.has_waited_enough() && self.0.cx.check().is_ok();
        if over { failure::budget(&self.0.allowed.name, "waiting").caused_by(error) } else { error }
    }

    /// Another role, for a client: `stock`, `downloader`, `installer`, `repository:NAME`.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Inner> {
        self.0.roles.get(name)
    }

    /// The inner role, for `over = "builtin:…"`.
    #[must_use]
    pub fn inner(&self) -> Option<&Inner> {
        self.0.inner.as_ref()
    }
}

/// The result of a host function for the engine: an error becomes something that a script can catch, and that comes back whole where
/// it does not.
pub(super) fn give<T>(result: Result<T>) -> Result<T, Box<EvalAltResult>> {
    result.map_err(failure::thrown)
}

/// For what is called outside of any call.
#[allow(clippy::unnecessary_box_returns, reason = "Rhai's errors are boxed")]
pub(super) fn nobody() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from("this is called by nobody"), rhai::Position::NONE))
}
