//! The table, word for word as `extensions/native/greffon.h` has it. A change here is a change there, and a new [`ABI`] unless
//! it only adds at the tail of [`Table`] or [`Host`], whose `size` says how far they reach.

use std::ffi::c_void;
use std::mem::{align_of, offset_of, size_of};

/// The first word of every table: the letters `GREFFON` and a zero byte, read as a little-endian number.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"GREFFON\0");
/// The one number that must be the same on both sides.
pub(super) const ABI: u32 = 1;
/// The name of the exported table.
pub(super) const SYMBOL: &str = "greffon_extension";

/// It went well: the bytes are the answer.
pub(super) const OK: i32 = 0;
/// It failed: the bytes are the failure.
pub(super) const FAILED: i32 = 1;
/// It panicked, and caught it: the bytes are what the panic said, as plain text.
pub(super) const PANICKED: i32 = 2;

/// Bytes that whoever made them frees.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    pub(super) ptr: *mut u8,
    pub(super) len: usize,
    pub(super) cap: usize,
}

impl Bytes {
    pub(super) const NONE: Self = Self { ptr: std::ptr::null_mut(), len: 0, cap: 0 };
}

/// `open(host, config, config_len, &instance, &out)`.
pub(super) type Open = unsafe extern "C" fn(*const Host, *const u8, usize, *mut *mut c_void, *mut Bytes) -> i32;
/// `call(instance, method, method_len, request, request_len, &out)`.
pub(super) type Call = unsafe extern "C" fn(*mut c_void, *const u8, usize, *const u8, usize, *mut Bytes) -> i32;
/// `free(bytes)`.
pub(super) type Free = unsafe extern "C" fn(Bytes);
/// `close(instance)`.
pub(super) type Close = unsafe extern "C" fn(*mut c_void);

/// What a library exports.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) magic: u64,
    pub(super) abi: u32,
    pub(super) size: u32,
    pub(super) open: Option<Open>,
    pub(super) call: Option<Call>,
    pub(super) free: Option<Free>,
    pub(super) close: Option<Close>,
}

/// The head of a [`Table`]: what is read before anything else is believed.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) magic: u64,
    pub(super) abi: u32,
    pub(super) size: u32,
}

/// What greffon offers a library; see the header for what each does.
#[repr(C)]
pub(super) struct Host {
    pub(super) abi: u32,
    pub(super) size: u32,
    pub(super) log: unsafe extern "C" fn(i32, *const u8, usize),
    pub(super) progress: unsafe extern "C" fn(*const u8, usize, u64, u64),
    pub(super) cancelled: unsafe extern "C" fn() -> i32,
    pub(super) prompt: unsafe extern "C" fn(*const u8, usize, *mut Bytes) -> i32,
    pub(super) call: unsafe extern "C" fn(*const u8, usize, *const u8, usize, *mut Bytes) -> i32,
    pub(super) free: unsafe extern "C" fn(Bytes),
}

const WORD: usize = size_of::<usize>();
const _: () = {
    assert!(size_of::<Bytes>() == 3 * WORD && offset_of!(Bytes, len) == WORD && offset_of!(Bytes, cap) == 2 * WORD);
    assert!(size_of::<Head>() == 16 && offset_of!(Head, abi) == 8 && offset_of!(Head, size) == 12);
    assert!(size_of::<Table>() == 16 + 4 * WORD && align_of::<Table>() == align_of::<u64>());
    assert!(offset_of!(Table, abi) == 8 && offset_of!(Table, size) == 12 && offset_of!(Table, open) == 16);
    assert!(offset_of!(Table, call) == 16 + WORD && offset_of!(Table, free) == 16 + 2 * WORD && offset_of!(Table, close) == 16 + 3 * WORD);
    assert!(size_of::<Host>() == 8 + 6 * WORD && offset_of!(Host, size) == 4 && offset_of!(Host, log) == 8);
    assert!(offset_of!(Host, progress) == 8 + WORD && offset_of!(Host, cancelled) == 8 + 2 * WORD && offset_of!(Host, prompt) == 8 + 3 * WORD);
    assert!(offset_of!(Host, call) == 8 + 4 * WORD && offset_of!(Host, free) == 8 + 5 * WORD);
    // A null function is `None`, so that reading a table never makes an invalid value.
    assert!(size_of::<Option<Open>>() == WORD);
};
