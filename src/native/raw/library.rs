//! A library that was opened, and the instances that it gives.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::abi::{ABI, Bytes, Call, Close, FAILED, Free, Head, MAGIC, OK, Open, PANICKED, SYMBOL, Table};
use super::crash::{self, Blame};
use super::host::{self, Frame};

/// A library that stays in memory until the process ends: code of it may run at any time, in thread-local destructors too, so
/// there is no sound moment for unloading it.
pub(in crate::native) struct Library {
    _kept: ManuallyDrop<libloading::Library>,
    open: Open,
    call: Call,
    free: Free,
    close: Close,
    blame: Blame,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

/// What came back from a library.
pub(in crate::native) enum Answer {
    /// It went well.
    Good(Vec<u8>),
    /// It failed and says why.
    Failed(Vec<u8>),
    /// It panicked.
    Panicked(Vec<u8>),
    /// It broke the rules of the table.
    Wrong(String),
}

impl Library {
    /// Opens the file `opened` (an absolute path), known to people as `shown`. Static initialisers of the library run; nothing
    /// else of it does before magic and ABI number are checked.
    pub(in crate::native) fn open(opened: &Path, shown: &Path) -> Result<Self, String> {
        let library = load(opened).map_err(|error| told(&error))?;
        // SAFETY: the symbol is used as an address only; what lies there is read below, head first.
        let address: *const Head = match unsafe { library.get::<*const Head>(SYMBOL) } {
            Ok(symbol) => *symbol,
            Err(_) => return Err(format!("it exports no `{SYMBOL}`")),
        };
        // The library is kept from here on, also when its table is refused: its initialisers ran.
        let library = ManuallyDrop::new(library);
        if address.is_null() || !address.is_aligned() {
            return Err(format!("its `{SYMBOL}` is not a table"));
        }
        // SAFETY: not null and aligned, checked above; the dynamic linker found an object there, whose first 16 bytes are plain numbers.
        let head = unsafe { address.read() };
        if head.magic != MAGIC {
            return Err(format!("its `{SYMBOL}` does not begin with the magic number"));
        }
        if head.abi != ABI {
            return Err(format!("it was made for version {} of the table, and this greffon speaks version {ABI}", head.abi));
        }
        if (head.size as usize) < size_of::<Table>() {
            return Err(format!("its table says that it has {} bytes, and version {ABI} has at least {}", head.size, size_of::<Table>()));
        }
        // SAFETY: the head says that a whole table of this ABI stands here, and its fields have no invalid bit patterns.
        let table = unsafe { address.cast::<Table>().read() };
        let (Some(open), Some(call), Some(free), Some(close)) = (table.open, table.call, table.free, table.close) else {
            return Err("its table lacks one of `open`, `call`, `free` and `close`".to_owned());
        };
        crash::watch();
        Ok(Self { _kept: library, open, call, free, close, blame: Blame::new(shown) })
    }

    /// Makes an instance with this configuration; the answer's bytes are left aside when it went well.
    pub(in crate::native) fn instance(&'static self, config: &[u8], frame: Frame, limit: usize) -> Result<Instance, Answer> {
        let (mut pointer, mut out) = (std::ptr::null_mut::<c_void>(), Bytes::NONE);
        let status = host::during(frame, || {
            crash::during(&self.blame, || {
                // SAFETY: every pointer is valid for the call; the function has this signature by the ABI number.
                unsafe { (self.open)(host::table(), config.as_ptr(), config.len(), &raw mut pointer, &raw mut out) }
            })
        });
        match self.take(status, out, limit) {
            Answer::Good(_) => Ok(Instance { library: self, pointer, serial: Some(Mutex::new(())) }),
            other => Err(other),
        }
    }

    /// Copies what came back and has the library free it.
    fn take(&self, status: i32, out: Bytes, limit: usize) -> Answer {
        let copied = if out.ptr.is_null() {
            if out.len == 0 { Ok(Vec::new()) } else { Err(format!("it answered {} bytes at no address", out.len)) }
        } else if out.len > limit {
            Err(format!("it answered {} bytes, and at most {limit} are taken", out.len))
        } else {
            // SAFETY: not null; the table's contract says that `len` bytes stand there until `free` is called.
            Ok(unsafe { std::slice::from_raw_parts(out.ptr, out.len) }.to_vec())
        };
        if !out.ptr.is_null() {
            // SAFETY: these are the bytes that this library gave, freed once, by its own function.
            crash::during(&self.blame, || unsafe { (self.free)(out) });
        }
        match (status, copied) {
            (_, Err(why)) => Answer::Wrong(why),
            (OK, Ok(bytes)) => Answer::Good(bytes),
            (FAILED, Ok(bytes)) => Answer::Failed(bytes),
            (PANICKED, Ok(bytes)) => Answer::Panicked(bytes),
            (other, Ok(_)) => Answer::Wrong(format!("it answered with the status {other}, which means nothing")),
        }
    }
}

/// Opens a library with its symbols to itself and all of them bound now: what is missing is told here, not in the middle of a call.
fn load(path: &Path) -> Result<libloading::Library, libloading::Error> {
    #[cfg(unix)]
    {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        // SAFETY: the library's initialisers run. The manifest trusts it (`trust = "native"`), and its bytes are the pinned ones.
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Into::into)
    }
    #[cfg(not(unix))]
    // SAFETY: as above.
    unsafe {
        libloading::Library::new(path)
    }
}

fn told(error: &libloading::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

/// One instance of a library.
#[derive(Debug)]
pub(in crate::native) struct Instance {
    library: &'static Library,
    pointer: *mut c_void,
    /// Held during a call, unless the library says that it needs none.
    serial: Option<Mutex<()>>,
}

// SAFETY: the table's contract is that an instance may be used and closed from any thread.
unsafe impl Send for Instance {}
// SAFETY: calls are serialised by `serial`, unless the library said that it is `threadsafe`.
unsafe impl Sync for Instance {}

impl Instance {
    /// Lets calls run at the same time.
    pub(in crate::native) fn threadsafe(&mut self) {
        self.serial = None;
    }

    /// Calls a method.
    pub(in crate::native) fn call(&self, method: &str, request: &[u8], frame: Frame, limit: usize) -> Answer {
        let _one = self.serial.as_ref().map(|serial| serial.lock().unwrap_or_else(PoisonError::into_inner));
        let mut out = Bytes::NONE;
        let status = host::during(frame, || {
            crash::during(&self.library.blame, || {
                // SAFETY: the instance came from this library's `open` and is not closed before it is dropped; the other pointers
                // are valid for the call.
                unsafe { (self.library.call)(self.pointer, method.as_ptr(), method.len(), request.as_ptr(), request.len(), &raw mut out) }
            })
        });
        self.library.take(status, out, limit)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: given by this library's `open`, closed once, and no call is under way: dropping needs the only reference.
        crash::during(&self.library.blame, || unsafe { (self.library.close)(self.pointer) });
    }
}
