//! The lockfile (DESIGN section 5): TOML whose every line can be understood alone.
//!
//! `merge=union` puts the lines of two branches one after the other, headers included, in whatever order; so what a line
//! says must not depend on the header above it. The four kinds of lines differ in shape:
//!
//! ```toml
//! schema = 1
//!
//! [elements]
//! "core/moodle@4.5.6" = { git = "https://git.example.org/moodle.git", commit = "…", tree = "…" }
//!
//! [shared]
//! "core/moodle" = "4.5.6"
//!
//! [sites]
//! prod."core/moodle" = "4.5.5"
//!
//! [extensions]
//! edd = { hash = "sha256:…" }
//! ```

mod facts;
mod markers;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{LockReading, parse_lock, read_lock};
pub use write::write_lock;

/// The attribute that makes git merge lockfiles by taking the lines of both sides.
const ATTRIBUTE: &str = "greffon.lock merge=union";

/// The text to write to `.gitattributes`, so that lockfiles merge; `None` when what is there says already how they merge.
#[must_use]
pub fn gitattributes(existing: Option<&str>) -> Option<String> {
    let text = existing.unwrap_or_default();
    let said = text.lines().any(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("greffon.lock" | "/greffon.lock" | "**/greffon.lock" | "*.lock"))
            && words.any(|word| word.trim_start_matches(['-', '!']).starts_with("merge"))
    });
    if said {
        return None;
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    Some(format!("{text}{gap}{ATTRIBUTE}{newline}"))
}
