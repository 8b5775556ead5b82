//! ^C: the first asks everybody to stop at the next safe point, the second does not wait for it.

use super::exit::INTERRUPTED;
use crate::roles::Cancel;

/// Installs the handler. A platform that has none leaves the system's own behaviour, which loses nothing: a sync can be cut off
/// anywhere.
pub(crate) fn watch(cancel: Cancel) {
    let _ = ctrlc::set_handler(move || {
        if cancel.is_set() {
            let _ = dialoguer::console::Term::stderr().show_cursor();
            #[expect(clippy::exit, reason = "the person asked twice; there is no safe point to wait for")]
            std::process::exit(i32::from(INTERRUPTED));
        }
        cancel.set();
    });
}
