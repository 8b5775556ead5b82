//! The native libraries that a manifest names: which bytes they are and which they must be. None is opened here.

use std::path::PathBuf;

use serde::Serialize;

use super::Extensions;
use crate::manifest::{Manifest, UseKind, UseSpec};
use crate::model::Digest;
use crate::roles::wire::Role;
use crate::sys::fs;

/// Larger files are no libraries.
const LARGEST: u64 = 512 << 20;

/// A library that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Library {
    /// The file's name.
    pub name: String,
    /// What it serves as.
    pub role: Role,
    /// Where it lies.
    pub path: PathBuf,
    /// Which bytes it must be; `None`: the manifest does not say, and it is not loaded.
    pub pinned: Option<String>,
    /// Which bytes lie there; `None`: there is no such file.
    pub found: Option<String>,
    /// Whether the manifest says `trust = "native"`.
    pub trusted: bool,
}

impl Library {
    /// What keeps it from being loaded, apart from the trust in the manifest as a whole.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        match (&self.found, &self.pinned) {
            (None, _) => Some("it is not there"),
            _ if !self.trusted => Some("the manifest does not say `trust = \"native\"`"),
            (_, None) => Some("the manifest does not pin its `sha256`"),
            (Some(found), Some(pinned)) if found != pinned => Some("it is not the one that was pinned"),
            _ => None,
        }
    }
}

impl Extensions {
    /// Every library that a manifest names, by role.
    #[must_use]
    pub fn libraries(manifest: &Manifest) -> Vec<Library> {
        Self::natives(manifest).iter().map(|(spec, role)| library(spec, *role)).collect()
    }

    /// What the lockfile says of them: which bytes each must be.
    pub(super) fn pins(manifest: &Manifest) -> Vec<(String, String)> {
        let pin = |(spec, _): (UseSpec, Role)| Some((format!("native:{}", name(&spec)), pinned(&spec)?.to_string()));
        Self::natives(manifest).into_iter().filter_map(pin).collect()
    }

    fn natives(manifest: &Manifest) -> Vec<(UseSpec, Role)> {
        let config = &manifest.config;
        let one = |spec: &Option<UseSpec>, role: Role| spec.iter().map(|spec| (spec.clone(), role)).collect::<Vec<_>>();
        let mut all = one(&config.client, Role::Client);
        all.extend(one(&config.stock, Role::Stock));
        all.extend(one(&config.downloader, Role::Downloader));
        all.extend(one(&config.installer, Role::Installer));
        all.extend(config.repositories.iter().map(|spec| (spec.clone(), Role::Repository)));
        all.retain(|(spec, _)| spec.kind == UseKind::Native);
        all
    }
}

fn name(spec: &UseSpec) -> String {
    std::path::Path::new(&spec.target).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn pinned(spec: &UseSpec) -> Option<Digest> {
    spec.options.get("sha256").and_then(serde_json::Value::as_str).and_then(|text| text.parse().ok())
}

fn library(spec: &UseSpec, role: Role) -> Library {
    let path = spec.base.join(&spec.target);
    let found = fs::read(&path, LARGEST).ok().flatten().map(|bytes| Digest::of(&bytes).to_string());
    Library {
        name: name(spec),
        role,
        path,
        pinned: pinned(spec).map(|digest| digest.to_string()),
        found,
        trusted: spec.options.get("trust").and_then(serde_json::Value::as_str) == Some("native"),
    }
}
