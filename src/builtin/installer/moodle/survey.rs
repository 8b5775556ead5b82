//! What stands in a Moodle that other means made: its core, and a plugin in every folder that its types name.

use std::path::Path;

use super::component::Component;
use super::disk::Disk;
use super::info::{PLUGINS, core_version};
use super::layout::Layout;
use super::{Moodle, OWNERS_FILES, version_php};
use crate::error::Result;
use crate::model::{ElementId, ObjectId, Version};
use crate::roles::{Survey, Surveyed, TreeItemKind, Trees as _};

/// Every plugin is told, also those that come with the core: which these are is known once the core is.
pub(super) fn survey(moodle: &Moodle, site: &Path) -> Result<Survey> {
    let disk = Disk(site.to_owned());
    let any = ObjectId::EMPTY_TREE;
    let Some(layout) = Layout::read(&disk, any)? else { return Ok(Survey::default()) };
    let marker = if layout.document_root.is_empty() { "version.php".to_owned() } else { format!("{}/version.php", layout.document_root) };
    let core = Surveyed { id: moodle.core.clone(), path: ".".to_owned(), version: core_version(&layout.version), marker: Some(marker) };
    let mut folders = layout.types.clone();
    for (kind, folder) in layout.subtypes_in(&disk, any)? {
        folders.entry(kind).or_insert(folder);
    }
    let mut plugins = Vec::new();
    for (kind, folder) in folders {
        for item in disk.list(any, &folder)?.unwrap_or_default() {
            let component = format!("{kind}_{}", item.name);
            if !matches!(item.what, TreeItemKind::Folder(_)) || Component::read(&component).is_err() {
                continue;
            }
            let path = format!("{folder}/{}", item.name);
            let Some(bytes) = disk.read(any, &format!("{path}/version.php"))? else { continue };
            let read = version_php::plugin(&bytes);
            // What says that it is another plugin is none that Moodle would take here.
            if read.component.as_ref().is_some_and(|said| *said != component) {
                continue;
            }
            let version = read.version.map(Version::new);
            plugins.push(Surveyed { id: ElementId::new(PLUGINS, component)?, path, version, marker: Some("version.php".to_owned()) });
        }
    }
    plugins.sort_by(|a, b| (a.path.matches('/').count(), &a.path).cmp(&(b.path.matches('/').count(), &b.path)));
    let mut protect: Vec<String> = OWNERS_FILES.map(str::to_owned).to_vec();
    protect.extend(moodle.protect.iter().cloned());
    Ok(Survey { elements: std::iter::once(core).chain(plugins).collect(), protect })
}
