//! What files want, written into a manifest.

use std::path::{Path, PathBuf};

use super::Carried;
use super::sheet::{Left, Wish};
use crate::command::Globals;
use crate::command::workspace::{no_site, write_gitattributes};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, NewElement, add_elements, set_patches};
use crate::model::{ElementId, GitPin, Requirement, Source, WantedElement};
use crate::sys::fs;

/// What came of it.
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) created: bool,
    pub(super) elements: Vec<Carried>,
}

/// Adds the wishes to the manifest of the folder; each that cannot be added is told in `left`.
///
/// # Errors
/// `Manifest`; `Usage` for an unknown site; `Io`.
pub(super) fn write(globals: &Globals, folder: &Path, wishes: Vec<Wish>, left: &mut Vec<Left>) -> Result<Written> {
    // A folder that is named is meant itself; else the manifest above serves, as everywhere.
    let own = folder.join("greffon.toml");
    let found =
        if globals.directory.is_some() && fs::kind(&own)?.is_none() { Err(Error::new(ErrorKind::NotFound, "no manifest")) } else { Manifest::find(folder) };
    let (path, before) = match found {
        Ok(path) => {
            let manifest = Manifest::load(&path)?;
            (path, Some(manifest))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => (folder.join("greffon.toml"), None),
        Err(error) => return Err(error),
    };
    let site = match (globals.sites.as_slice(), &before) {
        ([], _) => None,
        ([name], Some(manifest)) if manifest.sites.iter().any(|site| site.name == *name) => Some(name.as_str()),
        ([name], Some(manifest)) => return Err(no_site(name, &manifest.sites)),
        ([_], None) => {
            return Err(Error::new(ErrorKind::Usage, "there is no manifest here, and so no site").hint("leave `--site` out: a first manifest has one site"));
        }
        _ => return Err(Error::new(ErrorKind::Usage, "one site at a time can be given elements of its own").hint("leave `--site` out, or name one")),
    };
    let mut text = match &before {
        Some(manifest) => manifest.text.clone(),
        None => first_text(&wishes),
    };
    let mut seen: Vec<(ElementId, String, usize)> = Vec::new();
    let mut elements = Vec::new();
    let leave = |left: &mut Vec<Left>, wish: &Wish, reason: String| {
        left.push(Left { file: wish.file.clone(), line: wish.line, text: wish.text.clone(), reason });
    };
    for wish in wishes {
        let id = &wish.id;
        if let Some((_, file, line)) = seen.iter().find(|(known, ..)| known == id) {
            let place = if *file == wish.file { format!("line {line}") } else { format!("`{file}`, line {line},") };
            leave(left, &wish, format!("{id} is wanted by {place} already"));
            continue;
        }
        seen.push((id.clone(), wish.file.clone(), wish.line));
        let there = before
            .as_ref()
            .and_then(|manifest| manifest.sites.iter().filter(|one| site.is_none_or(|site| one.name == site)).find_map(|one| one.elements.get(id)));
        if let Some(there) = there {
            if is_same(there, &wish) {
                elements.push(carried(&wish, true));
            } else {
                leave(left, &wish, format!("greffon.toml wants {id} already, as `{}`: `greffon remove {id}` first", there.asks()));
            }
            continue;
        }
        let requirement = wish.requirement.clone();
        let element = NewElement { id: id.clone(), requirement, source: wish.source.clone(), group: wish.group.clone() };
        let mut next = add_elements(&path, &text, std::slice::from_ref(&element), site)?;
        if !wish.patches.is_empty() {
            next = set_patches(&path, &next, id, &wish.patches, site)?;
        }
        // What a manifest may not say is told of this line, and the others are carried over.
        if let Err(error) = Manifest::parse(&path, next.clone()) {
            leave(left, &wish, error.message().to_owned());
            continue;
        }
        text = next;
        elements.push(carried(&wish, false));
    }
    if elements.is_empty() {
        let error = Error::new(ErrorKind::Invalid, "nothing can be carried over");
        return Err(left.iter().take(20).fold(error, |error, left| error.note(format!("{}:{}: {}", left.file, left.line, left.reason))));
    }
    let changed = before.as_ref().is_none_or(|manifest| manifest.text != text);
    if !globals.dry_run && changed {
        fs::create_folder(folder)?;
        fs::write_through(&path, text.as_bytes())?;
        if before.is_none() {
            write_gitattributes(folder)?;
        }
    }
    Ok(Written { path, created: before.is_none(), elements })
}

fn first_text(wishes: &[Wish]) -> String {
    let mut files: Vec<&str> = wishes.iter().map(|wish| wish.file.as_str()).collect();
    files.dedup();
    let named: String = files
        .iter()
        .filter_map(|file| Path::new(file).file_name())
        .map(|name| name.to_string_lossy().escape_debug().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    format!("# Taken over from {named} by `greffon import`.\n\n[config]\ninstaller = \"builtin:moodle\"\n\n[types.core]\n\n[types.plugins]\n")
}

fn is_same(there: &WantedElement, wish: &Wish) -> bool {
    let requirement = wish.requirement.clone().unwrap_or_else(Requirement::any);
    there.source == wish.source && there.requirement == requirement && there.patches.len() == wish.patches.len()
}

fn carried(wish: &Wish, there: bool) -> Carried {
    let requirement = wish.requirement.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
    let (wants, git) = match &wish.source {
        Source::Git { git, pin, .. } => {
            let wants = match pin {
                GitPin::Version => requirement,
                GitPin::Tag(tag) => format!("tag {tag}"),
                GitPin::Branch(branch) => format!("branch {branch}"),
                GitPin::Rev(rev) => format!("rev {rev}"),
            };
            (wants, Some(crate::sys::redact(git)))
        }
        Source::Path { path, .. } => (format!("path {}", path.display()), None),
        Source::Url { url, version, .. } => {
            (format!("{} of {}", version.as_ref().map_or("the version", |version| version.as_str()), crate::sys::redact(url)), None)
        }
        _ => (requirement, None),
    };
    Carried { r#type: wish.id.kind().to_owned(), name: wish.id.name().to_owned(), wants, git, file: wish.file.clone(), line: wish.line, there }
}
