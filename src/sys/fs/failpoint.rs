//! Faults on purpose, for tests: the process dies, or a call fails, at the n-th call that changes a site or its state.
//! Compiled into debug builds only; in a release build every function here is empty.

use std::io;

/// Counts one changing call. With `GREFFON_KILL_AT=n` in the environment the n-th never returns; with `GREFFON_FAIL_AT=n:CODE`
/// it fails with that system error number, with `n+:CODE` so does every later one.
///
/// # Errors
/// The fault that was asked for.
#[cfg(any(test, debug_assertions))]
pub fn changing() -> io::Result<()> {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Faults {
        kill: Option<u64>,
        fail: Option<(u64, bool, i32)>,
    }
    static FAULTS: OnceLock<Faults> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let faults = FAULTS.get_or_init(|| Faults {
        kill: std::env::var("GREFFON_KILL_AT").ok().and_then(|text| text.parse().ok()),
        fail: std::env::var("GREFFON_FAIL_AT").ok().and_then(|text| {
            let (at, code) = text.split_once(':')?;
            let (at, onwards) = at.strip_suffix('+').map_or((at, false), |at| (at, true));
            Some((at.parse().ok()?, onwards, code.parse().ok()?))
        }),
    });
    if faults.kill.is_none() && faults.fail.is_none() {
        return Ok(());
    }
    let count = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    if faults.kill == Some(count) {
        std::process::abort();
    }
    match faults.fail {
        Some((at, onwards, code)) if count == at || (onwards && count > at) => Err(io::Error::from_raw_os_error(code)),
        _ => Ok(()),
    }
}

/// See the debug build.
///
/// # Errors
/// Never.
#[cfg(not(any(test, debug_assertions)))]
#[inline]
pub fn changing() -> io::Result<()> {
    Ok(())
}

/// Whether a safeguard is switched off on purpose (`GREFFON_BREAK=name`): the broken twin that a reliability test must notice.
#[cfg(any(test, debug_assertions))]
#[must_use]
pub fn broken(safeguard: &str) -> bool {
    std::env::var("GREFFON_BREAK").is_ok_and(|names| names.split(',').any(|name| name == safeguard))
}

/// See the debug build.
#[cfg(not(any(test, debug_assertions)))]
#[inline]
#[must_use]
pub fn broken(_: &str) -> bool {
    false
}

/// How much room a file system is to be taken to have (`GREFFON_FREE_SPACE=bytes`).
#[cfg(any(test, debug_assertions))]
#[must_use]
pub fn free_space() -> Option<u64> {
    std::env::var("GREFFON_FREE_SPACE").ok()?.parse().ok()
}

/// See the debug build.
#[cfg(not(any(test, debug_assertions)))]
#[inline]
#[must_use]
pub fn free_space() -> Option<u64> {
    None
}
