//! A library's instance as the far side of a wire. Calls run on threads of the instance's own, so that one that never comes
//! back can be left behind.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, unbounded};
use serde_json::{Value, json};

use super::about::About;
use super::callbacks::{Callbacks, Roles};
use super::pin::{Pinned, placed};
use super::raw::{Answer, Frame, Instance};
use super::shelf;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::roles::Context;
use crate::roles::wire::{Answerer, Fault, Role};

/// Stack of a thread that runs a library's code: what a program's first thread usually has.
const STACK: usize = 8 << 20;
/// How many calls of a thread-safe instance run at a time.
const MOST: usize = 16;
/// How often a waiting caller looks whether the user asked to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How long a thread looks for the next thing before it sleeps.
const AWAKE: Duration = Duration::from_micros(40);
/// How long a call may go on after the user asked to stop.
const GRACE: Duration = Duration::from_secs(2);

/// A library at work for one role.
pub struct Native {
    title: String,
    about: About,
    pinned: Pinned,
    roles: Arc<Roles>,
    crew: Crew,
}

impl std::fmt::Debug for Native {
    /// What distinguishes it from others, and nothing that changes: kept answers are filed under it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native")
            .field("sha256", &self.pinned.sha256)
            .field("role", &self.about.role)
            .field("options", &self.pinned.options)
            .finish_non_exhaustive()
    }
}

impl Native {
    /// Opens the library that a `use = "native:…"` names, for a role. `over`: whether something else serves what it leaves out;
    /// `roles`: what it may call.
    ///
    /// # Errors
    /// As [`Pinned::read`]; `Digest` for other bytes than the pinned ones; `Extension` for a library that does not behave.
    pub fn open(spec: &UseSpec, role: Role, over: bool, roles: Roles) -> Result<Self> {
        let pinned = Pinned::read(spec)?;
        let library = shelf::library(spec, &pinned)?;
        let title = format!("the native library `{}`", pinned.path.display());
        let (cx, roles) = (Context::silent(), Arc::new(roles));
        let config = json!({
            "api": 1,
            "greffon": env!("CARGO_PKG_VERSION"),
            "role": role,
            "name": spec.name,
            "base": spec.base.to_string_lossy(),
            "options": pinned.options,
        })
        .to_string();
        let crew = Crew::default();
        let frame = || Frame::new(Callbacks::new(cx.clone(), title.clone(), Arc::clone(&roles)));
        let (opening, limit) = (frame(), pinned.answer);
        let opened = crew.run(&cx, pinned.time, &title, "open", move || library.instance(config.as_bytes(), opening, limit))?;
        let mut instance = match opened {
            Ok(instance) => instance,
            Err(answer) => return Err(placed(spec, refusal(&title, "open", answer))),
        };
        let (asking, limit) = (frame(), pinned.answer);
        let (answer, back) = crew.run(&cx, pinned.time, &title, "describe", move || (instance.call("describe", b"{}", asking, limit), instance))?;
        instance = back;
        let about = read(&title, "describe", answer).and_then(|answer| About::read(answer, role, over).map_err(|error| named(&title, error)));
        let about = about.map_err(|error| placed(spec, error))?;
        if about.threadsafe {
            instance.threadsafe();
        }
        crew.take_on(instance, if about.threadsafe { MOST } else { 1 });
        Ok(Self { title, about, pinned, roles, crew })
    }

    /// What it says of itself.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What the manifest states of it.
    #[must_use]
    pub fn pinned(&self) -> &Pinned {
        &self.pinned
    }
}

impl Answerer for Native {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn has(&self, method: &str) -> bool {
        self.about.methods.iter().any(|has| has == method)
    }

    fn call(&self, cx: &Context, method: &'static str, request: Value) -> Result<Value> {
        cx.check()?;
        let request = serde_json::to_vec(&request).map_err(|fault| Error::new(ErrorKind::Internal, "a request cannot be written as JSON").caused_by(fault))?;
        let frame = Frame::new(Callbacks::new(cx.clone(), self.title.clone(), Arc::clone(&self.roles)));
        let answer = self.crew.call(cx, self.pinned.time, &self.title, Job { method, request, frame, limit: self.pinned.answer })?;
        read(&self.title, method, answer)
    }
}

