//! Telling who crashed. A library that dies takes the process with it; all that can be done is to say which one it was, before
//! the signal does what it would have done. Sites stand that: whatever is under way is finished or undone by the next run.

use std::cell::Cell;
use std::path::Path;
use std::sync::{Once, OnceLock};

/// What is written when a library crashes: a text made in advance, because nothing can be made in a signal handler.
pub(super) struct Blame(&'static str);

impl Blame {
    pub(super) fn new(library: &Path) -> Self {
        Self(Box::leak(crate::diagnostic::printable(&format!("the native library `{}`", library.display())).into_owned().into_boxed_str()))
    }
}

thread_local! {
    /// Whose code runs on this thread. Has no destructor and no lazy part: it can be read in a signal handler.
    static CURRENT: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs a library's code on this thread.
pub(super) fn during<T>(blame: &Blame, work: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(Some(blame.0));
    let result = work();
    CURRENT.set(before);
    result
}

/// Runs code of greffon's own that a library called: what happens there is not the library's fault.
pub(super) fn away<T>(work: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(None);
    let result = work();
    CURRENT.set(before);
    result
}

const HINT: &str = "\nhint: every site is as it was or as it was wanted, nothing between (`greffon status`); take the library out of the manifest, or show this to its author\n";

#[cfg(unix)]
const SIGNALS: [(i32, &str); 5] = [
    (libc::SIGSEGV, " crashed (segmentation fault)"),
    (libc::SIGBUS, " crashed (bus error)"),
    (libc::SIGILL, " crashed (illegal instruction)"),
    (libc::SIGFPE, " crashed (arithmetic fault)"),
    (libc::SIGABRT, " aborted the program"),
];

#[cfg(unix)]
static BEFORE: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Has crashes of libraries told, from the first library on.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    #[cfg(unix)]
    ONCE.call_once(|| {
        // SAFETY: plain C calls with valid pointers. The handler touches nothing but a constant thread-local, `write`, `_exit` and
        // `sigaction`, all of which may be used in a signal handler.
        unsafe {
            let mut before: [libc::sigaction; SIGNALS.len()] = std::mem::zeroed();
            for (index, (signal, _)) in SIGNALS.iter().enumerate() {
                libc::sigaction(*signal, std::ptr::null(), &raw mut before[index]);
            }
            if BEFORE.set(before).is_err() {
                return;
            }
            let mut own: libc::sigaction = std::mem::zeroed();
            own.sa_sigaction = on_signal as *const () as usize;
            own.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut own.sa_mask);
            for (signal, _) in SIGNALS {
                libc::sigaction(signal, &raw const own, std::ptr::null_mut());
            }
            libc::atexit(on_exit);
        }
    });
    #[cfg(not(unix))]
    ONCE.call_once(|| {});
}

#[cfg(unix)]
extern "C" fn on_signal(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let known = SIGNALS.iter().position(|(number, _)| *number == signal);
    // SAFETY: the system gives a valid description; actions are the system's own or what `sigaction` gave; `raise` may be used here,
    // and the signal comes when this handler has returned.
    unsafe {
        if let (Some(library), Some(index)) = (CURRENT.get(), known) {
            say(library, SIGNALS[index].1);
            let mut ends: libc::sigaction = std::mem::zeroed();
            ends.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(signal, &raw const ends, std::ptr::null_mut());
            libc::raise(signal);
        } else if let (Some(index), Some(before)) = (known, BEFORE.get()) {
            // Not a library's: the handler that was there before takes over when the fault comes again. One that was sent does not.
            libc::sigaction(signal, &raw const before[index], std::ptr::null_mut());
            if (*info).si_code <= 0 {
                libc::raise(signal);
            }
        }
    }
}

/// A library that ends the program in the middle of a call has not done what it was asked.
#[cfg(unix)]
extern "C" fn on_exit() {
    if let Ok(Some(library)) = CURRENT.try_with(Cell::get) {
        say(library, " ended the program in the middle of a call");
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(1) };
    }
}

#[cfg(unix)]
fn say(library: &str, what: &str) {
    for part in ["error: ", library, what, HINT] {
        // SAFETY: the bytes stand for the length given; a failure to write changes nothing.
        unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
    }
}
