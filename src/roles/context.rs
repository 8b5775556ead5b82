//! What every call carries beside its request: where progress goes, whether to stop, who answers questions, who knows secrets.
//! It is not serialised: a script sees it as host functions, a library as the host table.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, ObjectId};
use crate::sys::{Network, hide_secrets};

/// The surroundings of a call. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    events: Arc<dyn Events>,
    cancel: Cancel,
    deadline: Option<Instant>,
    prompter: Arc<dyn Prompter>,
    secrets: Arc<dyn Secrets>,
    trees: Arc<dyn Trees>,
    network: Option<Network>,
    reach: Option<Reach>,
    offline: bool,
    refresh: bool,
}

/// Says whether a url may be asked where a redirect leads to it.
pub type Reach = Arc<dyn Fn(&str) -> Result<()> + Send + Sync>;

impl Context {
    /// A context that shows nothing, answers nothing and never ends: for tests and tools.
    #[must_use]
    pub fn silent() -> Self {
        ContextBuilder::default().build()
    }

    /// Fails when the user asked to stop or the deadline has passed. Call it between steps that may be left off.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`], or [`ErrorKind::Undecided`] past the deadline.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_set() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Error::new(ErrorKind::Undecided, "the time allowed for this has passed")),
            _ => Ok(()),
        }
    }

    /// Tells the reader something; see [`Event`].
    pub fn emit(&self, event: Event) {
        self.events.emit(event);
    }

    /// Logs a line; secrets that were handed out are not shown in it.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.events.emit(Event::Log { level, text: hide_secrets(&text.into()) });
    }

    /// The flag that ^C sets.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }
    /// When the call must have ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
    /// Who answers questions.
    #[must_use]
    pub fn prompter(&self) -> &dyn Prompter {
        &*self.prompter
    }
    /// Who knows secrets.
    #[must_use]
    pub fn secrets(&self) -> &dyn Secrets {
        &*self.secrets
    }
    /// The git trees that the stock holds.
    #[must_use]
    pub fn trees(&self) -> &dyn Trees {
        &*self.trees
    }
    /// The network, for what is told at each call what to ask: scripts.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }
    /// Whether a redirect may lead to this url: anywhere, unless somebody holds the call to some hosts.
    ///
    /// # Errors
    /// Whatever the holder says.
    pub fn may_reach(&self, url: &str) -> Result<()> {
        self.reach.as_ref().map_or(Ok(()), |reach| reach(url))
    }
    /// Whether redirects are looked at: see [`Self::may_reach`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.reach.is_some()
    }
    /// The same surroundings whose redirects are held to what this allows.
    #[must_use]
    pub fn with_reach(&self, reach: Reach) -> Self {
        Self { reach: Some(reach), ..self.clone() }
    }
    /// Whether the network is forbidden.
    #[must_use]
    pub fn offline(&self) -> bool {
        self.offline
    }
    /// Whether kept answers of servers must be asked for again.
    #[must_use]
    pub fn refresh(&self) -> bool {
        self.refresh
    }
    /// The same surroundings with an earlier end.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self { deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))), ..self.clone() }
    }
    /// The same surroundings whose events go elsewhere.
    #[must_use]
    pub fn with_events(&self, events: Arc<dyn Events>) -> Self {
        Self { events, ..self.clone() }
    }
    /// The same surroundings without the network.
    #[must_use]
    pub fn without_network(&self) -> Self {
        Self { offline: true, ..self.clone() }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("offline", &self.offline).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Puts a [`Context`] together; every part has a silent default.
#[derive(Clone)]
pub struct ContextBuilder(Context);

impl Default for ContextBuilder {
    fn default() -> Self {
        Self(Context {
            events: Arc::new(Silence),
            cancel: Cancel::default(),
            deadline: None,
            prompter: Arc::new(Silence),
            secrets: Arc::new(Silence),
            trees: Arc::new(Silence),
            network: None,
            reach: None,
            offline: false,
            refresh: false,
        })
    }
}

impl ContextBuilder {
    /// Where progress and log lines go.
    #[must_use]
    pub fn events(mut self, events: Arc<dyn Events>) -> Self {
        self.0.events = events;
        self
    }
    /// The flag that stops everything.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.0.cancel = cancel;
        self
    }
    /// Who answers questions.
    #[must_use]
    pub fn prompter(mut self, prompter: Arc<dyn Prompter>) -> Self {
        self.0.prompter = prompter;
        self
    }
    /// Who knows secrets.
    #[must_use]
    pub fn secrets(mut self, secrets: Arc<dyn Secrets>) -> Self {
        self.0.secrets = secrets;
        self
    }
    /// Where git trees are read.
    #[must_use]
    pub fn trees(mut self, trees: Arc<dyn Trees>) -> Self {
        self.0.trees = trees;
        self
    }
    /// What scripts reach the network by.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.0.network = Some(network);
        self
    }
    /// Forbids the network.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.0.offline = offline;
        self
    }
    /// Asks servers again for what is kept.
    #[must_use]
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.0.refresh = refresh;
        self
    }
    /// The finished context.
    #[must_use]
    pub fn build(self) -> Context {
        self.0
    }
}

