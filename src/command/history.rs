//! `history`: the generations of a site; `mark`, `prune`, `pack`.

use serde::Serialize;

use super::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::WantedSite;
use crate::site::Generation;

/// What `history` may be told.
#[derive(Debug, Clone, Default)]
pub enum Options {
    /// List.
    #[default]
    List,
    /// Name a generation; the one in place when none is given.
    Mark {
        /// Its name.
        name: String,
        /// Which.
        generation: Option<u64>,
    },
    /// Drop all but the newest so many, and the marked.
    Prune {
        /// How many stay; the site's `keep` when not given.
        keep: Option<u32>,
    },
    /// Make `history.git` independent of the stock.
    Pack,
}

/// The generations of the chosen sites after what was done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/history/1`.
    pub schema: &'static str,
    /// One a site.
    pub sites: Vec<SiteHistory>,
}

/// One site's generations.
#[derive(Debug, Clone, Serialize)]
pub struct SiteHistory {
    /// Its name.
    pub name: String,
    /// Its bare repository, for plain git.
    pub repository: String,
    /// Newest first.
    pub generations: Vec<GenerationLine>,
    /// Numbers that were dropped.
    pub dropped: Vec<u64>,
}

/// One generation.
#[derive(Debug, Clone, Serialize)]
pub struct GenerationLine {
    /// 1, 2, 3 …
    pub number: u64,
    /// When.
    pub time: String,
    /// What changed.
    pub message: String,
    /// Its name.
    pub mark: Option<String>,
    /// The commit in the site's `history.git`.
    pub commit: String,
    /// The composed tree.
    pub tree: String,
    /// Whether it is in place.
    pub current: bool,
}

/// Lists, marks, prunes or packs.
///
/// # Errors
/// As [`crate::site::Site`]'s methods.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let writing = !matches!(options, Options::List);
    let mut sites = Vec::new();
    for wanted in workspace.chosen(writing)? {
        sites.push(one(workspace, wanted, options)?);
    }
    Ok(Report { schema: "greffon/history/1", sites })
}

fn one(workspace: &Workspace, wanted: &WantedSite, options: &Options) -> Result<SiteHistory> {
    let site = workspace.site(wanted)?;
    let cx = &workspace.machine.cx;
    let current = site.current()?.map(|generation| generation.number);
    let mut dropped = Vec::new();
    match options {
        Options::List => {}
        Options::Prune { .. } if workspace.globals.dry_run => dropped = site.would_prune(how_many(wanted, options)?)?,
        _ if workspace.globals.dry_run => {}
        Options::Mark { name, generation } => {
            let number = generation.or(current).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("site `{}` has no generation yet", wanted.name)))?;
            site.mark(number, name)?;
        }
        Options::Prune { .. } => {
            dropped = site.prune(cx, how_many(wanted, options)?)?;
            if let Some(id) = site.id()? {
                for number in &dropped {
                    workspace.roles.stock.unpin(cx, &id, Some(*number))?;
                }
            }
        }
        Options::Pack => site.pack(cx)?,
    }
    let generations = site.generations()?.into_iter().map(|generation| line(generation, current)).collect();
    Ok(SiteHistory { name: wanted.name.clone(), repository: site.state().join("history.git").display().to_string(), generations, dropped })
}

/// How many generations stay.
fn how_many(wanted: &WantedSite, options: &Options) -> Result<u32> {
    let said = if let Options::Prune { keep } = options { *keep } else { None };
    said.or(wanted.keep).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("how many generations of site `{}` are to stay?", wanted.name))
            .hint("say `--keep N`, or `keep = N` in the site's table")
    })
}

fn line(generation: Generation, current: Option<u64>) -> GenerationLine {
    GenerationLine {
        current: current == Some(generation.number),
        number: generation.number,
        time: generation.time,
        message: generation.message,
        mark: generation.mark,
        commit: generation.commit.to_string(),
        tree: generation.tree.to_string(),
    }
}

impl Workspace {
    /// A generation of a site, by number or by mark.
    ///
    /// # Errors
    /// `NotFound`, saying which there are.
    pub fn generation(&self, wanted: &WantedSite, text: &str) -> Result<Generation> {
        let all = self.site(wanted)?.generations()?;
        let found =
            all.iter().find(|generation| generation.mark.as_deref() == Some(text) || text.parse::<u64>().is_ok_and(|number| number == generation.number));
        found.cloned().ok_or_else(|| {
            let known: Vec<String> = all.iter().map(|generation| generation.number.to_string()).collect();
            Error::new(ErrorKind::NotFound, format!("site `{}` has no generation `{}`", wanted.name, text.escape_debug())).hint(if known.is_empty() {
                "it has none yet".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            })
        })
    }
}
