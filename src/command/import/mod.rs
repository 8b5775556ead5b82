//! `import`: what other tools' files want, as a manifest. Nothing is fetched and nothing resolved; every line that has no like
//! here is told with the reason.

mod composer;
mod flow;
mod gitmodules;
mod gitplugins;
mod literals;
mod mcm;
mod node;
mod outline;
mod places;
mod sheet;
mod source;
mod write;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use sheet::Left;
use sheet::{Page, Sheet, Wish};

use super::Globals;
use super::workspace::start_folder;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::places as system;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// mcm's project file.
    Mcm,
    /// `gitplugins.conf`.
    Gitplugins,
    /// `.gitmodules`.
    Gitmodules,
    /// `composer.json`.
    Composer,
}

/// What `import` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// What they are, where their names do not tell.
    pub format: Option<Format>,
}

/// What `import` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/import/1`.
    pub schema: &'static str,
    /// The manifest.
    pub manifest: String,
    /// Whether it is a new one.
    pub created: bool,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// What was read.
    pub files: Vec<Source>,
    /// What was carried over.
    pub elements: Vec<Carried>,
    /// What was not, line by line.
    pub left: Vec<Left>,
    /// What else the user should know.
    pub notes: Vec<String>,
}

/// A file that was read.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// As it was named.
    pub path: String,
    /// What it is.
    pub format: Format,
}

/// An element that was carried over.
#[derive(Debug, Clone, Serialize)]
pub struct Carried {
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// What is asked of it: `*`, `branch main`.
    pub wants: String,
    /// Where from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// The file that wants it.
    pub file: String,
    /// The line there.
    pub line: usize,
    /// Whether the manifest had just this already.
    pub there: bool,
}

/// Reads the files and writes what they want into `greffon.toml`: the one that is there, or a new one.
///
/// # Errors
/// `NotFound`; `Invalid` for a file that cannot be understood, with the place, or of which nothing can be carried over; `Manifest`.
pub fn run(globals: &Globals, options: &Options) -> Result<Report> {
    let home = start_folder(globals)?;
    let mut files = Vec::new();
    let (mut wishes, mut left, mut notes): (Vec<Wish>, Vec<Left>, Vec<String>) = (Vec::new(), Vec::new(), Vec::new());
    for name in &options.files {
        let path = system::absolute(name)?;
        let page = Page::read(path.clone(), name.clone())?;
        let format = options.format.map_or_else(|| format_of(&page), Ok)?;
        let lock = if format == Format::Composer { beside(&path, name)? } else { None };
        let sheet = read(&page, format, lock.as_ref())?;
        files.push(Source { path: name.display().to_string(), format });
        // A path of theirs starts at their file.
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        wishes.extend(sheet.wishes.into_iter().map(|wish| located(wish, &folder, &home)));
        left.extend(sheet.left);
        notes.extend(sheet.notes.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
    }
    if wishes.is_empty() {
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.path)).collect();
        let error = Error::new(ErrorKind::Invalid, format!("nothing in {} can be carried over", names.join(", ")));
        let error = left.iter().take(20).fold(error, |error, left| error.note(format!("{}:{}: {}", left.file, left.line, left.reason)));
        return Err(notes.into_iter().fold(error, Error::hint));
    }
    let written = write::write(globals, &home, wishes, &mut left)?;
    left.sort_by(|a, b| {
        let place = |left: &Left| (files.iter().position(|file| file.path == left.file), left.line);
        place(a).cmp(&place(b))
    });
    Ok(Report {
        schema: "greffon/import/1",
        manifest: written.path.display().to_string(),
        created: written.created,
        dry_run: globals.dry_run,
        files,
        elements: written.elements,
        left,
        notes,
    })
}

fn read<'a>(page: &'a Page, format: Format, lock: Option<&'a Page>) -> Result<Sheet<'a>> {
    match format {
        Format::Mcm => mcm::read(page),
        Format::Gitplugins => gitplugins::read(page),
        Format::Gitmodules => gitmodules::read(page),
        Format::Composer => composer::read(page, lock),
    }
}

fn beside(path: &Path, name: &Path) -> Result<Option<Page>> {
    let (there, shown) = (path.with_file_name("composer.lock"), name.with_file_name("composer.lock"));
    match crate::sys::fs::kind(&there)? {
        Some(crate::sys::fs::PathKind::File { .. }) => Page::read(there, shown).map(Some),
        _ => Ok(None),
    }
}

fn located(mut wish: Wish, folder: &Path, home: &Path) -> Wish {
    if folder != home {
        wish.patches.iter_mut().for_each(|patch| *patch = folder.join(&*patch).to_string_lossy().into_owned());
    }
    match &mut wish.source {
        crate::model::Source::Path { path, .. } => *path = folder.join(&path),
        crate::model::Source::Git { git, .. } if !git.contains(':') && !git.starts_with('/') => {
            *git = folder.join(&*git).to_string_lossy().into_owned();
        }
        _ => {}
    }
    wish
}

/// What a file is, by its name, else by how it begins.
fn format_of(page: &Page) -> Result<Format> {
    let name = page.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name == "composer.lock" {
        return Err(Error::new(ErrorKind::Invalid, "`composer.lock` says what was installed, not what is wanted")
            .hint("name the `composer.json` beside it; the lockfile is read with it"));
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let begins = page.text.trim_start();
    match (name.as_str(), extension) {
        (".gitmodules", _) => Ok(Format::Gitmodules),
        (_, "json") => Ok(Format::Composer),
        (_, "yml" | "yaml") => Ok(Format::Mcm),
        _ if name.contains("gitplugins") || begins.starts_with("<?php") => Ok(Format::Gitplugins),
        _ if begins.starts_with('{') => Ok(Format::Composer),
        _ if begins.starts_with("[submodule") => Ok(Format::Gitmodules),
        _ if begins.lines().any(|line| matches!(line.trim_end(), "moodle:" | "plugins:")) => Ok(Format::Mcm),
        _ => Err(Error::new(ErrorKind::Invalid, format!("`{}` is none of the files that greffon reads", page.path.display()))
            .hint("it reads mcm's project files, gitplugins.conf, .gitmodules and composer.json; `--from` says which one it is")),
    }
}
