//! `[types.*]`: the entries of elements.

use std::path::Path;

use super::config;
use super::paths;
use super::read::{At, Entries, Reader};
use super::shapes::{ElementEntry, ElementShape};
use super::sources;
use crate::error::Error;
use crate::model::{ElementId, Requirement, Source, WantedElement};

/// Every element of `[types]` (the manifest's or a site's), in order.
pub(super) fn elements(reader: &mut Reader<'_>, base: &Path, types: Option<&Entries<Entries<ElementEntry>>>, known: &[&str]) -> Vec<WantedElement> {
    let mut elements = Vec::new();
    for kind in types.map_or(&[][..], |types| &types.0) {
        // Said once, at the type, and not again for each of its elements.
        if let Err(fault) = ElementId::new(kind.key.value.clone(), "name") {
            let error = fault.hints().iter().cloned().fold(reader.error(kind.key.span.clone(), "", fault.message()), Error::hint);
            reader.fault(error);
            continue;
        }
        for entry in &kind.value.0 {
            match ElementId::new(kind.key.value.clone(), entry.key.value.clone()) {
                Ok(id) => elements.extend(element(reader, base, id, &entry.value, known)),
                Err(fault) => {
                    let error = fault.hints().iter().cloned().fold(reader.error(entry.key.span.clone(), "", fault.message()), Error::hint);
                    reader.fault(error);
                }
            }
        }
    }
    elements
}

fn element(reader: &mut Reader<'_>, base: &Path, id: ElementId, entry: &ElementEntry, known: &[&str]) -> Option<WantedElement> {
    match entry {
        ElementEntry::Short(version) => {
            let requirement = requirement(reader, Some(version))?;
            Some(WantedElement { origin: reader.origin(&version.span), ..WantedElement::from_repositories(id, requirement) })
        }
        ElementEntry::Long(At { value: shape, span }) => long(reader, base, id, shape, span.clone(), known),
    }
}

fn long(reader: &mut Reader<'_>, base: &Path, id: ElementId, shape: &ElementShape, span: std::ops::Range<usize>, known: &[&str]) -> Option<WantedElement> {
    let source = sources::source(reader, base, shape, known);
    let requirement = requirement(reader, shape.version.as_ref());
    let scheme = shape.scheme.as_ref().map(|at| config::scheme(reader, at));
    let group = shape.group.as_ref().map(|at| at.value.clone());
    let patches: Vec<_> = shape.patches.iter().flatten().filter_map(|at| paths::resolve(reader, base, &at.value, &at.span)).collect();
    let source = source?;
    // A path or url is one version, stated by `version`; there is nothing to choose from.
    let requirement = match source {
        Source::Path { .. } | Source::Url { .. } => Requirement::any(),
        _ => requirement?,
    };
    Some(WantedElement {
        id,
        requirement,
        source,
        scheme: scheme.flatten(),
        group,
        optional: shape.optional.iter().flatten().map(|at| at.value.clone()).collect(),
        patches,
        origin: reader.origin(&span),
    })
}

/// A requirement's text; how it is read is its scheme's business, but it must be a line of printable text.
fn requirement(reader: &mut Reader<'_>, at: Option<&At<String>>) -> Option<Requirement> {
    let Some(at) = at else { return Some(Requirement::any()) };
    let fault = if at.value.trim().is_empty() {
        Some("it is empty; `*` is any version")
    } else if at.value.contains(char::is_control) || at.value.len() > 500 {
        Some("a version is a short line of text")
    } else {
        None
    };
    if let Some(why) = fault {
        let error = reader.error(at.span.clone(), why, "this is not a version");
        reader.fault(error);
        return None;
    }
    Some(Requirement::new(at.value.trim()))
}
