//! Which version stands in a site where its files are not the recorded ones: told by git trees that this machine knows, else by
//! what the code says of itself. Nobody is asked, and neither site nor stock is written.

use std::path::Path;
use std::sync::Arc;

use super::Workspace;
use crate::builtin::repository::GitElement;
use crate::error::Result;
use crate::manifest::parse_package;
use crate::model::{ElementId, GitPin, Graft, ObjectId, Payload, Source, Version, WantedSite};
use crate::roles::{InfoRequest, StockKey, Trees as _};
use crate::site::{Fit, Generation, Site, Stand};
use crate::version::Scheme;

/// Where an element's own metadata stands.
const PACKAGE: &str = "greffon.toml";

/// Another version than the recorded one, which other means put into a site.
#[derive(Debug, Clone)]
pub(super) struct Other {
    /// What was recorded.
    pub(super) recorded: Graft,
    /// What stands there.
    pub(super) found: Version,
    /// How its tree fits what stands there; `None`: no known tree does, the code itself says its version.
    pub(super) fit: Option<Fit>,
    /// Everything in the element's folder that was not recorded, by paths in the site.
    pub(super) strays: Vec<String>,
}

impl Other {
    /// What nobody recorded and belongs to the version that was found there.
    pub(super) fn brought(&self) -> Vec<String> {
        match &self.fit {
            Some(fit) => fit.brought.clone(),
            // Whatever is in an element's own folder came with it, as far as anybody can tell; in the core's it may be the owner's.
            None if self.recorded.placement.path == "." => Vec::new(),
            None => self.strays.clone(),
        }
    }
}

impl Workspace {
    /// The other versions that stand in a site.
    pub(super) fn other_versions(&self, site: &Site, wanted: &WantedSite, stands: &[Stand]) -> Result<Vec<Other>> {
        let mut others = Vec::new();
        if stands.is_empty() {
            return Ok(others);
        }
        let generations = site.generations()?;
        for stand in stands {
            let graft = &stand.graft;
            let told = self.lock.entry(&wanted.name, &graft.id).and_then(|(_, locked)| locked.scheme.clone());
            let scheme = self.schemes.of(&graft.id, wanted.elements.get(&graft.id), told.as_deref())?;
            let found = match self.by_tree(stand, wanted, &*scheme, &generations)? {
                Some((found, fit)) => Some((found, Some(fit))),
                None => self.by_code(site, stand, &*scheme).map(|found| (found, None)),
            };
            if let Some((found, fit)) = found {
                others.push(Other { recorded: graft.clone(), found, fit, strays: stand.strays() });
            }
        }
        Ok(others)
    }

    /// The version whose tree stands there; of several the one that leaves least unexplained.
    fn by_tree(&self, stand: &Stand, wanted: &WantedSite, scheme: &dyn Scheme, generations: &[Generation]) -> Result<Option<(Version, Fit)>> {
        let graft = &stand.graft;
        let objects = self.machine.stockroom.objects();
        let mut best: Option<(usize, Version, Fit)> = None;
        for (version, tree) in self.known_trees(&graft.id, wanted, generations)? {
            self.machine.cx.check()?;
            if same(scheme, &version, &graft.version) {
                continue;
            }
            let inner = graft.placement.subdir.as_deref().and_then(|subdir| objects.subtree(tree, subdir).ok().flatten());
            for tree in inner.into_iter().chain([tree]) {
                // a tree that cannot be read tells nothing
                let Ok(Some(fit)) = stand.fit(objects, tree) else { continue };
                let doubt = fit.left_over + fit.others.len();
                let better = best.as_ref().is_none_or(|(least, known, _)| doubt < *least || (doubt == *least && later(scheme, &version, known)));
                if better {
                    best = Some((doubt, version.clone(), fit));
                }
            }
        }
        Ok(best.map(|(_, version, fit)| (version, fit)))
    }

