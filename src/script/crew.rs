//! Threads for scripts. A stack overflow ends the process and cannot be caught, so scripts never run on a stack of the usual size:
//! these have room for the deepest call and expression that the limits allow, several scripts within each other included.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of address space; only what is used is ever backed by memory. Functions can carry functions that carry functions, counted by no
/// limit of Rhai's; when the outermost goes, each of them takes some hundred bytes of stack. As many as the memory budget has room for fit.
const STACK: usize = 1 << 30;
/// The least: enough for the deepest call and expression, where more address space cannot be had.
const LEAST: usize = 64 << 20;
/// A script may call a role that is a script, and so on: so many within each other fit on one stack.
const NESTED: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

struct Crew {
    sender: Sender<Job>,
    receiver: Receiver<Job>,
    idle: AtomicUsize,
}

static CREW: OnceLock<Crew> = OnceLock::new();

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work` on a thread with a large stack, and waits for it. A panic inside comes back as an error.
pub(super) fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let depth = DEPTH.get();
    if depth >= NESTED {
        return Err(Error::new(ErrorKind::Extension, format!("scripts call scripts more than {NESTED} deep")));
    }
    if depth > 0 {
        return within(depth + 1, work);
    }
    let crew = CREW.get_or_init(|| {
        let (sender, receiver) = unbounded();
        Crew { sender, receiver, idle: AtomicUsize::new(0) }
    });
    let (answer, answered) = bounded(1);
    let job: Job = Box::new(move || {
        let _ = answer.send(within(1, work));
    });
    // Taking a place among the idle before the job is sent: nobody else counts on the same thread.
    if crew.idle.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |idle| idle.checked_sub(1)).is_err() {
        hire(crew)?;
    }
    let gone = || Error::new(ErrorKind::Internal, "the thread of a script is gone");
    crew.sender.send(job).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn hire(crew: &'static Crew) -> Result<()> {
    let work = || {
        while let Ok(job) = crew.receiver.recv() {
            job();
            crew.idle.fetch_add(1, Ordering::SeqCst);
        }
    };
    let spawn = |size: usize| std::thread::Builder::new().name("script".to_owned()).stack_size(size).spawn(work);
    let mut size = STACK;
    let mut outcome = spawn(size);
    while outcome.is_err() && size > LEAST {
        size /= 2;
        outcome = spawn(size);
    }
    outcome.map(drop).map_err(|error| Error::new(ErrorKind::Io, "no thread could be started for a script").caused_by(error))
}

fn within<T>(depth: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = DEPTH.replace(depth);
    let result = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(before);
    result.unwrap_or_else(|panic| Err(Error::new(ErrorKind::Internal, format!("a host function panicked: {}", words(&*panic)))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it gave no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_and_the_thread_serves_on() {
        for _ in 0..3 {
            let error = run::<()>(|| panic!("on purpose")).expect_err("it panicked");
            assert!(error.message().contains("on purpose"), "{error}");
        }
        assert_eq!(run(|| Ok(7)).expect("it works"), 7);
    }

    #[test]
    fn scripts_within_scripts_end_somewhere() {
        fn deeper(left: usize) -> Result<usize> {
            if left == 0 { Ok(0) } else { run(move || deeper(left - 1)).map(|depth| depth + 1) }
        }
        assert_eq!(deeper(NESTED).expect("it fits"), NESTED);
        assert!(deeper(NESTED + 1).is_err());
    }
}