/// A flag that is set once and asks everybody to stop at the next safe point.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks everybody to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    /// Whether somebody asked.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Something worth telling while work goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A piece of work began. `task` is unique among those under way (for instance `fetch plugins/x`).
    Started {
        /// The piece of work.
        task: String,
        /// Its length, where known.
        total: Option<u64>,
        /// What `total` counts.
        unit: Unit,
    },
    /// It moved on to `done`; `total` may have become known.
    Advanced {
        /// The piece of work.
        task: String,
        /// How far.
        done: u64,
        /// Its length, where known.
        total: Option<u64>,
    },
    /// It ended.
    Finished {
        /// The piece of work.
        task: String,
    },
    /// A line for people.
    Log {
        /// How much it matters.
        level: Level,
        /// The line.
        text: String,
    },
}

/// What a progress counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files, objects, elements.
    Items,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something the user should act on; always shown but with `-q`.
    Warning,
    /// What was done; shown by default.
    Info,
    /// How it was done; shown with `-v`.
    Detail,
    /// Everything; shown with `-vv`.
    Debug,
}

/// Receives events. Called from several threads.
pub trait Events: Send + Sync {
    /// Takes one event; must not block for long.
    fn emit(&self, event: Event);
}

/// Something to ask a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// One line, ending in a question mark or colon.
    pub text: String,
    /// What can be answered; empty: free text.
    pub choices: Vec<String>,
    /// The answer that Return gives.
    pub default: Option<String>,
    /// Whether the answer must not be shown.
    pub secret: bool,
    /// The option that answers it without a terminal, named when nobody can be asked.
    pub flag: String,
}

/// Asks people.
pub trait Prompter: Send + Sync {
    /// Whether somebody is there to be asked.
    fn is_present(&self) -> bool;
    /// Asks.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when nobody is there (the hint names the flag), [`ErrorKind::Interrupted`] on ^C.
    fn ask(&self, question: &Question) -> Result<String>;
}

/// Knows secrets by name.
pub trait Secrets: Send + Sync {
    /// The secret's value; `None` when no such name is configured.
    ///
    /// # Errors
    /// When its source (environment, file, command) failed; the message names the source, never the value.
    fn get(&self, name: &str) -> Result<Option<String>>;
}

/// Reads git trees of the stock.
pub trait Trees: Send + Sync {
    /// The content of the file at `path` below `tree`; `None` when there is no such file.
    ///
    /// # Errors
    /// When the tree is not in the stock or is damaged.
    fn read(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<u8>>>;
    /// What lies directly in the folder `path` below `tree` (`""`: the tree itself); `None` when there is no such folder.
    ///
    /// # Errors
    /// When the tree is not in the stock or is damaged.
    fn list(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<TreeItem>>>;
}

/// One name in a folder of a git tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeItem {
    /// The bare name.
    pub name: String,
    /// A folder's tree id, or a file.
    pub what: TreeItemKind,
}

/// What a name in a git tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeItemKind {
    /// A folder.
    Folder(ObjectId),
    /// A file or a symbolic link.
    File(Entry),
    /// A gitlink: a commit of another repository.
    Gitlink(ObjectId),
}

/// The default of every part: says nothing, knows nothing, is not there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silence;

impl Events for Silence {
    fn emit(&self, _: Event) {}
}
impl Prompter for Silence {
    fn is_present(&self) -> bool {
        false
    }
    fn ask(&self, question: &Question) -> Result<String> {
        Err(Error::new(ErrorKind::Refused, format!("nobody is there to answer: {}", question.text)).hint(format!("answer it with `{}`", question.flag)))
    }
}
impl Secrets for Silence {
    fn get(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }
}
impl Trees for Silence {
    fn read(&self, tree: ObjectId, _: &str) -> Result<Option<Vec<u8>>> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no stock to read tree {} from", tree.short())))
    }
    fn list(&self, tree: ObjectId, _: &str) -> Result<Option<Vec<TreeItem>>> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no stock to read tree {} from", tree.short())))
    }
}
