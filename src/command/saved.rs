//! `saved`: files that were put aside, listed, put back, or dropped for good.

use serde::Serialize;

use super::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::WantedSite;
use crate::site::SavedFile;

/// What `saved` may be told.
#[derive(Debug, Clone, Default)]
pub enum Options {
    /// List.
    #[default]
    List,
    /// Put files back to where they were.
    Restore {
        /// Which.
        which: Which,
        /// Also where something newer stands, which is put aside in turn.
        replace: bool,
    },
    /// Delete files for good.
    Drop {
        /// Which.
        which: Which,
    },
}

/// Which of the saved files are meant.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Paths in the site; one that is a folder stands for all below it. None: see `all`.
    pub paths: Vec<String>,
    /// Only those of this run.
    pub run: Option<String>,
    /// All of them.
    pub all: bool,
}

/// The saved files of the chosen sites, and what was done to them.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/saved/1`.
    pub schema: &'static str,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// One a site.
    pub sites: Vec<SiteSaved>,
}

/// One site's.
#[derive(Debug, Clone, Serialize)]
pub struct SiteSaved {
    /// Its name.
    pub name: String,
    /// Where they lie.
    pub folder: String,
    /// Those that are there now, the latest run first.
    pub files: Vec<Line>,
    /// Those that were put back.
    pub restored: Vec<Line>,
    /// What stood there and was put aside in turn.
    pub replaced: Vec<String>,
    /// Those that were deleted.
    pub dropped: Vec<Line>,
}

/// One saved file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The run that put it aside: the number of the generation that it made.
    pub run: String,
    /// Its path in the site.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// Lists, restores or drops.
///
/// # Errors
/// `NotFound` for a file that was not put aside; `Usage` when it is not said which; `Site` for a path where something newer stands:
/// then nothing of that site was put back.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    let mut sites = Vec::new();
    for wanted in workspace.chosen(!matches!(options, Options::List))? {
        sites.push(one(workspace, wanted, options)?);
    }
    Ok(Report { schema: "greffon/saved/1", dry_run: workspace.globals.dry_run, sites })
}

fn one(workspace: &Workspace, wanted: &WantedSite, options: &Options) -> Result<SiteSaved> {
    let site = workspace.site(wanted)?;
    let cx = &workspace.machine.cx;
    let mut all = site.saved()?;
    all.sort_by(|a, b| order(&b.run).cmp(&order(&a.run)).then_with(|| a.path.cmp(&b.path)));
    let mut report = SiteSaved {
        name: wanted.name.clone(),
        folder: site.state().join("saved").display().to_string(),
        files: Vec::new(),
        restored: Vec::new(),
        replaced: Vec::new(),
        dropped: Vec::new(),
    };
    match options {
        Options::List => {}
        Options::Restore { which, replace } => {
            let chosen = newest_each(choose(&all, which, wanted)?);
            let newer = site.newer_than_record(cx, &chosen)?;
            if !newer.is_empty() && !replace {
                return Err(in_the_way(wanted, &newer));
            }
            for file in &chosen {
                if !workspace.globals.dry_run && site.restore_saved(cx, file, *replace)? {
                    report.replaced.push(file.path.clone());
                }
                report.restored.push(line(file));
            }
        }
        Options::Drop { which } => {
            for file in choose(&all, which, wanted)? {
                if !workspace.globals.dry_run {
                    site.drop_saved(cx, &file)?;
                }
                report.dropped.push(line(&file));
            }
        }
    }
    let gone = |file: &SavedFile| !workspace.globals.dry_run && report.restored.iter().chain(&report.dropped).any(|line| line.is(file));
    report.files = all.iter().filter(|file| !gone(file)).map(line).collect();
    Ok(report)
}

/// Runs are numbers, or numbers with a word behind them.
fn order(run: &str) -> (u64, &str) {
    let digits = run.bytes().take_while(u8::is_ascii_digit).count();
    (run[..digits].parse().unwrap_or(0), &run[digits..])
}

fn line(file: &SavedFile) -> Line {
    Line { run: file.run.clone(), path: file.path.clone(), size: file.size }
}

impl Line {
    fn is(&self, file: &SavedFile) -> bool {
        self.run == file.run && self.path == file.path
    }
}

/// The files that are meant; every path that was named must mean one.
fn choose(all: &[SavedFile], which: &Which, wanted: &WantedSite) -> Result<Vec<SavedFile>> {
    let of_run = |file: &&SavedFile| which.run.as_ref().is_none_or(|run| *run == file.run);
    if which.paths.is_empty() {
        if !which.all && which.run.is_none() {
            return Err(Error::new(ErrorKind::Usage, "which of the saved files?")
                .hint("name their paths as `greffon saved list` shows them, or say `--run N` or `--everything`"));
        }
        let chosen: Vec<SavedFile> = all.iter().filter(of_run).cloned().collect();
        return match (&which.run, chosen.is_empty()) {
            (Some(run), true) => Err(nothing(wanted, &format!("by run {}", run.escape_debug()))),
            _ => Ok(chosen),
        };
    }
    let mut chosen: Vec<SavedFile> = Vec::new();
    for path in &which.paths {
        let path = path.trim_end_matches('/');
        let meant = |file: &&SavedFile| file.path == path || file.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let before = chosen.len();
        chosen.extend(all.iter().filter(of_run).filter(meant).cloned());
        if chosen.len() == before {
            return Err(nothing(wanted, &format!("at `{}`", path.escape_debug())));
        }
    }
    chosen.dedup();
    Ok(chosen)
}

/// A path that several runs put aside is put back as the latest of them had it.
fn newest_each(files: Vec<SavedFile>) -> Vec<SavedFile> {
    let mut chosen: Vec<SavedFile> = Vec::new();
    for file in files {
        match chosen.iter_mut().find(|other| other.path == file.path) {
            Some(other) if order(&other.run) < order(&file.run) => *other = file,
            Some(_) => {}
            None => chosen.push(file),
        }
    }
    chosen
}

fn nothing(wanted: &WantedSite, what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("nothing of site `{}` was put aside {what}", wanted.name)).hint("`greffon saved list` shows what there is")
}

fn in_the_way(wanted: &WantedSite, newer: &[String]) -> Error {
    let what = if newer.len() == 1 { "1 file".to_owned() } else { format!("{} files", newer.len()) };
    let error = Error::new(ErrorKind::Site, format!("{what} of site `{}` would be overwritten that nobody has a copy of; nothing was put back", wanted.name));
    let error = newer.iter().take(20).fold(error, |error, path| error.note(format!("newer: {path}")));
    error.hint("`--replace` puts them aside in turn")
}
