//! A site's lock as a bill of materials: CycloneDX 1.5 and 1.6, as JSON. The same lock gives the same bytes.

use serde_json::{Value as Json, json};

use super::Subject;
use super::iri::iri;
use super::licence::{self, Licence};
use super::purl::purl;
use crate::builtin::client::Resolved;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ElementId};
use crate::roles::Trees;
use crate::sys::redact;

/// The versions of the format that can be written.
pub(super) const SPECS: [&str; 2] = ["1.5", "1.6"];

/// The document of a site.
///
/// # Errors
/// `Usage` for a version of the format that is not known; when the stock cannot be read.
pub(super) fn document(subject: &mut Subject<'_>, spec: &str) -> Result<Json> {
    if !SPECS.contains(&spec) {
        return Err(
            Error::new(ErrorKind::Usage, format!("greffon does not write CycloneDX `{}`", spec.escape_debug())).hint(format!("there are {}", SPECS.join(", ")))
        );
    }
    let elements = subject.elements.clone();
    let mut components = Vec::with_capacity(elements.len());
    for one in &elements {
        components.push(component(subject, one, spec)?);
    }
    let whole = format!("site/{}", subject.site.name);
    let mut dependencies = vec![json!({ "ref": whole, "dependsOn": subject.site.elements.keys().map(reference).collect::<Vec<_>>() })];
    let core = elements.iter().find(|one| one.id.kind() == "core").map(|one| &one.id);
    for one in &elements {
        // What comes with the core is the core's.
        let known = |id: &ElementId| elements.iter().any(|other| other.id == *id);
        let mut targets: Vec<String> =
            one.locked.dependencies.keys().filter_map(|id| if known(id) { Some(id) } else { core.filter(|core| **core != one.id) }).map(reference).collect();
        targets.sort();
        targets.dedup();
        dependencies.push(json!({ "ref": reference(&one.id), "dependsOn": targets }));
    }
    let body = json!({
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "greffon", "version": env!("CARGO_PKG_VERSION") }] },
            "component": { "type": "application", "bom-ref": whole, "name": subject.site.name },
        },
        "components": components,
        "dependencies": dependencies,
    });
    let mut document = json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{spec}.schema.json"),
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "serialNumber": serial(&body),
        "version": 1,
    });
    if let (Json::Object(document), Json::Object(body)) = (&mut document, body) {
        document.extend(body);
    }
    Ok(document)
}

fn reference(id: &ElementId) -> String {
    id.to_string()
}

/// A name for this content: the same lock has the same.
fn serial(body: &Json) -> String {
    let hex = Digest::of(body.to_string().as_bytes()).hex();
    // Version 8, "of one's own making", and the variant of RFC 9562.
    format!("urn:uuid:{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn component(subject: &mut Subject<'_>, one: &Resolved, spec: &str) -> Result<Json> {
    let locked = &one.locked;
    let mut component = json!({
        "type": if one.id.kind() == "core" { "framework" } else { "library" },
        "bom-ref": reference(&one.id),
        "group": one.id.kind(),
        "name": one.id.name(),
        "version": one.pin.version.as_str(),
        "purl": purl(one),
    });
    let Json::Object(fields) = &mut component else { return Ok(component) };
    if let Some(digest) = &locked.sha256 {
        fields.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": digest.hex() }]));
    }
    // A tree or commit of git is exactly what Software Heritage names so.
    if spec == "1.6" {
        let ids = [locked.tree.map(|tree| format!("swh:1:dir:{tree}")), locked.commit.map(|commit| format!("swh:1:rev:{commit}"))];
        let ids: Vec<String> = ids.into_iter().flatten().collect();
        if !ids.is_empty() {
            fields.insert("swhid".to_owned(), json!(ids));
        }
    }
    let licences = licences(subject, one)?;
    if !licences.is_empty() {
        let one = |licence: &Licence| match licence {
            Licence::Id(id) => json!({ "license": { "id": id } }),
            Licence::Name(name) => json!({ "license": { "name": name } }),
        };
        fields.insert("licenses".to_owned(), Json::Array(licences.iter().map(one).collect()));
    }
    let mut references = Vec::new();
    if let Some(git) = &locked.git {
        references.push(json!({ "type": "vcs", "url": iri(&redact(git)) }));
    }
    if let Some(url) = &locked.url {
        references.push(json!({ "type": "distribution", "url": iri(&redact(url)) }));
    }
    if !references.is_empty() {
        fields.insert("externalReferences".to_owned(), Json::Array(references));
    }
    let patches = subject.site.elements.get(&one.id).map(|wanted| wanted.patches.as_slice()).unwrap_or_default();
    let base = subject.workspace.base();
    let patches: Vec<Json> = patches
        .iter()
        .map(|patch| json!({ "type": "unofficial", "diff": { "url": iri(&patch.strip_prefix(&base).unwrap_or(patch).display().to_string()) } }))
        .collect();
    let mut pedigree = serde_json::Map::new();
    if let Some(commit) = locked.commit {
        pedigree.insert("commits".to_owned(), json!([{ "uid": commit.to_string() }]));
    }
    if !patches.is_empty() {
        pedigree.insert("patches".to_owned(), Json::Array(patches));
    }
    if !pedigree.is_empty() {
        fields.insert("pedigree".to_owned(), Json::Object(pedigree));
    }
    let said = [
        ("greffon:repository", locked.repository.clone()),
        ("greffon:ref", locked.reference.clone()),
        ("greffon:tree", locked.tree.map(|tree| tree.to_string())),
        ("greffon:subdir", locked.subdir.clone()),
        ("greffon:path", locked.path.clone()),
        ("greffon:withdrawn", locked.yanked.clone()),
    ];
    let properties: Vec<Json> = said.into_iter().filter_map(|(name, value)| Some(json!({ "name": name, "value": value? }))).collect();
    if !properties.is_empty() {
        fields.insert("properties".to_owned(), Json::Array(properties));
    }
    Ok(component)
}

/// Nobody is asked: what is not in stock has no licence that is known.
fn licences(subject: &mut Subject<'_>, one: &Resolved) -> Result<Vec<Licence>> {
    let objects = subject.workspace.machine.stockroom.objects();
    let found = match one.locked.tree {
        Some(tree) if objects.has(tree) => licence::of(objects as &dyn Trees, tree)?,
        _ => {
            subject.leave(one, "its licence is not known: its code is not in stock (`greffon fetch`)");
            return Ok(Vec::new());
        }
    };
    if found.is_empty() {
        subject.leave(one, "its code does not say its licence");
    }
    Ok(found)
}
