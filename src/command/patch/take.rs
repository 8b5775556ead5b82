//! `patch drop`: a patch out of the manifest.

use std::path::Path;

use serde::Serialize;

use super::list::PatchState;
use super::written;
use crate::command::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::remove_patch;
use crate::sys::fs;

/// What `patch drop` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The element; `None`, with `contained`: all of them.
    pub name: Option<String>,
    /// Which of its patches: a file's name or number.
    pub patches: Vec<String>,
    /// All of them.
    pub all: bool,
    /// Those that every site's locked version has already.
    pub contained: bool,
    /// Leave the files where they are.
    pub keep_files: bool,
}

/// What was taken out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/patch-drop/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// Patches taken out of the manifest, as it wrote them.
    pub dropped: Vec<String>,
    /// Files that were deleted.
    pub deleted: Vec<String>,
}

/// Takes patches out of the manifest, and deletes their files where they lie in `patches/` beside it. A generation that they went
/// into keeps their text.
///
/// # Errors
/// `Usage` when it is not said which; `NotFound` for a patch that the element does not have.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let listed = super::list::run(workspace, options.name.as_deref())?.patches;
    let mut chosen: Vec<(crate::model::ElementId, String)> = Vec::new();
    if options.contained {
        for line in &listed {
            let everywhere = listed.iter().filter(|other| other.patch == line.patch).all(|other| other.state == PatchState::Contained);
            if everywhere {
                chosen.push((crate::model::ElementId::new(&line.r#type, &line.name)?, line.patch.clone()));
            }
        }
    } else {
        let Some(name) = &options.name else {
            return Err(Error::new(ErrorKind::Usage, "which patches? name the element, or say `--contained`"));
        };
        let id = workspace.known_element(name)?;
        let known: Vec<&str> = listed.iter().map(|line| line.patch.as_str()).collect();
        if known.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("{id} has no patches")).hint("`greffon patch list` shows those that there are"));
        }
        let one = known.iter().all(|patch| *patch == known[0]);
        if options.patches.is_empty() && !options.all && !one {
            return Err(known
                .iter()
                .fold(Error::new(ErrorKind::Usage, format!("{id} has several patches: which?")), |error, patch| error.note((*patch).to_owned()))
                .hint("name them by file or number, or say `--every`"));
        }
        for patch in &options.patches {
            if !known.iter().any(|known| means(patch, known)) {
                let error = Error::new(ErrorKind::NotFound, format!("{id} has no patch `{}`", patch.escape_debug()));
                return Err(known.iter().fold(error, |error, patch| error.note(format!("it has {patch}"))));
            }
        }
        let meant = |known: &&&str| options.patches.is_empty() || options.patches.iter().any(|patch| means(patch, known));
        chosen.extend(known.iter().filter(meant).map(|patch| (id.clone(), (*patch).to_owned())));
    }
    chosen.sort();
    chosen.dedup();
    let mut text = workspace.manifest.text.clone();
    let base = workspace.base();
    for (id, patch) in &chosen {
        let mut sites: Vec<&str> = workspace.chosen(false)?.iter().filter(|site| site.elements.contains_key(id)).map(|site| site.name.as_str()).collect();
        sites.dedup();
        for site in sites {
            text = remove_patch(&workspace.manifest.path, &text, id, &base.join(patch), site)?;
        }
    }
    let mut deleted = Vec::new();
    let still = crate::manifest::Manifest::parse(&workspace.manifest.path, text.clone())?;
    let used = |path: &Path| still.sites.iter().flat_map(|site| site.elements.values()).any(|element| element.patches.iter().any(|other| other == path));
    for (_, patch) in &chosen {
        let path = base.join(patch);
        if !options.keep_files && path.starts_with(base.join("patches")) && !used(&path) && fs::kind(&path)?.is_some() {
            deleted.push(written(&base, &path));
        }
    }
    if !workspace.globals.dry_run && text != workspace.manifest.text {
        workspace.write_manifest(&text)?;
        for patch in &deleted {
            fs::remove_file(&base.join(patch))?;
        }
    }
    Ok(Report { schema: "greffon/patch-drop/1", dry_run: workspace.globals.dry_run, dropped: chosen.into_iter().map(|(_, patch)| patch).collect(), deleted })
}

/// Whether a word means a patch: its path, its file's name with or without its end, or its number.
pub(super) fn means(word: &str, patch: &str) -> bool {
    let name = patch.rsplit('/').next().unwrap_or(patch);
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let number = name[..digits].parse::<u64>().ok();
    word == patch || word == name || Some(word) == name.strip_suffix(".patch") || word.parse::<u64>().is_ok_and(|word| Some(word) == number)
}
