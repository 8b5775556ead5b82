//! What a core asks for beyond its own files, as far as its code says it.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{ElementId, Version};

/// What a core asks of the machine and of the version before it, and what it brings along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Demands {
    /// The release as people call it: `5.1`.
    pub release: Option<String>,
    /// The earliest version of the core that can be upgraded to it.
    pub earliest: Option<Version>,
    /// Programs that run it → earliest version: `php`.
    pub runtimes: IndexMap<String, String>,
    /// Databases that it knows → earliest version.
    pub databases: IndexMap<String, String>,
    /// What must be built into the runtime.
    pub extensions: Vec<String>,
    /// Elements that stand in its own tree.
    #[serde(skip_serializing)]
    pub brings: BTreeSet<ElementId>,
}
