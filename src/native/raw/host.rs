//! What a library may call: the host table. It serves the call that is under way on the thread that asks; a thread of the
//! library's own, or one whose call is over, is served by nobody and can do no harm.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::abi::{ABI, Bytes, FAILED, Host, OK};
use super::crash;
use crate::error::Result;
use crate::native::callbacks::Callbacks;

/// What a call's callbacks go to.
pub(in crate::native) type Frame = Arc<Callbacks>;

thread_local! {
    /// The calls under way on this thread, innermost last.
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Has callbacks of this thread go to `frame` while `work` runs.
pub(super) fn during<T>(frame: Frame, work: impl FnOnce() -> T) -> T {
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            FRAMES.with_borrow_mut(Vec::pop);
        }
    }
    FRAMES.with_borrow_mut(|frames| frames.push(frame));
    let _pop = Pop;
    work()
}

static HOST: Host = Host { abi: ABI, size: size_of::<Host>() as u32, log, progress, cancelled, prompt, call, free };

pub(super) fn table() -> *const Host {
    &raw const HOST
}

/// The frame of the call under way, and whatever is done with it; panics of ours end here, not in foreign code.
fn with<T>(otherwise: T, work: impl FnOnce(&Frame) -> T) -> T {
    let frame = FRAMES.try_with(|frames| frames.try_borrow().ok().and_then(|frames| frames.last().cloned())).ok().flatten();
    match frame {
        Some(frame) => crash::away(|| catch_unwind(AssertUnwindSafe(|| work(&frame))).unwrap_or(otherwise)),
        None => otherwise,
    }
}

/// Text that a library gave; what is not UTF-8 is replaced.
///
/// # Safety
/// `len` bytes stand at `ptr`, or it is null.
unsafe fn text(ptr: *const u8, len: usize) -> String {
    if ptr.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller promises the length.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(ptr, len) }).into_owned()
}

unsafe extern "C" fn log(level: i32, ptr: *const u8, len: usize) {
    // SAFETY: the header asks the library for a valid text.
    let text = unsafe { text(ptr, len) };
    with((), |frame| frame.log(level, text));
}

unsafe extern "C" fn progress(ptr: *const u8, len: usize, done: u64, total: u64) {
    // SAFETY: as in `log`.
    let task = unsafe { text(ptr, len) };
    with((), |frame| frame.progress(&task, done, total));
}

unsafe extern "C" fn cancelled() -> i32 {
    i32::from(with(true, |frame| frame.cancelled()))
}

unsafe extern "C" fn prompt(ptr: *const u8, len: usize, out: *mut Bytes) -> i32 {
    // SAFETY: as in `log`.
    let question = unsafe { text(ptr, len) };
    // SAFETY: `out` is the library's own, or null.
    unsafe { reply(out, with(None, |frame| Some(frame.prompt(&question)))) }
}

unsafe extern "C" fn call(name: *const u8, name_len: usize, request: *const u8, request_len: usize, out: *mut Bytes) -> i32 {
    // SAFETY: as in `log`.
    let (name, request) = unsafe { (text(name, name_len), text(request, request_len)) };
    // SAFETY: `out` is the library's own, or null.
    unsafe { reply(out, with(None, |frame| Some(frame.call(&name, &request)))) }
}

/// Gives an answer, or a failure, to the library.
///
/// # Safety
/// `out` is null or can be written to.
unsafe fn reply(out: *mut Bytes, answer: Option<Result<Vec<u8>>>) -> i32 {
    let (status, bytes) = match answer {
        Some(Ok(bytes)) => (OK, bytes),
        Some(Err(error)) => (FAILED, crate::native::callbacks::failure(&error)),
        None => (FAILED, br#"{"kind":"extension","message":"no call is under way on this thread"}"#.to_vec()),
    };
    if out.is_null() {
        return FAILED;
    }
    let mut bytes = ManuallyDrop::new(bytes);
    // SAFETY: not null, and the caller promises that it can be written to. The bytes come back to `free`.
    unsafe { out.write(Bytes { ptr: bytes.as_mut_ptr(), len: bytes.len(), cap: bytes.capacity() }) };
    status
}

unsafe extern "C" fn free(bytes: Bytes) {
    if !bytes.ptr.is_null() {
        // SAFETY: these are the parts of the vector that `reply` took apart, given back once.
        drop(unsafe { Vec::from_raw_parts(bytes.ptr, bytes.len, bytes.cap) });
    }
}
