//! What a core asks for: its `admin/environment.xml`, and the plugins that it brings along.

use std::collections::BTreeSet;

use super::component::Component;
use super::environment;
use super::info::PLUGINS;
use super::layout::Layout;
use crate::error::Result;
use crate::model::{Demands, ElementId, ObjectId, Version};
use crate::roles::{TreeItemKind, Trees};

/// Reads them from a core's tree.
pub(super) fn demands(trees: &dyn Trees, core: ObjectId, layout: &Layout) -> Result<Demands> {
    let release = release(layout);
    let mut demands = Demands { brings: brings(trees, core, layout)?, release: release.clone(), ..Demands::default() };
    for place in ["public/admin/environment.xml", "admin/environment.xml"] {
        let Some(bytes) = trees.read(core, place)? else { continue };
        let mut all = environment::read(&String::from_utf8_lossy(&bytes));
        // The list goes back to the first releases; one that ends before this release speaks for it too.
        let own = all.iter().position(|one| Some(&one.version) == release.as_ref()).or(all.len().checked_sub(1));
        let Some(own) = own.map(|at| all.swap_remove(at)) else { continue };
        demands.earliest = own.requires.map(Version::new);
        demands.runtimes.extend(own.php.map(|php| ("php".to_owned(), php)));
        demands.databases = own.databases;
        demands.extensions = own.extensions.into_iter().filter(|(_, required)| *required).map(|(name, _)| name).collect();
        break;
    }
    Ok(demands)
}

/// `5.1` of `5.1.2+ (Build: 20251205)`.
fn release(layout: &Layout) -> Option<String> {
    let release = layout.version.release.as_deref()?;
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    let mut parts = release[..end].split('.');
    Some(format!("{}.{}", parts.next().filter(|part| !part.is_empty())?, parts.next().filter(|part| !part.is_empty())?))
}

fn brings(trees: &dyn Trees, core: ObjectId, layout: &Layout) -> Result<BTreeSet<ElementId>> {
    let mut folders = layout.types.clone();
    for (kind, folder) in layout.subtypes_in(trees, core)? {
        folders.entry(kind).or_insert(folder);
    }
    let mut found = BTreeSet::new();
    for (kind, folder) in folders {
        for item in trees.list(core, &folder)?.unwrap_or_default() {
            let component = format!("{kind}_{}", item.name);
            let TreeItemKind::Folder(inner) = item.what else { continue };
            let is_file = |item: &crate::roles::TreeItem| item.name == "version.php" && matches!(item.what, TreeItemKind::File(_));
            if Component::read(&component).is_ok() && trees.list(inner, "")?.unwrap_or_default().iter().any(is_file) {
                found.insert(ElementId::new(PLUGINS, component)?);
            }
        }
    }
    Ok(found)
}
