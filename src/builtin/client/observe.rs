//! What stands at a site, and whether it is already made of what is wanted.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Standard;
use super::resolved::Resolved;
use crate::error::Result;
use crate::model::{Digest, ElementInfo, WantedSite};
use crate::site::{Generation, Hold, Presence, Site};

/// What stands at a site.
#[derive(Debug)]
pub(super) struct Observed {
    /// The site.
    pub site: Site,
    /// What stands at its path.
    pub presence: Presence,
    /// The generation in place.
    pub current: Option<Generation>,
    /// The hold on it.
    pub held: Option<Hold>,
}

/// What is recorded beside a generation's trees: enough to know, offline, what is installed and from what it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Infos {
    /// `greffon/infos/1`.
    pub schema: String,
    /// Equal fingerprints: the same elements, trees, patches and installer configuration.
    pub fingerprint: Option<String>,
    /// The element info of everything installed.
    pub elements: Vec<ElementInfo>,
}

impl Standard {
    /// Looks at a site; writes nothing.
    pub(super) fn observe(&self, wanted: &WantedSite) -> Result<Observed> {
        let site = Site::open(wanted, &self.parts.stockroom)?;
        let presence = site.presence()?;
        let (current, held) = match presence {
            Presence::Known => (site.current()?, site.held()?),
            _ => (None, None),
        };
        Ok(Observed { site, presence, current, held })
    }
}

impl Observed {
    /// Whether the generation in place was made of exactly this.
    pub(super) fn is_made_of(&self, fingerprint: Option<&str>) -> bool {
        let Some(fingerprint) = fingerprint else { return false };
        let Some(current) = &self.current else { return false };
        serde_json::from_str::<Infos>(&current.infos).is_ok_and(|infos| infos.fingerprint.as_deref() == Some(fingerprint))
    }
}

/// A name for everything that decides a site's tree. `None` where something is only known by looking at it: a local path, a tree never fetched.
pub(super) fn fingerprint(installer_key: &str, wanted: &WantedSite, resolution: &[Resolved]) -> Result<Option<String>> {
    let mut text = format!("graft 1\n{installer_key}\n");
    for one in resolution {
        let Some(tree) = one.locked.tree.filter(|_| !one.locked.is_live()) else { return Ok(None) };
        let _ = writeln!(text, "{}@{} {tree}", one.id, one.pin.version);
        for patch in wanted.elements.get(&one.id).map(|element| element.patches.as_slice()).unwrap_or_default() {
            let bytes = crate::sys::fs::read(patch, crate::sys::git::LARGEST_PATCH)?.unwrap_or_default();
            let _ = writeln!(text, "patch {}", Digest::of(&bytes));
        }
    }
    Ok(Some(Digest::of(text.as_bytes()).to_string()))
}
