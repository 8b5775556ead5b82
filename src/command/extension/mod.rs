//! `extension new|check|run|test|list`: for those who write extensions, and those who want to know what they use.

pub mod check;
pub mod list;
pub mod new;
mod plain;
pub mod run;
pub mod test;

use std::path::{Path, PathBuf};

use super::workspace::start_folder;
use super::{Globals, Machine};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::roles::ContextBuilder;
use crate::roles::wire::Role;
use crate::script::Source;
use crate::sys::{fs, places};

/// The extensions that a command line names: paths of folders and scripts, or names; without any, the one that the working directory is,
/// else all in its `extensions/`.
fn named(globals: &Globals, names: &[String]) -> Result<Vec<PathBuf>> {
    let start = start_folder(globals)?;
    if names.is_empty() {
        return beside(&start);
    }
    names.iter().map(|name| one(&start, name)).collect()
}

fn one(start: &Path, name: &str) -> Result<PathBuf> {
    let path = start.join(name);
    if matches!(fs::kind(&path)?, Some(fs::PathKind::Folder | fs::PathKind::File { .. })) {
        return Ok(path);
    }
    let name = name.strip_prefix("extension:").or_else(|| name.strip_prefix("script:")).unwrap_or(name);
    let base = Manifest::find(start).ok().and_then(|manifest| manifest.parent().map(Path::to_owned)).unwrap_or_else(|| start.to_owned());
    let mut places = vec![base.join(name), base.join("extensions").join(name)];
    places.extend(places::extension_folders().into_iter().map(|folder| folder.join(name)));
    let found =
        places.iter().find(|place| Source::is_extension(place) || (name.ends_with(".rhai") && matches!(fs::kind(place), Ok(Some(fs::PathKind::File { .. })))));
    found.cloned().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no extension `{}`", name.escape_debug()))
            .note(format!("looked for in {}", places.iter().map(|place| format!("`{}`", place.display())).collect::<Vec<_>>().join(", ")))
            .hint("name its folder or its script; `greffon extension new NAME --role ROLE` makes one")
    })
}

fn beside(start: &Path) -> Result<Vec<PathBuf>> {
    if Source::is_extension(start) || is_crate(start)? {
        return Ok(vec![start.to_owned()]);
    }
    let folder = start.join("extensions");
    let mut found = Vec::new();
    for name in fs::names(&folder)?.unwrap_or_default() {
        if Source::is_extension(&folder.join(&name)) || is_crate(&folder.join(&name))? {
            found.push(folder.join(name));
        }
    }
    if found.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no extension here: no `extension.toml`, and nothing in `extensions/`")
            .hint("name a folder or a script; `greffon extension new NAME --role ROLE` makes one"));
    }
    found.sort();
    Ok(found)
}

/// Whether a folder is the crate of a native extension.
fn is_crate(folder: &Path) -> Result<bool> {
    let Some(text) = fs::read_text(&folder.join("Cargo.toml"), 1 << 20)? else { return Ok(false) };
    let table: Option<toml::Table> = toml::from_str(&text).ok();
    Ok(table.as_ref().and_then(|table| table.get("dependencies")).and_then(|all| all.get("greffon-extension")).is_some())
}

/// Configuration, network and secrets: of the manifest where there is one.
fn machine(globals: &Globals, surroundings: ContextBuilder) -> Result<Machine> {
    let start = start_folder(globals)?;
    match Manifest::find(&start) {
        Ok(path) => {
            let manifest = Manifest::load(&path)?;
            let base = path.parent().unwrap_or(&start).to_owned();
            Machine::open(globals, surroundings, Some(&manifest.config), &base)
        }
        Err(_) => Machine::open(globals, surroundings, None, &start),
    }
}

/// A role by its word.
///
/// # Errors
/// `Usage`, with the words there are.
pub fn role(word: &str) -> Result<Role> {
    Role::ALL.into_iter().find(|role| role.word() == word).ok_or_else(|| {
        let error = Error::new(ErrorKind::Usage, format!("`{}` is no role", word.escape_debug()));
        match crate::diagnostic::nearest(word, Role::ALL.map(Role::word)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("there are {}", Role::ALL.map(Role::word).join(", "))),
        }
    })
}