/// A good answer's JSON, or the error that a bad one is.
fn read(title: &str, method: &str, answer: Answer) -> Result<Value> {
    match answer {
        Answer::Good(bytes) => serde_json::from_slice(&bytes)
            .map_err(|fault| Error::new(ErrorKind::Extension, format!("`{method}` of {title} answered what is not JSON in UTF-8: {fault}"))),
        other => Err(refusal(title, method, other)),
    }
}

fn refusal(title: &str, method: &str, answer: Answer) -> Error {
    match answer {
        Answer::Failed(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) => named(title, Fault::read(value).into_error()),
            Err(fault) => Error::new(ErrorKind::Extension, format!("`{method}` of {title} failed, and how it says so is not JSON in UTF-8: {fault}")),
        },
        Answer::Panicked(bytes) => {
            let words: String = String::from_utf8_lossy(&bytes).chars().take(500).collect();
            Error::new(ErrorKind::Extension, format!("`{method}` of {title} panicked: {}", words.escape_debug()))
                .hint("that is a fault of the library: tell its author")
        }
        Answer::Wrong(why) => Error::new(ErrorKind::Extension, format!("`{method}` of {title} broke the rules of the table: {why}"))
            .hint("that is a fault of the library: tell its author"),
        Answer::Good(_) => Error::new(ErrorKind::Internal, format!("`{method}` of {title} went well, and was taken for a failure")),
    }
}

/// A failure in a library's own words, with its name.
fn named(title: &str, error: Error) -> Error {
    error.note(format!("said by {title}"))
}

/// One call.
struct Job {
    method: &'static str,
    request: Vec<u8>,
    frame: Frame,
    limit: usize,
}

/// A call on its way to a hand.
struct Posted {
    job: Job,
    /// Set when a hand takes it: from then on its time runs.
    begun: Arc<AtomicBool>,
    reply: Sender<Answer>,
}

/// The threads that run an instance's code.
#[derive(Debug, Default)]
struct Crew {
    post: Mutex<Option<Post>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many threads there are.
    hands: AtomicUsize,
    /// How many calls are posted or under way.
    calls: AtomicUsize,
    /// Set when a call was left behind: nothing more is asked of it.
    lost: AtomicBool,
}

#[derive(Debug, Clone)]
struct Post {
    jobs: Sender<Posted>,
    taken: Receiver<Posted>,
    instance: Arc<Instance>,
    most: usize,
    closed: Receiver<()>,
    closing: Sender<()>,
}

impl Crew {
    /// Gives the crew its instance.
    fn take_on(&self, instance: Instance, most: usize) {
        let (jobs, taken) = unbounded();
        let (closing, closed) = bounded(MOST);
        let post = Post { jobs, taken, instance: Arc::new(instance), most, closed, closing };
        *self.post.lock().unwrap_or_else(PoisonError::into_inner) = Some(post);
    }