    /// The trees of an element that this machine knows, with their versions: of the stock's entries, of the refs of its
    /// repositories as they were told last, of the site's earlier generations.
    fn known_trees(&self, id: &ElementId, wanted: &WantedSite, generations: &[Generation]) -> Result<Vec<(Version, ObjectId)>> {
        let mut known: Vec<(Version, ObjectId)> = Vec::new();
        let mut add = |version: Version, tree: ObjectId| {
            if !known.iter().any(|(_, other)| *other == tree) {
                known.push((version, tree));
            }
        };
        for graft in generations.iter().flat_map(|generation| &generation.grafts).filter(|graft| graft.id == *id) {
            add(graft.version.clone(), graft.tree);
        }
        for key in self.roles.stock.list(&self.machine.cx)?.into_iter().filter(|key| key.id == *id) {
            if let Some(tree) = self.stocked(&key)? {
                add(key.version, tree);
            }
        }
        let mut sources: Vec<(String, Option<String>, bool)> = Vec::new();
        if let Some(Source::Git { git, subdir, submodules, .. }) = wanted.elements.get(id).map(|element| &element.source) {
            sources.push((git.clone(), subdir.clone(), *submodules));
        }
        for (_, locked) in self.lock.entries(id) {
            if let Some(git) = &locked.git {
                sources.push((git.clone(), locked.subdir.clone(), locked.submodules));
            }
        }
        sources.sort();
        sources.dedup();
        for (git, subdir, submodules) in sources {
            let element = GitElement {
                id: id.clone(),
                source: self.machine.sources.open(&git, None)?,
                subdir,
                submodules,
                pin: GitPin::Version,
                scheme: self.schemes.of(id, wanted.elements.get(id), None)?,
                installer: Arc::clone(&self.roles.installer),
                stockroom: self.machine.stockroom.clone(),
            };
            for (version, tree) in element.here()? {
                add(version, tree);
            }
        }
        Ok(known)
    }

    fn stocked(&self, key: &StockKey) -> Result<Option<ObjectId>> {
        let stored = self.roles.stock.open(&self.machine.cx, key)?;
        Ok(stored.and_then(|stored| match stored.payload {
            Payload::Tree { tree, .. } => Some(tree),
            Payload::Archive { .. } | Payload::Directory { .. } => None,
        }))
    }

    /// The version that the code there says it is, where the recorded code says another one.
    fn by_code(&self, site: &Site, stand: &Stand, scheme: &dyn Scheme) -> Option<Version> {
        let objects = self.machine.stockroom.objects();
        let graft = &stand.graft;
        let recorded = self.says(&graft.id, graft.tree).unwrap_or_else(|| graft.version.clone());
        // what git has no name for is changed files like any others
        let loan = stand.lend(site, objects).ok()?;
        let found = self.says(&graft.id, loan.tree())?;
        let said = found.as_str() != "0.0.0" && scheme.check(&found).is_ok();
        (said && !same(scheme, &found, &graft.version) && !same(scheme, &found, &recorded)).then_some(found)
    }

    /// What code says its version is: its own metadata, else what the installer reads there. Code that cannot be read says nothing.
    fn says(&self, id: &ElementId, tree: ObjectId) -> Option<Version> {
        let objects = self.machine.stockroom.objects();
        let text = objects.read(tree, PACKAGE).ok()?.and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(package) = text.and_then(|text| parse_package(Path::new(PACKAGE), &text).ok().flatten()) {
            return (package.info.id == *id).then_some(package.info.version);
        }
        let request = InfoRequest { id: id.clone(), tree, reference: None };
        self.roles.installer.info(&self.machine.cx, &request).ok().flatten().map(|info| info.version)
    }
}

fn same(scheme: &dyn Scheme, a: &Version, b: &Version) -> bool {
    a == b || (scheme.check(a).is_ok() && scheme.check(b).is_ok() && scheme.compare(a, b).is_eq())
}

fn later(scheme: &dyn Scheme, a: &Version, b: &Version) -> bool {
    scheme.check(a).is_ok() && (scheme.check(b).is_err() || scheme.compare(a, b).is_gt())
}
