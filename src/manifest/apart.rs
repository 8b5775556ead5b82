//! Sites that only the disk shows to be one: links lead to the same folder, or an element's folder holds the site it goes to.

use std::path::{Path, PathBuf};

use super::Manifest;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Source, WantedSite};
use crate::sys::fs::{self, PathKind, ground};

impl Manifest {
    /// Refuses sites that would write into each other, wherever links lead, and elements that would take the site into itself.
    ///
    /// # Errors
    /// `Site`, at the manifest's line.
    pub fn check_ground(&self) -> Result<()> {
        check(self)
    }
}

fn check(manifest: &Manifest) -> Result<()> {
    let here: Vec<(&WantedSite, PathBuf)> =
        manifest.sites.iter().filter(|site| is_here(site)).filter_map(|site| Some((site, ground::real_path(&site.path).ok()?))).collect();
    let mut order: Vec<usize> = (0..here.len()).collect();
    order.sort_by(|a, b| here[*a].1.cmp(&here[*b].1).then(a.cmp(b)));
    // Sorted by path, a folder stands right before what lies in it.
    let mut outer: Option<usize> = None;
    for index in order {
        let (site, path) = &here[index];
        match outer.map(|outer| &here[outer]) {
            Some((other, above)) if path.starts_with(above) => {
                let what = if path == above { "are one folder" } else { "lie in one another" };
                let error = Error::new(ErrorKind::Site, format!("the sites `{}` and `{}` {what}, `{}`", other.name, site.name, path.display()))
                    .hint("give each site a folder of its own");
                return Err(manifest.at_site(error, &site.name));
            }
            _ => outer = Some(index),
        }
        if let Some(error) = swallowed(site, path) {
            return Err(error);
        }
    }
    Ok(())
}

fn is_here(site: &WantedSite) -> bool {
    site.host.as_deref().is_none_or(ground::is_this_host)
}

/// What git tracks of a folder never holds the site that is beside it; of any other folder everything is taken.
fn swallowed(site: &WantedSite, path: &Path) -> Option<Error> {
    let (wanted, folder) = site.elements.values().find_map(|wanted| match &wanted.source {
        Source::Path { path: folder, .. } => {
            ground::real_path(folder).ok().filter(|real| path.starts_with(real) && !is_tracked(real)).map(|real| (wanted, real))
        }
        _ => None,
    })?;
    let error = Error::new(ErrorKind::Site, format!("{} is the folder `{}`, which holds the site `{}`", wanted.id, folder.display(), site.name))
        .hint("name a folder that holds the element alone");
    Some(crate::diagnostic::at_origin(error, &wanted.origin, wanted.id.name(), ""))
}

fn is_tracked(folder: &Path) -> bool {
    folder.ancestors().any(|above| matches!(fs::kind(&above.join(".git")), Ok(Some(PathKind::Folder | PathKind::File { .. }))))
}
