//! The C table, and the only unsafe code: nothing here is for authors.

use std::ffi::c_void;
use std::mem::{ManuallyDrop, offset_of};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::forms::{Description, Failure, Role, Setup};
use crate::host::Host;
use crate::{Extension, Installer, Repository};

const OK: i32 = 0;
const FAILED: i32 = 1;
const PANICKED: i32 = 2;

#[repr(C)]
pub struct Bytes {
    ptr: *mut u8,
    len: usize,
    cap: usize,
}

impl Bytes {
    fn of(bytes: Vec<u8>) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        Self { ptr: bytes.as_mut_ptr(), len: bytes.len(), cap: bytes.capacity() }
    }
}

#[repr(C)]
pub struct HostTable {
    abi: u32,
    size: u32,
    log: unsafe extern "C" fn(i32, *const u8, usize),
    progress: unsafe extern "C" fn(*const u8, usize, u64, u64),
    cancelled: unsafe extern "C" fn() -> i32,
    prompt: unsafe extern "C" fn(*const u8, usize, *mut Bytes) -> i32,
    call: unsafe extern "C" fn(*const u8, usize, *const u8, usize, *mut Bytes) -> i32,
    free: unsafe extern "C" fn(Bytes),
}

impl std::fmt::Debug for HostTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostTable")
    }
}

#[repr(C)]
pub struct Table {
    magic: u64,
    abi: u32,
    size: u32,
    open: unsafe extern "C" fn(*const HostTable, *const u8, usize, *mut *mut c_void, *mut Bytes) -> i32,
    call: unsafe extern "C" fn(*mut c_void, *const u8, usize, *const u8, usize, *mut Bytes) -> i32,
    free: unsafe extern "C" fn(Bytes),
    close: unsafe extern "C" fn(*mut c_void),
}

const WORD: usize = size_of::<usize>();
const _: () = {
    assert!(size_of::<Bytes>() == 3 * WORD);
    assert!(size_of::<Table>() == 16 + 4 * WORD && offset_of!(Table, open) == 16 && offset_of!(Table, close) == 16 + 3 * WORD);
    assert!(size_of::<HostTable>() == 8 + 6 * WORD && offset_of!(HostTable, log) == 8 && offset_of!(HostTable, free) == 8 + 5 * WORD);
};

impl Table {
    /// The table of an extension.
    pub const fn of<E: Extension>() -> Self {
        Self { magic: u64::from_le_bytes(*b"GREFFON\0"), abi: 1, size: size_of::<Self>() as u32, open: open::<E>, call: call::<E>, free, close: close::<E> }
    }
}

struct Instance<E> {
    extension: E,
    host: Host,
}

/// # Safety
/// `len` bytes stand at `ptr`, or `len` is 0.
unsafe fn slice<'a>(ptr: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller promises it.
    if ptr.is_null() || len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(ptr, len) } }
}

/// Writes what came out, and gives its status.
///
/// # Safety
/// `out` can be written to.
unsafe fn answer(out: *mut Bytes, work: impl FnOnce() -> Result<Value, Failure>) -> i32 {
    let (status, bytes) = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => (OK, value.to_string().into_bytes()),
        Ok(Err(failure)) => (FAILED, json!(failure).to_string().into_bytes()),
        Err(panic) => {
            let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            (PANICKED, words.unwrap_or_else(|| "it does not say why".to_owned()).into_bytes())
        }
    };
    // SAFETY: the caller promises it.
    unsafe { out.write(Bytes::of(bytes)) };
    status
}

fn read<T: serde::de::DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|fault| Failure::new("extension", format!("{what} cannot be read: {fault}")))
}

unsafe extern "C" fn open<E: Extension>(host: *const HostTable, config: *const u8, len: usize, instance: *mut *mut c_void, out: *mut Bytes) -> i32 {
    // SAFETY: the header says that the host and its bytes are valid, the host as long as the process lives.
    let (host, config) = unsafe { (Host(&*host), slice(config, len)) };
    // SAFETY: `out` and `instance` are the host's own.
    unsafe {
        answer(out, || {
            let extension = E::open(read("the configuration", config)?, &host)?;
            instance.write(Box::into_raw(Box::new(Instance { extension, host })).cast());
            Ok(Value::Null)
        })
    }
}

unsafe extern "C" fn call<E: Extension>(instance: *mut c_void, method: *const u8, method_len: usize, request: *const u8, len: usize, out: *mut Bytes) -> i32 {
    // SAFETY: the header says that the instance came from `open` and is not closed yet, and that the bytes are valid. Calls from
    // several threads share it: `Extension` is `Sync`.
    let (instance, method, request) = unsafe { (&*instance.cast::<Instance<E>>(), slice(method, method_len), slice(request, len)) };
    // SAFETY: `out` is the host's own.
    unsafe {
        answer(out, || match std::str::from_utf8(method) {
            Ok("describe") => Ok(json!(instance.extension.describe())),
            Ok(method) => instance.extension.call(&instance.host, method, read("the request", request)?),
            Err(_) => Err(Failure::new("extension", "the method's name is not UTF-8")),
        })
    }
}