    /// Runs something once, before there is an instance.
    fn run<T: Send + 'static>(&self, cx: &Context, time: Duration, title: &str, method: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (reply, replies) = bounded(1);
        spawn(move || drop(reply.send(work())))?;
        self.wait(cx, time, title, method, &replies, &AtomicBool::new(true))
    }

    fn call(&self, cx: &Context, time: Duration, title: &str, job: Job) -> Result<Answer> {
        let shared = &self.shared;
        let post = self.post.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(post) = post else { return Err(Error::new(ErrorKind::Internal, format!("{title} has no instance"))) };
        if shared.lost.load(Ordering::SeqCst) {
            return Err(lost(title));
        }
        let before = shared.calls.fetch_add(1, Ordering::SeqCst);
        // Everybody is at work: one hand more, where that is allowed.
        let more = |hands: usize| (hands < post.most && hands <= before).then_some(hands + 1);
        if shared.hands.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok() {
            let (taken, instance, closing, shared) = (post.taken.clone(), Arc::clone(&post.instance), post.closing.clone(), Arc::clone(shared));
            if let Err(error) = spawn(move || work(&taken, instance, &shared, &closing)) {
                self.shared.hands.fetch_sub(1, Ordering::SeqCst);
                self.shared.calls.fetch_sub(1, Ordering::SeqCst);
                return Err(error);
            }
        }
        let (method, (reply, replies), begun) = (job.method, bounded(1), Arc::new(AtomicBool::new(false)));
        // Never full, and never without a receiver: the post has one.
        let _ = post.jobs.send(Posted { job, begun: Arc::clone(&begun), reply });
        drop(post);
        self.wait(cx, time, title, method, &replies, &begun)
    }

    /// Waits for an answer as long as is allowed, counted from when a hand took the call.
    fn wait<T>(&self, cx: &Context, time: Duration, title: &str, method: &str, replies: &Receiver<T>, begun: &AtomicBool) -> Result<T> {
        if let Some(answer) = soon(replies) {
            return Ok(answer);
        }
        let mut since = Instant::now();
        let mut asked_to_stop: Option<Instant> = None;
        loop {
            match replies.recv_timeout(LOOK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Disconnected) if self.shared.lost.load(Ordering::SeqCst) => return Err(lost(title)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(ErrorKind::Extension, format!("`{method}` of {title} ended its thread instead of answering")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if !begun.load(Ordering::SeqCst) {
                // Another call is under way: this one has no share in how it ends.
                if self.shared.lost.load(Ordering::SeqCst) {
                    return Err(lost(title));
                }
                cx.check()?;
                since = now;
                continue;
            }
            if now.duration_since(since) >= time || cx.deadline().is_some_and(|deadline| now >= deadline) {
                self.shared.lost.store(true, Ordering::SeqCst);
                cx.check()?;
                return Err(overdue(title, method, time));
            }
            if cx.cancel().is_set() && now.duration_since(*asked_to_stop.get_or_insert(now)) >= GRACE {
                self.shared.lost.store(true, Ordering::SeqCst);
                cx.check()?;
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let post = self.post.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Post { jobs, taken, instance, closed, closing, .. }) = post else { return };
        drop((jobs, taken, closing, instance));
        if self.shared.lost.load(Ordering::SeqCst) {
            // The thread of the call that was left behind holds the instance, and nobody waits for it.
            return;
        }
        for _ in 0..self.shared.hands.load(Ordering::SeqCst) {
            let _ = closed.recv_timeout(GRACE);
        }
    }
}

/// What comes within some microseconds, without going to sleep for it: waking a thread costs more than most calls.
fn soon<T>(from: &Receiver<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        for _ in 0..20 {
            match from.try_recv() {
                Ok(got) => return Some(got),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => std::hint::spin_loop(),
            }
        }
        if begun.elapsed() > AWAKE {
            return None;
        }
        std::thread::yield_now();
    }
}

fn work(taken: &Receiver<Posted>, instance: Arc<Instance>, shared: &Shared, closing: &Sender<()>) {
    while let Some(Posted { job, begun, reply }) = soon(taken).or_else(|| taken.recv().ok()) {
        if shared.lost.load(Ordering::SeqCst) {
            break;
        }
        begun.store(true, Ordering::SeqCst);
        let answer = instance.call(job.method, &job.request, job.frame, job.limit);
        shared.calls.fetch_sub(1, Ordering::SeqCst);
        let _ = reply.send(answer);
    }
    drop(instance);
    let _ = closing.try_send(());
}

fn lost(title: &str) -> Error {
    Error::new(ErrorKind::Extension, format!("{title} is not asked again: an earlier call never came back"))
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let made = std::thread::Builder::new().name("native library".to_owned()).stack_size(STACK).spawn(work);
    made.map(drop).map_err(|error| Error::new(ErrorKind::Io, "could not start a thread for a native library").caused_by(error))
}

fn overdue(title: &str, method: &str, time: Duration) -> Error {
    Error::new(ErrorKind::Extension, format!("`{method}` of {title} did not come back within {} s and was left behind", time.as_secs()))
        .note("the limit is `limits.seconds`")
        .hint("if it needs longer, allow it beside its `use`: `limits = { seconds = … }`")
}
