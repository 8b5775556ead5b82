//! What the stock lost to damage, fetched again for the sites that need it; and what cannot be, with who needs it. `again` does so
//! for commands that meet damage on their way.

use std::collections::BTreeSet;

mod again;

pub use again::mending;

use serde::Serialize;

use super::Workspace;
use super::rollback::whole;
use crate::builtin::client::pin_generation;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, ObjectId};
use crate::site::Presence;

/// Something that a site needs and the stock no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The site's name; its id where there is no manifest at hand.
    pub site: String,
    /// The generations that are made of it.
    pub generations: Vec<u64>,
    /// The element; `None` where that cannot be told.
    #[serde(rename = "element")]
    pub id: Option<ElementId>,
    /// Its version then.
    pub version: Option<String>,
    /// Why it cannot be fetched again.
    pub why: String,
}

/// What became of what was lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mended {
    /// Elements that were fetched again, `TYPE/NAME VERSION`.
    pub fetched: Vec<String>,
    /// What could not be.
    pub missing: Vec<Missing>,
}

impl Workspace {
    /// Fetches again whatever the generations of this manifest's sites lack.
    ///
    /// # Errors
    /// `Site`, `Io`, `Interrupted`; what cannot be fetched is in the answer.
    pub(super) fn mend(&self) -> Result<Mended> {
        let cx = &self.machine.cx;
        let _shared = self.machine.stockroom.lock_shared(cx)?;
        let objects = self.machine.stockroom.objects();
        let (mut fetched, mut mended) = (BTreeSet::new(), Mended::default());
        let mut whole_trees: BTreeSet<ObjectId> = BTreeSet::new();
        for wanted in &self.manifest.sites {
            let site = self.site(wanted)?;
            if site.presence()? != Presence::Known {
                continue;
            }
            for generation in site.generations()? {
                if whole_trees.contains(&generation.tree) {
                    continue;
                }
                let lacking: Vec<_> = generation.grafts.iter().filter(|graft| !whole::is_whole(objects, graft.tree)).collect();
                let outcome = whole::complete(self, wanted, &site, &generation);
                if let Err(error) = &outcome
                    && error.kind() == ErrorKind::Interrupted
                {
                    return outcome.map(|()| mended);
                }
                for graft in lacking {
                    // One that cannot be had must not keep the others from being fetched.
                    let alone = match &outcome {
                        Err(_) if !whole::is_whole(objects, graft.tree) => whole::one_of(self, wanted, &site, &generation, &graft.id),
                        _ => Ok(()),
                    };
                    if whole::is_whole(objects, graft.tree) {
                        fetched.insert(format!("{} {}", graft.id, graft.version));
                    } else {
                        let why = match (&alone, &outcome) {
                            (Err(error), _) => reason(error),
                            (Ok(()), Err(error)) if std::error::Error::source(error).is_some() => reason(error),
                            _ => "what is there now has other files".to_owned(),
                        };
                        note(&mut mended.missing, &wanted.name, generation.number, Some((&graft.id, graft.version.as_str())), why);
                    }
                }
                match outcome {
                    Ok(()) => {
                        whole_trees.insert(generation.tree);
                        if let Some(id) = site.id()? {
                            // Its pin may have gone with what was damaged.
                            pin_generation(cx, &*self.roles.stock, objects, &id, &generation)?;
                        }
                    }
                    Err(error) if !mended.missing.iter().any(|one| one.site == wanted.name && one.generations.contains(&generation.number)) => {
                        note(&mut mended.missing, &wanted.name, generation.number, None, reason(&error));
                    }
                    Err(_) => {}
                }
            }
        }
        mended.fetched = fetched.into_iter().collect();
        Ok(mended)
    }
}

/// Without a manifest: the pins whose trees are not whole, by the ids of sites.
pub(super) fn unmended(opened: &super::stock::Opened) -> Result<Vec<Missing>> {
    let objects = opened.objects();
    let mut missing = Vec::new();
    for pin in objects.pins()? {
        if std::iter::once(&pin.tree).chain(&pin.elements).any(|tree| !whole::is_whole(objects, *tree)) {
            note(&mut missing, &pin.site, pin.generation, None, "it is fetched again where the site's manifest is".to_owned());
        }
    }
    Ok(missing)
}

fn note(missing: &mut Vec<Missing>, site: &str, generation: u64, element: Option<(&ElementId, &str)>, why: String) {
    let (id, version) = (element.map(|(id, _)| id.clone()), element.map(|(_, version)| version.to_owned()));
    match missing.iter_mut().find(|one| one.site == site && one.id == id && one.version == version) {
        Some(known) => known.generations.push(generation),
        None => missing.push(Missing { site: site.to_owned(), generations: vec![generation], id, version, why }),
    }
}

/// The innermost cause, in one line.
fn reason(error: &Error) -> String {
    let mut source: &dyn std::error::Error = error;
    let mut text = error.message().to_owned();
    while let Some(inner) = source.source() {
        source = inner;
        text = inner.to_string();
    }
    text.lines().next().unwrap_or_default().to_owned()
}
