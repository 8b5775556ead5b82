//! What an edit of the manifest came to, before anything is written.

use crate::manifest::Manifest;
use crate::model::Lock;

/// A manifest and a lock that are not written yet.
pub struct Edited<Report> {
    /// The manifest's new text, read.
    pub manifest: Manifest,
    /// The lock that fits it.
    pub lock: Lock,
    /// What was done.
    pub report: Report,
}
