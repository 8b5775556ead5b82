//! One greffon at a time on a site.

use std::time::Duration;

use crate::error::Result;
use crate::roles::{Context, Level};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::ground;
use crate::sys::fs::lock::ExclusiveLock;

/// Takes the site's lock; waits for another greffon, and says for whom after a second.
pub(super) fn take(cx: &Context, state: &Dir, site: &str) -> Result<ExclusiveLock> {
    let mut told = false;
    ExclusiveLock::take(state, "lock", |since, holder| {
        cx.check()?;
        if !told && since >= Duration::from_secs(1) {
            told = true;
            let holder = if holder.is_empty() { "another greffon" } else { holder };
            cx.log(Level::Warning, format!("waiting for {holder}, which works on site `{site}`"));
        }
        Ok(())
    })
}

/// Leaves this process's name for those who wait.
pub(super) fn sign(lock: &ExclusiveLock) {
    lock.sign(&format!("greffon (process {} on {}, since {})\n", ground::process_id(), ground::host_name(), jiff::Zoned::now().strftime("%F %T")));
}
