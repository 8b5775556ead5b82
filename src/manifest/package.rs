//! `[package]`: what an author writes of a package.

use std::path::Path;

use indexmap::IndexMap;

use super::config;
use super::read::{At, Entries, FromToml, Reader};
use super::shapes::PackageShape;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, ElementInfo, Requirement, Version};

/// What an author writes of a package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its metadata; `download` is empty.
    pub info: ElementInfo,
    /// Which files belong to it, as gitignore-like patterns; empty: all.
    pub include: Vec<String>,
}

/// `[package]` of a package's own `greffon.toml`; `None` when the file has no such table. Other tables are not looked at: they
/// are the business of whoever works on the package.
///
/// # Errors
/// `Manifest` with the place.
pub fn parse_package(path: &Path, text: &str) -> Result<Option<Package>> {
    let mut reader = Reader::new(path, text, ErrorKind::Manifest);
    let tree = reader.tree();
    let Some((key, value)) = tree.as_ref().and_then(|tree| tree.get_key_value("package")) else {
        return reader.finish().map(|()| None);
    };
    let package = reader.within("package", key.span(), |reader| {
        let shape = PackageShape::from_toml(value, reader)?;
        package(reader, &key.span(), &shape)
    });
    reader.finish()?;
    Ok(package)
}

fn package(reader: &mut Reader<'_>, place: &std::ops::Range<usize>, shape: &PackageShape) -> Option<Package> {
    let mut lacking = Vec::new();
    for (key, at) in [("type", &shape.kind), ("name", &shape.name), ("version", &shape.version)] {
        if at.is_none() {
            lacking.push(key);
        }
    }
    if !lacking.is_empty() {
        let error = reader
            .error(place.clone(), "", format!("`[package]` lacks {}", super::read::shown_list(&lacking)))
            .hint("a package says its `type`, `name` and `version`");
        reader.fault(error);
    }
    let scheme = shape.scheme.as_ref().map(|at| config::scheme(reader, at));
    let dependencies = needs(reader, shape.dependencies.as_ref());
    let conflicts = needs(reader, shape.conflicts.as_ref());
    let mut optional = IndexMap::new();
    for group in shape.optional.as_ref().map_or(&[][..], |groups| &groups.0) {
        optional.insert(group.key.value.clone(), needs(reader, Some(&group.value)));
    }
    let (kind, name, version) = (shape.kind.as_ref()?, shape.name.as_ref()?, shape.version.as_ref()?);
    let id = match ElementId::new(kind.value.clone(), name.value.clone()) {
        Ok(id) => id,
        Err(fault) => {
            let error = reader.error(name.span.clone(), "", Error::message(&fault));
            reader.fault(error);
            return None;
        }
    };
    if version.value.trim().is_empty() || version.value.contains(char::is_control) {
        let error = reader.error(version.span.clone(), "", "this is not a version");
        reader.fault(error);
    }
    let summary = shape.summary.as_ref().map(|at| at.value.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty());
    Some(Package {
        info: ElementInfo { scheme: scheme.flatten(), summary, dependencies, conflicts, optional, ..ElementInfo::bare(id, Version::new(version.value.trim())) },
        include: shape.include.iter().flatten().map(|at| at.value.clone()).collect(),
    })
}

/// `"type/name" = "requirement"` lines.
fn needs(reader: &mut Reader<'_>, entries: Option<&Entries<At<String>>>) -> IndexMap<ElementId, Requirement> {
    let mut needs = IndexMap::new();
    for entry in entries.map_or(&[][..], |entries| &entries.0) {
        match entry.key.value.parse::<ElementId>() {
            Ok(id) => {
                needs.insert(id, Requirement::new(entry.value.value.trim()));
            }
            Err(fault) => {
                let error = reader.error(entry.key.span.clone(), "", Error::message(&fault)).hint("for instance `\"plugins/x\" = \"*\"`");
                reader.fault(error);
            }
        }
    }
    needs
}
