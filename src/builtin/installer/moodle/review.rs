//! What Moodle would object to in a whole site, found before a file is there: the checks of its own upgrade.

use std::collections::BTreeMap;

use super::Moodle;
use super::info::PLUGINS;
use super::layout::Layout;
use super::version_php::{self, PluginVersion};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Graft, Version};
use crate::roles::{Context, OwnerView};
use crate::version::{Scheme, scheme};

/// The refusals as one error, the complaints as texts.
pub(super) fn review(moodle: &Moodle, cx: &Context, view: &OwnerView) -> Result<Vec<String>> {
    let Some(core) = &view.core else { return Ok(Vec::new()) };
    let Some(layout) = moodle.layout(cx, core.tree)? else { return Ok(Vec::new()) };
    let mut plugins: BTreeMap<&str, (&Graft, PluginVersion)> = BTreeMap::new();
    for graft in view.placed.iter().filter(|graft| graft.id.kind() == PLUGINS) {
        if let Some(bytes) = cx.trees().read(graft.tree, "version.php")? {
            plugins.insert(graft.id.name(), (graft, version_php::plugin(&bytes)));
        }
    }
    let scheme = scheme("moodle")?;
    let mut refused = Vec::new();
    let mut warnings = Vec::new();
    for (graft, read) in plugins.values() {
        let one = Check { graft, read, core, layout: &layout, scheme: &*scheme };
        refused.extend(one.refused());
        warnings.extend(one.complaint());
        for (component, minimum) in &read.dependencies {
            let there = match plugins.get(component.as_str()) {
                Some((_, other)) => other.version.clone(),
                None => match crate::model::ElementId::new(PLUGINS, component.as_str()) {
                    Ok(id) => moodle.shipped_by(cx, core.tree, &layout, id.name())?.map(|version| version.to_string()),
                    Err(_) => continue,
                },
            };
            refused.extend(one.dependency(component, minimum.as_deref(), there.as_deref()));
        }
    }
    match Error::all(refused) {
        Some(error) => Err(error),
        None => Ok(warnings),
    }
}

struct Check<'a> {
    graft: &'a Graft,
    read: &'a PluginVersion,
    core: &'a Graft,
    layout: &'a Layout,
    scheme: &'a dyn Scheme,
}

impl Check<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.graft.id, self.graft.version)
    }

    fn core_name(&self) -> String {
        let build = self.layout.version.version.as_deref().unwrap_or_default();
        let core = format!("{} {}", self.core.id, self.core.version);
        if self.core.version.as_str() == build { core } else { format!("{core} ({build})") }
    }

    fn older(&self, version: &str, minimum: &str) -> bool {
        self.scheme.compare(&Version::new(version), &Version::new(minimum)).is_lt()
    }

    fn branch(&self) -> Option<u32> {
        self.layout.version.branch.as_deref()?.parse().ok()
    }

    fn refused(&self) -> Option<Error> {
        if let Some(fault) = self.read.faults.first() {
            return Some(Error::new(ErrorKind::Invalid, format!("{}: {fault}", self.name())).hint("choose another version of it"));
        }
        let build = self.layout.version.version.as_deref().unwrap_or_default();
        if let Some(requires) = self.read.requires.as_deref().filter(|requires| self.older(build, requires)) {
            return Some(
                Error::new(ErrorKind::Invalid, format!("{} requires Moodle {requires} or later, and {} is older", self.name(), self.core_name()))
                    .hint("choose an older version of the plugin or a newer core"),
            );
        }
        let incompatible = self.read.incompatible?;
        if self.branch()? >= incompatible {
            return Some(
                Error::new(ErrorKind::Invalid, format!("{} does not work with Moodle {incompatible} and later, and {} is that", self.name(), self.core_name()))
                    .hint("choose another version of one of them"),
            );
        }
        None
    }

    fn complaint(&self) -> Option<String> {
        let (from, to) = self.read.supported?;
        let branch = self.branch()?;
        (branch < from || branch > to).then(|| format!("{} says that it supports Moodle {from} to {to}; {} is {branch}", self.name(), self.core.id))
    }

    fn dependency(&self, component: &str, minimum: Option<&str>, there: Option<&str>) -> Option<Error> {
        match (there, minimum) {
            (None, _) => Some(
                Error::new(
                    ErrorKind::Invalid,
                    format!("{} needs {component}, which is neither wanted for this site nor part of {}", self.name(), self.core_name()),
                )
                .hint(format!("`greffon add {PLUGINS}/{component}`, with `--git URL` where no repository knows it")),
            ),
            (Some(there), Some(minimum)) if self.older(there, minimum) => Some(
                Error::new(ErrorKind::Invalid, format!("{} needs {component} {minimum} or later, and this site has {there}", self.name()))
                    .hint("choose an older version of the one or a newer version of the other"),
            ),
            _ => None,
        }
    }
}
