//! What a user allowed on this machine: manifests that may run programs, and grants that no manifest says. Kept in the user's own data
//! folder; no lockfile and no manifest can write it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::error::{Error, ErrorKind, Result};
use crate::script::Grants;
use crate::sys::{fs, places};

const SCHEMA: u32 = 1;

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    #[serde(default)]
    schema: u32,
    /// Manifests whose scripts may run programs, and whose libraries may be loaded.
    #[serde(default, rename = "manifest", skip_serializing_if = "Vec::is_empty")]
    manifests: Vec<Trusted>,
    /// Grants beside those of manifests.
    #[serde(default, rename = "grant", skip_serializing_if = "Vec::is_empty")]
    grants: Vec<Granted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trusted {
    path: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Granted {
    manifest: PathBuf,
    extension: String,
    hash: String,
    #[serde(default)]
    allow: Grants,
    /// What it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
}

impl Trust {
    /// The file of this user; empty where there is none.
    ///
    /// # Errors
    /// `Invalid`, naming the file, for one that cannot be read; `Newer`.
    pub fn read() -> Result<Self> {
        let path = file()?;
        let Some(text) = fs::read_text(&path, 4 << 20)? else { return Ok(Self::default()) };
        let trust: Self = toml::from_str(&text).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("`{}` cannot be read: {}", path.display(), error.message()))
                .hint("mend it, or remove it: greffon asks again")
        })?;
        if trust.schema > SCHEMA {
            return Err(Error::new(ErrorKind::Newer, format!("`{}` was written by a newer greffon", path.display())));
        }
        Ok(trust)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self) -> Result<()> {
        let path = file()?;
        if let Some(folder) = path.parent() {
            fs::create_folder(folder)?;
        }
        let text = toml::to_string(&Self { schema: SCHEMA, ..self.clone() })
            .map_err(|error| Error::new(ErrorKind::Internal, "the list of what is trusted cannot be written").caused_by(error))?;
        fs::write_atomic(&path, format!("# What you allowed on this machine; written by greffon.\n{text}").as_bytes())
    }

    /// Whether a manifest may run programs.
    #[must_use]
    pub fn has_manifest(&self, manifest: &Path) -> bool {
        self.manifests.iter().any(|trusted| trusted.path == manifest)
    }

    /// Lets a manifest run programs; `false`: takes that away.
    pub fn set_manifest(&mut self, manifest: &Path, trusted: bool) {
        self.manifests.retain(|known| known.path != manifest);
        if trusted {
            self.manifests.push(Trusted { path: manifest.to_owned() });
            self.manifests.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }

    /// What was allowed for an extension of a manifest; `hash` `None`: whatever its bytes are now.
    #[must_use]
    pub fn grants(&self, manifest: &Path, extension: &str, hash: Option<&str>) -> Option<Grants> {
        let mut found =
            self.grants.iter().filter(|grant| grant.manifest == manifest && grant.extension == extension && hash.is_none_or(|hash| grant.hash == hash));
        let first = found.next()?.allow.clone();
        Some(found.fold(first, |all, grant| all.and(&grant.allow)))
    }

    /// Keeps what was allowed for an extension at these bytes; what was allowed for other bytes goes.
    pub fn allow(&mut self, manifest: &Path, extension: &str, hash: &str, allow: &Grants) {
        let before = self.grants(manifest, extension, Some(hash)).unwrap_or_default();
        self.grants.retain(|grant| grant.manifest != manifest || grant.extension != extension);
        self.grants.push(Granted {
            manifest: manifest.to_owned(),
            extension: extension.to_owned(),
            hash: hash.to_owned(),
            allow: before.and(allow),
            seen: None,
        });
        self.grants.sort_by(|a, b| (&a.manifest, &a.extension).cmp(&(&b.manifest, &b.extension)));
    }

    /// Keeps what an extension is, beside what was just allowed for it.
    pub fn see(&mut self, manifest: &Path, extension: &str, seen: Seen) {
        if let Some(grant) = self.grants.iter_mut().find(|grant| grant.manifest == manifest && grant.extension == extension) {
            grant.seen = Some(seen);
        }
    }

    /// What an extension was when something was allowed for it last; `None`: nothing ever was.
    #[must_use]
    pub fn seen(&self, manifest: &Path, extension: &str) -> Option<Seen> {
        self.grants.iter().find(|grant| grant.manifest == manifest && grant.extension == extension).map(|grant| grant.seen.clone().unwrap_or_default())
    }

    /// Forgets everything that was allowed for a manifest.
    pub fn forget(&mut self, manifest: &Path) {
        self.set_manifest(manifest, false);
        self.grants.retain(|grant| grant.manifest != manifest);
    }
}

/// Where it is kept.
pub(super) fn file() -> Result<PathBuf> {
    Ok(places::data_folder()?.join("trust.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_holds_for_these_bytes_alone() {
        let mut trust = Trust::default();
        let (manifest, other) = (Path::new("/a/greffon.toml"), Path::new("/b/greffon.toml"));
        let net = Grants { net: vec!["a.example".into()], ..Grants::default() };
        trust.allow(manifest, "x", "sha256:1", &net);
        assert_eq!(trust.grants(manifest, "x", Some("sha256:1")), Some(net.clone()));
        assert_eq!(trust.grants(manifest, "x", Some("sha256:2")), None);
        assert_eq!(trust.grants(other, "x", Some("sha256:1")), None);
        assert_eq!(trust.grants(manifest, "x", None), Some(net));
        trust.set_manifest(manifest, true);
        assert!(trust.has_manifest(manifest) && !trust.has_manifest(other));
        let text = toml::to_string(&trust).expect("it is written");
        assert_eq!(toml::from_str::<Trust>(&text).expect("it is read"), trust);
        trust.forget(manifest);
        assert_eq!(trust, Trust::default());
    }
}