unsafe extern "C" fn free(bytes: Bytes) {
    if !bytes.ptr.is_null() {
        // SAFETY: these are the parts of the vector that `answer` took apart, given back once.
        drop(unsafe { Vec::from_raw_parts(bytes.ptr, bytes.len, bytes.cap) });
    }
}

unsafe extern "C" fn close<E: Extension>(instance: *mut c_void) {
    if !instance.is_null() {
        // SAFETY: it came from `open`, and the header says that nobody uses it any more. A panic of its destructor ends here.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(instance.cast::<Instance<E>>()) })));
    }
}

pub(crate) fn log(host: &HostTable, level: i32, text: &str) {
    // SAFETY: the text is valid for the call.
    unsafe { (host.log)(level, text.as_ptr(), text.len()) }
}

pub(crate) fn progress(host: &HostTable, task: &str, done: u64, total: u64) {
    // SAFETY: as above.
    unsafe { (host.progress)(task.as_ptr(), task.len(), done, total) }
}

pub(crate) fn cancelled(host: &HostTable) -> bool {
    // SAFETY: a function of the host's without arguments.
    unsafe { (host.cancelled)() != 0 }
}

pub(crate) fn prompt(host: &HostTable, question: &str) -> Result<Value, Failure> {
    // SAFETY: the question is valid for the call, and so is `out`.
    back(host, |out| unsafe { (host.prompt)(question.as_ptr(), question.len(), out) })
}

pub(crate) fn call_host(host: &HostTable, name: &str, request: &str) -> Result<Value, Failure> {
    // SAFETY: as above.
    back(host, |out| unsafe { (host.call)(name.as_ptr(), name.len(), request.as_ptr(), request.len(), out) })
}

/// Takes what the host gave, and gives its bytes back.
fn back(host: &HostTable, ask: impl FnOnce(*mut Bytes) -> i32) -> Result<Value, Failure> {
    let mut out = Bytes { ptr: std::ptr::null_mut(), len: 0, cap: 0 };
    let status = ask(&raw mut out);
    // SAFETY: the host says that `len` bytes stand there until they are freed.
    let copy = unsafe { slice(out.ptr, out.len) }.to_vec();
    if !out.ptr.is_null() {
        // SAFETY: the host's own bytes, given back once.
        unsafe { (host.free)(out) };
    }
    if status == OK { read("the host's answer", &copy) } else { Err(read("the host's failure", &copy).unwrap_or_else(|unreadable| unreadable)) }
}

fn to_value<T: serde::Serialize>(answer: &T) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|fault| Failure::new("extension", format!("an answer cannot be written: {fault}")))
}

fn ask<T: serde::de::DeserializeOwned>(request: Value) -> Result<T, Failure> {
    serde_json::from_value(request).map_err(|fault| Failure::new("extension", format!("a request cannot be read: {fault}")))
}

fn no_method(method: &str) -> Failure {
    Failure::new("unsupported", format!("there is no method `{method}`"))
}

/// An [`Installer`] as an [`Extension`].
pub struct OfInstaller<T>(T);

impl<T: Installer> Extension for OfInstaller<T> {
    fn describe(&self) -> Description {
        Description::new(Role::Installer, T::NAME, T::VERSION, T::METHODS)
    }

    fn open(setup: Setup, _: &Host) -> Result<Self, Failure> {
        T::open(setup).map(Self)
    }

    fn call(&self, host: &Host, method: &str, request: Value) -> Result<Value, Failure> {
        match method {
            "place" => to_value(&self.0.place(host, ask(request)?)?),
            "info" => to_value(&self.0.info(host, ask(request)?)?),
            "prepare" => to_value(&self.0.prepare(host, ask(request)?)?),
            "is_installed" => to_value(&self.0.is_installed(host, ask(request)?)?),
            "scheme" => to_value(&self.0.scheme(host, request.get("type").and_then(Value::as_str).unwrap_or_default())?),
            "types" => to_value(&self.0.types(host)?),
            "survey" => self.0.survey(host, request.get("site").and_then(Value::as_str).unwrap_or_default()),
            other => self.0.more(host, other, request),
        }
    }
}

/// A [`Repository`] as an [`Extension`].
pub struct OfRepository<T>(T);

impl<T: Repository> Extension for OfRepository<T> {
    fn describe(&self) -> Description {
        Description::new(Role::Repository, T::NAME, T::VERSION, &["versions", "element_info", "search"])
    }

    fn open(setup: Setup, _: &Host) -> Result<Self, Failure> {
        T::open(setup).map(Self)
    }

    fn call(&self, host: &Host, method: &str, request: Value) -> Result<Value, Failure> {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        match method {
            "versions" => to_value(&self.0.versions(host, text("id"))?),
            "element_info" => to_value(&self.0.element_info(host, text("id"), text("version"))?),
            "search" => to_value(&self.0.search(host, ask(request)?)?),
            other => Err(no_method(other)),
        }
    }
}
