//! What a site's data were upgraded for, against the code that is to come: an application refuses data that are too new.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::command::Workspace;
use crate::error::Result;
use crate::model::{ElementId, Graft, Version, WantedSite};
use crate::roles::{Context, Installer};
use crate::script::{DataRecord, Follows};
use crate::site::{DataVersions, Site};

/// An element whose data are newer than the code that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Downgrade {
    /// Which.
    pub id: ElementId,
    /// What its data are for.
    pub from: String,
    /// What the code is.
    pub to: String,
}

/// The version that each element's code gives its data.
fn versions(cx: &Context, installer: &dyn Installer, grafts: &[Graft]) -> Result<BTreeMap<ElementId, Version>> {
    let mut versions = BTreeMap::new();
    for graft in grafts {
        if let Some(version) = installer.data_version(cx, graft)? {
            versions.insert(graft.id.clone(), version);
        }
    }
    Ok(versions)
}

/// What `after` would be too old for. Where no hook ever said what the data are for, they are taken to follow the code in place;
/// the second value is whether one did.
pub(in crate::command) fn downgrades(workspace: &Workspace, site: &Site, after: &[Graft]) -> Result<(Vec<Downgrade>, bool)> {
    let (cx, installer) = (&workspace.machine.cx, &*workspace.roles.installer);
    let recorded = site.data()?;
    let known = recorded.is_some();
    let data = match recorded {
        Some(data) => data.versions,
        None => match site.current()? {
            // What the stock has lost says nothing.
            Some(current) => versions(cx, installer, &current.grafts).unwrap_or_default(),
            None => BTreeMap::new(),
        },
    };
    if data.is_empty() {
        return Ok((Vec::new(), known));
    }
    let mut found = Vec::new();
    for (id, to) in versions(cx, installer, after)? {
        let Some(from) = data.get(&id) else { continue };
        if workspace.schemes.of(&id, None, None)?.compare(&to, from).is_lt() {
            found.push(Downgrade { id, from: from.to_string(), to: to.to_string() });
        }
    }
    Ok((found, known))
}

/// `core/moodle 2025100600 → 2024100701`, the first few of them.
pub(in crate::command) fn told(downgrades: &[Downgrade]) -> String {
    let mut shown: Vec<String> = downgrades.iter().take(3).map(|one| format!("{} {} → {}", one.id, one.from, one.to)).collect();
    if downgrades.len() > 3 {
        shown.push(format!("{} more", downgrades.len() - 3));
    }
    shown.join(", ")
}

/// What a hook says and asks by `data::…`.
pub(super) fn follows(workspace: &Workspace, wanted: &WantedSite) -> Result<Follows> {
    let (site, cx, installer) = (workspace.site(wanted)?, workspace.machine.cx.clone(), workspace.roles.installer.clone());
    Ok(Follows::new(Record { site, cx, installer }))
}

struct Record {
    site: Site,
    cx: Context,
    installer: Arc<dyn Installer>,
}

impl DataRecord for Record {
    fn follow(&self) -> Result<()> {
        let Some(current) = self.site.current()? else { return Ok(()) };
        let mut data = self.site.data()?.unwrap_or_default();
        data.generation = current.number;
        data.versions.extend(versions(&self.cx, &*self.installer, &current.grafts)?);
        self.site.set_data(&self.cx, &data)
    }

    fn is_known(&self) -> Result<bool> {
        Ok(self.site.data()?.is_some())
    }
}

/// Forgets the data that were destroyed.
pub(super) fn destroyed(cx: &Context, site: &Site, ids: &[ElementId]) -> Result<()> {
    let Some(mut data) = site.data()? else { return Ok(()) };
    let before = data.versions.len();
    data.versions.retain(|id, _| !ids.contains(id));
    if data.versions.len() == before {
        return Ok(());
    }
    site.set_data(cx, &DataVersions { versions: data.versions, ..data })
}
