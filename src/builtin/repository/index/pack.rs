//! Packing a folder so that the same files give the same bytes anywhere: sorted, fixed times and owners, plain modes.

use std::path::Path;

use super::include::included;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::manifest::{Package, parse_package};
use crate::model::ObjectId;
use crate::roles::{Context, Trees};
use crate::sys::archive::{self, Limits, PlainTarGz};
use crate::sys::fs::{self, PathKind};
use crate::sys::git::{NewEntry, NewEntryKind, Objects};

const PACKAGE_FILE: &str = "greffon.toml";

/// A package, packed.
pub(super) struct Packed {
    pub(super) package: Package,
    /// The tree that the archive makes.
    pub(super) tree: ObjectId,
    /// A tar.gz with one folder at its top.
    pub(super) bytes: Vec<u8>,
}

/// Packs a folder that has a `greffon.toml` with a `[package]`.
///
/// # Errors
/// `Manifest` when it has none, or one without a version; `Archive` for files that no package may hold.
pub(super) fn pack(cx: &Context, folder: &Path, objects: &Objects) -> Result<Packed> {
    let doing = || format!("could not pack `{}`", folder.display());
    if fs::kind(folder)? != Some(PathKind::Folder) {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no folder `{}` to pack", folder.display()))
            .hint(format!("name the folder of a package: one with a `{PACKAGE_FILE}`")));
    }
    let imported = archive::import_directory(cx, folder, objects, &Limits::default()).while_doing(doing)?;
    let file = folder.join(PACKAGE_FILE);
    let absent = || {
        Error::new(ErrorKind::Manifest, format!("`{}` is no package: it has no `{PACKAGE_FILE}` with a `[package]`", folder.display()))
            .hint("write one: `[package]` with `type`, `name` and `version`")
    };
    let bytes = objects.read(imported.tree, PACKAGE_FILE)?.ok_or_else(absent)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Manifest, format!("`{}` is not UTF-8", file.display())))?;
    let package = parse_package(&file, &text)?.ok_or_else(absent)?;
    let files = objects.files(imported.tree).while_doing(doing)?;
    let files = files.into_iter().filter(|file| file.path == PACKAGE_FILE || included(&file.path, &package.include));
    let top = top_folder(&package);
    let mut archive = PlainTarGz::new();
    let mut kept = Vec::new();
    let fault = |error| Error::new(ErrorKind::Archive, doing()).caused_by(error);
    for file in files {
        cx.check()?;
        let content = objects.blob(file.entry.id)?;
        let path = format!("{top}/{}", file.path);
        archive.append(&path, file.entry.mode, &content).map_err(fault)?;
        kept.push(file);
    }
    let bytes = archive.finish().map_err(fault)?;
    let tree = write_tree(objects, &kept.iter().map(|file| (file.path.as_str(), file.entry)).collect::<Vec<_>>())?;
    Ok(Packed { package, tree, bytes })
}

/// One folder at the top, so that a package of one folder keeps it when the top is left off.
fn top_folder(package: &Package) -> String {
    let name = package.info.id.name().replace('/', "-");
    format!("{name}-{}", file_version(package.info.version.as_str()))
}

/// A version as a part of a file's name.
pub(super) fn file_version(version: &str) -> String {
    version.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+') { c } else { '_' }).collect()
}

/// The tree of these files, which are sorted by path.
fn write_tree(objects: &Objects, files: &[(&str, crate::model::Entry)]) -> Result<ObjectId> {
    let mut entries = Vec::new();
    let mut rest = files;
    while let Some((path, entry)) = rest.first() {
        match path.split_once('/') {
            None => {
                entries.push(NewEntry { name: (*path).to_owned(), kind: NewEntryKind::File(entry.mode), id: entry.id });
                rest = &rest[1..];
            }
            Some((folder, _)) => {
                let prefix = format!("{folder}/");
                let end = rest.iter().position(|(path, _)| !path.starts_with(&prefix)).unwrap_or(rest.len());
                let below: Vec<(&str, crate::model::Entry)> = rest[..end].iter().map(|(path, entry)| (&path[prefix.len()..], *entry)).collect();
                entries.push(NewEntry { name: folder.to_owned(), kind: NewEntryKind::Folder, id: write_tree(objects, &below)? });
                rest = &rest[end..];
            }
        }
    }
    objects.write_tree(entries)
}
