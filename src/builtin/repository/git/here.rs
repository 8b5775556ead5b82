//! The versions of an element whose files are in the stock already: what a look at a site may know without asking anybody.

use super::element::GitElement;
use super::facts::{Fact, Facts};
use super::refs::{RefKind, candidates, version_of_tag};
use crate::error::Result;
use crate::model::{GitPin, ObjectId, Version};
use crate::roles::RefVersions;

impl GitElement {
    /// Every version whose commit is in the stock, by the refs as they were told last, and the tree of each. Nobody is asked, and
    /// nothing is written. Of a tag and a branch with one tree the tag is told.
    ///
    /// # Errors
    /// `Io`, `Newer`.
    pub fn here(&self) -> Result<Vec<(Version, ObjectId)>> {
        let refs = self.source.told_last()?;
        let mut known = candidates(&refs, &GitPin::Version, self.source.url())?;
        known.sort_by_key(|candidate| candidate.kind);
        let facts = Facts::load(&self.stockroom, self.source.url(), self.subdir.as_deref(), &self.id, &*self.installer, true);
        let names = self.installer.ref_versions(self.id.kind()) == RefVersions::Names;
        let mut found: Vec<(Version, ObjectId)> = Vec::new();
        for candidate in known {
            let version = match facts.get(candidate.commit, &candidate.reference) {
                Some(Fact::Info(info)) => Some(info.version.clone()),
                Some(Fact::Absent | Fact::Faulty(_) | Fact::Torn { .. }) => None,
                Some(Fact::Silent) | None => match candidate.kind {
                    _ if names => self.installer.version_of_ref(self.id.kind(), &candidate.reference),
                    RefKind::Tag => version_of_tag(&candidate.name, self.id.name(), &*self.scheme),
                    _ => None,
                },
            };
            let Some(version) = version.filter(|_| self.source.has(candidate.commit)) else { continue };
            let Ok(tree) = self.source.tree(candidate.commit, self.subdir.as_deref()) else { continue };
            if !found.iter().any(|(_, known)| *known == tree) {
                found.push((version, tree));
            }
        }
        Ok(found)
    }
}
